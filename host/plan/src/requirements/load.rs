//! How much load streams plan.

use crate::{Executor, Stream};

/// The most iterations per second that open streams can plan at once: of those that overlap, the sum of what each
/// plans at most. `None` when none is open.
pub(super) fn peak_rate_per_s(streams: &[Stream]) -> Option<f64> {
    let spans: Vec<(u64, u64, f64)> = streams
        .iter()
        .filter_map(|stream| {
            let end_ms = stream.start_ms.saturating_add(stream.executor.duration_ms());
            Some((stream.start_ms, end_ms, stream.executor.peak_rate_per_s()?))
        })
        .collect();
    let at = |now: u64| -> f64 {
        spans.iter().filter(|(start, end, _)| (*start..*end).contains(&now)).map(|span| span.2).sum()
    };
    // The sum only grows where a stream begins.
    spans.iter().map(|&(start, ..)| at(start)).reduce(f64::max)
}

/// Iterations of all streams; `None` when the plan does not fix their number.
pub(super) fn iterations(streams: &[Stream]) -> Option<u64> {
    streams.iter().try_fold(0_u64, |sum, stream| Some(sum.saturating_add(planned(&stream.executor)?)))
}

fn planned(executor: &Executor) -> Option<u64> {
    match executor {
        Executor::SharedIterations(config) => Some(config.iterations),
        Executor::PerVuIterations(config) => Some(config.iterations.saturating_mul(config.vus)),
        Executor::ConstantArrivalRate(config) => {
            let (length_ms, ramp_ms) = (config.duration_ms as f64, config.ramp_up_ms as f64);
            // A phase that cuts the load may end it during the ramp.
            let full_ms = if ramp_ms > length_ms {
                length_ms * length_ms / (2.0 * ramp_ms)
            } else {
                length_ms - ramp_ms / 2.0
            };
            Some(arrivals(config.rate_per_s * full_ms))
        }
        Executor::RampingArrivalRate(config) => {
            let mut from = config.start_rate_per_s;
            let mut area = 0.0;
            for stage in &config.stages {
                area += (from + stage.rate_per_s) / 2.0 * stage.duration_ms as f64;
                from = stage.rate_per_s;
            }
            Some(arrivals(area))
        }
        Executor::ConstantVus(_)
        | Executor::RampingVus(_)
        | Executor::ExternallyControlled(_)
        | Executor::MixShare(_) => None,
    }
}

/// A count this close to a whole number is that number: a rate times a duration is a count, whatever rounding says.
const WHOLE_WITHIN: f64 = 1e-6;

/// The same for counts so great that a floating-point number has no such fractions, as a share of the count.
const WHOLE_WITHIN_SHARE: f64 = 1e-12;

/// Arrivals under a line that covers `area` (per second times milliseconds): one at once, and a further one each time a
/// whole one has been covered.
fn arrivals(area: f64) -> u64 {
    let count = area / 1_000.0;
    let nearest = count.round();
    let is_whole = (count - nearest).abs() <= WHOLE_WITHIN.max(nearest * WHOLE_WITHIN_SHARE);
    if nearest >= 1.0 && is_whole { nearest as u64 } else { count.ceil() as u64 }
}
