//! What the server itself counted for each statement, where it counts.

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Token, Tokenizer};
use stresshost_sdk::metrics::Gauge;
use stresshost_sdk::prelude::Failure;
use stresshost_sdk::sql::{Cell, Connection, Engine};

use crate::document::{Doing, Step, Workload};
use crate::server::{METRIC, Readings, lets_read};

/// What names of such readings begin with: calls, and milliseconds within the server.
pub(crate) const CALLS: &str = "calls of ";
pub(crate) const SERVER_MS: &str = "milliseconds in ";

/// Text, calls and milliseconds of each statement, by PostgreSQL's extension.
const POSTGRESQL: &str = "SELECT s.query, sum(s.calls), sum(s.total_exec_time) FROM pg_stat_statements s \
     JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database() GROUP BY s.query";

/// MySQL's table of them, while their connections live. MariaDB (10.11) has it with no executions in it, and its
/// `events_statements_summary_by_digest` counts nothing that was prepared.
const MYSQL_TABLE: &str = "prepared_statements_instances";

/// The same by MySQL, which counts in picoseconds.
const MYSQL: &str = "SELECT sql_text, sum(count_execute), sum(sum_timer_execute) / 1e9 \
     FROM performance_schema.prepared_statements_instances GROUP BY sql_text";

/// What MySQL counts of the statements while their connections live.
#[derive(Debug)]
pub(crate) struct Live {
    connection: Connection,
    /// Texts, calls and milliseconds; none where the server does not count.
    statements: Vec<(String, Gauge, Gauge)>,
}

impl Live {
    pub(crate) fn new(connection: Connection, engine: Engine, workload: &Workload) -> Result<Self, Failure> {
        let counts = engine == Engine::Mysql && lets_read(connection, MYSQL_TABLE);
        let steps = if counts { steps(workload) } else { Vec::new() };
        let statements = steps.into_iter().map(|step| {
            let gauge = |what: &str| Gauge::register(&format!("{METRIC}{what}{}", step.name), "");
            Ok((step.text.clone(), gauge(CALLS)?, gauge(SERVER_MS)?))
        });
        Ok(Self { connection, statements: statements.collect::<Result<_, Failure>>()? })
    }

    /// Looks once.
    pub(crate) fn look(&self) {
        if self.statements.is_empty() {
            return;
        }
        for (counted, calls, ms) in ask(self.connection, MYSQL).unwrap_or_default() {
            let known = self.statements.iter().find(|(text, _, _)| same(&counted, text));
            if let Some((_, all, inside)) = known.filter(|_| calls > 0.0) {
                all.set(calls);
                inside.set(ms);
            }
        }
    }
}

/// What the server has counted of each text; None where it does not tell.
fn ask(connection: Connection, text: &str) -> Option<Vec<(String, f64, f64)>> {
    let answer = connection.run("monitor statements", text);
    if !answer.ok() {
        return None;
    }
    let rows = answer.all_rows();
    let of = |row: &Vec<Cell>| Some((row.first()?.to_text()?, row.get(1)?.as_f64()?, row.get(2)?.as_f64()?));
    Some(rows.iter().filter_map(of).collect())
}

/// PostgreSQL's calls and milliseconds of each text, by the name of the first statement that has it.
pub(crate) fn readings(connection: Connection, engine: Engine, workload: &Workload) -> Readings {
    if engine != Engine::Postgresql {
        return Readings::new();
    }
    let there = "SELECT 1 FROM pg_extension WHERE extname = 'pg_stat_statements'";
    if connection.run("monitor statements", there).rows() == 0 {
        return Readings::new();
    }
    let Some(counted) = ask(connection, POSTGRESQL) else { return Readings::new() };
    let mut readings = Readings::new();
    for step in steps(workload) {
        let found = counted.iter().find(|(text, _, _)| same(text, &step.text));
        let (calls, ms) = found.map_or((0.0, 0.0), |(_, calls, ms)| (*calls, *ms));
        readings.push((format!("{CALLS}{}", step.name), calls));
        readings.push((format!("{SERVER_MS}{}", step.name), ms));
    }
    readings
}

/// Statements of all scenarios, each text once.
fn steps(workload: &Workload) -> Vec<&Step> {
    let mut steps: Vec<&Step> = Vec::new();
    for work in &workload.works {
        let Doing::Statements { steps: own, .. } = &work.doing else { continue };
        for step in own {
            // A name that stands for two texts would mix their numbers.
            if !steps.iter().any(|known| known.text == step.text || known.name == step.name) {
                steps.push(step);
            }
        }
    }
    steps
}

/// Whether two texts are one statement: the server replaces literals by further parameters.
fn same(counted: &str, text: &str) -> bool {
    match (tokens(counted), tokens(text)) {
        (Some(counted), Some(text)) => counted == text,
        _ => counted == text,
    }
}

/// The tokens of a text, with one sign for every literal and parameter; None of what is no SQL.
fn tokens(text: &str) -> Option<Vec<String>> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize().ok()?;
    let token = |token: Token| match token {
        Token::Whitespace(_) => None,
        Token::Placeholder(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::EscapedStringLiteral(_)
        | Token::NationalStringLiteral(_)
        | Token::HexStringLiteral(_)
        | Token::DollarQuotedString(_) => Some("?".to_owned()),
        other => Some(other.to_string().to_lowercase()),
    };
    Some(tokens.into_iter().filter_map(token).collect())
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::sql::Target;
    use stresshost_sdk::testing::{FakeHost, SqlReply};

    use super::*;
    use crate::document::{QueryType, Work};
    use crate::statement::Class;

    fn workload(text: &str) -> Workload {
        let step = Step {
            name: "SELECT a".into(),
            text: text.into(),
            weight: 1,
            class: Class::Read,
            tables: Vec::new(),
            parameters: Vec::new(),
            returning: Vec::new(),
            keeps_row: false,
            place: String::new(),
        };
        let doing = Doing::Statements { steps: vec![step], transaction: false };
        let work = Work { name: "reads".into(), query_type: QueryType::Read, doing };
        Workload { works: vec![work], ..Workload::default() }
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn what_is_counted_of_live_statements_is_told_by_their_names() {
        let host = FakeHost::new();
        let connection = Target::new("mysql://h/d").open().unwrap();
        host.sql_reply_once("monitor statistics", SqlReply::rows(&["1"], [[text("1")]]));
        let columns = ["sql_text", "calls", "ms"];
        let counted = |calls: &str| {
            let row = [text("SELECT v FROM a WHERE id = ?"), text(calls), text("12.5")];
            SqlReply::rows(&columns, [[text("DO 1"), text("9"), text("9")], row])
        };
        host.sql_reply_once("monitor statements", counted("0"));
        let workload = workload("SELECT v FROM a WHERE id = $1");
        let live = Live::new(connection, Engine::Mysql, &workload).unwrap();
        live.look();
        assert!(host.metric("server calls of SELECT a").is_empty(), "it was not executed yet");
        host.sql_reply_once("monitor statements", counted("50"));
        live.look();
        assert_eq!(host.metric("server calls of SELECT a"), [50.0]);
        assert_eq!(host.metric("server milliseconds in SELECT a"), [12.5]);
    }

    #[test]
    fn a_server_that_does_not_count_is_not_asked() {
        let host = FakeHost::new();
        let connection = Target::new("mysql://h/d").open().unwrap();
        for (engine, there) in [(Engine::Mysql, &[][..]), (Engine::Mariadb, &[[text("1")]])] {
            host.sql_reply_once("monitor statistics", SqlReply::rows(&["1"], there.to_vec()));
            let live = Live::new(connection, engine, &workload("SELECT 1")).unwrap();
            assert!(live.statements.is_empty(), "{engine:?}");
        }
    }

    #[test]
    fn a_statement_is_known_by_its_text_whatever_its_literals() {
        for (counted, text, expected) in [
            ("SELECT * FROM a WHERE b = $1 LIMIT $2", "SELECT * FROM a WHERE b = $1 LIMIT 20", true),
            ("INSERT INTO o (s) VALUES ($1, $2)", "INSERT INTO o (s)\n VALUES ($1, 'pending')", true),
            ("SELECT a1 FROM b", "SELECT a2 FROM b", false),
            ("SELECT pg_sleep($1)", "SELECT pg_sleep(0.05)", true),
            ("SELECT a + $1 FROM b WHERE c = $2", "SELECT a + 1e3 FROM b WHERE c = 'it, 1'", true),
            ("SELECT v FROM a WHERE b IN (?, ?)", "SELECT v FROM a WHERE b IN ($1, $2)", true),
            ("SELECT v FROM a WHERE b IN (?, ?)", "SELECT v FROM a WHERE b IN ($1)", false),
            ("SELECT a FROM b", "SELECT a FROM c", false),
            ("SELECT a->>$1 FROM b", "SELECT a->>'it''s' /* x */ FROM b", true),
            ("SELECT 'open", "SELECT 'open", true),
        ] {
            assert_eq!(same(counted, text), expected, "{text}");
        }
    }
}
