//! The server's own numbers beside what the clients saw, and whether the data is consistent.

use stresshost_sdk::prelude::*;

use super::{NOT_TOLD, Told, counter, distribution, failed_as, gauge, head, loads, put, share, told};
use crate::mongo::server::{CONNECTIONS, PAGES_READ, PAGES_REQUESTED, QUEUED};
use crate::monitor::{LOOKS, MEMORY, ROW_LOCK_WAITERS, RUNNING};
use crate::replication::LAG;
use crate::server::{EXECUTE, METRIC};
use crate::setup::told::SERVER;
use crate::statistics::CALLS;
use crate::user::{ACKNOWLEDGED, UNKNOWN};
use crate::verify::READ_BACK;

/// Only phases with an end of their own are looked at meanwhile.
const NOT_SAMPLED: &str = "not sampled: the load had no length of its own";

/// How far a statistic of the server has moved.
pub(super) fn moved(summary: &Summary, name: &str) -> Option<f64> {
    gauge(summary, &format!("{METRIC}{name}"))
}

/// Name, value and source of each truth.
pub(super) fn server(summary: &Summary, analysis: &mut Analysis) {
    let engine = told(summary, SERVER).next().map(|server: Told<'_>| server.evidence);
    let engine = engine.and_then(|evidence| evidence.split(' ').next()).unwrap_or_default();
    let mut table = head(&["what", "value", "source"]);
    let mut row = |what: &str, value: Option<String>, source: &str| {
        table.push(vec![what.to_owned(), value.unwrap_or_else(|| NOT_TOLD.to_owned()), source.to_owned()]);
    };
    if matches!(engine, "PostgreSQL" | "MySQL" | "MariaDB" | "SQLite") {
        deadlocks(summary, &mut row);
        locks(summary, engine, &mut row);
    }
    let (hit, source) = cache(summary);
    row("Cache hit ratio", hit.map(|(hit, all)| share(hit, all)), source);
    match engine {
        "PostgreSQL" => {
            let is_primary = moved(summary, "pg_is_in_recovery") == Some(0.0);
            let is_alone = is_primary && moved(summary, "pg_stat_replication.replicas") == Some(0.0);
            let source = if is_primary {
                "pg_stat_replication.replay_lag of the last replica, sampled"
            } else {
                "age of the last transaction replayed, sampled"
            };
            row("Replication lag", lag(summary, is_alone.then_some("no replicas")), source);
            row("Time of each statement in the server", counted(summary), "pg_stat_statements");
        }
        "MySQL" | "MariaDB" => {
            let most = moved(summary, "Max_used_connections").map(|most| format!("{most:.0}"));
            row("Most connections at once, since the server began", most, "Max_used_connections");
            let running = distribution(summary, RUNNING);
            row(
                "Threads running",
                running.map(|values| format!("{:.1} in the mean, most {}", values.mean, values.max)),
                "Threads_running, sampled",
            );
            let is_alone = moved(summary, "replication sources") == Some(0.0);
            let none = is_alone.then_some("this server is no replica; its own it does not know");
            row(
                "Replication lag",
                lag(summary, none),
                "Seconds_Behind_Master or Seconds_Behind_Source, sampled",
            );
            let executed = moved(summary, &format!("{EXECUTE}.calls")).filter(|calls| *calls > 0.0);
            let inside = executed.zip(moved(summary, &format!("{EXECUTE}.ms")));
            let inside = inside.map(|(calls, ms)| format!("{:.3} ms in the mean of {calls:.0}", ms / calls));
            row(
                "Time of prepared statements in the server",
                inside,
                "statement/com/Execute, performance_schema",
            );
            if engine == "MySQL" {
                let source = "prepared_statements_instances, performance_schema, sampled";
                row("Time of each statement in the server", counted(summary), source);
            }
        }
        "SQLite" => {}
        "MongoDB" => mongo(summary, &mut row),
        _ => {
            let memory = distribution(summary, MEMORY)
                .map(|values| format!("{:.1} MiB", values.max as f64 / f64::from(1 << 20)));
            row("Peak memory usage", memory, "used_memory, sampled");
            let evicted = moved(summary, "evicted_keys").map(|keys| format!("{keys:.0}"));
            row("Keys evicted", evicted, "evicted_keys");
            let errors = moved(summary, "total_error_replies").map(|errors| format!("{errors:.0}"));
            row("Error replies", errors, "total_error_replies");
        }
    }
    let text = "Differences between before and after the load. They are of the whole server: other sessions count, too.";
    put(analysis, "Server", &[text], table);
}

/// How far replicas were behind; `alone` says why none was.
fn lag(summary: &Summary, alone: Option<&str>) -> Option<String> {
    if let Some(reason) = alone {
        return Some(reason.to_owned());
    }
    if counter(summary, LOOKS).is_none() {
        return Some(NOT_SAMPLED.to_owned());
    }
    let ms = distribution(summary, LAG).filter(|ms| ms.count > 0)?;
    Some(format!("{:.0} ms in the mean, most {} ms, sampled {} times", ms.mean, ms.max, ms.count))
}

/// Where to look when the server has counted statements.
fn counted(summary: &Summary) -> Option<String> {
    let names = summary.metrics.iter().map(|metric| metric.name.as_str());
    let mut calls = names.filter_map(|name| name.strip_prefix(METRIC)).filter(|name| name.starts_with(CALLS));
    calls.any(|name| moved(summary, name) > Some(0.0)).then(|| "see the statements".to_owned())
}

/// What `serverStatus` of MongoDB tells.
fn mongo(summary: &Summary, row: &mut impl FnMut(&str, Option<String>, &str)) {
    let count = |name: &str| moved(summary, name).map(|count| format!("{count:.0}"));
    for (what, name) in [
        ("Queries", "opcounters.query"),
        ("Inserts", "opcounters.insert"),
        ("Updates", "opcounters.update"),
        ("Deletes", "opcounters.delete"),
        ("Further batches asked for", "opcounters.getmore"),
        ("Other commands", "opcounters.command"),
        ("Documents returned", "metrics.document.returned"),
        ("Documents inserted", "metrics.document.inserted"),
        ("Documents updated", "metrics.document.updated"),
        ("Documents deleted", "metrics.document.deleted"),
        ("Write conflicts", "metrics.operation.writeConflicts"),
        ("Errors of clients", "asserts.user"),
    ] {
        row(what, count(name), name);
    }
    for (what, metric, source) in [
        ("Connections of the server", CONNECTIONS, "connections.current, sampled"),
        ("Operations waiting for a lock", QUEUED, "globalLock.currentQueue.total, sampled"),
    ] {
        let seen = distribution(summary, metric);
        row(what, seen.map(|values| format!("{:.1} in the mean, most {}", values.mean, values.max)), source);
    }
}

/// Deadlocks by the clients' error codes, and by the server's counter.
fn deadlocks(summary: &Summary, row: &mut impl FnMut(&str, Option<String>, &str)) {
    let own = own_deadlocks(summary);
    row("Deadlocks of this run", Some(own.to_string()), "error codes of its own statements, exact");
    let names = ["pg_stat_database.deadlocks", "Innodb_deadlocks", "INNODB_METRICS.lock_deadlocks"];
    let counted = names.iter().find_map(|name| Some((*name, moved(summary, name)?)));
    let (source, value) = match counted {
        Some((name, all)) => {
            let others = all - own as f64;
            let rest = if others == 0.0 {
                "none of other sessions".to_owned()
            } else {
                format!("{others:+.0} other sessions")
            };
            (name, Some(format!("{all:.0} ({rest})")))
        }
        None => ("the server's counter", None),
    };
    row("Deadlocks counted by the server", value, source);
}

pub(super) fn own_deadlocks(summary: &Summary) -> u64 {
    loads(summary).map(|scenario| failed_as(summary, &scenario.name, ErrorKind::Deadlock)).sum()
}

fn locks(summary: &Summary, engine: &str, row: &mut impl FnMut(&str, Option<String>, &str)) {
    if engine == "PostgreSQL" {
        let value = match (counter(summary, LOOKS), waiting(summary)) {
            (Some(looks), Some((waiting, seen))) => {
                format!("{}, sampled {looks:.0} times", share(waiting, seen))
            }
            (Some(looks), None) => format!("no active session was seen in {looks:.0} looks"),
            (None, _) => NOT_SAMPLED.to_owned(),
        };
        row(
            "Lock waits (share of active sessions)",
            Some(value),
            "pg_stat_activity.wait_event_type = 'Lock', sampled",
        );
        return;
    }
    if engine == "SQLite" {
        row("Row lock waits", None, "a file is locked as a whole, and waits are not counted");
        return;
    }
    let waits = moved(summary, "Innodb_row_lock_waits").map(|waits| format!("{waits:.0}"));
    row("Row lock waits", waits, "Innodb_row_lock_waits");
    let mean = moved(summary, "Innodb_row_lock_waits").zip(moved(summary, "Innodb_row_lock_time"));
    let mean = mean.map(|(waits, ms)| {
        if waits > 0.0 {
            format!("{:.1} ms in the mean, {ms:.0} ms together", ms / waits)
        } else {
            format!("{ms:.0} ms together")
        }
    });
    row("Row lock wait time", mean, "Innodb_row_lock_time");
    let waiters = distribution(summary, ROW_LOCK_WAITERS);
    row(
        "Threads waiting for a row lock",
        waiters.map(|values| format!("{:.1} in the mean, most {}", values.mean, values.max)),
        "Innodb_row_lock_current_waits, sampled",
    );
}

/// Active sessions that were seen waiting, and all that were seen, of every scenario.
pub(super) fn waiting(summary: &Summary) -> Option<(f64, f64)> {
    let rates = loads(summary).filter_map(|scenario| {
        super::rate(summary, &format!("{}{}", crate::monitor::WAITING, scenario.name))
    });
    let (waiting, seen) = rates.fold((0, 0), |sum, rate| (sum.0 + rate.0, sum.1 + rate.1));
    (seen > 0).then_some((waiting as f64, seen as f64))
}

/// Hits and all look-ups of the cache, and which counters they are of.
pub(super) fn cache(summary: &Summary) -> (Option<(f64, f64)>, &'static str) {
    if let Some((hit, read)) =
        moved(summary, "pg_stat_database.blks_hit").zip(moved(summary, "pg_stat_database.blks_read"))
    {
        return (
            Some((hit, hit + read)),
            "blks_hit / (blks_hit + blks_read): shared buffers, not the system's cache",
        );
    }
    if let Some((reads, requests)) =
        moved(summary, "Innodb_buffer_pool_reads").zip(moved(summary, "Innodb_buffer_pool_read_requests"))
    {
        return (
            Some((requests - reads, requests)),
            "1 - Innodb_buffer_pool_reads / Innodb_buffer_pool_read_requests",
        );
    }
    if let Some((reads, requests)) = moved(summary, PAGES_READ).zip(moved(summary, PAGES_REQUESTED)) {
        return (
            Some((requests - reads, requests)),
            "1 - pages read into cache / pages requested from the cache (wiredTiger.cache)",
        );
    }
    match moved(summary, "keyspace_hits").zip(moved(summary, "keyspace_misses")) {
        Some((hits, misses)) => {
            (Some((hits, hits + misses)), "keyspace_hits / (keyspace_hits + keyspace_misses)")
        }
        None => (None, "the server's counters"),
    }
}

/// Invariants, and the ledger of acknowledged writes.
pub(super) fn consistency(summary: &Summary, analysis: &mut Analysis) {
    let mut table = head(&["what", "result"]);
    let invariants: Vec<_> =
        summary.checks.iter().filter(|check| check.name.starts_with("invariant ")).collect();
    if !invariants.is_empty() {
        let held = invariants.iter().filter(|check| check.failed == 0 && check.passed > 0).count();
        table.push(vec!["Invariants".to_owned(), format!("{held} of {} invariants held", invariants.len())]);
    }
    for check in &invariants {
        let result = match (check.passed, check.failed) {
            (0, 0) => "was not checked",
            (_, 0) => "holds",
            _ => "BROKEN",
        };
        table.push(vec![check.name.clone(), result.to_owned()]);
    }
    ledger(summary, analysis, &mut table);
    let unknown: u64 =
        loads(summary).map(|one| failed_as(summary, &one.name, ErrorKind::OutcomeUnknown)).sum();
    if table.len() > 1 || unknown > 0 {
        table.push(vec!["Commits of unknown outcome".to_owned(), unknown.to_string()]);
    }
    put(
        analysis,
        "Consistency",
        &["Queries that return no rows while the data is consistent, run before and after the load."],
        table,
    );
}

/// Whether every acknowledged write of a built-in workload is there.
fn ledger(summary: &Summary, analysis: &mut Analysis, table: &mut Vec<Vec<String>>) {
    let Some(there) = gauge(summary, READ_BACK) else { return };
    let Some(acknowledged) = counter(summary, ACKNOWLEDGED) else { return };
    let mut row = |what: &str, result: String| table.push(vec![what.to_owned(), result]);
    if summary.warmup.is_some() || summary.scenarios.iter().any(|one| super::pool_of(&one.name).is_some()) {
        row(
            "Acknowledged writes read back",
            format!("{there:.0} (not compared: there was a load that is not counted)"),
        );
        return;
    }
    let interrupted: u64 =
        loads(summary).map(|one| one.iterations.interrupted + one.iterations.faulted).sum();
    let unknown = counter(summary, UNKNOWN).unwrap_or_default() + interrupted as f64;
    row("Acknowledged writes", format!("{acknowledged:.0}"));
    row("Writes read back", format!("{there:.0}"));
    row("Writes of unknown outcome", format!("{unknown:.0}"));
    let holds = there >= acknowledged && there <= acknowledged + unknown;
    row("Every acknowledged write is there, and no other", if holds { "yes" } else { "NO" }.to_owned());
    if !holds {
        analysis.findings.push(Finding {
            rule: "acknowledged-writes".to_owned(),
            severity: "critical".to_owned(),
            message: "the data does not hold what was acknowledged".to_owned(),
            evidence: format!(
                "{acknowledged:.0} acknowledged, {there:.0} there, {unknown:.0} of unknown outcome"
            ),
            confidence: "confirmed".to_owned(),
            ..Finding::default()
        });
    }
}
