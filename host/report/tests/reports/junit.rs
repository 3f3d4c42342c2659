use serde_json::json;
use stresshost_metrics::VerdictStatus;
use stresshost_report::{Format, Options};

use crate::{parse, report, sample};

fn junit(summary: &stresshost_metrics::Summary) -> String {
    report(Format::Junit, summary, None, &Options::default())
}

/// Suite, case and what became of it.
fn cases(document: &str) -> Vec<(String, String, &'static str)> {
    let parsed = parse(document);
    let case = |node: roxmltree::Node<'_, '_>| {
        let child = |name: &str| node.children().any(|child| child.has_tag_name(name));
        let outcome = match (child("failure"), child("error"), child("skipped")) {
            (true, false, false) => "failure",
            (false, true, false) => "error",
            (false, false, true) => "skipped",
            (false, false, false) => "passed",
            _ => "several",
        };
        let attribute = |name| node.attribute(name).expect("is there").to_owned();
        (attribute("classname"), attribute("name"), outcome)
    };
    parsed.descendants().filter(|node| node.has_tag_name("testcase")).map(case).collect()
}

#[test]
fn suites_cases_and_outcomes() {
    let document = junit(&sample::summary());
    let cases = cases(&document);
    let cases: Vec<_> =
        cases.iter().map(|(suite, name, outcome)| (suite.as_str(), name.as_str(), *outcome)).collect();
    let expected = [
        ("verdict", "verdict", "failure"),
        ("scenario browse", "iterations", "passed"),
        ("scenario browse", "GET /products/:id", "passed"),
        ("scenario browse", "GET /search", "passed"),
        ("scenario buy", "iterations", "passed"),
        ("scenario buy", "POST /cart", "passed"),
        ("scenario buy", "POST /checkout", "passed"),
        ("checks", "status is 200", "failure"),
        ("checks", "order has an id", "failure"),
        ("checks", "body under 64 KiB", "passed"),
        ("thresholds", "http.response_us{operation=GET /products/:id}.p99 < 25ms", "failure"),
        ("thresholds", "http.errors.rate < 1%", "passed"),
        ("thresholds", "http.response_us{operation=GET /admin}.p95 < 1s", "error"),
        ("findings", "finding", "passed"),
    ];
    assert_eq!(cases, expected);
    let parsed = parse(&document);
    let root = parsed.root_element();
    assert_eq!(
        ["tests", "failures", "errors", "time"].map(|name| root.attribute(name)),
        [Some("14"), Some("4"), Some("1"), Some("60.020000")]
    );
    for suite in root.children().filter(roxmltree::Node::is_element) {
        let held = suite.children().filter(roxmltree::Node::is_element).count();
        assert_eq!(suite.attribute("tests"), Some(held.to_string().as_str()));
    }
    let search =
        parsed.descendants().find(|node| node.attribute("name") == Some("GET /search")).expect("is there");
    // The mean response time, 3.822 ms, in seconds.
    assert_eq!(search.attribute("time"), Some("0.003822"));
    let notes =
        search.descendants().find(|node| node.has_tag_name("system-out")).and_then(|node| node.text());
    assert!(
        notes.is_some_and(|notes| notes.contains("4 x timeout") && notes.contains("within 1s")),
        "{notes:?}"
    );
}

#[test]
fn phases_and_their_criteria_are_cases() {
    let document = junit(&sample::phased());
    let cases = cases(&document);
    let cases: Vec<_> =
        cases.iter().map(|(suite, name, outcome)| (suite.as_str(), name.as_str(), *outcome)).collect();
    let expected = [
        ("scenario browse (phase warm, plugin devstress)", "iterations", "passed"),
        ("scenario browse (phase warm, plugin devstress)", "GET /search", "passed"),
        ("scenario browse (phase peak, plugin devstress)", "iterations", "passed"),
        ("scenario browse (phase peak, plugin devstress)", "GET /search", "passed"),
        ("scenario month (phase reports, plugin sqlstress)", "SELECT month", "passed"),
        ("thresholds", "success_rate: \">95%\"", "passed"),
        ("thresholds", "http.count.per_s >= 1000, warn", "passed"),
        ("thresholds", "http.response_us.p50 < 300ms", "failure"),
        ("phase warm", "phase", "passed"),
        ("phase warm", "http.errors.rate < 1%", "passed"),
        ("phase peak", "phase", "failure"),
        ("phase peak", "p95_response_time: \"<100ms\"", "failure"),
        ("phase reports", "phase", "passed"),
        ("phase cool-down", "phase", "skipped"),
        ("phase cool-down", "checks.rate == 100%", "skipped"),
    ];
    for case in expected {
        assert!(cases.contains(&case), "{case:?} is not in {cases:#?}");
    }
    let parsed = parse(&document);
    assert_eq!(parsed.root_element().attribute("skipped"), Some("2"));
    for (name, shown) in [
        ("http.response_us.p50 < 300ms", "measured 300400us, limit < 300000us"),
        ("http.count.per_s >= 1000, warn", "warning: it did not hold\nmeasured 947/s, limit >= 1,000/s"),
        ("checks.rate == 100%", "skipped: phase `peak` did not meet its criteria"),
    ] {
        let case = parsed.descendants().find(|node| node.attribute("name") == Some(name)).expect("is there");
        let text: String = case.descendants().filter_map(|node| node.text()).collect();
        assert!(text.contains(shown), "{name}: {text}");
    }
}

#[test]
fn an_operation_fails_only_when_every_one_failed() {
    let mut summary = sample::summary();
    for (failed, expected) in [(2_989, "passed"), (2_990, "failure")] {
        summary.operations[3].errors = [("reset".to_owned(), failed)].into();
        let document = junit(&summary);
        let outcome = cases(&document).into_iter().find(|case| case.1 == "POST /checkout").map(|case| case.2);
        assert_eq!(outcome, Some(expected), "{failed} of 2990");
    }
}

#[test]
fn limits_reached_are_notes_of_the_verdict() {
    let document = junit(&sample::summary());
    let parsed = parse(&document);
    let notes =
        parsed.descendants().find(|node| node.has_tag_name("system-out")).and_then(|node| node.text());
    let expected = "limit log-lines reached 1,234 x by devstress: log lines not shown\n\
        limit artifacts reached 3 x by devstress: artifacts refused";
    assert_eq!(notes, Some(expected));
}

#[test]
fn only_a_pass_passes() {
    let table = [
        (VerdictStatus::Pass, "passed"),
        (VerdictStatus::Fail, "failure"),
        (VerdictStatus::Inconclusive, "error"),
        (VerdictStatus::Invalid, "error"),
        (VerdictStatus::Fault, "error"),
        (VerdictStatus::Unreachable, "error"),
        (VerdictStatus::Denied, "error"),
    ];
    for (status, expected) in table {
        let mut summary = sample::empty();
        summary.verdict.status = status;
        assert_eq!(cases(&junit(&summary)), [("verdict".to_owned(), "verdict".to_owned(), expected)]);
    }
}

#[test]
fn an_operation_of_an_unlisted_scenario_is_not_lost() {
    let mut summary = sample::summary();
    summary.scenarios.clear();
    assert_eq!(cases(&junit(&summary)).iter().filter(|case| case.0.starts_with("scenario")).count(), 4);
}

#[test]
fn grave_findings_fail_and_the_others_are_told() {
    let mut summary = sample::empty();
    let finding = |rule: &str, severity: &str, count: u64| {
        json!({
            "plugin": "p", "count": count, "rule": rule, "severity": severity, "message": "It is <open>.",
            "location": "GET /a", "evidence": "200", "remedy": "Close it."
        })
    };
    summary.findings = vec![
        finding("e", "info", 1),
        finding("d", "low", 1),
        finding("c", "medium", 1),
        finding("b", "high", 1_200),
        finding("a", "critical", 1),
    ];
    let analysis = sample::analysis();
    let document = report(Format::Junit, &summary, Some(&analysis), &Options::default());
    let cases: Vec<_> = cases(&document).into_iter().filter(|case| case.0 == "findings").collect();
    let expected = [
        ("a GET /a", "failure"),
        ("b GET /a", "failure"),
        ("stall all", "failure"),
        ("c GET /a", "passed"),
        ("slow-search GET /search", "passed"),
        ("d GET /a", "passed"),
        ("e GET /a", "passed"),
    ];
    let expected = expected.map(|(name, outcome)| ("findings".to_owned(), name.to_owned(), outcome));
    assert_eq!(cases, expected);
    let parsed = parse(&document);
    let counts = |node: roxmltree::Node<'_, '_>| {
        ["tests", "failures", "errors", "skipped"].map(|name| node.attribute(name).map(str::to_owned))
    };
    let texts = |values: [&str; 4]| values.map(|value| Some(value.to_owned()));
    let suite = parsed
        .descendants()
        .find(|node| node.has_tag_name("testsuite") && node.attribute("name") == Some("findings"))
        .expect("is there");
    assert_eq!(counts(suite), texts(["7", "3", "0", "0"]));
    // The verdict of an empty run is an error.
    assert_eq!(counts(parsed.root_element()), texts(["8", "3", "1", "0"]));
    let of = |name: &str, element: &str| {
        let case = parsed.descendants().find(|node| node.attribute("name") == Some(name)).expect("is there");
        let child = case.children().find(|child| child.has_tag_name(element)).expect("is there");
        (child.attribute("message").map(str::to_owned), child.text().map(str::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        of("b GET /a", "failure"),
        (some("high: It is <open>."), some("high: It is <open>.\n1,200 times; 200"))
    );
    assert_eq!(of("b GET /a", "system-out"), (None, some("Close it.")));
    assert_eq!(of("c GET /a", "system-out"), (None, some("medium: It is <open>.\n200\nClose it.")));
}
