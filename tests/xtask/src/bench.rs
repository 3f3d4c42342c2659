//! Benchmarks: each runs the tools people use today in the same run and reports ratios. `BENCHMARKS.md` says what each
//! measures; its results stand in `host/engine/PERFORMANCE.md`.
//!
//! `generator` knows the tools, `child` runs and measures them, `rounds` holds them against each other, `turns` while both run.

mod apis;
mod awake;
mod calls;
pub(crate) mod child;
mod cores;
pub(crate) mod generator;
mod http;
mod languages;
mod memory;
mod nginx;
mod open;
mod output;
mod redis;
mod rounds;
mod sql;
mod start;
mod stats;
mod turns;
pub(crate) mod workload;

use clap::Subcommand;

/// What to measure.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// CPU per HTTP request beside wrk and oha
    Http(http::Options),
    /// Lateness at a constant rate, beside oha
    Open(open::Options),
    /// Resident memory of a virtual user
    Memory(memory::Options),
    /// Time from the start of the process to its first request
    Start(start::Options),
    /// CPU per request and throughput on one core and on several
    Cores(cores::Options),
    /// Throughput of APIStress with answers held against their schema, beside DevStress
    Apis(apis::Options),
    /// Size, start, memory and CPU of the same plugin in each language
    Languages(languages::Options),
    /// CPU per statement beside pgbench and sysbench
    Sql(sql::Options),
    /// CPU of a call into a guest, of calls out of it, and of a virtual user
    Calls(calls::Options),
    /// Commands per second and CPU per command of Redis, beside redis-benchmark
    Redis(redis::Options),
}

/// Runs a benchmark.
pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    child::raise_descriptors()?;
    match bench {
        Bench::Http(options) => http::run(options),
        Bench::Open(options) => open::run(options),
        Bench::Memory(options) => memory::run(options),
        Bench::Start(options) => start::run(options),
        Bench::Cores(options) => cores::run(options),
        Bench::Apis(options) => apis::run(options),
        Bench::Sql(options) => sql::run(options),
        Bench::Languages(options) => languages::run(options),
        Bench::Calls(options) => calls::run(options),
        Bench::Redis(options) => redis::run(options),
    }
}
