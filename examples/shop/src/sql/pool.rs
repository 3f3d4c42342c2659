//! A pool of connections whose statements run on threads that may block.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{bound, limit_run, message};

type Open = Box<dyn Fn() -> rusqlite::Result<Connection> + Send + Sync>;

/// At most so many connections, opened when they are first needed at the same time.
pub(super) struct Pool {
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    open: Open,
}

impl Pool {
    pub(super) fn new(connections: usize, open: Open) -> Arc<Self> {
        Arc::new(Self { permits: Arc::new(Semaphore::new(connections)), idle: Mutex::default(), open })
    }

    /// Runs `work` on a connection of its own, and tells the text of SQLite's error if it fails.
    pub(super) async fn run<T, F>(self: &Arc<Self>, work: F) -> Result<T, String>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        // The permit goes with the work, which outlives a caller who has gone away.
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|closed| closed.to_string())?;
        let pool = Arc::clone(self);
        let call = move || {
            let _permit = permit;
            let connection = pool.take()?;
            let result = limit_run(&connection).and_then(|()| work(&connection));
            pool.give_back(connection);
            result
        };
        match tokio::task::spawn_blocking(call).await {
            Ok(result) => result.map_err(|error| message(&error)),
            Err(stopped) => Err(stopped.to_string()),
        }
    }

    fn take(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(connection) = idle {
            return Ok(connection);
        }
        let connection = (self.open)()?;
        bound(&connection)?;
        Ok(connection)
    }

    fn give_back(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}
