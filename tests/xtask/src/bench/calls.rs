//! `bench calls`: what a call into a guest costs, what a call out of it, and what a virtual user.
//!
//! Each is a difference of CPU time between runs of the shipped command with the guest `call_costs`, one core and one
//! user: the start of the process and the engine's work of each second cancel out. The call into the guest cannot be
//! told from the engine's own work for an iteration.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::{Map, Value, json};

use crate::bench::child::{self, GENERATOR_CORE, on_cores};
use crate::bench::generator::{READABLE, summary};
use crate::bench::output::{table, write_json};
use crate::bench::stats::Spread;
use crate::build::{self, Profile};
use crate::tools::target_dir;

/// Calls of an iteration that makes any: enough that the iteration itself weighs little.
const CALLS_EACH: u64 = 1_000;

/// What a run may take.
const LIMIT: Duration = Duration::from_secs(300);

/// What is measured; the names in JSON.
const COSTS: [(&str, &str); 4] = [
    ("iteration", "host to guest: an empty iteration"),
    ("ready", "guest to host, answered at once"),
    ("suspended", "guest to host, suspended and resumed"),
    ("user", "a virtual user: instance, start, finish"),
];

/// How much to measure and how often.
#[derive(Args)]
pub(crate) struct Options {
    /// Empty iterations of a run; another has twice as many
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(1..))]
    iterations: u64,
    /// Calls of a run, in thousands
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1..))]
    kilo_calls: u64,
    /// Virtual users of the run that is held against one with a single user
    #[arg(long, default_value_t = 2_001, value_parser = clap::value_parser!(u64).range(2..))]
    users: u64,
    /// Rounds that count
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Also write the results here as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// CPU nanoseconds of each run of a round.
struct Round {
    /// One user, one empty iteration.
    once: f64,
    /// One user, `iterations` empty iterations.
    empty: f64,
    /// One user, twice as many.
    twice: f64,
    /// One user, `kilo_calls` iterations whose calls are answered at once.
    ready: f64,
    /// The same with calls that suspend the guest.
    suspended: f64,
    /// `users` users, each one empty iteration.
    users: f64,
}

/// Measures and prints a table.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let command = Measured {
        program: build::product(Profile::Dist)?,
        guest: target_dir()?.join("wasm32-wasip2/plugin/examples/call_costs.wasm"),
    };
    let mut rounds = Vec::new();
    for round in 0..=options.rounds {
        let costs = Round::measure(&command, options)?.costs_ns(options);
        eprintln!("  round {round}: {costs:.0?} ns");
        // The first warms up.
        if round > 0 {
            rounds.push(costs);
        }
    }
    println!("\nCPU of a call, one core, {} rounds", options.rounds);
    let (mut rows, mut results) = (Vec::new(), Map::new());
    for (index, (key, title)) in COSTS.into_iter().enumerate() {
        let values_ns: Vec<f64> = rounds.iter().map(|costs| costs[index]).collect();
        let spread = Spread::of(&values_ns);
        rows.push(vec![title.to_owned(), format!("{:.0}", spread.median), spread.ends(0)]);
        results.insert(key.to_owned(), json!({ "median_ns": spread.median, "rounds_ns": values_ns }));
    }
    print!("{}", table(&["", "median ns", "least - most"], &rows));
    write_json(options.json.as_deref(), "calls", Value::Object(results))
}

/// The command with the guest.
struct Measured {
    program: PathBuf,
    guest: PathBuf,
}

impl Measured {
    /// CPU nanoseconds of a run in which each user does so many iterations with `calls`.
    fn cpu_ns(&self, calls: &str, users: u64, iterations: u64) -> anyhow::Result<f64> {
        let directory = tempfile::tempdir()?;
        let mut command = on_cores(Some(GENERATOR_CORE), &self.program)?;
        command.current_dir(directory.path()).arg("run").arg("--plugin").arg(&self.guest).arg(calls);
        command.args(["--out", "out", "--output-format", "json", "--quiet", "--cores", "1", "--per-user"]);
        command.args(["--vus", &users.to_string(), "--iterations", &iterations.to_string()]);
        // It expects a descriptor and a port for every user, which these do not take.
        command.arg("--ignore-capacity");
        let what = || format!("stresshost with `{calls}`, {users} users and {iterations} iterations");
        let finished = child::run("stresshost", &mut command, LIMIT).with_context(what)?;
        finished.ended_with(READABLE).with_context(what)?;
        let done = summary(directory.path())?.scenarios.iter().map(|it| it.iterations.finished).sum::<u64>();
        ensure!(done == users * iterations, "{}: only {done} iterations ended well", what());
        Ok(finished.cpu_s * 1e9)
    }
}

impl Round {
    fn measure(command: &Measured, options: &Options) -> anyhow::Result<Self> {
        let calls = |kind: &str| command.cpu_ns(&format!("{kind}:{CALLS_EACH}"), 1, options.kilo_calls);
        let empty = |users, iterations| command.cpu_ns("random:0", users, iterations);
        Ok(Self {
            once: empty(1, 1)?,
            empty: empty(1, options.iterations)?,
            twice: empty(1, options.iterations * 2)?,
            ready: calls("random")?,
            suspended: calls("sleep")?,
            users: empty(options.users, 1)?,
        })
    }

    /// In the order of [`COSTS`].
    fn costs_ns(&self, options: &Options) -> [f64; 4] {
        let iteration = (self.twice - self.empty) / options.iterations as f64;
        let call = |run: f64| ((run - self.once) / options.kilo_calls as f64 - iteration) / CALLS_EACH as f64;
        let user = (self.users - self.once) / (options.users - 1) as f64 - iteration;
        [iteration, call(self.ready), call(self.suspended), user]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_what_one_run_has_more_than_another() {
        let options = Options { iterations: 1_000, kilo_calls: 10, users: 101, rounds: 1, json: None };
        let start_ns = 5e6;
        let round = Round {
            once: start_ns,
            empty: start_ns + 1_000.0 * 900.0,
            twice: start_ns + 2_000.0 * 900.0,
            ready: start_ns + 10.0 * (900.0 + 1_000.0 * 40.0),
            suspended: start_ns + 10.0 * (900.0 + 1_000.0 * 300.0),
            users: start_ns + 100.0 * (900.0 + 80_000.0),
        };
        let rounded = round.costs_ns(&options).map(f64::round);
        assert_eq!(rounded, [900.0, 40.0, 300.0, 80_000.0]);
    }
}
