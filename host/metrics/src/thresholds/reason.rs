//! Why a threshold has no answer.

use stresshost_plan::{Metric, Tag, format_duration_ms, nearest};

use super::{Moment, Rule};
use crate::Names;

impl Rule {
    /// Why there is no value to judge, although there are `samples`.
    pub(super) fn why_no_answer(&self, now: Moment<'_>, samples: u64) -> String {
        let names = now.source.names;
        if let Some(reason) = self.unknown_name(names) {
            return reason;
        }
        if samples > 0 {
            return self.why_no_value(now);
        }
        match &self.expression.metric {
            Metric::Operations { .. } if !self.expression.tags.is_empty() => {
                "no such operation ended in the measured window"
            }
            Metric::Operations { .. } => "no operation ended in the measured window",
            Metric::Iterations(_) => "no iteration ended in the measured window",
            Metric::Checks => "no such check was made in the measured window",
            Metric::Custom(_) => "the metric was not recorded in the measured window",
            Metric::Generator(_) => "nothing is known of the generator in the measured window",
        }
        .to_owned()
    }

    fn why_no_value(&self, now: Moment<'_>) -> String {
        if let Metric::Custom(name) = &self.expression.metric
            && let Some(values) = self.selection.values(&self.expression.metric, now.source)
            && values.reading(self.expression.aggregate, 1.0).value.is_none()
        {
            return format!(
                "metric `{name}` is {}, which has no {}",
                values.kind(),
                self.expression.aggregate
            );
        }
        match self.expression.window_ms {
            Some(window_ms) => {
                format!("the measured time was shorter than the window of {}", format_duration_ms(window_ms))
            }
            None => "the measured time had no length".to_owned(),
        }
    }

    /// A name in the threshold that the run never heard of. Names of scenarios, phases and plugins are in the plan and
    /// are checked before the load begins; the plugin makes these up as it goes.
    fn unknown_name(&self, names: &Names) -> Option<String> {
        match &self.expression.metric {
            Metric::Custom(name) => {
                let mut known = names.metrics().map(|(known, _, _)| known);
                (!known.any(|known| known == name))
                    .then(|| unknown("metric", name, names.metrics().map(|(known, _, _)| known)))
            }
            Metric::Checks => self.unknown_tag(Tag::Check, names.checks().iter().map(String::as_str)),
            Metric::Operations { protocol, .. } => {
                let wanted = |known: &str| protocol.as_deref().is_none_or(|protocol| protocol == known);
                let ops: Vec<&str> =
                    names.ops().iter().filter(|op| wanted(op.protocol)).map(|op| op.name.as_str()).collect();
                match protocol {
                    Some(protocol) if ops.is_empty() => Some(format!("there is no {protocol} operation")),
                    _ => self.unknown_tag(Tag::Operation, ops.into_iter()),
                }
            }
            Metric::Iterations(_) | Metric::Generator(_) => None,
        }
    }

    fn unknown_tag<'a>(&self, tag: Tag, known: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
        let mut filters = self.expression.tags.iter().filter(|filter| filter.tag == tag);
        let unmatched = filters.find(|filter| !known.clone().any(|name| filter.matches(name)))?;
        Some(unknown(tag.word(), &unmatched.pattern, known))
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(name, known) {
        Some(near) => format!("there is no {what} `{name}`; the nearest is `{near}`"),
        None => format!("there is no {what} `{name}`"),
    }
}
