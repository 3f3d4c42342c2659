//! `findings`: what stands out about the target.

use stresshost_metrics::SandboxLimit;
use stresshost_plan::Finding;

use crate::bindings::findings::Host;
use crate::imports::NOT_LIVE;
use crate::state::VuState;

impl Host for VuState {
    fn report(&mut self, finding: String) -> Result<(), String> {
        let live = self.granted().ok_or(NOT_LIVE)?;
        let finding = Finding::read(&live.core.run.secrets.redact(&finding))?;
        let findings = live.core.context.findings.lock();
        let reported = findings.map_err(|_| "the run is ending")?.report(live.core.run.part, finding);
        reported.map_err(|full| {
            live.core.reached(SandboxLimit::Findings);
            full.to_string()
        })
    }
}
