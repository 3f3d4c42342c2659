use proptest::prelude::*;
use serde_json::{Value, json};
use stresshost_metrics::{Summary, VerdictStatus};
use stresshost_plan::{Analysis, Finding};
use stresshost_report::{Format, Options};

use crate::{report, sample};

fn sarif(summary: &Summary, analysis: Option<&Analysis>) -> Value {
    check(&report(Format::Sarif, summary, analysis, &Options::default()))
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} of {value:#}"))
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("{pointer} of {value:#}"))
}

/// What every document must have, by the standard and for GitHub.
pub(crate) fn check(document: &str) -> Value {
    let hidden = |letter: char| letter != '\n' && stresshost_plan::is_hidden(letter);
    assert!(!document.contains(hidden), "{document:?}");
    assert!(document.ends_with("}\n"));
    let log: Value = serde_json::from_str(document).expect("valid");
    assert_eq!(text(&log, "/version"), "2.1.0");
    assert!(text(&log, "/$schema").ends_with("/sarif-schema-2.1.0.json"));
    let [run] = list(&log, "/runs") else { panic!("one run: {log:#}") };
    assert_eq!(text(run, "/tool/driver/name"), "StressHost");
    let [invocation] = list(run, "/invocations") else { panic!("one invocation: {run:#}") };
    assert!(invocation["executionSuccessful"].is_boolean());
    let rules = list(run, "/tool/driver/rules");
    let ids: Vec<_> = rules.iter().map(|rule| text(rule, "/id")).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    for rule in rules {
        assert!(!text(rule, "/shortDescription/text").is_empty());
        assert!(text(rule, "/shortDescription/text").len() <= 1_024);
        assert!(["error", "warning", "note"].contains(&text(rule, "/defaultConfiguration/level")));
        let score: f64 = text(rule, "/properties/security-severity").parse().expect("a number");
        assert!((0.0..=10.0).contains(&score));
        assert!(list(rule, "/properties/tags").iter().all(Value::is_string));
    }
    for result in list(run, "/results") {
        let index =
            result["ruleIndex"].as_u64().and_then(|index| usize::try_from(index).ok()).expect("is there");
        assert_eq!(ids[index], text(result, "/ruleId"));
        assert!(["error", "warning", "note"].contains(&text(result, "/level")));
        let message = text(result, "/message/text");
        assert!(!message.is_empty() && !message.contains("]("), "{message}");
        let bare = message.replace("{{", "").replace("}}", "");
        assert!(!bare.contains(['{', '}']), "{message}");
        let uri = text(result, "/locations/0/physicalLocation/artifactLocation/uri");
        assert!(is_relative_reference(uri), "{uri}");
        assert!(result.pointer("/locations/0/physicalLocation/region/startLine").is_some_and(Value::is_u64));
        let fingerprint = text(result, "/partialFingerprints/stresshost~1v1");
        assert!(fingerprint.len() == 16 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert!(result.get("occurrenceCount").is_none_or(|count| count.as_u64() > Some(0)));
        assert!(result.pointer("/properties/severity").is_some_and(Value::is_string));
    }
    log
}

/// A path that stays where it is, in letters of RFC 3986.
fn is_relative_reference(uri: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=@%/".contains(&byte);
    let codes = uri.split('%').skip(1);
    let code = |rest: &str| rest.get(..2).is_some_and(|two| two.bytes().all(|byte| byte.is_ascii_hexdigit()));
    !uri.is_empty()
        && uri.bytes().all(letter)
        && codes.into_iter().all(code)
        && uri.split('/').all(|segment| !["", ".", ".."].contains(&segment))
}

fn finding(rule: &str, severity: &str, message: &str, location: &str) -> Finding {
    Finding {
        rule: rule.into(),
        severity: severity.into(),
        message: message.into(),
        location: location.into(),
        ..Finding::default()
    }
}

/// An empty run with these findings.
fn run_of(findings: &[Finding]) -> Summary {
    let mut summary = sample::empty();
    summary.findings = findings.iter().map(|finding| serde_json::to_value(finding).expect("valid")).collect();
    summary
}

fn uris(findings: &[Finding]) -> Vec<String> {
    let log = sarif(&run_of(findings), None);
    let results = list(&log, "/runs/0/results").iter();
    results.map(|one| text(one, "/locations/0/physicalLocation/artifactLocation/uri").to_owned()).collect()
}

#[test]
fn a_run_without_findings_has_an_empty_list_of_results() {
    let log = sarif(&sample::empty(), None);
    assert_eq!(log["runs"][0]["results"], json!([]));
    assert_eq!(log["runs"][0]["tool"]["driver"], json!({ "name": "StressHost", "rules": [] }));
    assert_eq!(log["runs"][0]["invocations"], json!([{ "executionSuccessful": true }]));
    assert_eq!(log["runs"][0].get("automationDetails"), None);
}

#[test]
fn the_sample_run_in_full() {
    let mut summary = sample::summary();
    summary.findings.push(json!({
        "plugin": "probe", "count": 7, "rule": "bola", "severity": "critical", "confidence": "confirmed",
        "message": "Orders of others can be read.", "location": "GET /orders/{id}",
        "evidence": "200 {\"id\": 7}", "remedy": "Check the owner."
    }));
    let log = sarif(&summary, Some(&sample::analysis()));
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["version"], json!(summary.run.host.version));
    assert_eq!(run["automationDetails"]["id"], json!(format!("{}/{}", summary.run.name, summary.run.id)));
    assert_eq!(
        run["invocations"],
        json!([{ "executionSuccessful": true, "startTimeUtc": "2026-03-01T12:00:00Z" }])
    );
    let rules = list(run, "/tool/driver/rules");
    let ids: Vec<_> = rules.iter().map(|rule| text(rule, "/id")).collect();
    assert_eq!(ids, ["bola", "slow-search", "stall", "unnamed"]);
    assert_eq!(
        rules[0],
        json!({
            "id": "bola",
            "shortDescription": { "text": "Orders of others can be read." },
            "help": { "text": "Check the owner." },
            "defaultConfiguration": { "level": "error" },
            "properties": { "security-severity": "9.0", "tags": ["probe", "security"] },
        })
    );
    let results = list(run, "/results");
    assert_eq!(results.len(), 4);
    assert_eq!(
        results[0],
        json!({
            "ruleId": "bola",
            "ruleIndex": 0,
            "level": "error",
            "message": { "text": "Orders of others can be read.\n200 {{\"id\": 7}}" },
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": { "uri": "orders/%7Bid%7D" },
                    "region": { "startLine": 1 },
                },
                "logicalLocations": [{ "fullyQualifiedName": "GET /orders/{id}", "kind": "resource" }],
            }],
            "occurrenceCount": 7,
            "partialFingerprints": {
                "stresshost/v1": FINGERPRINT,
                "primaryLocationLineHash": format!("{FINGERPRINT}:1"),
            },
            "properties": {
                "plugin": "probe",
                "severity": "critical",
                "confidence": "confirmed",
                "evidence": "200 {\"id\": 7}",
                "remedy": "Check the owner.",
            },
        })
    );
}

/// Of the finding above. Were it to change, every alert that is known would be a new one.
const FINGERPRINT: &str = "1c87ba2d1a7b49c2";

#[test]
fn severities_become_levels_and_scores() {
    let table = [
        ("critical", "error", "9.0"),
        ("high", "error", "7.5"),
        ("medium", "warning", "5.0"),
        ("low", "note", "3.0"),
        ("info", "note", "0.0"),
        ("awful", "note", "0.0"),
    ];
    for (severity, level, score) in table {
        let log = sarif(&run_of(&[finding("r", severity, "m", "")]), None);
        assert_eq!(text(&log, "/runs/0/results/0/level"), level, "{severity}");
        let rule = &log["runs"][0]["tool"]["driver"]["rules"][0];
        assert_eq!(text(rule, "/defaultConfiguration/level"), level, "{severity}");
        assert_eq!(text(rule, "/properties/security-severity"), score, "{severity}");
        assert_eq!(rule["properties"]["tags"], json!([]), "{severity}");
    }
}

#[test]
fn a_rule_is_as_grave_as_its_gravest_finding_and_speaks_for_all() {
    let findings = [
        finding("r", "low", "This one.", "/a"),
        Finding { remedy: "Do so.".into(), ..finding("r", "high", "That one.", "/b") },
        finding("same", "low", "All alike.", "/a"),
        finding("same", "low", "All alike.", "/b"),
    ];
    let log = sarif(&run_of(&findings), None);
    let [mixed, same] = list(&log, "/runs/0/tool/driver/rules") else { panic!("{log:#}") };
    assert_eq!(text(mixed, "/shortDescription/text"), "r");
    assert_eq!(text(mixed, "/help/text"), "Do so.");
    assert_eq!(text(mixed, "/defaultConfiguration/level"), "error");
    assert_eq!(text(same, "/shortDescription/text"), "All alike.");
    assert_eq!(same.get("help"), None);
}

#[test]
fn locations_become_paths() {
    let table = [
        ("GET /products/{id} in browse", "products/%7Bid%7D"),
        ("GET /products/:id?sort=/a#b", "products/%3Aid"),
        ("products/search", "products/search"),
        ("https://shop:8443/cart/items?next=http://x/y", "cart/items"),
        ("/proxy?to=http://x/y", "proxy"),
        ("the header of `/caf\u{e9}/a%20b/50%`", "caf%C3%A9/a%20b/50%25"),
        ("/../a/./%2e%2E/b//c/", "a/b/c"),
        ("/Items(1), of all", "Items(1)"),
        ("GET /", "probe"),
        ("http://shop:8080", "probe"),
        ("all", "probe"),
        ("", "probe"),
    ];
    for (location, expected) in table {
        let mut summary = run_of(&[finding("r", "low", "m", location)]);
        summary.findings[0]["plugin"] = json!("probe");
        let log = sarif(&summary, None);
        let place = &log["runs"][0]["results"][0]["locations"][0];
        assert_eq!(text(place, "/physicalLocation/artifactLocation/uri"), expected, "{location}");
        let logical = place.pointer("/logicalLocations/0/fullyQualifiedName").and_then(Value::as_str);
        assert_eq!(logical, (!location.is_empty()).then_some(location));
    }
    assert_eq!(uris(&[finding("r", "low", "m", "all")]), ["stresshost"]);
}

#[test]
fn unusual_texts_are_kept_as_far_as_they_are_harmless() {
    let long = "w\u{f6}rter ".repeat(4_000);
    let table = [
        ("say \"a\\b\"\n\tand 名前", "say \"a\\b\"\n\tand 名前"),
        ("\u{1b}[2J\u{0}\u{202e}x", "\u{fffd}[2J\u{fffd}\u{fffd}x"),
        ("[click](https://evil) \\[a\\](b)", "[click] (https://evil) \\[a\\] (b)"),
        ("{0} and {id}", "{{0}} and {{id}}"),
        (&long, &long),
    ];
    for (message, shown) in table {
        let log = sarif(&run_of(&[finding("r", "low", message, message)]), None);
        assert_eq!(text(&log, "/runs/0/results/0/message/text"), shown);
    }
}

#[test]
fn equal_findings_keep_their_fingerprint_and_others_do_not_share_it() {
    let of = |finding: Finding| {
        let log = sarif(&run_of(&[finding]), None);
        text(&log, "/runs/0/results/0/partialFingerprints/stresshost~1v1").to_owned()
    };
    let one = of(finding("r", "low", "m", "l"));
    assert_eq!(of(Finding { evidence: "other".into(), ..finding("r", "high", "m", "l") }), one);
    for other in [finding("s", "low", "m", "l"), finding("r", "low", "ml", ""), finding("rl", "low", "m", "")]
    {
        assert_ne!(of(other), one);
    }
}

#[test]
fn the_order_of_findings_does_not_change_a_byte() {
    let severities = ["low", "critical", "medium"];
    let mut findings: Vec<_> = (0..30)
        .map(|n| finding(&format!("r{}", n % 4), severities[n % 3], &format!("m{n}"), &format!("/{}", n % 7)))
        .collect();
    let written = |findings: &[Finding]| report(Format::Sarif, &run_of(findings), None, &Options::default());
    let first = written(&findings);
    findings.reverse();
    assert_eq!(written(&findings), first);
    let log = check(&first);
    let levels: Vec<_> = list(&log, "/runs/0/results").iter().map(|result| text(result, "/level")).collect();
    assert_eq!(levels, [["error"; 10], ["warning"; 10], ["note"; 10]].concat());
}

#[test]
fn too_many_findings_lose_the_least() {
    let mut findings = vec![finding("r", "info", "m", ""); 5_002];
    findings[5_001].severity = "high".into();
    let log = sarif(&run_of(&findings), None);
    assert_eq!(list(&log, "/runs/0/results").len(), 5_000);
    assert_eq!(text(&log, "/runs/0/results/0/level"), "error");
    assert_eq!(
        text(&log, "/runs/0/invocations/0/toolExecutionNotifications/0/message/text"),
        "2 findings of the least severity are left out."
    );
}

#[test]
fn a_run_that_broke_and_a_start_that_is_no_time() {
    let mut summary = sample::empty();
    for (status, expected) in
        [(VerdictStatus::Fail, true), (VerdictStatus::Invalid, true), (VerdictStatus::Fault, false)]
    {
        summary.verdict.status = status;
        let log = sarif(&summary, None);
        assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], json!(expected), "{status:?}");
    }
    for (started, is_time) in [
        ("2026-03-01T12:00:00.250Z", true),
        ("2026-03-01T12:00:00+01:00", false),
        ("2026-03-01T12:00:00.Z", false),
        ("soon", false),
        ("Z", false),
    ] {
        started.clone_into(&mut summary.run.started);
        let log = sarif(&summary, None);
        let written = log["runs"][0]["invocations"][0].get("startTimeUtc").and_then(Value::as_str);
        assert_eq!(written, is_time.then_some(started));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_finding_is_a_result(texts in proptest::collection::vec((any::<String>(), "[a-z/:%.{} ?\\[\\]()]{0,20}"), 0..9)) {
        let findings: Vec<_> = texts
            .iter()
            .map(|(any, path)| Finding { evidence: any.clone(), ..finding(any, "high", path, path) })
            .collect();
        let log = sarif(&run_of(&findings), None);
        prop_assert_eq!(list(&log, "/runs/0/results").len(), findings.len());
    }
}
