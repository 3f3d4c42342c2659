//! The bounded queue between a run and one of its streams.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stresshost_clock::Clock;
use stresshost_metrics::Snapshot;
use stresshost_report::streams::StreamContext;

/// Snapshots kept for a receiver that is slow or away for a moment: a minute of them. Beyond, the oldest is dropped:
/// counts add up since the load began, so the newest tells the most.
pub(super) const MAX_QUEUED_SNAPSHOTS: usize = 60;

/// What a stream is to do next.
pub(super) enum Job {
    Begin(StreamContext),
    Snapshot(Arc<Snapshot>),
    End,
}

pub(super) struct Queue {
    clock: Clock,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    context: Option<StreamContext>,
    snapshots: VecDeque<Arc<Snapshot>>,
    /// When to be done at the latest, on the clock; none while the run goes on.
    deadline_ns: Option<u64>,
}

impl Queue {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default(), changed: Condvar::new() }
    }

    /// The load begins.
    pub(super) fn begin(&self, context: StreamContext) {
        self.state().context = Some(context);
        self.changed.notify_one();
    }

    /// Hands a snapshot over, in place of the oldest when there is no room.
    pub(super) fn push(&self, snapshot: Arc<Snapshot>) {
        let mut state = self.state();
        if state.snapshots.len() >= MAX_QUEUED_SNAPSHOTS {
            state.snapshots.pop_front();
        }
        state.snapshots.push_back(snapshot);
        self.changed.notify_one();
    }

    /// Nothing more comes; what is here has this long.
    pub(super) fn end(&self, limit: Duration) {
        let limit_ns = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        self.state().deadline_ns = Some(self.clock.now_ns().saturating_add(limit_ns));
        self.changed.notify_one();
    }

    /// Waits for what comes next; the end when time is up.
    pub(super) fn next(&self) -> Job {
        let mut state = self.state();
        loop {
            if state.deadline_ns.is_some_and(|deadline_ns| deadline_ns <= self.clock.now_ns()) {
                return Job::End;
            }
            if let Some(context) = state.context.take() {
                return Job::Begin(context);
            }
            if let Some(snapshot) = state.snapshots.pop_front() {
                return Job::Snapshot(snapshot);
            }
            if state.deadline_ns.is_some() {
                return Job::End;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// How long is left; none while the run goes on.
    pub(super) fn left(&self) -> Option<Duration> {
        let deadline_ns = self.state().deadline_ns?;
        Some(Duration::from_nanos(deadline_ns.saturating_sub(self.clock.now_ns())))
    }

    /// Waits this long before trying again. The end of the run cuts it short, once: what is left is tried at once.
    pub(super) fn rest(&self, pause: Duration) {
        let state = self.state();
        let ending = state.deadline_ns.is_some();
        let pause = match state.deadline_ns {
            Some(deadline_ns) => {
                pause.min(Duration::from_nanos(deadline_ns.saturating_sub(self.clock.now_ns())))
            }
            None => pause,
        };
        let go_on = |state: &mut State| ending || state.deadline_ns.is_none();
        drop(self.changed.wait_timeout_while(state, pause, go_on));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
