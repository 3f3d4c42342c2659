#![doc = include_str!("../README.md")]

#[doc(hidden)]
pub mod api;
pub mod artifacts;
pub mod checks;
pub mod config;
pub mod data;
mod export;
mod failure;
mod features;
pub mod findings;
#[doc(hidden)]
pub mod guest;
mod host;
pub mod http;
pub mod load;
pub mod log;
pub mod metrics;
pub mod mongo;
pub mod pacing;
pub mod random;
pub mod redis;
pub mod sql;
mod target;
pub mod tcp;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod workload;

#[allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    clippy::use_self,
    reason = "generated"
)]
#[doc(hidden)]
pub mod bindings;

pub use failure::Failure;
pub use load::LoadFlags;
pub use stresshost_metrics::{ErrorKind, Summary};
pub use workload::{EmptyDescriptor, Iteration, PhaseContext, Problems, SetupContext, VuInfo, Workload};
pub use {
    schemars, serde, serde_json, stresshost_metrics as summary, stresshost_plan as documents, wit_bindgen,
};

/// What most workloads need: `use stresshost_sdk::prelude::*`.
pub mod prelude {
    pub use stresshost_metrics::{ErrorKind, Summary};
    pub use stresshost_plan::{
        Analysis, Asks, ConstantArrivalRate, ConstantVus, Descriptor, Example, Executor, Finding, Flag, Plan,
        PlanInput, Positional, Problem, Recommendation, Scenario, Section, ValueKind,
    };

    pub use crate::workload::{
        EmptyDescriptor, Iteration, PhaseContext, Problems, SetupContext, VuInfo, Workload,
    };
    pub use crate::{Failure, LoadFlags};
}

mod convert {
    use crate::bindings::exports::stresshost::workload::guest as contract;
    use crate::{Failure, Iteration, VuInfo};

    impl From<Failure> for contract::Failure {
        fn from(failure: Failure) -> Self {
            Self { code: failure.code, message: failure.message }
        }
    }

    impl From<contract::VuInfo> for VuInfo {
        fn from(vu: contract::VuInfo) -> Self {
            Self { id: vu.id, count: vu.count }
        }
    }

    impl From<contract::Iteration> for Iteration {
        fn from(it: contract::Iteration) -> Self {
            Self { scenario: it.scenario, number: it.number }
        }
    }
}
