//! The contract's `redis`, answered by the thread's fake host.

use std::time::Duration;

use stresshost_metrics::ErrorKind;

use super::super::backend::{fill, handle, owned, place};
use super::super::state::{State, record, with};
use super::{RedisReply, RedisSent};
use crate::bindings::stresshost::workload::redis as contract;
use crate::redis::Kind;

pub(crate) fn open(target: contract::Target<'_>) -> Result<u32, String> {
    if !["redis://", "rediss://"].iter().any(|scheme| target.url.starts_with(scheme)) {
        return Err("it must start with `redis://` or `rediss://`".to_owned());
    }
    with(|state| {
        if let Some(reason) = &state.redis.refusal {
            return Err(reason.clone());
        }
        state.redis.targets.push((target.url.to_owned(), owned(target.options)));
        state.redis.open.push(true);
        Ok(handle(state.redis.open.len() - 1))
    })
}

pub(crate) fn server(connection: u32) -> String {
    with(|state| {
        let is_open = state.redis.open.get(place(connection)).copied().unwrap_or_default();
        if is_open { serde_json::to_string(&state.redis.server).unwrap_or_default() } else { String::new() }
    })
}

pub(crate) fn close(connection: u32) {
    with(|state| {
        if let Some(open) = state.redis.open.get_mut(place(connection)) {
            *open = false;
        }
    });
}

pub(crate) fn prepare(connection: u32, command: contract::Command<'_>) -> Result<u32, String> {
    if command.words.is_empty() {
        return Err("it has no words".to_owned());
    }
    with(|state| {
        let connection = place(connection);
        if !state.redis.open.get(connection).copied().unwrap_or_default() {
            return Err("the connection is closed".to_owned());
        }
        state.redis.commands.push(super::Command {
            connection,
            name: command.name.to_owned(),
            words: command.words.iter().map(|word| word.to_vec()).collect(),
            slots: command.slots.iter().map(|&slot| slot.to_owned()).collect(),
            options: owned(command.options),
        });
        Ok(handle(state.redis.commands.len() - 1))
    })
}

pub(crate) fn send(command: u32) -> contract::Answer {
    send_with(command, &[])
}

pub(crate) fn send_with(command: u32, values: &[&[u8]]) -> contract::Answer {
    let answers = pipeline(&[contract::Call { command, values }]);
    answers.first().copied().unwrap_or_default()
}

pub(crate) fn pipeline(calls: &[contract::Call<'_>]) -> Vec<contract::Answer> {
    with(|state| {
        let redis = &mut state.redis;
        redis.first_reply = redis.first_reply.saturating_add(handle(redis.replies.len()));
        redis.replies.clear();
        let answers = calls.iter().map(|call| send_one(state, call.command, call.values)).collect();
        state.now += state.redis.replies.iter().map(|reply| reply.duration).max().unwrap_or_default();
        answers
    })
}

fn send_one(state: &mut State, command: u32, values: &[&[u8]]) -> contract::Answer {
    let redis = &mut state.redis;
    let known = redis.commands.get(place(command)).cloned();
    let is_open = |connection: usize| redis.open.get(connection).copied().unwrap_or_default();
    let reply = match known.filter(|known| known.slots.len() == values.len() && is_open(known.connection)) {
        Some(command) => {
            let words = command.words.iter().map(|word| fill(word, &command.slots, values)).collect();
            let expects_value =
                command.options.iter().any(|(name, value)| name == "expect" && value == "value");
            let mut reply = redis.reply(&command.name);
            if reply.kind == Kind::Nil && expects_value {
                reply.error = Some(ErrorKind::StatusUnexpected);
                reply.error_text = "the reply is nil".to_owned();
            }
            let sent = RedisSent { name: command.name, words, options: command.options, at: state.now };
            record(&mut redis.sent, sent);
            reply
        }
        None => {
            RedisReply::error(ErrorKind::Invalid, "the command is stale, or its values are not its slots'")
        }
    };
    let id = redis.first_reply.saturating_add(handle(redis.replies.len()));
    let error = reply.error.map_or(0, ErrorKind::code);
    let answer = u64::from(id) | (reply.kind as u64) << 32 | u64::from(error) << 48;
    redis.replies.push(reply);
    answer
}

fn reply<T>(answer: u32, read: impl FnOnce(&RedisReply) -> Option<T>) -> Option<T> {
    with(|state| {
        let place = usize::try_from(answer.checked_sub(state.redis.first_reply)?).ok()?;
        state.redis.replies.get(place).and_then(read)
    })
}

pub(crate) fn integer(answer: u32) -> Option<i64> {
    reply(answer, |reply| match &reply.bytes {
        Some(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        None => reply.value.as_i64(),
    })
}

pub(crate) fn bytes(answer: u32) -> Option<Vec<u8>> {
    reply(answer, |reply| reply.bytes.clone())
}

pub(crate) fn value(answer: u32) -> Result<String, String> {
    reply(answer, |reply| Some(reply.value.to_string())).ok_or_else(|| "the reply is stale".to_owned())
}

pub(crate) fn duration_us(answer: u32) -> u64 {
    let duration = reply(answer, |reply| Some(reply.duration)).unwrap_or(Duration::ZERO);
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) fn error_code(answer: u32) -> String {
    reply(answer, |reply| {
        let is_error = reply.kind == Kind::Error;
        is_error.then(|| reply.error_text.split(' ').next().unwrap_or_default().to_owned())
    })
    .unwrap_or_default()
}

pub(crate) fn error_text(answer: u32) -> String {
    reply(answer, |reply| Some(reply.error_text.clone())).unwrap_or_default()
}

pub(crate) fn error_name(error: u32) -> String {
    super::super::backend::http::error_name(error)
}
