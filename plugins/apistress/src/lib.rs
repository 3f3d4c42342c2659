//! The API workload: one OpenAPI document drives load and conformance.
//!
//! | module | job |
//! |---|---|
//! | `command` | flags, and what they mean |
//! | `plan` | from the document to the requests of a plan |
//! | `request` | one operation as a request with values |
//! | `document` | what the plan hands to virtual users |
//! | `user` | a virtual user: sends, and holds a share of the answers against the document |
//! | `conformance` | what must hold of an answer |
//! | `analysis` | what the numbers say |

mod analysis;
mod command;
mod conformance;
mod document;
mod plan;
mod request;
mod user;

use stresshost_sdk::prelude::*;

/// A virtual user of the workload.
#[derive(Debug, Default)]
pub struct ApiStress(user::User);

impl Workload for ApiStress {
    type Shared = document::Workload;

    fn describe() -> Descriptor {
        command::descriptor()
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        plan::plan(&input)
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

stresshost_sdk::export!(ApiStress);
