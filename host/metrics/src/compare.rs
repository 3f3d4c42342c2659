//! Whether two runs differ, by how much, and how sure that is.
//!
//! Requests of one run are no independent samples: a slow second makes thousands of them slow together. So the run is
//! cut into batches of time, and intervals come from the stationary bootstrap (Politis and Romano, "The stationary
//! bootstrap", JASA 89, 1994; after Künsch, "The jackknife and the bootstrap for general stationary observations",
//! Annals of Statistics 17, 1989), which resamples stretches of neighbouring batches and so keeps what they share.
//!
//! Measured with runs that differ only by chance: neighbouring seconds correlated by 0.5 give 5 to 7% of false
//! differences where 5% are promised, from 20 batches on; correlated by 0.8, 6 to 13%.
//!
//! What an interval does not say:
//! - It covers what varies *within* a run. What varies between runs (another machine, a cold cache, a neighbour on the
//!   host) is in no run's batches: compare runs of the same machine, and repeat what matters.
//! - Each interval holds with 95%. Of a hundred comparisons of equal runs about five will differ by chance, so a gate
//!   wants a threshold besides significance, which [`Comparison::regressions`] has.

mod batches;
mod bootstrap;
#[cfg(test)]
mod tests;
mod warnings;

use serde::Serialize;

use crate::{IntervalRecord, MIN_BATCHES, Summary};

use batches::OperationBatches;
use bootstrap::Replicates;

/// A run that is compared.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Its summary.
    pub summary: &'a Summary,
    /// Its log.
    pub records: &'a [IntervalRecord],
}

/// How two runs are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CompareOptions {
    /// Seed of the resampling: the same runs and seed give the same result.
    pub seed: u64,
    /// Number of resamples; more make intervals steadier, not narrower. At least 100 and at most
    /// [`MAX_RESAMPLES`](crate::MAX_RESAMPLES).
    pub resamples: u32,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self { seed: 1, resamples: 1_000 }
    }
}

/// What sets two runs apart.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// How it was made.
    pub options: CompareOptions,
    /// Confidence of every interval.
    pub confidence: f64,
    /// Operations both runs have, in the order of the first.
    pub operations: Vec<OperationComparison>,
    /// Operations only the first run has.
    pub only_in_a: Vec<OperationKey>,
    /// Operations only the second run has.
    pub only_in_b: Vec<OperationKey>,
    /// Why the runs may not be comparable at all.
    pub warnings: Vec<String>,
}

/// What makes operations of two runs the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct OperationKey {
    /// Phase of its scenario; empty when the plan has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub phase: String,
    /// Plugin of its scenario, when several share the plan.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub plugin: String,
    /// Its scenario.
    pub scenario: String,
    /// Its name.
    pub name: String,
    /// `http`, `sql`, ...
    pub protocol: String,
}

/// One operation in both runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OperationComparison {
    /// Which operation.
    #[serde(flatten)]
    pub key: OperationKey,
    /// Batches of time of the first run.
    pub batches_a: usize,
    /// Batches of time of the second run.
    pub batches_b: usize,
    /// Its numbers.
    pub metrics: Vec<MetricComparison>,
}

/// One number in both runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MetricComparison {
    /// Which, such as `response_us.p95`.
    pub metric: &'static str,
    /// `us`, `ratio` or `per_s`.
    pub unit: &'static str,
    /// In the first run.
    pub a: f64,
    /// In the second run.
    pub b: f64,
    /// `b / a - 1`; absent where the first run has 0.
    pub relative: Option<Effect>,
    /// `b - a`.
    pub absolute: Effect,
    /// What that means.
    pub change: Change,
}

/// The size of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// As measured.
    pub estimate: f64,
    /// Where it lies with 95% confidence; absent when there are too few batches.
    pub interval: Option<Interval>,
}

/// From a least to a greatest value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

/// What a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The interval holds 0: chance explains the difference.
    Same,
    /// The second run is better.
    Better,
    /// The second run is worse.
    Worse,
    /// A run has fewer than [`MIN_BATCHES`] batches: nothing can be said.
    TooShort,
}

impl Change {
    /// The change as reports print it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Better => "better",
            Self::Worse => "worse",
            Self::TooShort => "too short to say",
        }
    }
}

/// Compares two runs, operation by operation.
///
/// Time is the measured window only. The result is a function of the runs and the options.
pub fn compare(a: Run<'_>, b: Run<'_>, options: CompareOptions) -> Comparison {
    let resamples = options.resamples.clamp(100, crate::MAX_RESAMPLES);
    let options = CompareOptions { resamples, ..options };
    let (of_a, mut of_b) = (batches::of_run(a), batches::of_run(b));
    let (mut operations, mut only_in_a) = (Vec::new(), Vec::new());
    for batches in of_a {
        match of_b.iter().position(|other| other.key == batches.key) {
            Some(index) => {
                let other = of_b.remove(index);
                let seeds = [(a, &batches), (b, &other)].map(|(run, op)| seed(run, op, options.seed));
                operations.push(operation(&batches, &other, seeds, options.resamples));
            }
            None => only_in_a.push(batches.key),
        }
    }
    let only_in_b = of_b.into_iter().map(|batches| batches.key).collect();
    let warnings = warnings::of(a.summary, b.summary);
    Comparison { options, confidence: bootstrap::CONFIDENCE, operations, only_in_a, only_in_b, warnings }
}

/// Depends on the run and not on its side, so that comparing the other way round says exactly the opposite.
fn seed(run: Run<'_>, op: &OperationBatches, seed: u64) -> u64 {
    let key = &op.key;
    let texts = [&run.summary.run.id, &key.phase, &key.plugin, &key.scenario, &key.name, &key.protocol];
    let bytes = texts.into_iter().flat_map(|text| text.bytes().chain([0xff]));
    // FNV-1a: seeds must be the same with every version of the compiler.
    bytes.fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn operation(
    a: &OperationBatches,
    b: &OperationBatches,
    seeds: [u64; 2],
    resamples: u32,
) -> OperationComparison {
    let enough = a.len().min(b.len()) >= MIN_BATCHES;
    let replicates = enough.then(|| (a.replicates(seeds[0], resamples), b.replicates(seeds[1], resamples)));
    let blocks = bootstrap::blocks(a.len()) + bootstrap::blocks(b.len());
    let metrics = batches::METRICS.iter().enumerate().filter_map(|(index, metric)| {
        let (value_a, value_b) = (a.values[index]?, b.values[index]?);
        let pairs = replicates.as_ref().map(|(a, b)| Pairs { a: &a[index], b: &b[index], blocks });
        Some(metric.compare(value_a, value_b, pairs))
    });
    OperationComparison {
        key: a.key.clone(),
        batches_a: a.len(),
        batches_b: b.len(),
        metrics: metrics.collect(),
    }
}

/// A number of both runs in every resample.
struct Pairs<'a> {
    a: &'a Replicates,
    b: &'a Replicates,
    /// Stretches of batches in both runs.
    blocks: f64,
}

impl Pairs<'_> {
    /// The interval of a difference, widened on each side by what the resolution of the values cannot tell; `None` when
    /// there is a resample in which the difference is not defined: leaving those out would move the interval.
    fn interval(&self, difference: impl Fn(f64, f64) -> Option<f64>, unsure: f64) -> Option<Interval> {
        let both = self.a.iter().zip(self.b).filter_map(|(a, b)| Some(((*a)?, (*b)?)));
        let mut differences = both.map(|(a, b)| difference(a, b)).collect::<Option<Vec<f64>>>()?;
        let (low, high) = bootstrap::interval(&mut differences, self.blocks)?;
        Some(Interval { low: low - unsure, high: high + unsure })
    }
}

impl batches::Metric {
    fn compare(&self, a: batches::Value, b: batches::Value, pairs: Option<Pairs<'_>>) -> MetricComparison {
        let unsure = (a.resolution + b.resolution) / 2.0;
        let pairs = pairs.as_ref();
        let absolute = Effect {
            estimate: b.value - a.value,
            interval: pairs.and_then(|pairs| pairs.interval(|a, b| Some(b - a), unsure)),
        };
        let relative = (a.value > 0.0).then(|| Effect {
            estimate: b.value / a.value - 1.0,
            // Ratios are compared by their logarithms: twice and half are equally far from the same.
            interval: pairs.filter(|_| b.value > 0.0).and_then(|pairs| {
                let unsure = (a.resolution / a.value + b.resolution / b.value) / 2.0;
                let ratio = |a: f64, b: f64| (a > 0.0 && b > 0.0).then(|| (b / a).ln());
                let logs = pairs.interval(ratio, unsure.ln_1p())?;
                Some(Interval { low: logs.low.exp_m1(), high: logs.high.exp_m1() })
            }),
        });
        let decisive = relative.and_then(|effect| effect.interval).or(absolute.interval);
        let change = match decisive {
            None => Change::TooShort,
            Some(interval) if interval.low > 0.0 => self.more(),
            Some(interval) if interval.high < 0.0 => self.less(),
            Some(_) => Change::Same,
        };
        MetricComparison {
            metric: self.name,
            unit: self.unit,
            a: a.value,
            b: b.value,
            relative,
            absolute,
            change,
        }
    }

    const fn more(&self) -> Change {
        if self.more_is_better { Change::Better } else { Change::Worse }
    }

    const fn less(&self) -> Change {
        if self.more_is_better { Change::Worse } else { Change::Better }
    }
}

impl MetricComparison {
    /// Whether the second run is worse by more than `threshold`, a share of the first run's value, and chance does not
    /// explain it. What was 0 and no longer is exceeds every share.
    pub fn is_regression(&self, threshold: f64) -> bool {
        let beyond = self.relative.is_none_or(|effect| effect.estimate.abs() > threshold);
        self.change == Change::Worse && beyond
    }
}

impl Comparison {
    /// Every number that is worse by more than `threshold`, such as 0.05.
    pub fn regressions(&self, threshold: f64) -> Vec<(&OperationKey, &MetricComparison)> {
        let all =
            self.operations.iter().flat_map(|op| op.metrics.iter().map(move |metric| (&op.key, metric)));
        all.filter(|(_, metric)| metric.is_regression(threshold)).collect()
    }
}
