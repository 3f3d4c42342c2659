//! The contract's `sql`, answered by the thread's fake host.

use stresshost_metrics::ErrorKind;

use super::super::state::{State, record, with};
use super::{Prepared, SqlOpened, SqlReply, SqlSent, SqlState};
use crate::bindings::stresshost::workload::sql::{Answer, Cell, Statement, Target, Value};
use crate::sql::PoolState;

const SCHEMES: [&str; 5] = ["postgresql://", "postgres://", "mysql://", "mariadb://", "sqlite:"];

pub(crate) fn open(target: Target<'_>) -> Result<u32, String> {
    if !SCHEMES.iter().any(|scheme| target.url.starts_with(scheme)) {
        return Err(format!("the URL must start with one of {}", SCHEMES.join(", ")));
    }
    with(|state| {
        let SqlReply { error, duration, .. } = state.sql.scripted("connect");
        state.now += duration;
        if let Some((_, code, text)) = error {
            return Err(if code.is_empty() { text } else { format!("{text} [{code}]") });
        }
        let options = target.options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let opened = SqlOpened { url: target.url.to_owned(), options: options.collect() };
        state.sql.opened.push(opened);
        Ok(handle(state.sql.opened.len() - 1))
    })
}

pub(crate) fn server(connection: u32) -> String {
    with(|state| {
        let server = state.sql.is_open(connection).then(|| serde_json::to_string(&state.sql.server).ok());
        server.flatten().unwrap_or_default()
    })
}

pub(crate) fn pool(connection: u32) -> Option<String> {
    with(|state| {
        let opened = state.sql.opened.get(connection as usize)?;
        let (_, size) = opened.options.iter().find(|(name, _)| name == "pool")?;
        let size = size.parse().ok()?;
        serde_json::to_string(&PoolState { size, idle: size, ..PoolState::default() }).ok()
    })
}

pub(crate) fn close(connection: u32) {
    with(|state| state.sql.closed.push(connection));
}

pub(crate) fn prepare(connection: u32, statement: Statement<'_>) -> Result<u32, String> {
    with(|state| {
        if !state.sql.is_open(connection) {
            return Err("the connection is stale".to_owned());
        }
        state.sql.prepared.push(Prepared {
            connection,
            name: statement.name.to_owned(),
            text: statement.text.to_owned(),
            parameters: parameters_of(statement.text),
        });
        Ok(handle(state.sql.prepared.len() - 1))
    })
}

/// The highest number after a `$`.
fn parameters_of(text: &str) -> usize {
    let numbers = text.split('$').skip(1).map(|rest| {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse().unwrap_or(0)
    });
    numbers.max().unwrap_or(0)
}

pub(crate) fn parameters(statement: u32) -> Vec<String> {
    with(|state| {
        let Some(prepared) = state.sql.prepared.get(statement as usize) else { return Vec::new() };
        let told = state.sql.parameters.get(&prepared.name).cloned();
        told.unwrap_or_else(|| vec![String::new(); prepared.parameters])
    })
}

pub(crate) fn execute(statement: u32, values: &[Value<'_>]) -> Answer {
    with(|state| {
        let mut reply = executed(state, statement, values);
        // Rows are counted and not kept.
        reply.changed += reply.rows.len() as u64;
        reply.rows.clear();
        reply.columns.clear();
        answered(state, reply)
    })
}

pub(crate) fn query(statement: u32, values: &[Value<'_>]) -> Answer {
    with(|state| {
        let reply = executed(state, statement, values);
        answered(state, reply)
    })
}

pub(crate) fn run(connection: u32, name: &str, text: &str) -> Answer {
    with(|state| sent(state, connection, name, text.to_owned()))
}

pub(crate) fn begin(connection: u32, options: &[(&str, &str)]) -> Answer {
    let options = options.iter().map(|(name, value)| format!(" {name}={value}"));
    let text = format!("BEGIN{}", options.collect::<String>());
    with(|state| sent(state, connection, "BEGIN", text))
}

pub(crate) fn commit(connection: u32) -> Answer {
    with(|state| sent(state, connection, "COMMIT", "COMMIT".to_owned()))
}

pub(crate) fn rollback(connection: u32) -> Answer {
    with(|state| sent(state, connection, "ROLLBACK", "ROLLBACK".to_owned()))
}

pub(crate) fn rows(answer: u32) -> u64 {
    with(|state| state.sql.latest(answer).map_or(0, row_count))
}

pub(crate) fn columns(answer: u32) -> Vec<String> {
    with(|state| state.sql.latest(answer).map(|reply| reply.columns.clone()).unwrap_or_default())
}

pub(crate) fn row(answer: u32, index: u32) -> Option<Vec<Cell>> {
    with(|state| state.sql.latest(answer)?.rows.get(index as usize).cloned())
}

pub(crate) fn duration_us(answer: u32) -> u64 {
    let duration = with(|state| state.sql.latest(answer).map(|reply| reply.duration)).unwrap_or_default();
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) fn error_code(answer: u32) -> String {
    with(|state| state.sql.error(answer).map(|(_, code, _)| code.clone())).unwrap_or_default()
}

pub(crate) fn error_text(answer: u32) -> String {
    with(|state| state.sql.error(answer).map(|(_, _, text)| text.clone())).unwrap_or_default()
}

pub(crate) fn error_name(error: u32) -> String {
    super::super::backend::http::error_name(error)
}

fn handle(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

fn row_count(reply: &SqlReply) -> u64 {
    reply.changed + reply.rows.len() as u64
}

fn executed(state: &mut State, statement: u32, values: &[Value<'_>]) -> SqlReply {
    let sql = &mut state.sql;
    let prepared = sql.prepared.get(statement as usize).filter(|found| sql.is_open(found.connection));
    let Some(prepared) = prepared else { return invalid("the statement is stale".to_owned()) };
    if prepared.parameters != values.len() {
        return invalid(format!("{} parameters, {} values", prepared.parameters, values.len()));
    }
    let (name, text) = (prepared.name.clone(), prepared.text.clone());
    let reply = sql.scripted(&name);
    record(&mut sql.sent, SqlSent { name, text, values: values.iter().map(Value::to_cell).collect() });
    reply
}

fn sent(state: &mut State, connection: u32, name: &str, text: String) -> Answer {
    let reply = if state.sql.is_open(connection) {
        record(&mut state.sql.sent, SqlSent { name: name.to_owned(), text, values: Vec::new() });
        state.sql.scripted(name)
    } else {
        invalid("the connection is stale".to_owned())
    };
    answered(state, reply)
}

fn invalid(text: String) -> SqlReply {
    SqlReply::error(ErrorKind::Invalid, "", text)
}

/// Packs an answer as the contract does, and keeps it for reading.
fn answered(state: &mut State, reply: SqlReply) -> Answer {
    state.now += reply.duration;
    let id = state.sql.next_id;
    state.sql.next_id = id.wrapping_add(1);
    let error = reply.error.as_ref().map_or(0, |(kind, _, _)| kind.code());
    let answer = u64::from(id) | row_count(&reply).min(0xffff) << 32 | u64::from(error) << 48;
    state.sql.latest = Some((id, reply));
    answer
}

impl SqlState {
    fn is_open(&self, connection: u32) -> bool {
        (connection as usize) < self.opened.len() && !self.closed.contains(&connection)
    }

    fn scripted(&mut self, operation: &str) -> SqlReply {
        let script = self.scripts.get_mut(operation);
        let reply = script.and_then(|script| script.once.pop_front().or_else(|| script.always.clone()));
        reply.unwrap_or_else(|| SqlReply::changed(0))
    }

    fn latest(&self, answer: u32) -> Option<&SqlReply> {
        self.latest.as_ref().filter(|(id, _)| *id == answer).map(|(_, reply)| reply)
    }

    fn error(&self, answer: u32) -> Option<&(ErrorKind, String, String)> {
        self.latest(answer)?.error.as_ref()
    }
}
