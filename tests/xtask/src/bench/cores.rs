//! `bench cores`: CPU per request and throughput of stresshost on one core and on several, in alternating rounds.
//!
//! Where the machine has cores enough, generator and server get their own, and throughput should grow with the
//! generator's. On fewer they share, nothing is pinned, and only CPU per request can be judged: it should stay flat.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::bench::generator::{Generator, Kind, Load};
use crate::bench::nginx::Nginx;
use crate::bench::output::write_json;
use crate::bench::rounds::Paired;
use crate::bench::stats::Spread;

/// Fewest cores of a machine on which generator and server can have their own.
const CORES_TO_SPLIT: u32 = 4;

/// Cores the server has at least where they are split; it has as many workers.
const SERVER_WORKERS: u32 = 2;

/// What to measure, how long and how often.
#[derive(Args)]
pub(crate) struct Options {
    /// Numbers of cores; the others are held against the first
    #[arg(long, value_delimiter = ',', default_value = "1,2", value_parser = clap::value_parser!(u32).range(1..=1024))]
    cores: Vec<u32>,
    /// Connections, shared by the cores
    #[arg(long, default_value_t = 1_000)]
    connections: u32,
    /// Seconds of each round
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Rounds that count, of each number of cores
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Also write the results here as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Measures and prints a table and what can be said of throughput.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let machine = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let most = options.cores.iter().copied().max().unwrap_or(1);
    let split = split(machine, most);
    let generator = Generator::find(Kind::Stresshost)?;
    let workers = if split.is_some() { SERVER_WORKERS } else { 1 };
    let server = Nginx::start(split.as_deref(), workers)?;
    let load = Load {
        url: format!("{}/", server.origin()),
        connections: options.connections,
        seconds: options.seconds,
        ..Load::default()
    };
    let names = options.cores.iter().map(ToString::to_string).collect();
    let paired = Paired::measure("cores", names, options.rounds, |index| {
        let cores = options.cores[index];
        let pinned = split.is_some().then(|| range(0, cores));
        generator.run(&Load { cores, ..load.clone() }, pinned.as_deref())?.sample()
    })?;

    let first = options.cores[0];
    let title = format!("CPU per request at {} connections, {} rounds", options.connections, options.rounds);
    let rows = paired.report(&title, "cores", &format!("it / {first}"), |index| {
        paired.ratios(index, 0, |sample| sample.cost_us)
    });
    let mut grown = Vec::new();
    for (index, cores) in options.cores.iter().enumerate().skip(1) {
        let growth = Spread::of(&paired.ratios(index, 0, |sample| sample.requests_per_s));
        println!("  Throughput of {cores} / {first} cores: {:.2} ({})", growth.median, growth.ends(2));
        grown.push(json!({ "cores": cores, "ratio": growth.median }));
    }
    if split.is_none() {
        println!(
            "  Throughput cannot scale here: the server shares the {machine} cores of this machine. Judge by CPU per \
             request, which should stay flat."
        );
    }
    let results =
        json!({ "machine_cores": machine, "split": split.is_some(), "rows": rows, "throughput": grown });
    write_json(options.json.as_deref(), "cores", Value::Array(vec![results]))
}

/// The server's cores where generator and server can have their own; the generator has those before.
fn split(machine: u32, generator: u32) -> Option<String> {
    (machine >= CORES_TO_SPLIT && generator + SERVER_WORKERS <= machine).then(|| range(generator, machine))
}

/// Cores from `from` to before `to`, as taskset(1) reads them.
fn range(from: u32, to: u32) -> String {
    format!("{from}-{}", to.saturating_sub(1).max(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_split_where_there_are_enough() {
        assert_eq!(split(2, 2), None);
        assert_eq!(split(4, 2).as_deref(), Some("2-3"));
        assert_eq!(split(8, 2).as_deref(), Some("2-7"));
        assert_eq!(split(4, 3), None);
        assert_eq!((range(0, 1), range(0, 2)), ("0-0".to_owned(), "0-1".to_owned()));
    }
}
