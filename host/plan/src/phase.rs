//! Phases: parts of a run that depend on each other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Threshold;

/// A part of a run. It begins as soon as every phase it depends on has ended and met its criteria; phases that do not
/// depend on each other run side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phase {
    /// Name, unique within the plan.
    pub name: String,
    /// One sentence for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Names of the phases that come before.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// What must hold at its end for the phases that depend on it to run; otherwise those are skipped.
    #[serde(default)]
    pub criteria: Vec<Threshold>,
    /// Factor on the offered load of its scenarios: on rates, and on virtual users, rounded up.
    #[serde(default = "one")]
    pub load_multiplier: f64,
    /// Scenarios that would last longer are cut to this, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Length of its warm-up in milliseconds; absent: the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup_ms: Option<u64>,
    /// Its grace period in milliseconds; absent: the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graceful_stop_ms: Option<u64>,
    /// Other plugins that run in it, side by side with the plan's own scenarios. The host plans each and puts its
    /// scenarios into the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<PhaseWorkload>,
}

const fn one() -> f64 {
    1.0
}

impl Phase {
    /// A phase without dependencies, criteria or workloads of other plugins.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            depends_on: Vec::new(),
            criteria: Vec::new(),
            load_multiplier: 1.0,
            duration_ms: None,
            warmup_ms: None,
            graceful_stop_ms: None,
            workloads: Vec::new(),
        }
    }
}

/// Another plugin in a phase, and what it is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseWorkload {
    /// The plugin: a name or a reference.
    pub plugin: String,
    /// Its arguments without a flag.
    #[serde(default)]
    pub args: Vec<String>,
    /// Its flags, as [`PlanInput::flags`](crate::PlanInput::flags).
    #[serde(default)]
    pub flags: Map<String, Value>,
    /// Its config.
    #[serde(default)]
    pub config: Value,
}

/// A plugin's part of a plan that several plugins share; made by the host when it resolves [`Phase::workloads`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Name of the plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// `sha256:` and the digest of its component.
    pub digest: String,
    /// The phase it runs in.
    pub phase: String,
    /// Defaults of its HTTP requests.
    #[serde(default)]
    pub http: crate::HttpOptions,
    /// Data shared by its virtual users.
    #[serde(default)]
    pub feeds: Vec<crate::Feed>,
    /// The plugin's own settings, handed to `setup`.
    #[serde(default)]
    pub workload: Value,
}
