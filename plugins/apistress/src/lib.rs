//! The API workload: one document drives load, schemas, contract and security.
//!
//! Data flows one way: `command` and `config` say what is wanted, `plan` makes of it and of the OpenAPI document the
//! `document` that virtual users are given, `user` and `prober` do it, `analysis` reads the numbers.
//!
//! | module | job |
//! |---|---|
//! | `command` | flags, and what they mean |
//! | `config` | configs of services and endpoints |
//! | `plan` | from documents and flags to a plan |
//! | `catalogue` | operations with the values of their usual requests |
//! | `access` | how callers are let in |
//! | `baseline` | what changed since an older document |
//! | `journeys` | actions of users as operations, and what named scenarios mean |
//! | `words` | what names of paths, fields and actions say to people |
//! | `items` | what is probed, one item an iteration |
//! | `document` | what the plan hands to virtual users |
//! | `load` | requests of the load, with slots |
//! | `user` | a virtual user |
//! | `conformance` | what must hold of every answer |
//! | `prober` | a virtual user that probes: its accounts, and what it tells |
//! | `client` | what probes send through, and what they hear back |
//! | `case` | a request as values in their places, of which any can be changed |
//! | `identity` | who sends: accounts and tokens |
//! | `objects` | objects that belong to a caller |
//! | `probe` | checks of conformance that need requests of their own |
//! | `scenario` | named scenarios |
//! | `security` | probes for weaknesses |
//! | `analysis` | what the numbers say |

mod access;
mod analysis;
mod baseline;
mod case;
mod catalogue;
mod client;
mod command;
mod config;
mod conformance;
mod document;
mod identity;
mod items;
mod journeys;
mod load;
mod objects;
mod plan;
mod probe;
mod prober;
mod scenario;
mod security;
mod user;
mod words;

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

    fn setup(context: SetupContext) -> Result<Self::Shared, Failure> {
        document::Workload::of_run(context)
    }

    fn setup_phase(context: PhaseContext<Self::Shared>) -> Result<Self::Shared, Failure> {
        Ok(context.shared.of_phase(&context.phase))
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
