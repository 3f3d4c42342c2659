//! What of a trend of resident memory is a leak.

use stresshost_metrics::MAX_SERIES_POINTS;

use super::trend::{Trend, trend};

/// Growth that is no leak whatever it is due to, in bytes per second: 1.8 MiB an hour.
const GROWTH_MOST_PER_S: f64 = 512.0;

/// What a run may keep of each second until its course has all its points and is merged: a point and a packed
/// histogram, some 2 KiB, and room for a histogram of a wide distribution.
const COURSE_MOST_PER_S: f64 = 4096.0;

/// How long a course grows, in seconds: it gets a point each second.
const COURSE_S: f64 = MAX_SERIES_POINTS as f64;

/// Growth over all values below which nothing is a leak, in bytes. A pause of the machine makes more virtual users busy
/// at once, which touches buffers and pages that stay resident, and a page cache does the same: it comes and goes by
/// a mebibyte or two.
const WANDER_MOST: f64 = 3.0 * 1024.0 * 1024.0;

/// Resident memory over time, judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    pub(super) trend: Trend,
    /// Slope above which there is a leak, in bytes per second.
    pub(super) allowed_per_s: f64,
    /// Growth by that slope over all values, in bytes.
    pub(super) grown: f64,
    /// Whether this is a leak.
    pub(super) leaks: bool,
    /// The smallest leak that would have been found, in bytes per second.
    pub(super) would_find_per_s: f64,
}

/// Judges resident bytes at seconds since the load began; `None` when they are too few.
///
/// It is a leak when three things hold: the rank test says that memory rises, the confidence limit of the slope is
/// above what is allowed, and the growth in all is more than memory wanders.
pub(super) fn growth(samples: &[(f64, f64)]) -> Option<Growth> {
    let (first, last) = samples.first().zip(samples.last())?;
    let trend = trend(samples)?;
    let seconds = last.0 - first.0;
    let course_share = ((COURSE_S - first.0) / seconds).clamp(0.0, 1.0);
    let allowed_per_s = GROWTH_MOST_PER_S + course_share * COURSE_MOST_PER_S;
    let grown = trend.slope * seconds;
    let leaks = trend.rises() && trend.slope_least > allowed_per_s && grown > WANDER_MOST;
    let uncertain_per_s = (trend.slope - trend.slope_least).max(0.0);
    let would_find_per_s = (allowed_per_s + uncertain_per_s).max(WANDER_MOST / seconds);
    Some(Growth { trend, allowed_per_s, grown, leaks, would_find_per_s })
}

#[cfg(test)]
mod tests {
    use super::super::trend::tests::memory;
    use super::*;

    const KIB: f64 = 1024.0;
    const MIB: f64 = KIB * KIB;

    /// How many of `seeds` leak: the values after a warm-up of a quarter.
    fn leaking(seeds: u64, seconds: u32, leak: f64, noise: f64) -> u64 {
        let leaks = |seed: &u64| {
            let samples = memory(*seed, seconds, leak, noise, 0.8);
            growth(&samples[seconds as usize / 4..]).unwrap().leaks
        };
        (0..seeds).filter(leaks).count() as u64
    }

    #[test]
    fn a_kilobyte_a_second_is_found_in_two_hours() {
        assert_eq!(leaking(20, 7_200, KIB, MIB), 20);
    }

    #[test]
    fn a_byte_a_request_is_found_in_ten_minutes() {
        // At 20,000 requests a second.
        assert!(leaking(200, 600, 20_000.0, MIB / 2.0) >= 198);
    }

    #[test]
    fn an_object_a_request_is_found_in_the_short_form() {
        // 64 bytes at 20,000 requests a second.
        let samples = |seed| memory(seed, 20, 64.0 * 20_000.0, 200.0 * KIB, 0.0);
        let found = (0..200).filter(|&seed| growth(&samples(seed)[10..]).unwrap().leaks).count();
        assert!(found >= 190, "{found} of 200");
    }

    #[test]
    fn noise_is_no_leak() {
        assert_eq!(leaking(20, 7_200, 0.0, MIB), 0);
        assert!(leaking(500, 600, 0.0, MIB) <= 5);
        assert!(leaking(500, 40, 0.0, MIB / 2.0) <= 5);
    }

    #[test]
    fn what_the_course_of_a_run_keeps_is_no_leak() {
        let course = |t: f64| 2.0 * KIB * t.min(COURSE_S);
        let samples = |from: u32, to: u32| -> Vec<(f64, f64)> {
            (from..to).map(|t| (f64::from(t), 80.0 * MIB + course(f64::from(t)))).collect()
        };
        let young = growth(&samples(150, 600)).unwrap();
        assert!(young.trend.rises() && !young.leaks, "{young:?}");
        assert!(!growth(&samples(1_800, 7_200)).unwrap().leaks);
    }

    #[test]
    fn a_steady_megabyte_an_hour_is_below_the_bound_and_two_are_not() {
        let line = |per_hour: f64| -> Vec<(f64, f64)> {
            (1_800..20_000).map(|t| (f64::from(t), per_hour / 3600.0 * f64::from(t))).collect()
        };
        assert!(!growth(&line(MIB)).unwrap().leaks);
        assert!(growth(&line(2.0 * MIB)).unwrap().leaks);
    }

    #[test]
    fn what_would_have_been_found_is_found() {
        let quiet = growth(&memory(1, 600, 0.0, MIB / 2.0, 0.8)).unwrap();
        let leaking = growth(&memory(1, 600, 1.2 * quiet.would_find_per_s, MIB / 2.0, 0.8)).unwrap();
        assert!(!quiet.leaks && leaking.leaks, "{quiet:?} {leaking:?}");
    }
}
