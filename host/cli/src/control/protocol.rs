//! What clients and runs say to each other: a JSON object a line each way. The same objects travel over HTTP.
//!
//! `CONTROL.md` of this crate is its reference.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stresshost_metrics::Snapshot;

/// Bytes of a request: names of scenarios are the longest that is in one.
pub(crate) const MAX_REQUEST_BYTES: usize = 4_096;

/// Bytes of a line a client takes: a snapshot with every operation and metric it may have is far below.
pub(super) const MAX_ANSWER_BYTES: u64 = 16 << 20;

/// How long a connection may stay without a request.
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// How long a client may leave what it was sent unread before its connection is closed.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Snapshots kept for a watcher that is slow; older ones are dropped, and it is told how many.
pub(super) const MAX_UNREAD_SNAPSHOTS: usize = 8;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Request {
    /// How the run is doing.
    Status {},
    /// The same, and then every snapshot.
    Watch {},
    /// Nothing new begins.
    Pause {},
    /// Load goes on.
    Resume {},
    /// Other virtual users or another rate.
    Scale(Scale),
    /// The end.
    Stop(Halt),
}

/// What to change of which scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scale {
    /// May be left out when only one can be scaled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scenario: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vus: Option<u64>,
    /// Iterations per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<f64>,
}

/// How to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Halt {
    /// Interrupts iterations in flight instead of waiting for them.
    #[serde(default)]
    pub(crate) now: bool,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Reply {
    /// What was asked for was done; this is how the run is doing now.
    Done { ok: True, status: Box<Status> },
    /// It was not.
    Refused { ok: False, kind: Refusal, error: String },
}

/// A line of a watch, after the reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum News {
    /// A second has passed.
    Tick {
        snapshot: Arc<Snapshot>,
        /// Snapshots dropped before this one because the client was slow.
        #[serde(default)]
        missed: u64,
    },
    /// The load is over.
    End { end: True },
}

/// The literal `true`: it tells objects apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub(crate) struct True;

/// The literal `false`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub(crate) struct False;

impl From<True> for bool {
    fn from(_: True) -> Self {
        true
    }
}

impl From<False> for bool {
    fn from(_: False) -> Self {
        false
    }
}

impl TryFrom<bool> for True {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, &'static str> {
        if value { Ok(Self) } else { Err("must be true") }
    }
}

impl TryFrom<bool> for False {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, &'static str> {
        if value { Err("must be false") } else { Ok(Self) }
    }
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Refusal {
    /// The request cannot be read.
    Request,
    /// The run cannot do it.
    Refused,
    /// Too many clients.
    Busy,
}

/// How a run is doing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// Unique id of the run.
    pub(crate) run: String,
    /// What the plan is called.
    pub(crate) name: String,
    /// Process of the run.
    pub(crate) pid: u32,
    pub(crate) state: RunState,
    /// Seconds since the load began, as of the last snapshot.
    pub(crate) elapsed_s: f64,
    /// Planned length of the load in seconds, pauses not included.
    pub(crate) planned_s: f64,
    /// Scenarios that can be scaled, with what they are scaled to.
    pub(crate) scalable: Vec<Scalable>,
    /// The last snapshot; none in the first second.
    pub(crate) snapshot: Option<Arc<Snapshot>>,
}

/// A scenario that can be scaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Scalable {
    pub(crate) scenario: String,
    pub(crate) vus: u64,
    pub(crate) max_vus: u64,
    /// Iterations per second; absent when it has no rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<f64>,
}

/// What a run is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RunState {
    /// Virtual users are made; the load has not begun.
    Preparing,
    Running,
    Paused,
    /// Nothing new begins; iterations in flight come to their end.
    Stopping,
}

impl RunState {
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
        }
    }
}

impl Reply {
    pub(crate) fn refused(kind: Refusal, error: impl Into<String>) -> Self {
        Self::Refused { ok: False, kind, error: error.into() }
    }

    pub(super) fn done(status: Status) -> Self {
        Self::Done { ok: True, status: Box::new(status) }
    }
}

impl Request {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        if line.len() > MAX_REQUEST_BYTES {
            return Err(format!("a request has at most {MAX_REQUEST_BYTES} bytes"));
        }
        let text =
            std::str::from_utf8(line).map_err(|_| "a request is a line of JSON in UTF-8".to_owned())?;
        // A list of a command's parts would be read as well, but nobody is to rely on their order.
        if !text.trim_start().starts_with('{') {
            return Err("a request is a JSON object such as {\"command\":\"status\"}".to_owned());
        }
        serde_json::from_str(text).map_err(|error| format!("the request cannot be read: {error}"))
    }
}

/// A line of JSON with its end.
pub(super) fn line(value: &impl Serialize) -> Vec<u8> {
    // Texts and finite numbers; what is no number becomes null.
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_what_the_reference_says() {
        let scale = |scenario: Option<&str>, vus, rate| {
            Request::Scale(Scale { scenario: scenario.map(str::to_owned), vus, rate })
        };
        for (text, request) in [
            (r#"{"command":"status"}"#, Request::Status {}),
            (r#"{"command":"watch"}"#, Request::Watch {}),
            (r#"{"command":"pause"}"#, Request::Pause {}),
            (r#"{"command":"resume"}"#, Request::Resume {}),
            (r#"{"command":"scale","vus":5}"#, scale(None, Some(5), None)),
            (r#"{"command":"scale","scenario":"a","rate":2.5}"#, scale(Some("a"), None, Some(2.5))),
            (r#"{"command":"stop"}"#, Request::Stop(Halt { now: false })),
            (r#"{"command":"stop","now":true}"#, Request::Stop(Halt { now: true })),
        ] {
            assert_eq!(Request::read(text.as_bytes()), Ok(request.clone()), "{text}");
            assert_eq!(Request::read(&line(&request)), Ok(request));
        }
    }

    #[test]
    fn anything_else_is_refused_with_words() {
        let huge = format!(r#"{{"command":"{}"}}"#, "x".repeat(MAX_REQUEST_BYTES));
        let deep = format!(r#"{{"command":"scale","scenario":{}"#, "[".repeat(4_000));
        for (bytes, words) in [
            (&b""[..], "a JSON object"),
            (b"\x00\xff\xfe", "UTF-8"),
            (b"status", "a JSON object"),
            (br#"["status"]"#, "a JSON object"),
            (b"{", "cannot be read"),
            (br#"{"command":"reboot"}"#, "unknown variant `reboot`"),
            (br#"{"command":"status","verbose":true}"#, "unknown field `verbose`"),
            (br#"{"command":"scale","vus":-1}"#, "invalid value"),
            (br#"{"command":"scale","vus":1.5}"#, "invalid type"),
            (br#"{"command":"stop","now":1}"#, "invalid type"),
            (br#"{"command":"stop"} {"command":"stop"}"#, "trailing characters"),
            (huge.as_bytes(), "at most 4096 bytes"),
            (deep.as_bytes(), "recursion limit"),
        ] {
            let refused = Request::read(bytes).unwrap_err();
            assert!(refused.contains(words), "{}: {refused}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let refused = Reply::refused(Refusal::Refused, "no");
        let text = String::from_utf8(line(&refused)).unwrap();
        assert_eq!(text, "{\"ok\":false,\"kind\":\"refused\",\"error\":\"no\"}\n");
        assert_eq!(serde_json::from_str::<Reply>(&text).unwrap(), refused);
        let end = News::End { end: True };
        assert_eq!(line(&end), b"{\"end\":true}\n");
        assert_eq!(serde_json::from_slice::<News>(&line(&end)).unwrap(), end);
    }
}
