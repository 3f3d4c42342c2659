//! Whether a series of measurements goes up: a rank test and a robust slope with its confidence limit.
//!
//! The test is that of Mann and Kendall (Mann, *Nonparametric tests against trend*, Econometrica 13, 1945; Kendall,
//! *Rank Correlation Methods*, 1975), the slope that of Theil and Sen with Sen's confidence limit (Sen, *Estimates of
//! the regression coefficient based on Kendall's tau*, J. Am. Stat. Assoc. 63, 1968). Neither cares how the noise is
//! distributed, but both expect independent values, which the memory of a process is not. So neighbours are averaged
//! into batches until batches hardly depend on each other (the method of batch means; Law, *Simulation Modeling and
//! Analysis*, chapter 9), and what dependence is left widens the variance as it does that of a mean, by
//! `(1 + r) / (1 - r)` (Yue and Wang, *The Mann-Kendall test modified by effective sample size to detect trend in
//! serially correlated hydrological series*, Water Resources Management 18, 2004).

/// One-sided chance of calling a series without trend a rising one: 1%.
pub(super) const FALSE_ALARMS: f64 = 0.01;

/// The normal quantile of that chance.
const Z_MOST: f64 = 2.326;

/// Fewer batches than these say nothing: the normal approximation of the test holds from about eight on.
const BATCHES_LEAST: usize = 8;

/// More batches than these cost time, by their square, and are averaged at once.
const BATCHES_MOST: usize = 120;

/// Dependence between neighbours up to which batches count as independent, in deviations of that estimate (5%).
const DEPENDENCE_DEVIATIONS: f64 = 1.645;

/// Dependence that is corrected at the most: nearer to 1 the correction has no meaning.
const DEPENDENCE_MOST: f64 = 0.95;

/// What a series does over time. Slopes are units per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trend {
    /// Batches it was judged by.
    pub(super) batches: usize,
    /// Length of a batch, in values.
    pub(super) batch_len: usize,
    /// Correlation of neighbouring batches that is left, and corrected.
    pub(super) dependence: f64,
    /// The median slope of all pairs of batches.
    pub(super) slope: f64,
    /// The slope is above this one with 99% confidence.
    pub(super) slope_least: f64,
    /// Deviations of the rank test from no trend; positive: rising.
    pub(super) z: f64,
}

impl Trend {
    /// Whether it rises, at the stated chance of a false alarm.
    pub(super) fn rises(&self) -> bool {
        self.z > Z_MOST
    }
}

/// The trend of values with their times in seconds, in the order of time; `None` when there are too few.
pub(super) fn trend(samples: &[(f64, f64)]) -> Option<Trend> {
    let mut batch_len = samples.len().div_ceil(BATCHES_MOST).max(1);
    loop {
        let batches = batches(samples, batch_len);
        if batches.len() < BATCHES_LEAST {
            return None;
        }
        let slopes = slopes(&batches);
        let dependence = dependence(&batches, median(&slopes));
        let independent = dependence <= DEPENDENCE_DEVIATIONS / (batches.len() as f64).sqrt();
        if independent || samples.len() / (batch_len * 2) < BATCHES_LEAST {
            return Some(judge(&batches, &slopes, batch_len, dependence));
        }
        batch_len *= 2;
    }
}

/// Means of whole batches; the first values are left out when they do not fill one.
fn batches(samples: &[(f64, f64)], batch_len: usize) -> Vec<(f64, f64)> {
    let whole = samples.len() - samples.len() % batch_len;
    let mean = |batch: &[(f64, f64)]| {
        let (t, x) = batch.iter().fold((0.0, 0.0), |(t, x), sample| (t + sample.0, x + sample.1));
        (t / batch.len() as f64, x / batch.len() as f64)
    };
    samples[samples.len() - whole..].chunks(batch_len).map(mean).collect()
}

/// The slope of every pair, in order.
fn slopes(batches: &[(f64, f64)]) -> Vec<f64> {
    let pairs =
        batches.iter().enumerate().flat_map(|(index, a)| batches[index + 1..].iter().map(move |b| (a, b)));
    let mut slopes: Vec<f64> =
        pairs.filter(|(a, b)| b.0 > a.0).map(|(a, b)| (b.1 - a.1) / (b.0 - a.0)).collect();
    slopes.sort_unstable_by(f64::total_cmp);
    slopes
}

/// Correlation of neighbours once the slope is taken out; never negative.
fn dependence(batches: &[(f64, f64)], slope: f64) -> f64 {
    let rest: Vec<f64> = batches.iter().map(|(t, x)| x - slope * t).collect();
    let mean = rest.iter().sum::<f64>() / rest.len() as f64;
    let variance: f64 = rest.iter().map(|x| (x - mean).powi(2)).sum();
    let covariance: f64 = rest.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    if variance > 0.0 { (covariance / variance).clamp(0.0, DEPENDENCE_MOST) } else { 0.0 }
}

fn judge(batches: &[(f64, f64)], slopes: &[f64], batch_len: usize, dependence: f64) -> Trend {
    let sign = |a: f64, b: f64| f64::from(i8::from(b > a) - i8::from(b < a));
    let later = |index: usize| batches[index + 1..].iter().map(move |b| sign(batches[index].1, b.1));
    let score: f64 = (0..batches.len()).flat_map(later).sum();
    let deviation = (variance_of_score(batches) * (1.0 + dependence) / (1.0 - dependence)).sqrt();
    // A continuity correction, as the score moves in steps of two.
    let z = if deviation > 0.0 { (score.abs() - 1.0).max(0.0).copysign(score) / deviation } else { 0.0 };
    let least = ((slopes.len() as f64 - Z_MOST * deviation) / 2.0).floor().max(0.0) as usize;
    Trend {
        batches: batches.len(),
        batch_len,
        dependence,
        slope: median(slopes),
        slope_least: slopes.get(least).copied().unwrap_or(0.0),
        z,
    }
}

/// Variance of the score of independent values, equal ones taken into account.
fn variance_of_score(batches: &[(f64, f64)]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut values: Vec<f64> = batches.iter().map(|batch| batch.1).collect();
    values.sort_unstable_by(f64::total_cmp);
    let ties: f64 = values.chunk_by(|a, b| a == b).map(|equal| term(equal.len() as f64)).sum();
    (term(values.len() as f64) - ties) / 18.0
}

/// The middle of a sorted list; 0 of none.
fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const KIB: f64 = 1024.0;
    const PAGE: f64 = 4.0 * KIB;
    const MIB: f64 = KIB * KIB;

    /// Random numbers from a seed (splitmix64; Steele, Lea and Flood, 2014).
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut x = self.0;
            x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (x ^ (x >> 31)) as f64 / u64::MAX as f64
        }

        /// Of a normal distribution, nearly: the sum of twelve uniforms.
        fn normal(&mut self) -> f64 {
            (0..12).map(|_| self.next()).sum::<f64>() - 6.0
        }
    }

    /// Resident memory of a process in whole pages, a value a second: 80 MiB, a leak, and noise of a deviation of
    /// `noise` bytes that remembers the share `memory` of itself from one second to the next.
    pub(in super::super) fn memory(
        seed: u64,
        seconds: u32,
        leak: f64,
        noise: f64,
        memory: f64,
    ) -> Vec<(f64, f64)> {
        let mut random = Random(seed);
        let mut wander = noise * random.normal();
        let value = |second: u32| {
            wander = memory * wander + noise * (1.0 - memory * memory).sqrt() * random.normal();
            let bytes = 80.0 * MIB + leak * f64::from(second) + wander;
            (f64::from(second), (bytes / PAGE).round() * PAGE)
        };
        (0..seconds).map(value).collect()
    }

    /// How many of 1,000 seeds are called rising.
    fn called(seconds: u32, leak: f64, noise: f64, share: f64) -> usize {
        (0..1_000).filter(|&seed| trend(&memory(seed, seconds, leak, noise, share)).unwrap().rises()).count()
    }

    #[test]
    fn a_leak_of_a_kilobyte_a_second_is_found() {
        // Eight minutes, of noise that is independent and of noise that wanders.
        let found = [called(480, KIB, 256.0 * KIB, 0.0), called(480, KIB, 100.0 * KIB, 0.8)];
        eprintln!("X {found:?}");
        assert!(found.iter().all(|found| *found >= 990), "{found:?} of 1,000");
    }

    #[test]
    fn noise_is_called_a_leak_no_more_often_than_stated() {
        let stated = 1_000.0 * FALSE_ALARMS;
        let most = (stated + 3.0 * stated.sqrt()) as usize;
        let independent = [called(480, 0.0, 256.0 * KIB, 0.0), called(10, 0.0, 256.0 * KIB, 0.0)];
        assert!(independent.iter().all(|called| *called <= most), "{independent:?} of 1,000");
        // Of noise that remembers itself for up to ten seconds it may be three times as many.
        let wandering = [called(480, 0.0, MIB, 0.5), called(480, 0.0, MIB, 0.8), called(480, 0.0, MIB, 0.9)];
        eprintln!("X {independent:?} {wandering:?}");
        assert!(wandering.iter().all(|called| *called <= 30), "{wandering:?} of 1,000");
    }

    #[test]
    fn the_slope_is_the_leak_and_the_limit_is_below_it() {
        let mut above = 0;
        for seed in 0..200 {
            let trend = trend(&memory(seed, 480, KIB, 256.0 * KIB, 0.0)).unwrap();
            assert!((trend.slope - KIB).abs() < 0.4 * KIB, "{trend:?}");
            above += usize::from(trend.slope_least > KIB);
        }
        assert!(above <= 10, "the limit is above the truth in {above} of 200");
        let exact = trend(&memory(1, 100, PAGE, 0.0, 0.0)).unwrap();
        assert_eq!((exact.slope, exact.slope_least, exact.dependence), (PAGE, PAGE, 0.0));
    }

    #[test]
    fn a_step_a_fall_and_a_level_line_do_not_rise_for_certain() {
        let series = |value: fn(f64) -> f64| -> Vec<(f64, f64)> {
            (0..480).map(|second| (f64::from(second), value(f64::from(second)))).collect()
        };
        let level = trend(&series(|_| 5.0)).unwrap();
        assert_eq!((level.z, level.slope, level.slope_least), (0.0, 0.0, 0.0));
        let step = trend(&series(|t| if t < 240.0 { 0.0 } else { 1.0 })).unwrap();
        assert!(step.slope_least <= 0.0, "{step:?}");
        let fall = trend(&series(|t| -t)).unwrap();
        assert!(fall.z < -Z_MOST && !fall.rises(), "{fall:?}");
    }

    #[test]
    fn too_few_values_say_nothing() {
        assert_eq!(trend(&[]), None);
        assert_eq!(trend(&memory(1, 7, 0.0, 1.0, 0.0)), None);
        assert_eq!(trend(&[(1.0, 2.0); 20]).map(|trend| (trend.z, trend.slope)), Some((0.0, 0.0)));
    }

    #[test]
    fn wandering_noise_is_judged_in_longer_batches() {
        let (free, bound) = (memory(3, 480, 0.0, MIB, 0.0), memory(3, 480, 0.0, MIB, 0.95));
        let (free, bound) = (trend(&free).unwrap(), trend(&bound).unwrap());
        assert!(bound.batch_len > free.batch_len, "{free:?} {bound:?}");
    }
}
