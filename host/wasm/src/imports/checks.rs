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
        if let Some(live) = self.granted()
            && let (Some(ticket), Some(id)) = (live.ticket, live.checks.get(check as usize))
        {
            live.core.context.recorder.borrow_mut().check(*id, ticket.scenario, ticket.window, passed);
        }
    }
}
