//! Who begins what, and when.

use std::collections::HashSet;

use stresshost_clock::{NS_PER_MS, NS_PER_S};
use stresshost_engine::Ramp;
use stresshost_metrics::{IterationEnd, Window};
use stresshost_plan::{Executor, Pause};

use super::{SLACK_NS, counts, windows};
use crate::guest::measured;
use crate::model::{Begun, Model, Seen};
use crate::simulate::Steer;

const SLACK: i128 = SLACK_NS as i128;

pub(super) fn hold(model: &Model<'_>) {
    let mut numbers = HashSet::new();
    for seen in &model.streams() {
        for begun in &seen.begins {
            assert!(numbers.insert((seen.phase, seen.index, begun.ticket.number)), "{begun:?} came twice");
            ticket_is_on_schedule(model, seen, begun);
        }
        match &seen.stream.executor {
            Executor::ConstantVus(config) => users_follow(model, seen, &Ramp::constant(config)),
            Executor::RampingVus(config) => users_follow(model, seen, &Ramp::new(config)),
            Executor::ConstantArrivalRate(_) | Executor::RampingArrivalRate(_) => {
                arrivals_are_due(model, seen)
            }
            Executor::SharedIterations(config) => shared_are_done(model, seen, config.iterations),
            Executor::PerVuIterations(config) => each_does_its_own(model, seen, config.iterations),
            Executor::ExternallyControlled(config) => {
                only_the_wanted_work(model, seen, config.vus);
                if let Some(rate_per_s) = config.rate_per_s {
                    due_is_the_area_below_the_rate(model, seen, rate_per_s);
                }
            }
            Executor::MixShare(_) => unreachable!("no stream has this executor"),
        }
        if seen.stream.executor.is_open() {
            let mut in_order: Vec<&Begun> = seen.begins.iter().collect();
            in_order.sort_by_key(|begun| begun.ticket.number);
            assert!(in_order.is_sorted_by_key(|begun| begun.intended_ns), "arrivals out of order");
        }
        users_pause_between(seen);
        lasts_as_long_as_planned(model, seen);
    }
}

fn ticket_is_on_schedule(model: &Model<'_>, seen: &Seen<'_>, begun: &Begun) {
    let Begun { ticket, at_ns, load_ns, intended_ns, .. } = *begun;
    assert!(intended_ns <= load_ns, "{begun:?} began early");
    assert!((seen.begin_ns()..seen.until_ns()).contains(&intended_ns), "{begun:?} is outside its stream");
    assert!(load_ns < seen.until_ns() + SLACK, "{begun:?} began when its stream was over");
    assert!(at_ns <= model.stop_ns(), "{begun:?} began after the stop");
    assert!(!model.is_paused(at_ns), "{begun:?} began while the run stood still");
    let warmup_ns = i128::from(model.schedule.phases[seen.phase].warmup_ms * NS_PER_MS);
    assert_eq!(measured(ticket.window), intended_ns >= warmup_ns, "{begun:?}");
    assert_eq!(ticket.scenario, seen.mix().scenario(ticket.number), "{begun:?}");
    if let Some(arrivals) = seen.arrivals() {
        let due_ns = seen.begin_ns() + i128::from(arrivals.offset_ns(ticket.number));
        assert_eq!(intended_ns, due_ns, "{begun:?} has another time");
    }
}

/// Iterations of a scenario that were due and dropped, in one window.
fn due_of(model: &Model<'_>, scenario: u16, window: Window) -> (u64, u64) {
    let summary = model.outcome.summary();
    let of_window = windows(summary).into_iter().find(|(of, _)| *of == window);
    let counts = of_window.map(|(_, scenarios)| counts(&scenarios[usize::from(scenario)].iterations));
    counts.map_or((0, 0), |counts| (counts.due, counts.dropped))
}

/// The same of all scenarios of a stream, in both windows.
fn due_of_all(model: &Model<'_>, seen: &Seen<'_>) -> (u64, u64) {
    let both = [Window::Warmup, Window::Measured];
    let each =
        seen.stream.scenarios.iter().flat_map(|(own, _)| both.map(|window| due_of(model, *own, window)));
    each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

/// In the open model the schedule alone decides how many iterations are due, up to the stop.
fn arrivals_are_due(model: &Model<'_>, seen: &Seen<'_>) {
    if model.gave_up() {
        return;
    }
    let arrivals = seen.arrivals().expect("the model is open");
    // What is due at the very instant of the stop still counts.
    let until_ns = model.stopped_at(seen.phase).map_or(i128::MAX, |stop_ns| stop_ns + 1);
    let before = |load_ns: i128| {
        let offset_ns = (load_ns.min(until_ns).min(seen.until_ns()) - seen.begin_ns()).max(0);
        arrivals.count_before(u64::try_from(offset_ns).expect("it is within the stream"))
    };
    let (all, mix) = (before(i128::MAX), seen.mix());
    let warm = before(i128::from(model.schedule.phases[seen.phase].warmup_ms * NS_PER_MS));
    for (scenario, _) in &seen.stream.scenarios {
        let warm_of = mix.count_before(*scenario, warm);
        let measured_of = mix.count_before(*scenario, all) - warm_of;
        if !model.hides_warmup() {
            assert_eq!(
                due_of(model, *scenario, Window::Warmup).0,
                warm_of,
                "due of {scenario} in the warm-up"
            );
        }
        assert_eq!(due_of(model, *scenario, Window::Measured).0, measured_of, "due of {scenario}");
    }
    if due_of_all(model, seen).1 == 0 && !model.hides_warmup() {
        let mut numbers: Vec<u64> = seen.begins.iter().map(|begun| begun.ticket.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..all).collect::<Vec<_>>(), "numbers of {}", seen.stream.name);
    }
}

/// Virtual users work when the line is above them, and then without a gap.
fn users_follow(model: &Model<'_>, seen: &Seen<'_>, ramp: &Ramp) {
    let offset = |load_ns: i128| u64::try_from(load_ns - seen.begin_ns()).expect("the stream has begun");
    let is_active = |place: u64, load_ns: i128| {
        let at_ns = offset(load_ns);
        ramp.active_from(place, at_ns).is_some_and(|(from_ns, _)| from_ns == at_ns)
    };
    for begun in &seen.begins {
        assert!(is_active(begun.place, begun.load_ns), "{begun:?}: the user is not active");
    }
    if model.loses_users() || model.gave_up() {
        return;
    }
    let over_ns = model.stopped_at(seen.phase).unwrap_or(i128::MAX).min(seen.until_ns());
    let by_place = seen.by_place();
    for place in 0..seen.stream.executor.vus() {
        let begins = by_place.get(&place).map(Vec::as_slice).unwrap_or_default();
        if let Some((from_ns, to_ns)) = ramp.active_from(place, 0) {
            let joins_ns = seen.begin_ns() + i128::from(from_ns);
            if joins_ns + SLACK < over_ns.min(seen.begin_ns() + i128::from(to_ns)) {
                let first = begins
                    .first()
                    .unwrap_or_else(|| panic!("user {place} of {} never worked", seen.stream.name));
                assert!(first.load_ns <= joins_ns + SLACK, "{first:?} instead of {joins_ns}");
            }
        }
        if seen.stream.pause.is_some() {
            continue;
        }
        for (index, begun) in begins.iter().enumerate() {
            let (ended_ns, ended_at_ns, _) = begun.end;
            if ended_ns < over_ns && ended_at_ns < model.stop_ns() && is_active(place, ended_ns) {
                let next = begins
                    .get(index + 1)
                    .unwrap_or_else(|| panic!("user {place} did nothing after {begun:?}"));
                assert_eq!(next.load_ns, ended_ns, "{next:?} follows {begun:?}");
            }
        }
    }
}

/// Think time and pacing.
fn users_pause_between(seen: &Seen<'_>) {
    let Some(pause) = seen.stream.pause else { return };
    let steady = !matches!(seen.stream.executor, Executor::RampingVus(_) | Executor::ExternallyControlled(_));
    for begins in seen.by_place().values() {
        for pair in begins.windows(2) {
            let (before, next) = (&pair[0], &pair[1]);
            match pause {
                Pause::ThinkTime { min_ms, max_ms } => {
                    let thought_ns = next.load_ns - before.end.0;
                    let (min_ns, max_ns) = (i128::from(min_ms * NS_PER_MS), i128::from(max_ms * NS_PER_MS));
                    let is_away = matches!(seen.stream.executor, Executor::ExternallyControlled(_));
                    assert!(
                        thought_ns >= min_ns || is_away,
                        "{thought_ns} ns between {before:?} and {next:?}"
                    );
                    let faulted = before.end.2 == IterationEnd::Faulted;
                    assert!(
                        faulted || !steady || thought_ns <= max_ns + SLACK,
                        "{thought_ns} ns before {next:?}"
                    );
                }
                Pause::Pacing { interval_ms } => {
                    let (apart_ns, interval_ns) =
                        (next.intended_ns - before.intended_ns, i128::from(interval_ms * NS_PER_MS));
                    let is_away = matches!(seen.stream.executor, Executor::ExternallyControlled(_));
                    assert!(apart_ns >= interval_ns || is_away, "{before:?} and {next:?}");
                    assert!(!steady || apart_ns == interval_ns, "{before:?} and {next:?}");
                }
            }
        }
    }
}

/// How long before the end a user may find that it is not ready again in time.
fn longest_pause(seen: &Seen<'_>) -> i128 {
    i128::from(
        NS_PER_MS
            * match seen.stream.pause {
                None => 0,
                Some(Pause::ThinkTime { max_ms, .. }) => max_ms,
                Some(Pause::Pacing { interval_ms }) => interval_ms,
            },
    )
}

/// Exactly as many are done as were asked for, unless time ran out, the run was stopped or the users are gone.
fn shared_are_done(model: &Model<'_>, seen: &Seen<'_>, total: u64) {
    let mut numbers: Vec<u64> = seen.begins.iter().map(|begun| begun.ticket.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>(), "numbers of {}", seen.stream.name);
    assert!(numbers.len() as u64 <= total);
    let (due, dropped) = due_of_all(model, seen);
    let cut_short = model.stopped_at(seen.phase).is_some_and(|stop_ns| stop_ns < seen.until_ns());
    if model.gave_up() || (cut_short && (numbers.len() as u64) < total) {
        assert!(due <= total, "{due} of {total} due");
        return;
    }
    assert_eq!(due, total, "due of {}", seen.stream.name);
    for (scenario, _) in &seen.stream.scenarios {
        let both = due_of(model, *scenario, Window::Warmup).0 + due_of(model, *scenario, Window::Measured).0;
        assert_eq!(both, seen.mix().count_before(*scenario, total), "due of {scenario}");
    }
    let over_ns = model.load_ns(seen.phase, model.end_ns(seen.phase));
    assert!(
        dropped == 0 || model.loses_users() || over_ns + longest_pause(seen) >= seen.until_ns(),
        "{dropped} were dropped at {over_ns}, although there was time"
    );
}

fn each_does_its_own(model: &Model<'_>, seen: &Seen<'_>, each: u64) {
    let of = seen.stream.executor.vus();
    for (place, begins) in seen.by_place() {
        let numbers: Vec<u64> = begins.iter().map(|begun| begun.ticket.number).collect();
        let expected: Vec<u64> = (0..numbers.len() as u64).map(|nth| place + nth * of).collect();
        assert_eq!(numbers, expected, "numbers of user {place}");
        assert!(numbers.len() as u64 <= each, "user {place} did {} of {each}", numbers.len());
    }
    let (due, dropped) = due_of_all(model, seen);
    let cut_short = model.stopped_at(seen.phase).is_some_and(|stop_ns| stop_ns < seen.until_ns());
    if model.gave_up() || cut_short {
        // A plugin that is given up while the run goes on leaves undone what it was asked for.
        let may_drop = model.gave_up();
        assert!(
            due <= each * of && (dropped == 0 || may_drop),
            "{due} due and {dropped} dropped of {}",
            each * of
        );
        return;
    }
    assert_eq!(due, each * of, "due of {}", seen.stream.name);
    let over_ns = model.load_ns(seen.phase, model.end_ns(seen.phase));
    assert!(
        dropped == 0 || model.loses_users() || over_ns + longest_pause(seen) >= seen.until_ns(),
        "{dropped} were dropped at {over_ns}, although there was time"
    );
}

/// Scales of a stream's virtual users or rate, with when they happened.
fn scales<'a, T>(
    model: &'a Model<'_>,
    seen: &'a Seen<'_>,
    pick: impl Fn(&'a Steer) -> Option<(&'static str, T)> + 'a,
) -> impl Iterator<Item = (u64, T)> + 'a {
    model.case.steers.iter().filter_map(move |(at_ms, steer)| {
        let (name, value) = pick(steer)?;
        (name == seen.stream.name).then_some((at_ms * NS_PER_MS, value))
    })
}

fn only_the_wanted_work(model: &Model<'_>, seen: &Seen<'_>, at_first: u64) {
    let vus = |steer: &Steer| if let Steer::ScaleVus(name, vus) = *steer { Some((name, vus)) } else { None };
    let scales: Vec<(u64, u64)> = scales(model, seen, vus).collect();
    for begun in &seen.begins {
        let mut before = scales.iter().filter(|(at_ns, _)| *at_ns < begun.at_ns).map(|(_, vus)| *vus);
        let at_once = scales.iter().filter(|(at_ns, _)| *at_ns == begun.at_ns).map(|(_, vus)| *vus);
        let wanted = before.next_back().unwrap_or(at_first);
        let most = at_once.fold(wanted, u64::max);
        // What was due when the run was paused is begun as it goes on, by whoever waits for it.
        assert!(
            begun.place < most || model.resumes_at(begun.at_ns),
            "{begun:?}, although {wanted} were wanted"
        );
    }
}

/// As many are due as the rate, whatever it was changed to, adds up to; each change may round.
fn due_is_the_area_below_the_rate(model: &Model<'_>, seen: &Seen<'_>, at_first: f64) {
    if model.gave_up() {
        return;
    }
    let rates =
        |steer: &Steer| if let Steer::ScaleRate(name, rate) = *steer { Some((name, rate)) } else { None };
    let end_ns = model.stopped_at(seen.phase).unwrap_or(i128::MAX).min(seen.until_ns());
    let (mut from_ns, mut rate_per_s, mut area) = (seen.begin_ns(), at_first, 0.0);
    let over_at_ns = model.end_ns(seen.phase);
    let mut area_until = |until_ns: i128, next_per_s: f64| {
        let until_ns = until_ns.clamp(from_ns, end_ns.max(from_ns));
        area += rate_per_s * (until_ns - from_ns) as f64 / NS_PER_S as f64;
        (from_ns, rate_per_s) = (until_ns, next_per_s);
        area
    };
    for (at_ns, next_per_s) in scales(model, seen, rates) {
        if at_ns <= over_at_ns {
            area_until(model.load_ns(seen.phase, at_ns), next_per_s);
        }
    }
    let area = area_until(end_ns, 0.0);
    let due = due_of_all(model, seen).0 as f64;
    assert!((area - 1.001..=area + 1.001).contains(&due), "{due} due of {area}");
}

/// The time rates are per second of: what was planned of the measured window, up to the stop.
fn lasts_as_long_as_planned(model: &Model<'_>, seen: &Seen<'_>) {
    let counted =
        matches!(seen.stream.executor, Executor::SharedIterations(_) | Executor::PerVuIterations(_));
    if counted || model.loses_users() || model.gave_up() {
        return;
    }
    let warmup_ns = i128::from(model.schedule.phases[seen.phase].warmup_ms * NS_PER_MS);
    let until_ns = model.stopped_at(seen.phase).unwrap_or(i128::MAX).min(seen.until_ns());
    let expected_s = (until_ns - seen.begin_ns().max(warmup_ns)).max(0) as f64 / NS_PER_S as f64;
    for (scenario, _) in &seen.stream.scenarios {
        let summary = &model.outcome.summary().scenarios[usize::from(*scenario)];
        assert!(
            (summary.duration_s - expected_s).abs() < 1e-5,
            "{} s instead of {expected_s}",
            summary.duration_s
        );
    }
}
