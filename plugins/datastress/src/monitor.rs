//! Looks at the server's sessions while the load runs, as samplers of wait events do.
//!
//! PostgreSQL up to 18 has no counter of lock waits: what is told is the share of active sessions that were seen waiting for a
//! lock, and how many were seen. MySQL and MariaDB count them, and `server` reads those counts.

use stresshost_sdk::metrics::{Counter, Distribution, Rate};
use stresshost_sdk::prelude::Failure;
use stresshost_sdk::redis;
use stresshost_sdk::sql::{Connection, Engine, Target};

use crate::database::Kind;
use crate::document::{Doing, Workload};
use crate::limits::SELDOM;
use crate::mongo;
use crate::mongo::server::Look;
use crate::replication::Lag;
use crate::schema::texts;
use crate::statistics::Live;
use crate::user::{applications, target};

/// Names of the metrics, each followed by the scenario's name where it is of one.
pub(crate) const ACTIVE: &str = "active connections of ";
pub(crate) const WAITING: &str = "active connections waiting for a lock of ";
pub(crate) const LOOKS: &str = "looks at the server";
pub(crate) const RUNNING: &str = "threads running";
pub(crate) const ROW_LOCK_WAITERS: &str = "row lock waiters";
pub(crate) const MEMORY: &str = "memory used";

/// A virtual user that looks.
#[derive(Debug)]
pub(crate) struct Monitor {
    seer: Seer,
    looks: Counter,
    /// Looks until the next at what is seldom looked at.
    until_seldom: std::cell::Cell<u32>,
}

#[derive(Debug)]
enum Seer {
    Postgresql {
        connection: Connection,
        text: String,
        prefix: usize,
        works: Vec<Seen>,
        lag: Lag,
    },
    Mysql {
        connection: Connection,
        running: Distribution,
        waiters: Distribution,
        lag: Lag,
        statements: Live,
    },
    Redis {
        info: redis::Prepared,
        memory: Distribution,
    },
    Mongo(Look),
    /// The engine has no sessions to look at.
    Nothing,
}

/// What is recorded of a scenario.
#[derive(Clone, Copy, Debug)]
struct Seen {
    active: Distribution,
    waiting: Rate,
}

impl Monitor {
    pub(crate) fn new(workload: &Workload) -> Result<Self, Failure> {
        let seer = match workload.database.kind {
            Kind::Redis => {
                let connection = redis::Target::new(&workload.database.url).open()?;
                let info = connection.command("monitor INFO").word("INFO").word("memory").prepare()?;
                Seer::Redis { info, memory: Distribution::register(MEMORY, "bytes")? }
            }
            Kind::Mongo => Seer::Mongo(Look::new(mongo::open(workload)?)?),
            Kind::Sqlite => Seer::Nothing,
            Kind::Postgresql | Kind::Mysql => Self::sql(workload)?,
        };
        Ok(Self { seer, looks: Counter::register(LOOKS, "")?, until_seldom: std::cell::Cell::default() })
    }

    fn sql(workload: &Workload) -> Result<Seer, Failure> {
        let own = workload.works.iter().position(|work| matches!(work.doing, Doing::Monitor));
        let target: Target = target(workload, own.unwrap_or(usize::MAX), None);
        let connection = target.open()?;
        let engine = connection.server().engine;
        let lag = Lag::new(connection, engine)?;
        if engine != Engine::Postgresql {
            let running = Distribution::register(RUNNING, "threads")?;
            let waiters = Distribution::register(ROW_LOCK_WAITERS, "threads")?;
            let statements = Live::new(connection, engine, workload)?;
            return Ok(Seer::Mysql { connection, running, waiters, lag, statements });
        }
        let prefix = applications(workload);
        let text = format!(
            "SELECT application_name, count(*) FILTER (WHERE state = 'active'), \
             count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'Lock') \
             FROM pg_stat_activity WHERE application_name LIKE '{prefix}%' GROUP BY 1"
        );
        let of_user = |work: &&crate::document::Work| !matches!(work.doing, Doing::Monitor | Doing::Verify);
        let works = workload.works.iter().filter(of_user).map(|work| {
            Ok(Seen {
                active: Distribution::register(&format!("{ACTIVE}{}", work.name), "connections")?,
                waiting: Rate::register(&format!("{WAITING}{}", work.name), "")?,
            })
        });
        let works = works.collect::<Result<Vec<_>, Failure>>()?;
        Ok(Seer::Postgresql { connection, text, prefix: prefix.len(), works, lag })
    }

    /// Looks once.
    pub(crate) fn look(&self) -> Result<(), Failure> {
        let seldom = self.until_seldom.get() == 0;
        self.until_seldom.set(if seldom { SELDOM } else { self.until_seldom.get() } - 1);
        match &self.seer {
            Seer::Postgresql { connection, text, prefix, works, lag } => {
                let answer = connection.run("monitor sessions", text);
                answer.check()?;
                for row in answer.all_rows() {
                    if let [name, active, waiting] = texts(&row).as_slice() {
                        seen(works, name.get(*prefix..).unwrap_or_default(), active, waiting);
                    }
                }
                if seldom {
                    lag.look();
                }
            }
            Seer::Mysql { connection, running, waiters, lag, statements } => {
                let text = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_running', 'Innodb_row_lock_current_waits')";
                let answer = connection.run("monitor sessions", text);
                answer.check()?;
                for row in answer.all_rows() {
                    let number = row.get(1).and_then(stresshost_sdk::sql::Cell::as_f64);
                    match (texts(&row).first().map(String::as_str), number) {
                        (Some("Threads_running"), Some(number)) => running.record(number),
                        (Some("Innodb_row_lock_current_waits"), Some(number)) => waiters.record(number),
                        _ => {}
                    }
                }
                if seldom {
                    lag.look();
                    statements.look();
                }
            }
            Seer::Redis { info, memory } => {
                let reply = info.send(&[]);
                reply.check()?;
                let text = reply.text().unwrap_or_default();
                if let Some(bytes) = redis_number(&text, "used_memory") {
                    memory.record(bytes);
                }
            }
            Seer::Mongo(look) => look.look()?,
            Seer::Nothing => return Ok(()),
        }
        self.looks.add(1.0);
        Ok(())
    }
}

fn seen(works: &[Seen], name: &str, active: &str, waiting: &str) {
    let index = name.split('/').next().and_then(|index| index.parse::<usize>().ok());
    let Some(seen) = index.and_then(|index| works.get(index)) else { return };
    let (active, waiting) = (active.parse::<u32>().unwrap_or(0), waiting.parse::<u32>().unwrap_or(0));
    seen.active.record(f64::from(active));
    for session in 0..active {
        seen.waiting.observe(session < waiting);
    }
}

/// A number of Redis' `INFO`.
pub(crate) fn redis_number(info: &str, name: &str) -> Option<f64> {
    info.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::sql::{Cell, Server};
    use stresshost_sdk::testing::{FakeHost, SqlReply};

    use super::*;
    use crate::database::Database;
    use crate::document::{QueryType, Work};

    fn workload(url: &str) -> Workload {
        let doing = |doing| Work { name: "orders".into(), query_type: QueryType::Mixed, doing };
        Workload {
            database: Database::read(url, "URL").unwrap(),
            works: vec![
                doing(Doing::Statements { steps: Vec::new(), transaction: true }),
                doing(Doing::Monitor),
            ],
            ..Workload::default()
        }
    }

    #[test]
    fn sessions_are_counted_by_scenario() {
        let host = FakeHost::new();
        let monitor = Monitor::new(&workload("postgresql://localhost/d")).unwrap();
        let text = |text: &str| Cell::Text(text.to_owned());
        let row = [text("stresshost//0/orders"), text("4"), text("1")];
        host.sql_reply("monitor sessions", SqlReply::rows(&["a", "b", "c"], [row]));
        monitor.look().unwrap();
        assert_eq!(host.metric("active connections of orders"), [4.0]);
        assert_eq!(host.metric("active connections waiting for a lock of orders"), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(host.metric(LOOKS), [1.0]);
    }

    #[test]
    fn mysql_tells_its_waiters() {
        let host = FakeHost::new();
        host.sql_server(Server { engine: Engine::Mariadb, ..Server::default() });
        let monitor = Monitor::new(&workload("mysql://localhost/d")).unwrap();
        let text = |text: &str| Cell::Text(text.to_owned());
        let rows = [[text("Threads_running"), text("5")], [text("Innodb_row_lock_current_waits"), text("2")]];
        host.sql_reply("monitor sessions", SqlReply::rows(&["a", "b"], rows));
        monitor.look().unwrap();
        assert_eq!((host.metric(RUNNING), host.metric(ROW_LOCK_WAITERS)), (vec![5.0], vec![2.0]));
    }

    #[test]
    fn numbers_of_info_are_found() {
        let info = "# Stats\r\nkeyspace_hits:12\r\nused_memory:3000\r\nused_memory_rss:9\r\n";
        assert_eq!(redis_number(info, "used_memory"), Some(3000.0));
        assert_eq!(redis_number(info, "keyspace"), None);
    }
}
