use stresshost_metrics::{Audit, AuditCheck, LeftOut};
use stresshost_report::{Options, audit_text};
use unicode_width::UnicodeWidthStr;

fn check(what: &str, expected: &str, reported: &str) -> AuditCheck {
    AuditCheck {
        what: what.to_owned(),
        expected: expected.to_owned(),
        reported: reported.to_owned(),
        ok: expected == reported,
    }
}

fn audit() -> Audit {
    Audit {
        checks: vec![
            check("due = started + dropped, of every scenario", "4 of 4", "4 of 4"),
            check("percentiles in order", "112 of 112", "112 of 112"),
        ],
        compared: 12_480,
        unlisted: 0,
        left_out: vec![LeftOut {
            what: "findings".to_owned(),
            reason: "the plugin reports them and the log does not hold them".to_owned(),
        }],
    }
}

#[test]
fn a_true_summary() {
    insta::assert_snapshot!(audit_text(&audit(), &Options::default()), @r"
    HOLDS  12,480 values computed again from the raw record: the summary is as it must be.

      what holds                                  reported
      due = started + dropped, of every scenario  4 of 4
      percentiles in order                        112 of 112

    Not computed again
      - findings: the plugin reports them and the log does not hold them
    ");
}

#[test]
fn a_summary_that_was_changed() {
    let mut audit = audit();
    audit.checks.push(check("operations[0].response_us.p99 of `GET /search`", "91100", "19100"));
    audit.unlisted = 7;
    insta::assert_snapshot!(audit_text(&audit, &Options::default()), @r"
    DOES NOT HOLD  12,480 values computed again from the raw record: 8 not as it must be.

    What does not hold
      - operations[0].response_us.p99 of `GET /search`
        must be 91100
        reported 19100
      .. and 7 more

      what holds                                  reported
      due = started + dropped, of every scenario  4 of 4
      percentiles in order                        112 of 112

    Not computed again
      - findings: the plugin reports them and the log does not hold them
    ");
}

#[test]
fn hostile_names_are_only_text() {
    let mut audit = audit();
    let hostile = "\u{1b}[2Jx\n\u{202e}".repeat(90);
    audit.checks.push(check(&hostile, &hostile, "other"));
    audit.checks.push(check(&hostile, &hostile, &hostile));
    audit.left_out[0].reason.clone_from(&hostile);
    for line in audit_text(&audit, &Options::default()).lines() {
        assert!(line.width() <= 100 && !line.chars().any(char::is_control), "{line:?}");
    }
}
