//! `log`: messages for the person who runs the test.

use crate::MAX_LOG_LINE_BYTES;
use crate::bindings::log::Host;
use crate::state::VuState;

impl Host for VuState {
    fn write(&mut self, level: String, message: String) {
        let live = self.granted();
        let (plugin, shown) = match &live {
            Some(live) => (live.core.run.plugin.as_str(), live.core.run.may_log()),
            None => ("plugin", true),
        };
        if !shown {
            return;
        }
        let message = &message[..message.floor_char_boundary(MAX_LOG_LINE_BYTES)];
        match level.as_str() {
            "error" => tracing::error!(target: "plugin", plugin, "{message}"),
            "warn" => tracing::warn!(target: "plugin", plugin, "{message}"),
            "debug" => tracing::debug!(target: "plugin", plugin, "{message}"),
            _ => tracing::info!(target: "plugin", plugin, "{message}"),
        }
    }
}
