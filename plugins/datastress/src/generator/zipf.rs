//! Zipf's distribution: of `n` ranks the `k`-th is drawn with a probability that is proportional to `1 / k^exponent`.

use super::unit;

/// Terms of the zeta sum that are added one by one; beyond them the sum is an integral within 1e-9 of the truth.
const EXACT_TERMS: u64 = 1_000;

/// The method of Gray and others, "Quickly generating billion-record synthetic databases" (SIGMOD 1994), which YCSB uses:
/// one random number a draw, and none is thrown away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zipf {
    count: u64,
    exponent: f64,
    zeta: f64,
    alpha: f64,
    eta: f64,
}

impl Zipf {
    /// Ranks 0 to `count - 1`. The exponent is held within 0 and 0.999, which the method needs.
    pub(crate) fn new(count: u64, exponent: f64) -> Self {
        let count = count.max(1);
        let exponent = exponent.clamp(0.0, 0.999);
        let zeta = zeta(count, exponent);
        let n = count as f64;
        let second = 1.0 + 0.5_f64.powf(exponent);
        let eta = (1.0 - (2.0 / n).powf(1.0 - exponent)) / (1.0 - second / zeta);
        Self { count, exponent, zeta, alpha: 1.0 / (1.0 - exponent), eta }
    }

    /// A rank; 0 is the most popular.
    pub(crate) fn draw(&self) -> u64 {
        let unit = unit();
        let scaled = unit * self.zeta;
        if scaled < 1.0 || self.count == 1 {
            return 0;
        }
        if scaled < 1.0 + 0.5_f64.powf(self.exponent) || self.count == 2 {
            return 1;
        }
        let rank = self.count as f64 * (self.eta * unit - self.eta + 1.0).powf(self.alpha);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast of a float saturates"
        )]
        (rank as u64).min(self.count - 1)
    }

    /// The same popularity with the popular ranks spread over all of them, as YCSB's scrambled generator does (FNV-1a).
    pub(crate) fn scrambled(&self) -> u64 {
        scramble(self.draw(), self.count)
    }
}

/// Where a rank is spread to.
pub(crate) fn scramble(rank: u64, count: u64) -> u64 {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    rank.to_le_bytes().into_iter().fold(0xcbf2_9ce4_8422_2325, hash) % count.max(1)
}

/// A rank counted from the newest of `count`, as YCSB's workload D draws.
pub(crate) fn latest(zipf: &Zipf, count: u64) -> u64 {
    count.saturating_sub(1).saturating_sub(zipf.draw() % count.max(1))
}

/// The sum of `1 / k^exponent` for `k` from 1 to `count` (Euler and Maclaurin beyond the first terms).
fn zeta(count: u64, exponent: f64) -> f64 {
    let term = |k: f64| k.powf(-exponent);
    let exact = count.min(EXACT_TERMS);
    let sum: f64 = (1..=exact).map(|k| term(k as f64)).sum();
    if exact == count {
        return sum;
    }
    let (from, to) = (exact as f64, count as f64);
    let whole = (to.powf(1.0 - exponent) - from.powf(1.0 - exponent)) / (1.0 - exponent);
    sum + whole + (term(to) - term(from)) / 2.0 + exponent / 12.0 * (term(from) / from - term(to) / to)
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::testing::FakeHost;

    use super::*;

    #[test]
    fn the_sum_is_that_of_its_terms() {
        for (count, exponent) in [(1, 0.99), (1_000, 0.99), (50_000, 0.99), (50_000, 0.3), (20_000, 0.0)] {
            let exact: f64 = (1..=count).map(|k| (k as f64).powf(-exponent)).sum();
            assert!((zeta(count, exponent) / exact - 1.0).abs() < 1e-9, "{count} {exponent}");
        }
    }

    #[test]
    fn popular_ranks_are_drawn_as_often_as_the_law_says() {
        let _host = FakeHost::new();
        let (count, exponent, draws) = (100, 0.99, 200_000);
        let zipf = Zipf::new(count, exponent);
        let mut counts = vec![0_u64; 100];
        (0..draws).for_each(|_| counts[usize::try_from(zipf.draw()).unwrap()] += 1);
        // The first two are exact; the others come of a continuous curve beside the law.
        for (rank, tolerance) in [(0, 0.03), (1, 0.05), (4, 0.25), (20, 0.25), (90, 0.3)] {
            let law = (rank as f64 + 1.0).powf(-exponent) / zeta(count, exponent) * f64::from(draws);
            let share = counts[rank] as f64 / law;
            assert!((share - 1.0).abs() < tolerance, "rank {rank}: {} of {law:.0}", counts[rank]);
        }
    }

    #[test]
    fn scrambled_ranks_are_as_popular_elsewhere() {
        let _host = FakeHost::new();
        let zipf = Zipf::new(1_000, 0.99);
        let mut counts = vec![0_u64; 1_000];
        (0..50_000).for_each(|_| counts[usize::try_from(zipf.scrambled()).unwrap()] += 1);
        let most = counts.iter().enumerate().max_by_key(|(_, count)| **count).unwrap().0;
        assert_eq!(most as u64, scramble(0, 1_000));
    }

    #[test]
    fn few_ranks_and_the_newest() {
        let _host = FakeHost::new();
        for count in [1, 2, 3] {
            let zipf = Zipf::new(count, 0.99);
            assert!((0..1_000).all(|_| zipf.draw() < count && latest(&zipf, count) < count));
        }
    }
}
