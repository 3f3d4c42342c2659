//! A connection as a virtual user knows it.

use std::cell::RefCell;
use std::rc::Rc;

use stresshost_clock::NS_PER_MS;
use stresshost_metrics::ErrorKind;
use tokio::sync::OwnedSemaphorePermit;

use super::connection::{Book, Physical, ServerFacts};
use super::error::SqlError;
use super::limits::{MAX_STATEMENT_BYTES, SERVER_GRACE_NS};
use super::pool::Pool;
use super::scan::{Dialect, Scanned, scan};
use super::session::Refused;
use super::sqlite;
use super::target::Target;
use super::work::{Step, is_our_timeout};
use crate::origin::Scheme;

/// A connection as the virtual user knows it. The one to the server may be lost and made again.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) target: Rc<Target>,
    /// None: the connection is the user's own.
    pub(crate) pool: Option<Rc<Pool>>,
    pub(crate) book: Rc<RefCell<Book>>,
    pub(crate) held: Option<Lease>,
    pub(crate) transaction: Transaction,
    /// Whether a statement of the open transaction has failed.
    pub(crate) failed: bool,
    /// Of the last connection there was.
    pub(crate) facts: Option<ServerFacts>,
}

/// A connection to a server, and the right to it when it is a pool's.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) physical: Box<Physical>,
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transaction {
    None,
    Open,
    /// Its connection was lost: nothing may run as if it were still open.
    Lost,
}

impl Link {
    pub(crate) fn dialect(&self) -> Dialect {
        match self.target.origin.scheme {
            Scheme::Mysql => Dialect::Mysql,
            Scheme::Sqlite => Dialect::Sqlite,
            _ => Dialect::Postgresql,
        }
    }

    /// Reads a text of statements.
    pub(crate) fn read(&self, text: &str) -> Result<Scanned, Refused> {
        if text.len() > MAX_STATEMENT_BYTES {
            let reason =
                format!("the text has {} bytes; at most {MAX_STATEMENT_BYTES} can be sent", text.len());
            return Err(Refused::Invalid(reason));
        }
        let scanned = scan(text, self.dialect()).map_err(Refused::Invalid)?;
        if self.dialect() == Dialect::Sqlite {
            sqlite::check(&scanned).map_err(Refused::Invalid)?;
        }
        let begins =
            |words: &Vec<String>| matches!(words.first().map(String::as_str), Some("BEGIN" | "START"));
        if self.pool.is_some() && scanned.statements.iter().any(begins) {
            let reason = "a transaction on a pool is begun with `begin`, which holds its connection";
            return Err(Refused::Invalid(reason.to_owned()));
        }
        Ok(scanned)
    }

    /// How long the engine waits for a statement: a little longer than the server does, and SQLite for a lock.
    pub(crate) fn timeout_ns(&self) -> u64 {
        self.target.statement_timeout_ms.saturating_mul(NS_PER_MS).saturating_add(SERVER_GRACE_NS)
    }

    pub(crate) fn hold(&mut self, lease: Lease) {
        if self.facts.as_ref().is_none_or(|facts| facts.session != lease.physical.facts.session) {
            self.facts = Some(lease.physical.facts.clone());
        }
        self.held = Some(lease);
    }

    /// Keeps a connection for the next operation, or gives it back to its pool.
    pub(crate) fn give_back(&mut self, lease: Lease) {
        match (&self.pool, self.transaction) {
            (Some(pool), Transaction::None | Transaction::Lost) => {
                if let Some(permit) = lease.permit {
                    pool.give_back(lease.physical, permit);
                }
            }
            _ => self.hold(lease),
        }
    }

    /// Draws the conclusions from an operation that ended: whether the connection can be kept, and what has become of the
    /// transaction.
    pub(crate) fn conclude(
        &mut self,
        mut lease: Lease,
        step: Step,
        mut result: Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        // Our own timeout leaves the server at work: the connection is dropped as busy.
        lease.physical.busy = result.as_ref().is_err_and(is_our_timeout);
        if matches!(step, Step::Commit | Step::Rollback) {
            self.transaction = Transaction::None;
        }
        match &mut result {
            Ok(()) => {
                if step == Step::Begin {
                    self.transaction = Transaction::Open;
                    self.failed = false;
                }
                self.give_back(lease);
            }
            Err(error) => {
                if error.is_fatal && step == Step::Commit {
                    error.kind = ErrorKind::OutcomeUnknown;
                }
                self.settle(lease, error);
            }
        }
        result
    }

    /// The same after a failure: a connection that is of no use is dropped, and a transaction on it lost.
    pub(crate) fn settle(&mut self, lease: Lease, error: &SqlError) {
        self.failed = true;
        if !error.is_fatal {
            return self.give_back(lease);
        }
        if self.transaction == Transaction::Open {
            self.transaction = Transaction::Lost;
        }
    }
}

pub(crate) fn lost_transaction() -> SqlError {
    SqlError::new(ErrorKind::Closed, "the transaction was lost with its connection")
}
