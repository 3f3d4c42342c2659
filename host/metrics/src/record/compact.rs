//! Merging neighbours, so that the log of a week weighs what the log of an hour does.

use std::collections::BTreeMap;

use super::block::add_errors;
use super::{
    CheckRecord, FaultRecord, IntervalRecord, IterationRecord, LimitRecord, MetricRecord, OpRecord,
    ValueRecord,
};
use crate::block::count_status;
use crate::{IterationsSummary, MAX_FAILURE_EXAMPLES_TOTAL, PackedHistogram};

/// Merges neighbours until at most `most` records are left, all of them as wide as the least power of two of ticks with
/// which the run fits. A run that fits comes back as it is.
///
/// Nothing is lost but resolution in time: sums, histograms and events are those of the parts. Compacting again
/// changes nothing, and a log may be compacted while it grows.
pub fn compact(records: Vec<IntervalRecord>, most: usize) -> Vec<IntervalRecord> {
    let ticks: u64 = records.iter().map(|record| u64::from(record.ticks)).sum();
    let mut width = 1_u64;
    while ticks.div_ceil(width) > most.max(1) as u64 {
        width *= 2;
    }
    let mut compacted: Vec<IntervalRecord> = Vec::new();
    let (mut start, mut last_slot) = (0_u64, None);
    for record in records {
        // The line that ends a run has no tick: it belongs to the interval before it.
        let slot = if record.ticks == 0 { last_slot } else { Some(start / width) };
        start += u64::from(record.ticks);
        match compacted.pop() {
            Some(last) if slot == last_slot => compacted.push(merge(last, record)),
            last => compacted.extend(last.into_iter().chain([record])),
        }
        last_slot = slot.or(last_slot);
    }
    compacted
}

/// One record of two neighbours, `a` being the earlier one.
pub fn merge(a: IntervalRecord, b: IntervalRecord) -> IntervalRecord {
    let mut merged = a;
    merged.from_ns = merged.from_ns.min(b.from_ns);
    merged.to_ns = merged.to_ns.max(b.to_ns);
    merged.ticks = merged.ticks.saturating_add(b.ticks);
    merged.vus_busy = merged.vus_busy.max(b.vus_busy);
    merged.rss_bytes = merged.rss_bytes.max(b.rss_bytes);
    add(&mut merged.guest_cpu_ns, b.guest_cpu_ns);
    add(&mut merged.limited_ns, b.limited_ns);
    merged.own_lag_us.merge(&b.own_lag_us);
    add_each(&mut merged.cores_cpu_ns, &b.cores_cpu_ns);
    add_each(&mut merged.parts_guest_cpu_ns, &b.parts_guest_cpu_ns);
    merged.new_ops.extend(b.new_ops);
    merged.new_checks.extend(b.new_checks);
    merged.new_metrics.extend(b.new_metrics);
    rows(&mut merged.ops, b.ops, |row| (!row.warmup, row.op, row.scenario), OpRecord::merge);
    rows(&mut merged.iterations, b.iterations, |row| (!row.warmup, row.scenario), IterationRecord::merge);
    rows(&mut merged.checks, b.checks, |row| (row.check, row.scenario), CheckRecord::merge);
    rows(&mut merged.metrics, b.metrics, |row| (row.metric, row.scenario), MetricRecord::merge);
    rows(&mut merged.limits, b.limits, |row| (row.part, row.limit), LimitRecord::merge);
    rows(&mut merged.faults, b.faults, |row| row.index, FaultRecord::merge);
    let room = MAX_FAILURE_EXAMPLES_TOTAL.saturating_sub(merged.examples.len());
    merged.examples.extend(b.examples.into_iter().take(room));
    merged.events.extend(b.events);
    merged
}

/// Merges rows of the same key; those of a new one are added where they belong in the order of keys.
fn rows<T, K: Ord>(into: &mut Vec<T>, from: Vec<T>, key: fn(&T) -> K, merge: impl Fn(&mut T, T)) {
    let known: BTreeMap<K, usize> = into.iter().enumerate().map(|(index, row)| (key(row), index)).collect();
    for row in from {
        match known.get(&key(&row)) {
            Some(&index) => merge(&mut into[index], row),
            None => into.push(row),
        }
    }
    into.sort_by_key(key);
}

fn add(into: &mut u64, from: u64) {
    *into = into.saturating_add(from);
}

/// Adds place by place.
fn add_each(into: &mut Vec<u64>, from: &[u64]) {
    if into.len() < from.len() {
        into.resize(from.len(), 0);
    }
    for (into, from) in into.iter_mut().zip(from) {
        add(into, *from);
    }
}

impl OpRecord {
    fn merge(&mut self, other: Self) {
        add(&mut self.fired, other.fired);
        add(&mut self.done, other.done);
        add(&mut self.bytes_sent, other.bytes_sent);
        add(&mut self.bytes_received, other.bytes_received);
        add_errors(&mut self.errors, &other.errors);
        for (status, times) in other.statuses {
            count_status(&mut self.statuses, status, times);
        }
        self.service_us.merge(&other.service_us);
        self.response_us.merge(&other.response_us);
        self.lag_us.merge(&other.lag_us);
        for (name, histogram) in other.phases_us {
            self.phases_us.entry(name).or_default().merge(&histogram);
        }
    }
}

impl IterationRecord {
    fn merge(&mut self, other: Self) {
        let IterationsSummary { due, started, finished, failed, interrupted, faulted, dropped } =
            other.counts;
        let counts = &mut self.counts;
        add(&mut counts.due, due);
        add(&mut counts.started, started);
        add(&mut counts.finished, finished);
        add(&mut counts.failed, failed);
        add(&mut counts.interrupted, interrupted);
        add(&mut counts.faulted, faulted);
        add(&mut counts.dropped, dropped);
        self.service_us.merge(&other.service_us);
        self.response_us.merge(&other.response_us);
        self.lag_us.merge(&other.lag_us);
    }
}

impl CheckRecord {
    fn merge(&mut self, other: Self) {
        add(&mut self.passed, other.passed);
        add(&mut self.failed, other.failed);
    }
}

impl MetricRecord {
    fn merge(&mut self, other: Self) {
        match (&mut self.value, other.value) {
            (ValueRecord::Counter(into), ValueRecord::Counter(from)) => *into += from,
            (ValueRecord::Rate { hits, total }, ValueRecord::Rate { hits: more_hits, total: more }) => {
                add(hits, more_hits);
                add(total, more);
            }
            (ValueRecord::Distribution(into), ValueRecord::Distribution(from)) => into.merge(&from),
            (into @ ValueRecord::Gauge { .. }, from @ ValueRecord::Gauge { .. }) => {
                let mut value = super::block::metric_value(into);
                value.absorb(&super::block::metric_value(&from));
                *into = super::block::value_record(&value, |at_ns| at_ns);
            }
            // A metric has one kind for the whole run.
            (_, _) => {}
        }
    }
}

impl LimitRecord {
    fn merge(&mut self, other: Self) {
        add(&mut self.count, other.count);
    }
}

impl FaultRecord {
    fn merge(&mut self, other: Self) {
        self.count = other.count;
        self.fault = other.fault.or(self.fault.take());
    }
}

/// All histograms of a record.
pub(super) fn histograms(record: &IntervalRecord) -> impl Iterator<Item = &PackedHistogram> {
    let ops = record.ops.iter().flat_map(|op| {
        [&op.service_us, &op.response_us, &op.lag_us].into_iter().chain(op.phases_us.values())
    });
    let iterations =
        record.iterations.iter().flat_map(|row| [&row.service_us, &row.response_us, &row.lag_us]);
    let metrics = record.metrics.iter().filter_map(|row| match &row.value {
        ValueRecord::Distribution(values) => Some(values),
        _ => None,
    });
    std::iter::once(&record.own_lag_us).chain(ops).chain(iterations).chain(metrics)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{acts, block, facts, names, run, up_to};
    use super::*;
    use crate::{KnownNames, RecordEvent};

    fn merged_all(records: &[IntervalRecord]) -> Option<IntervalRecord> {
        records.iter().cloned().reduce(merge)
    }

    proptest! {
        #[test]
        fn merging_records_is_adding_blocks(a in acts(), b in acts()) {
            let records = run(&[a.clone(), b.clone()], 0);
            let mut merged = merged_all(&records).unwrap();
            let mut both = block(&a, 0);
            both.absorb(&mut block(&b, super::super::testing::TICK_NS));
            let expected = IntervalRecord::of(&both, &names(), &mut KnownNames::default(), facts(0, 0));
            // A block keeps fewer examples than two lines do.
            merged.examples.clone_from(&expected.examples);
            let IntervalRecord { from_ns, to_ns, ticks, vus_busy, rss_bytes, .. } = merged;
            prop_assert_eq!((from_ns, to_ns, ticks, vus_busy, rss_bytes), (0, 2_000_000_000, 2, 1, 1_001));
            prop_assert_eq!(&merged.cores_cpu_ns, &[10, 14]);
            let cores_cpu_ns = merged.cores_cpu_ns.clone();
            let expected = IntervalRecord { from_ns, to_ns, ticks, vus_busy, rss_bytes, cores_cpu_ns, ..expected };
            prop_assert_eq!(merged, expected);
        }

        #[test]
        fn compacting_keeps_sums_and_order(
            intervals in prop::collection::vec(up_to(5), 1..20),
            most in 1_usize..12,
            early in prop::option::of(1_usize..12),
        ) {
            let records = run(&intervals, 0);
            let mut log = records.clone();
            if let Some(early) = early {
                // A log that was compacted when it was half as long.
                let tail = log.split_off(log.len() / 2);
                log = compact(log, early.max(most));
                log.extend(tail);
            }
            let compacted = compact(log, most);
            prop_assert!(compacted.len() <= most);
            prop_assert_eq!(merged_all(&compacted), merged_all(&records));
            prop_assert!(compacted.windows(2).all(|pair| pair[0].to_ns == pair[1].from_ns));
            let least = (0..).map(|power| 1_u32 << power).find(|width| records.len().div_ceil(*width as usize) <= most);
            prop_assert!(compacted.iter().all(|record| Some(record.ticks) <= least));
            prop_assert_eq!(&compact(compacted.clone(), most), &compacted, "compacting again changes nothing");
            if records.len() <= most && early.is_none() {
                prop_assert_eq!(compacted, records);
            }
        }
    }

    #[test]
    fn the_last_line_joins_the_interval_before_it() {
        let mut records = run(&[vec![], vec![]], 0);
        records.push(IntervalRecord::ended(2_000_000_000, Default::default()));
        let compacted = compact(records, 2);
        assert_eq!(compacted.iter().map(|record| record.ticks).collect::<Vec<_>>(), [1, 1]);
        assert!(matches!(compacted[1].events[..], [RecordEvent::RunEnded(_)]));
    }

    #[test]
    fn a_fault_keeps_its_text_and_its_last_count() {
        let fault = |index: u32, count: u64, text: Option<&str>| {
            let text = text.map(|text| super::super::FaultText {
                plugin: "p".into(),
                during: "iterate".into(),
                text: text.into(),
            });
            IntervalRecord {
                faults: vec![FaultRecord { index, count, fault: text }],
                ..IntervalRecord::default()
            }
        };
        let merged =
            merged_all(&[fault(0, 1, Some("boom")), fault(0, 5, None), fault(1, 1, Some("bang"))]).unwrap();
        let seen: Vec<_> = merged.faults.iter().map(|f| (f.count, f.fault.clone().unwrap().text)).collect();
        assert_eq!(seen, [(5, "boom".to_owned()), (1, "bang".to_owned())]);
    }
}
