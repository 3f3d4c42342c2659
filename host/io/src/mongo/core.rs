//! What the sessions of one core share.

use std::fmt;
use std::rc::Rc;

use stresshost_clock::{Clock, Timer};

use super::command::{Command, CommandError, CommandSpec};
use super::limits::MAX_MESSAGE_BYTES;
use super::target::{Target, TargetError, TargetSpec};
use crate::buffer_pool::BufferPool;
use crate::http::{HttpCore, HttpShared};

/// One core's part of the engine; it cannot leave the thread it was made on. Clock, timer, read buffers, names and TLS are
/// the HTTP engine's: there is one of each on a core.
#[derive(Clone)]
pub struct MongoCore(HttpCore);

impl MongoCore {
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

    /// Bytes of a reply that are read.
    pub(crate) fn most_bytes(&self) -> usize {
        let most = self.shared().config().max_response_bytes;
        usize::try_from(most).unwrap_or(usize::MAX).min(MAX_MESSAGE_BYTES)
    }

    /// Bytes of a reply that a plugin may see.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.shared().config().max_body_kept_bytes
    }

    pub(crate) fn with_scratch<T>(&self, work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.0.inner().with_scratch(work)
    }

    pub(crate) fn target(&self, spec: &TargetSpec<'_>) -> Result<Target, TargetError> {
        Target::read(spec, self.shared().config())
    }

    /// Compiles a command for connections to a target.
    pub(crate) fn compile(
        &self,
        spec: &CommandSpec<'_>,
        target: &Target,
    ) -> Result<Rc<Command>, CommandError> {
        Command::compile(spec, target).map(Rc::new)
    }
}

impl fmt::Debug for MongoCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoCore").finish_non_exhaustive()
    }
}
