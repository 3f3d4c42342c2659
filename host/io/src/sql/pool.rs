//! Connections that the virtual users of a core share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use stresshost_metrics::ErrorKind;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connect::{Connected, Timing, connect};
use super::connection::{Book, Physical, ServerFacts};
use super::core::SqlCore;
use super::error::SqlError;
use super::target::Target;

/// A core's part of a pool. Whoever comes first is served first.
#[derive(Debug)]
pub(crate) struct Pool {
    size: usize,
    /// Rights to hold a connection.
    free: Arc<Semaphore>,
    #[expect(clippy::vec_box, reason = "connections move from owner to owner in every operation")]
    idle: RefCell<Vec<Box<Physical>>>,
    pub(crate) book: Rc<RefCell<Book>>,
    facts: RefCell<Option<ServerFacts>>,
    waiting: Cell<u64>,
    waits: Cell<u64>,
    wait_ns: Cell<u64>,
}

/// State of the part of a pool that is on one core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PoolState {
    /// Connections it may have.
    pub size: u64,
    /// Connections that somebody holds, or makes.
    pub in_use: u64,
    /// Connections that are free.
    pub idle: u64,
    /// Operations that wait for one.
    pub waiting: u64,
    /// Operations that had to wait since the pool was made.
    pub waits: u64,
    /// How long they waited together, in microseconds.
    pub wait_us: u64,
}

/// A connection of a pool and the right to hold it.
#[derive(Debug)]
pub(crate) struct Checkout {
    pub(crate) result: Result<(Box<Physical>, OwnedSemaphorePermit), SqlError>,
    /// Since when it was waited for, if it was.
    pub(crate) waited_from_ns: Option<u64>,
    pub(crate) reconnected: Option<Timing>,
}

/// Counts a wait, also one that is given up.
struct Waiting<'a> {
    pool: &'a Pool,
    core: &'a SqlCore,
    from_ns: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let pool = self.pool;
        let waited_ns = self.core.clock().now_ns().saturating_sub(self.from_ns);
        pool.waiting.set(pool.waiting.get() - 1);
        pool.wait_ns.set(pool.wait_ns.get() + waited_ns);
    }
}

impl Pool {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            size,
            free: Arc::new(Semaphore::new(size)),
            idle: RefCell::default(),
            book: Rc::default(),
            facts: RefCell::default(),
            waiting: Cell::default(),
            waits: Cell::default(),
            wait_ns: Cell::default(),
        }
    }

    pub(crate) fn state(&self) -> PoolState {
        PoolState {
            size: self.size as u64,
            in_use: (self.size - self.free.available_permits()) as u64,
            idle: self.idle.borrow().len() as u64,
            waiting: self.waiting.get(),
            waits: self.waits.get(),
            wait_us: self.wait_ns.get() / 1_000,
        }
    }

    /// Facts about the server; the session is nobody's.
    pub(crate) fn facts(&self) -> Option<ServerFacts> {
        self.facts.borrow().clone()
    }

    /// Adds a connection unless the pool is full: each user that opens it brings one.
    ///
    /// # Errors
    /// When it cannot be made; with the time that took.
    pub(crate) async fn grow(&self, core: &SqlCore, target: &Target) -> Result<(), (SqlError, Timing)> {
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else { return Ok(()) };
        // Those that others hold or make, and those that are free.
        let others = self.size - self.free.available_permits() - 1 + self.idle.borrow().len();
        if others >= self.size {
            return Ok(());
        }
        let Connected { result, timing } = connect(core, target).await;
        let physical = result.map_err(|error| (error, timing))?;
        self.learn(&physical);
        self.give_back(physical, permit);
        Ok(())
    }

    fn learn(&self, physical: &Physical) {
        let facts = ServerFacts { session: String::new(), ..physical.facts.clone() };
        self.facts.borrow_mut().get_or_insert(facts);
    }

    /// Waits for a connection, and makes one where there is none.
    pub(crate) async fn check_out(&self, core: &SqlCore, target: &Target) -> Checkout {
        let mut waited_from_ns = None;
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let from_ns = core.clock().now_ns();
                waited_from_ns = Some(from_ns);
                match self.wait(core, target, from_ns).await {
                    Ok(permit) => permit,
                    Err(error) => return Checkout { result: Err(error), waited_from_ns, reconnected: None },
                }
            }
        };
        let idle = self.idle.borrow_mut().pop();
        if let Some(physical) = idle {
            return Checkout { result: Ok((physical, permit)), waited_from_ns, reconnected: None };
        }
        let Connected { result, timing } = connect(core, target).await;
        if let Ok(physical) = &result {
            self.learn(physical);
        }
        let reconnected = result.is_ok().then_some(timing);
        Checkout { result: result.map(|physical| (physical, permit)), waited_from_ns, reconnected }
    }

    async fn wait(
        &self,
        core: &SqlCore,
        target: &Target,
        from_ns: u64,
    ) -> Result<OwnedSemaphorePermit, SqlError> {
        self.waits.set(self.waits.get() + 1);
        self.waiting.set(self.waiting.get() + 1);
        let _waiting = Waiting { pool: self, core, from_ns };
        let limit = Duration::from_millis(target.pool_timeout_ms);
        match tokio::time::timeout(limit, Arc::clone(&self.free).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => {
                let text = format!(
                    "none of the pool's {} connections became free within {} ms",
                    self.size, target.pool_timeout_ms
                );
                Err(SqlError::new(ErrorKind::PoolTimeout, text))
            }
        }
    }

    /// Takes a connection back. The right to it is given up after it is there for the next.
    pub(crate) fn give_back(&self, physical: Box<Physical>, permit: OwnedSemaphorePermit) {
        self.idle.borrow_mut().push(physical);
        drop(permit);
    }
}
