//! Data of built-in workloads: made before the load, taken away after it, unless it was there.

use stresshost_sdk::prelude::Failure;
use stresshost_sdk::sql::{Connection, Engine};

use crate::builtin::{Builtin, Table};
use crate::limits::LOAD_ROWS;
use crate::schema::asked;

/// Makes the tables that are not there and fills them; their names.
///
/// # Errors
/// When the server refuses, or a table is there that holds other rows than it would.
pub(crate) fn make(
    connection: Connection,
    engine: Engine,
    builtins: &[(Builtin, u64)],
) -> Result<Vec<String>, Failure> {
    let mut made = Vec::new();
    for table in builtins.iter().flat_map(|(builtin, size)| builtin.tables(*size)) {
        if made.contains(&table.name.to_owned()) {
            continue;
        }
        match rows_of(connection, &table) {
            Some(rows) if rows < table.rows => {
                let message = format!(
                    "table `{}` is there with {rows} rows where {} are wanted: drop it, or ask for that size",
                    table.name, table.rows
                );
                let taken = take(connection, &made);
                return Err(Failure::setup(match taken {
                    Ok(()) => message,
                    Err(failure) => format!("{message}; {}", failure.message),
                }));
            }
            Some(_) => stresshost_sdk::info!("table `{}` is there and stays", table.name),
            None => {
                made.push(table.name.to_owned());
                if let Err(failure) = load(connection, engine, &table) {
                    // What failed first is what is told.
                    take(connection, &made).unwrap_or_default();
                    return Err(failure);
                }
            }
        }
    }
    Ok(made)
}

/// Number of rows of a table; None when it is not there.
fn rows_of(connection: Connection, table: &Table) -> Option<u64> {
    let answer = connection.run("setup table", &format!("SELECT COUNT(*) FROM {}", table.name));
    let count = answer.row(0)?.first()?.as_i64()?;
    u64::try_from(count).ok()
}

fn load(connection: Connection, engine: Engine, table: &Table) -> Result<(), Failure> {
    let run = |name: &str, text: &str| asked(connection.run(name, text)).map(|_| ());
    run("setup create", &format!("CREATE TABLE {} {}", table.name, table.columns))?;
    run("setup load", "BEGIN")?;
    let mut shown = 0;
    for first in (0..table.rows).step_by(usize::try_from(LOAD_ROWS).unwrap_or(1)) {
        let last = (first + LOAD_ROWS).min(table.rows);
        let rows: Vec<String> = (first..last).map(table.row).collect();
        run("setup load", &format!("INSERT INTO {} VALUES {}", table.name, rows.join(", ")))?;
        let tenth = last * 10 / table.rows;
        if tenth > shown && table.rows > 10 * LOAD_ROWS {
            shown = tenth;
            stresshost_sdk::info!("`{}`: {last} of {} rows loaded ({}%)", table.name, table.rows, tenth * 10);
        }
    }
    run("setup load", "COMMIT")?;
    stresshost_sdk::info!("table `{}` made with {} rows", table.name, table.rows);
    match engine {
        Engine::Mysql | Engine::Mariadb => run("setup analyze", &format!("ANALYZE TABLE {}", table.name)),
        Engine::Postgresql | Engine::Sqlite => run("setup analyze", &format!("ANALYZE {}", table.name)),
    }
}

/// Drops what this run made, and nothing else.
///
/// # Errors
/// When the server refuses.
pub(crate) fn take(connection: Connection, made: &[String]) -> Result<(), Failure> {
    for table in made.iter().rev() {
        asked(connection.run("teardown drop", &format!("DROP TABLE IF EXISTS {table}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::prelude::ErrorKind;
    use stresshost_sdk::sql::{Cell, Target};
    use stresshost_sdk::testing::{FakeHost, SqlReply};

    use super::*;

    fn texts(host: &FakeHost) -> Vec<String> {
        host.statements().into_iter().map(|sent| sent.text.chars().take(40).collect()).collect()
    }

    #[test]
    fn tables_are_made_and_only_those_are_dropped() {
        let host = FakeHost::new();
        let connection = Target::new("postgresql://h/d").open().unwrap();
        let missing = SqlReply::error(ErrorKind::Statement, "42P01", "no such table");
        host.sql_reply("setup table", missing);
        let made = make(connection, Engine::Postgresql, &[(Builtin::Kv, 2_500)]).unwrap();
        assert_eq!(made, ["stresshost_kv"]);
        let inserts = texts(&host).iter().filter(|text| text.starts_with("INSERT")).count();
        assert_eq!(inserts, 3, "a thousand rows a statement");
        take(connection, &made).unwrap();
        assert_eq!(texts(&host).last().unwrap(), "DROP TABLE IF EXISTS stresshost_kv");
    }

    #[test]
    fn tables_that_are_there_stay() {
        let host = FakeHost::new();
        let connection = Target::new("postgresql://h/d").open().unwrap();
        host.sql_reply("setup table", SqlReply::rows(&["count"], [[Cell::Integer(2_500)]]));
        assert!(make(connection, Engine::Postgresql, &[(Builtin::Kv, 2_500)]).unwrap().is_empty());
        let failure = make(connection, Engine::Postgresql, &[(Builtin::Kv, 9_000)]).unwrap_err();
        assert!(failure.message.contains("is there with 2500 rows where 9000 are wanted"), "{failure}");
        assert!(!texts(&host).iter().any(|text| text.starts_with("CREATE") || text.starts_with("DROP")));
    }

    #[test]
    fn a_load_that_fails_leaves_nothing_behind() {
        let host = FakeHost::new();
        let connection = Target::new("postgresql://h/d").open().unwrap();
        host.sql_reply("setup table", SqlReply::error(ErrorKind::Statement, "42P01", "no such table"));
        host.sql_reply("setup load", SqlReply::error(ErrorKind::ServerError, "53100", "disk full"));
        let failure = make(connection, Engine::Postgresql, &[(Builtin::Kv, 10)]).unwrap_err();
        assert!(failure.message.contains("disk full"), "{failure}");
        assert_eq!(texts(&host).last().unwrap(), "DROP TABLE IF EXISTS stresshost_kv");
    }
}
