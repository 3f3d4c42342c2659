//! A token bucket that any number of cores share without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// Fractions of a nanosecond an instant is kept in. At ten million tokens a second the interval is then exact to four
/// parts in a hundred thousand, and 64 bits still reach two years.
const FRACTIONS: u128 = 256;

/// Longest time for which tokens can be saved up, in fractions: half of what an instant can hold (a year), so that the
/// arithmetic cannot run over.
const SAVED_MOST: u64 = 1 << 63;

/// A token bucket: `rate` tokens a second flow in, at most `burst` are saved up, and it begins full.
///
/// It is kept as one instant, the time at which the bucket will be full again if nobody takes more (the generic cell
/// rate algorithm, ITU-T I.371). Taking tokens moves that instant by the time they need to flow in; the taker may go
/// once it is no further away than a full bucket is worth. Reservations are served in the order in which they are made.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// Time in which one token flows in, in fractions, rounded up: the rate is never exceeded.
    interval: u64,
    /// Time in which the whole burst flows in, in fractions.
    saved: u64,
    /// When the bucket will be full, in fractions on the caller's clock.
    full_at: AtomicU64,
}

impl Bucket {
    /// A full bucket. A rate that is not above 0 grants nothing, ever.
    pub(crate) fn new(rate_per_s: f64, burst: u64) -> Self {
        let interval = if rate_per_s > 0.0 {
            // A conversion from f64 saturates.
            ((FRACTIONS as f64 * 1e9 / rate_per_s).ceil() as u64).max(1)
        } else {
            u64::MAX
        };
        let saved = interval.saturating_mul(burst).min(SAVED_MOST);
        Self { interval, saved, full_at: AtomicU64::new(0) }
    }

    /// Takes `tokens` and returns the instant from which the caller may go: nanoseconds on the clock of `now_ns`, never
    /// before `now_ns`; `u64::MAX` for never. More tokens than the burst take the time the surplus needs to flow in.
    ///
    /// Tokens cannot be given back: a caller that does not wait has still taken them.
    pub(crate) fn reserve(&self, now_ns: u64, tokens: u64) -> u64 {
        let now = u128::from(now_ns) * FRACTIONS;
        let cost = u128::from(tokens) * u128::from(self.interval);
        let after = |full_at: u64| u128::from(full_at).max(now).saturating_add(cost);
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        loop {
            let next = after(full_at);
            let stored = u64::try_from(next).unwrap_or(u64::MAX);
            // The instant is the whole state, so no other memory needs to be ordered by it.
            match self.full_at.compare_exchange_weak(full_at, stored, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) if stored == u64::MAX => return u64::MAX,
                Ok(_) => {
                    let go_ns = next.saturating_sub(u128::from(self.saved)).div_ceil(FRACTIONS);
                    return now_ns.max(go_ns as u64);
                }
                Err(current) => full_at = current,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn the_burst_goes_at_once_and_the_rest_at_the_rate() {
        let bucket = Bucket::new(10.0, 3);
        let goes: Vec<u64> = (0..6).map(|_| bucket.reserve(0, 1)).collect();
        assert_eq!(goes, [0, 0, 0, S / 10, 2 * S / 10, 3 * S / 10]);
        // Ten seconds later it is full again, and no fuller.
        let goes: Vec<u64> = (0..4).map(|_| bucket.reserve(10 * S, 1)).collect();
        assert_eq!(goes, [10 * S, 10 * S, 10 * S, 10 * S + S / 10]);
    }

    #[test]
    fn more_than_the_burst_waits_for_the_surplus() {
        let bucket = Bucket::new(10.0, 3);
        assert_eq!(bucket.reserve(S, 13), 2 * S);
        assert_eq!(bucket.reserve(S, 1), 2 * S + S / 10);
        assert_eq!(bucket.reserve(S, 0), 2 * S + S / 10, "no tokens still wait their turn");
    }

    #[test]
    fn without_a_burst_every_token_waits() {
        let bucket = Bucket::new(4.0, 0);
        assert_eq!([bucket.reserve(0, 1), bucket.reserve(0, 1)], [S / 4, S / 2]);
    }

    #[test]
    fn absurd_input_neither_panics_nor_grants() {
        for rate in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY, f64::MIN_POSITIVE] {
            for burst in [0, 1, u64::MAX] {
                let bucket = Bucket::new(rate, burst);
                assert_eq!(bucket.reserve(5, 10), u64::MAX, "{rate}/s, burst {burst}");
                assert_eq!(bucket.reserve(6, 1), u64::MAX, "{rate}/s, burst {burst}");
            }
        }
        let bucket = Bucket::new(1.0, u64::MAX);
        assert_eq!(bucket.reserve(7, 1_000_000), 7);
        assert_eq!(bucket.reserve(7, u64::MAX), u64::MAX);
        assert_eq!(bucket.reserve(7, 1), u64::MAX, "what was taken stays taken");
        assert_eq!(Bucket::new(f64::INFINITY, 1).reserve(u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn threads_share_one_exact_sequence() {
        const THREADS: u64 = 4;
        const EACH: u64 = 5_000;
        let (bucket, burst) = (Bucket::new(1e6, 100), 100);
        let mut goes: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(|| (0..EACH).map(|_| bucket.reserve(0, 1)).collect::<Vec<_>>()))
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        goes.sort_unstable();
        let expected: Vec<u64> =
            (1..=THREADS * EACH).map(|nth: u64| nth.saturating_sub(burst) * 1_000).collect();
        assert_eq!(goes, expected);
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_burst_and_the_rate(
            rate in 0.5_f64..1e7,
            burst in 1_u64..50,
            takes in prop::collection::vec((0_u64..2_000, 0_u64..50), 1..80),
        ) {
            let bucket = Bucket::new(rate, burst);
            let (mut now_ns, mut grants) = (0_u64, Vec::new());
            for (percent, tokens) in takes {
                // Steps of up to twenty intervals, so that the bucket is neither always full nor always empty.
                now_ns += (percent as f64 / 100.0 * 1e9 / rate) as u64;
                let tokens = tokens % burst + 1;
                let go_ns = bucket.reserve(now_ns, tokens);
                prop_assert!(go_ns >= now_ns);
                grants.push((go_ns, tokens));
            }
            prop_assert!(grants.is_sorted_by_key(|&(go_ns, _)| go_ns), "reservations are served in order");
            for from in 0..grants.len() {
                let mut sum = 0;
                for &(go_ns, tokens) in &grants[from..] {
                    sum += tokens;
                    // Instants are rounded up to nanoseconds, so a window may look one shorter than it is.
                    let window_s = (go_ns - grants[from].0 + 1) as f64 / 1e9;
                    prop_assert!(sum as f64 <= burst as f64 + rate * window_s + 1e-6, "{} in {}", sum, window_s);
                }
            }
        }

        #[test]
        fn a_waiting_line_moves_at_the_rate(rate in 0.5_f64..1e7, burst in 0_u64..100, takes in 1_u64..5_000) {
            let bucket = Bucket::new(rate, burst);
            let last_ns = (0..takes).map(|_| bucket.reserve(0, 1)).last().unwrap();
            let expected_ns = takes.saturating_sub(burst) as f64 / rate * 1e9;
            prop_assert!((last_ns as f64 - expected_ns).abs() <= expected_ns * 4e-5 + 1.0);
        }
    }
}
