//! What a tick tells: the interval and the counts so far.

use std::collections::HashMap;

use crate::summarize::errors_by_name;
use crate::totals::{NS_PER_S, merged};
use crate::usage::Usage;
use crate::{
    Block, GeneratorSnapshot, MAX_SNAPSHOT_OPERATIONS, Names, OpId, OpStats, OperationSnapshot, Percentiles,
    ScenarioSnapshot, SeriesPoint, Snapshot, TickFacts, Totals, Window,
};

/// Both windows of one operation in one scenario; absent where nothing was measured.
type BothWindows<'a> = HashMap<(OpId, u16), Vec<&'a OpStats>>;

impl Totals {
    /// Folds the interval into the total and the series, and tells what it was.
    pub(crate) fn snapshot(
        &mut self,
        from_ns: u64,
        facts: &TickFacts<'_>,
        usage: &Usage,
        names: &Names,
    ) -> Snapshot {
        let interval_s = facts.now_ns.saturating_sub(from_ns) as f64 / NS_PER_S;
        let response = merged(all_ops(&self.interval), |op| &op.response_us);
        let lag = merged(all_ops(&self.interval), |op| &op.lag_us);
        let (mut fired, mut done, mut errors, mut bytes_received) = (0, 0, 0, 0);
        for op in all_ops(&self.interval) {
            fired += op.fired;
            done += op.done;
            errors += op.failed();
            bytes_received += op.bytes_received;
        }
        let latencies = self.interval_latencies();
        let own_lag_p99_us = self.interval.own_lag_us.value_at_quantile(0.99);
        self.total.absorb(&mut self.interval);
        let response_us = Percentiles::of(&response);
        let vus_busy = facts.vus_busy;
        let t_s = from_ns.saturating_sub(self.start_ns) as f64 / NS_PER_S;
        let point = SeriesPoint { t_s, width_s: interval_s, fired, done, errors, vus_busy, response_us };
        self.series.push(point, &response);
        Snapshot {
            t_s: facts.now_ns.saturating_sub(self.start_ns) as f64 / NS_PER_S,
            interval_s,
            vus_busy,
            fired,
            done,
            errors,
            bytes_received,
            response_us,
            lag_p99_us: lag.value_at_quantile(0.99),
            scenarios: self.scenario_snapshots(),
            operations: self.operation_snapshots(&latencies, names),
            metrics: self.metric_summaries(names, facts.now_ns),
            phases: self
                .phases
                .iter()
                .filter(|phase| phase.is_running())
                .map(|phase| phase.name().to_owned())
                .collect(),
            generator: GeneratorSnapshot {
                cpu_share: usage.cpu_share(),
                rss_bytes: facts.rss_bytes,
                own_lag_p99_us,
            },
        }
    }

    fn scenario_snapshots(&self) -> Vec<ScenarioSnapshot> {
        let snapshot = |(index, info): (usize, &crate::scenarios::ScenarioInfo)| {
            let counts = self.counts(index);
            ScenarioSnapshot {
                name: info.name.clone(),
                due: counts.due,
                started: counts.started,
                finished: counts.finished,
                failed: counts.failed + counts.interrupted + counts.faulted,
                dropped: counts.dropped,
            }
        };
        self.scenarios.iter().enumerate().map(snapshot).collect()
    }

    /// The operations that a snapshot lists: those sent most often so far, the interval included.
    fn listed(&self) -> Vec<(OpId, u16)> {
        let mut fired: HashMap<(OpId, u16), u64> = HashMap::new();
        for block in [&self.total, &self.interval] {
            for (key, stats) in both_windows(block) {
                *fired.entry(key).or_default() += stats.iter().map(|op| op.fired).sum::<u64>();
            }
        }
        let mut keys: Vec<((OpId, u16), u64)> = fired.into_iter().collect();
        keys.sort_unstable_by_key(|((op, scenario), fired)| (std::cmp::Reverse(*fired), op.0, *scenario));
        keys.truncate(MAX_SNAPSHOT_OPERATIONS);
        keys.into_iter().map(|(key, _)| key).collect()
    }

    /// Service and response times of the interval, of each listed operation in the order of the list.
    fn interval_latencies(&self) -> Vec<Listed> {
        let interval = both_windows(&self.interval);
        let latencies = |key: (OpId, u16)| {
            let ops = interval.get(&key).map(Vec::as_slice).unwrap_or_default();
            Listed {
                key,
                service_us: percentiles(ops, |op| &op.service_us),
                response_us: percentiles(ops, |op| &op.response_us),
            }
        };
        self.listed().into_iter().map(latencies).collect()
    }

    fn operation_snapshots(&self, listed: &[Listed], names: &Names) -> Vec<OperationSnapshot> {
        let total = both_windows(&self.total);
        let snapshot = |listed: &Listed| {
            let (op, scenario) = listed.key;
            let name = names.ops().get(op.0 as usize)?;
            let info = self.scenarios.get(usize::from(scenario))?;
            let stats = total.get(&listed.key)?;
            let sum = |pick: fn(&OpStats) -> u64| stats.iter().map(|op| pick(op)).sum();
            let mut errors = [0; crate::ErrorKind::COUNT];
            for op in stats {
                errors.iter_mut().zip(&op.errors).for_each(|(into, from)| *into += from);
            }
            Some(OperationSnapshot {
                name: name.name.clone(),
                protocol: name.protocol.to_owned(),
                scenario: info.name.clone(),
                phase: info.phase.clone(),
                plugin: self.plugin_of(info),
                fired: sum(|op| op.fired),
                done: sum(|op| op.done),
                errors: errors_by_name(&errors),
                bytes_received: sum(|op| op.bytes_received),
                bytes_sent: sum(|op| op.bytes_sent),
                service_us: listed.service_us,
                response_us: listed.response_us,
            })
        };
        listed.iter().filter_map(snapshot).collect()
    }
}

/// An operation of a snapshot and its latencies in the interval.
struct Listed {
    key: (OpId, u16),
    service_us: Option<Percentiles>,
    response_us: Option<Percentiles>,
}

fn percentiles(ops: &[&OpStats], pick: fn(&OpStats) -> &crate::Histogram) -> Option<Percentiles> {
    match ops {
        // Nearly always only one window has data, and a merge costs more than the percentiles.
        [only] => Percentiles::of(pick(only)),
        ops => Percentiles::of(&merged(ops.iter().copied(), pick)),
    }
}

fn both_windows(block: &Block) -> BothWindows<'_> {
    let mut both = BothWindows::new();
    for window in [Window::Warmup, Window::Measured] {
        for (op, scenario, stats) in block.ops(window) {
            both.entry((op, scenario)).or_default().push(stats);
        }
    }
    both
}

fn all_ops(block: &Block) -> impl Iterator<Item = &OpStats> {
    block.ops(Window::Warmup).chain(block.ops(Window::Measured)).map(|(_, _, stats)| stats)
}
