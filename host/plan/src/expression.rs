//! The threshold language: `http.response_us{scenario=checkout}.p95 < 300ms over 30s, abort after 10s`.

mod display;
mod error;
mod options;
mod parse;
mod quantity;
mod subject;
#[cfg(test)]
mod tests;
mod words;

pub use error::{ExpressionError, ExpressionFault};

/// A threshold, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// What is looked at.
    pub metric: Metric,
    /// Which part of it; every filter must match.
    pub tags: Vec<TagFilter>,
    /// How its values become one.
    pub aggregate: Aggregate,
    /// How that is held against the limit.
    pub comparison: Comparison,
    /// The limit, in the unit of the metric: microseconds, a ratio from 0 to 1, per second, bytes, or a plain number.
    pub limit: f64,
    /// Length of the sliding window in milliseconds; absent: the whole run.
    pub window_ms: Option<u64>,
    /// Whether a failure ends the run, and from how many milliseconds after the load's beginning on.
    pub abort_after_ms: Option<u64>,
    /// Whether a failure is only a warning.
    pub warn: bool,
    /// Its share in the score.
    pub weight: f64,
    /// Whether its failure fails the run whatever the score.
    pub key: bool,
}

/// What a threshold looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Operations: of one protocol, such as `http`, or of every protocol.
    Operations {
        /// The protocol; absent: all.
        protocol: Option<String>,
        /// Which of their numbers.
        field: OperationField,
    },
    /// Iterations.
    Iterations(IterationField),
    /// Checks: `rate` is the share that held.
    Checks,
    /// A metric of the plugin's own.
    Custom(String),
    /// The generator itself.
    Generator(GeneratorField),
}

/// A number of operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationField {
    /// Service time in microseconds.
    ServiceUs,
    /// Response time in microseconds.
    ResponseUs,
    /// Schedule lag in microseconds.
    LagUs,
    /// A phase's time in microseconds, by its name: `lookup`, `connect`, `tls`, `write`, `wait`, `body`.
    PhaseUs(String),
    /// Operations that ended; `rate_per_s` counts those sent.
    Count,
    /// Operations that failed; `rate` is their share of those that ended.
    Errors,
    /// Operations that succeeded; `rate` is their share of those that ended.
    Successes,
    /// Bytes sent.
    BytesSent,
    /// Bytes received.
    BytesReceived,
}

/// A number of iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IterationField {
    /// Duration from the start in microseconds.
    ServiceUs,
    /// Duration from the intended start in microseconds.
    ResponseUs,
    /// Lateness of the start in microseconds.
    LagUs,
    /// Due.
    Due,
    /// Started.
    Started,
    /// Ended well; `rate` is their share of those that ended.
    Finished,
    /// Ended badly: failed, interrupted or faulted; `rate` is their share of those that ended.
    Failed,
    /// Dropped; `rate` is their share of those due.
    Dropped,
}

/// A number of the generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeneratorField {
    /// Lateness of starts that only the generator itself is to blame for, in microseconds.
    LagUs,
    /// CPU time of its busiest core, as a share of the wall time.
    CpuShare,
    /// Peak resident memory in bytes.
    RssBytes,
}

/// How values become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregate {
    /// The value below which this share lies, from 0 to 1.
    Quantile(f64),
    /// Arithmetic mean.
    Mean,
    /// Least.
    Min,
    /// Greatest.
    Max,
    /// How many, or a counter's sum.
    Count,
    /// How many each second.
    PerSecond,
    /// A share from 0 to 1.
    Rate,
    /// A gauge's last value.
    Last,
}

/// How a value is held against a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Comparison {
    /// How it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }

    /// Whether `value` meets the limit.
    #[expect(clippy::float_cmp, reason = "a person who writes == means it; counts are whole")]
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Less => value < limit,
            Self::AtMost => value <= limit,
            Self::More => value > limit,
            Self::AtLeast => value >= limit,
            Self::Equal => value == limit,
            Self::NotEqual => value != limit,
        }
    }
}

/// One condition on a part of a metric, such as `scenario=checkout`; `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFilter {
    /// Which tag.
    pub tag: Tag,
    /// What it must match.
    pub pattern: String,
}

impl TagFilter {
    /// Whether `value` fits the pattern. Allocates nothing.
    pub fn matches(&self, value: &str) -> bool {
        let mut parts = self.pattern.split('*');
        let first = parts.next().unwrap_or("");
        let Some(mut rest) = value.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        // Between the first and the last part the leftmost place of each is as good as any other.
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

/// What can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Name of the scenario.
    Scenario,
    /// Name of the operation.
    Operation,
    /// Name of the phase.
    Phase,
    /// Name of the plugin.
    Plugin,
    /// Name of the check.
    Check,
    /// Kind of the error, such as `timeout`; of `errors` only.
    Error,
    /// Protocol status, such as `503`; of `count` only.
    Status,
}
