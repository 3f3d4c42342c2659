//! Benchmarks: each runs the tools people use today in the same run and reports ratios.

mod http;
mod nginx;

use clap::Subcommand;

/// What to measure.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// CPU per HTTP request beside wrk and oha
    Http(http::Options),
}

/// Runs a benchmark.
pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Http(options) => http::run(options),
    }
}
