//! The plan: everything the engine needs to know before the load begins.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::units::format_duration_ms;

/// Schema id of [`Plan`].
pub const PLAN_SCHEMA: &str = "stresshost.plan/1";

/// What a run will do. Made by a plugin, checked by the host, printed by `stresshost plan`.
///
/// The document grows by adding fields. A field that an older host must not ignore is named in `requires`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Always `stresshost.plan/1`.
    pub schema: String,
    /// Features without which the plan would mean something else; a host that lacks one refuses the plan.
    #[serde(default)]
    pub requires: Vec<String>,
    /// What reports call the run.
    pub name: String,
    /// What is loaded, as `scheme://host:port`.
    #[serde(default)]
    pub targets: Vec<String>,
    /// The load.
    pub scenarios: Vec<Scenario>,
    /// Length of the warm-up in milliseconds: what starts in it is reported apart and not judged.
    #[serde(default)]
    pub warmup_ms: u64,
    /// How long iterations in flight may go on after the load has ended, in milliseconds.
    #[serde(default = "default_graceful_stop_ms")]
    pub graceful_stop_ms: u64,
    /// Defaults of HTTP requests.
    #[serde(default)]
    pub http: HttpOptions,
    /// Data shared by virtual users.
    #[serde(default)]
    pub feeds: Vec<Feed>,
    /// What was inferred or defaulted, for the person who reads the plan.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The plugin's own settings, handed to `setup`; nothing to the host.
    #[serde(default)]
    pub workload: Value,
}

const fn default_graceful_stop_ms() -> u64 {
    30_000
}

/// One stream of iterations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scenario {
    /// Name, unique within the plan.
    pub name: String,
    /// When it begins, in milliseconds after the load does.
    #[serde(default)]
    pub start_ms: u64,
    /// The shape of its load.
    pub executor: Executor,
}

/// The shape of a scenario's load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Executor {
    /// Closed model: each virtual user starts its next iteration when the last one has ended.
    ConstantVus(ConstantVus),
    /// Open model: iterations start on a schedule, whatever the target does.
    ConstantArrivalRate(ConstantArrivalRate),
}

/// A fixed number of virtual users, each iterating as fast as it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConstantVus {
    /// Number of virtual users.
    pub vus: u64,
    /// Length in milliseconds, ramp included.
    pub duration_ms: u64,
    /// Virtual users start evenly over this many milliseconds.
    #[serde(default)]
    pub ramp_up_ms: u64,
}

/// A fixed number of iterations per second.
///
/// An iteration that finds no virtual user free waits for one; the wait is lag, part of its response time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConstantArrivalRate {
    /// Iterations per second.
    pub rate_per_s: f64,
    /// Length in milliseconds, ramp included.
    pub duration_ms: u64,
    /// The rate grows from 0 in a straight line over this many milliseconds.
    #[serde(default)]
    pub ramp_up_ms: u64,
    /// Virtual users that share the work: the most iterations in flight.
    pub vus: u64,
}

impl Executor {
    /// Virtual users it needs.
    pub const fn vus(&self) -> u64 {
        match self {
            Self::ConstantVus(config) => config.vus,
            Self::ConstantArrivalRate(config) => config.vus,
        }
    }

    /// Its length in milliseconds.
    pub const fn duration_ms(&self) -> u64 {
        match self {
            Self::ConstantVus(config) => config.duration_ms,
            Self::ConstantArrivalRate(config) => config.duration_ms,
        }
    }

    /// The load in one line, such as `50 virtual users for 10s`.
    pub fn describe(&self) -> String {
        let ramp =
            |ms: u64| if ms > 0 { format!(", ramp-up {}", format_duration_ms(ms)) } else { String::new() };
        match self {
            Self::ConstantVus(c) => {
                let users = if c.vus == 1 { "virtual user" } else { "virtual users" };
                format!("{} {users} for {}{}", c.vus, format_duration_ms(c.duration_ms), ramp(c.ramp_up_ms))
            }
            Self::ConstantArrivalRate(c) => {
                let (duration, ramp) = (format_duration_ms(c.duration_ms), ramp(c.ramp_up_ms));
                format!("{}/s for {duration}{ramp}, up to {} at once", c.rate_per_s, c.vus)
            }
        }
    }
}

/// Defaults of HTTP requests; an option of a request overrides them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HttpOptions {
    /// Limit for making a connection, in milliseconds.
    pub connect_timeout_ms: Option<u64>,
    /// Limit for a whole request, in milliseconds.
    pub request_timeout_ms: Option<u64>,
    /// Whether connections are kept between requests.
    pub keep_alive: Option<bool>,
    /// `auto` (by ALPN), `1` or `2` (for `http://` URLs: HTTP/2 with prior knowledge).
    pub version: Option<String>,
    /// Largest part of a response body kept for reading, in bytes.
    pub max_body_kept_bytes: Option<u64>,
    /// Largest response accepted, in bytes.
    pub max_response_bytes: Option<u64>,
}

/// Rows shared by virtual users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Feed {
    /// Name for `data.open`.
    pub name: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows, each with one value a column.
    pub rows: Vec<Vec<String>>,
    /// How rows are dealt out.
    pub order: FeedOrder,
}

/// How a feed's rows are dealt out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FeedOrder {
    /// In order, over and over.
    Sequential,
    /// In an order shuffled by the seed, over and over.
    Shuffle,
    /// Any row each time, from the virtual user's random stream.
    Random,
    /// In order, each row once; then the feed is used up.
    Unique,
}

impl Plan {
    /// Virtual users of all scenarios together.
    pub fn vus(&self) -> u64 {
        self.scenarios.iter().map(|scenario| scenario.executor.vus()).fold(0, u64::saturating_add)
    }

    /// When the last scenario ends, in milliseconds after the load begins; the grace period is not included.
    pub fn duration_ms(&self) -> u64 {
        let end = |scenario: &Scenario| scenario.start_ms.saturating_add(scenario.executor.duration_ms());
        self.scenarios.iter().map(end).max().unwrap_or(0)
    }
}
