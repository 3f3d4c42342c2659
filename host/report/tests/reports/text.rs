use stresshost_report::{Format, Options};
use unicode_width::UnicodeWidthStr;

use crate::{report, sample};

fn text(width: usize) -> String {
    text_of(&sample::summary(), width)
}

fn text_of(summary: &stresshost_metrics::Summary, width: usize) -> String {
    let options = Options { width, color: false };
    report(Format::Text, summary, Some(&sample::analysis()), &options)
}

#[test]
fn wide() {
    insta::assert_snapshot!(text(120));
}

#[test]
fn phases_and_an_invalid_run() {
    let options = Options { width: 110, color: false };
    insta::assert_snapshot!(report(Format::Text, &sample::phased(), None, &options));
}

#[test]
fn narrow() {
    insta::assert_snapshot!(text(60));
}

#[test]
fn nothing_ran() {
    insta::assert_snapshot!(report(Format::Text, &sample::empty(), None, &Options::default()));
}

#[test]
fn what_each_of_several_plugins_used_is_told_and_only_then() {
    let generator = |summary: &stresshost_metrics::Summary| {
        let text = report(Format::Text, summary, None, &Options { width: 160, color: false });
        text.split("\n\n").find(|part| part.starts_with("Generator")).expect("is there").to_owned()
    };
    let mut two = sample::phased();
    let said = generator(&two);
    assert!(said.contains("(31.4 CPU s, about 7.9 of them in the plugins)"), "{said}");
    let each =
        "\n  - devstress: about 6.1 CPU s, 10.2% of a core\n  - sqlstress: about 1.8 CPU s, 3.00% of a core";
    assert!(said.ends_with(each), "{said}");
    two.generator.guest_cpu_s = 31.5;
    let said = generator(&two);
    assert!(said.contains("(31.4 CPU s, about 31.5 in the plugins)"), "more than all is no part: {said}");
    for known in [1, 0] {
        two.generator.plugins.truncate(known);
        two.generator.guest_cpu_s = 7.9;
        let said = generator(&two);
        assert!(said.contains("about 7.9 of them in the plugin)") && !said.contains("of a core"), "{said}");
    }
}

#[test]
fn limits_reached_are_lines_that_no_name_breaks() {
    let mut summary = sample::summary();
    summary.limits[1].plugin = "\u{1b}[2Jevil\nFAIL".to_owned();
    let text = report(Format::Text, &summary, None, &Options { width: 100, color: false });
    let section = text.split("\n\n").find(|part| part.starts_with("Limits reached")).expect("is there");
    let rows: Vec<Vec<_>> = section.lines().skip(2).map(|line| line.split_whitespace().collect()).collect();
    let expected = [
        vec!["devstress", "log-lines", "1,234", "log", "lines", "not", "shown"],
        vec!["\u{fffd}[2Jevil", "FAIL", "artifacts", "3", "artifacts", "refused"],
    ];
    assert_eq!(rows, expected, "{section}");
}

#[test]
fn one_quiet_operation() {
    let mut summary = sample::empty();
    let full = sample::summary();
    summary.scenarios.push(full.scenarios[0].clone());
    let mut op = full.operations[0].clone();
    op.errors.clear();
    op.phases_us.clear();
    op.response_us = op.service_us;
    summary.operations.push(op);
    let text = report(Format::Text, &summary, None, &Options::default());
    assert!(!text.contains("queueing"), "response is service here: {text}");
    assert!(!text.contains("scenario"), "there is only one: {text}");
    for absent in [
        "Errors",
        "Phases",
        "Where the service time went",
        "Checks",
        "Thresholds",
        "Warm-up",
        "Plugin faults",
        "Limits reached",
        "Notes",
        "Findings",
    ] {
        assert!(!text.lines().any(|line| line.starts_with(absent)), "{absent} in {text}");
    }
}

#[test]
fn lines_never_exceed_the_width() {
    for width in [0, 60, 61, 77, 80, 99, 100, 131, 160, 500] {
        let held = width.clamp(Options::MIN_WIDTH, Options::MAX_WIDTH);
        let phased = text_of(&sample::phased(), width);
        for line in text(width).lines().chain(phased.lines()) {
            assert!(line.width() <= held, "{} of {held} columns: {line}", line.width());
            assert_eq!(line.trim_end(), line);
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    let options = Options { width: 100, color: true };
    let coloured = report(Format::Text, &sample::summary(), Some(&sample::analysis()), &options);
    let mut plain = String::new();
    for (index, part) in coloured.split('\u{1b}').enumerate() {
        plain.push_str(if index == 0 { part } else { part.split_once('m').expect("an SGR escape").1 });
    }
    assert!(coloured.contains("\u{1b}["), "{coloured}");
    assert_eq!(plain, text(100));
}

#[test]
fn accounting_that_does_not_add_up_says_so() {
    let mut summary = sample::summary();
    summary.scenarios[1].iterations.dropped += 1;
    let text = report(Format::Text, &summary, None, &Options::default());
    assert!(text.contains("due 3,000 != started 2,990 + dropped 11"), "{text}");
}
