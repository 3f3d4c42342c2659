//! The words of the language, and which of them go together.

use super::{Aggregate, GeneratorField, IterationField, Metric, OperationField, Tag};

pub(super) const OPERATION_FIELDS: &[&str] = &[
    "response_us",
    "service_us",
    "lag_us",
    "lookup_us",
    "connect_us",
    "tls_us",
    "write_us",
    "wait_us",
    "body_us",
    "count",
    "errors",
    "successes",
    "bytes_sent",
    "bytes_received",
];
pub(super) const ITERATION_FIELDS: &[&str] =
    &["response_us", "service_us", "lag_us", "due", "started", "finished", "failed", "dropped"];
pub(super) const GENERATOR_FIELDS: &[&str] = &["lag_us", "cpu", "rss"];
/// First words that are no protocol.
pub(super) const NAMESPACES: &[&str] = &["iterations", "checks", "generator", "metrics"];
/// Protocols named in hints; any other lower-case word is accepted.
pub(super) const COMMON_PROTOCOLS: &[&str] = &["http", "sql", "redis", "mongo", "tcp", "udp", "grpc"];
pub(super) const AGGREGATES: &[&str] = &[
    "p95", "p99", "p50", "p90", "p99.9", "median", "mean", "avg", "min", "max", "count", "per_s", "rate",
    "last",
];
pub(super) const OPTIONS: &[&str] = &["over", "abort", "warn", "key", "weight"];

impl OperationField {
    pub(super) fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "service_us" => Self::ServiceUs,
            "response_us" => Self::ResponseUs,
            "lag_us" => Self::LagUs,
            "count" => Self::Count,
            "errors" => Self::Errors,
            "successes" => Self::Successes,
            "bytes_sent" => Self::BytesSent,
            "bytes_received" => Self::BytesReceived,
            _ if OPERATION_FIELDS.contains(&word) => Self::PhaseUs(word.strip_suffix("_us")?.to_owned()),
            _ => return None,
        })
    }

    pub(super) fn word(&self) -> String {
        match self {
            Self::ServiceUs => "service_us",
            Self::ResponseUs => "response_us",
            Self::LagUs => "lag_us",
            Self::PhaseUs(phase) => return format!("{phase}_us"),
            Self::Count => "count",
            Self::Errors => "errors",
            Self::Successes => "successes",
            Self::BytesSent => "bytes_sent",
            Self::BytesReceived => "bytes_received",
        }
        .to_owned()
    }
}

impl IterationField {
    pub(super) fn from_word(word: &str) -> Option<Self> {
        const ALL: [IterationField; 8] = [
            IterationField::ServiceUs,
            IterationField::ResponseUs,
            IterationField::LagUs,
            IterationField::Due,
            IterationField::Started,
            IterationField::Finished,
            IterationField::Failed,
            IterationField::Dropped,
        ];
        ALL.into_iter().find(|field| field.word() == word)
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::ServiceUs => "service_us",
            Self::ResponseUs => "response_us",
            Self::LagUs => "lag_us",
            Self::Due => "due",
            Self::Started => "started",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

impl GeneratorField {
    pub(super) fn from_word(word: &str) -> Option<Self> {
        [Self::LagUs, Self::CpuShare, Self::RssBytes].into_iter().find(|field| field.word() == word)
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::LagUs => "lag_us",
            Self::CpuShare => "cpu",
            Self::RssBytes => "rss",
        }
    }
}

impl Tag {
    pub(super) const ALL: [Self; 7] =
        [Self::Scenario, Self::Operation, Self::Phase, Self::Plugin, Self::Check, Self::Error, Self::Status];

    pub(super) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tag| tag.word() == word)
    }

    /// How it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Scenario => "scenario",
            Self::Operation => "operation",
            Self::Phase => "phase",
            Self::Plugin => "plugin",
            Self::Check => "check",
            Self::Error => "error",
            Self::Status => "status",
        }
    }
}

/// Metrics that take the same aggregates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Microseconds of many operations.
    Times,
    /// How many.
    Counts,
    /// How many, and of how many.
    Shares,
    /// How many bytes.
    Bytes,
    /// Checks.
    Checks,
    /// The generator's CPU time.
    Cpu,
    /// The generator's memory.
    Peak,
    /// A plugin's metric, whose kind is not known here.
    Own,
}

impl Metric {
    pub(super) fn family(&self) -> Family {
        match self {
            Self::Operations { field, .. } => match field {
                OperationField::ServiceUs
                | OperationField::ResponseUs
                | OperationField::LagUs
                | OperationField::PhaseUs(_) => Family::Times,
                OperationField::Count => Family::Counts,
                OperationField::Errors | OperationField::Successes => Family::Shares,
                OperationField::BytesSent | OperationField::BytesReceived => Family::Bytes,
            },
            Self::Iterations(field) => match field {
                IterationField::ServiceUs | IterationField::ResponseUs | IterationField::LagUs => {
                    Family::Times
                }
                IterationField::Due | IterationField::Started => Family::Counts,
                IterationField::Finished | IterationField::Failed | IterationField::Dropped => Family::Shares,
            },
            Self::Checks => Family::Checks,
            Self::Custom(_) => Family::Own,
            Self::Generator(GeneratorField::LagUs) => Family::Times,
            Self::Generator(GeneratorField::CpuShare) => Family::Cpu,
            Self::Generator(GeneratorField::RssBytes) => Family::Peak,
        }
    }

    /// The filters it can take.
    pub(super) fn tags(&self) -> &'static [Tag] {
        match self {
            Self::Operations { field: OperationField::Errors, .. } => {
                &[Tag::Scenario, Tag::Operation, Tag::Phase, Tag::Plugin, Tag::Error]
            }
            Self::Operations { field: OperationField::Count, .. } => {
                &[Tag::Scenario, Tag::Operation, Tag::Phase, Tag::Plugin, Tag::Status]
            }
            Self::Operations { .. } => &[Tag::Scenario, Tag::Operation, Tag::Phase, Tag::Plugin],
            Self::Iterations(_) | Self::Custom(_) => &[Tag::Scenario, Tag::Phase, Tag::Plugin],
            Self::Checks => &[Tag::Check, Tag::Scenario, Tag::Phase, Tag::Plugin],
            Self::Generator(_) => &[],
        }
    }
}

impl Family {
    pub(super) const fn allows(self, aggregate: Aggregate) -> bool {
        use Aggregate::{Count, Last, Max, Mean, Min, PerSecond, Quantile, Rate};
        match self {
            Self::Times => matches!(aggregate, Quantile(_) | Mean | Min | Max),
            Self::Counts | Self::Bytes => matches!(aggregate, Count | PerSecond),
            Self::Shares => matches!(aggregate, Count | PerSecond | Rate),
            Self::Checks => matches!(aggregate, Count | Rate),
            Self::Cpu => matches!(aggregate, Rate),
            Self::Peak => matches!(aggregate, Max),
            Self::Own => {
                matches!(aggregate, Quantile(_) | Mean | Min | Max | Count | PerSecond | Rate | Last)
            }
        }
    }

    pub(super) const fn allowed(self) -> &'static str {
        match self {
            Self::Times => "`p95` or any other percentile, `median`, `mean`, `min`, `max`",
            Self::Counts | Self::Bytes => "`count`, `per_s`",
            Self::Shares => "`count`, `per_s`, `rate`",
            Self::Checks => "`count`, `rate`",
            Self::Cpu => "`rate`",
            Self::Peak => "`max`",
            Self::Own => {
                "`count` or `per_s` of a counter, `last`, `min` or `max` of a gauge, `rate` of a rate, `p95` \
                 or any other percentile, `mean`, `min`, `max` or `count` of a distribution"
            }
        }
    }
}
