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
            "stresshost:workload/sql.open": async,
            "stresshost:workload/sql.prepare": async,
            "stresshost:workload/sql.execute": async,
            "stresshost:workload/sql.query": async,
            "stresshost:workload/sql.run": async,
            "stresshost:workload/sql.begin": async,
            "stresshost:workload/sql.commit": async,
            "stresshost:workload/sql.rollback": async,
            "stresshost:workload/redis.open": async,
            "stresshost:workload/redis.send": async,
            "stresshost:workload/redis.send-with": async,
            "stresshost:workload/redis.pipeline": async,
            "stresshost:workload/pacing.sleep-us": async,
            "stresshost:workload/pacing.acquire": async,
        },
        exports: { default: async },
    });
}

pub(crate) use generated::exports::stresshost::workload::guest::{Failure, Iteration, VuInfo};
pub(crate) use generated::stresshost::workload::{
    artifacts, checks, data, failures, findings, http, log, metrics, pacing, random, redis, sql,
};
pub(crate) use generated::{Workload, WorkloadPre};
