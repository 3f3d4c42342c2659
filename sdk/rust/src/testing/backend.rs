//! The contract's imports, answered by the thread's fake host.

use super::state::{record, with};

/// An entry's place as a handle.
pub(super) fn handle(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// A handle as an entry's place.
pub(super) fn place(handle: u32) -> usize {
    usize::try_from(handle).unwrap_or(usize::MAX)
}

/// Options by name, to be kept.
pub(super) fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Bytes with their slots' values in them. Values are not looked at again.
pub(super) fn fill(bytes: &[u8], slots: &[String], values: &[&[u8]]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    'next: while let Some((&first, after)) = rest.split_first() {
        for (slot, value) in slots.iter().zip(values) {
            if let Some(after) = rest.strip_prefix(format!("{{{{{slot}}}}}").as_bytes()) {
                filled.extend_from_slice(value);
                rest = after;
                continue 'next;
            }
        }
        filled.push(first);
        rest = after;
    }
    filled
}

pub(crate) mod http {
    use stresshost_metrics::ErrorKind;

    use super::super::state::{State, Template};
    use super::super::{Reply, Sent};
    use super::{handle, owned, place, record, with};
    use crate::bindings::stresshost::workload::http::{Answer, Request, Shot};

    pub(crate) fn prepare(request: Request<'_>) -> Result<u32, String> {
        let authority = ["http://", "https://", "http+unix://"]
            .iter()
            .find_map(|scheme| request.url.strip_prefix(scheme))
            .map(|rest| rest.split(['/', '?']).next().unwrap_or_default())
            .ok_or_else(|| format!("`{}` is not an absolute URL", request.url))?;
        if authority.is_empty() || authority.contains("{{") {
            return Err(format!("`{}` names no host", request.url));
        }
        with(|state| {
            state.templates.push(Template {
                name: request.name.to_owned(),
                method: request.method.to_owned(),
                url: request.url.to_owned(),
                headers: owned(request.headers),
                body: request.body.unwrap_or_default().to_vec(),
                slots: request.slots.iter().map(|&slot| slot.to_owned()).collect(),
                options: owned(request.options),
            });
            Ok(handle(state.templates.len() - 1))
        })
    }

    pub(crate) fn fire(request: u32) -> Answer {
        fire_with(request, &[])
    }

    pub(crate) fn fire_with(request: u32, values: &[&str]) -> Answer {
        with(|state| {
            state.forget_responses();
            let answer = send(state, request, values);
            state.pass_longest();
            answer
        })
    }

    pub(crate) fn send_all(shots: &[Shot<'_>]) -> Vec<Answer> {
        with(|state| {
            state.forget_responses();
            let answers = shots.iter().map(|shot| send(state, shot.request, shot.values)).collect();
            state.pass_longest();
            answers
        })
    }

    impl State {
        /// Lets the time pass that the slowest of the responses took.
        fn pass_longest(&mut self) {
            self.now += self.responses.iter().map(|reply| reply.duration).max().unwrap_or_default();
        }
    }

    fn send(state: &mut State, request: u32, values: &[&str]) -> Answer {
        let mut reply = match state.templates.get(place(request)).cloned() {
            Some(template) if template.slots.len() == values.len() => {
                let sent = template.fill(values, state.now);
                let mut reply = state.reply(&sent.name);
                let statuses = sent.options.iter().find(|(name, _)| name == "expect-status");
                let statuses = statuses.map(|(_, value)| value.clone());
                reply.error = reply.error.or_else(|| status_error(reply.status, statuses.as_deref()));
                record(&mut state.requests, sent);
                reply
            }
            _ => Reply::error(ErrorKind::Invalid),
        };
        if reply.error.is_some_and(ErrorKind::is_unreachable) {
            reply.status = 0;
        }
        let id = state.first_response.saturating_add(handle(state.responses.len()));
        let error = reply.error.map_or(0, ErrorKind::code);
        let answer = u64::from(id) | u64::from(reply.status) << 32 | u64::from(error) << 48;
        state.responses.push(reply);
        answer
    }

    pub(crate) fn body_bytes(response: u32) -> u64 {
        with(|state| state.response(response).map_or(0, |reply| reply.body.len() as u64))
    }

    pub(crate) fn duration_us(response: u32) -> u64 {
        let duration = with(|state| state.response(response).map(|reply| reply.duration)).unwrap_or_default();
        u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
    }

    /// The error of a status, given the statuses that are expected, such as `200-299,404`.
    fn status_error(status: u16, expected: Option<&str>) -> Option<ErrorKind> {
        let within = |range: &str| {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let bound = |text: &str| text.trim().parse::<u16>().ok();
            bound(from).zip(bound(to)).is_some_and(|(from, to)| (from..=to).contains(&status))
        };
        let fine = match expected {
            None => status < 400,
            Some(ranges) => ranges.split(',').any(within),
        };
        match status {
            _ if fine => None,
            400..=499 => Some(ErrorKind::Status4xx),
            500.. => Some(ErrorKind::Status5xx),
            _ => Some(ErrorKind::StatusUnexpected),
        }
    }

    impl Template {
        fn fill(&self, values: &[&str], at: std::time::Duration) -> Sent {
            let replace = |text: &str, encode: fn(&str) -> String| {
                self.slots.iter().zip(values).fold(text.to_owned(), |text, (slot, value)| {
                    text.replace(&format!("{{{{{slot}}}}}"), &encode(value))
                        .replace(&format!("{{{{&{slot}}}}}"), value)
                })
            };
            let body = match std::str::from_utf8(&self.body) {
                Ok(body) => replace(body, str::to_owned).into_bytes(),
                Err(_) => self.body.clone(),
            };
            Sent {
                name: self.name.clone(),
                method: self.method.clone(),
                url: replace(&self.url, percent_encode),
                headers: self
                    .headers
                    .iter()
                    .map(|(name, value)| (name.clone(), replace(value, str::to_owned)))
                    .collect(),
                body,
                options: self.options.clone(),
                at,
            }
        }
    }

    fn percent_encode(text: &str) -> String {
        text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
            encoded
        })
    }

    pub(crate) fn header(response: u32, name: &str) -> Option<String> {
        let named =
            |(header, value): &(String, String)| header.eq_ignore_ascii_case(name).then(|| value.clone());
        with(|state| state.response(response).and_then(|reply| reply.headers.iter().find_map(named)))
    }

    pub(crate) fn header_is(response: u32, name: &str, value: &str) -> bool {
        header(response, name).is_some_and(|found| found == value)
    }

    pub(crate) fn headers(response: u32) -> Vec<(String, String)> {
        with(|state| state.response(response).map(|reply| reply.headers.clone()).unwrap_or_default())
    }

    pub(crate) fn body(response: u32) -> Result<Vec<u8>, String> {
        with(|state| state.response(response).map(|reply| reply.body.clone()))
            .ok_or_else(|| "the response is stale".to_owned())
    }

    pub(crate) fn json(response: u32, pointer: &str) -> Option<String> {
        let value: serde_json::Value = serde_json::from_slice(&body(response).ok()?).ok()?;
        match value.pointer(pointer)? {
            serde_json::Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    pub(crate) fn error_name(error: u32) -> String {
        let unknown = if error == 0 { "" } else { "unknown" };
        ErrorKind::from_code(error).map_or(unknown, ErrorKind::name).to_owned()
    }

    pub(crate) fn error_text(response: u32) -> String {
        with(|state| state.response(response).and_then(|reply| reply.error))
            .map_or("", ErrorKind::explain)
            .to_owned()
    }
}

pub(crate) mod metrics {
    use super::super::state::Metric;
    use super::{handle, place, record, with};

    pub(crate) fn register(name: &str, kind: &str, _unit: &str) -> Result<u32, String> {
        with(|state| match state.metrics.iter().position(|metric| metric.name == name) {
            Some(found) if state.metrics[found].kind == kind => Ok(handle(found)),
            Some(found) => Err(format!("the name is taken by a {}", state.metrics[found].kind)),
            None => {
                state.metrics.push(Metric {
                    name: name.to_owned(),
                    kind: kind.to_owned(),
                    values: Vec::new(),
                });
                Ok(handle(state.metrics.len() - 1))
            }
        })
    }

    pub(crate) fn add(metric: u32, value: f64) {
        with(|state| {
            if let Some(metric) = state.metrics.get_mut(place(metric)) {
                record(&mut metric.values, value);
            }
        });
    }
}

pub(crate) mod checks {
    use super::super::state::Check;
    use super::{handle, place, with};

    pub(crate) fn register(name: &str) -> Result<u32, String> {
        with(|state| {
            let found = state.checks.iter().position(|check| check.name == name).unwrap_or_else(|| {
                state.checks.push(Check { name: name.to_owned(), passed: 0, failed: 0 });
                state.checks.len() - 1
            });
            Ok(handle(found))
        })
    }

    pub(crate) fn mark(check: u32, passed: bool) {
        mark_all(check, u32::from(passed), u32::from(!passed));
    }

    pub(crate) fn mark_all(first: u32, passed: u32, failed: u32) {
        with(|state| {
            for (bit, check) in state.checks.iter_mut().skip(place(first)).take(32).enumerate() {
                check.passed += u64::from(passed >> bit & 1);
                check.failed += u64::from(failed >> bit & 1);
            }
        });
    }
}

pub(crate) mod data {
    use super::{handle, place, with};

    pub(crate) fn open(name: &str) -> Result<u32, String> {
        with(|state| state.feeds.iter().position(|feed| feed.name == name).map(handle))
            .ok_or_else(|| "the plan has no such feed".to_owned())
    }

    pub(crate) fn columns(feed: u32) -> Vec<String> {
        with(|state| state.feeds.get(place(feed)).map(|feed| feed.columns.clone()).unwrap_or_default())
    }

    pub(crate) fn len(feed: u32) -> u64 {
        with(|state| state.feeds.get(place(feed)).map_or(0, |feed| feed.rows.len() as u64))
    }

    pub(crate) fn next(feed: u32) -> Option<Vec<String>> {
        with(|state| {
            let feed = state.feeds.get_mut(place(feed))?;
            let row = feed.rows.get(feed.next).cloned();
            feed.next += 1;
            row
        })
    }

    pub(crate) fn row(feed: u32, index: u64) -> Option<Vec<String>> {
        with(|state| state.feeds.get(place(feed))?.rows.get(usize::try_from(index).ok()?).cloned())
    }
}

pub(crate) mod random {
    use super::with;

    pub(crate) fn next() -> u64 {
        with(super::super::state::State::random)
    }

    pub(crate) fn below(bound: u64) -> u64 {
        let product = u128::from(next()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }
}

pub(crate) mod pacing {
    use std::time::Duration;

    use super::{handle, place, with};

    pub(crate) fn limiter(name: &str) -> Result<u32, String> {
        with(|state| state.limits.iter().position(|limit| limit.name == name).map(handle))
            .ok_or_else(|| "the plan has none of that name".to_owned())
    }

    pub(crate) fn acquire(limiter: u32, tokens: u32) -> u64 {
        with(|state| {
            let now = state.now;
            let wait =
                state.limits.get_mut(place(limiter)).map_or(Duration::ZERO, |limit| limit.take(tokens, now));
            state.now = now.saturating_add(wait);
            u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)
        })
    }

    pub(crate) fn sleep_us(duration_us: u64) {
        with(|state| state.now = state.now.saturating_add(Duration::from_micros(duration_us)));
    }

    pub(crate) fn now_us() -> u64 {
        with(|state| u64::try_from(state.now.as_micros()).unwrap_or(u64::MAX))
    }
}

pub(crate) mod failures {
    use super::{record, with};
    use crate::Failure;

    pub(crate) fn tell(code: &str, message: &str) {
        with(|state| record(&mut state.failures, Failure::new(code, message)));
    }
}

pub(crate) mod log {
    use super::{record, with};

    pub(crate) fn write(level: &str, message: &str) {
        with(|state| record(&mut state.logs, (level.to_owned(), message.to_owned())));
    }
}

pub(crate) mod findings {
    use super::with;

    pub(crate) fn report(finding: &str) -> Result<(), String> {
        let finding = stresshost_plan::Finding::read(finding)?;
        with(|state| state.findings.push(finding));
        Ok(())
    }
}

pub(crate) mod artifacts {
    use super::with;

    pub(crate) fn write(name: &str, bytes: &[u8]) -> Result<(), String> {
        check(name)?;
        with(|state| state.artifacts.insert(name.to_owned(), bytes.to_vec()));
        Ok(())
    }

    pub(crate) fn append(name: &str, bytes: &[u8]) -> Result<(), String> {
        check(name)?;
        with(|state| state.artifacts.entry(name.to_owned()).or_default().extend_from_slice(bytes));
        Ok(())
    }

    fn check(name: &str) -> Result<(), String> {
        let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\\');
        if name.split('/').all(plain) {
            Ok(())
        } else {
            Err("the name is not a relative path of plain names".to_owned())
        }
    }
}
