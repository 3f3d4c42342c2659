use stresshost_clock::NS_PER_MS;

use super::*;
use crate::ticket::testing::{ms, on_a_core, pass_ms};

#[test]
fn load_time_stands_still_while_the_run_is_paused() {
    on_a_core(async |core| {
        pass_ms(100).await;
        assert_eq!(ms(core.load_now_ns()), 100);
        core.pause(true);
        core.pause(true);
        pass_ms(1_000).await;
        assert_eq!((ms(core.load_now_ns()), core.is_paused()), (100, true));
        core.pause(false);
        core.pause(false);
        pass_ms(50).await;
        assert_eq!((ms(core.load_now_ns()), ms(core.run_ns(150 * NS_PER_MS))), (150, 1_150));
        core.pause(true);
        pass_ms(10).await;
        core.pause(false);
        assert_eq!(ms(core.load_now_ns()), 150);
    });
}

/// A load that is about to begin begins as much later as the run stands still.
#[test]
fn an_instant_to_come_keeps_its_distance() {
    on_a_core(async |core| {
        pass_ms(100).await;
        assert_eq!(ms(core.load_ns(120 * NS_PER_MS)), 120);
        core.pause(true);
        assert_eq!(ms(core.load_ns(120 * NS_PER_MS)), 120);
        pass_ms(1_000).await;
        assert_eq!(ms(core.load_ns(1_120 * NS_PER_MS)), 120);
        core.pause(false);
        assert_eq!(ms(core.run_ns(120 * NS_PER_MS)), 1_120);
    });
}

#[test]
fn a_wait_ends_when_the_run_is_paused_stopped_or_changed() {
    on_a_core(async |core| {
        let wait = |load_ms: u64| {
            let core = Rc::clone(&core);
            tokio::task::spawn_local(async move { core.wait_until_load(load_ms * NS_PER_MS).await })
        };
        let reached = wait(10);
        pass_ms(20).await;
        let reached_ms = reached.await.expect("no panic").map(ms);
        assert!(matches!(reached_ms, Some(10 | 11)), "as read when it woke, not later: {reached_ms:?}");
        let paused = wait(1_000);
        pass_ms(1).await;
        core.pause(true);
        assert_eq!(paused.await.expect("no panic"), None);
        let resumed = wait(1_000);
        pass_ms(5_000).await;
        assert!(!resumed.is_finished(), "load time stands still");
        core.pause(false);
        assert_eq!(resumed.await.expect("no panic"), None, "look again");
        let changed = wait(1_000);
        pass_ms(1).await;
        core.wake();
        assert_eq!(changed.await.expect("no panic"), None);
        let stopped = wait(1_000);
        pass_ms(1).await;
        core.stop();
        assert_eq!(stopped.await.expect("no panic"), None);
        assert_eq!(wait(1_000).await.expect("no panic"), None, "a stopped run waits for nothing");
    });
}

/// A busy core may hear of a pause and of its end before the waiting user runs again.
#[test]
fn a_wait_is_not_over_early_because_a_pause_was_missed() {
    on_a_core(async |core| {
        let waiting = {
            let core = Rc::clone(&core);
            tokio::task::spawn_local(async move { core.wait_until_load(100 * NS_PER_MS).await })
        };
        pass_ms(50).await;
        core.pause(true);
        tokio::time::advance(std::time::Duration::from_millis(60)).await;
        core.pause(false);
        assert_eq!(waiting.await.expect("no panic"), None, "load time is {} ms", ms(core.load_now_ns()));
    });
}

#[test]
fn what_is_due_at_the_instant_of_the_stop_is_due() {
    on_a_core(async |core| {
        pass_ms(100).await;
        assert!(!core.is_stopped());
        core.stop();
        pass_ms(100).await;
        core.stop();
        assert_eq!(core.stop_load_ns(), 100 * NS_PER_MS + 1);
    });
}
