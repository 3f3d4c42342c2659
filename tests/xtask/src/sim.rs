//! `sim`: random runs of the engine, many more than the tests try.

use clap::Args;

use crate::tools::{cargo, must};

/// Which runs to try.
#[derive(Args)]
pub(crate) struct Options {
    /// How many seeds to try
    #[arg(long, default_value_t = 100_000)]
    seeds: u64,
    /// The first of them; with `--seeds 1` a seed that failed is tried again and its case is shown
    #[arg(long, default_value_t = 0)]
    from: u64,
}

/// Tries seeds and names those whose run breaks a law.
pub(crate) fn sim(options: &Options) -> anyhow::Result<()> {
    let mut test = cargo();
    // Optimised: the runs, not the compiler, take the time.
    test.args([
        "test",
        "--release",
        "-p",
        "stresshost-tests",
        "--test",
        "sim",
        "--",
        "--ignored",
        "many_seeds",
    ]);
    test.env("STRESSHOST_SIM_SEEDS", options.seeds.to_string());
    test.env("STRESSHOST_SIM_FROM", options.from.to_string());
    // The panics of scripted guests are part of the runs.
    test.env("RUST_BACKTRACE", "0");
    must(&mut test)
}
