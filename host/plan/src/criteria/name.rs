//! What the name of a criterion looks at.

use super::limit::{Measure, TimeUnit};
use crate::{Problem, nearest};

/// A name that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named<'a> {
    /// The plugin it is about.
    pub(super) plugin: Option<&'a str>,
    /// What a threshold would look at, such as `sql.response_us.p95`.
    pub(super) subject: String,
    /// What its values are.
    pub(super) measure: Measure,
}

/// What a name is about before it says which number of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// Operations of every protocol.
    Operations,
    /// Operations of one protocol.
    Protocol(&'static str),
    /// Iterations.
    Iterations,
}

/// Words that may precede a name.
const PREFIXES: &[(&str, About)] = &[
    ("overall", About::Operations),
    ("system", About::Operations),
    ("total", About::Operations),
    ("request", About::Operations),
    ("operation", About::Operations),
    ("api", About::Protocol("http")),
    ("http", About::Protocol("http")),
    ("page", About::Protocol("http")),
    ("endpoint", About::Protocol("http")),
    ("database", About::Protocol("sql")),
    ("db", About::Protocol("sql")),
    ("sql", About::Protocol("sql")),
    ("query", About::Protocol("sql")),
    ("redis", About::Protocol("redis")),
    ("cache", About::Protocol("redis")),
    ("mongo", About::Protocol("mongo")),
    ("mongodb", About::Protocol("mongo")),
    ("tcp", About::Protocol("tcp")),
    ("udp", About::Protocol("udp")),
    ("grpc", About::Protocol("grpc")),
    ("iteration", About::Iterations),
    ("workflow", About::Iterations),
    ("journey", About::Iterations),
];

/// Names as hints show them. Every one of them has a meaning.
pub(super) const KNOWN: &[&str] = &[
    "p95_response_time",
    "p99_response_time",
    "average_response_time",
    "response_time",
    "median_response_time",
    "max_response_time",
    "success_rate",
    "error_rate",
    "errors",
    "availability",
    "completion_rate",
    "check_rate",
    "throughput_rps",
];

/// Words for response times, with the field they mean.
const TIMES: &[(&str, &str)] = &[
    ("response_time", "response_us"),
    ("response_times", "response_us"),
    ("latency", "response_us"),
    ("service_time", "service_us"),
];

impl<'a> Named<'a> {
    /// The meaning of `name`, if it has one.
    pub(super) fn find(name: &str, apps: &[&'a str]) -> Option<Self> {
        let name = normal(name);
        let mut rest = name.as_str();
        let mut plugin = None;
        // Of two plugins whose names begin alike, the longer name is meant.
        let mut by_length: Vec<&'a str> = apps.to_vec();
        by_length.sort_by_key(|app| std::cmp::Reverse(app.len()));
        for app in by_length {
            if let Some(after) = after_word(rest, &normal(app)) {
                (plugin, rest) = (Some(app), after);
                break;
            }
        }
        let mut about = About::Operations;
        loop {
            if let Some((subject, measure)) = number_of(about, rest) {
                return Some(Self { plugin, subject, measure });
            }
            let (prefix, after) =
                PREFIXES.iter().find_map(|(word, about)| Some((*about, after_word(rest, word)?)))?;
            if prefix != About::Operations {
                about = prefix;
            }
            rest = after;
        }
    }
}

/// A problem about a name without a meaning, with the nearest that has one.
pub(super) fn unknown(name: &str, apps: &[&str]) -> Problem {
    let normal = normal(name);
    let plain = apps.iter().find_map(|app| after_word(&normal, &self::normal(app))).unwrap_or(&normal);
    let hint = match nearest(plain, KNOWN.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "known are {}; a plugin's own metric is written `metrics.NAME.last: \">5\"`",
            KNOWN.join(", ")
        ),
    };
    Problem::new("", format!("nothing measures `{name}`")).hint(hint)
}

fn normal(name: &str) -> String {
    name.trim().to_lowercase().replace(['-', ' '], "_")
}

/// What follows `word` and an underscore.
fn after_word<'n>(name: &'n str, word: &str) -> Option<&'n str> {
    name.strip_prefix(word)?.strip_prefix('_')
}

/// Subject and measure of a name without prefixes.
fn number_of(about: About, name: &str) -> Option<(String, Measure)> {
    let operations = |field: &str| match about {
        About::Protocol(protocol) => format!("{protocol}.{field}"),
        _ => field.to_owned(),
    };
    let is_iterations = about == About::Iterations;
    Some(match name {
        "success_rate" | "success_ratio" | "availability" | "uptime" if !is_iterations => {
            (operations("successes.rate"), Measure::Share { is_good: true })
        }
        "completion_rate" if matches!(about, About::Protocol(_)) => return None,
        "success_rate" | "success_ratio" | "completion_rate" => {
            ("iterations.finished.rate".to_owned(), Measure::Share { is_good: true })
        }
        "error_rate" | "failure_rate" | "error_ratio" if is_iterations => {
            ("iterations.failed.rate".to_owned(), Measure::Share { is_good: false })
        }
        "error_rate" | "failure_rate" | "error_ratio" => {
            (operations("errors.rate"), Measure::Share { is_good: false })
        }
        "errors" | "error_count" | "failures" if is_iterations => {
            ("iterations.failed.count".to_owned(), Measure::Errors)
        }
        "errors" | "error_count" | "failures" => (operations("errors.count"), Measure::Errors),
        "check_rate" | "checks" | "check_success_rate" if about == About::Operations => {
            ("checks.rate".to_owned(), Measure::Share { is_good: true })
        }
        "throughput"
        | "throughput_rps"
        | "throughput_tps"
        | "throughput_qps"
        | "rps"
        | "tps"
        | "qps"
        | "requests_per_second"
        | "operations_per_second"
        | "queries_per_second"
        | "request_rate"
        | "queries_rate" => {
            let subject = if is_iterations {
                "iterations.finished.per_s".to_owned()
            } else {
                operations("count.per_s")
            };
            (subject, Measure::Throughput)
        }
        _ => {
            let (field, aggregate, unit) = time_of(name)?;
            let field = if is_iterations { format!("iterations.{field}") } else { operations(field) };
            (format!("{field}.{aggregate}"), Measure::Time(unit))
        }
    })
}

/// Field, aggregate and unit of plain numbers of a name such as `p95_response_time_ms`.
fn time_of(name: &str) -> Option<(&'static str, String, TimeUnit)> {
    const UNITS: [(&str, TimeUnit); 6] = [
        ("_ms", TimeUnit::Milliseconds),
        ("_milliseconds", TimeUnit::Milliseconds),
        ("_us", TimeUnit::Microseconds),
        ("_microseconds", TimeUnit::Microseconds),
        ("_seconds", TimeUnit::Seconds),
        ("_s", TimeUnit::Seconds),
    ];
    let unit = UNITS.into_iter().find_map(|(suffix, unit)| Some((name.strip_suffix(suffix)?, unit)));
    let (name, unit) = unit.unwrap_or((name, TimeUnit::Milliseconds));
    for (word, field) in TIMES {
        let aggregate = if name == *word {
            Some("mean".to_owned())
        } else if let Some(before) = name.strip_suffix(word) {
            before.strip_suffix('_').and_then(aggregate_of)
        } else {
            after_word(name, word).and_then(aggregate_of)
        };
        if let Some(aggregate) = aggregate {
            return Some((field, aggregate, unit));
        }
    }
    percentile_of(name).map(|aggregate| ("response_us", aggregate, unit))
}

fn aggregate_of(word: &str) -> Option<String> {
    Some(match word {
        "average" | "avg" | "mean" => "mean".to_owned(),
        "median" => "p50".to_owned(),
        "min" | "minimum" => "min".to_owned(),
        "max" | "maximum" => "max".to_owned(),
        _ => return percentile_of(word),
    })
}

/// `p95`, `p99_9` and `p99.9`.
fn percentile_of(word: &str) -> Option<String> {
    let digits = word.strip_prefix('p')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = match digits.split_once(['_', '.']) {
        None if is_number(digits) => format!("p{digits}"),
        Some((whole, fraction)) if is_number(whole) && is_number(fraction) => format!("p{whole}.{fraction}"),
        _ => return None,
    };
    Some(text)
}
