//! Which key is next.

use stresshost_sdk::random;

use crate::settings::{Popularity, Settings};

/// Keys `0` to `count - 1`, drawn by their popularity.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    count: u64,
    zipf: Option<Zipf>,
}

impl Keys {
    /// The keys that settings name.
    pub fn new(settings: &Settings) -> Self {
        let zipf = (settings.popularity == Popularity::Zipf).then(|| Zipf::new(settings.keys));
        Self { count: settings.keys, zipf }
    }

    /// The number of a key.
    pub fn draw(&self) -> u64 {
        self.zipf.map_or_else(|| random::below(self.count), |zipf| zipf.draw(unit()))
    }
}

/// A number from 0 up to 1.
pub fn unit() -> f64 {
    // As many bits as a double holds.
    (random::next() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Popularity by rank, key 0 being the most popular: Gray and others, "Quickly generating billion-record synthetic databases"
/// (SIGMOD 1994), as YCSB uses it.
#[derive(Clone, Copy, Debug)]
struct Zipf {
    count: f64,
    zeta: f64,
    eta: f64,
}

impl Zipf {
    /// That of YCSB's workloads.
    const EXPONENT: f64 = 0.99;

    fn new(count: u64) -> Self {
        let zeta: f64 = (1..=count).map(|rank| (rank as f64).powf(-Self::EXPONENT)).sum();
        let count = count as f64;
        let second = 1.0 + 0.5_f64.powf(Self::EXPONENT);
        let eta = (1.0 - (2.0 / count).powf(1.0 - Self::EXPONENT)) / (1.0 - second / zeta);
        Self { count, zeta, eta }
    }

    fn draw(self, unit: f64) -> u64 {
        let scaled = unit * self.zeta;
        if scaled < 1.0 || self.count < 2.0 {
            return 0;
        }
        if scaled < 1.0 + 0.5_f64.powf(Self::EXPONENT) || self.count < 3.0 {
            return 1;
        }
        let rank = self.count * (self.eta * unit - self.eta + 1.0).powf(1.0 / (1.0 - Self::EXPONENT));
        (rank as u64).min(self.count as u64 - 1)
    }
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::testing::FakeHost;

    use super::*;

    fn drawn(popularity: Popularity) -> Vec<u64> {
        let _host = FakeHost::with_seed(1);
        let keys = Keys::new(&Settings { keys: 100, popularity, ..Settings::default() });
        let mut counts = vec![0; 100];
        (0..100_000).for_each(|_| counts[keys.draw() as usize] += 1);
        counts
    }

    #[test]
    fn uniform_keys_are_equally_popular() {
        assert!(drawn(Popularity::Uniform).iter().all(|count| (850..1_150).contains(count)));
    }

    #[test]
    fn a_few_of_zipfs_keys_are_asked_for_most() {
        let counts = drawn(Popularity::Zipf);
        // Of 100 ranks the first has 1 / zeta(100, 0.99), which is 0.189.
        assert!((18_000..20_000).contains(&counts[0]), "{}", counts[0]);
        assert!(counts[0] > counts[1] && counts[1] > counts[10] && counts[10] > counts[90]);
    }

    #[test]
    fn the_smallest_sets_have_their_keys_only() {
        let _host = FakeHost::new();
        for count in 1..4 {
            let keys =
                Keys::new(&Settings { keys: count, popularity: Popularity::Zipf, ..Settings::default() });
            assert!((0..1_000).all(|_| keys.draw() < count), "{count}");
        }
    }
}
