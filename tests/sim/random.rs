//! Random plans, guests and stops. A failure names its seed; run `case(seed)` again to see it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use stresshost_plan::{ConstantArrivalRate, ConstantVus, Executor};

use crate::guest::{Call, Script};
use crate::laws;
use crate::simulate::{Case, Level, Outcome, plan, simulate};

/// Seeds tried: enough to meet every pair of features, few enough for seconds.
const SEEDS: u64 = 300;

/// The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub(crate) const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

struct Dice(u64);

impl Dice {
    /// From `low` to `high`, both included.
    fn within(&mut self, low: u64, high: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        low + mix(mix(self.0)) % (high - low + 1)
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.within(1, times) == 1
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.within(0, of.len() as u64 - 1) as usize]
    }
}

fn executor(dice: &mut Dice) -> Executor {
    let duration_ms = dice.within(100, 2_500);
    let ramp_up_ms = if dice.one_in(2) { 0 } else { dice.within(1, duration_ms) };
    if dice.one_in(2) {
        Executor::ConstantVus(ConstantVus { vus: dice.within(1, 5), duration_ms, ramp_up_ms })
    } else {
        let rate_per_s = dice.pick(&[0.7, 3.0, 50.5, 1000.0 / 3.0, 400.0]);
        let vus = dice.within(1, 20);
        Executor::ConstantArrivalRate(ConstantArrivalRate { rate_per_s, duration_ms, ramp_up_ms, vus })
    }
}

fn case(seed: u64) -> Case {
    let mut dice = Dice(mix(seed));
    let mut plan = plan((0..dice.within(1, 3)).map(|_| executor(&mut dice)).collect::<Vec<_>>());
    for scenario in &mut plan.scenarios {
        scenario.start_ms = if dice.one_in(2) { 0 } else { dice.within(0, 900) };
    }
    plan.graceful_stop_ms = dice.pick(&[0, 0, 30, 1_000, 30_000]);
    if dice.one_in(2) {
        plan.warmup_ms = dice.within(1, plan.duration_ms() - 1);
    }
    let least_ms = dice.within(1, 20);
    let script = Script {
        seed,
        service_ms: (least_ms, least_ms + dice.within(0, 100)),
        fail_percent: dice.pick(&[0, 0, 10, 100]),
        fault_percent: dice.pick(&[0, 0, 2, 20]),
        endless_percent: dice.pick(&[0, 0, 0, 5]),
        stall_ms: dice.one_in(3).then(|| (dice.within(0, 500), dice.within(501, 2_000))),
        setup: dice.pick(&[Call::Quick, Call::TakesMs(7)]),
        start: dice.pick(&[Call::Quick, Call::TakesMs(3)]),
        restart: dice.pick(&[Call::Quick, Call::TakesMs(40)]),
        finish: dice.pick(&[Call::Quick, Call::TakesMs(15), Call::Endless]),
        teardown: dice.pick(&[Call::Quick, Call::TakesMs(20)]),
        ..Script::default()
    };
    let mut stops = Vec::new();
    if dice.one_in(2) {
        let at_ms = dice.within(0, plan.duration_ms() + 200);
        stops.push((at_ms, dice.pick(&[Level::Drain, Level::Drain, Level::Now])));
        if dice.one_in(2) {
            stops.push((at_ms + dice.within(0, 50), Level::Now));
        }
    }
    Case { plan, script, stops }
}

/// Everything of an outcome that must be the same when the run is repeated: all but the machine's own use.
fn visible(outcome: &Outcome) -> String {
    let Outcome { entries, snapshots, told, end_ns, result, .. } = outcome;
    let measured = result.as_ref().map(|s| (&s.scenarios, &s.operations, &s.warmup, &s.series, &s.faults));
    format!("{entries:?} {snapshots:?} {told:?} {end_ns} {measured:?}")
}

fn try_seed(seed: u64) {
    let case = case(seed);
    let outcome = simulate(&case);
    match &outcome.result {
        Ok(_) => laws::hold(&case, &outcome),
        Err(error) => {
            assert!(!case.stops.is_empty(), "{error}");
            assert_eq!(outcome.load_start_ns, None, "{error}, although the load had begun");
        }
    }
    if seed.is_multiple_of(4) {
        assert!(visible(&outcome) == visible(&simulate(&case)), "a repetition went another way");
    }
}

#[test]
fn any_plan_with_any_guest_stopped_at_any_time_obeys_the_laws() {
    for seed in 0..SEEDS {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| try_seed(seed))) {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            panic!("seed {seed}: {text}");
        }
    }
}
