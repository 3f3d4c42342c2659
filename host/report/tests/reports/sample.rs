//! A run as it could have been: a minute of browsing and buying, with a target that stands still for a second.

use std::collections::BTreeMap;

use stresshost_metrics::{
    BytesSummary, CheckResult, FailureSummary, FaultSummary, GeneratorSummary, HostInfo, IterationsSummary,
    LimitSummary, MetricSummary, MetricValueSummary, OperationSummary, OverallSummary, Percentiles,
    PhaseStatus, PhaseSummary, PluginInfo, PluginUsage, RunInfo, SUMMARY_SCHEMA, SandboxLimit,
    ScenarioSummary, Score, SeriesPoint, Summary, ThresholdResult, Verdict, VerdictStatus, WarmupSummary,
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
        phase: String::new(),
        plugin: String::new(),
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
        phase: String::new(),
        plugin: String::new(),
        load: load.to_owned(),
        open: name == "buy",
        limit_s: None,
        duration_s: 60.0,
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
                "threshold `http.response_us{operation=GET /products/:id}.p99 < 25ms` was 36.9ms".to_owned(),
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
        overall: Some(OverallSummary {
            count: 62_768,
            errors: 50,
            service_us: Some(percentiles(62_768, 2_100, 6)),
            response_us: Some(percentiles(62_768, 2_200, 28)),
            lag_us: Some(percentiles(62_768, 38, 700)),
        }),
        phases: Vec::new(),
        thresholds: thresholds(),
        score: None,
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
            busiest_core_share: 0.341,
            rss_max_bytes: 96_000_000,
            guest_cpu_s: 7.9,
            plugins: vec![used("devstress", 7.9, 0.121_5)],
            lag_p99_us: 26_600,
            own_lag_p99_us: 180,
            own_late_starts: 0,
            limited_s: 0.0,
        },
        faults: vec![FaultSummary {
            plugin: "devstress".to_owned(),
            during: "iterate".to_owned(),
            count: 2,
            text: "index out of bounds: the len is 3 but the index is 3\n  0: devstress::journey::pick\n  \
                   1: devstress::iterate"
                .to_owned(),
        }],
        limits: limits(),
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

fn limits() -> Vec<LimitSummary> {
    let reached = |limit: SandboxLimit, count| LimitSummary {
        plugin: "devstress".to_owned(),
        limit: limit.name().to_owned(),
        meaning: limit.meaning().to_owned(),
        count,
    };
    vec![reached(SandboxLimit::LogLines, 1_234), reached(SandboxLimit::Artifacts, 3)]
}

fn used(name: &str, guest_cpu_s: f64, core_share: f64) -> PluginUsage {
    PluginUsage { name: name.to_owned(), guest_cpu_s, core_share }
}

/// A threshold without anything special.
fn threshold(
    expression: &str,
    unit: &str,
    actual: Option<f64>,
    (comparison, limit): (&str, f64),
    status: VerdictStatus,
) -> ThresholdResult {
    ThresholdResult {
        expression: expression.to_owned(),
        label: String::new(),
        phase: String::new(),
        plugin: String::new(),
        actual,
        comparison: comparison.to_owned(),
        limit,
        unit: unit.to_owned(),
        status,
        samples: 28_400,
        warn: false,
        key: false,
        weight: 1.0,
        worst_t_s: None,
        aborted: false,
        reason: String::new(),
    }
}

fn thresholds() -> Vec<ThresholdResult> {
    use VerdictStatus::{Fail, Inconclusive, Pass};
    let products = "http.response_us{operation=GET /products/:id}.p99 < 25ms";
    let admin = "http.response_us{operation=GET /admin}.p95 < 1s";
    vec![
        threshold(products, "us", Some(36_890.0), ("<", 25_000.0), Fail),
        threshold("http.errors.rate < 1%", "ratio", Some(0.000_797), ("<", 0.01), Pass),
        ThresholdResult {
            reason: "no operation is named so".to_owned(),
            ..threshold(admin, "us", None, ("<", 1e6), Inconclusive)
        },
    ]
}

/// Thresholds of every sort, with a score.
fn weighed() -> Vec<ThresholdResult> {
    use VerdictStatus::{Fail, Pass};
    vec![
        ThresholdResult {
            key: true,
            worst_t_s: Some(33.0),
            aborted: true,
            ..threshold(
                "http.response_us{scenario=buy}.p95 < 300ms over 5s, abort after 10s, key",
                "us",
                Some(412_000.0),
                ("<", 300_000.0),
                Fail,
            )
        },
        ThresholdResult {
            label: "success_rate: \">95%\"".to_owned(),
            phase: "peak".to_owned(),
            weight: 2.0,
            ..threshold("successes.rate{phase=peak} > 95%", "ratio", Some(0.999_2), (">", 0.95), Pass)
        },
        ThresholdResult {
            warn: true,
            ..threshold("http.count.per_s >= 1000, warn", "per_s", Some(946.7), (">=", 1_000.0), Fail)
        },
        threshold("generator.rss_bytes.max < 1GiB", "bytes", Some(96e6), ("<", 1_073_741_824.0), Pass),
        threshold("items sold.count > 5000", "", Some(8_931.0), (">", 5_000.0), Pass),
        threshold("http.response_us.p50 < 300ms", "us", Some(300_400.0), ("<", 300_000.0), Fail),
    ]
}

fn phase(name: &str, after: &[&str], status: PhaseStatus, times: Option<(f64, f64)>) -> PhaseSummary {
    PhaseSummary {
        name: name.to_owned(),
        description: String::new(),
        depends_on: after.iter().map(|&name| name.to_owned()).collect(),
        status,
        reason: String::new(),
        started_s: times.map(|times| times.0),
        duration_s: times.map_or(0.0, |times| times.1),
        criteria: Vec::new(),
    }
}

fn phases() -> Vec<PhaseSummary> {
    use VerdictStatus::{Fail, Inconclusive, Pass};
    vec![
        PhaseSummary {
            description: "fills the caches".to_owned(),
            criteria: vec![threshold("http.errors.rate < 1%", "ratio", Some(0.0), ("<", 0.01), Pass)],
            ..phase("warm", &[], PhaseStatus::Passed, Some((0.0, 15.0)))
        },
        PhaseSummary {
            reason: "criterion `p95_response_time: \"<100ms\"` was 128ms".to_owned(),
            criteria: vec![ThresholdResult {
                label: "p95_response_time: \"<100ms\"".to_owned(),
                ..threshold("http.response_us.p95 < 100ms", "us", Some(128_000.0), ("<", 100_000.0), Fail)
            }],
            ..phase("peak", &["warm"], PhaseStatus::Failed, Some((15.2, 45.0)))
        },
        phase("reports", &["warm"], PhaseStatus::Passed, Some((15.2, 30.0))),
        PhaseSummary {
            reason: "phase `peak` did not meet its criteria".to_owned(),
            criteria: vec![threshold("checks.rate == 100%", "ratio", None, ("==", 1.0), Inconclusive)],
            ..phase("cool-down", &["peak", "reports"], PhaseStatus::Skipped, None)
        },
    ]
}

/// A run of several phases and two plugins, whose generator was the bottleneck.
pub(crate) fn phased() -> Summary {
    let place = |mut scenario: ScenarioSummary, phase: &str, plugin: &str| {
        phase.clone_into(&mut scenario.phase);
        plugin.clone_into(&mut scenario.plugin);
        scenario
    };
    let op =
        |name: &str, scenario: &str, phase: &str, plugin: &str, errors: &[(&str, u64)]| OperationSummary {
            phase: phase.to_owned(),
            plugin: plugin.to_owned(),
            ..operation(name, scenario, 9_000, 1_400, errors)
        };
    let mut summary = summary();
    summary.verdict = Verdict {
        status: VerdictStatus::Invalid,
        reasons: vec![
            "the generator's own lag p99 of 48.2ms is over 10ms".to_owned(),
            "its busiest core was at 99.1%".to_owned(),
        ],
    };
    summary.phases = phases();
    summary.thresholds = weighed();
    summary.score = Some(Score { met: 4.0, of: 6.0, required: 0.8 });
    summary.scenarios = vec![
        place(scenario("browse", "10 virtual users for 15s", 9_000, 0), "warm", "devstress"),
        place(scenario("browse", "200/s for 45s, up to 60 at once", 9_000, 120), "peak", "devstress"),
        place(scenario("buy", "50/s for 45s, up to 30 at once", 2_250, 0), "peak", "devstress"),
        place(scenario("month", "4 virtual users for 30s", 120, 0), "reports", "sqlstress"),
    ];
    summary.operations = vec![
        op("SELECT month", "month", "reports", "sqlstress", &[]),
        op("GET /search", "browse", "warm", "devstress", &[]),
        op("GET /search", "browse", "peak", "devstress", &[("timeout", 4), ("no_ports", 9)]),
        op("POST /checkout", "buy", "peak", "devstress", &[("reset", 3)]),
    ];
    summary.generator = GeneratorSummary {
        cpu_share: 0.874,
        busiest_core_share: 0.991,
        own_lag_p99_us: 48_200,
        own_late_starts: 0,
        lag_p99_us: 61_000,
        limited_s: 3.25,
        plugins: vec![used("devstress", 6.1, 0.101_7), used("sqlstress", 1.8, 0.03)],
        ..summary.generator
    };
    summary.warmup = None;
    summary
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
        ..Finding::default()
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
        overall: None,
        phases: Vec::new(),
        thresholds: Vec::new(),
        score: None,
        checks: Vec::new(),
        findings: Vec::new(),
        metrics: Vec::new(),
        generator: GeneratorSummary::default(),
        faults: Vec::new(),
        limits: Vec::new(),
        series: Vec::new(),
        warmup: None,
        failures: Vec::new(),
        notes: Vec::new(),
    }
}
