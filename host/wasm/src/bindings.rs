//! Bindings generated from `wit/`: the only `bindgen!`.

#[allow(clippy::use_self, clippy::too_many_lines, reason = "bindgen-generated code")]
mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "workload",
        imports: {
            "stresshost:workload/http.fire": async | tracing | verbose_tracing,
            "stresshost:workload/http.fire-with": async | tracing | verbose_tracing,
            "stresshost:workload/http.send-all": async | tracing | verbose_tracing,
            "stresshost:workload/sql.open": async | tracing | verbose_tracing,
            "stresshost:workload/sql.prepare": async | tracing | verbose_tracing,
            "stresshost:workload/sql.execute": async | tracing | verbose_tracing,
            "stresshost:workload/sql.query": async | tracing | verbose_tracing,
            "stresshost:workload/sql.run": async | tracing | verbose_tracing,
            "stresshost:workload/sql.begin": async | tracing | verbose_tracing,
            "stresshost:workload/sql.commit": async | tracing | verbose_tracing,
            "stresshost:workload/sql.rollback": async | tracing | verbose_tracing,
            "stresshost:workload/redis.open": async | tracing | verbose_tracing,
            "stresshost:workload/redis.send": async | tracing | verbose_tracing,
            "stresshost:workload/redis.send-with": async | tracing | verbose_tracing,
            "stresshost:workload/redis.pipeline": async | tracing | verbose_tracing,
            "stresshost:workload/mongo.open": async | tracing | verbose_tracing,
            "stresshost:workload/mongo.execute": async | tracing | verbose_tracing,
            "stresshost:workload/mongo.run": async | tracing | verbose_tracing,
            "stresshost:workload/tcp.open": async | tracing | verbose_tracing,
            "stresshost:workload/tcp.send": async | tracing | verbose_tracing,
            "stresshost:workload/tcp.send-with": async | tracing | verbose_tracing,
            "stresshost:workload/tcp.begin": async | tracing | verbose_tracing,
            "stresshost:workload/tcp.write": async | tracing | verbose_tracing,
            "stresshost:workload/tcp.read-until": async | tracing | verbose_tracing,
            "stresshost:workload/tcp.read": async | tracing | verbose_tracing,
            "stresshost:workload/tcp.skip": async | tracing | verbose_tracing,
            "stresshost:workload/pacing.sleep-us": async | tracing | verbose_tracing,
            "stresshost:workload/pacing.acquire": async | tracing | verbose_tracing,
            // For `--trace-calls`; without it a call pays for one look at a level.
            default: tracing | verbose_tracing,
        },
        exports: { default: async },
    });
}

pub(crate) use generated::exports::stresshost::workload::guest::{Failure, Iteration, VuInfo};
pub(crate) use generated::stresshost::workload::{
    artifacts, checks, data, failures, findings, http, log, metrics, mongo, pacing, random, redis, sql, tcp,
};
pub(crate) use generated::{Workload, WorkloadPre};
