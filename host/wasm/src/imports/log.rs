//! `log`: messages for the person who runs the test.

use stresshost_metrics::SandboxLimit;
use stresshost_plan::plain_paragraph;

use crate::bindings::log::Host;
use crate::state::VuState;
use crate::{MAX_CONTROL_LOG_LINES, MAX_LOG_LINE_BYTES};

impl Host for VuState {
    fn write(&mut self, level: String, message: String) {
        let Some(live) = &self.live else {
            self.control_log_lines += 1;
            if self.control_log_lines <= MAX_CONTROL_LOG_LINES {
                say("plugin", &level, cut(&message, MAX_LOG_LINE_BYTES as u64));
            } else if self.control_log_lines == MAX_CONTROL_LOG_LINES + 1 {
                tracing::warn!(
                    "more than {MAX_CONTROL_LOG_LINES} log lines in one call; the rest is not shown"
                );
            }
            return;
        };
        let live = live.borrow();
        let run = &live.core.run;
        if !run.may_log() {
            live.core.reached(SandboxLimit::LogLines);
            return;
        }
        let kept = cut(&message, run.limits.log_line_bytes);
        if kept.len() < message.len() {
            live.core.reached(SandboxLimit::LogLineBytes);
        }
        say(&run.plugin, &level, &run.secrets.redact(kept));
    }
}

fn cut(message: &str, most_bytes: u64) -> &str {
    let end = message.floor_char_boundary(usize::try_from(most_bytes).unwrap_or(usize::MAX));
    message.get(..end).unwrap_or_default()
}

fn say(plugin: &str, level: &str, message: &str) {
    let message = plain_paragraph(message);
    match level {
        "error" => tracing::error!(target: "plugin", plugin, "{message}"),
        "warn" => tracing::warn!(target: "plugin", plugin, "{message}"),
        "debug" => tracing::debug!(target: "plugin", plugin, "{message}"),
        _ => tracing::info!(target: "plugin", plugin, "{message}"),
    }
}
