//! Rate limits on what a run sends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A token bucket. Waiting for a token is schedule lag, never service time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateLimit {
    /// Name, unique within the plan; what `pacing.limiter` is asked for.
    pub name: String,
    /// Tokens per second.
    pub rate_per_s: f64,
    /// Most tokens that can be saved up.
    #[serde(default = "one")]
    pub burst: u64,
    /// What takes a token.
    #[serde(default)]
    pub scope: LimitScope,
}

const fn one() -> u64 {
    1
}

/// What takes a token of a [`RateLimit`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LimitScope {
    /// Only what a plugin asks for by name, such as calls to a provider with a quota.
    #[default]
    Named,
    /// Every operation.
    Global,
    /// Every operation of the scenario of this name.
    Scenario(String),
    /// Every operation that goes to a target that matches `scheme://host:port`, `*` for any part.
    Target(String),
}
