use stresshost_metrics::compare::{
    Change, CompareOptions, Comparison, Effect, Interval, MetricComparison, OperationComparison, OperationKey,
};
use stresshost_report::{Options, compare_text};
use unicode_width::UnicodeWidthStr;

fn key(name: &str, scenario: &str, phase: &str) -> OperationKey {
    OperationKey {
        phase: phase.to_owned(),
        plugin: String::new(),
        scenario: scenario.to_owned(),
        name: name.to_owned(),
        protocol: "http".to_owned(),
    }
}

fn metric(metric: &'static str, unit: &'static str, a: f64, b: f64, change: Change) -> MetricComparison {
    let effect = |estimate: f64, spread: f64| {
        let interval = Interval { low: estimate - spread, high: estimate + spread };
        Effect { estimate, interval: (change != Change::TooShort).then_some(interval) }
    };
    MetricComparison {
        metric,
        unit,
        a,
        b,
        relative: (a > 0.0).then(|| effect(b / a - 1.0, 0.031)),
        absolute: effect(b - a, (b + a) * 0.015),
        change,
    }
}

fn operation(key: OperationKey, metrics: Vec<MetricComparison>) -> OperationComparison {
    OperationComparison { key, batches_a: 60, batches_b: 58, metrics }
}

fn comparison() -> Comparison {
    use Change::{Better, Same, TooShort, Worse};
    Comparison {
        options: CompareOptions::default(),
        confidence: 0.95,
        operations: vec![
            operation(
                key("GET /products/:id", "browse", "peak"),
                vec![
                    metric("response_us.p50", "us", 1_190.0, 1_200.0, Same),
                    metric("response_us.p90", "us", 2_380.0, 2_390.0, Same),
                    metric("response_us.p95", "us", 3_570.0, 4_420.0, Worse),
                    metric("response_us.p99", "us", 36_900.0, 38_400.0, Worse),
                    metric("service_us.mean", "us", 1_500.0, 1_200.0, Better),
                    metric("errors.rate", "ratio", 0.0, 0.012, Worse),
                    metric("rate_per_s", "per_s", 473.0, 472.6, Same),
                ],
            ),
            operation(
                key("POST /checkout", "buy", "peak"),
                vec![metric("response_us.p50", "us", 5_600.0, 5_900.0, TooShort)],
            ),
        ],
        only_in_a: vec![key("GET /old", "browse", "warm")],
        only_in_b: vec![key("GET /new", "browse", "")],
        warnings: vec!["the plugin's version differs: `0.1.0` in A, `0.2.0` in B".to_owned()],
    }
}

#[test]
fn a_gate_that_fails() {
    insta::assert_snapshot!(compare_text(&comparison(), Some(0.05), &Options::default()));
}

#[test]
fn a_row_fits_on_a_hundred_columns() {
    let text = compare_text(&comparison(), Some(0.05), &Options::default());
    let row = text.lines().find(|line| line.contains("errors.rate") && line.ends_with("REGRESSION"));
    assert!(row.is_some_and(|row| row.contains("+1.18pp to +1.22pp")), "{text}");
}

#[test]
fn without_a_gate() {
    let text = compare_text(&comparison(), None, &Options::default());
    assert!(
        text.starts_with("WORSE AND BETTER  3 worse, 1 better, 3 the same, 1 without an answer"),
        "{text}"
    );
    assert!(!text.to_lowercase().contains("regression"), "{text}");
}

#[test]
fn the_first_word_is_the_answer() {
    use Change::{Better, Same, TooShort, Worse};
    let table: [(&[Change], Option<f64>, &str); 9] = [
        (&[], None, "NOTHING IN COMMON"),
        (&[TooShort], Some(0.05), "TOO SHORT TO SAY"),
        (&[Same, Same], None, "SAME"),
        (&[Same, Better], None, "BETTER"),
        (&[Same, Worse], None, "WORSE"),
        (&[Worse, Better], None, "WORSE AND BETTER"),
        // What is worse by 10% is a regression of more than 5%, not of more than 20%.
        (&[Worse], Some(0.05), "REGRESSION"),
        (&[Worse], Some(0.2), "NO REGRESSION"),
        (&[Better], Some(0.05), "NO REGRESSION"),
    ];
    for (changes, regression, word) in table {
        let metrics = changes.iter().map(|change| metric("rate_per_s", "per_s", 100.0, 110.0, *change));
        let mut comparison = comparison();
        comparison.operations = vec![operation(key("op", "main", ""), metrics.collect())];
        let text = compare_text(&comparison, regression, &Options::default());
        assert!(text.starts_with(&format!("{word}  ")), "{changes:?}: {text}");
    }
}

#[test]
fn hostile_names_and_numbers_are_only_text() {
    let hostile = "\u{1b}[2Jx\n\u{202e}".repeat(90);
    let mut comparison = comparison();
    for op in &mut comparison.operations {
        op.key = key(&hostile, &hostile, &hostile);
        op.metrics[0].a = f64::NAN;
        op.metrics[0].absolute.estimate = f64::INFINITY;
        op.metrics[0].relative = None;
    }
    comparison.only_in_a[0].name.clone_from(&hostile);
    comparison.warnings.push(hostile);
    for width in [60, 100] {
        let text = compare_text(&comparison, Some(0.0), &Options { width, color: false });
        for line in text.lines() {
            assert!(line.width() <= width && !line.chars().any(char::is_control), "{line:?}");
        }
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}

#[test]
fn a_thousand_operations_stay_readable() {
    let mut comparison = comparison();
    comparison.operations = vec![comparison.operations[0].clone(); 1_000];
    let text = compare_text(&comparison, Some(0.05), &Options::default());
    assert!(text.lines().count() < 550, "{} lines", text.lines().count());
    assert!(text.contains(".. and 1,980 more\n"), "regressions that are not listed are counted");
    assert!(text.contains("more rows, in the JSON form"));
}
