//! Comparisons of runs whose difference is known.

use proptest::prelude::*;

use super::*;
use crate::block::{histogram, record};
use crate::record::{NewOp, OpRecord, rebuild};
use crate::{ErrorKind, PackedHistogram, RecordEvent, RunInfo};

const TICK_NS: u64 = 1_000_000_000;

/// What a run that never was is made of.
#[derive(Clone, Copy, Debug)]
struct Made {
    seed: u64,
    ticks: u64,
    requests: u64,
    /// Typical latency in microseconds.
    level_us: f64,
    /// How far a tick's level strays, and how much of that it hands on to the next tick.
    stray: f64,
    kept: f64,
    /// Share of requests that fail.
    errors: f64,
    operations: u32,
}

const USUAL: Made = Made {
    seed: 1,
    ticks: 60,
    requests: 100,
    level_us: 20_000.0,
    stray: 0.05,
    kept: 0.5,
    errors: 0.02,
    operations: 1,
};

/// A run's summary and log.
struct Ran {
    summary: Summary,
    records: Vec<IntervalRecord>,
}

impl Ran {
    fn run(&self) -> Run<'_> {
        Run { summary: &self.summary, records: &self.records }
    }
}

fn normal(random: &mut bootstrap::Random) -> f64 {
    // The sum of twelve even numbers, close enough to normal here.
    (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
}

fn row(op: u32, made: &Made, level_us: f64, random: &mut bootstrap::Random) -> OpRecord {
    let (mut times, mut failed) = (histogram(), 0);
    for _ in 0..made.requests {
        record(&mut times, (level_us * (0.4 * normal(random)).exp()) as u64);
        failed += u64::from(random.unit() < made.errors);
    }
    let (fired, done, times) = (made.requests, made.requests, PackedHistogram::of(&times));
    let mut row =
        OpRecord { op, fired, done, service_us: times.clone(), response_us: times, ..OpRecord::default() };
    if failed > 0 {
        row.errors.insert(ErrorKind::Timeout, failed);
    }
    row
}

fn make(made: Made) -> Ran {
    let mut random = bootstrap::Random::new(made.seed);
    let mut stray = normal(&mut random) * made.stray;
    let mut records = Vec::new();
    for tick in 0..made.ticks {
        stray = made.kept * stray + (1.0 - made.kept * made.kept).sqrt() * made.stray * normal(&mut random);
        let level_us = made.level_us * stray.exp();
        let (from_ns, to_ns) = (tick * TICK_NS, (tick + 1) * TICK_NS);
        let ops = (0..made.operations).map(|op| row(op, &made, level_us, &mut random)).collect();
        records.push(IntervalRecord { from_ns, to_ns, ticks: 1, ops, ..IntervalRecord::default() });
    }
    if let Some(first) = records.first_mut() {
        let name = |op| NewOp { name: format!("GET /{op}"), protocol: "http".into() };
        first.new_ops = (0..made.operations).map(name).collect();
        let until_ns = made.ticks * TICK_NS;
        first.events =
            vec![RecordEvent::ScenarioSpan { scenario: 0, from_ns: 0, until_ns, warmup_end_ns: 0 }];
    }
    let run = RunInfo { id: made.seed.to_string(), ..RunInfo::default() };
    let summary = rebuild(&crate::testing::simple(&[]), "web", run, records.iter().cloned()).unwrap();
    Ran { summary, records }
}

fn quick() -> CompareOptions {
    CompareOptions { resamples: 300, ..CompareOptions::default() }
}

fn metric<'a>(comparison: &'a Comparison, name: &str) -> &'a MetricComparison {
    comparison.operations[0].metrics.iter().find(|metric| metric.metric == name).unwrap()
}

#[test]
fn a_known_difference_is_found_with_its_size() {
    let a = make(USUAL);
    let b = make(Made { seed: 2, level_us: 24_000.0, errors: 0.05, requests: 80, ..USUAL });
    let comparison = compare(a.run(), b.run(), CompareOptions::default());
    assert_eq!(comparison.operations.len(), 1);
    let of = &comparison.operations[0];
    assert_eq!((of.batches_a, of.batches_b, of.metrics.len()), (60, 60, 12));
    for name in ["response_us.p50", "response_us.p95", "service_us.p90", "response_us.mean"] {
        let found = metric(&comparison, name);
        let effect = found.relative.unwrap();
        let interval = effect.interval.unwrap();
        assert_eq!(found.change, Change::Worse, "{found:?}");
        assert!((interval.low..interval.high).contains(&0.2), "{name}: {interval:?}");
        assert!(interval.high - interval.low < 0.2, "{name}: {interval:?}");
        let absolute = found.absolute.interval.unwrap();
        assert!(absolute.low > 0.0 && absolute.low < found.b - found.a && found.b - found.a < absolute.high);
    }
    let rate = metric(&comparison, "rate_per_s");
    assert_eq!((rate.a, rate.b, rate.change), (100.0, 80.0, Change::Worse));
    assert!((rate.relative.unwrap().estimate + 0.2).abs() < 1e-9);
    let errors = metric(&comparison, "errors.rate");
    assert_eq!(errors.change, Change::Worse);
    assert!((errors.absolute.estimate - 0.03).abs() < 0.01);
    let regressions = |threshold| comparison.regressions(threshold).len();
    assert_eq!(regressions(0.05), 12);
    assert_eq!(regressions(0.5), 1, "only failures more than doubled");
    let back = compare(b.run(), a.run(), CompareOptions::default());
    assert!(back.regressions(0.0).is_empty());
}

#[test]
fn values_are_those_of_the_summary() {
    let a = make(USUAL);
    let comparison = compare(a.run(), a.run(), quick());
    let response = a.summary.operations[0].response_us.unwrap();
    for (name, expected) in [
        ("response_us.p50", response.p50 as f64),
        ("response_us.p90", response.p90 as f64),
        ("service_us.p95", response.p95 as f64),
        ("service_us.p99", response.p99 as f64),
        ("rate_per_s", a.summary.operations[0].rate_per_s),
    ] {
        assert_eq!(metric(&comparison, name).a, expected, "{name}");
    }
    assert!((metric(&comparison, "response_us.mean").a - response.mean).abs() < 1e-6);
    for metric in &comparison.operations[0].metrics {
        assert_eq!((metric.a, metric.change), (metric.b, Change::Same), "a run is itself: {metric:?}");
    }
}

/// False alarms among `trials` comparisons of runs that differ only by chance.
fn false_alarms(trials: u64, name: &str, made: Made) -> usize {
    let differ = |trial: &u64| {
        let a = make(Made { seed: 1_000 + 2 * trial, ..made });
        let b = make(Made { seed: 1_001 + 2 * trial, ..made });
        metric(&compare(a.run(), b.run(), quick()), name).change != Change::Same
    };
    (0..trials).filter(differ).count()
}

#[test]
fn equal_runs_are_the_same_about_as_often_as_promised() {
    for (name, kept) in [("response_us.p95", 0.5), ("response_us.mean", 0.0)] {
        let alarms = false_alarms(200, name, Made { kept, requests: 40, ..USUAL });
        assert!(alarms <= 20, "{alarms} of 200 runs of {name} with {kept} kept differ by chance, 10 should");
        assert!(alarms >= 1, "intervals of {name} are far too wide");
    }
    let short = false_alarms(100, "response_us.p50", Made { ticks: 10, kept: 0.3, requests: 40, ..USUAL });
    assert!(short <= 10, "{short} of 100 short runs differ by chance, 5 should");
}

#[test]
fn short_runs_have_no_interval_and_no_verdict() {
    let a = make(USUAL);
    let b = make(Made { seed: 2, ticks: 7, level_us: 90_000.0, ..USUAL });
    let comparison = compare(a.run(), b.run(), quick());
    let found = metric(&comparison, "response_us.p50");
    assert_eq!((found.change, found.absolute.interval), (Change::TooShort, None));
    assert!(found.relative.unwrap().estimate > 3.0);
    assert!(comparison.regressions(0.05).is_empty());
    assert!(comparison.warnings.iter().any(|warning| warning.contains("differ in length")));
}

#[test]
fn failures_that_appear_from_nowhere_are_absolute() {
    let none = make(Made { errors: 0.0, ..USUAL });
    let some = make(Made { seed: 2, errors: 0.03, ..USUAL });
    let comparison = compare(none.run(), some.run(), quick());
    let errors = metric(&comparison, "errors.rate");
    assert_eq!((errors.a, errors.relative, errors.change), (0.0, None, Change::Worse));
    assert!(errors.absolute.interval.unwrap().low > 0.01);
    assert!(errors.is_regression(0.5));
    let clean = make(Made { seed: 3, errors: 0.0, ..USUAL });
    let comparison = compare(none.run(), clean.run(), quick());
    assert_eq!(metric(&comparison, "errors.rate").change, Change::Same);
    assert_eq!(metric(&compare(some.run(), none.run(), quick()), "errors.rate").change, Change::Better);
}

#[test]
fn what_only_one_run_has_is_listed_and_what_sets_runs_apart_is_said() {
    let a = make(Made { operations: 2, ticks: 8, ..USUAL });
    let mut b = make(Made { seed: 2, operations: 3, ticks: 8, ..USUAL });
    b.summary.operations.remove(0);
    b.summary.run.host.cores = 7;
    b.summary.run.targets = vec!["http://localhost".into()];
    b.summary.scenarios[0].load = "more".into();
    b.summary.verdict.status = crate::VerdictStatus::Invalid;
    let comparison = compare(a.run(), b.run(), quick());
    let names = |keys: &[OperationKey]| keys.iter().map(|key| key.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&comparison.only_in_a), ["GET /0"]);
    assert_eq!(names(&comparison.only_in_b), ["GET /2"]);
    assert_eq!(comparison.operations[0].key.name, "GET /1");
    let said = comparison.warnings.join("\n");
    for part in
        ["cores differs: `0` in A, `7` in B", "nothing in A", "scenario `main` differs", "run B is invalid"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let json = serde_json::to_value(&comparison).unwrap();
    assert_eq!(json["operations"][0]["metrics"][0]["change"], "same");
}

#[test]
fn a_log_that_does_not_fit_its_summary_says_nothing() {
    let a = make(USUAL);
    let empty = Run { summary: &a.summary, records: &[] };
    let comparison = compare(a.run(), empty, quick());
    assert_eq!(comparison.operations[0].batches_b, 0);
    assert!(comparison.operations[0].metrics.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_other_way_round_is_the_opposite(
        seed: u64,
        ticks in 8_u64..130,
        level_us in 10.0..30_000.0_f64,
        errors in 0.0..0.2_f64,
        options_seed: u64,
    ) {
        let a = make(Made { ticks, requests: 20, ..USUAL });
        let b = make(Made { seed, level_us, errors, requests: 20, ..USUAL });
        let options = CompareOptions { seed: options_seed, ..quick() };
        let (there, back) = (compare(a.run(), b.run(), options), compare(b.run(), a.run(), options));
        prop_assert_eq!(&there, &compare(a.run(), b.run(), options), "the same inputs, the same result");
        for (there, back) in there.operations[0].metrics.iter().zip(&back.operations[0].metrics) {
            let opposite = match there.change {
                Change::Better => Change::Worse,
                Change::Worse => Change::Better,
                same => same,
            };
            prop_assert_eq!(back.change, opposite);
            let (one, other) = (there.absolute.interval.unwrap(), back.absolute.interval.unwrap());
            prop_assert!((one.low + other.high).abs() < 1e-9 && (one.high + other.low).abs() < 1e-9);
            if let Some(interval) = there.relative.and_then(|effect| effect.interval) {
                prop_assert!(interval.low <= interval.high && interval.low > -1.0);
            }
        }
    }
}
