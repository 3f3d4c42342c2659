//! `checks`: yes-or-no statements.

use crate::bindings::checks::Host;
use crate::imports::NOT_LIVE;
use crate::state::VuState;

impl Host for VuState {
    fn register(&mut self, name: String) -> Result<u32, String> {
        let live = &mut *self.granted().ok_or(NOT_LIVE)?;
        let names = live.core.context.names.lock();
        let id = names.map_err(|_| "the run is ending")?.check(&live.core.run.secrets.redact(&name));
        let id = id.map_err(|error| live.core.refused_name(&error))?;
        let known = live.checks.iter().position(|check| *check == id);
        let handle = known.unwrap_or_else(|| {
            live.checks.push(id);
            live.checks.len() - 1
        });
        u32::try_from(handle).map_err(|error| error.to_string())
    }

    fn mark(&mut self, check: u32, passed: bool) {
        self.mark_all(check, u32::from(passed), u32::from(!passed));
    }

    fn mark_all(&mut self, first: u32, passed: u32, failed: u32) {
        let Some(live) = self.granted() else { return };
        let Some(ticket) = live.ticket else { return };
        let mut recorder = live.core.context.recorder.borrow_mut();
        let checks = live.checks.get(first as usize..).unwrap_or_default();
        for (bit, id) in checks.iter().take(u32::BITS as usize).enumerate() {
            for (outcomes, has_passed) in [(passed, true), (failed, false)] {
                if outcomes >> bit & 1 == 1 {
                    recorder.check(*id, ticket.scenario, ticket.window, has_passed);
                }
            }
        }
    }
}
