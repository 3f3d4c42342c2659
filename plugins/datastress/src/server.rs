//! What a server counts, before and after the load: each number by the name of the server's own statistic.

use stresshost_sdk::sql::{Connection, Engine};

use crate::replication;
use crate::schema::texts;

/// What names of metrics that hold a server's numbers begin with.
pub(crate) const METRIC: &str = "server ";

/// MySQL's and MariaDB's name for executing what was prepared.
pub(crate) const EXECUTE: &str = "statement/com/Execute";

/// Where they count it.
const EXECUTIONS_TABLE: &str = "events_statements_summary_global_by_event_name";

/// How often that was done and how long it took; both count in picoseconds.
const EXECUTIONS: &str = "SELECT count_star AS calls, sum_timer_wait / 1e9 AS ms \
     FROM performance_schema.events_statements_summary_global_by_event_name \
     WHERE event_name = 'statement/com/Execute'";

/// Numbers by the names of the statistics.
pub(crate) type Readings = Vec<(String, f64)>;

/// Statistics of MySQL and MariaDB that are read.
const STATUS: [&str; 10] = [
    "Innodb_deadlocks",
    "Innodb_row_lock_waits",
    "Innodb_row_lock_time",
    "Innodb_row_lock_time_max",
    "Innodb_buffer_pool_reads",
    "Innodb_buffer_pool_read_requests",
    "Threads_connected",
    "Max_used_connections",
    "Com_commit",
    "Com_rollback",
];

/// Statistics that are a state and not a count: their difference means nothing.
const STATES: [&str; 12] = [
    "Innodb_row_lock_time_max",
    "Threads_connected",
    "Max_used_connections",
    "pg_stat_database.numbackends",
    "pg_stat_replication.replicas",
    "pg_is_in_recovery",
    "replication sources",
    "max_connections",
    "used_memory",
    "connections.current",
    "connections.available",
    "globalLock.currentQueue.total",
];

/// Most connections that the server takes, where it says, and what says it.
pub(crate) fn most_connections(readings: &[(String, f64)]) -> Option<(f64, &'static str)> {
    let named = |name: &'static str| Some((number(readings, name)?, name));
    let of_mongo = || {
        let (used, free) =
            (number(readings, "connections.current")?, number(readings, "connections.available")?);
        Some((used + free, "connections.current + connections.available"))
    };
    named("max_connections").or_else(|| named("maxclients")).or_else(of_mongo)
}

/// Whether a statistic is a state.
pub(crate) fn is_state(name: &str) -> bool {
    STATES.contains(&name)
}

/// Reads what the server can tell. What it cannot is not there; it is never 0.
pub(crate) fn read(connection: Connection, engine: Engine) -> Readings {
    match engine {
        Engine::Postgresql => postgresql(connection),
        Engine::Mysql | Engine::Mariadb => mysql(connection, engine),
        Engine::Sqlite => Readings::new(),
    }
}

/// The first row of an answer by the names of its columns; nothing where the server says nothing.
fn row(connection: Connection, source: &str, text: &str) -> Readings {
    let answer = connection.run("monitor statistics", text);
    let (columns, row) = (answer.columns(), answer.row(0).unwrap_or_default());
    let named = columns.into_iter().zip(row);
    named.filter_map(|(name, cell)| Some((format!("{source}.{name}"), cell.as_f64()?))).collect()
}

fn postgresql(connection: Connection) -> Readings {
    let mut readings = row(
        connection,
        "pg_stat_database",
        "SELECT deadlocks, blks_hit, blks_read, xact_commit, xact_rollback, numbackends, temp_bytes \
         FROM pg_stat_database WHERE datname = current_database()",
    );
    readings.extend(row(
        connection,
        "pg_stat_replication",
        "SELECT count(*) AS replicas FROM pg_stat_replication",
    ));
    readings.extend(one(connection, "pg_is_in_recovery", "SELECT pg_is_in_recovery()::int"));
    let limit = "SELECT setting FROM pg_settings WHERE name = 'max_connections'";
    readings.extend(one(connection, "max_connections", limit));
    readings
}

fn mysql(connection: Connection, engine: Engine) -> Readings {
    let names = STATUS.map(|name| format!("'{name}'")).join(", ");
    let text = format!("SHOW GLOBAL STATUS WHERE Variable_name IN ({names})");
    let rows = connection.run("monitor statistics", &text).all_rows();
    let number = |row: &Vec<_>| match texts(row).as_slice() {
        [name, value] => Some((name.clone(), value.parse().ok()?)),
        _ => None,
    };
    let mut readings: Readings = rows.iter().filter_map(number).collect();
    if engine == Engine::Mysql {
        let text = "SELECT `COUNT` FROM information_schema.INNODB_METRICS WHERE NAME = 'lock_deadlocks' AND STATUS = 'enabled'";
        let row = connection.run("monitor statistics", text).row(0);
        let count = row.and_then(|row| row.first().and_then(stresshost_sdk::sql::Cell::as_f64));
        readings.extend(count.map(|count| ("INNODB_METRICS.lock_deadlocks".to_owned(), count)));
    }
    if lets_read(connection, EXECUTIONS_TABLE) {
        readings.extend(row(connection, EXECUTE, EXECUTIONS));
    }
    readings.extend(one(connection, "max_connections", "SELECT @@max_connections"));
    readings
        .extend(replication::sources(connection).map(|sources| ("replication sources".to_owned(), sources)));
    readings
}

/// Whether MySQL's or MariaDB's performance schema is on and this user may read a table of it: to be refused would be an
/// error of the run's.
pub(crate) fn lets_read(connection: Connection, table: &str) -> bool {
    let text = format!(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = 'performance_schema' \
         AND table_name = '{table}' AND @@performance_schema = 1"
    );
    connection.run("monitor statistics", &text).rows() > 0
}

/// A statement's only number, under a name.
fn one(connection: Connection, name: &str, text: &str) -> Option<(String, f64)> {
    let row = connection.run("monitor statistics", text).row(0)?;
    Some((name.to_owned(), row.first()?.as_f64()?))
}

/// The number of a statistic.
pub(crate) fn number(readings: &[(String, f64)], name: &str) -> Option<f64> {
    readings.iter().find(|(known, _)| known == name).map(|(_, number)| *number)
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::prelude::ErrorKind;
    use stresshost_sdk::sql::{Cell, Target};
    use stresshost_sdk::testing::{FakeHost, SqlReply};

    use super::*;

    #[test]
    fn what_a_server_does_not_tell_is_absent() {
        let host = FakeHost::new();
        let connection = Target::new("mysql://h/d").open().unwrap();
        let text = |text: &str| Cell::Text(text.to_owned());
        host.sql_reply_once(
            "monitor statistics",
            SqlReply::rows(&["n", "v"], [[text("Innodb_row_lock_waits"), text("7")]]),
        );
        let denied = || SqlReply::error(ErrorKind::Permission, "1227", "denied");
        host.sql_reply("monitor statistics", denied());
        host.sql_reply("monitor replication", denied());
        let readings = read(connection, Engine::Mysql);
        assert_eq!(readings, [("Innodb_row_lock_waits".to_owned(), 7.0)]);
        assert_eq!(number(&readings, "Innodb_deadlocks"), None);
        assert!(read(connection, Engine::Sqlite).is_empty());
    }

    #[test]
    fn names_are_those_of_the_views() {
        let host = FakeHost::new();
        let connection = Target::new("postgresql://h/d").open().unwrap();
        let columns = ["deadlocks", "blks_hit"];
        host.sql_reply_once(
            "monitor statistics",
            SqlReply::rows(&columns, [[Cell::Text("2".into()), Cell::Text("90".into())]]),
        );
        let readings = read(connection, Engine::Postgresql);
        assert_eq!(number(&readings, "pg_stat_database.deadlocks"), Some(2.0));
    }
}
