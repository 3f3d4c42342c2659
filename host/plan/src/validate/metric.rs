//! Rules for declared metrics.

use super::{no_such, unique};
use crate::{Aggregate, Plan};

/// Kinds of metrics.
const KINDS: &[&str] = &["counter", "gauge", "rate", "distribution"];

pub(super) fn check(problems: &mut Vec<crate::Problem>, plan: &Plan) {
    unique(problems, "/metrics", plan.metrics.iter().map(|metric| ((), (), metric.name.as_str())));
    for (index, metric) in plan.metrics.iter().enumerate() {
        if !KINDS.contains(&metric.kind.as_str()) {
            let message = format!("`{}` is no kind of metric", metric.kind);
            let path = format!("/metrics/{index}/kind");
            problems.push(no_such(path, message, &metric.kind, KINDS.iter().copied()));
        }
    }
}

/// What may be asked of a metric of this kind, as text, when `aggregate` may not.
pub(super) const fn refused(kind: &str, aggregate: Aggregate) -> Option<&'static str> {
    use Aggregate::{Count, Last, Max, Mean, Min, PerSecond, Quantile, Rate};
    let (is_allowed, allowed) = match kind.as_bytes() {
        b"counter" => (matches!(aggregate, Count | PerSecond), "`count`, `per_s`"),
        b"gauge" => (matches!(aggregate, Last | Min | Max), "`last`, `min`, `max`"),
        b"rate" => (matches!(aggregate, Rate), "`rate`"),
        b"distribution" => (
            matches!(aggregate, Quantile(_) | Mean | Min | Max | Count),
            "`p95` or any other percentile, `mean`, `min`, `max`, `count`",
        ),
        _ => (true, ""),
    };
    if is_allowed { None } else { Some(allowed) }
}
