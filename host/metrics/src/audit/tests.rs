//! Audits of true summaries, and of summaries with one thing wrong.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::Percentiles;
use crate::record::testing::{Act, Live, live, run_info, up_to};
use crate::record::{compact, rebuild_log};

fn rebuilt(live: &Live, most: usize, lines: usize) -> Rebuilt {
    let log = compact(live.records[..lines].to_vec(), most);
    let log: String = log.iter().map(|record| record.to_line() + "\n").collect();
    rebuild_log(&live.plan, "plugin", run_info(), log.as_bytes()).unwrap()
}

/// The summary as it is read from a file.
fn from_file(summary: &Summary) -> Summary {
    serde_json::from_str(&serde_json::to_string_pretty(summary).unwrap()).unwrap()
}

/// A run in which everything happens.
fn busy() -> Live {
    let op = |op, error| Act::Op {
        op,
        scenario: 0,
        warmup: false,
        status: 200,
        error,
        times_us: [5, 700, 600, 40],
    };
    let iteration =
        |end| Act::Iteration { scenario: 0, warmup: end == 1, end, times_us: [9, 800], dropped: 1 };
    let metric = |metric, value| Act::Metric { metric, scenario: 0, value, at_ns: 3 };
    let check = |passed| Act::Check { check: 0, scenario: 0, passed };
    let acts = vec![
        op(0, None),
        op(0, Some(4)),
        op(3, Some(20)),
        iteration(0),
        iteration(1),
        iteration(2),
        iteration(3),
        check(true),
        check(false),
        metric(0, 2.0),
        metric(1, 7.0),
        metric(2, 1.0),
        metric(3, 5.0),
        Act::Guest { part: 0, ns: 77 },
        Act::Guest { part: 1, ns: 1_000 },
        Act::Guest { part: 2, ns: 23 },
        Act::Limit { part: 0, limit: 6, count: 2 },
        Act::Limit { part: 2, limit: 6, count: 1 },
        Act::Limit { part: 1, limit: 0, count: 1 },
    ];
    live(&vec![acts; 6], 0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_true_summary_passes(intervals in prop::collection::vec(up_to(12), 2..9), most in 2_usize..12) {
        let live = live(&intervals, 0);
        let audit = audit(&from_file(&live.summary), &rebuilt(&live, most, live.records.len()));
        prop_assert!(audit.is_ok(), "{:?}", audit.failed().collect::<Vec<_>>());
        prop_assert!(audit.compared > 50);
    }

    #[test]
    fn so_does_the_summary_of_a_run_that_was_killed(
        intervals in prop::collection::vec(up_to(12), 2..9),
        cut: prop::sample::Index,
    ) {
        let live = live(&intervals, 0);
        let rebuilt = rebuilt(&live, 100, 1 + cut.index(intervals.len()));
        let audit = audit(&rebuilt.summary, &rebuilt);
        prop_assert!(audit.is_ok(), "{:?}", audit.failed().collect::<Vec<_>>());
    }
}

/// Every number in a document, by its pointer.
fn numbers(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(path),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, entry)| numbers(entry, format!("{path}/{at}"), found));
        }
        Value::Object(map) => {
            map.iter().for_each(|(key, entry)| numbers(entry, format!("{path}/{key}"), found));
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[test]
fn every_number_that_is_changed_is_found() {
    let live = busy();
    let rebuilt = rebuilt(&live, 100, live.records.len());
    assert!(audit(&live.summary, &rebuilt).is_ok());
    let document = serde_json::to_value(&live.summary).unwrap();
    let mut paths = Vec::new();
    numbers(&document, String::new(), &mut paths);
    assert!(paths.len() > 300, "{}", paths.len());
    for path in paths.iter().filter(|path| !["/run/seed", "/run/host/cores"].contains(&path.as_str())) {
        let mut changed = document.clone();
        let number = changed.pointer_mut(path).unwrap();
        *number = match number.as_u64() {
            Some(whole) => Value::from(whole + 1),
            None => Value::from(number.as_f64().unwrap() * 1.000_001 + 1e-9),
        };
        let changed: Summary = serde_json::from_value(changed).unwrap();
        let audit = audit(&changed, &rebuilt);
        let last = path.rsplit('/').next().unwrap();
        let named = audit.failed().any(|check| check.what.ends_with(last) || last.parse::<u32>().is_ok());
        assert!(named, "{path}: {:?}", audit.failed().collect::<Vec<_>>());
    }
}

#[test]
fn text_and_missing_entries_are_found_and_a_flood_is_cut() {
    let live = busy();
    let rebuilt = rebuilt(&live, 100, live.records.len());
    let failed = |change: fn(&mut Summary)| {
        let mut summary = live.summary.clone();
        change(&mut summary);
        let audit = audit(&summary, &rebuilt);
        (audit.failed().map(|check| check.what.clone()).collect::<Vec<_>>(), audit.unlisted)
    };
    assert!(failed(|summary| summary.verdict.reasons.clear()).0[0].starts_with("verdict/reasons/0"));
    assert!(failed(|summary| summary.faults[0].text.clear()).0[0].ends_with("/text"));
    assert!(
        failed(|summary| summary.operations.truncate(1)).0.iter().any(|what| what.contains("operations/1"))
    );
    assert!(failed(|summary| summary.run.id.clear()).0.is_empty(), "which run it was is not in the record");
    let (listed, unlisted) = failed(|summary| {
        for point in &mut summary.series {
            *point = crate::SeriesPoint { t_s: -1.0, ..point.clone() };
        }
        summary.operations = vec![summary.operations[0].clone(); 500];
    });
    assert_eq!(listed.len(), crate::MAX_AUDIT_FINDINGS);
    assert!(unlisted > 100);
}

#[test]
fn what_each_plugin_used_is_computed_again_unless_the_summary_is_older() {
    let mut live = busy();
    let rebuilt = rebuilt(&live, 100, live.records.len());
    let told = |summary: &Summary| -> Vec<(String, f64)> {
        summary.generator.plugins.iter().map(|used| (used.name.clone(), used.guest_cpu_s)).collect()
    };
    assert_eq!(told(&rebuilt.summary), [("web".to_owned(), 6e-7), ("db".to_owned(), 6e-6)]);
    assert_eq!(told(&live.summary), told(&rebuilt.summary));
    let left_out = |audit: &Audit| audit.left_out.iter().any(|part| part.what == "generator/plugins");
    assert!(!left_out(&audit(&live.summary, &rebuilt)));
    live.summary.generator.plugins.swap(0, 1);
    let swapped = audit(&live.summary, &rebuilt);
    assert!(
        swapped.failed().any(|check| check.what == "generator/plugins/0 (db)/guest_cpu_s"),
        "{swapped:?}"
    );
    live.summary.generator.plugins.truncate(1);
    assert!(!audit(&live.summary, &rebuilt).is_ok());
    live.summary.generator.plugins.clear();
    let older = audit(&live.summary, &rebuilt);
    assert!(older.is_ok() && left_out(&older), "{older:?}");
}

#[test]
fn limits_reached_are_computed_again() {
    let live = busy();
    let rebuilt = rebuilt(&live, 2, live.records.len());
    let told: Vec<_> =
        live.summary.limits.iter().map(|r| (&r.plugin[..], &r.limit[..], &r.meaning[..], r.count)).collect();
    let expected =
        [("web", "log-lines", "log lines not shown", 18), ("db", "memory", "growth of memory refused", 6)];
    assert_eq!(told, expected);
    assert!(audit(&live.summary, &rebuilt).is_ok());
    let failed = |change: fn(&mut Summary)| {
        let mut summary = live.summary.clone();
        change(&mut summary);
        let audit = audit(&summary, &rebuilt);
        audit.failed().map(|check| check.what.clone()).collect::<Vec<_>>()
    };
    assert_eq!(failed(|summary| summary.limits[0].count -= 1), ["limits/0/count"]);
    assert_eq!(failed(|summary| summary.limits[1].plugin = "web".into()), ["limits/1/plugin"]);
    assert_eq!(failed(|summary| summary.limits.truncate(1)), ["limits/1"]);
    assert_eq!(failed(|summary| summary.limits.clear()), ["limits"]);
}

/// What breaks when a summary and its record agree on something impossible.
fn broken(change: impl Fn(&mut Summary)) -> Vec<String> {
    let live = busy();
    let mut rebuilt = rebuilt(&live, 100, live.records.len());
    change(&mut rebuilt.summary);
    let audit = audit(&rebuilt.summary.clone(), &rebuilt);
    audit.failed().map(|check| check.what.clone()).collect()
}

#[test]
fn laws_hold_whatever_the_record_says() {
    type Change = fn(&mut Summary);
    let cases: [(&str, Change); 14] = [
        ("due = started + dropped", |s| s.scenarios[0].iterations.due += 1),
        ("started = finished", |s| {
            s.scenarios[0].iterations.started += 1;
            s.scenarios[0].iterations.due += 1;
        }),
        ("number of response times of warm-up of scenario", |s| {
            s.warmup.as_mut().unwrap().scenarios[0].iterations.faulted += 1;
        }),
        ("number of service times of operation", |s| s.operations[0].service_us.as_mut().unwrap().count += 1),
        ("failures of operation", |s| {
            s.operations[0].errors.insert("timeout".into(), 1_000);
        }),
        ("times of a phase of operation", |s| {
            s.operations[0].phases_us.get_mut("wait").unwrap().count = 1_000;
        }),
        ("percentiles of response of operation", |s| s.operations[0].response_us.as_mut().unwrap().p90 = 1),
        ("percentiles of metric", |s| {
            for metric in &mut s.metrics {
                if let crate::MetricValueSummary::Distribution { values } = &mut metric.value {
                    values.mean = 1e9;
                }
            }
        }),
        ("rate = number / time of operation", |s| s.operations[0].rate_per_s *= 1.01),
        ("operations sent, summed over the series", |s| s.series[0].fired += 1),
        ("start of the point of the series after", |s| s.series[1].t_s += 0.1),
        ("operations over all", |s| s.overall.as_mut().unwrap().count += 1),
        ("share of the busiest core", |s| s.generator.busiest_core_share = 0.0),
        ("CPU seconds of all plugins", |s| s.generator.plugins[1].guest_cpu_s += 0.1),
    ];
    assert_eq!(broken(|_| {}), Vec::<String>::new());
    for (expected, change) in cases {
        let found = broken(change);
        assert!(found.iter().any(|what| what.starts_with(expected)), "{expected}: {found:?}");
    }
}

/// A run of 40 s of a closed model whose iterations last 100 ms, seen with `vus_busy` at every tick.
fn steady(vus_busy: u64, count: u64) -> Summary {
    let mut summary = live(&vec![Vec::new(); 40], 0).summary;
    summary.series.iter_mut().for_each(|point| point.vus_busy = vus_busy);
    summary.scenarios[0].service_us = Some(Percentiles { count, mean: 100_000.0, ..Percentiles::default() });
    summary.scenarios[0].iterations.started = count;
    summary
}

#[test]
fn littles_law_is_told_with_its_numbers_and_fails_only_by_far() {
    let said = |summary: &Summary| {
        let mut audit = Audit::default();
        little::check(&mut audit, summary);
        audit
    };
    for (vus_busy, ok) in [(5, true), (8, true), (11, false), (2, false)] {
        // 2,000 iterations of 100 ms in 40 s: five at a time.
        let audit = said(&steady(vus_busy, 2_000));
        let check = &audit.checks[0];
        assert_eq!(check.ok, ok, "{check:?}");
        assert!(check.expected.starts_with("5.00 by rate x duration"), "{check:?}");
        assert!(check.reported.starts_with(&format!("{vus_busy}.00 seen")), "{check:?}");
    }
    let left_out = |change: fn(&mut Summary)| {
        let mut summary = steady(5, 2_000);
        change(&mut summary);
        said(&summary).left_out.remove(0).reason
    };
    assert!(left_out(|summary| summary.scenarios[0].open = true).contains("open model"));
    assert!(left_out(|summary| summary.series.truncate(19)).contains("19 points"));
    assert!(left_out(|summary| summary.scenarios[0].service_us = None).contains("no iteration ended"));
    assert!(left_out(|summary| summary.scenarios[0].iterations.interrupted = 21).contains("21 of 2000"));
    assert!(
        left_out(|summary| summary.scenarios[0].service_us.as_mut().unwrap().mean = 3e6).contains("too long")
    );
    assert!(
        left_out(|summary| summary.series.iter_mut().for_each(|p| p.vus_busy = 0))
            .contains("0.00 virtual users")
    );
}
