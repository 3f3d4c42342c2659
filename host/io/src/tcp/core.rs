//! What the sessions of one core share.

use std::fmt;

use stresshost_clock::{Clock, Timer};

use super::exchange::{Exchange, ExchangeError, ExchangeSpec};
use super::target::{Target, TargetError, TargetSpec};
use crate::buffer_pool::BufferPool;
use crate::http::{HttpCore, HttpShared};
use crate::origin::Origin;

/// One core's part of the engine; it cannot leave the thread it was made on. Clock, timer, read buffers, scratch space, names
/// and TLS are the HTTP engine's: there is one of each on a core.
#[derive(Clone)]
pub struct TcpCore(HttpCore);

impl TcpCore {
    /// The part of the current thread's core, beside the HTTP engine's.
    pub const fn new(http: HttpCore) -> Self {
        Self(http)
    }

    pub(crate) fn clock(&self) -> Clock {
        self.0.inner().clock
    }

    pub(crate) fn timer(&self) -> Option<&Timer> {
        self.0.inner().timer.as_ref()
    }

    pub(crate) fn pool(&self) -> &BufferPool {
        &self.0.inner().pool
    }

    pub(crate) fn shared(&self) -> &HttpShared {
        &self.0.inner().shared
    }

    /// Bytes of a reply that are kept.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.shared().config().max_body_kept_bytes
    }

    pub(crate) fn with_scratch<T>(&self, work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.0.inner().with_scratch(work)
    }

    pub(crate) fn target(&self, spec: &TargetSpec<'_>) -> Result<Target, TargetError> {
        Target::read(spec, self.shared().config())
    }

    /// Compiles an exchange for connections to `origin`.
    ///
    /// # Errors
    /// When it cannot be sent as it is written.
    pub(crate) fn compile(
        &self,
        spec: &ExchangeSpec<'_>,
        origin: &Origin,
    ) -> Result<Exchange, ExchangeError> {
        Exchange::compile(spec, &self.shared().config().secrets, origin)
    }
}

impl fmt::Debug for TcpCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpCore").finish_non_exhaustive()
    }
}
