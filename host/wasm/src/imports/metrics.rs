//! `metrics`: the plugin's own.

use stresshost_engine::Ticket;
use stresshost_metrics::{MetricKind, Observation};

use crate::bindings::metrics::Host;
use crate::imports::NOT_LIVE;
use crate::state::VuState;

impl Host for VuState {
    fn register(&mut self, name: String, kind: String, unit: String) -> Result<u32, String> {
        let live = &mut *self.granted().ok_or(NOT_LIVE)?;
        let kind = match kind.as_str() {
            "counter" => MetricKind::Counter,
            "gauge" => MetricKind::Gauge,
            "rate" => MetricKind::Rate,
            "distribution" => MetricKind::Distribution,
            other => {
                return Err(format!("`{other}` is no kind of metric: counter, gauge, rate or distribution"));
            }
        };
        let names = live.core.context.names.lock();
        let id =
            names.map_err(|_| "the run is ending")?.metric(&live.core.run.secrets.redact(&name), kind, &unit);
        let id = id.map_err(|error| live.core.refused_name(&error))?;
        let known = live.metrics.iter().position(|(metric, _)| *metric == id);
        let handle = known.unwrap_or_else(|| {
            live.metrics.push((id, kind));
            live.metrics.len() - 1
        });
        u32::try_from(handle).map_err(|error| error.to_string())
    }

    fn add(&mut self, metric: u32, value: f64) {
        if let Some(live) = self.granted()
            && let (Some(ticket), Some(&(id, kind))) = (live.ticket, live.metrics.get(metric as usize))
        {
            let Ticket { scenario, window, .. } = ticket;
            let context = &live.core.context;
            // Only which value of a gauge is the last depends on the time.
            let at_ns = if kind == MetricKind::Gauge { context.clock.now_ns() } else { 0 };
            let observation = Observation { metric: id, kind, scenario, window, value, at_ns };
            context.recorder.borrow_mut().metric(&observation);
        }
    }
}
