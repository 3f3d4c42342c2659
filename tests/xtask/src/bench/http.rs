//! `bench http`: CPU per request of stresshost, wrk and oha against one nginx, in alternating rounds.
//!
//! The generator has one core, the server another. CPU is user and system time of the whole generator process, start
//! and end included, divided by the requests it says it made. In the workload `json` stresshost takes a value from every
//! answer and checks it, which the others cannot do; they load the same URL and look at nothing.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::bench::child::{GENERATOR_CORE, SERVER_CORE};
use crate::bench::generator::{Generator, Kind, Load};
use crate::bench::nginx::Nginx;
use crate::bench::output::write_json;
use crate::bench::rounds::{Paired, Sample};
use crate::bench::workload::json_config;

/// What to measure, how long and how often.
#[derive(Args)]
pub(crate) struct Options {
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_value = "50,1000,8000")]
    connections: Vec<u32>,
    /// What is loaded
    #[arg(long, value_delimiter = ',', default_value = "plain,json")]
    workload: Vec<Workload>,
    /// Tools that take turns; ratios are those of the first to each
    #[arg(long, value_delimiter = ',', default_value = "stresshost,wrk,oha")]
    tools: Vec<Kind>,
    /// Seconds of each round
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Rounds that count, of each tool
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Also write the results here as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What is loaded.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// 1 KB of text
    Plain,
    /// 1 KB of JSON, of which stresshost takes one value and checks the status
    Json,
}

impl Workload {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Json => "json",
        }
    }

    fn load(self, origin: &str, directory: &Path) -> anyhow::Result<Load> {
        let load = Load { cores: 1, ..Load::default() };
        Ok(match self {
            Self::Plain => Load { url: format!("{origin}/"), ..load },
            Self::Json => {
                let config = directory.join("json.yaml");
                std::fs::write(&config, json_config(origin))?;
                Load { url: format!("{origin}/json"), config: Some(config), ..load }
            }
        })
    }
}

/// Measures and prints a table for each workload and number of connections.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let mut kinds = options.tools.clone();
    kinds.sort_unstable();
    kinds.dedup();
    let generators = kinds.iter().map(|&kind| Generator::find(kind)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut results = Vec::new();
    let measured = measure_all(options, &generators, &mut results);
    // What was measured before a tool failed is worth keeping.
    write_json(options.json.as_deref(), "http", Value::Array(results))?;
    measured
}

fn measure_all(options: &Options, generators: &[Generator], results: &mut Vec<Value>) -> anyhow::Result<()> {
    let server = Nginx::start(Some(SERVER_CORE), 1)?;
    let directory = tempfile::tempdir()?;
    for workload in &options.workload {
        let load = workload.load(&server.origin(), directory.path())?;
        for &connections in &options.connections {
            let load = Load { connections, seconds: options.seconds, ..load.clone() };
            results.push(measure(generators, *workload, &load, options.rounds)?);
        }
    }
    Ok(())
}

fn measure(generators: &[Generator], workload: Workload, load: &Load, rounds: u32) -> anyhow::Result<Value> {
    let names: Vec<String> = generators.iter().map(|tool| tool.kind.name().to_owned()).collect();
    let (name, connections) = (workload.name(), load.connections);
    let ratio = format!("{} / tool", names[0]);
    let paired = Paired::measure(&format!("{name}, {connections} connections"), names, rounds, |index| {
        round(&generators[index], workload, load)
    })?;
    let title = format!("{name}: CPU per request at {connections} connections, one core, {rounds} rounds");
    let rows =
        paired.report(&title, "tool", &ratio, |index| paired.ratios(0, index, |sample| sample.cost_us));
    Ok(json!({
        "workload": name, "connections": connections, "seconds": load.seconds, "tools": rows,
    }))
}

fn round(generator: &Generator, workload: Workload, load: &Load) -> anyhow::Result<Sample> {
    let ran = generator.run(load, Some(GENERATOR_CORE))?;
    let sample = ran.sample()?;
    if generator.kind == Kind::Stresshost && workload == Workload::Json {
        let summary = ran.summary()?;
        // Otherwise the work that is to be measured was not done.
        let checked: u64 = summary.checks.iter().map(|check| check.passed).sum();
        let good = summary.operations_done() - summary.operations_failed();
        ensure!(checked >= good, "{checked} of {good} answers were checked");
        let lost: u64 = summary.scenarios.iter().map(|scenario| scenario.iterations.failed).sum();
        let failed = summary.operations_failed();
        ensure!(lost <= failed, "{} answers lacked the value to take", lost - failed);
    }
    Ok(sample)
}
