//! The contract's `tcp`, answered by the thread's fake host.

use stresshost_metrics::ErrorKind;

use super::super::backend::{fill, handle, owned, place};
use super::super::state::{record, with};
use super::{TcpReply, TcpSent};
use crate::bindings::stresshost::workload::tcp as contract;

pub(crate) fn open(target: contract::Target<'_>) -> Result<u32, String> {
    let address = target.address.strip_prefix("tcp://").unwrap_or(target.address);
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none() {
        return Err("it is no address: write `host:port`".to_owned());
    }
    with(|state| {
        if let Some(reason) = &state.tcp.refusal {
            return Err(reason.clone());
        }
        state.tcp.targets.push((target.address.to_owned(), owned(target.options)));
        state.tcp.connected.push(true);
        Ok(handle(state.tcp.connected.len() - 1))
    })
}

pub(crate) fn close(connection: u32) {
    with(|state| {
        if let Some(connected) = state.tcp.connected.get_mut(place(connection)) {
            *connected = false;
        }
    });
}

pub(crate) fn prepare(connection: u32, exchange: contract::Exchange<'_>) -> Result<u32, String> {
    with(|state| {
        let connection = place(connection);
        if !state.tcp.connected.get(connection).copied().unwrap_or_default() {
            return Err("the connection is closed".to_owned());
        }
        state.tcp.exchanges.push(super::Exchange {
            connection,
            name: exchange.name.to_owned(),
            bytes: exchange.bytes.to_vec(),
            slots: exchange.slots.iter().map(|&slot| slot.to_owned()).collect(),
            options: owned(exchange.options),
        });
        Ok(handle(state.tcp.exchanges.len() - 1))
    })
}

pub(crate) fn send(exchange: u32) -> contract::Answer {
    send_with(exchange, &[])
}

pub(crate) fn send_with(exchange: u32, values: &[&[u8]]) -> contract::Answer {
    begin(exchange, values);
    with(|state| {
        let says_how_it_ends = state.tcp.sent.last().is_some_and(|sent| has(sent, "reply").is_some());
        let Some((reply, read)) = &mut state.tcp.open else { return };
        *read = reply.bytes.len();
        if reply.error.is_some() {
            return;
        }
        let starts: Vec<&str> = state.tcp.sent.last().map(expected).unwrap_or_default();
        if !says_how_it_ends {
            *reply = TcpReply::error(ErrorKind::Invalid, "the exchange does not say how its reply ends");
        } else if !starts.is_empty() && !starts.iter().any(|start| begins(&reply.bytes, start)) {
            let text = format!("the reply begins with `{}`", reply.bytes.escape_ascii());
            (reply.error, reply.error_text) = (Some(ErrorKind::StatusUnexpected), text);
        }
    });
    end("", "")
}

fn has<'a>(sent: &'a TcpSent, option: &str) -> Option<&'a str> {
    sent.options.iter().find(|(name, _)| name == option).map(|(_, value)| value.as_str())
}

fn expected(sent: &TcpSent) -> Vec<&str> {
    let options = sent.options.iter().filter(|(name, _)| name == "expect-start");
    options.map(|(_, value)| value.as_str()).collect()
}

/// Whether a reply begins with bytes that an option's text stands for, as this SDK writes them.
fn begins(reply: &[u8], start: &str) -> bool {
    let (mut bytes, mut text) = (reply.iter(), start);
    while let Some(first) = text.chars().next() {
        let (byte, length) = match text.get(..2) {
            Some("\\\\") => (b'\\', 2),
            Some("\\x") => (u8::from_str_radix(text.get(2..4).unwrap_or_default(), 16).unwrap_or(0), 4),
            _ => (u8::try_from(first).unwrap_or(b'?'), first.len_utf8()),
        };
        if bytes.next() != Some(&byte) {
            return false;
        }
        text = text.get(length..).unwrap_or_default();
    }
    true
}

pub(crate) fn begin(exchange: u32, values: &[&[u8]]) -> u32 {
    with(|state| {
        let tcp = &mut state.tcp;
        tcp.id += u32::from(tcp.answered.take().is_some());
        if let (Some(_), Some(sent)) = (tcp.open.take(), tcp.sent.last_mut()) {
            sent.error = Some(ErrorKind::Invalid.name());
        }
        let known = tcp.exchanges.get(place(exchange)).cloned();
        let is_connected = |at: usize| tcp.connected.get(at).copied().unwrap_or_default();
        let fits = |one: &super::Exchange| one.slots.len() == values.len() && is_connected(one.connection);
        let Some(exchange) = known.filter(fits) else {
            let text = "the exchange is stale, or its values are not its slots'";
            tcp.open = Some((TcpReply::error(ErrorKind::Invalid, text), 0));
            return ErrorKind::Invalid.code();
        };
        let bytes = fill(&exchange.bytes, &exchange.slots, values);
        let sent =
            TcpSent { name: exchange.name, bytes, options: exchange.options, at: state.now, error: None };
        let reply = tcp.reply(&sent);
        record(&mut tcp.sent, sent);
        state.now += reply.duration;
        let error = reply.error.map_or(0, ErrorKind::code);
        tcp.open = Some((reply, 0));
        error
    })
}

pub(crate) fn write(bytes: &[u8]) -> u32 {
    with(|state| {
        let tcp = &mut state.tcp;
        let Some((reply, _)) = &tcp.open else { return ErrorKind::Invalid.code() };
        let error = reply.error.map_or(0, ErrorKind::code);
        if let (0, Some(sent)) = (error, tcp.sent.last_mut()) {
            sent.bytes.extend_from_slice(bytes);
        }
        error
    })
}

/// Reads as many bytes of the open reply as `find` says, which is given what is left of it.
fn take(find: impl FnOnce(&[u8]) -> Result<usize, ErrorKind>) -> Result<Vec<u8>, u32> {
    with(|state| {
        let (reply, read) = state.tcp.open.as_mut().ok_or(ErrorKind::Invalid.code())?;
        if let Some(error) = reply.error {
            return Err(error.code());
        }
        let left = reply.bytes.get(*read..).unwrap_or_default();
        match find(left).map(|length| left.get(..length).map(<[u8]>::to_vec)) {
            Ok(Some(bytes)) => {
                *read += bytes.len();
                Ok(bytes)
            }
            result => {
                let kind = result.err().unwrap_or(ErrorKind::Closed);
                (reply.error, reply.error_text) = (Some(kind), kind.explain().to_owned());
                Err(kind.code())
            }
        }
    })
}

pub(crate) fn read_until(delimiter: &[u8], most: u32) -> Result<Vec<u8>, u32> {
    take(|left| {
        if delimiter.is_empty() {
            return Err(ErrorKind::Invalid);
        }
        let found = left.windows(delimiter.len()).position(|window| window == delimiter);
        match found.map(|at| at + delimiter.len()) {
            Some(length) if length <= place(most) => Ok(length),
            None if left.len() <= place(most) => Err(ErrorKind::Closed),
            _ => Err(ErrorKind::TooLarge),
        }
    })
}

pub(crate) fn read(length: u32) -> Result<Vec<u8>, u32> {
    take(|_| Ok(place(length)))
}

pub(crate) fn skip(length: u64) -> u32 {
    take(|_| Ok(usize::try_from(length).unwrap_or(usize::MAX))).map_or_else(|code| code, |_| 0)
}

pub(crate) fn end(error: &str, text: &str) -> contract::Answer {
    with(|state| {
        let tcp = &mut state.tcp;
        let Some((mut reply, read)) = tcp.open.take() else {
            return u64::from(tcp.id) | u64::from(ErrorKind::Invalid.code()) << 48;
        };
        if reply.error.is_none() && !error.is_empty() {
            let kind = ErrorKind::from_name(error).unwrap_or(ErrorKind::ServerError);
            (reply.error, reply.error_text) = (Some(kind), text.to_owned());
        }
        if let Some(sent) = tcp.sent.last_mut() {
            sent.error = reply.error.map(ErrorKind::name);
        }
        let code = reply.error.map_or(0, ErrorKind::code);
        let length = u16::try_from(read).unwrap_or(u16::MAX);
        tcp.answered = Some((reply, read));
        u64::from(tcp.id) | u64::from(length) << 32 | u64::from(code) << 48
    })
}

fn answered<T>(answer: u32, get: impl FnOnce(&TcpReply, usize) -> T) -> Option<T> {
    with(|state| {
        let (reply, read) = state.tcp.answered.as_ref().filter(|_| answer == state.tcp.id)?;
        Some(get(reply, *read))
    })
}

pub(crate) fn bytes(answer: u32) -> Option<Vec<u8>> {
    answered(answer, |reply, _| reply.bytes.clone())
}

pub(crate) fn reply_bytes(answer: u32) -> u64 {
    answered(answer, |_, read| read as u64).unwrap_or_default()
}

pub(crate) fn duration_us(answer: u32) -> u64 {
    let duration = answered(answer, |reply, _| reply.duration).unwrap_or_default();
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) fn error_text(answer: u32) -> String {
    answered(answer, |reply, _| reply.error_text.clone()).unwrap_or_default()
}

pub(crate) fn error_name(error: u32) -> String {
    super::super::backend::http::error_name(error)
}
