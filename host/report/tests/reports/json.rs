use stresshost_metrics::Summary;
use stresshost_report::{Format, Options};

use crate::{report, sample};

#[test]
fn what_is_read_back_equals_what_was_written() {
    let mut odd = sample::summary();
    // Numbers that a careless reader rounds.
    odd.run.duration_s = 0.1 + 0.2;
    odd.generator.cpu_share = 1.0 / 3.0;
    odd.run.seed = u64::MAX;
    odd.operations[0].rate_per_s = 2.225_073_858_507_201e-308;
    for summary in [sample::summary(), sample::phased(), sample::empty(), odd] {
        let text = report(Format::Json, &summary, Some(&sample::analysis()), &Options::default());
        let read: Summary = serde_json::from_str(&text).expect("valid");
        assert_eq!(read, summary);
    }
}

#[test]
fn fields_stand_in_the_order_of_their_types() {
    let text = report(Format::Json, &sample::phased(), None, &Options::default());
    let top: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("  \"")?.split('"').next()).collect();
    let expected = [
        "schema",
        "run",
        "verdict",
        "scenarios",
        "operations",
        "overall",
        "phases",
        "thresholds",
        "score",
        "checks",
        "findings",
        "metrics",
        "generator",
        "faults",
        "limits",
        "series",
        "failures",
        "notes",
    ];
    assert_eq!(top, expected);
    assert!(text.ends_with("}\n"));
}
