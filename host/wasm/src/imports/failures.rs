//! `failures`: why an iteration failed.

use stresshost_metrics::SandboxLimit;

use crate::MAX_FAILURE_BYTES;
use crate::bindings::Failure;
use crate::bindings::failures::Host;
use crate::state::VuState;

impl Host for VuState {
    fn tell(&mut self, mut code: String, mut message: String) {
        if code.len() > MAX_FAILURE_BYTES || message.len() > MAX_FAILURE_BYTES {
            self.reached(SandboxLimit::FailureBytes);
        }
        code.truncate(code.floor_char_boundary(MAX_FAILURE_BYTES));
        message.truncate(message.floor_char_boundary(MAX_FAILURE_BYTES));
        if let Some(mut live) = self.granted() {
            let failure = live.core.run.shown(Failure { code, message });
            live.failure = Some(failure);
        }
    }
}
