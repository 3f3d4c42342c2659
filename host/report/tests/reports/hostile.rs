//! Names and messages come from plugins and servers, and mean harm until shown otherwise.

use proptest::prelude::*;
use stresshost_metrics::{Percentiles, Score, Summary, ThresholdResult};
use stresshost_plan::Analysis;
use stresshost_report::{Format, Options};
use unicode_width::UnicodeWidthStr;

use crate::{parse, report, sample};

/// Puts `text` into every field that holds text from outside.
fn infest(summary: &mut Summary, analysis: &mut Analysis, text: &str) {
    let put = |field: &mut String| text.clone_into(field);
    let run = &mut summary.run;
    for field in [&mut run.id, &mut run.name, &mut run.started, &mut run.targets[0], &mut run.plugin.name] {
        put(field);
    }
    for field in [&mut run.plugin.version, &mut run.plugin.digest, &mut run.host.os, &mut run.host.version] {
        put(field);
    }
    summary.verdict.reasons.iter_mut().for_each(put);
    summary.notes.iter_mut().for_each(put);
    summary.findings.push(serde_json::json!({ text: text }));
    for scenario in &mut summary.scenarios {
        for field in [&mut scenario.name, &mut scenario.load, &mut scenario.phase, &mut scenario.plugin] {
            put(field);
        }
    }
    for op in &mut summary.operations {
        put(&mut op.name);
        put(&mut op.protocol);
        put(&mut op.scenario);
        put(&mut op.phase);
        put(&mut op.plugin);
        op.errors.insert(text.to_owned(), 3);
        op.statuses.insert(text.to_owned(), 3);
        op.phases_us.insert(text.to_owned(), Percentiles::default());
    }
    infest_objectives(summary, text);
    summary.checks.iter_mut().for_each(|check| put(&mut check.name));
    for metric in &mut summary.metrics {
        put(&mut metric.name);
        put(&mut metric.unit);
    }
    for fault in &mut summary.faults {
        put(&mut fault.plugin);
        put(&mut fault.during);
        put(&mut fault.text);
    }
    for reached in &mut summary.limits {
        put(&mut reached.plugin);
        put(&mut reached.limit);
        put(&mut reached.meaning);
    }
    summary.generator.plugins.iter_mut().for_each(|plugin| put(&mut plugin.name));
    for failure in &mut summary.failures {
        put(&mut failure.operation);
        put(&mut failure.scenario);
        put(&mut failure.kind);
        put(&mut failure.text);
    }
    for finding in &mut analysis.findings {
        for field in
            [&mut finding.severity, &mut finding.message, &mut finding.location, &mut finding.evidence]
        {
            put(field);
        }
    }
    for advice in &mut analysis.recommendations {
        put(&mut advice.message);
        put(&mut advice.because);
    }
    for section in &mut analysis.sections {
        put(&mut section.title);
        section.text.iter_mut().for_each(put);
        section.table.iter_mut().flatten().for_each(put);
    }
}

fn infest_objectives(summary: &mut Summary, text: &str) {
    let put = |field: &mut String| text.clone_into(field);
    let objective = |threshold: &mut ThresholdResult| {
        for field in [
            &mut threshold.expression,
            &mut threshold.label,
            &mut threshold.phase,
            &mut threshold.plugin,
            &mut threshold.comparison,
            &mut threshold.unit,
            &mut threshold.reason,
        ] {
            text.clone_into(field);
        }
    };
    summary.thresholds.iter_mut().for_each(objective);
    for phase in &mut summary.phases {
        put(&mut phase.name);
        put(&mut phase.description);
        put(&mut phase.reason);
        phase.depends_on.iter_mut().for_each(put);
        phase.criteria.iter_mut().for_each(objective);
    }
}

fn infested(text: &str) -> (Summary, Analysis) {
    // The phased sample has what the plain one lacks, and the other way round.
    let (plain, phased) = (sample::summary(), sample::phased());
    let (phases, score, verdict, generator) = (phased.phases, phased.score, phased.verdict, phased.generator);
    let thresholds = [plain.thresholds.clone(), phased.thresholds].concat();
    let operations = [plain.operations.clone(), phased.operations].concat();
    let scenarios = [plain.scenarios.clone(), phased.scenarios].concat();
    let mut summary =
        Summary { phases, score, verdict, generator, thresholds, operations, scenarios, ..plain };
    let mut analysis = sample::analysis();
    infest(&mut summary, &mut analysis, text);
    (summary, analysis)
}

/// The elements of a page: hostile text must never add one.
fn elements(page: &str) -> usize {
    parse(page).descendants().filter(roxmltree::Node::is_element).count()
}

fn check(text: &str) {
    let options = Options { width: 80, color: false };
    let (summary, analysis) = infested(text);
    let (harmless, harmless_analysis) = infested("harmless");
    for format in [Format::Html, Format::Junit] {
        let page = report(format, &summary, Some(&analysis), &options);
        let expected = report(format, &harmless, Some(&harmless_analysis), &options);
        if !text.trim().is_empty() {
            assert_eq!(elements(&page), elements(&expected), "{format:?} of {text:?}");
        } else {
            parse(&page);
        }
    }
    let plain = report(Format::Text, &summary, Some(&analysis), &options);
    for line in plain.lines() {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(line.width() <= 80, "{} columns: {line}", line.width());
    }
    let json = report(Format::Json, &summary, Some(&analysis), &options);
    assert_eq!(serde_json::from_str::<Summary>(&json).expect("valid"), summary);
    let sarif = report(Format::Sarif, &summary, Some(&analysis), &options);
    crate::sarif::check(&sarif);
}

#[test]
fn markup_and_controls_are_only_text() {
    let table = [
        "<script>alert(1)</script>",
        "]]>",
        "-->",
        "</title></style></script><img src=x onerror=alert(1)>",
        "\" onload=\"alert(1)",
        "' x='&quot;&#0;&nbsp;",
        "\u{1b}[2J\u{1b}]0;title\u{7}",
        "\0\u{1}\u{b}\u{7f}\u{85}\u{fffe}\u{ffff}",
        "\u{202e}reversed\u{2066}",
        "名前が長い日本語の操作",
        "%s{}{{0}}\\n",
    ];
    for text in table {
        check(text);
    }
}

#[test]
fn huge_names_stay_in_their_place() {
    check(&"n".repeat(10_000));
    check(&"words of a name ".repeat(500));
}

#[test]
fn hostile_text_is_shown_as_it_is() {
    let (summary, _) = infested("<script>]]>&");
    for format in [Format::Html, Format::Junit] {
        let page = report(format, &summary, None, &Options::default());
        let document = parse(&page);
        let shown =
            document.descendants().filter_map(|node| node.text()).any(|text| text.contains("<script>]]>&"));
        assert!(shown, "{format:?}");
    }
}

#[test]
fn numbers_beyond_reason_break_nothing() {
    let huge = Percentiles {
        count: u64::MAX,
        min: u64::MAX,
        mean: f64::INFINITY,
        p50: u64::MAX,
        p90: 0,
        p95: 1,
        p99: u64::MAX,
        p999: 0,
        max: u64::MAX,
    };
    let mut summary = sample::summary();
    summary.phases = sample::phased().phases;
    for (index, phase) in summary.phases.iter_mut().enumerate() {
        phase.started_s = [Some(f64::NAN), Some(f64::NEG_INFINITY), Some(1e300), Some(3.0)][index % 4];
        phase.duration_s = [f64::NAN, f64::INFINITY, -1e300, -5.0][index % 4];
    }
    summary.score = Some(Score { met: f64::NAN, of: 0.0, required: f64::INFINITY });
    summary.thresholds[1].worst_t_s = Some(f64::NAN);
    summary.thresholds[1].weight = f64::NAN;
    summary.thresholds[1].limit = f64::NAN;
    if let Some(all) = &mut summary.overall {
        (all.count, all.errors, all.response_us) = (0, u64::MAX, Some(huge));
    }
    summary.generator = sample::phased().generator;
    summary.generator.own_lag_p99_us = u64::MAX;
    summary.generator.limited_s = f64::INFINITY;
    summary.generator.plugins[0].core_share = f64::NAN;
    summary.generator.plugins[1].core_share = -1e300;
    summary.scenarios[0].duration_s = 1e-320;
    for op in &mut summary.operations {
        op.count = u64::MAX;
        op.rate_per_s = f64::NAN;
        op.errors.values_mut().for_each(|count| *count = u64::MAX);
        op.response_us = Some(huge);
        op.service_us = Some(Percentiles::default());
    }
    for (index, point) in summary.series.iter_mut().enumerate() {
        point.response_us = Some(huge);
        point.fired = u64::MAX;
        match index % 4 {
            0 => point.width_s = 0.0,
            1 => point.t_s = f64::NAN,
            2 => point.t_s = 1e300,
            _ => point.t_s = f64::NEG_INFINITY,
        }
    }
    summary.limits[0].count = u64::MAX;
    summary.checks[0].passed = u64::MAX;
    summary.scenarios[0].iterations.started = u64::MAX;
    summary.scenarios[0].iterations.dropped = u64::MAX;
    summary.scenarios[1].iterations.failed = u64::MAX;
    summary.run.duration_s = f64::NAN;
    summary.thresholds[0].actual = Some(f64::INFINITY);
    for format in [Format::Html, Format::Junit] {
        let page = report(format, &summary, None, &Options::default());
        parse(&page);
        assert!(!page.contains("NaN"), "{format:?}");
    }
    let text = report(Format::Text, &summary, None, &Options::default());
    assert!(text.contains("18,446,744,073,709,551,615"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_a_report(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn no_mix_of_markup_breaks_a_report(text in "[<>&\"'\\]\\-!/a \u{0}-\u{1f}]{0,24}") {
        check(&text);
    }
}
