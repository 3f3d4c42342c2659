//! A loaded plugin: `describe`, `plan` and `analyze`, each in a fresh instance with nothing granted.

use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use stresshost_metrics::Summary;
use stresshost_plan::{
    Analysis, DESCRIPTOR_SCHEMA, Descriptor, MAX_DOCUMENT_BYTES, Plan, PlanInput, Problem,
};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, Store};

use crate::bindings::{Workload, WorkloadPre};
use crate::component::Loadable;
use crate::engine::{TickingEngine, control_engine};
use crate::error::{CallError, LoadError, printable};
use crate::state::VuState;
use crate::{GuestLimits, cache, calls};

/// A plugin, compiled and linked for its control calls.
pub struct Plugin {
    loadable: Arc<Loadable>,
    engine: TickingEngine,
    pre: WorkloadPre<VuState>,
    runtime: tokio::runtime::Runtime,
    limits: GuestLimits,
}

impl Plugin {
    /// Compiles a component, or takes its compiled form from the `cache` directory, and links it. `limits` hold for its
    /// control calls.
    ///
    /// # Errors
    /// When wasmtime refuses it or its types differ from the contract's.
    pub fn load(loadable: Loadable, limits: GuestLimits, cache: Option<&Path>) -> Result<Self, LoadError> {
        let engine = control_engine()?;
        let pre = link(&engine.engine, &cache::compile(&engine.engine, &loadable, cache)?)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(|error| LoadError::Engine(error.to_string()))?;
        Ok(Self { loadable: Arc::new(loadable), engine, pre, runtime, limits })
    }

    /// What was loaded.
    pub fn loadable(&self) -> &Arc<Loadable> {
        &self.loadable
    }

    /// The limits it was loaded with.
    pub const fn limits(&self) -> GuestLimits {
        self.limits
    }

    /// What the plugin says of itself.
    ///
    /// # Errors
    /// When the plugin breaks or its answer is no descriptor.
    pub fn describe(&self) -> Result<Descriptor, CallError> {
        let text = self.call("describe", async |workload, store| {
            workload.stresshost_workload_guest().call_describe(store).await
        })?;
        let descriptor: Descriptor = document("descriptor", &text)?;
        if descriptor.schema != DESCRIPTOR_SCHEMA {
            let reason =
                format!("its schema is `{}`, this host reads `{DESCRIPTOR_SCHEMA}`", descriptor.schema);
            return Err(CallError::Document { what: "descriptor", reason });
        }
        if let Some(reason) = descriptor.problem() {
            return Err(CallError::Document { what: "descriptor", reason });
        }
        Ok(descriptor)
    }

    /// Asks the plugin for a plan and checks it.
    ///
    /// # Errors
    /// When the plugin breaks, refuses the input, or its plan cannot run.
    pub fn plan(&self, input: &PlanInput) -> Result<Plan, CallError> {
        let input = serde_json::to_string(input)
            .map_err(|error| CallError::Document { what: "input", reason: error.to_string() })?;
        let answer = self.call("plan", async |workload, store| {
            workload.stresshost_workload_guest().call_plan(store, &input).await
        })?;
        let text =
            answer.map_err(|problems| match document::<Vec<Problem>>("list of problems", &problems) {
                Ok(problems) => CallError::Problems(problems),
                Err(error) => error,
            })?;
        let plan: Plan = document("plan", &text)?;
        // The plugin has accepted the input, so what is wrong here is the plugin's and not the user's.
        let problems = plan.validate();
        if problems.is_empty() { Ok(plan) } else { Err(CallError::Plan(problems)) }
    }

    /// Asks the plugin what a summary means. A list of the analysis that is too long is cut, which is logged.
    ///
    /// # Errors
    /// When the plugin breaks or its answer is no analysis.
    pub fn analyze(&self, summary: &Summary) -> Result<Analysis, CallError> {
        let summary = serde_json::to_string(summary)
            .map_err(|error| CallError::Document { what: "summary", reason: error.to_string() })?;
        let text = self.call("analyze", async |workload, store| {
            workload.stresshost_workload_guest().call_analyze(store, &summary).await
        })?;
        let mut analysis: Analysis = document("analysis", &text)?;
        let left_out = analysis.bound();
        if left_out > 0 {
            tracing::warn!(
                "the analysis is too long: {left_out} findings, recommendations or sections are left out"
            );
        }
        Ok(analysis)
    }

    fn call<T>(
        &self,
        during: &'static str,
        call: impl AsyncFnOnce(Workload, &mut Store<VuState>) -> wasmtime::Result<T>,
    ) -> Result<T, CallError> {
        let state = VuState::control(&self.limits, self.engine.epoch.clone());
        let mut store = calls::store(&self.engine.engine, &self.limits, state);
        let result = self.runtime.block_on(async {
            let workload = self.pre.instantiate_async(&mut store).await?;
            call(workload, &mut store).await
        });
        result.map_err(|error| {
            let fault = calls::fault(during, store.data(), &error);
            CallError::Fault { during, text: fault.text }
        })
    }
}

/// Links a component against everything the host offers.
pub(crate) fn link(engine: &Engine, component: &Component) -> Result<WorkloadPre<VuState>, LoadError> {
    let link_error = |error: wasmtime::Error| LoadError::Link(printable(&format!("{error:#}")));
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(link_error)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).map_err(link_error)?;
    Workload::add_to_linker::<_, HasSelf<VuState>>(&mut linker, |state| state).map_err(link_error)?;
    let pre = linker.instantiate_pre(component).map_err(link_error)?;
    WorkloadPre::new(pre).map_err(link_error)
}

/// Reads a document a plugin gave; fields this host does not know are ignored.
fn document<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, CallError> {
    if text.len() > MAX_DOCUMENT_BYTES {
        let reason = format!("it has {} bytes, the most is {MAX_DOCUMENT_BYTES}", text.len());
        return Err(CallError::Document { what, reason });
    }
    serde_json::from_str(text).map_err(|error| CallError::Document { what, reason: error.to_string() })
}
