//! `pacing`: waiting.

use stresshost_metrics::SandboxLimit;

use crate::MAX_SLEEP_US;
use crate::bindings::pacing::Host;
use crate::imports::NOT_LIVE;
use crate::state::{Live, VuState};
use crate::waiting::{Fulfilled, Wish};

impl Host for VuState {
    async fn sleep_us(&mut self, duration_us: u64) {
        self.wish(Wish::Sleep { duration_us }).await;
    }

    fn limiter(&mut self, name: String) -> Result<u32, String> {
        let live = &mut *self.granted().ok_or(NOT_LIVE)?;
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
        match self.wish(Wish::Acquire { limiter, tokens }).await {
            Some(Fulfilled::Acquired(waited_ns)) => waited_ns / 1_000,
            _ => 0,
        }
    }

    fn now_us(&mut self) -> u64 {
        let Some(live) = self.granted() else { return 0 };
        let context = &live.core.context;
        context.clock.now_ns().saturating_sub(context.load_start_ns.get()) / 1_000
    }
}

impl Live {
    /// Waits; what follows is intended for the end of the wait.
    pub(crate) async fn sleep(&mut self, duration_us: u64) {
        if duration_us > MAX_SLEEP_US {
            self.core.reached(SandboxLimit::SleepTime);
        }
        let context = &self.core.context;
        let until_ns = context.clock.now_ns() + duration_us.min(MAX_SLEEP_US) * 1_000;
        self.intended_ns = Some(until_ns);
        context.timer.sleep_until(until_ns).await;
    }

    /// Waits for tokens of a rate limit; the nanoseconds that took.
    pub(crate) async fn acquire(&mut self, limiter: u32, tokens: u32) -> u64 {
        let Some(&id) = self.limiters.get(limiter as usize) else { return 0 };
        let context = &self.core.context;
        // Waiting for a token is lag of what the token is for.
        self.intended_ns.get_or_insert(context.clock.now_ns());
        context.acquire(id, u64::from(tokens)).await
    }
}
