//! Live streams, read back by small parsers of their formats.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use stresshost_metrics::{
    GeneratorSnapshot, MetricSummary, MetricValueSummary, OperationSnapshot, ScenarioSnapshot, Snapshot,
};
use stresshost_report::streams::{
    Csv, JsonLines, Otlp, Prometheus, RemoteWrite, StreamContext, StreamFormat,
};

use crate::sample::percentiles;

/// 2026-03-01T12:00:00Z.
const STARTED_MS: u64 = 1_772_366_400_000;

fn context() -> StreamContext {
    StreamContext { run_id: "run-7f3a".to_owned(), name: "shop".to_owned(), started_unix_ms: STARTED_MS }
}

fn operation(name: &str, phase: &str, done: u64, errors: &[(&str, u64)]) -> OperationSnapshot {
    OperationSnapshot {
        name: name.to_owned(),
        protocol: "http".to_owned(),
        scenario: "browse".to_owned(),
        phase: phase.to_owned(),
        plugin: String::new(),
        fired: done + 2,
        done,
        errors: errors.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect(),
        bytes_received: done * 2_400,
        bytes_sent: done * 180,
        service_us: Some(percentiles(100, 1_000, 5)),
        response_us: Some(percentiles(100, 1_200, 5)),
    }
}

fn snapshot(t_s: f64) -> Snapshot {
    let metric =
        |name: &str, unit: &str, value| MetricSummary { name: name.into(), unit: unit.into(), value };
    Snapshot {
        t_s,
        interval_s: 0.5,
        vus_busy: 12,
        fired: 250,
        done: 249,
        errors: 1,
        bytes_received: 600_000,
        response_us: Some(percentiles(249, 1_150, 4)),
        lag_p99_us: 90,
        scenarios: vec![ScenarioSnapshot {
            name: "browse".into(),
            due: 500,
            started: 498,
            finished: 480,
            failed: 6,
            dropped: 2,
        }],
        operations: vec![
            operation("GET /", "peak", 1_000, &[("timeout", 3), ("reset", 1)]),
            operation("GET /search", "", 200, &[]),
        ],
        metrics: vec![
            metric("items sold", "items", MetricValueSummary::Counter { sum: 31.0, rate_per_s: 3.1 }),
            metric("cart size", "", MetricValueSummary::Gauge { last: 3.0, min: 1.0, max: 9.5 }),
            metric("cache hits", "", MetricValueSummary::Rate { hits: 3, total: 4, ratio: 0.75 }),
            metric("value", "cents", MetricValueSummary::Distribution { values: percentiles(9, 420, 3) }),
        ],
        phases: vec!["peak".to_owned()],
        generator: GeneratorSnapshot { cpu_share: 0.31, rss_bytes: 96_000_000, own_lag_p99_us: 45 },
    }
}

/// A snapshot all of whose names are `text`.
fn infested(text: &str) -> Snapshot {
    let mut snapshot = snapshot(1.5);
    let put = |field: &mut String| text.clone_into(field);
    snapshot.scenarios.iter_mut().for_each(|scenario| put(&mut scenario.name));
    for op in &mut snapshot.operations {
        for field in [&mut op.name, &mut op.protocol, &mut op.scenario, &mut op.phase, &mut op.plugin] {
            put(field);
        }
        op.errors.insert(text.to_owned(), 7);
    }
    for metric in &mut snapshot.metrics {
        put(&mut metric.name);
        put(&mut metric.unit);
    }
    snapshot.phases.push(text.to_owned());
    snapshot
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("UTF-8")
}

/// What foreign text looks like in a stream: on one line, without control characters.
fn shown(text: &str) -> String {
    let plain = |letter: char| match letter {
        '\n' | '\r' | '\t' => ' ',
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    };
    text.chars().map(plain).collect()
}

/// Reads RFC 4180, strictly.
fn read_csv(document: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let mut letters = document.chars().peekable();
    while letters.peek().is_some() {
        let mut record = Vec::new();
        loop {
            let mut field = String::new();
            if letters.next_if_eq(&'"').is_some() {
                loop {
                    match letters.next().expect("a closing quote") {
                        '"' if letters.next_if_eq(&'"').is_some() => field.push('"'),
                        '"' => break,
                        letter => field.push(letter),
                    }
                }
            } else {
                while let Some(letter) = letters.next_if(|letter| !matches!(letter, ',' | '\r' | '\n')) {
                    assert_ne!(letter, '"', "a quote inside a field that is not quoted");
                    field.push(letter);
                }
            }
            record.push(field);
            match letters.next() {
                Some(',') => {}
                Some('\r') => {
                    assert_eq!(letters.next(), Some('\n'));
                    break;
                }
                other => panic!("{other:?} after a field"),
            }
        }
        records.push(record);
    }
    records
}

/// Sorted labels of a series, its name as `__name__`.
type Series = Vec<(String, String)>;

/// Reads the text exposition format: series and their values. A series that comes twice, a sample without a type, or
/// lines of one metric that do not stand together are refused, as Prometheus does.
fn read_exposition(page: &str) -> BTreeMap<Series, f64> {
    assert!(page.is_empty() || page.ends_with('\n'));
    let is_name = |name: &str| {
        let first = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
        first && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    let (mut typed, mut series) = (BTreeSet::new(), BTreeMap::new());
    let mut current = String::new();
    for line in page.split_terminator('\n') {
        if let Some(comment) = line.strip_prefix("# ") {
            let (keyword, rest) = comment.split_once(' ').expect("a keyword");
            let (name, _) = rest.split_once(' ').expect("a name");
            if keyword == "TYPE" {
                assert!(typed.insert(name.to_owned()), "{name} has two types");
                name.clone_into(&mut current);
            }
            continue;
        }
        let end = line.find(['{', ' ']).expect("a name");
        let (name, mut rest) = line.split_at(end);
        assert!(is_name(name) && name == current, "{name} stands under {current}");
        let mut labels = vec![("__name__".to_owned(), name.to_owned())];
        if let Some(inner) = rest.strip_prefix('{') {
            rest = inner;
            loop {
                let (label, after) = rest.split_once("=\"").expect("a label");
                assert!(is_name(label), "{label}");
                let (value, after) = read_quoted(after);
                labels.push((label.to_owned(), value));
                let Some(next) = after.strip_prefix(',') else {
                    rest = after.strip_prefix('}').expect("a closing brace");
                    break;
                };
                rest = next;
            }
        }
        let value: f64 = rest.strip_prefix(' ').expect("a blank").parse().expect("a number");
        labels.sort();
        assert!(labels.windows(2).all(|pair| pair[0].0 != pair[1].0), "{line}");
        assert!(series.insert(labels, value).is_none(), "twice: {line}");
    }
    series
}

/// A quoted label value with its escapes undone, and what follows it.
fn read_quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match letters.next().expect("an escape").1 {
                'n' => '\n',
                letter @ ('"' | '\\') => letter,
                other => panic!("\\{other}"),
            }),
            letter => value.push(letter),
        }
    }
    panic!("no closing quote in {text:?}")
}

/// Fields of a protocol buffers message: number and bytes; a varint as its eight bytes.
fn read_fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let (first, rest) = bytes.split_first().expect("a byte");
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let length = match key & 7 {
            0 => {
                let value = varint(&mut bytes);
                fields.push((key >> 3, value.to_le_bytes().to_vec()));
                continue;
            }
            1 => 8,
            2 => varint(&mut bytes) as usize,
            other => panic!("wire type {other}"),
        };
        let (value, rest) = bytes.split_at(length);
        fields.push((key >> 3, value.to_vec()));
        bytes = rest;
    }
    fields
}

/// Reads a `WriteRequest`: series with the bits of their value and their time. Checks what the protocol demands.
fn read_write_request(bytes: &[u8]) -> BTreeMap<Series, (u64, u64)> {
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    let mut series = BTreeMap::new();
    for (field, time_series) in read_fields(bytes) {
        assert_eq!(field, 1);
        let (mut labels, mut samples) = (Series::new(), Vec::new());
        for (field, part) in read_fields(&time_series) {
            let parts = read_fields(&part);
            match field {
                1 => labels.push((text(parts[0].1.clone()), text(parts[1].1.clone()))),
                2 => samples.push((number(&parts[0].1), number(&parts[1].1))),
                other => panic!("field {other}"),
            }
        }
        assert!(labels.windows(2).all(|pair| pair[0].0 < pair[1].0), "not sorted: {labels:?}");
        assert!(labels.iter().all(|(_, value)| !value.is_empty()), "empty: {labels:?}");
        assert!(labels.iter().any(|(name, _)| name == "__name__"));
        assert_eq!(samples.len(), 1);
        assert!(series.insert(labels, samples[0]).is_none(), "a series came twice");
    }
    series
}

fn find<'a, T>(series: &'a BTreeMap<Series, T>, name: &str, labels: &[(&str, &str)]) -> &'a T {
    let has = |found: &Series, name: &str, value: &str| found.iter().any(|(n, v)| n == name && v == value);
    let matches = |found: &&Series| {
        has(found, "__name__", name) && labels.iter().all(|(name, value)| has(found, name, value))
    };
    let mut all = series.keys().filter(matches);
    let found = all.next().unwrap_or_else(|| panic!("no {name} {labels:?}"));
    assert!(all.next().is_none(), "more than one {name} {labels:?}");
    &series[found]
}

#[test]
fn json_lines_hold_the_snapshot() {
    let mut stream = JsonLines::new(context());
    assert!(stream.header().is_empty());
    let line = text(stream.snapshot(&snapshot(1.5)));
    assert_eq!(line.matches('\n').count(), 1);
    assert_eq!(serde_json::from_str::<Snapshot>(&line).expect("valid"), snapshot(1.5));
    let json: serde_json::Value = serde_json::from_str(&line).expect("valid");
    assert_eq!(json["run"], "run-7f3a");
    assert_eq!(json["time_unix_ms"], STARTED_MS + 1_500);
}

#[test]
fn csv_rows() {
    let mut stream = Csv::new(context());
    let document = text(stream.header()) + &text(stream.snapshot(&snapshot(1.5)));
    insta::assert_snapshot!(document.replace("\r\n", "\n"));
    let records = read_csv(&document);
    assert!(records.iter().all(|record| record.len() == 11), "{records:?}");
}

#[test]
fn an_exposition_page() {
    let mut stream = Prometheus::new(context());
    assert_eq!(read_exposition(&text(stream.header())).len(), 2);
    let page = text(stream.snapshot(&snapshot(1.5)));
    insta::assert_snapshot!(page);
    let series = read_exposition(&page);
    let of = [("operation", "GET /"), ("scenario", "browse"), ("phase", "peak"), ("protocol", "http")];
    assert_eq!(*find(&series, "stresshost_operations_total", &of), 1_000.0);
    assert_eq!(*find(&series, "stresshost_operation_errors_total", &[("kind", "timeout")]), 3.0);
    let p99 = [("operation", "GET /"), ("quantile", "0.99")];
    assert_eq!(*find(&series, "stresshost_response_seconds", &p99), 0.006);
}

#[test]
fn an_otlp_request() {
    let request = text(Otlp::new(context()).snapshot(&snapshot(1.5)));
    let json: serde_json::Value = serde_json::from_str(&request).expect("valid");
    let resource = &json["resourceMetrics"][0];
    assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "stresshost");
    assert_eq!(resource["resource"]["attributes"][1]["value"]["stringValue"], "run-7f3a");
    let metrics = resource["scopeMetrics"][0]["metrics"].as_array().expect("metrics");
    let metric = |name: &str| metrics.iter().find(|metric| metric["name"] == name).expect(name);
    let done = metric("stresshost.operations");
    assert_eq!(
        (&done["sum"]["isMonotonic"], &done["sum"]["aggregationTemporality"]),
        (&true.into(), &2.into())
    );
    let point = &done["sum"]["dataPoints"][0];
    assert_eq!(point["asDouble"], 1_000.0);
    assert_eq!(point["startTimeUnixNano"], "1772366400000000000");
    assert_eq!(point["timeUnixNano"], "1772366401500000000");
    let response = &metric("stresshost.response")["summary"]["dataPoints"][0];
    assert_eq!(response["startTimeUnixNano"], "1772366401000000000", "of the interval");
    assert_eq!(
        (&response["count"], response["quantileValues"][4]["quantile"].as_f64()),
        (&"100".into(), Some(0.99))
    );
    assert_eq!(response["quantileValues"][4]["value"], 0.006);
    assert!(metric("stresshost.vus.busy")["gauge"]["dataPoints"][0]["asDouble"] == 12.0);
    let names: BTreeSet<_> = metrics.iter().map(|metric| metric["name"].to_string()).collect();
    assert_eq!(names.len(), metrics.len(), "a metric's name comes once");
}

#[test]
fn a_write_request_agrees_with_the_exposition_page() {
    let page = text(Prometheus::new(context()).snapshot(&snapshot(1.5)));
    let mut scraped = read_exposition(&page);
    scraped.retain(|labels, _| {
        !labels[0].1.starts_with("stresshost_run") && !labels[0].1.contains("start_time")
    });
    let written = read_write_request(&RemoteWrite::new(context()).snapshot(&snapshot(1.5)));
    let written: BTreeMap<Series, f64> = written
        .into_iter()
        .map(|(mut labels, (bits, unix_ms))| {
            assert_eq!(unix_ms, STARTED_MS + 1_500);
            for own in [("job", "stresshost"), ("run", "run-7f3a")] {
                let at = labels.iter().position(|(name, value)| (name.as_str(), value.as_str()) == own);
                labels.remove(at.expect("has the run's labels"));
            }
            (labels, f64::from_bits(bits))
        })
        .collect();
    assert_eq!(written, scraped);
}

#[test]
fn series_that_end_are_marked_stale() {
    const STALE: u64 = 0x7ff0_0000_0000_0002;
    let mut stream = RemoteWrite::new(context());
    let first = read_write_request(&stream.snapshot(&snapshot(1.0)));
    let mut quiet = snapshot(2.0);
    quiet.phases.clear();
    let second = read_write_request(&stream.snapshot(&quiet));
    assert_eq!(*find(&second, "stresshost_phase_running", &[]), (STALE, STARTED_MS + 2_000));
    assert_eq!(second.values().filter(|(bits, _)| *bits == STALE).count(), 1);
    // A second snapshot of the same moment would be refused: it is a millisecond later.
    let third = read_write_request(&stream.snapshot(&quiet));
    assert!(third.values().all(|(_, unix_ms)| *unix_ms == STARTED_MS + 2_001));
    let end = read_write_request(&stream.end());
    assert_eq!(end.len(), first.len() - 1);
    assert!(end.values().all(|value| *value == (STALE, STARTED_MS + 2_002)));
    assert!(stream.end().is_empty(), "only once");
}

/// Reads every format of a snapshot whose names are `name`.
fn check(name: &str) {
    let hostile = infested(name);
    let context = StreamContext { run_id: name.to_owned(), name: name.to_owned(), ..context() };

    let line = text(JsonLines::new(context.clone()).snapshot(&hostile));
    assert_eq!(line.trim_end_matches('\n').matches('\n').count(), 0);
    assert_eq!(serde_json::from_str::<Snapshot>(&line).expect("valid"), hostile);

    let mut csv = Csv::new(context.clone());
    let records = read_csv(&(text(csv.header()) + &text(csv.snapshot(&hostile))));
    for record in &records {
        assert_eq!(record.len(), 11, "{record:?}");
        assert!(!record.iter().any(|field| field.starts_with(['=', '+', '-', '@'])), "{record:?}");
        assert!(!record.iter().any(|field| field.contains(char::is_control)), "{record:?}");
    }
    assert!(records[1..].iter().all(|record| record[10].parse::<f64>().is_ok()));

    let mut prometheus = Prometheus::new(context.clone());
    read_exposition(&text(prometheus.header()));
    let series = read_exposition(&text(prometheus.snapshot(&hostile)));
    let sum: f64 = series
        .iter()
        .filter(|(labels, _)| labels.iter().any(|(_, value)| value == "stresshost_operations_total"))
        .map(|(_, value)| value)
        .sum();
    assert_eq!(sum, 1_200.0, "no operation is lost");

    let request = text(Otlp::new(context.clone()).snapshot(&hostile));
    serde_json::from_str::<serde_json::Value>(&request).expect("valid");

    let mut write = RemoteWrite::new(context);
    read_write_request(&write.snapshot(&hostile));
    read_write_request(&write.end());
}

#[test]
fn hostile_names_break_no_stream() {
    let long = "é\"\n".repeat(50);
    let table = [
        "",
        "a,b",
        "say \"x\"",
        "two\r\nlines",
        "\\",
        "\\\"} 1\nfake_metric 2",
        "=HYPERLINK(\"http://x\")",
        "+1",
        "-1",
        "@sum",
        "\t=1",
        "\0\u{1}\u{7f}\u{85}\u{2028}",
        "名前 \u{202e}",
        &long,
    ];
    for name in table {
        check(name);
    }
    let series = read_exposition(&text(Prometheus::new(context()).snapshot(&infested("a\\\"b\nc"))));
    find(&series, "stresshost_iterations_total", &[("scenario", &shown("a\\\"b\nc")), ("state", "due")]);
}

#[test]
fn numbers_that_are_none_break_no_stream() {
    let mut odd = snapshot(f64::NAN);
    odd.interval_s = 0.0;
    odd.generator.cpu_share = f64::INFINITY;
    odd.operations[0].done = u64::MAX;
    odd.metrics[0].value = MetricValueSummary::Counter { sum: f64::NAN, rate_per_s: f64::NAN };
    if let Some(response) = &mut odd.response_us {
        response.mean = f64::NAN;
    }
    let line = text(JsonLines::new(context()).snapshot(&odd));
    serde_json::from_str::<serde_json::Value>(&line).expect("valid");
    let rows = read_csv(&text(Csv::new(context()).snapshot(&odd)));
    assert!(rows.iter().all(|row| row[10].parse::<f64>().is_ok_and(f64::is_finite)));
    let page = text(Prometheus::new(context()).snapshot(&odd));
    assert!(read_exposition(&page).values().all(|value| value.is_finite()), "{page}");
    let request = text(Otlp::new(context()).snapshot(&odd));
    assert!(!request.contains("null"), "{request}");
    read_write_request(&RemoteWrite::new(context()).snapshot(&odd));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_name_breaks_a_stream(name in any::<String>()) {
        check(&name);
    }

    #[test]
    fn no_mix_of_quotes_and_breaks_breaks_a_stream(name in "[\"\\\\,;{}=+@ \\-#'\\r\\n\\ta\u{0}]{0,200}") {
        check(&name);
    }
}
