//! Connections that a guest has opened by one protocol, and what it has prepared on each.

use std::rc::Rc;

use stresshost_engine::LimitId;
use stresshost_metrics::OpId;

use crate::handles::Handles;
use crate::memory_budget::Held;

/// Why nothing is done on a connection that is not there.
pub(crate) const CLOSED: &str = "the connection is closed";

/// What a guest holds of one protocol; `T` is what its engine compiles.
#[derive(Debug)]
pub(crate) struct Opened<T> {
    connections: Handles<Connection>,
    prepared: Handles<Prepared<T>>,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Its place in the engine's session.
    pub(crate) place: usize,
    /// What reports call making it.
    pub(crate) connect: OpId,
    /// Rate limits of its target.
    pub(crate) limits: Rc<[LimitId]>,
    /// Handles of what is prepared on it, which goes with it.
    prepared: Vec<u32>,
}

/// What was prepared on a connection.
#[derive(Debug)]
pub(crate) struct Prepared<T> {
    /// What reports call it.
    pub(crate) op: OpId,
    /// Handle of its connection.
    pub(crate) connection: u32,
    pub(crate) compiled: T,
    memory: Held,
}

impl<T> Default for Opened<T> {
    fn default() -> Self {
        Self { connections: Handles::default(), prepared: Handles::default() }
    }
}

impl<T> Opened<T> {
    /// How much is prepared.
    pub(crate) fn prepared(&self) -> usize {
        self.prepared.len()
    }

    /// A connection, unless its handle is stale.
    pub(crate) fn connection(&self, handle: u32) -> Option<&Connection> {
        self.connections.get(handle)
    }

    /// What was prepared, unless its handle is stale.
    pub(crate) fn get(&self, handle: u32) -> Option<&Prepared<T>> {
        self.prepared.get(handle)
    }

    /// What was prepared, and its connection.
    pub(crate) fn with_connection(&self, handle: u32) -> Option<(&Prepared<T>, &Connection)> {
        let prepared = self.prepared.get(handle)?;
        Some((prepared, self.connections.get(prepared.connection)?))
    }

    /// Keeps a connection that was made; none when there are too many.
    pub(crate) fn open(&mut self, place: usize, connect: OpId, limits: Rc<[LimitId]>) -> Option<u32> {
        self.connections.insert(Connection { place, connect, limits, prepared: Vec::new() })
    }

    /// Keeps what was compiled for a connection; none when there is too much.
    pub(crate) fn prepare(&mut self, connection: u32, op: OpId, compiled: T, memory: Held) -> Option<u32> {
        let handle = self.prepared.insert(Prepared { op, connection, compiled, memory })?;
        if let Some(connection) = self.connections.get_mut(connection) {
            connection.prepared.push(handle);
        }
        Some(handle)
    }

    /// Forgets a connection and what is prepared on it: its place in the session, and the bytes that are free again.
    pub(crate) fn close(&mut self, connection: u32) -> Option<(usize, u64)> {
        let closed = self.connections.remove(connection)?;
        let freed = closed.prepared.into_iter().filter_map(|handle| self.prepared.remove(handle));
        Some((closed.place, freed.map(|prepared| prepared.memory.bytes()).sum()))
    }
}
