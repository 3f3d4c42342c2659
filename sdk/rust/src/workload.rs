//! The trait a workload implements.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use stresshost_metrics::Summary;
use stresshost_plan::{Analysis, DESCRIPTOR_SCHEMA, Descriptor, Plan, PlanInput, Problem};

use crate::Failure;

/// Every problem of a plan input, so that a person can mend them all at once.
pub type Problems = Vec<Problem>;

/// What `setup` is given, once per run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SetupContext {
    /// Unique id of the run.
    #[serde(default)]
    pub run_id: String,
    /// Seed of every random choice of the run.
    #[serde(default)]
    pub seed: u64,
    /// What the plan put into [`Plan::workload`].
    #[serde(default)]
    pub workload: serde_json::Value,
}

/// What `setup_phase` is given, once per phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PhaseContext<S> {
    /// Unique id of the run.
    pub run_id: String,
    /// Seed of every random choice of the run.
    pub seed: u64,
    /// Name of the phase; empty for the only phase of a plan without phases.
    pub phase: String,
    /// What `setup` returned.
    pub shared: S,
    /// What the plan put into [`Plan::workload`].
    pub workload: serde_json::Value,
}

/// Which virtual user an instance is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VuInfo {
    /// 0 and up, unique within the phase: the users of another phase count from 0 again.
    pub id: u64,
    /// Number of virtual users of the phase; of the run when the plan has no phases.
    pub count: u64,
}

/// One iteration to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Iteration {
    /// Index of the scenario in [`Plan::scenarios`], or its `own_index` where the plan gives one.
    pub scenario: u32,
    /// Number of the iteration within the scenario: 0 and up, each given to one virtual user.
    pub number: u64,
}

/// A workload. A value of the type is one virtual user, and its fields are that user's state.
///
/// Only [`plan`](Self::plan) and [`iterate`](Self::iterate) must be written. The order of the calls:
/// `describe`, `plan`; `setup` once; per phase `setup_phase`, per virtual user of it `start`, many times `iterate`,
/// `finish`, then `teardown_phase`; `teardown` once; `analyze`. A plan without phases is one phase. `describe`, `plan` and
/// `analyze` can do no I/O.
pub trait Workload: Default + 'static {
    /// What `setup` hands to each `setup_phase` and to `teardown`, and `setup_phase` to every virtual user of the phase
    /// and to `teardown_phase`; `()` when there is nothing to share.
    ///
    /// It crosses to each instance as JSON, so keep it small: with ten thousand virtual users it is read ten thousand
    /// times.
    type Shared: Serialize + DeserializeOwned;

    /// What the workload is called, which arguments and flags it takes, and what it asks for.
    ///
    /// Name, version and summary may be left empty: [`export!`](crate::export) fills them in from `Cargo.toml`.
    fn describe() -> Descriptor {
        Descriptor::empty()
    }

    /// Makes the plan from the user's arguments, flags and config.
    ///
    /// # Errors
    /// Every problem of the input at once.
    fn plan(input: PlanInput) -> Result<Plan, Problems>;

    /// Runs once before the load. By default reads [`Plan::workload`] as the shared value.
    ///
    /// # Errors
    /// When the run cannot begin.
    fn setup(context: SetupContext) -> Result<Self::Shared, Failure> {
        serde_json::from_value(context.workload).map_err(|error| {
            Failure::setup(format!("the plan's `workload` is not what `setup` expects: {error}"))
        })
    }

    /// Runs once a phase, before its virtual users are made. By default passes on what `setup` returned.
    ///
    /// # Errors
    /// When the phase cannot begin.
    fn setup_phase(context: PhaseContext<Self::Shared>) -> Result<Self::Shared, Failure> {
        Ok(context.shared)
    }

    /// Makes a virtual user: the place to prepare requests and register checks and metrics.
    ///
    /// # Errors
    /// When this virtual user cannot begin.
    fn start(vu: VuInfo, shared: Self::Shared) -> Result<Self, Failure> {
        let _ = (vu, shared);
        Ok(Self::default())
    }

    /// Does one iteration: the hot call.
    ///
    /// # Errors
    /// When the iteration did not reach its aim. It counts as failed; what it measured counts all the same.
    fn iterate(&mut self, iteration: Iteration) -> Result<(), Failure>;

    /// Runs after the virtual user's last iteration.
    fn finish(&mut self) {}

    /// Runs once a phase, after its last virtual user, with what `setup_phase` returned.
    ///
    /// # Errors
    /// When cleaning up did not succeed.
    fn teardown_phase(shared: Self::Shared) -> Result<(), Failure> {
        let _ = shared;
        Ok(())
    }

    /// Runs once after the load, with what `setup` returned.
    ///
    /// # Errors
    /// When cleaning up did not succeed.
    fn teardown(shared: Self::Shared) -> Result<(), Failure> {
        let _ = shared;
        Ok(())
    }

    /// Reads the numbers of a finished run. By default has nothing to say.
    fn analyze(summary: Summary) -> Analysis {
        let _ = summary;
        Analysis::default()
    }
}

/// A descriptor without any content, to start from.
pub trait EmptyDescriptor {
    /// The current schema and nothing else.
    fn empty() -> Self;
}

impl EmptyDescriptor for Descriptor {
    fn empty() -> Self {
        Self {
            schema: DESCRIPTOR_SCHEMA.to_owned(),
            name: String::new(),
            version: String::new(),
            summary: String::new(),
            description: String::new(),
            positionals: Vec::new(),
            flags: Vec::new(),
            asks: stresshost_plan::Asks::default(),
            config_schema: None,
            examples: Vec::new(),
        }
    }
}
