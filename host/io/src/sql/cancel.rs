//! Has servers end statements that nobody waits for any more.
//!
//! A virtual user that is stopped in mid-statement, or whose statement takes too long, drops its connection; the server
//! would only notice when it has an answer to send. So it is told, over a connection of its own, by a thread of its own: a
//! run that ends has no time left on its cores.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::mysql::MySqlConnectOptions;
use tokio::sync::{Semaphore, mpsc};

use super::limits::{CANCEL_MS, MAX_CANCELLATIONS, MAX_CANCELLING};
use super::{mysql, postgres};

/// How to end what a session is doing.
#[derive(Clone, Debug)]
pub(crate) enum Cancel {
    Postgresql(Arc<postgres::CancelKey>),
    Mysql {
        options: Arc<MySqlConnectOptions>,
        session: String,
    },
    /// The thread that works on it looks at this.
    Sqlite(Arc<AtomicBool>),
}

/// Sends cancellations; the thread is started by the first.
#[derive(Debug, Default)]
pub(crate) struct Canceller {
    thread: Mutex<Option<Thread>>,
}

#[derive(Debug)]
struct Thread {
    jobs: mpsc::Sender<Cancel>,
    /// Nothing is sent; it ends with the thread.
    ended: Receiver<()>,
}

impl Canceller {
    /// Ends what a session is doing, some time soon. Best effort: nobody waits for it.
    pub(crate) fn send(&self, cancel: &Cancel) {
        if let Cancel::Sqlite(stop) = cancel {
            stop.store(true, Ordering::Relaxed);
            return;
        }
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            *thread = start();
        }
        let Some(thread) = &*thread else { return };
        if thread.jobs.try_send(cancel.clone()).is_err() {
            tracing::debug!("a cancellation was dropped: there are too many");
        }
    }
}

impl Drop for Canceller {
    fn drop(&mut self) {
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Thread { jobs, ended }) = thread else { return };
        // Without senders the thread ends after what it has.
        drop(jobs);
        if ended.recv_timeout(Duration::from_millis(CANCEL_MS)) == Err(RecvTimeoutError::Timeout) {
            tracing::debug!("statements may be left running on the server: it does not take cancellations");
        }
    }
}

fn start() -> Option<Thread> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.inspect_err(|error| tracing::debug!(%error, "no runtime for cancellations")).ok()?;
    let (jobs, receiver) = mpsc::channel(MAX_CANCELLATIONS);
    let (running, ended) = sync_channel::<()>(0);
    let work = move || {
        runtime.block_on(work(receiver));
        drop(running);
    };
    let thread = std::thread::Builder::new().name("sql-cancel".to_owned()).spawn(work);
    thread.inspect_err(|error| tracing::debug!(%error, "no thread for cancellations")).ok()?;
    Some(Thread { jobs, ended })
}

async fn work(mut jobs: mpsc::Receiver<Cancel>) {
    let slots = Arc::new(Semaphore::new(MAX_CANCELLING));
    while let Some(job) = jobs.recv().await {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        tokio::spawn(async move {
            let sent = tokio::time::timeout(Duration::from_millis(CANCEL_MS), send(&job)).await;
            if !matches!(sent, Ok(Ok(()))) {
                tracing::debug!("a cancellation failed: {sent:?}");
            }
            drop(slot);
        });
    }
    // The last ones end when every slot is free.
    drop(slots.acquire_many(MAX_CANCELLING as u32).await);
}

async fn send(job: &Cancel) -> Result<(), sqlx::Error> {
    match job {
        Cancel::Postgresql(key) => Ok(postgres::cancel(key).await?),
        Cancel::Mysql { options, session } => mysql::cancel(options, session).await,
        Cancel::Sqlite(_) => Ok(()),
    }
}
