//! What tests of tickets share: a core on a paused clock, and streams of one scenario.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use stresshost_clock::{Clock, NS_PER_MS};
use stresshost_metrics::{IterationCounts, Window};
use stresshost_plan::{Pause, Plan};

use super::{Members, Rhythm, Span};
use crate::context::CoreContext;
use crate::limiter::Limits;
use crate::mix::Mix;

/// Runs a test on a core of its own, whose clock stands at 0.
pub(crate) fn on_a_core<F: Future<Output = ()>>(test: impl FnOnce(Rc<CoreContext>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    tokio::task::LocalSet::new().block_on(&runtime.expect("a runtime"), async {
        let limits = Arc::new(Limits::new(&Plan::default()));
        let context = CoreContext::new((0, 1), Clock::start(), 2, Arc::default(), Arc::default(), limits, 0);
        test(context.expect("a timer")).await;
    });
}

/// Scenario 0 alone, from and until these milliseconds of load time, without a warm-up.
pub(crate) fn span(start_ms: u64, end_ms: u64) -> Span {
    Span {
        start_ns: start_ms * NS_PER_MS,
        end_ns: end_ms * NS_PER_MS,
        warmup_end_ns: 0,
        mix: Mix::new(&[(0, 1)], 0),
        scenarios: vec![0],
    }
}

/// All of `of` virtual users on this core.
pub(crate) const fn all(of: u64) -> Members {
    Members { first: 0, stride: 1, of }
}

pub(crate) const fn rhythm(pause: Option<Pause>) -> Rhythm {
    Rhythm { pause, seed: 5 }
}

/// Counts of scenario 0 in both windows since they were last asked for.
pub(crate) fn counts(core: &CoreContext) -> IterationCounts {
    let block = core.recorder.borrow_mut().take();
    let mut counts = IterationCounts::default();
    for window in [Window::Warmup, Window::Measured] {
        counts += block.iterations(0, window).map(|stats| stats.counts).unwrap_or_default();
    }
    counts
}

/// Lets so many milliseconds pass, and whoever waits for them do what they have to.
pub(crate) async fn pass_ms(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

pub(crate) const fn ms(ns: u64) -> u64 {
    ns / NS_PER_MS
}
