//! What is sent to a server in one operation, and for how long it is waited for.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use stresshost_clock::NS_PER_MS;
use stresshost_metrics::ErrorKind;

use super::connection::{Arguments, Physical, Prepared};
use super::core::SqlCore;
use super::error::SqlError;
use super::rows::Sink;
use super::scan::{Dialect, Scanned};
use crate::deadline::Deadline;

/// What is to be sent.
pub(crate) enum Work<'a> {
    Statement {
        place: usize,
        prepared: Rc<Prepared>,
        arguments: Arguments,
    },
    Text {
        text: &'a str,
        scanned: &'a Scanned,
    },
    Begin {
        isolation: Option<&'static str>,
        read_only: bool,
    },
    /// `failed`: a statement of the transaction has failed.
    Commit {
        failed: bool,
    },
    Rollback,
}

/// What an operation is to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Begin,
    Within,
    Commit,
    Rollback,
}

impl Work<'_> {
    pub(crate) const fn step(&self) -> Step {
        match self {
            Self::Statement { .. } | Self::Text { .. } => Step::Within,
            Self::Begin { .. } => Step::Begin,
            Self::Commit { .. } => Step::Commit,
            Self::Rollback => Step::Rollback,
        }
    }
}

/// Whether the engine gave up waiting: the server is still at work then.
pub(crate) fn is_our_timeout(error: &SqlError) -> bool {
    error.kind == ErrorKind::Timeout && error.is_fatal
}

pub(crate) fn timed_out(limit_ns: u64) -> SqlError {
    SqlError::fatal(
        ErrorKind::Timeout,
        format!("the statement did not end within {} ms", limit_ns / NS_PER_MS),
    )
}

pub(crate) async fn send(
    physical: &mut Physical,
    work: Work<'_>,
    sink: &mut Sink<'_>,
) -> Result<(), SqlError> {
    match work {
        Work::Statement { prepared, arguments, .. } => physical.execute(&prepared, arguments, sink).await,
        Work::Text { text, scanned } => Box::pin(physical.run(text, scanned, sink)).await,
        Work::Begin { isolation, read_only } => {
            let text = physical.begin_text(isolation, read_only);
            physical.run(&text, &Scanned::default(), sink).await
        }
        Work::Commit { failed } => {
            // PostgreSQL answers a commit of what has failed with success, and rolls back.
            if failed && physical.dialect() == Dialect::Postgresql {
                let probe = physical.run("SELECT 1", &Scanned::default(), sink).await;
                if let Err(error) = probe {
                    physical.run("ROLLBACK", &Scanned::default(), sink).await?;
                    return Err(error);
                }
            }
            physical.run("COMMIT", &Scanned::default(), sink).await
        }
        Work::Rollback => physical.run("ROLLBACK", &Scanned::default(), sink).await,
    }
}

/// What comes of `work` before `at_ns` on the run clock; `None` when it takes longer.
pub(crate) async fn within<F: Future>(
    core: &SqlCore,
    deadline: &mut Deadline,
    at_ns: u64,
    mut work: Pin<&mut F>,
) -> Option<F::Output> {
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if deadline.poll_passed(cx, core.clock(), core.timer(), at_ns) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}
