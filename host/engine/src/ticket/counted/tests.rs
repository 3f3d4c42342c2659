use std::cell::RefCell;
use std::rc::Rc;

use stresshost_clock::NS_PER_MS;
use stresshost_plan::Pause;

use super::*;
use crate::ticket::testing::{all, counts, ms, on_a_core, pass_ms, rhythm, span};

type Log = Rc<RefCell<Vec<(u64, u64, u64)>>>;

/// Iterates 10 ms at a time; user, number and intended start of each iteration, in milliseconds.
fn iterate_shared(share: &Rc<SharedShare>, core: &Rc<CoreContext>, users: u64) -> Log {
    let log = Log::default();
    for place in 0..users {
        let (share, core, log) = (Rc::clone(share), Rc::clone(core), Rc::clone(&log));
        tokio::task::spawn_local(async move {
            let mut user = CountedUser::new(place);
            while let Some(Begun { ticket, .. }) = share.next(&mut user, &core, core.clock.now_ns()).await {
                log.borrow_mut().push((place, ticket.number, ms(ticket.intended_ns)));
                pass_ms(10).await;
            }
        });
    }
    log
}

fn iterate_own(share: &Rc<OwnShare>, core: &Rc<CoreContext>, users: u64) -> Log {
    let log = Log::default();
    for place in 0..users {
        let (share, core, log) = (Rc::clone(share), Rc::clone(core), Rc::clone(&log));
        tokio::task::spawn_local(async move {
            let mut user = CountedUser::new(place);
            while let Some(Begun { ticket, .. }) = share.next(&mut user, &core, core.clock.now_ns()).await {
                log.borrow_mut().push((place, ticket.number, ms(ticket.intended_ns)));
                pass_ms(10).await;
            }
        });
    }
    log
}

#[test]
fn shared_iterations_are_taken_once_over_all_cores() {
    on_a_core(async |core| {
        let count = SharedCount::default();
        let share = || Rc::new(SharedShare::new(span(0, 10_000), rhythm(None), 7, count.clone()));
        // Two cores count together.
        let (one, two) = (share(), share());
        let (first, second) = (iterate_shared(&one, &core, 2), iterate_shared(&two, &core, 1));
        pass_ms(1_000).await;
        let mut numbers: Vec<u64> =
            first.borrow().iter().chain(second.borrow().iter()).map(|begun| begun.1).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!((counts(&core).due, count.taken(), count.close(7)), (7, 7, 7));
        assert_eq!(ms(one.ended_ns().max(two.ended_ns())), 30, "when the last one was done");
    });
}

#[test]
fn what_nobody_took_is_left_for_control_to_count() {
    let count = SharedCount::default();
    assert_eq!((count.take(3), count.take(3)), (Some(0), Some(1)));
    assert_eq!(count.close(3), 2);
    assert_eq!((count.take(3), count.close(3)), (None, 3));
}

#[test]
fn each_user_does_its_own_iterations() {
    on_a_core(async |core| {
        let share = Rc::new(OwnShare::new(span(0, 10_000), rhythm(None), 3, all(2)));
        let log = iterate_own(&share, &core, 2);
        pass_ms(1_000).await;
        let mut begun = log.borrow().clone();
        begun.sort_unstable();
        assert_eq!(begun, [(0, 0, 0), (0, 2, 10), (0, 4, 20), (1, 1, 0), (1, 3, 10), (1, 5, 20)]);
        share.count_dropped(&core);
        let counts = counts(&core);
        assert_eq!((counts.due, counts.dropped, ms(share.ended_ns())), (6, 0, 30));
    });
}

#[test]
fn what_there_was_no_time_for_is_dropped() {
    on_a_core(async |core| {
        let share = Rc::new(OwnShare::new(span(0, 25), rhythm(None), 9, all(2)));
        let log = iterate_own(&share, &core, 2);
        pass_ms(1_000).await;
        share.count_dropped(&core);
        let counts = counts(&core);
        assert_eq!((log.borrow().len(), counts.due, counts.dropped), (6, 18, 12));
    });
}

/// A stop takes what was to come; what time had run out for before was dropped.
#[test]
fn a_stop_leaves_nothing_due_unless_it_comes_after_the_end() {
    for (stop_ms, dropped) in [(15, 0), (24, 0), (25, 12), (60, 12)] {
        on_a_core(async |core| {
            let share = Rc::new(OwnShare::new(span(0, 25), rhythm(None), 9, all(2)));
            drop(iterate_own(&share, &core, 2));
            tokio::time::sleep(std::time::Duration::from_millis(stop_ms)).await;
            core.stop();
            pass_ms(100).await;
            share.count_dropped(&core);
            assert_eq!(counts(&core).dropped, dropped, "stopped at {stop_ms} ms");
        });
    }
}

#[test]
fn a_pause_moves_the_rest_and_the_time_for_it() {
    on_a_core(async |core| {
        let share = Rc::new(OwnShare::new(span(0, 60), rhythm(None), 4, all(1)));
        let log = iterate_own(&share, &core, 1);
        pass_ms(15).await;
        core.pause(true);
        pass_ms(1_000).await;
        assert_eq!(log.borrow().len(), 2);
        core.pause(false);
        pass_ms(100).await;
        let intended: Vec<u64> = log.borrow().iter().map(|begun| begun.2).collect();
        assert_eq!(intended, [0, 10, 1_015, 1_025]);
        share.count_dropped(&core);
        assert_eq!(counts(&core).dropped, 0);
    });
}

#[test]
fn pacing_and_late_starts() {
    on_a_core(async |core| {
        let pacing = Pause::Pacing { interval_ms: 100 };
        let share = Rc::new(OwnShare::new(span(50, 10_000), rhythm(Some(pacing)), 3, all(1)));
        let log = iterate_own(&share, &core, 1);
        pass_ms(1_000).await;
        let intended: Vec<u64> = log.borrow().iter().map(|begun| begun.2).collect();
        assert_eq!(intended, [50, 150, 250]);
        assert_eq!(share.end_ns(), 10_000 * NS_PER_MS);
    });
}
