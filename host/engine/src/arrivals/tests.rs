use proptest::prelude::*;
use stresshost_plan::RateStage;

use super::*;

const S: u64 = 1_000_000_000;

fn constant(rate_per_s: f64, duration_ms: u64, ramp_up_ms: u64) -> Arrivals {
    let config = ConstantArrivalRate { rate_per_s, duration_ms, ramp_up_ms, vus: 1, spacing: Spacing::Even };
    Arrivals::constant(&config, 0)
}

fn ramping(start_rate_per_s: f64, stages: &[(u64, f64)], spacing: Spacing, seed: u64) -> Arrivals {
    let stages = stages.iter().map(|&(duration_ms, rate_per_s)| RateStage { duration_ms, rate_per_s });
    let config = RampingArrivalRate { start_rate_per_s, stages: stages.collect(), vus: 1, spacing };
    Arrivals::ramping(&config, seed)
}

/// A Poisson process with 1000 arrivals a second for a number of seconds.
fn poisson(seconds: u64, seed: u64) -> Arrivals {
    ramping(1_000.0, &[(seconds * 1_000, 1_000.0)], Spacing::Poisson, seed)
}

#[test]
fn a_rate_times_a_duration_is_a_count() {
    for (rate, seconds, count) in [
        (5_000.0, 10, 50_000),
        (0.5, 10, 5),
        (3.0, 1, 3),
        (7.0, 3_600, 25_200),
        (1e6, 60, 60_000_000),
        (0.1, 30, 3),
        (0.3, 10, 3),
        (0.7, 10, 7),
        (1.1, 1_000_000, 1_100_000),
        (1e7, 8_640_000, 86_400_000_000_000),
    ] {
        let arrivals = constant(rate, 2 * seconds * 1_000, 0);
        assert_eq!(arrivals.count_before(seconds * S), count, "{rate}/s for {seconds}s");
        assert_eq!(arrivals.total(), 2 * count, "{rate}/s for twice {seconds}s");
        assert_eq!(constant(rate, seconds * 1_000, 0).total(), count, "{rate}/s for {seconds}s");
    }
}

/// Added up, a thousand times 1.1 is above 1100, and ten times 0.7 above 7.
#[test]
fn rounding_adds_no_iteration() {
    for (rate, stages, count) in
        [(0.1, 20, 2), (0.7, 10, 7), (1.3, 10, 13), (0.6, 1_000, 600), (1.1, 1_000, 1_100)]
    {
        let mut lines = vec![(1_000, rate); stages];
        for spacing in [Spacing::Even, Spacing::Poisson] {
            assert_eq!(ramping(rate, &lines, spacing, 1).total(), count, "{stages} s of {rate}/s");
        }
        // Nor is one left over for the moment before a pause.
        lines.extend([(0, 0.0), (1_000, 0.0), (0, rate), (1_000, rate)]);
        let resumed_ns = (stages as u64 + 1) * S;
        assert_eq!(
            ramping(rate, &lines, Spacing::Even, 1).offset_ns(count),
            resumed_ns,
            "{stages} s of {rate}/s"
        );
    }
}

#[test]
fn what_is_due_is_due_before_the_end() {
    // Ten arrivals a nanosecond: the last ones are due in a fraction of the last nanosecond.
    let dense = Arrivals::steady(1e10, 1_000_000);
    assert_eq!((dense.total(), dense.offset_ns(9_999_999)), (10_000_000, 999_999));
    assert_eq!(dense.count_before(999_999), 9_999_981);
}

#[test]
fn a_constant_rate_begins_at_once_and_goes_on_evenly() {
    let arrivals = constant(4.0, 1_000, 0);
    let due: Vec<u64> = (0..5).map(|index| arrivals.offset_ns(index)).collect();
    assert_eq!(due, [0, S / 4, S / 2, 3 * S / 4, u64::MAX]);
    // Less than one iteration is planned; the first is still due at once.
    assert_eq!(constant(0.01, 10_000, 0).total(), 1);
    assert_eq!(constant(1e-9, 10_000, 0).offset_ns(0), 0);
}

#[test]
fn a_ramp_holds_half_of_what_its_end_rate_would() {
    let ramp = constant(1_000.0, 30_000, 10_000);
    assert_eq!(ramp.count_before(10 * S), 5_000);
    assert_eq!(ramp.count_before(5 * S), 1_250);
    assert_eq!(ramp.count_before(20 * S), 15_000);
    assert_eq!((ramp.total(), ramp.end_ns()), (25_000, 30 * S));
    assert_eq!((ramp.offset_ns(1_250), ramp.offset_ns(5_000)), (5 * S, 10 * S));
    assert_eq!(constant(1_000.0, 5_000, 10_000).total(), 1_250, "a ramp is cut by the end");
}

#[test]
fn stages_follow_each_other() {
    // 0 -> 100 in 10 s: 500; 100 for 5 s: 500; jump to 10, 10 -> 0 in 20 s: 100.
    let stages = [(10_000, 100.0), (5_000, 100.0), (0, 10.0), (20_000, 0.0)];
    let arrivals = ramping(0.0, &stages, Spacing::Even, 0);
    assert_eq!((arrivals.total(), arrivals.end_ns()), (1_100, 35 * S));
    assert_eq!([10, 15, 25].map(|at| arrivals.count_before(at * S)), [500, 1_000, 1_075]);
    assert_eq!(
        [0, 125, 500, 510, 1_000].map(|index| arrivals.offset_ns(index)),
        [0, 5 * S, 10 * S, 10 * S + S / 10, 15 * S]
    );
}

#[test]
fn nothing_is_due_while_the_rate_is_zero() {
    let stages = [(5_000, 0.0), (0, 10.0), (1_000, 10.0), (0, 0.0), (3_000, 0.0), (0, 10.0), (1_000, 10.0)];
    for spacing in [Spacing::Even, Spacing::Poisson] {
        let arrivals = ramping(0.0, &stages, spacing, 3);
        assert_eq!((arrivals.total(), arrivals.end_ns()), (20, 10 * S));
        assert_eq!(arrivals.count_before(5 * S), 0, "{spacing:?}");
        assert_eq!(arrivals.count_before(6 * S), arrivals.count_before(9 * S), "{spacing:?}");
        for index in 0..20 {
            let due = arrivals.offset_ns(index);
            assert!((5 * S..6 * S).contains(&due) || (9 * S..10 * S).contains(&due), "{spacing:?}: {due}");
        }
    }
    let even = ramping(0.0, &stages, Spacing::Even, 3);
    assert_eq!([0, 9, 10].map(|index| even.offset_ns(index)), [5 * S, 5 * S + 900_000_000, 9 * S]);
}

#[test]
fn what_is_no_rate_is_none() {
    for rate in [0.0, -5.0, f64::NAN, f64::NEG_INFINITY] {
        let steady = Arrivals::steady(rate, S);
        assert_eq!((steady.total(), steady.offset_ns(0), steady.count_before(u64::MAX)), (0, u64::MAX, 0));
        assert_eq!(steady.end_ns(), S);
    }
    assert_eq!(Arrivals::steady(100.0, 0).offset_ns(0), u64::MAX);
    assert_eq!(Arrivals::steady(100.0, S), constant(100.0, 1_000, 0));
    assert_eq!(ramping(100.0, &[], Spacing::Poisson, 0).total(), 0);
}

#[test]
fn absurd_numbers_do_not_overflow() {
    for rate in [f64::INFINITY, f64::MAX, 1e30, f64::MIN_POSITIVE] {
        for spacing in [Spacing::Even, Spacing::Poisson] {
            let stages = [(u64::MAX, rate), (u64::MAX, 0.0)];
            let arrivals = ramping(0.0, &stages, spacing, 0);
            assert!(arrivals.total() <= 1 << 53);
            assert!(arrivals.offset_ns(0) <= arrivals.offset_ns(arrivals.total() / 2));
            assert!(arrivals.count_before(1_000) <= arrivals.total());
        }
    }
}

#[test]
fn seeds_decide_a_poisson_process() {
    let times = |seed| {
        let arrivals = poisson(10, seed);
        (0..10_000).map(|index| arrivals.offset_ns(index)).collect::<Vec<u64>>()
    };
    assert_eq!(times(1), times(1));
    let (first, second) = (times(1), times(2));
    let same = first.iter().zip(&second).filter(|(a, b)| a == b).count();
    assert!(same < 10, "{same} of 10000 times are the same");
    assert_ne!(poisson(10, 1), poisson(10, 2));
}

#[test]
fn counts_of_a_poisson_process_have_their_mean_as_variance() {
    for seed in 0..10 {
        let arrivals = poisson(100, seed);
        assert_eq!(arrivals.total(), 100_000);
        let windows: Vec<f64> = (0..1_000_u64)
            .map(|w| (arrivals.count_before((w + 1) * S / 10) - arrivals.count_before(w * S / 10)) as f64)
            .collect();
        assert_eq!(windows.iter().sum::<f64>(), 100_000.0);
        let variance = windows.iter().map(|count| (count - 100.0).powi(2)).sum::<f64>() / 999.0;
        // Of 1000 windows the index of dispersion has a standard deviation of 0.045.
        assert!((0.83..1.17).contains(&(variance / 100.0)), "seed {seed}: dispersion {}", variance / 100.0);
    }
}

/// The greatest distance between the distribution of the gaps and the exponential one.
fn kolmogorov_smirnov(mut gaps: Vec<f64>, mean: f64) -> f64 {
    gaps.sort_by(f64::total_cmp);
    let count = gaps.len() as f64;
    let distances = gaps.iter().enumerate().map(|(index, gap)| {
        let exponential = 1.0 - (-gap / mean).exp();
        (exponential - index as f64 / count).abs().max((exponential - (index + 1) as f64 / count).abs())
    });
    distances.fold(0.0, f64::max)
}

#[test]
fn gaps_of_a_poisson_process_are_exponential() {
    for seed in 0..10 {
        let arrivals = poisson(50, seed);
        let due: Vec<u64> = (0..arrivals.total()).map(|index| arrivals.offset_ns(index)).collect();
        let gaps: Vec<f64> = due.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let count = gaps.len() as f64;
        let distance = kolmogorov_smirnov(gaps.clone(), 1e6);
        // One in a thousand samples of that size is further away.
        assert!(distance < 1.95 / count.sqrt(), "seed {seed}: distance {distance}");
        let independent: f64 =
            gaps.windows(2).map(|pair| (pair[0] / 1e6 - 1.0) * (pair[1] / 1e6 - 1.0)).sum::<f64>() / count;
        assert!(
            independent.abs() < 4.0 / count.sqrt(),
            "seed {seed}: correlation of neighbours {independent}"
        );
    }
}

#[test]
fn a_poisson_process_follows_its_ramp() {
    let arrivals = ramping(0.0, &[(10_000, 20_000.0)], Spacing::Poisson, 9);
    assert_eq!(arrivals.total(), 100_000);
    for tenths in [2_u64, 5, 7] {
        let expected = 1_000.0 * (tenths * tenths) as f64;
        let count = arrivals.count_before(tenths * S) as f64;
        assert!((count - expected).abs() < 4.0 * expected.sqrt(), "{count} after {tenths} s, not {expected}");
    }
}

fn any_arrivals() -> impl Strategy<Value = Arrivals> {
    let rate = prop_oneof![1 => Just(0.0), 2 => 0.01_f64..10.0, 2 => 0.0_f64..1e5];
    let stages = prop::collection::vec((0_u64..20_000, rate.clone()), 0..8);
    let spacing = prop_oneof![Just(Spacing::Even), Just(Spacing::Poisson)];
    (rate, stages, spacing, any::<u64>())
        .prop_map(|(start, stages, spacing, seed)| ramping(start, &stages, spacing, seed))
}

proptest! {
    #[test]
    fn times_never_decrease_and_counts_invert_them(
        arrivals in any_arrivals(),
        places in prop::collection::vec(0.0_f64..1.0, 1..30),
    ) {
        let total = arrivals.total();
        prop_assert_eq!(arrivals.count_before(arrivals.end_ns()), total);
        prop_assert_eq!(arrivals.count_before(0), 0);
        prop_assert_eq!(arrivals.offset_ns(total), u64::MAX);
        for place in places {
            let index = (place * total as f64) as u64;
            if index < total {
                let at_ns = arrivals.offset_ns(index);
                prop_assert!(at_ns < arrivals.end_ns());
                prop_assert!(at_ns <= arrivals.offset_ns(index + 1));
                prop_assert!(arrivals.count_before(at_ns) <= index);
                prop_assert!(arrivals.count_before(at_ns + 1) > index);
            }
            let at_ns = (place * arrivals.end_ns() as f64) as u64;
            let count = arrivals.count_before(at_ns);
            prop_assert!(count == 0 || arrivals.offset_ns(count - 1) < at_ns);
            prop_assert!(arrivals.offset_ns(count) >= at_ns);
        }
    }

    #[test]
    fn a_constant_rate_with_a_ramp_is_two_stages(
        rate in 0.01_f64..1e6,
        ramp_ms in 0_u64..100_000,
        steady_ms in 0_u64..100_000,
        place in 0.0_f64..1.0,
    ) {
        let constant = constant(rate, ramp_ms + steady_ms, ramp_ms);
        let stages = ramping(0.0, &[(ramp_ms, rate), (0, rate), (steady_ms, rate)], Spacing::Even, 0);
        prop_assert_eq!(constant.total(), stages.total());
        let index = (place * constant.total() as f64) as u64;
        prop_assert_eq!(constant.offset_ns(index), stages.offset_ns(index));
    }

    #[test]
    fn sharers_see_the_same_times_together(seed: u64, sharers in 1_u64..20) {
        let alone = poisson(1, seed);
        let expected: Vec<u64> = (0..alone.total()).map(|index| alone.offset_ns(index)).collect();
        let mut together = Vec::new();
        for first in 0..sharers {
            let share = poisson(1, seed);
            let mut indices = (first..).step_by(sharers as usize);
            together.extend(indices.by_ref().map(|index| share.offset_ns(index)).take_while(|&due| due < u64::MAX));
        }
        together.sort_unstable();
        prop_assert_eq!(together, expected);
    }
}
