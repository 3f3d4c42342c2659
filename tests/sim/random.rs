//! Random plans, guests, people and stops. A failure names its seed; `cargo xtask sim --from SEED --seeds 1` runs it
//! again.

mod plans;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use stresshost_engine::{FaultPolicy, MAX_FAULTS};
use stresshost_metrics::Summary;
use stresshost_plan::{Executor, Plan};

use crate::guest::{Call, Script};
use crate::laws;
use crate::simulate::{Case, Level, Outcome, Steer, simulate};

/// Seeds tried in every test run: enough to meet every pair of features, few enough for seconds.
const SEEDS: u64 = 1_000;

/// Failing seeds named at most, for each core.
const FAULTS_SHOWN: usize = 10;

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

fn script(dice: &mut Dice, seed: u64, plan: &Plan) -> Script {
    let least_ms = dice.within(2, 25);
    let breaks =
        |dice: &mut Dice| if dice.one_in(12) { dice.pick(&[Call::Fails, Call::Faults]) } else { Call::Quick };
    let mut script = Script {
        seed,
        service_ms: (least_ms, least_ms + dice.within(0, 100)),
        fail_percent: dice.pick(&[0, 0, 10, 100]),
        fault_percent: dice.pick(&[0, 0, 0, 2, 20]),
        endless_percent: dice.pick(&[0, 0, 0, 5]),
        stall_ms: dice.one_in(4).then(|| (dice.within(0, 500), dice.within(501, 2_000))),
        panics_at: dice.one_in(10).then(|| dice.within(0, 20)),
        distinct_texts: dice.one_in(4),
        takes_tokens: !plan.limits.is_empty(),
        setup: dice.pick(&[Call::Quick, Call::TakesMs(7)]),
        setup_phase: dice.pick(&[Call::Quick, Call::TakesMs(9)]),
        start: dice.pick(&[Call::Quick, Call::TakesMs(3)]),
        restart: dice.pick(&[Call::Quick, Call::TakesMs(40), Call::Fails]),
        finish: dice.pick(&[Call::Quick, Call::TakesMs(15), Call::Endless]),
        teardown_phase: dice.pick(&[Call::Quick, Call::TakesMs(11), Call::Fails]),
        teardown: dice.pick(&[Call::Quick, Call::TakesMs(20), Call::Faults]),
        ..Script::default()
    };
    if dice.one_in(3) {
        // Phases other than the first can break without breaking the run.
        script.only_phase = Some(dice.within(0, 4) as u16);
        script.setup_phase = breaks(dice);
        script.start = breaks(dice);
    }
    if dice.one_in(30) {
        script.setup = dice.pick(&[Call::Fails, Call::Faults, Call::Panics]);
    }
    if plan.limits.iter().any(|limit| limit.name == "quota") {
        script.acquires = Some(("quota".into(), dice.within(1, 4)));
    }
    script
}

/// What a person does, in order and never two things at once. Who pauses goes on later, unless the run is stopped.
fn steers(dice: &mut Dice, plan: &Plan, stops: bool) -> Vec<(u64, Steer)> {
    let (mut steers, mut at_ms, mut paused) = (Vec::new(), 0, false);
    let last_ms = plan.duration_ms() + 100;
    while steers.len() < 12 {
        at_ms += dice.within(1, last_ms / 3);
        if at_ms > last_ms {
            break;
        }
        let scalable: Vec<_> =
            plan.scenarios.iter().filter(|one| plans::is_scalable(&one.executor)).collect();
        if scalable.is_empty() || dice.one_in(2) {
            steers.push((at_ms, if paused { Steer::Resume } else { Steer::Pause }));
            paused = !paused;
            continue;
        }
        let scenario = dice.pick(&scalable);
        let name = plans::NAMES.into_iter().find(|name| *name == scenario.name).expect("one of the names");
        // The multiplier of its phase only ever adds users.
        let Executor::ExternallyControlled(config) = &scenario.executor else { continue };
        if config.rate_per_s.is_some() && dice.one_in(2) {
            steers.push((at_ms, Steer::ScaleRate(name, dice.pick(&[0.0, 0.9, 20.0, 111.0, 500.0]))));
        } else {
            steers.push((at_ms, Steer::ScaleVus(name, dice.within(0, config.vus.max(config.max_vus)))));
        }
    }
    if paused && !(stops && dice.one_in(2)) {
        steers.push((at_ms + dice.within(1, 3_000), Steer::Resume));
    }
    steers
}

fn case(seed: u64) -> Case {
    let dice = &mut Dice(mix(seed));
    let plan = plans::plan(dice);
    let script = script(dice, seed, &plan);
    let mut stops = Vec::new();
    if dice.one_in(2) {
        let at_ms = dice.within(0, plan.duration_ms() + 200);
        stops.push((at_ms, dice.pick(&[Level::Drain, Level::Drain, Level::Now])));
        if dice.one_in(2) {
            stops.push((at_ms + dice.within(0, 50), Level::Now));
        }
    }
    let steers = if dice.one_in(2) { steers(dice, &plan, !stops.is_empty()) } else { Vec::new() };
    let budget = dice.pick(&[MAX_FAULTS, MAX_FAULTS, 1, 5]);
    let on_fault = FaultPolicy { budget, ends_run: dice.one_in(4) };
    Case { plan, script, stops, steers, on_fault }
}

/// Everything of an outcome that must be the same when the run is repeated: all but the machine's own use, and the order
/// of what happens at one instant (tokio wakes those who watch a value in a random order).
fn visible(outcome: &Outcome) -> String {
    let Outcome { entries, snapshots, told, aborted_ns, end_ns, result, .. } = outcome;
    let mut entries: Vec<(u64, String)> =
        entries.iter().map(|entry| (entry.at_ns, format!("{:?}", entry.deed))).collect();
    entries.sort();
    let mut told = told.clone();
    told.sort();
    let snapshots = snapshots.iter().map(|snapshot| stresshost_metrics::Snapshot {
        generator: stresshost_metrics::GeneratorSnapshot::default(),
        ..snapshot.clone()
    });
    let snapshots: Vec<_> = snapshots.collect();
    let measured = result.as_ref().map(|s| {
        let Summary { scenarios, operations, warmup, series, faults, phases, metrics, .. } = s;
        (scenarios, operations, warmup, series, faults, phases, metrics)
    });
    format!("{entries:?} {snapshots:?} {told:?} {aborted_ns:?} {end_ns} {measured:?}")
}

/// Whether the guest itself keeps the load from beginning.
fn breaks_early(script: &Script) -> bool {
    let breaks = |call: Call| !matches!(call, Call::Quick | Call::TakesMs(_));
    breaks(script.setup) || breaks(script.setup_phase) || breaks(script.start)
}

fn try_seed(seed: u64) {
    let case = case(seed);
    let outcome = simulate(&case);
    match &outcome.result {
        Ok(_) => laws::hold(&case, &outcome),
        Err(error) => {
            assert!(!case.stops.is_empty() || breaks_early(&case.script), "{error}");
            let panicked = matches!(case.script.setup, Call::Panics);
            assert!(outcome.load_start_ns.is_none() || panicked, "{error}, although the load had begun");
            laws::hold_of_failure(&case, &outcome);
        }
    }
    if seed.is_multiple_of(4) {
        let (once, again) = (visible(&outcome), visible(&simulate(&case)));
        let differs = once.bytes().zip(again.bytes()).position(|(one, other)| one != other);
        if let Some(at) = differs {
            let show = |text: &str| {
                let (from, to) =
                    (text.floor_char_boundary(at.saturating_sub(200)), text.floor_char_boundary(at + 200));
                text[from..to].to_owned()
            };
            panic!("a repetition went another way:\n{}\n{}", show(&once), show(&again));
        }
        assert_eq!(once.len(), again.len(), "a repetition went on");
    }
}

/// What is wrong with the run of a seed.
fn fault_of(seed: u64) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(|| try_seed(seed))).err()?;
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
    Some(format!("seed {seed}: {text}"))
}

/// Tries seeds on every core and names those that fail, the first ones of each core if there are many. A single one is
/// shown with its case.
fn try_seeds(seeds: Range<u64>) {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let of_thread =
        |first: usize| seeds.clone().skip(first).step_by(threads).filter_map(fault_of).take(FAULTS_SHOWN);
    let faults: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|first| scope.spawn(move || of_thread(first).collect::<Vec<_>>())).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("panics are caught")).collect()
    });
    let shown =
        if seeds.end - seeds.start == 1 { format!("\n{:#?}", case(seeds.start)) } else { String::new() };
    assert!(faults.is_empty(), "{}{shown}", faults.join("\n"));
}

#[test]
fn any_plan_with_any_guest_steered_and_stopped_at_any_time_obeys_the_laws() {
    try_seeds(0..SEEDS);
}

/// What `cargo xtask sim` runs: `STRESSHOST_SIM_SEEDS` seeds from `STRESSHOST_SIM_FROM` on.
#[test]
#[ignore = "as long as one likes; `cargo xtask sim` runs it"]
fn many_seeds() {
    let from = setting("STRESSHOST_SIM_FROM", 0);
    try_seeds(from..from.saturating_add(setting("STRESSHOST_SIM_SEEDS", SEEDS)));
}

#[expect(clippy::disallowed_methods, reason = "a setting of this test, which `cargo xtask sim` hands over")]
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`")))
}
