//! Stopping a run from outside.
//!
//! | state | virtual users |
//! |---|---|
//! | running | take tickets |
//! | draining | take no more tickets; iterations in flight go on until the grace period ends |
//! | now | iterations in flight are interrupted |

use std::sync::Arc;

use tokio::sync::watch;

/// How far a run has been asked to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    #[default]
    Running,
    Draining,
    Now,
}

/// Asks a run to stop; clone it freely.
#[derive(Clone, Debug)]
pub struct Stop {
    level: Arc<watch::Sender<Level>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { level: Arc::new(watch::Sender::new(Level::Running)) }
    }
}

impl Stop {
    /// No new iterations; those in flight have the grace period.
    pub fn drain(&self) {
        self.raise(Level::Draining);
    }

    /// Iterations in flight are interrupted at once. The summary is written all the same.
    pub fn now(&self) {
        self.raise(Level::Now);
    }

    /// Whether the run was asked to stop.
    pub fn requested(&self) -> bool {
        *self.level.borrow() > Level::Running
    }

    fn raise(&self, level: Level) {
        self.level.send_if_modified(|current| {
            let raised = level > *current;
            *current = level.max(*current);
            raised
        });
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Level> {
        self.level.subscribe()
    }
}

/// Waits until the run was asked to stop at least as far as `level`; for ever when nobody can ask any more.
pub(crate) async fn reached(watch: &mut watch::Receiver<Level>, level: Level) {
    if watch.wait_for(|current| *current >= level).await.is_err() {
        std::future::pending().await
    }
}
