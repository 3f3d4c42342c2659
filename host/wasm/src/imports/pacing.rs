//! `pacing`: waiting.

use crate::MAX_SLEEP_US;
use crate::bindings::pacing::Host;
use crate::imports::NOT_LIVE;
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

    fn limiter(&mut self, name: String) -> Result<u32, String> {
        let live = self.live.as_mut().ok_or(NOT_LIVE)?;
        let found = live.core.context.limits.named(&name);
        let id =
            found.ok_or_else(|| format!("the plan has no rate limit named `{}`", name.escape_debug()))?;
        let known = live.limiters.iter().position(|limiter| *limiter == id);
        let handle = known.unwrap_or_else(|| {
            live.limiters.push(id);
            live.limiters.len() - 1
        });
        u32::try_from(handle).map_err(|error| error.to_string())
    }

    async fn acquire(&mut self, limiter: u32, tokens: u32) -> u64 {
        self.epochs = 0;
        let Some(live) = &mut self.live else { return 0 };
        let Some(&id) = live.limiters.get(limiter as usize) else { return 0 };
        let context = &live.core.context;
        // Waiting for a token is lag of what the token is for.
        live.intended_ns.get_or_insert(context.clock.now_ns());
        let acquire = send_wrapper::SendWrapper::new(context.acquire(id, u64::from(tokens)));
        acquire.await / 1_000
    }

    fn now_us(&mut self) -> u64 {
        let Some(live) = &self.live else { return 0 };
        let context = &live.core.context;
        context.clock.now_ns().saturating_sub(context.load_start_ns.get()) / 1_000
    }
}
