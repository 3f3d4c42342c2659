//! What the sessions of one core share.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use stresshost_clock::{Clock, Timer};

use super::command::{Command, CommandError, CommandSpec};
use super::reader::ReaderLimits;
use super::target::{Target, TargetError, TargetSpec};
use crate::buffer_pool::BufferPool;
use crate::http::{HttpCore, HttpShared};
use crate::origin::Origin;

/// Scratch space a core keeps between commands; a larger rendering is freed.
const MAX_SCRATCH_BYTES: usize = 256 * 1024;

/// One core's part of the engine; it cannot leave the thread it was made on.
#[derive(Clone)]
pub struct RedisCore {
    /// Clock, timer, read buffers, names and TLS are the HTTP engine's: there is one of each on a core.
    http: HttpCore,
    scratch: Rc<RefCell<Vec<u8>>>,
    limits: ReaderLimits,
}

impl RedisCore {
    /// The part of the current thread's core, beside the HTTP engine's.
    pub fn new(http: HttpCore) -> Self {
        let config = http.inner().shared.config();
        let limits =
            ReaderLimits { kept_bytes: config.max_body_kept_bytes, reply_bytes: config.max_response_bytes };
        Self { http, scratch: Rc::default(), limits }
    }

    pub(crate) fn clock(&self) -> Clock {
        self.http.inner().clock
    }

    pub(crate) fn timer(&self) -> Option<&Timer> {
        self.http.inner().timer.as_ref()
    }

    pub(crate) fn pool(&self) -> &BufferPool {
        &self.http.inner().pool
    }

    pub(crate) fn shared(&self) -> &HttpShared {
        &self.http.inner().shared
    }

    pub(crate) const fn limits(&self) -> ReaderLimits {
        self.limits
    }

    pub(crate) fn target(&self, spec: &TargetSpec<'_>) -> Result<Target, TargetError> {
        let config = self.shared().config();
        Target::read(spec, config, &config.secrets)
    }

    /// Compiles a command for connections to `origin`.
    ///
    /// # Errors
    /// When it cannot be sent as it is written.
    pub(crate) fn compile(
        &self,
        spec: &CommandSpec<'_>,
        origin: &Origin,
    ) -> Result<Rc<Command>, CommandError> {
        Command::compile(spec, &self.shared().config().secrets, origin).map(Rc::new)
    }

    /// Uses the core's scratch space, which is empty.
    pub(crate) fn with_scratch<T>(&self, work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut scratch = self.scratch.borrow_mut();
        scratch.clear();
        let done = work(&mut scratch);
        if scratch.capacity() > MAX_SCRATCH_BYTES {
            *scratch = Vec::new();
        }
        done
    }
}

impl fmt::Debug for RedisCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCore").finish_non_exhaustive()
    }
}
