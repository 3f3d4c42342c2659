//! `pacing`: waiting.

use crate::MAX_SLEEP_US;
use crate::bindings::pacing::Host;
use crate::state::VuState;

impl Host for VuState {
    async fn sleep_us(&mut self, duration_us: u64) {
        self.epochs = 0;
        let Some(live) = &mut self.live else { return };
        let context = &live.core.context;
        let until_ns = context.clock.now_ns() + duration_us.min(MAX_SLEEP_US) * 1_000;
        live.intended_ns = Some(until_ns);
        let sleep = send_wrapper::SendWrapper::new(context.timer.sleep_until(until_ns));
        sleep.await;
    }

    fn now_us(&mut self) -> u64 {
        let Some(live) = &self.live else { return 0 };
        let context = &live.core.context;
        context.clock.now_ns().saturating_sub(context.load_start_ns.get()) / 1_000
    }
}
