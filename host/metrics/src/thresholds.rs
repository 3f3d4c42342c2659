//! Thresholds: what must hold, judged while the run goes on and at its end.

mod reason;
mod select;
#[cfg(test)]
mod tests;
mod text;
mod values;
mod window;

use stresshost_plan::{Expression, Metric, Problem, Threshold};

use crate::scenarios::{ScenarioInfo, Spans};
use crate::{ThresholdResult, VerdictStatus, Window};

use select::Selection;
pub(crate) use select::Source;
use values::{Reading, Values};
use window::Sliding;

/// An instant of a run and everything known at it.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'a> {
    /// What was measured since the load began.
    pub(crate) source: Source<'a>,
    pub(crate) spans: &'a Spans,
    pub(crate) start_ns: u64,
    pub(crate) now_ns: u64,
}

/// A threshold and what it has seen.
#[derive(Debug)]
pub(crate) struct Rule {
    threshold: Threshold,
    expression: Expression,
    selection: Selection,
    sliding: Option<Sliding>,
    /// The generator's numbers while the chosen scenarios were under way: they do not say which scenario they are of,
    /// so a threshold on a part of the run gathers them tick by tick.
    gathered: Option<Values>,
    /// The failure that ended the run: what is measured while it drains must not undo it.
    ended_run: Option<ThresholdResult>,
}

impl Rule {
    /// Every threshold of a list, or what is wrong with them. `path` is where the list is; `phase` is the one it belongs
    /// to, of a phase's criteria.
    pub(crate) fn all(
        thresholds: &[Threshold],
        path: &str,
        phase: Option<&str>,
        scenarios: &[ScenarioInfo],
    ) -> Result<Vec<Self>, Vec<Problem>> {
        let (mut rules, mut problems) = (Vec::new(), Vec::new());
        for (index, threshold) in thresholds.iter().enumerate() {
            match Expression::parse(&threshold.expression) {
                Ok(expression) => rules.push(Self::new(threshold, expression, phase, scenarios)),
                Err(error) => {
                    problems.push(Problem::new(format!("{path}/{index}/expression"), error.to_string()));
                }
            }
        }
        if problems.is_empty() { Ok(rules) } else { Err(problems) }
    }

    fn new(
        threshold: &Threshold,
        expression: Expression,
        phase: Option<&str>,
        scenarios: &[ScenarioInfo],
    ) -> Self {
        let selection = Selection::new(threshold, &expression, phase, scenarios);
        let sliding = expression.window_ms.map(|window_ms| Sliding::new(&expression, window_ms));
        Self { threshold: threshold.clone(), expression, selection, sliding, gathered: None, ended_run: None }
    }

    fn gathers(&self) -> bool {
        matches!(self.expression.metric, Metric::Generator(_)) && self.selection.is_part()
    }

    /// Takes an interval, of thresholds that cannot be judged from sums over the whole run.
    pub(crate) fn advance(&mut self, interval: Source<'_>, spans: &Spans, from_ns: u64, to_ns: u64) {
        let gathers = self.gathers();
        if self.ended_run.is_some() || (self.sliding.is_none() && !gathers) {
            return;
        }
        let covered = spans.covered(|scenario| self.selection.has(scenario), from_ns, to_ns);
        let values = self.selection.values(&self.expression.metric, interval);
        match (&mut self.sliding, covered) {
            (Some(sliding), Some((from_ns, to_ns))) => sliding.push(from_ns, to_ns, values.as_ref()),
            (Some(sliding), None) => sliding.tail(values.as_ref()),
            (None, Some(_)) => match (&mut self.gathered, values) {
                (Some(gathered), Some(values)) => gathered.absorb(&values),
                (gathered, values) => *gathered = values,
            },
            (None, None) => {}
        }
    }

    /// Why the run must end now, if it must; told once. Time before it may is counted from `since_ns`.
    pub(crate) fn abort(&mut self, now: Moment<'_>, since_ns: u64) -> Option<String> {
        let after_ns = self.expression.abort_after_ms?.saturating_mul(1_000_000);
        if self.ended_run.is_some() || self.expression.warn || now.now_ns.saturating_sub(since_ns) < after_ns
        {
            return None;
        }
        let mut result = self.judge(now);
        if result.status != VerdictStatus::Fail {
            return None;
        }
        result.aborted = true;
        let actual = result.actual.map(|actual| self.expression.format_value(actual)).unwrap_or_default();
        let limit = self.expression.format_limit();
        let reason = format!(
            "threshold `{}`: {} is {actual}, limit {limit}",
            self.threshold.expression, self.expression.aggregate
        );
        self.ended_run = Some(result);
        Some(reason)
    }

    /// The threshold, judged over everything up to now.
    pub(crate) fn judge(&self, now: Moment<'_>) -> ThresholdResult {
        if let Some(result) = &self.ended_run {
            return result.clone();
        }
        let mut result = self.unjudged();
        let read = match &self.sliding {
            Some(sliding) => {
                let worst = sliding.worst();
                result.worst_t_s = worst.map(|worst| worst.end_ns.saturating_sub(now.start_ns) as f64 / 1e9);
                Reading { value: worst.map(|worst| worst.value), samples: sliding.samples() }
            }
            None => self.whole(now),
        };
        result.samples = read.samples;
        match read.value.filter(|_| read.samples > 0) {
            Some(value) => {
                let holds = self.expression.comparison.holds(value, self.expression.limit);
                result.actual = Some(value);
                result.status = if holds { VerdictStatus::Pass } else { VerdictStatus::Fail };
            }
            None => {
                result.worst_t_s = None;
                result.reason = self.why_no_answer(now, read.samples);
            }
        }
        result
    }

    fn whole(&self, now: Moment<'_>) -> Reading {
        let values = match self.gathers() {
            true => self.gathered.clone(),
            false => self.selection.values(&self.expression.metric, now.source),
        };
        let seconds =
            now.spans.seconds(|scenario| self.selection.has(scenario), Window::Measured, now.now_ns);
        values.map_or(Reading { value: None, samples: 0 }, |values| {
            values.reading(self.expression.aggregate, seconds)
        })
    }

    fn unjudged(&self) -> ThresholdResult {
        let Threshold { expression, label, phase, plugin } = self.threshold.clone();
        ThresholdResult {
            expression,
            label,
            phase,
            plugin,
            actual: None,
            comparison: self.expression.comparison.symbol().to_owned(),
            limit: self.expression.limit,
            unit: text::unit(&self.expression).to_owned(),
            status: VerdictStatus::Inconclusive,
            samples: 0,
            warn: self.expression.warn,
            key: self.expression.key,
            weight: self.expression.weight,
            worst_t_s: None,
            aborted: false,
            reason: String::new(),
        }
    }
}
