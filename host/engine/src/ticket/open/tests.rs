use std::rc::Rc;
use std::time::Duration;

use stresshost_clock::NS_PER_MS;

use super::*;
use crate::ticket::testing::{all, counts, ms, on_a_core, pass_ms, span};

/// Ten arrivals a second for a second, from the start of the clock.
fn share() -> Rc<OpenShare> {
    Rc::new(OpenShare::new(span(0, 1_000), Arrivals::steady(10.0, 1_000 * NS_PER_MS), all(1)))
}

fn steered(rate_per_s: f64, wanted: u64) -> Rc<OpenShare> {
    Rc::new(OpenShare::steered(span(0, 10_000), rate_per_s, all(3), wanted))
}

/// Takes tickets for ever; when each came and was intended, in milliseconds, and its user.
fn take_all(share: &Rc<OpenShare>, core: &Rc<CoreContext>, users: u64) -> Rc<RefCell<Vec<(u64, u64, u64)>>> {
    let taken = Rc::new(RefCell::new(Vec::new()));
    for user in 0..users {
        let (share, core, taken) = (Rc::clone(share), Rc::clone(core), Rc::clone(&taken));
        tokio::task::spawn_local(async move {
            while let Some(Begun { ticket, .. }) = share.next(user, &core, core.clock.now_ns()).await {
                taken.borrow_mut().push((ms(core.clock.now_ns()), ms(ticket.intended_ns), user));
            }
        });
    }
    taken
}

/// A snapshot must never show more started than due.
#[test]
fn what_is_due_now_counts_as_due() {
    on_a_core(async |core| {
        let share = share();
        for (now_ms, due) in [(0, 1), (99, 0), (100, 1), (300, 2)] {
            share.count_due(&core, now_ms * NS_PER_MS);
            assert_eq!(counts(&core).due, due, "at {now_ms} ms");
        }
    });
}

/// A busy core can wake a user after both the stop and its arrival's time: the schedule decides, not the waking.
#[test]
fn an_arrival_after_the_stop_is_not_started_however_late_its_user_wakes() {
    for (stop_ms, started) in [(50, 0), (150, 1)] {
        on_a_core(async |core| {
            let share = share();
            assert!(share.next(0, &core, core.clock.now_ns()).await.is_some(), "the arrival at 0 ms");
            let mut next = Box::pin(share.next(0, &core, core.clock.now_ns()));
            tokio::select! {
                biased;
                _ = &mut next => panic!("100 ms have not passed"),
                () = tokio::task::yield_now() => {}
            }
            tokio::time::advance(Duration::from_millis(stop_ms)).await;
            core.stop();
            tokio::time::advance(Duration::from_millis(200 - stop_ms)).await;
            assert_eq!(next.await.is_some(), started == 1, "stopped at {stop_ms} ms");
            share.count_dropped(&core);
            let counts = counts(&core);
            assert_eq!((counts.due, counts.dropped), (1 + started, 0));
        });
    }
}

#[test]
fn a_pause_moves_what_is_due() {
    on_a_core(async |core| {
        let share = share();
        let taken = take_all(&share, &core, 1);
        pass_ms(150).await;
        core.pause(true);
        pass_ms(1_000).await;
        share.count_due(&core, core.load_now_ns());
        assert_eq!(counts(&core).due, 2, "nothing becomes due while the run stands still");
        core.pause(false);
        pass_ms(100).await;
        assert_eq!(*taken.borrow(), [(0, 0, 0), (100, 100, 0), (1_200, 1_200, 0)]);
    });
}

#[test]
fn a_stop_during_a_pause_begins_nothing_more() {
    on_a_core(async |core| {
        let share = share();
        let taken = take_all(&share, &core, 1);
        pass_ms(150).await;
        core.pause(true);
        pass_ms(1_000).await;
        core.stop();
        pass_ms(1).await;
        core.pause(false);
        pass_ms(1_000).await;
        share.count_dropped(&core);
        let counts = counts(&core);
        assert_eq!((taken.borrow().len(), counts.due, counts.dropped), (2, 2, 0));
    });
}

#[test]
fn a_rate_of_nothing_waits_for_another() {
    on_a_core(async |core| {
        let share = steered(0.0, 3);
        let taken = take_all(&share, &core, 3);
        pass_ms(500).await;
        share.scale_rate(&core, 10.0);
        core.wake();
        pass_ms(250).await;
        share.scale_rate(&core, 0.0);
        core.wake();
        pass_ms(1_000).await;
        assert_eq!(taken.borrow().iter().map(|taken| taken.0).collect::<Vec<_>>(), [501, 601, 701]);
    });
}

/// Half of an arrival that has come in at one rate is half of one at the next.
#[test]
fn what_has_come_in_of_an_arrival_is_kept() {
    on_a_core(async |core| {
        let share = steered(1.0, 3);
        let taken = take_all(&share, &core, 3);
        pass_ms(500).await;
        for rate in [0.0, 10.0, 0.0, 5.0] {
            share.scale_rate(&core, rate);
            core.wake();
        }
        pass_ms(200).await;
        let times: Vec<u64> = taken.borrow().iter().map(|taken| taken.0).collect();
        assert!(times.len() == 2 && times[0] == 0 && (600..=602).contains(&times[1]), "{times:?}");
    });
}

/// What was due before the rate changed keeps its time, however late a user comes for it.
#[test]
fn a_backlog_keeps_its_times_when_the_rate_changes() {
    on_a_core(async |core| {
        let share = steered(10.0, 3);
        pass_ms(250).await;
        share.scale_rate(&core, 100.0);
        share.scale_rate(&core, 50.0);
        pass_ms(50).await;
        let taken = take_all(&share, &core, 1);
        pass_ms(1).await;
        let intended: Vec<u64> = taken.borrow().iter().map(|taken| taken.1).collect();
        assert_eq!(intended[..3], [0, 100, 200]);
        assert!(intended.len() >= 5 && intended[3..].iter().all(|intended| (250..=301).contains(intended)));
        assert!(share.lines.borrow().len() == 1, "what is taken is forgotten");
    });
}

#[test]
fn changes_beyond_the_cap_forget_the_oldest() {
    on_a_core(async |core| {
        let share = steered(1_000.0, 0);
        for _ in 0..2 * MAX_RATE_CHANGES {
            pass_ms(1).await;
            share.scale_rate(&core, 1_000.0);
        }
        assert_eq!(share.lines.borrow().len(), MAX_RATE_CHANGES);
        let (mut place, mut last_ns) = (0, 0);
        while share.due_ns(place) <= core.load_now_ns() {
            assert!(share.due_ns(place) >= last_ns);
            last_ns = share.due_ns(place);
            place += 1;
        }
        assert!(place.abs_diff(2 * MAX_RATE_CHANGES as u64) <= 1, "{place}");
    });
}

#[test]
fn users_beyond_the_wanted_leave_their_claims_to_the_others() {
    on_a_core(async |core| {
        let share = steered(10.0, 3);
        let taken = take_all(&share, &core, 3);
        pass_ms(150).await;
        share.scale(&core, 1);
        core.wake();
        pass_ms(300).await;
        assert!(taken.borrow()[2..].iter().all(|(_, _, user)| *user == 0), "{:?}", taken.borrow());
        share.scale(&core, 0);
        core.wake();
        pass_ms(300).await;
        assert_eq!(taken.borrow().len(), 5, "nobody is wanted");
        share.scale(&core, 2);
        core.wake();
        pass_ms(1).await;
        assert_eq!(taken.borrow().len(), 8, "the backlog is served");
        assert_eq!(taken.borrow()[5].1, 500, "late, and intended as before");
    });
}

#[test]
fn a_wish_from_before_the_beginning_counts_from_it() {
    on_a_core(async |core| {
        let share = Rc::new(OpenShare::steered(span(1_000, 2_000), 100.0, all(3), 3));
        share.scale_rate(&core, 2.0);
        let taken = take_all(&share, &core, 3);
        pass_ms(3_000).await;
        assert_eq!(taken.borrow().iter().map(|taken| taken.1).collect::<Vec<_>>(), [1_000, 1_500]);
    });
}

#[test]
fn changes_after_the_stop_make_nothing_due() {
    on_a_core(async |core| {
        let share = steered(10.0, 3);
        pass_ms(250).await;
        core.stop();
        pass_ms(500).await;
        share.scale_rate(&core, 1_000.0);
        share.count_dropped(&core);
        assert_eq!(counts(&core).due, 3);
    });
}

/// Arrivals of a warm-up are told apart when it ends between two counts, at one, and long before one.
#[test]
fn the_warm_up_is_counted_apart() {
    for counts_ms in [&[500_u64, 1_000][..], &[250, 300, 1_000], &[1_000], &[300, 301]] {
        on_a_core(async |core| {
            let span = Span { warmup_end_ns: 300 * NS_PER_MS, ..span(0, 1_000) };
            let share = OpenShare::new(span, Arrivals::steady(10.0, 1_000 * NS_PER_MS), all(1));
            for at_ms in counts_ms {
                share.count_due(&core, at_ms * NS_PER_MS);
            }
            let block = core.recorder.borrow_mut().take();
            let due = |window| block.iterations(0, window).map_or(0, |stats| stats.counts.due);
            let measured = (counts_ms.last().unwrap().min(&999) / 100 + 1).min(10) - 3;
            assert_eq!((due(Window::Warmup), due(Window::Measured)), (3, measured), "{counts_ms:?}");
        });
    }
}
