//! `log`: messages for the person who runs the test.

use crate::MAX_LOG_LINE_BYTES;
use crate::bindings::log::Host;
use crate::state::VuState;

impl Host for VuState {
    fn write(&mut self, level: String, message: String) {
        let live = self.granted();
        let (plugin, shown, most_bytes) = match &live {
            Some(live) => {
                let run = &live.core.run;
                (run.plugin.as_str(), run.may_log(), run.limits.log_line_bytes)
            }
            None => ("plugin", true, MAX_LOG_LINE_BYTES as u64),
        };
        if !shown {
            return;
        }
        let message =
            &message[..message.floor_char_boundary(usize::try_from(most_bytes).unwrap_or(usize::MAX))];
        match level.as_str() {
            "error" => tracing::error!(target: "plugin", plugin, "{message}"),
            "warn" => tracing::warn!(target: "plugin", plugin, "{message}"),
            "debug" => tracing::debug!(target: "plugin", plugin, "{message}"),
            _ => tracing::info!(target: "plugin", plugin, "{message}"),
        }
    }
}
