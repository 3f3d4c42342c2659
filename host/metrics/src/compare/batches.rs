//! A run's operations cut into batches of time, and their numbers in any resample of the batches.

use std::collections::BTreeMap;

use super::bootstrap::{Random, Replicates, resample};
use super::{OperationKey, Run};
use crate::{IntervalRecord, MAX_BATCHES, PackedHistogram};

/// Number of compared metrics.
const COUNT: usize = 12;

/// A compared number.
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) more_is_better: bool,
}

const fn time(name: &'static str) -> Metric {
    Metric { name, unit: "us", more_is_better: false }
}

/// In the order in which [`OperationBatches::measure`] gives them.
pub(super) const METRICS: [Metric; COUNT] = [
    time("response_us.p50"),
    time("response_us.p90"),
    time("response_us.p95"),
    time("response_us.p99"),
    time("response_us.mean"),
    time("service_us.p50"),
    time("service_us.p90"),
    time("service_us.p95"),
    time("service_us.p99"),
    time("service_us.mean"),
    Metric { name: "errors.rate", unit: "ratio", more_is_better: false },
    Metric { name: "rate_per_s", unit: "per_s", more_is_better: true },
];

const QUANTILES: [f64; 4] = [0.5, 0.9, 0.95, 0.99];

/// A number and how finely it was measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) value: f64,
    /// Width of the histogram's cell it lies in; 0 where nothing is rounded.
    pub(super) resolution: f64,
}

/// One operation of a run.
pub(super) struct OperationBatches {
    pub(super) key: OperationKey,
    /// Its numbers over all batches; `None` where there is no data.
    pub(super) values: [Option<Value>; COUNT],
    fired: Vec<f64>,
    done: Vec<f64>,
    errors: Vec<f64>,
    seconds: Vec<f64>,
    response: Times,
    service: Times,
}

/// Times of an operation in every batch, so laid out that a quantile of any resample takes a few sums.
struct Times {
    /// Greatest value and width of every cell that is used, in ascending order.
    cells: Vec<(u64, u64)>,
    /// For each cell, for each batch: how many values are in it and the cells below.
    below: Vec<f64>,
    /// For each batch: the number of values, and their sum.
    counts: Vec<f64>,
    sums: Vec<f64>,
}

/// What is gathered of an operation in one batch.
#[derive(Default)]
struct Batch {
    fired: u64,
    done: u64,
    errors: u64,
    response: PackedHistogram,
    service: PackedHistogram,
}

/// All operations of a run in the order of its summary.
pub(super) fn of_run(run: Run<'_>) -> Vec<OperationBatches> {
    let ids: BTreeMap<(&str, &str), u32> = run
        .records
        .iter()
        .flat_map(|record| &record.new_ops)
        .zip(0_u32..)
        .map(|(op, id)| ((op.name.as_str(), op.protocol.as_str()), id))
        .collect();
    let operations = run.summary.operations.iter().map(|op| {
        let key = OperationKey {
            phase: op.phase.clone(),
            plugin: op.plugin.clone(),
            scenario: op.scenario.clone(),
            name: op.name.clone(),
            protocol: op.protocol.clone(),
        };
        let scenario = run.summary.scenarios.iter().position(|scenario| {
            (&scenario.phase, &scenario.plugin, &scenario.name) == (&op.phase, &op.plugin, &op.scenario)
        });
        let id = ids.get(&(op.name.as_str(), op.protocol.as_str()));
        let scenario = scenario.and_then(|scenario| u16::try_from(scenario).ok());
        let batches = match (id, scenario) {
            (Some(&id), Some(scenario)) => gather(run.records, id, scenario),
            _ => Vec::new(),
        };
        OperationBatches::new(key, &batches, op.rate_per_s)
    });
    operations.collect()
}

/// The batches of an operation and their lengths in seconds: from the first to the last interval in which its scenario
/// did anything, in at most [`MAX_BATCHES`] parts of as many intervals each.
fn gather(records: &[IntervalRecord], op: u32, scenario: u16) -> Vec<(f64, Batch)> {
    let active = |record: &IntervalRecord| {
        record.ops.iter().any(|row| row.scenario == scenario && !row.warmup)
            || record.iterations.iter().any(|row| row.scenario == scenario && !row.warmup)
    };
    let Some(first) = records.iter().position(active) else { return Vec::new() };
    let last = records.iter().rposition(active).unwrap_or(first);
    let records = &records[first..=last];
    let batch = |records: &[IntervalRecord]| {
        let (mut length_ns, mut batch) = (0_u64, Batch::default());
        for record in records {
            length_ns = length_ns.saturating_add(record.to_ns.saturating_sub(record.from_ns));
            let own =
                |row: &&crate::record::OpRecord| (row.op, row.scenario, row.warmup) == (op, scenario, false);
            for row in record.ops.iter().filter(own) {
                batch.fired = batch.fired.saturating_add(row.fired);
                batch.done = batch.done.saturating_add(row.done);
                batch.errors =
                    row.errors.values().fold(batch.errors, |sum, count| sum.saturating_add(*count));
                batch.response.merge(&row.response_us);
                batch.service.merge(&row.service_us);
            }
        }
        (length_ns as f64 / 1e9, batch)
    };
    records.chunks(records.len().div_ceil(MAX_BATCHES)).map(batch).collect()
}

impl OperationBatches {
    /// `rate_per_s` is the operation's in the summary: it knows when iterations could start to the nanosecond, batches
    /// only to the tick.
    fn new(key: OperationKey, batches: &[(f64, Batch)], rate_per_s: f64) -> Self {
        let column = |pick: fn(&Batch) -> u64| batches.iter().map(|(_, batch)| pick(batch) as f64).collect();
        let mut own = Self {
            key,
            values: [None; COUNT],
            fired: column(|batch| batch.fired),
            done: column(|batch| batch.done),
            errors: column(|batch| batch.errors),
            seconds: batches.iter().map(|(seconds, _)| *seconds).collect(),
            response: Times::new(batches.iter().map(|(_, batch)| &batch.response)),
            service: Times::new(batches.iter().map(|(_, batch)| &batch.service)),
        };
        own.values = own.measure(&vec![1.0; batches.len()]);
        if let Some(rate) = &mut own.values[COUNT - 1]
            && rate.value > 0.0
            && rate_per_s > 0.0
        {
            let factor = rate_per_s / rate.value;
            own.seconds.iter_mut().for_each(|seconds| *seconds /= factor);
            rate.value = rate_per_s;
        }
        own
    }

    /// Number of batches.
    pub(super) fn len(&self) -> usize {
        self.fired.len()
    }

    /// Every number in every resample.
    pub(super) fn replicates(&self, seed: u64, resamples: u32) -> [Replicates; COUNT] {
        let mut replicates = [const { Vec::new() }; COUNT];
        let (mut weights, mut random) = (vec![0.0; self.len()], Random::new(seed));
        for _ in 0..resamples {
            resample(&mut weights, &mut random);
            for (list, value) in replicates.iter_mut().zip(self.measure(&weights)) {
                list.push(value.map(|value| value.value));
            }
        }
        replicates
    }

    /// Every number when each batch is there as often as `weights` says.
    fn measure(&self, weights: &[f64]) -> [Option<Value>; COUNT] {
        let mut values = [None; COUNT];
        for (times, at) in [(&self.response, 0), (&self.service, QUANTILES.len() + 1)] {
            values[at..at + QUANTILES.len()].copy_from_slice(&times.quantiles(weights));
            values[at + QUANTILES.len()] = times.mean(weights);
        }
        let exact = |value: f64| Value { value, resolution: 0.0 };
        values[COUNT - 2] = share(dot(&self.errors, weights), dot(&self.done, weights)).map(exact);
        values[COUNT - 1] = share(dot(&self.fired, weights), dot(&self.seconds, weights)).map(exact);
        values
    }
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// Sums four at a time: the order of a plain sum would keep the compiler from using wide registers.
fn dot(values: &[f64], weights: &[f64]) -> f64 {
    let (chunks, rest) = values.as_chunks::<4>();
    let (weight_chunks, weight_rest) = weights.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (values, weights) in chunks.iter().zip(weight_chunks) {
        for lane in 0..4 {
            sums[lane] += values[lane] * weights[lane];
        }
    }
    let rest: f64 = rest.iter().zip(weight_rest).map(|(value, weight)| value * weight).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

impl Times {
    fn new<'a>(batches: impl Iterator<Item = &'a PackedHistogram> + Clone) -> Self {
        let mut all = PackedHistogram::default();
        batches.clone().for_each(|batch| all.merge(batch));
        let cells: Vec<(u64, u64)> = all.cells().map(|cell| (cell.greatest, cell.width)).collect();
        let count = batches.clone().count();
        let mut below = vec![0.0; cells.len() * count];
        let (mut counts, mut sums) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (index, batch) in batches.enumerate() {
            let (mut own, mut so_far, mut sum) = (batch.cells().peekable(), 0.0, 0.0);
            for (place, (greatest, _)) in cells.iter().enumerate() {
                if let Some(cell) = own.next_if(|cell| cell.greatest == *greatest) {
                    so_far += cell.count as f64;
                    sum += cell.middle as f64 * cell.count as f64;
                }
                below[place * count + index] = so_far;
            }
            counts.push(so_far);
            sums.push(sum);
        }
        Self { cells, below, counts, sums }
    }

    /// The quantiles as [`Percentiles`](crate::Percentiles) has them.
    fn quantiles(&self, weights: &[f64]) -> [Option<Value>; QUANTILES.len()] {
        let all = dot(&self.counts, weights);
        if all < 1.0 {
            return [None; QUANTILES.len()];
        }
        let row = |place: usize| &self.below[place * weights.len()..(place + 1) * weights.len()];
        let (mut from, mut to) = (0, self.cells.len());
        QUANTILES.map(|quantile| {
            let rank = (quantile * all).ceil().max(1.0);
            // Quantiles ascend, so each is looked for from the last one on.
            to = self.cells.len();
            while from < to {
                let middle = from.midpoint(to);
                if dot(row(middle), weights) < rank { from = middle + 1 } else { to = middle }
            }
            let (greatest, width) = *self.cells.get(from).or(self.cells.last())?;
            Some(Value { value: greatest as f64, resolution: width as f64 })
        })
    }

    fn mean(&self, weights: &[f64]) -> Option<Value> {
        let value = share(dot(&self.sums, weights), dot(&self.counts, weights))?;
        Some(Value { value, resolution: 0.0 })
    }
}
