//! Which measurements a threshold looks at.

use stresshost_plan::{
    Aggregate, Expression, GeneratorField, IterationField, Metric, OperationField, Tag, TagFilter, Threshold,
};

use super::values::Values;
use crate::scenarios::ScenarioInfo;
use crate::usage::Usage;
use crate::{Block, ErrorKind, IterationStats, MetricKind, Names, OpStats, Window};

/// What there is to look at.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// Blocks that add up to the time in question.
    pub(crate) blocks: &'a [&'a Block],
    pub(crate) names: &'a Names,
    /// What the generator used in that time.
    pub(crate) usage: &'a Usage,
}

/// The choice a threshold makes. Only what was measured, never the warm-up, is chosen.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// By scenario of the plan.
    scenarios: Vec<bool>,
    operations: Vec<TagFilter>,
    checks: Vec<TagFilter>,
    errors: Vec<TagFilter>,
    statuses: Vec<TagFilter>,
    aggregate: Aggregate,
}

fn all_match(filters: &[TagFilter], text: &str) -> bool {
    filters.iter().all(|filter| filter.matches(text))
}

impl Selection {
    /// The choice of `threshold`; of a phase's criterion inside that phase only.
    pub(crate) fn new(
        threshold: &Threshold,
        expression: &Expression,
        phase: Option<&str>,
        scenarios: &[ScenarioInfo],
    ) -> Self {
        let filters = |tag: Tag| -> Vec<TagFilter> {
            expression.tags.iter().filter(|filter| filter.tag == tag).cloned().collect()
        };
        let mut own = vec![(Tag::Phase, &threshold.phase), (Tag::Plugin, &threshold.plugin)];
        own.retain(|(_, pattern)| !pattern.is_empty());
        let own = own.into_iter().map(|(tag, pattern)| TagFilter { tag, pattern: pattern.clone() });
        let wanted: Vec<TagFilter> = own.chain(expression.tags.iter().cloned()).collect();
        let chosen = |scenario: &ScenarioInfo| {
            phase.is_none_or(|phase| scenario.phase == phase)
                && wanted.iter().all(|filter| match filter.tag {
                    Tag::Scenario => filter.matches(&scenario.name),
                    Tag::Phase => filter.matches(&scenario.phase),
                    Tag::Plugin => filter.matches(&scenario.plugin),
                    Tag::Operation | Tag::Check | Tag::Error | Tag::Status => true,
                })
        };
        Self {
            scenarios: scenarios.iter().map(chosen).collect(),
            operations: filters(Tag::Operation),
            checks: filters(Tag::Check),
            errors: filters(Tag::Error),
            statuses: filters(Tag::Status),
            aggregate: expression.aggregate,
        }
    }

    /// Whether a scenario is looked at.
    pub(crate) fn has(&self, scenario: usize) -> bool {
        self.scenarios.get(scenario).copied().unwrap_or(false)
    }

    /// Whether some scenarios are left out.
    pub(crate) fn is_part(&self) -> bool {
        self.scenarios.contains(&false)
    }

    /// What `source` holds of `metric`. `None` for a custom metric that has no value and whose kind is not known.
    pub(crate) fn values(&self, metric: &Metric, source: Source<'_>) -> Option<Values> {
        Some(match metric {
            Metric::Operations { protocol, field } => self.operations(protocol.as_deref(), field, source),
            Metric::Iterations(field) => self.iterations(*field, source),
            Metric::Checks => self.checks(source),
            Metric::Custom(name) => return self.custom(name, source),
            Metric::Generator(GeneratorField::LagUs) => {
                Values::spread(source.blocks.iter().map(|block| &block.own_lag_us))
            }
            Metric::Generator(GeneratorField::CpuShare | GeneratorField::RssBytes) => {
                Values::Usage(source.usage.clone())
            }
        })
    }

    fn ops<'a>(
        &self,
        protocol: Option<&str>,
        source: Source<'a>,
    ) -> impl Iterator<Item = &'a OpStats> + use<'a> {
        let wanted = |op: &crate::OpName| {
            protocol.is_none_or(|protocol| op.protocol == protocol) && all_match(&self.operations, &op.name)
        };
        let wanted: Vec<bool> = source.names.ops().iter().map(wanted).collect();
        let scenarios = self.scenarios.clone();
        let ops = source.blocks.iter().flat_map(|block| block.ops(Window::Measured));
        ops.filter(move |(op, scenario, _)| {
            let is = |list: &[bool], index: usize| list.get(index).copied().unwrap_or(false);
            is(&wanted, op.0 as usize) && is(&scenarios, usize::from(*scenario))
        })
        .map(|(_, _, stats)| stats)
    }

    fn operations(&self, protocol: Option<&str>, field: &OperationField, source: Source<'_>) -> Values {
        let ops = self.ops(protocol, source);
        match field {
            OperationField::ServiceUs => Values::spread(ops.map(|op| &op.service_us)),
            OperationField::ResponseUs => Values::spread(ops.map(|op| &op.response_us)),
            OperationField::LagUs => Values::spread(ops.map(|op| &op.lag_us)),
            OperationField::PhaseUs(name) => Values::spread(ops.filter_map(|op| {
                op.phases.all().into_iter().find(|(phase, _)| phase == name).map(|(_, values)| values)
            })),
            // A rate of operations is the rate at which they are sent; how fast they end is what is measured.
            OperationField::Count if self.aggregate == Aggregate::PerSecond && self.statuses.is_empty() => {
                share(ops.map(|op| (op.fired, op.fired)))
            }
            OperationField::Count => share(ops.map(|op| (self.with_status(op), op.done))),
            OperationField::Errors => share(ops.map(|op| (self.with_error(op), op.done))),
            OperationField::Successes => share(ops.map(|op| (op.done.saturating_sub(op.failed()), op.done))),
            OperationField::BytesSent => share_of(ops.map(|op| (op.bytes_sent, op.done))),
            OperationField::BytesReceived => share_of(ops.map(|op| (op.bytes_received, op.done))),
        }
    }

    fn with_error(&self, op: &OpStats) -> u64 {
        let named = ErrorKind::ALL.iter().zip(&op.errors);
        named.filter(|(kind, _)| all_match(&self.errors, kind.name())).map(|(_, count)| count).sum()
    }

    fn with_status(&self, op: &OpStats) -> u64 {
        if self.statuses.is_empty() {
            return op.done;
        }
        let wanted = |status: u16| all_match(&self.statuses, &crate::block::status_name(status));
        op.statuses.iter().filter(|(status, _)| wanted(*status)).map(|(_, count)| count).sum()
    }

    fn iterations(&self, field: IterationField, source: Source<'_>) -> Values {
        let stats = source.blocks.iter().flat_map(|block| {
            let chosen = (0..block.scenarios()).filter(|scenario| self.has(*scenario));
            chosen.filter_map(|scenario| block.iterations(scenario, Window::Measured))
        });
        let counted = |pick: fn(&IterationStats) -> (u64, u64)| share(stats.clone().map(pick));
        match field {
            IterationField::ServiceUs => Values::spread(stats.map(|stats| &stats.service_us)),
            IterationField::ResponseUs => Values::spread(stats.map(|stats| &stats.response_us)),
            IterationField::LagUs => Values::spread(stats.map(|stats| &stats.lag_us)),
            IterationField::Due => counted(|stats| (stats.counts.due, stats.counts.due)),
            IterationField::Started => counted(|stats| (stats.counts.started, stats.counts.due)),
            IterationField::Finished => counted(|stats| (stats.counts.finished, stats.counts.ended())),
            IterationField::Failed => {
                counted(|stats| (stats.counts.ended() - stats.counts.finished, stats.counts.ended()))
            }
            IterationField::Dropped => counted(|stats| (stats.counts.dropped, stats.counts.due)),
        }
    }

    fn checks(&self, source: Source<'_>) -> Values {
        let names = source.names.checks();
        let wanted = |check: crate::CheckId, scenario: u16| {
            let name = names.get(check.0 as usize);
            self.has(usize::from(scenario)) && name.is_some_and(|name| all_match(&self.checks, name))
        };
        let counts = source.blocks.iter().flat_map(|block| block.checks());
        let counts = counts.filter(|(check, scenario, _)| wanted(*check, *scenario));
        let is_share = self.aggregate == Aggregate::Rate;
        // How many checks there are is how many were made; their rate is the share that held.
        share(counts.map(|(_, _, (passed, failed))| {
            let made = passed + failed;
            (if is_share { passed } else { made }, made)
        }))
    }

    fn custom(&self, name: &str, source: Source<'_>) -> Option<Values> {
        let known = source.names.metrics().zip(0_u32..).find(|((known, _, _), _)| *known == name);
        let ((_, kind, _), id) = known?;
        let started = self.iterations(IterationField::Started, source);
        let occasions = match started {
            Values::Share { hits, .. } => hits,
            _ => 0,
        };
        let values = source.blocks.iter().flat_map(|block| block.metrics());
        let values =
            values.filter(|(metric, scenario, _)| metric.0 == id && self.has(usize::from(*scenario)));
        let mut merged: Option<crate::MetricValue> = None;
        for (_, _, value) in values {
            match &mut merged {
                None => merged = Some(value.clone()),
                Some(merged) => merged.absorb(value),
            }
        }
        match merged {
            Some(value) => Some(Values::of_metric(&value, occasions)),
            // What was never incremented is 0 as soon as there was an occasion.
            None if kind == MetricKind::Counter => Some(Values::Sum { sum: 0.0, of: occasions }),
            None => None,
        }
    }
}

fn share(counts: impl Iterator<Item = (u64, u64)>) -> Values {
    let (hits, of) = counts.fold((0_u64, 0_u64), |sum, (hits, of)| (sum.0 + hits, sum.1 + of));
    Values::Share { hits, of }
}

/// Amounts that are no part of what they are counted among.
fn share_of(amounts: impl Iterator<Item = (u64, u64)>) -> Values {
    let (sum, of) =
        amounts.fold((0_u64, 0_u64), |sum, (amount, of)| (sum.0.saturating_add(amount), sum.1 + of));
    Values::Sum { sum: sum as f64, of }
}
