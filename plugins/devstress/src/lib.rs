//! The HTTP load workload: one URL, or scenarios of weighted journeys with extraction and checks.

mod analysis;
mod command;
mod config;
mod document;
mod user;

use stresshost_sdk::prelude::*;

/// A virtual user of the workload.
#[derive(Debug, Default)]
pub struct DevStress(user::User);

impl Workload for DevStress {
    type Shared = document::Workload;

    fn describe() -> Descriptor {
        command::descriptor()
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        config::plan(&input)
    }

    fn start(vu: VuInfo, shared: Self::Shared) -> Result<Self, Failure> {
        user::User::start(vu, shared).map(Self)
    }

    fn iterate(&mut self, iteration: Iteration) -> Result<(), Failure> {
        self.0.iterate(iteration)
    }

    fn analyze(summary: Summary) -> Analysis {
        analysis::analyze(&summary)
    }
}

stresshost_sdk::export!(DevStress);
