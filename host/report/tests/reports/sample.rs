//! A run as it could have been: a minute of browsing and buying, with a target that stands still for a second.

use std::collections::BTreeMap;

use stresshost_metrics::{
    BytesSummary, CheckResult, FailureSummary, FaultSummary, GeneratorSummary, HostInfo, IterationsSummary,
    MetricSummary, MetricValueSummary, OperationSummary, Percentiles, PluginInfo, RunInfo, SUMMARY_SCHEMA,
    ScenarioSummary, SeriesPoint, Summary, ThresholdResult, Verdict, VerdictStatus, WarmupSummary,
};
use stresshost_plan::{ANALYSIS_SCHEMA, Analysis, Finding, Recommendation, Section};

/// Percentiles of a right-skewed distribution around `p50` microseconds.
pub(crate) fn percentiles(count: u64, p50: u64, tail: u64) -> Percentiles {
    Percentiles {
        count,
        min: p50 / 3,
        mean: p50 as f64 * 1.3,
        p50,
        p90: p50 * 2,
        p95: p50 * 3,
        p99: p50 * tail,
        p999: p50 * tail * 2,
        max: p50 * tail * 3,
    }
}

fn operation(name: &str, scenario: &str, count: u64, p50: u64, errors: &[(&str, u64)]) -> OperationSummary {
    let errors: BTreeMap<_, _> = errors.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
    let failed: u64 = errors.values().sum();
    let mut statuses = BTreeMap::from([("200".to_owned(), count - failed)]);
    if let Some(failed) = errors.get("status_5xx") {
        statuses.insert("503".to_owned(), *failed);
    }
    let phases = [
        ("lookup", 1, 340),
        ("connect", 50, 95),
        ("write", count, 9),
        ("wait", count, p50),
        ("body", count, 21),
    ];
    OperationSummary {
        name: name.to_owned(),
        protocol: "http".to_owned(),
        scenario: scenario.to_owned(),
        count,
        fired: count + 1,
        errors,
        statuses,
        bytes: BytesSummary { sent: count * 180, received: count * 2_400 },
        rate_per_s: count as f64 / 60.0,
        service_us: Some(percentiles(count, p50, 6)),
        response_us: Some(percentiles(count, p50 + 40, 31)),
        lag_us: Some(percentiles(count, 38, 700)),
        phases_us: phases.map(|(name, n, p50)| (name.to_owned(), percentiles(n, p50, 4))).into(),
    }
}

fn scenario(name: &str, load: &str, due: u64, dropped: u64) -> ScenarioSummary {
    let started = due - dropped;
    ScenarioSummary {
        name: name.to_owned(),
        load: load.to_owned(),
        iterations: IterationsSummary {
            due,
            started,
            finished: started - 16,
            failed: 11,
            interrupted: 4,
            faulted: 1,
            dropped,
        },
        service_us: Some(percentiles(started, 2_400, 7)),
        response_us: Some(percentiles(started, 2_500, 29)),
        lag_us: Some(percentiles(started, 40, 600)),
    }
}

/// One point a second; at 32 s the target stands still.
fn series() -> Vec<SeriesPoint> {
    (0..65_u64)
        .map(|second| {
            // A small fixed sequence in place of noise, so that the picture is the same every time.
            let noise = (second * second * 31 + second * second * second * 7) % 97;
            let (slow, errors) = match second {
                32 => (40, 9),
                33 => (25, 31),
                34 => (4, 3),
                _ => (1, u64::from(noise > 90)),
            };
            let fired = if second < 5 { 100 * (second + 1) } else { 1_030 - noise };
            let done = if second == 32 { 120 } else { fired };
            SeriesPoint {
                t_s: second as f64,
                width_s: 1.0,
                fired,
                done,
                errors,
                vus_busy: if second < 5 { 10 * (second + 1) } else { 44 + noise % 7 },
                response_us: Some(percentiles(done, (1_150 + noise * 4) * slow, 5 + noise % 4)),
            }
        })
        .collect()
}

fn run() -> RunInfo {
    RunInfo {
        id: "20260301T120000Z-7f3a".to_owned(),
        name: "shop: browse and buy".to_owned(),
        seed: 42,
        started: "2026-03-01T12:00:00Z".to_owned(),
        duration_s: 60.02,
        interrupted: false,
        targets: vec!["http://127.0.0.1:8080".to_owned()],
        plugin: PluginInfo {
            name: "devstress".to_owned(),
            version: "0.1.0".to_owned(),
            digest: format!("sha256:{}", "9f86d081".repeat(8)),
        },
        host: HostInfo {
            version: "0.1.0".to_owned(),
            os: "linux".to_owned(),
            arch: "x86_64".to_owned(),
            cores: 2,
        },
    }
}

/// A summary in which every part has something to show.
pub(crate) fn summary() -> Summary {
    Summary {
        schema: SUMMARY_SCHEMA.to_owned(),
        run: run(),
        verdict: Verdict {
            status: VerdictStatus::Fail,
            reasons: vec![
                "threshold `response_us{op=GET /products/:id} p99 < 25ms` was 36.9ms".to_owned(),
                "check `order has an id` failed 11 of 2990 times".to_owned(),
            ],
        },
        scenarios: vec![
            scenario("browse", "40 virtual users for 1m after 5s of warm-up", 28_400, 0),
            scenario("buy", "50 iterations/s for 1m, at most 30 virtual users", 3_000, 10),
        ],
        operations: vec![
            operation("GET /products/:id", "browse", 28_400, 1_150, &[("status_5xx", 31)]),
            operation("GET /search", "browse", 28_388, 2_900, &[("timeout", 4), ("status_5xx", 12)]),
            operation("POST /cart", "buy", 2_990, 1_800, &[]),
            operation("POST /checkout", "buy", 2_990, 5_600, &[("reset", 3)]),
        ],
        thresholds: thresholds(),
        checks: vec![
            CheckResult { name: "status is 200".to_owned(), passed: 62_718, failed: 50 },
            CheckResult { name: "order has an id".to_owned(), passed: 2_979, failed: 11 },
            CheckResult { name: "body under 64 KiB".to_owned(), passed: 62_768, failed: 0 },
        ],
        findings: vec![serde_json::json!("the cart's cookie has no Secure attribute")],
        metrics: metrics(),
        generator: GeneratorSummary {
            cpu_s: 31.4,
            cpu_share: 0.262,
            rss_max_bytes: 96_000_000,
            guest_cpu_s: 7.9,
            lag_p99_us: 26_600,
        },
        faults: vec![FaultSummary {
            plugin: "devstress".to_owned(),
            during: "iterate".to_owned(),
            count: 2,
            text: "index out of bounds: the len is 3 but the index is 3\n  0: devstress::journey::pick\n  \
                   1: devstress::iterate"
                .to_owned(),
        }],
        series: series(),
        warmup: Some(WarmupSummary {
            duration_s: 5.0,
            scenarios: Vec::new(),
            operations: vec![operation("GET /products/:id", "browse", 1_500, 1_900, &[])],
        }),
        failures: failures(),
        notes: vec![
            "`duration` taken from the command line: 1m".to_owned(),
            "names are resolved once, before the load begins".to_owned(),
        ],
    }
}

fn thresholds() -> Vec<ThresholdResult> {
    let threshold = |expression: &str, actual, limit, status| ThresholdResult {
        expression: expression.to_owned(),
        actual,
        limit,
        status,
    };
    vec![
        threshold(
            "response_us{op=GET /products/:id} p99 < 25ms",
            Some(36_890.0),
            25_000.0,
            VerdictStatus::Fail,
        ),
        threshold("errors ratio < 0.01", Some(0.000_797), 0.01, VerdictStatus::Pass),
        threshold("response_us{op=GET /admin} p95 < 1s", None, 1e6, VerdictStatus::Inconclusive),
    ]
}

fn metrics() -> Vec<MetricSummary> {
    let metric =
        |name: &str, unit: &str, value| MetricSummary { name: name.to_owned(), unit: unit.to_owned(), value };
    vec![
        metric("items sold", "items", MetricValueSummary::Counter { sum: 8_931.0, rate_per_s: 148.85 }),
        metric("cart size", "", MetricValueSummary::Gauge { last: 3.0, min: 1.0, max: 9.5 }),
        metric("cache hits", "", MetricValueSummary::Rate { hits: 5_120, total: 6_000, ratio: 0.853_333 }),
        metric(
            "order value",
            "cents",
            MetricValueSummary::Distribution { values: percentiles(2_979, 4_200, 4) },
        ),
    ]
}

fn failures() -> Vec<FailureSummary> {
    let failure = |operation: &str, scenario: &str, kind: &str, t_s, text: &str| FailureSummary {
        operation: operation.to_owned(),
        scenario: scenario.to_owned(),
        kind: kind.to_owned(),
        t_s,
        text: text.to_owned(),
    };
    vec![
        failure("GET /products/:id", "browse", "status_5xx", 33.1, "503: {\"error\":\"pool exhausted\"}"),
        failure("GET /products/:id", "browse", "status_5xx", 33.2, "503: {\"error\":\"pool exhausted\"}"),
        failure("GET /search", "browse", "status_5xx", 33.4, "503: {\"error\":\"shard <2> is not there\"}"),
        failure("GET /search", "browse", "timeout", 32.9, "no complete answer within 1s"),
        failure("POST /checkout", "buy", "reset", 32.4, "connection reset by peer (os error 104)"),
    ]
}

/// An analysis in which every part has something to show.
pub(crate) fn analysis() -> Analysis {
    let finding = |rule: &str, severity: &str, message: &str, location: &str, evidence: &str| Finding {
        rule: rule.to_owned(),
        severity: severity.to_owned(),
        message: message.to_owned(),
        location: location.to_owned(),
        evidence: evidence.to_owned(),
    };
    Analysis {
        schema: ANALYSIS_SCHEMA.to_owned(),
        findings: vec![
            finding(
                "stall",
                "high",
                "Every operation stood still for about a second.",
                "all",
                "t=32s to 33s",
            ),
            finding("slow-search", "medium", "Search is the slowest read.", "GET /search", "p50 2.94ms"),
        ],
        recommendations: vec![Recommendation {
            message: "Give the connection pool room for 30 checkouts at once.".to_owned(),
            because: "43 answers were 503 with `pool exhausted` while 30 virtual users were buying"
                .to_owned(),
        }],
        sections: vec![Section {
            title: "Pages by weight".to_owned(),
            text: vec!["The two heaviest pages make up most of what was received.".to_owned()],
            table: [
                ["page", "share", "bytes"],
                ["/search", "61%", "68 MB"],
                ["/products/:id", "33%", "37 MB"],
            ]
            .map(|row| row.map(str::to_owned).to_vec())
            .to_vec(),
        }],
    }
}

/// A run that came to nothing.
pub(crate) fn empty() -> Summary {
    Summary {
        schema: SUMMARY_SCHEMA.to_owned(),
        run: RunInfo::default(),
        verdict: Verdict {
            status: VerdictStatus::Inconclusive,
            reasons: vec!["no iteration ended in the measured window".to_owned()],
        },
        scenarios: Vec::new(),
        operations: Vec::new(),
        thresholds: Vec::new(),
        checks: Vec::new(),
        findings: Vec::new(),
        metrics: Vec::new(),
        generator: GeneratorSummary::default(),
        faults: Vec::new(),
        series: Vec::new(),
        warmup: None,
        failures: Vec::new(),
        notes: Vec::new(),
    }
}
