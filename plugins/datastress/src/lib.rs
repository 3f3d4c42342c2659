//! The database workload: statements, transactions, and the server's own truth beside what clients saw.
//!
//! Data flows one way: `command` and `config` say what is wanted, `plan` makes of it the `document` that virtual users are
//! given, `setup` completes it with what the live server tells, `user`, `monitor` and `verify` do the work, `analysis`
//! reads the numbers.
//!
//! | module | job |
//! |---|---|
//! | `command` | flags, and what they mean |
//! | `config` | configs of scenarios, targets and invariants |
//! | `database` | URLs: engine, place, and whether it is this machine |
//! | `script` | texts of several statements |
//! | `statement` | what one statement does, and what its parameters are about |
//! | `generator` | how values of parameters are drawn |
//! | `plan` | from flags and configs to a plan |
//! | `document` | what the plan hands to virtual users |
//! | `builtin` | workloads with data of their own |
//! | `data` | their tables, made and taken away |
//! | `setup` | what is done once before the load |
//! | `schema` | what the server says of tables |
//! | `infer` | generators for parameters that nobody declared |
//! | `explain` | plans of statements |
//! | `prove` | indexes that might help |
//! | `user` | a virtual user |
//! | `mongo` | commands of MongoDB |
//! | `monitor` | looks at the server while the load runs |
//! | `replication` | how far replicas are behind |
//! | `server` | what the server counts |
//! | `statistics` | what it counts for each statement |
//! | `verify` | what is done once after the load |
//! | `analysis` | what the numbers say |
//! | `limits` | caps, with their reasons |

mod analysis;
mod builtin;
mod command;
mod config;
mod data;
mod database;
mod document;
mod explain;
mod generator;
mod infer;
mod limits;
mod mongo;
mod monitor;
mod plan;
mod prove;
mod replication;
mod schema;
mod script;
mod server;
mod setup;
mod statement;
mod statistics;
mod user;
mod verify;

use stresshost_sdk::prelude::*;

/// A virtual user of the workload.
#[derive(Debug, Default)]
pub struct DataStress(user::User);

impl Workload for DataStress {
    type Shared = document::Workload;

    fn describe() -> Descriptor {
        command::descriptor()
    }

    fn plan(input: PlanInput) -> Result<Plan, Problems> {
        plan::plan(&input)
    }

    fn setup(context: SetupContext) -> Result<Self::Shared, Failure> {
        setup::setup(context)
    }

    fn setup_phase(context: PhaseContext<Self::Shared>) -> Result<Self::Shared, Failure> {
        let mut shared = context.shared;
        let layout = shared.layouts.iter().position(|layout| layout.phase == context.phase);
        shared.layout =
            layout.ok_or_else(|| Failure::setup(format!("there is no phase `{}`", context.phase)))?;
        Ok(shared)
    }

    fn start(vu: VuInfo, shared: Self::Shared) -> Result<Self, Failure> {
        user::User::start(vu, &shared).map(Self)
    }

    fn iterate(&mut self, iteration: Iteration) -> Result<(), Failure> {
        self.0.iterate(iteration)
    }

    fn teardown(shared: Self::Shared) -> Result<(), Failure> {
        setup::teardown(&shared)
    }

    fn analyze(summary: Summary) -> Analysis {
        analysis::analyze(&summary)
    }
}

stresshost_sdk::export!(DataStress);
