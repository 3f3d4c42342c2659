//! The stationary bootstrap, and intervals from its resamples.

/// Share of intervals that hold the truth.
pub(super) const CONFIDENCE: f64 = 0.95;

/// Quantile of the normal distribution that leaves half of the rest beyond.
const Z: f64 = 1.959_964;

/// One number in every resample; `None` where the resample has no data for it.
pub(super) type Replicates = Vec<Option<f64>>;

/// Mean length of a stretch of neighbouring batches. The best length grows with the cube root of their number; the
/// factor fits neighbours that are correlated by about one half, which is what queues and collectors of garbage do.
pub(super) fn block_length(batches: usize) -> f64 {
    (1.5 * (batches as f64).cbrt()).max(1.0)
}

/// Number of such stretches: about how many independent measurements there are.
pub(super) fn blocks(batches: usize) -> f64 {
    batches as f64 / block_length(batches)
}

/// A small, fast generator (SplitMix64) whose numbers are the same everywhere.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `below`.
    pub(super) const fn below(&mut self, below: usize) -> usize {
        ((self.next() as u128 * below as u128) >> 64) as usize
    }

    /// A number from 0 to 1.
    pub(super) const fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// How often each batch is in a resample: stretches of geometric length from random places, around the end to the
/// beginning, until there are as many batches as before.
pub(super) fn resample(weights: &mut [f64], random: &mut Random) {
    weights.fill(0.0);
    let count = weights.len();
    let ends = 1.0 / block_length(count);
    let mut place = random.below(count);
    for _ in 0..count {
        weights[place] += 1.0;
        place = if random.unit() < ends { random.below(count) } else { (place + 1) % count };
    }
}

/// The interval of a difference from its resamples, in any order; `None` when there are too few.
///
/// Plain percentiles of resamples are too narrow where there are few independent measurements. They are taken further
/// out by as much as Student's distribution is wider than the normal one (Hesterberg, "What teachers should know about
/// the bootstrap", 2015, "expanded percentile interval").
pub(super) fn interval(differences: &mut [f64], blocks: f64) -> Option<(f64, f64)> {
    if differences.len() < 50 {
        return None;
    }
    differences.sort_unstable_by(f64::total_cmp);
    let freedom = (blocks - 2.0).max(3.0);
    let beyond = normal_below(-student(freedom) * (blocks / (blocks - 2.0).max(1.0)).sqrt());
    let last = (differences.len() - 1) as f64;
    // Counted from both ends alike, so that the interval of the opposite is the opposite interval.
    let out = (beyond * last).floor() as usize;
    Some((differences[out], differences[differences.len() - 1 - out]))
}

/// The quantile of Student's distribution that matches [`Z`] (Abramowitz and Stegun 26.7.5); from three degrees of
/// freedom on within 0.1%.
fn student(freedom: f64) -> f64 {
    let z = Z;
    let terms = [
        (z.powi(3) + z) / 4.0,
        (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0,
        (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0,
        (79.0 * z.powi(9) + 776.0 * z.powi(7) + 1_482.0 * z.powi(5) - 1_920.0 * z.powi(3) - 945.0 * z)
            / 92_160.0,
    ];
    terms.iter().rev().fold(0.0, |sum, term| (sum + term) / freedom) + z
}

/// The share of the normal distribution below `z <= 0` (Abramowitz and Stegun 26.2.17); within 0.0000001.
fn normal_below(z: f64) -> f64 {
    let t = 1.0 / (1.0 - 0.231_641_9 * z);
    let series = [1.330_274_429, -1.821_255_978, 1.781_477_937, -0.356_563_782, 0.319_381_530];
    let sum = series.iter().fold(0.0, |sum, factor| (sum + factor) * t);
    (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom, expected) in [(3.0, 3.182), (5.0, 2.571), (10.0, 2.228), (30.0, 2.042), (1e9, 1.960)] {
            assert!((student(freedom) - expected).abs() < 4e-3, "{freedom}: {}", student(freedom));
        }
        for (z, expected) in [(0.0, 0.5), (-1.0, 0.158_655), (-1.96, 0.024_998), (-3.0, 0.001_350)] {
            assert!((normal_below(z) - expected).abs() < 1e-6, "{z}: {}", normal_below(z));
        }
    }

    #[test]
    fn a_resample_has_as_many_batches_in_stretches_of_the_mean_length() {
        let (mut weights, mut random) = (vec![0.0; 100], Random::new(5));
        let (mut sum, mut neighbours) = (vec![0.0; 100], 0.0);
        for _ in 0..2_000 {
            resample(&mut weights, &mut random);
            assert_eq!(weights.iter().sum::<f64>(), 100.0);
            sum.iter_mut().zip(&weights).for_each(|(sum, weight)| *sum += weight);
            neighbours += (0..100).map(|i| (weights[i] - 1.0) * (weights[(i + 1) % 100] - 1.0)).sum::<f64>();
        }
        assert!(sum.iter().all(|sum| (sum / 2_000.0 - 1.0).abs() < 0.2), "every batch is drawn as often");
        assert!(neighbours > 0.0, "neighbours are drawn together");
    }

    #[test]
    fn few_blocks_widen_the_interval() {
        let mut differences: Vec<f64> = (0..1_001).map(f64::from).collect();
        let many = interval(&mut differences, 1e6).unwrap();
        let few = interval(&mut differences, 5.0).unwrap();
        assert_eq!(many, (24.0, 976.0));
        assert!(few.0 < 10.0 && few.1 > 990.0, "{few:?}");
        assert_eq!(interval(&mut differences[..10], 1e6), None);
    }
}
