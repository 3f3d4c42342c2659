//! The plan: everything the engine needs to know before the load begins.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Executor, MetricDeclaration, Part, Phase, RateLimit, Threshold};

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
    /// Loads that several scenarios share.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mixes: Vec<Mix>,
    /// Parts of the run that depend on each other; empty: the whole run is one phase.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// What must hold for the run to pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<Threshold>,
    /// Share of the thresholds' weights that must hold, from 0 to 1. Absent: every threshold must; present: those that
    /// are not marked `key` may fail as long as the share is met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_share: Option<f64>,
    /// Rate limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<RateLimit>,
    /// Custom metrics the plugin will record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricDeclaration>,
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
    /// The plugins of a plan that several share, the planning one first; empty when there is only that one. Set by the
    /// host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
}

const fn default_graceful_stop_ms() -> u64 {
    30_000
}

/// One stream of iterations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Scenario {
    /// Name, unique within its phase and part.
    pub name: String,
    /// The phase it belongs to; empty when the plan has no phases.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phase: String,
    /// When it begins, in milliseconds after its phase does.
    #[serde(default)]
    pub start_ms: u64,
    /// The shape of its load.
    pub executor: Executor,
    /// What a virtual user does between two iterations; closed models only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// Index of its plugin in [`Plan::parts`]; 0 when there are none. Set by the host.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub part: u16,
    /// Index of the scenario in the plan its own plugin made: what that plugin's `iterate` is told. Set by the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_index: Option<u32>,
}

const fn is_zero(part: &u16) -> bool {
    *part == 0
}

impl Scenario {
    /// A scenario that begins at once and does not pause.
    pub fn new(name: impl Into<String>, executor: Executor) -> Self {
        Self {
            name: name.into(),
            phase: String::new(),
            start_ms: 0,
            executor,
            pause: None,
            part: 0,
            own_index: None,
        }
    }
}

/// What a virtual user of a closed model does between two iterations. It holds no stack while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Pause {
    /// It thinks after each iteration, for a time chosen evenly between two bounds by the run's seed.
    ThinkTime {
        /// Least time in milliseconds.
        min_ms: u64,
        /// Greatest time in milliseconds.
        max_ms: u64,
    },
    /// It begins an iteration each interval; one that lasts longer is followed at once and the next is late.
    Pacing {
        /// From one intended start to the next, in milliseconds.
        interval_ms: u64,
    },
}

/// A load shared by several scenarios: each has an executor of type `mix-share` that names the mix and a weight.
///
/// Which scenario an iteration belongs to is a function of its number, so shares are exact over each full round of the
/// weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mix {
    /// Name, unique within its phase and part.
    pub name: String,
    /// The phase it belongs to; empty when the plan has no phases.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phase: String,
    /// When it begins, in milliseconds after its phase does.
    #[serde(default)]
    pub start_ms: u64,
    /// The shape of the load.
    pub executor: Executor,
    /// What a virtual user does between two iterations; closed models only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// Index of its plugin in [`Plan::parts`]; 0 when there are none. Set by the host.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub part: u16,
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
