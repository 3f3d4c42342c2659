//! A threshold's result in words.

use stresshost_plan::{Aggregate, Expression, GeneratorField, IterationField, Metric, OperationField};

use crate::ThresholdResult;

/// The unit of a threshold's value and limit, as documents name it.
pub(super) fn unit(expression: &Expression) -> &'static str {
    if expression.aggregate == Aggregate::Rate {
        return "ratio";
    }
    let per_second = expression.aggregate == Aggregate::PerSecond;
    match &expression.metric {
        Metric::Operations { field, .. } => match field {
            OperationField::ServiceUs
            | OperationField::ResponseUs
            | OperationField::LagUs
            | OperationField::PhaseUs(_) => "us",
            OperationField::BytesSent | OperationField::BytesReceived if per_second => "bytes_per_s",
            OperationField::BytesSent | OperationField::BytesReceived => "bytes",
            _ if per_second => "per_s",
            OperationField::Count | OperationField::Errors | OperationField::Successes => "",
        },
        Metric::Iterations(
            IterationField::ServiceUs | IterationField::ResponseUs | IterationField::LagUs,
        )
        | Metric::Generator(GeneratorField::LagUs) => "us",
        Metric::Generator(GeneratorField::RssBytes) => "bytes",
        _ if per_second => "per_s",
        Metric::Iterations(_)
        | Metric::Checks
        | Metric::Custom(_)
        | Metric::Generator(GeneratorField::CpuShare) => "",
    }
}

impl ThresholdResult {
    /// What was measured, as text in the form in which the limit is written, such as `287.3ms`; `None` without data.
    pub fn actual_text(&self) -> Option<String> {
        self.actual.map(|actual| self.value_text(actual))
    }

    /// The limit as text, such as `300ms`.
    pub fn limit_text(&self) -> String {
        match Expression::parse(&self.expression) {
            Ok(expression) => expression.format_limit(),
            Err(_) => self.value_text(self.limit),
        }
    }

    fn value_text(&self, value: f64) -> String {
        match Expression::parse(&self.expression) {
            Ok(expression) => expression.format_value(value),
            // A summary of another version may hold thresholds this one cannot read.
            Err(_) if self.unit.is_empty() => value.to_string(),
            Err(_) => format!("{value} {}", self.unit),
        }
    }

    /// The threshold and what was measured in one line, such as `` `http.response_us.p95 < 300ms`: 412ms ``.
    pub fn line(&self) -> String {
        let mut line = if self.label.is_empty() {
            format!("`{}`", self.expression)
        } else {
            format!("{} (`{}`)", self.label, self.expression)
        };
        for (what, name) in [("phase", &self.phase), ("plugin", &self.plugin)] {
            if !name.is_empty() {
                line.push_str(&format!(" of {what} `{name}`"));
            }
        }
        match self.actual_text() {
            Some(actual) => line.push_str(&format!(": {actual}")),
            None => line.push_str(&format!(": {}", self.reason)),
        }
        if let Some(t_s) = self.worst_t_s {
            line.push_str(&format!(" in the window that ended at {t_s:.0}s"));
        }
        line
    }
}
