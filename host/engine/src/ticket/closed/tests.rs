use std::cell::RefCell;
use std::rc::Rc;

use stresshost_clock::NS_PER_MS;
use stresshost_plan::{ConstantVus, RampingVus, VuStage};

use super::*;
use crate::ticket::testing::{all, ms, on_a_core, pass_ms, rhythm, span};

/// A stream of ten seconds.
fn share(pause: Option<Pause>, ramp: Ramp, wanted: Option<u64>) -> Rc<ActiveUsers> {
    Rc::new(ActiveUsers::new(span(0, 10_000), ramp, rhythm(pause), all(4), wanted))
}

fn constant() -> Ramp {
    Ramp::constant(&ConstantVus { vus: 4, duration_ms: 10_000, ramp_up_ms: 0 })
}

/// Iterates for ever, each time this long; when each iteration began and was intended, in milliseconds.
fn iterate(
    share: &Rc<ActiveUsers>,
    core: &Rc<CoreContext>,
    place: u64,
    takes_ms: &'static [u64],
) -> Rc<RefCell<Vec<(u64, u64)>>> {
    let begun = Rc::new(RefCell::new(Vec::new()));
    let (mut user, core, log) =
        (ClosedUser::new(Rc::clone(share), place), Rc::clone(core), Rc::clone(&begun));
    tokio::task::spawn_local(async move {
        for nth in 0.. {
            let Some(Begun { ticket, .. }) = user.next(&core, core.clock.now_ns()).await else { return };
            assert_eq!(ticket.number, place + 4 * nth as u64);
            log.borrow_mut().push((ms(core.clock.now_ns()), ms(ticket.intended_ns)));
            pass_ms(takes_ms[nth % takes_ms.len()]).await;
        }
    });
    begun
}

#[test]
fn without_a_pause_iterations_follow_each_other() {
    on_a_core(async |core| {
        let begun = iterate(&share(None, constant(), None), &core, 2, &[10]);
        pass_ms(35).await;
        assert_eq!(*begun.borrow(), [(0, 0), (10, 10), (20, 20), (30, 30)]);
    });
}

#[test]
fn think_time_lies_within_its_bounds_and_is_not_chosen_again() {
    on_a_core(async |core| {
        let think = Pause::ThinkTime { min_ms: 100, max_ms: 200 };
        let share = share(Some(think), constant(), None);
        let (straight, other) = (iterate(&share, &core, 0, &[10]), iterate(&share, &core, 1, &[10]));
        pass_ms(2_000).await;
        let gaps = |begun: &RefCell<Vec<(u64, u64)>>| {
            let begun = begun.borrow();
            begun.windows(2).map(|pair| pair[1].0 - pair[0].0 - 10).collect::<Vec<_>>()
        };
        let (one, two) = (gaps(&straight), gaps(&other));
        assert!(one.iter().chain(&two).all(|gap| (100..=201).contains(gap)), "{one:?} {two:?}");
        assert!(one != two && one.iter().any(|gap| *gap != one[0]), "{one:?} {two:?}");
    });
    let first_gap = |paused| {
        let gap = Rc::new(std::cell::Cell::new(0));
        let result = Rc::clone(&gap);
        on_a_core(async move |core| {
            let think = Pause::ThinkTime { min_ms: 100, max_ms: 200 };
            let begun = iterate(&share(Some(think), constant(), None), &core, 0, &[10]);
            pass_ms(50).await;
            core.pause(paused);
            pass_ms(1_000).await;
            core.pause(false);
            pass_ms(300).await;
            gap.set(begun.borrow()[1].0);
        });
        result.get()
    };
    assert_eq!(first_gap(true), first_gap(false) + 1_000, "a pause of the run moves the end of a think time");
}

#[test]
fn a_late_iteration_is_followed_at_once_and_the_rhythm_stays() {
    on_a_core(async |core| {
        let share = share(Some(Pause::Pacing { interval_ms: 100 }), constant(), None);
        let begun = iterate(&share, &core, 0, &[10, 250, 10, 10, 10]);
        pass_ms(550).await;
        let expected = [(0, 0), (100, 100), (350, 200), (360, 300), (400, 400), (500, 500)];
        assert_eq!(*begun.borrow(), expected, "began, and intended");
    });
}

/// A user owes nothing of the time in which the plan had no use for it.
#[test]
fn the_rhythm_begins_anew_with_each_stretch_of_activity() {
    on_a_core(async |core| {
        let stage = |duration_ms, vus| VuStage { duration_ms, vus };
        let stages = vec![stage(150, 1), stage(0, 0), stage(500, 0), stage(0, 1), stage(5_000, 1)];
        let ramp = Ramp::new(&RampingVus { start_vus: 1, stages });
        let share = share(Some(Pause::Pacing { interval_ms: 100 }), ramp, None);
        let begun = iterate(&share, &core, 0, &[10]);
        pass_ms(800).await;
        assert_eq!(*begun.borrow(), [(0, 0), (100, 100), (650, 650), (750, 750)]);
    });
}

#[test]
fn users_come_and_go_as_they_are_wanted() {
    on_a_core(async |core| {
        let share = share(Some(Pause::Pacing { interval_ms: 100 }), constant(), Some(1));
        let (first, second) = (iterate(&share, &core, 0, &[10]), iterate(&share, &core, 1, &[10]));
        for (at_ms, wanted) in [(150, 2), (90, 0), (500, 2)] {
            pass_ms(at_ms).await;
            share.scale(wanted);
            core.wake();
        }
        pass_ms(150).await;
        assert_eq!(*first.borrow(), [(0, 0), (100, 100), (200, 200), (740, 740), (840, 840)]);
        assert_eq!(*second.borrow(), [(150, 150), (740, 740), (840, 840)]);
        share.scale(0);
        core.wake();
        pass_ms(60_000).await;
        assert_eq!(Rc::strong_count(&second), 1, "at the end those who wait for a wish leave too");
    });
}

#[test]
fn nobody_begins_while_the_run_is_paused_or_after_it_was_stopped() {
    on_a_core(async |core| {
        let share = share(None, constant(), None);
        let begun = iterate(&share, &core, 0, &[10]);
        pass_ms(15).await;
        core.pause(true);
        pass_ms(1_000).await;
        assert_eq!(begun.borrow().len(), 2);
        core.pause(false);
        pass_ms(15).await;
        assert_eq!(begun.borrow()[2..], [(1_015, 1_015), (1_025, 1_025)]);
        core.stop();
        pass_ms(100).await;
        assert_eq!((begun.borrow().len(), Rc::strong_count(&begun)), (4, 1));
        assert_eq!(share.span.end_ns, 10_000 * NS_PER_MS);
    });
}

/// A user that looks at its ramp before every iteration finds nothing that one which goes on at once does not.
#[test]
fn going_on_at_once_changes_nothing() {
    let stage = |duration_ms, vus| VuStage { duration_ms, vus };
    let stages =
        || vec![stage(300, 4), stage(200, 0), stage(0, 2), stage(400, 3), stage(100, 1), stage(700, 4)];
    for (place, wanted) in (0..4).flat_map(|place| [(place, None), (place, Some(4))]) {
        on_a_core(async |core| {
            let share = share(None, Ramp::new(&RampingVus { start_vus: 1, stages: stages() }), wanted);
            let iterate = |looks: bool| {
                let (mut user, core) = (ClosedUser::new(Rc::clone(&share), place), Rc::clone(&core));
                let log: Rc<RefCell<Vec<Begun>>> = Rc::default();
                let begun = Rc::clone(&log);
                tokio::task::spawn_local(async move {
                    while let Some(next) = user.next(&core, core.clock.now_ns()).await {
                        begun.borrow_mut().push(next);
                        pass_ms(7).await;
                        if looks {
                            user.active_until_ns = 0;
                        }
                    }
                });
                log
            };
            let (looks, goes_on) = (iterate(true), iterate(false));
            for (at_ms, wanted) in [(230, 1), (60, 4), (200, 3), (400, 4)] {
                pass_ms(at_ms).await;
                core.pause(true);
                pass_ms(33).await;
                core.pause(false);
                share.scale(wanted);
                core.wake();
            }
            pass_ms(2_000).await;
            assert_eq!(*looks.borrow(), *goes_on.borrow());
            assert!(looks.borrow().iter().all(|begun| begun.ticket.intended_ns == begun.at_ns));
            assert!(looks.borrow().len() > 20, "{} iterations", looks.borrow().len());
        });
    }
}
