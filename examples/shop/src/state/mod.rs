//! What the running shop knows. Reads of the catalogue take no lock; what changes is bounded and split into shards.

mod accounts;
mod bounded;
mod logins;
mod tokens;
mod users;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use stresshost_clock::Clock;

pub(crate) use accounts::{Accounts, AddError, Checkout, CheckoutError, Line, Order};
pub(crate) use bounded::Bounded;
pub(crate) use tokens::Tokens;
pub(crate) use users::{ADMIN, CUSTOMER, Changes, LogInError, Profile, RegisterError, Users};

use crate::body;
use crate::config::{ShopConfig, ShopError};
use crate::counts::Counters;
use crate::data::Catalogue;
use crate::faults::Switch;
use crate::sql::{Newsletter, Search};
use crate::weakness::Live;

/// Shards of each store: requests of different users seldom meet on a lock.
const SHARDS: usize = 16;

/// Everything the routes share.
pub(crate) struct Core {
    pub(crate) clock: Clock,
    pub(crate) token_ttl_s: u32,
    pub(crate) catalogue: Catalogue,
    pub(crate) search: Search,
    pub(crate) newsletter: Newsletter,
    pub(crate) users: Users,
    pub(crate) tokens: Tokens,
    pub(crate) accounts: Accounts,
    pub(crate) faults: Switch,
    pub(crate) weaknesses: Live,
    pub(crate) counters: Arc<Counters>,
    /// The block that `/bytes` and its kin send slices of.
    pub(crate) block: Bytes,
}

impl Core {
    pub(crate) fn new(config: &ShopConfig, counters: Counters) -> Result<Self, ShopError> {
        let clock = Clock::start();
        let catalogue = Catalogue::generate(config.seed, config.products);
        Ok(Self {
            clock,
            token_ttl_s: config.token_ttl_s,
            search: Search::open(&catalogue).map_err(ShopError::Database)?,
            newsletter: Newsletter::new(),
            catalogue,
            users: Users::new(config.users),
            tokens: Tokens::new(config.seed),
            accounts: Accounts::new(Catalogue::initial_stock(config.seed, config.products)),
            faults: Switch::new(clock, config.seed, config.faults.clone()),
            weaknesses: Live::new(config.weaknesses),
            counters: Arc::new(counters),
            block: body::block(),
        })
    }
}

/// Locks a store. A panic cannot leave one half-changed, so a poisoned lock is taken all the same.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `SHARDS` stores. Sequential ids go round them, so with sequential ids the oldest entry of all is evicted.
struct Shards<T>([Mutex<T>; SHARDS]);

impl<T> Shards<T> {
    fn new(mut store: impl FnMut() -> T) -> Self {
        Self(std::array::from_fn(|_| Mutex::new(store())))
    }

    fn lock(&self, id: u64) -> MutexGuard<'_, T> {
        lock(&self.0[id as usize % SHARDS])
    }
}
