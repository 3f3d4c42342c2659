//! What the virtual users of a run and of one core share.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use stresshost_clock::{Clock, Timer};

use super::cancel::Canceller;
use super::pool::Pool;
use super::target::{Defaults, Target, TargetSpec};
use crate::http::{ClientCertificate, HttpCore, HttpShared};
use crate::network::Network;

/// One run's part of the engine: certificates, timeouts, cancellations. Cheap to clone.
#[derive(Clone)]
pub struct SqlShared {
    inner: Arc<Inner>,
}

struct Inner {
    /// Certificates to trust besides the system's.
    ca_pem: Vec<u8>,
    defaults: Defaults,
    canceller: Arc<Canceller>,
}

impl SqlShared {
    /// The engine beside a run's HTTP engine: the same certificates and timeouts.
    pub fn beside(http: &HttpShared) -> Self {
        let config = http.config();
        let inner = Inner {
            ca_pem: config.tls.ca_pem.join(&b'\n'),
            defaults: Defaults {
                connect_timeout_ms: config.connect_timeout_ms,
                statement_timeout_ms: config.request_timeout_ms,
            },
            canceller: Arc::default(),
        };
        Self { inner: Arc::new(inner) }
    }
}

impl fmt::Debug for SqlShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlShared").finish_non_exhaustive()
    }
}

/// One core's part of the engine; it cannot leave the thread it was made on.
#[derive(Clone)]
pub struct SqlCore {
    inner: Rc<CoreInner>,
}

struct CoreInner {
    shared: SqlShared,
    /// Clock, timer, read buffers, names, secrets and TLS are the HTTP engine's: there is one of each on a core.
    http: HttpCore,
    /// Which core it is, and how many there are: a pool's connections are dealt out to them.
    place: (usize, usize),
    pools: RefCell<HashMap<Target, Weak<Pool>>>,
}

impl SqlCore {
    /// The part of core `index` of `count`, beside the HTTP engine's.
    pub fn new(shared: SqlShared, http: HttpCore, index: usize, count: usize) -> Self {
        let place = (index, count.max(1));
        Self { inner: Rc::new(CoreInner { shared, http, place, pools: RefCell::default() }) }
    }

    pub(crate) fn http(&self) -> &HttpCore {
        &self.inner.http
    }

    pub(crate) fn clock(&self) -> Clock {
        self.inner.http.inner().clock
    }

    pub(crate) fn timer(&self) -> Option<&Timer> {
        self.inner.http.inner().timer.as_ref()
    }

    pub(crate) fn network(&self) -> &Network {
        self.inner.http.inner().shared.network()
    }

    pub(crate) fn ca_pem(&self) -> &[u8] {
        &self.inner.shared.inner.ca_pem
    }

    pub(crate) fn client_certificate(&self) -> Option<&ClientCertificate> {
        self.inner.http.inner().shared.config().tls.client.as_ref()
    }

    pub(crate) fn canceller(&self) -> Arc<Canceller> {
        Arc::clone(&self.inner.shared.inner.canceller)
    }

    pub(crate) fn target(&self, spec: &TargetSpec<'_>) -> Result<Target, String> {
        let secrets = &self.inner.http.inner().shared.config().secrets;
        Target::read(spec, secrets, self.inner.shared.inner.defaults)
    }

    /// The core's pool of a target that has one.
    pub(crate) fn pool(&self, target: &Target) -> Option<Rc<Pool>> {
        let size = target.pool?;
        let mut pools = self.inner.pools.borrow_mut();
        if let Some(pool) = pools.get(target).and_then(Weak::upgrade) {
            return Some(pool);
        }
        pools.retain(|_, pool| pool.strong_count() > 0);
        let (index, count) = self.inner.place;
        let pool = Rc::new(Pool::new(share(size, index, count)));
        pools.insert(target.clone(), Rc::downgrade(&pool));
        Some(pool)
    }
}

impl fmt::Debug for SqlCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlCore").finish_non_exhaustive()
    }
}

/// A core's share of a pool: as even as it goes, and one at least, because users do not move between cores.
fn share(size: u32, index: usize, count: usize) -> usize {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    (size / count + usize::from(index < size % count)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_dealt_out_to_the_cores() {
        let shares = |size, count| (0..count).map(|index| share(size, index, count)).collect::<Vec<_>>();
        assert_eq!(shares(10, 4), [3, 3, 2, 2]);
        assert_eq!(shares(4, 2), [2, 2]);
        assert_eq!(shares(1, 2), [1, 1], "one at least");
    }
}
