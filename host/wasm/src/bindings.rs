//! Bindings generated from `wit/`: the only `bindgen!`.

#[allow(clippy::use_self, clippy::too_many_lines, reason = "bindgen-generated code")]
mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "workload",
        imports: {
            "stresshost:workload/http.fire": async,
            "stresshost:workload/http.fire-with": async,
            "stresshost:workload/http.send-all": async,
            "stresshost:workload/pacing.sleep-us": async,
            "stresshost:workload/pacing.acquire": async,
        },
        exports: { default: async },
    });
}

pub(crate) use generated::exports::stresshost::workload::guest::{Failure, Iteration, VuInfo};
pub(crate) use generated::stresshost::workload::{
    artifacts, checks, data, failures, findings, http, log, metrics, pacing, random,
};
pub(crate) use generated::{Workload, WorkloadPre};
