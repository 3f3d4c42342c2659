//! `bench redis`: commands per second and CPU per command of stresshost and redis-benchmark against one Redis.
//!
//! The generator has one core, the server another. Both send `GET` of one key that is there, one at a time or 16 at once.
//! CPU is user and system time of the whole generator process over the commands it says were answered.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::{Value, json};
use stresshost_servers::Redis;

use crate::bench::child::{self, GENERATOR_CORE, SERVER_CORE, on_cores};
use crate::bench::generator::{READABLE, summary};
use crate::bench::output::write_json;
use crate::bench::rounds::{Paired, Sample};
use crate::bench::stats::Spread;
use crate::build::{self, Profile};
use crate::tools::{find, must, target_dir};

/// Throughput that stresshost is to reach, over redis-benchmark's.
const BAR: f64 = 0.95;

/// Commands of redis-benchmark per second of a round, one at a time and 16 at once: about what a core does.
const COMMANDS_PER_S: [u64; 2] = [80_000, 600_000];

/// The key that redis-benchmark asks for.
const KEY: &str = "key:__rand_int__";

/// What a run may take beside its load.
const SLACK: Duration = Duration::from_secs(120);

/// How long and how often to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Connections
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// Seconds of each round
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Rounds that count, of each tool
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Which build of stresshost
    #[arg(long, default_value = "dist")]
    build: Profile,
    /// Also write the results here as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// One command at a time, or so many at once.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    mode: &'static str,
    pipeline: u64,
    commands_per_s: u64,
}

const SHAPES: [Shape; 2] = [
    Shape { name: "one at a time", mode: "get", pipeline: 1, commands_per_s: COMMANDS_PER_S[0] },
    Shape { name: "16 at once", mode: "pipeline", pipeline: 16, commands_per_s: COMMANDS_PER_S[1] },
];

/// What is measured with.
struct Tools {
    stresshost: PathBuf,
    guest: PathBuf,
    benchmark: PathBuf,
    server: Redis,
}

/// Measures and prints a table for each shape.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let tools = Tools {
        stresshost: build::product(options.build)?,
        guest: target_dir()?.join("wasm32-wasip2/plugin/examples/redis_client.wasm"),
        benchmark: find("redis-benchmark", "apt-get install redis-tools")?,
        server: Redis::start(&[]),
    };
    let pid = tools.server.pid().context("the server has ended")?.to_string();
    must(Command::new(find("taskset", "apt-get install util-linux")?).args([
        "-a",
        "-c",
        "-p",
        SERVER_CORE,
        &pid,
    ]))?;
    tools.server.cli(&["SET", KEY, "v"]);
    let results = SHAPES.iter().map(|shape| tools.measure(*shape, options)).collect::<anyhow::Result<_>>()?;
    write_json(options.json.as_deref(), "redis", Value::Array(results))
}

impl Tools {
    fn measure(&self, shape: Shape, options: &Options) -> anyhow::Result<Value> {
        let names = vec!["stresshost".to_owned(), "redis-benchmark".to_owned()];
        let title = format!("GET, {}, {} connections", shape.name, options.connections);
        let paired = Paired::measure(&title, names, options.rounds, |index| {
            if index == 0 { self.own(shape, options) } else { self.other(shape, options) }
        })?;
        let rows = paired.report(&title, "tool", "stresshost / tool", |index| {
            paired.ratios(0, index, |sample| sample.cost_us)
        });
        let rate = Spread::of(&paired.ratios(0, 1, |sample| sample.requests_per_s));
        let verdict = if rate.median >= BAR { "holds" } else { "does not hold" };
        println!(
            "commands/s over redis-benchmark's: {:.2} ({}); the bar of {BAR} {verdict}",
            rate.median,
            rate.ends(2)
        );
        Ok(
            json!({ "shape": shape.name, "connections": options.connections, "throughput": rate.median, "tools": rows }),
        )
    }

    fn own(&self, shape: Shape, options: &Options) -> anyhow::Result<Sample> {
        let directory = tempfile::tempdir()?;
        let mut command = on_cores(Some(GENERATOR_CORE), &self.stresshost)?;
        command.current_dir(directory.path()).arg("run").arg("--plugin").arg(&self.guest);
        command.args(["--out", "out", "--output-format", "json", "--quiet", "--cores", "1"]);
        command.args(["--vus", &options.connections.to_string()]);
        command.args(["--duration", &format!("{}s", options.seconds), &self.server.url(), shape.mode]);
        let finished = child::run("stresshost", &mut command, limit(options))?;
        finished.ended_with(READABLE)?;
        let summary = summary(directory.path())?;
        let done = summary.operations_done() - summary.operations_failed();
        ensure!(
            done > 0 && summary.operations_failed() == 0,
            "{} commands failed",
            summary.operations_failed()
        );
        Ok(Sample {
            cost_us: finished.cpu_s * 1e6 / done as f64,
            requests_per_s: done as f64 / summary.run.duration_s,
            cores_used: finished.cpu_s / finished.wall_s,
        })
    }

    fn other(&self, shape: Shape, options: &Options) -> anyhow::Result<Sample> {
        let commands = shape.commands_per_s * u64::from(options.seconds);
        let mut command = on_cores(Some(GENERATOR_CORE), &self.benchmark)?;
        command.args(["-h", "127.0.0.1", "-p", &self.server.port().to_string(), "-t", "get", "--csv"]);
        command.args(["-c", &options.connections.to_string(), "-n", &commands.to_string()]);
        command.args(["-P", &shape.pipeline.to_string()]);
        let finished = child::run("redis-benchmark", &mut command, limit(options))?;
        finished.ended_with(&[0])?;
        Ok(Sample {
            cost_us: finished.cpu_s * 1e6 / commands as f64,
            requests_per_s: rate(&finished.stdout())?,
            cores_used: finished.cpu_s / finished.wall_s,
        })
    }
}

fn limit(options: &Options) -> Duration {
    Duration::from_secs(u64::from(options.seconds)) + SLACK
}

/// Commands per second, as redis-benchmark prints them: `"GET","93457.94",...`.
fn rate(csv: &str) -> anyhow::Result<f64> {
    let line = csv.lines().find(|line| line.starts_with("\"GET"));
    let rate = line.and_then(|line| line.split(',').nth(1)).map(|rate| rate.trim_matches('"'));
    let rate = rate.with_context(|| format!("redis-benchmark printed no rate: {csv}"))?;
    rate.parse().with_context(|| format!("`{rate}` is not a rate"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\"\n\"GET\",\"93457.94\",\"0.27\"\n";
        assert_eq!(rate(csv).unwrap(), 93_457.94);
        assert!(rate("nothing").is_err());
    }
}
