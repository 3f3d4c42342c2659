//! `--trace-calls`: a line for each call a guest makes of the host.

use std::fmt::{Debug, Write as _};
use std::fs::File;
use std::io::{LineWriter, Write};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use stresshost_clock::Clock;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::exit::usage;

/// Lines that are written: enough to see what an iteration does, and no disk is filled by a long run.
const MAX_LINES: u64 = 100_000;

/// Letters that are shown of a value.
const MAX_VALUE_CHARS: usize = 120;

/// Name that wasmtime's bindings give the span of a call.
const SPAN: &str = "wit-bindgen import";

/// Writes the calls.
pub(crate) struct CallTrace {
    clock: Clock,
    to: Mutex<Lines>,
}

struct Lines {
    to: Box<dyn Write + Send>,
    left: u64,
}

/// A call that is under way.
struct Call {
    function: String,
    arguments: String,
    begun_ns: u64,
}

impl CallTrace {
    /// Traces to a file, or to standard error for `-`.
    pub(crate) fn open(path: &str) -> anyhow::Result<Self> {
        let to: Box<dyn Write + Send> = if path == "-" {
            Box::new(std::io::stderr())
        } else {
            let file = File::create(path).map_err(usage);
            Box::new(LineWriter::new(file.with_context(|| format!("--trace-calls: cannot write `{path}`"))?))
        };
        Ok(Self { clock: Clock::start(), to: Mutex::new(Lines { to, left: MAX_LINES }) })
    }

    /// Whether a span or an event is one of a call.
    pub(crate) fn concerns(metadata: &Metadata<'_>) -> bool {
        if metadata.is_span() {
            metadata.name() == SPAN
        } else {
            metadata.target().starts_with("stresshost_wasm::bindings")
        }
    }

    fn write(&self, call: &Call, result: &str) {
        let now_ns = self.clock.now_ns();
        let took_us = now_ns.saturating_sub(call.begun_ns) / 1_000;
        let mut lines = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.left == 0 {
            return;
        }
        lines.left -= 1;
        let begun_s = call.begun_ns as f64 / 1e9;
        let mut line =
            format!("{begun_s:>10.6}s {}({}){result} in {took_us}us\n", call.function, call.arguments);
        if lines.left == 0 {
            line.push_str("more calls are not shown\n");
        }
        // Nobody is left to tell when the file cannot be written.
        drop(lines.to.write_all(stresshost_plan::plain_lines(&line).as_bytes()));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for CallTrace {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut names = Values::default();
        attributes.record(&mut names);
        let function =
            names.of("module").map(|module| format!("{module}.{}", names.of("function").unwrap_or_default()));
        let call = Call {
            function: function.unwrap_or_default(),
            arguments: String::new(),
            begun_ns: self.clock.now_ns(),
        };
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(call);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(span) = context.event_span(event) else { return };
        let mut values = Values::default();
        event.record(&mut values);
        let mut extensions = span.extensions_mut();
        let Some(call) = extensions.get_mut::<Call>() else { return };
        if values.of("message").is_some_and(|message| message == "call") {
            call.arguments = values.arguments();
        } else {
            let result = values.of("result").filter(|result| *result != "()");
            let result = result.map(|result| format!(" -> {}", answer(&call.function, result)));
            self.write(call, &result.unwrap_or_default());
        }
    }
}

/// An answer of `http` in words: it is packed into one number.
fn answer(function: &str, result: &str) -> String {
    let packed = result.parse::<u64>().ok().filter(|_| function.starts_with("http.fire"));
    match packed {
        None => result.to_owned(),
        Some(packed) => match packed >> 48 {
            0 => format!("status {}", packed >> 32 & 0xffff),
            error => format!("status {}, error {error}", packed >> 32 & 0xffff),
        },
    }
}

/// The fields of a span or an event, cut to size.
#[derive(Default)]
struct Values(Vec<(&'static str, String)>);

impl Values {
    fn of(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str())
    }

    fn arguments(&self) -> String {
        let values = self.0.iter().filter(|(name, _)| *name != "message");
        values.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ")
    }
}

impl Visit for Values {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), cut(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut bounded = Bounded(String::new());
        // It ends with an error where it is cut.
        write!(bounded, "{value:?}").unwrap_or_default();
        self.0.push((field.name(), cut(&bounded.0)));
    }
}

/// Takes a text until it is long enough: a body of megabytes is not written out to be cut.
struct Bounded(String);

impl std::fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.push_str(text);
        if self.0.len() > 4 * MAX_VALUE_CHARS { Err(std::fmt::Error) } else { Ok(()) }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_to_size() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"é".repeat(500)).chars().count(), MAX_VALUE_CHARS + 1);
        let mut bounded = Bounded(String::new());
        write!(bounded, "{:?}", vec![7_u8; 1 << 20]).unwrap_or_default();
        assert!(bounded.0.len() < 1_000);
    }

    #[test]
    fn answers_are_read() {
        assert_eq!(answer("http.fire", &(200_u64 << 32 | 5).to_string()), "status 200");
        assert_eq!(answer("http.fire-with", &(3_u64 << 48 | 503 << 32).to_string()), "status 503, error 3");
        assert_eq!(answer("random.next", "17"), "17");
    }
}
