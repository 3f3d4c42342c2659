//! How far replicas are behind, looked at while the load runs: a primary of PostgreSQL knows it of its replicas, a replica of
//! PostgreSQL, MySQL or MariaDB of itself.

use stresshost_sdk::metrics::Distribution;
use stresshost_sdk::prelude::Failure;
use stresshost_sdk::sql::{Answer, Cell, Connection, Engine};

use crate::setup::older;

/// Name of the metric, in milliseconds.
pub(crate) const LAG: &str = "replication lag";

/// The lag of the replica that is furthest behind; on a replica its own. One that has replayed all it has received is not
/// behind, however long ago that was.
const POSTGRESQL: &str = "SELECT (CASE WHEN NOT pg_is_in_recovery() \
     THEN (SELECT max(extract(epoch FROM replay_lag)) FROM pg_stat_replication) \
     WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
     ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END)::float8";

/// One row where the user may ask MySQL or MariaDB for the state of replication.
const ALLOWED: &str = "SELECT 1 FROM information_schema.user_privileges WHERE privilege_type IN \
     ('REPLICATION CLIENT', 'REPLICA MONITOR', 'SLAVE MONITOR', 'SUPER') LIMIT 1";

/// First version of MySQL that knows only the statement's new name; MariaDB keeps the old one, and `ALL` for several sources.
const RENAMED: [u32; 2] = [8, 4];

/// The column's name of MySQL's, and that of MySQL's former days and of MariaDB.
const BEHIND: [&str; 2] = ["Seconds_Behind_Source", "Seconds_Behind_Master"];

/// What looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lag {
    connection: Connection,
    /// None where the server does not tell.
    text: Option<&'static str>,
    ms: Distribution,
}

impl Lag {
    pub(crate) fn new(connection: Connection, engine: Engine) -> Result<Self, Failure> {
        let text = match engine {
            Engine::Postgresql => Some(POSTGRESQL),
            Engine::Mysql | Engine::Mariadb => status(connection),
            Engine::Sqlite => None,
        };
        Ok(Self { connection, text, ms: Distribution::register(LAG, "ms")? })
    }

    /// Looks once.
    pub(crate) fn look(&self) {
        let Some(text) = self.text else { return };
        if let Some(seconds) = seconds(&ask(self.connection, text)) {
            self.ms.record((seconds * 1e3).max(0.0));
        }
    }
}

/// Sources that a server of MySQL or MariaDB replicates from; None where it does not tell.
pub(crate) fn sources(connection: Connection) -> Option<f64> {
    let answer = ask(connection, status(connection)?);
    answer.ok().then(|| answer.rows() as f64)
}

/// The statement that this server knows, where it lets this user ask: to be refused would be an error of the run's.
fn status(connection: Connection) -> Option<&'static str> {
    let server = connection.server();
    let text = match server.engine {
        Engine::Mariadb => "SHOW ALL SLAVES STATUS",
        _ if older(&server.version, RENAMED) => "SHOW SLAVE STATUS",
        _ => "SHOW REPLICA STATUS",
    };
    (ask(connection, ALLOWED).rows() > 0).then_some(text)
}

fn ask(connection: Connection, text: &str) -> Answer {
    connection.run("monitor replication", text)
}

/// The greatest lag of an answer; None when nothing is replicated, or nothing is known now.
fn seconds(answer: &Answer) -> Option<f64> {
    let columns = answer.columns();
    let place = BEHIND.iter().find_map(|name| columns.iter().position(|column| column == name));
    let rows = answer.all_rows();
    let values = rows.iter().filter_map(|row| row.get(place.unwrap_or(0)).and_then(Cell::as_f64));
    values.reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::sql::{Server, Target};
    use stresshost_sdk::testing::{FakeHost, SqlReply};

    use super::*;

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn a_primary_tells_its_replicas_lag_and_nothing_while_there_is_none() {
        let host = FakeHost::new();
        let lag = Lag::new(Target::new("postgresql://h/d").open().unwrap(), Engine::Postgresql).unwrap();
        host.sql_reply_once("monitor replication", SqlReply::rows(&["float8"], [[text("0.25")]]));
        lag.look();
        host.sql_reply("monitor replication", SqlReply::rows(&["float8"], [[Cell::Null]]));
        lag.look();
        assert_eq!(host.metric(LAG), [250.0]);
    }

    #[test]
    fn a_replica_of_several_tells_the_greatest_by_either_name() {
        for name in BEHIND {
            let host = FakeHost::new();
            let connection = Target::new("mysql://h/d").open().unwrap();
            let columns = ["Connection_name", name];
            let rows = [[text("a"), text("3")], [text("b"), Cell::Null], [text("c"), text("12")]];
            host.sql_reply("monitor replication", SqlReply::rows(&columns, rows));
            Lag::new(connection, Engine::Mariadb).unwrap().look();
            assert_eq!(host.metric(LAG), [12_000.0]);
            assert_eq!(sources(connection), Some(3.0));
        }
    }

    #[test]
    fn each_server_is_asked_by_the_name_it_knows_and_only_where_it_lets_the_user() {
        for (engine, version, expected) in [
            (Engine::Mariadb, "11.4.2-MariaDB", "SHOW ALL SLAVES STATUS"),
            (Engine::Mysql, "8.0.36", "SHOW SLAVE STATUS"),
            (Engine::Mysql, "8.4.0", "SHOW REPLICA STATUS"),
        ] {
            let host = FakeHost::new();
            host.sql_server(Server { engine, version: version.into(), ..Server::default() });
            let connection = Target::new("mysql://h/d").open().unwrap();
            host.sql_reply_once("monitor replication", SqlReply::rows(&["1"], [[text("1")]]));
            assert_eq!(status(connection), Some(expected));
            host.sql_reply("monitor replication", SqlReply::rows(&["1"], [] as [[Cell; 1]; 0]));
            Lag::new(connection, engine).unwrap().look();
            assert_eq!((sources(connection), host.metric(LAG)), (None, vec![]));
        }
    }
}
