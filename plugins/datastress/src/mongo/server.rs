//! What the server counts (`serverStatus`): each number by its path in the reply.

use stresshost_sdk::metrics::Distribution;
use stresshost_sdk::mongo::Connection;
use stresshost_sdk::prelude::Failure;
use stresshost_sdk::serde_json::Value as Json;

use crate::server::Readings;

/// Names of the metrics that are sampled.
pub(crate) const CONNECTIONS: &str = "connections of the server";
pub(crate) const QUEUED: &str = "operations queued for a lock";

/// Pages of the cache, whose names hold blanks.
pub(crate) const PAGES_READ: &str = "wiredTiger.cache.pages read into cache";
pub(crate) const PAGES_REQUESTED: &str = "wiredTiger.cache.pages requested from the cache";

/// Statistics that are read.
const NAMES: [&str; 17] = [
    "opcounters.query",
    "opcounters.insert",
    "opcounters.update",
    "opcounters.delete",
    "opcounters.getmore",
    "opcounters.command",
    "metrics.document.returned",
    "metrics.document.inserted",
    "metrics.document.updated",
    "metrics.document.deleted",
    "metrics.operation.writeConflicts",
    "asserts.user",
    PAGES_READ,
    PAGES_REQUESTED,
    "connections.current",
    "connections.available",
    "globalLock.currentQueue.total",
];

/// What is looked at while the load runs, without the sections that take the server time.
const LOOK: &str = r#"{"serverStatus": 1, "metrics": 0, "locks": 0, "repl": 0, "wiredTiger": 0, "tcmalloc": 0, "opLatencies": 0, "logicalSessionRecordCache": 0, "transactions": 0}"#;

/// Reads what the server can tell. What it cannot is not there; it is never 0.
pub(crate) fn read(connection: Connection) -> Readings {
    let status = connection.run("monitor serverStatus", r#"{"serverStatus": 1}"#).value().unwrap_or_default();
    NAMES.iter().filter_map(|name| Some(((*name).to_owned(), number(&status, name)?))).collect()
}

/// The number at a path, whose parts have dots between them.
fn number(status: &Json, name: &str) -> Option<f64> {
    name.split('.').try_fold(status, |status, part| status.get(part)).and_then(Json::as_f64)
}

/// Looks at the server while the load runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    connection: Connection,
    connections: Distribution,
    queued: Distribution,
}

impl Look {
    pub(crate) fn new(connection: Connection) -> Result<Self, Failure> {
        Ok(Self {
            connection,
            connections: Distribution::register(CONNECTIONS, "connections")?,
            queued: Distribution::register(QUEUED, "operations")?,
        })
    }

    pub(crate) fn look(self) -> Result<(), Failure> {
        let reply = self.connection.run("monitor serverStatus", LOOK);
        reply.check()?;
        let status = reply.value()?;
        if let Some(current) = number(&status, "connections.current") {
            self.connections.record(current);
        }
        if let Some(queued) = number(&status, "globalLock.currentQueue.total") {
            self.queued.record(queued);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::mongo::Target;
    use stresshost_sdk::prelude::ErrorKind;
    use stresshost_sdk::serde_json::json;
    use stresshost_sdk::testing::{FakeHost, MongoReply};

    use super::*;

    #[test]
    fn what_a_server_does_not_tell_is_absent() {
        let host = FakeHost::new();
        let connection = Target::new("mongodb://h/d").open().unwrap();
        let status = json!({ "ok": 1, "opcounters": { "query": 7, "insert": "x" }, "connections": { "current": 3 },
            "wiredTiger": { "cache": { "pages read into cache": 2 } } });
        host.mongo_reply_once("monitor serverStatus", MongoReply::json(status));
        let told = [("opcounters.query", 7.0), (PAGES_READ, 2.0), ("connections.current", 3.0)];
        assert_eq!(read(connection), told.map(|(name, number)| (name.to_owned(), number)));
        host.mongo_reply("monitor serverStatus", MongoReply::error(ErrorKind::Permission, "13", "no"));
        assert!(read(connection).is_empty());
    }

    #[test]
    fn looks_record_what_is_there() {
        let host = FakeHost::new();
        let look = Look::new(Target::new("mongodb://h/d").open().unwrap()).unwrap();
        let status =
            json!({ "connections": { "current": 9 }, "globalLock": { "currentQueue": { "total": 2 } } });
        host.mongo_reply_once("monitor serverStatus", MongoReply::json(status));
        look.look().unwrap();
        look.look().unwrap();
        assert_eq!((host.metric(CONNECTIONS), host.metric(QUEUED)), (vec![9.0], vec![2.0]));
    }
}
