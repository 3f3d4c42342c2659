//! The contract's `mongo`, answered by the thread's fake host.

use std::time::Duration;

use stresshost_metrics::ErrorKind;

use super::super::backend::{handle, owned, place};
use super::super::state::{State, record, with};
use super::{Command, MongoReply, MongoSent, template};
use crate::bindings::stresshost::workload::mongo as contract;

pub(crate) fn open(target: contract::Target<'_>) -> Result<u32, String> {
    if !target.url.starts_with("mongodb://") {
        return Err("it must start with `mongodb://`".to_owned());
    }
    with(|state| {
        if let Some(reason) = &state.mongo.refusal {
            return Err(reason.clone());
        }
        state.mongo.targets.push((target.url.to_owned(), owned(target.options)));
        state.mongo.open.push(true);
        Ok(handle(state.mongo.open.len() - 1))
    })
}

pub(crate) fn server(connection: u32) -> String {
    with(|state| {
        let is_open = state.mongo.is_open(place(connection));
        if is_open { serde_json::to_string(&state.mongo.server).unwrap_or_default() } else { String::new() }
    })
}

pub(crate) fn close(connection: u32) {
    with(|state| {
        if let Some(open) = state.mongo.open.get_mut(place(connection)) {
            *open = false;
        }
    });
}

pub(crate) fn prepare(connection: u32, command: contract::Command<'_>) -> Result<u32, String> {
    template::check(command.text)?;
    with(|state| {
        let connection = place(connection);
        if !state.mongo.is_open(connection) {
            return Err("the connection is closed".to_owned());
        }
        state.mongo.commands.push(Command {
            connection,
            name: command.name.to_owned(),
            text: command.text.to_owned(),
            options: owned(command.options),
        });
        Ok(handle(state.mongo.commands.len() - 1))
    })
}

pub(crate) fn execute(command: u32, values: &[contract::Value<'_>]) -> contract::Answer {
    with(|state| match state.mongo.commands.get(place(command)).cloned() {
        Some(command) => send(state, command, values),
        None => answered(state, invalid("the command is stale".to_owned())),
    })
}

pub(crate) fn run(connection: u32, name: &str, text: &str) -> contract::Answer {
    let (connection, options) = (place(connection), Vec::new());
    let command = Command { connection, name: name.to_owned(), text: text.to_owned(), options };
    with(|state| send(state, command, &[]))
}

fn send(state: &mut State, command: Command, values: &[contract::Value<'_>]) -> contract::Answer {
    let mongo = &mut state.mongo;
    if !mongo.is_open(command.connection) {
        return answered(state, invalid("the connection is closed".to_owned()));
    }
    let filled = match template::check(&command.text) {
        Ok(expected) if expected != values.len() => {
            Err(format!("the command has {expected} values and was given {}", values.len()))
        }
        Ok(_) => template::fill(&command.text, values),
        Err(reason) => Err(reason),
    };
    let filled = match filled {
        Ok(filled) => filled,
        Err(reason) => return answered(state, invalid(reason)),
    };
    let mut reply = mongo.reply(&command.name);
    let expects = command.options.iter().any(|(name, value)| name == "expect" && value == "documents");
    if expects && reply.error.is_none() && reply.counted() == 0 {
        reply.error = Some(ErrorKind::StatusUnexpected);
        reply.error_text = "the reply has no documents".to_owned();
    }
    let Command { name, text, options, .. } = command;
    record(&mut mongo.sent, MongoSent { name, text, filled, options, at: state.now });
    answered(state, reply)
}

fn invalid(text: String) -> MongoReply {
    MongoReply::error(ErrorKind::Invalid, "", text).after(Duration::ZERO)
}

/// Packs an answer as the contract does, and keeps it for reading.
fn answered(state: &mut State, reply: MongoReply) -> contract::Answer {
    state.now += reply.duration;
    let id = state.mongo.next_id;
    state.mongo.next_id = id.wrapping_add(1);
    let error = reply.error.map_or(0, ErrorKind::code);
    let answer = u64::from(id) | reply.counted().min(0xffff) << 32 | u64::from(error) << 48;
    state.mongo.latest = Some((id, reply));
    answer
}

impl super::Mongo {
    fn is_open(&self, connection: usize) -> bool {
        self.open.get(connection).copied().unwrap_or_default()
    }
}

fn latest<T>(answer: u32, read: impl FnOnce(&MongoReply) -> T) -> Option<T> {
    with(|state| state.mongo.latest.as_ref().filter(|(id, _)| *id == answer).map(|(_, reply)| read(reply)))
}

pub(crate) fn count(answer: u32) -> u64 {
    latest(answer, MongoReply::counted).unwrap_or_default()
}

pub(crate) fn reply(answer: u32) -> Result<String, String> {
    latest(answer, |reply| reply.value.to_string()).ok_or_else(|| "the reply is stale".to_owned())
}

pub(crate) fn duration_us(answer: u32) -> u64 {
    let duration = latest(answer, |reply| reply.duration).unwrap_or_default();
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) fn error_code(answer: u32) -> String {
    latest(answer, |reply| reply.error_code.clone()).unwrap_or_default()
}

pub(crate) fn error_text(answer: u32) -> String {
    latest(answer, |reply| reply.error_text.clone()).unwrap_or_default()
}

pub(crate) fn error_name(error: u32) -> String {
    super::super::backend::http::error_name(error)
}
