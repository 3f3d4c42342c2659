//! When the n-th iteration of an open-model scenario is due.
//!
//! Pure functions of the index: no clock, no state, so nothing drifts and any machine can compute its own share.

use stresshost_plan::ConstantArrivalRate;

const NS_PER_S: f64 = 1e9;

/// The arrival sequence of a scenario.
///
/// While the rate grows from 0 to `rate` over `ramp` seconds, `rate * t^2 / (2 * ramp)` iterations have become due
/// after `t` seconds; after that, `rate` more each second. An iteration is due when that count reaches its index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrivals {
    rate_per_s: f64,
    ramp_s: f64,
    /// Iterations due during the ramp.
    ramp_count: f64,
}

impl Arrivals {
    /// The sequence of a constant rate, with its ramp.
    pub fn new(config: &ConstantArrivalRate) -> Self {
        let ramp_s = config.ramp_up_ms as f64 / 1e3;
        Self { rate_per_s: config.rate_per_s, ramp_s, ramp_count: config.rate_per_s * ramp_s / 2.0 }
    }

    /// Nanoseconds from the scenario's start until iteration `index` (0 and up) is due. Never decreases.
    pub fn offset_ns(&self, index: u64) -> u64 {
        // An f64 holds whole numbers up to 2^53: 104 days of nanoseconds, or 28 years of a million a second.
        let index = index as f64;
        let seconds = if index < self.ramp_count {
            (2.0 * index * self.ramp_s / self.rate_per_s).sqrt()
        } else {
            self.ramp_s + (index - self.ramp_count) / self.rate_per_s
        };
        (seconds * NS_PER_S).ceil() as u64
    }

    /// Number of iterations due before `offset_ns`: the least index that is due at or after it.
    pub fn count_before(&self, offset_ns: u64) -> u64 {
        let seconds = offset_ns as f64 / NS_PER_S;
        let estimate = if seconds < self.ramp_s {
            seconds * seconds * self.rate_per_s / (2.0 * self.ramp_s)
        } else {
            self.ramp_count + (seconds - self.ramp_s) * self.rate_per_s
        };
        // Rounding can put the estimate off by a little; the definition decides.
        let mut count = estimate.ceil() as u64;
        while count > 0 && self.offset_ns(count - 1) >= offset_ns {
            count -= 1;
        }
        while self.offset_ns(count) < offset_ns {
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arrivals(rate_per_s: f64, ramp_up_ms: u64) -> Arrivals {
        Arrivals::new(&ConstantArrivalRate { rate_per_s, duration_ms: 0, ramp_up_ms, vus: 1 })
    }

    #[test]
    fn a_rate_times_a_duration_is_a_count() {
        for (rate, seconds, count) in
            [(5_000.0, 10, 50_000), (0.5, 10, 5), (3.0, 1, 3), (7.0, 3_600, 25_200), (1e6, 60, 60_000_000)]
        {
            assert_eq!(
                arrivals(rate, 0).count_before(seconds * 1_000_000_000),
                count,
                "{rate}/s for {seconds}s"
            );
        }
    }

    #[test]
    fn a_ramp_holds_half_of_what_its_end_rate_would() {
        let ramp = arrivals(1_000.0, 10_000);
        assert_eq!(ramp.count_before(10_000_000_000), 5_000);
        assert_eq!(ramp.count_before(5_000_000_000), 1_250);
        assert_eq!(ramp.count_before(20_000_000_000), 15_000);
    }

    proptest! {
        #[test]
        fn times_never_decrease_and_counts_invert_them(
            rate in 0.01_f64..1e6,
            ramp_ms in 0_u64..100_000,
            index in 0_u64..10_000_000,
        ) {
            let arrivals = arrivals(rate, ramp_ms);
            let at_ns = arrivals.offset_ns(index);
            prop_assert!(at_ns <= arrivals.offset_ns(index + 1));
            prop_assert!(arrivals.count_before(at_ns) <= index);
            prop_assert!(arrivals.count_before(at_ns + 1) > index);
        }
    }
}
