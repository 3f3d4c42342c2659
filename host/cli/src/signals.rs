//! Ctrl-C and its relatives.
//!
//! Once: no new iterations, those in flight have the grace period, and the whole report is written. Twice: those in
//! flight are interrupted, and the report is written all the same.

use std::sync::{Arc, Mutex, PoisonError};

use stresshost_engine::Stop;
use tokio::signal::unix::{SignalKind, signal};

/// Listens for SIGINT and SIGTERM, and hands them to the run that goes on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    received: usize,
    run: Option<Stop>,
}

impl Signals {
    /// Starts to listen.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let signals = Self::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (mut interrupt, mut terminate) = {
            let _entered = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        let heard = signals.clone();
        let watch = async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                heard.receive();
            }
        };
        std::thread::Builder::new()
            .name("stresshost-signals".into())
            .spawn(move || runtime.block_on(watch))?;
        Ok(signals)
    }

    /// Stops this run from now on, also for what was received before.
    pub(crate) fn follow(&self, run: Stop) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        stop(&run, state.received);
        state.run = Some(run);
    }

    /// Whether anything was received.
    pub(crate) fn received(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).received > 0
    }

    fn receive(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.received += 1;
        if let Some(run) = &state.run {
            stop(run, state.received);
        }
    }
}

fn stop(run: &Stop, received: usize) {
    match received {
        0 => {}
        1 => run.drain(),
        _ => run.now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_stops_the_run_at_hand_and_those_after_it() {
        let signals = Signals::default();
        let (first, second) = (Stop::default(), Stop::default());
        signals.follow(first.clone());
        assert!(!first.requested() && !signals.received());
        signals.receive();
        assert!(first.requested());
        signals.follow(second.clone());
        assert!(second.requested());
    }
}
