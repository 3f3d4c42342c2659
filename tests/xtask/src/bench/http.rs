//! `bench http`: CPU per request of stresshost, wrk and oha against one nginx, in alternating rounds.
//!
//! The generator has one core, the server another. CPU is user and system time of the whole generator process, start
//! and end included, divided by the requests it says it made. One round of each is thrown away to warm up.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};

use crate::bench::nginx::Nginx;
use crate::build;
use crate::tools::{cargo, find, must, target_dir};

/// Core of the generator; the server has the other.
const GENERATOR_CORE: u32 = 0;
const SERVER_CORE: u32 = 1;

/// How long and how often to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_value = "50,1000")]
    connections: Vec<u32>,
    /// Seconds of each round
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Rounds that count, of each tool
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Also write the results here as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// One tool and how to read its request count.
struct Tool {
    name: &'static str,
    program: PathBuf,
}

/// CPU microseconds per request of each round, by tool.
type Rounds = Vec<Vec<f64>>;

/// Measures and prints a table.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let tools = tools()?;
    let server = Nginx::start(SERVER_CORE)?;
    let url = format!("http://127.0.0.1:{}/", server.port);
    let mut results = Vec::new();
    for &connections in &options.connections {
        let mut rounds: Rounds = tools.iter().map(|_| Vec::new()).collect();
        for round in 0..=options.rounds {
            for (tool, kept) in tools.iter().zip(&mut rounds) {
                let cost_us = measure(tool, &url, connections, options.seconds)?;
                eprintln!("  {connections} connections, round {round}, {}: {cost_us:.2} us", tool.name);
                if round > 0 {
                    kept.push(cost_us);
                }
            }
        }
        results.push(report(&tools, connections, &rounds));
    }
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_vec_pretty(&json!({ "bench": "http", "results": results }))?)?;
    }
    Ok(())
}

fn tools() -> anyhow::Result<Vec<Tool>> {
    let wrk = find("wrk", "apt-get install wrk")?;
    let oha = find("oha", "cargo install --locked oha")?;
    build::plugins()?;
    must(cargo().args(["build", "--release", "-p", "stresshost"]))?;
    let own = target_dir()?.join("release/stresshost");
    let tool = |name, program| Tool { name, program };
    Ok(vec![tool("stresshost", own), tool("wrk", wrk), tool("oha", oha)])
}

/// Runs one round and returns CPU microseconds per request.
fn measure(tool: &Tool, url: &str, connections: u32, seconds: u32) -> anyhow::Result<f64> {
    let directory = tempfile::tempdir()?;
    let mut command = Command::new(find("taskset", "apt-get install util-linux")?);
    command.args(["-c", &GENERATOR_CORE.to_string()]).arg(&tool.program).current_dir(directory.path());
    arguments(&mut command, tool.name, url, connections, seconds);
    let before_us = children_cpu_us()?;
    let output = command.output().with_context(|| format!("cannot start {}", tool.name))?;
    let cpu_us = children_cpu_us()? - before_us;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("{} failed: {text}\n{}", tool.name, String::from_utf8_lossy(&output.stderr));
    }
    let requests = requests(tool.name, &text, directory.path())?;
    if requests == 0 {
        bail!("{} made no requests: {text}", tool.name);
    }
    Ok(cpu_us / requests as f64)
}

fn arguments(command: &mut Command, tool: &str, url: &str, connections: u32, seconds: u32) {
    let (connections, length) = (connections.to_string(), format!("{seconds}s"));
    match tool {
        "wrk" => command.args(["-t1", "-c", &connections, "-d", &length, url]),
        "oha" => {
            command.args(["-c", &connections, "-z", &length, "--no-tui", "--output-format", "json", url])
        }
        _ => command.args([
            "run",
            "--plugin",
            "devstress",
            url,
            "--vus",
            &connections,
            "--duration",
            &length,
            "--cores",
            "1",
            "--out",
            "out",
            "--output-format",
            "json",
            "--quiet",
        ]),
    };
}

/// Requests answered with success, as the tool itself counts them.
fn requests(tool: &str, text: &str, directory: &Path) -> anyhow::Result<u64> {
    match tool {
        "wrk" => {
            let line =
                text.lines().find(|line| line.contains(" requests in ")).context("wrk printed no count")?;
            line.split_whitespace()
                .next()
                .and_then(|word| word.parse().ok())
                .context("wrk's count is no number")
        }
        "oha" => {
            let report: Value = serde_json::from_str(text).context("oha printed no JSON")?;
            Ok(report["statusCodeDistribution"]["200"].as_u64().unwrap_or(0))
        }
        _ => {
            let summary = std::fs::read(directory.join("out/summary.json"))?;
            let summary: stresshost_metrics::Summary = serde_json::from_slice(&summary)?;
            Ok(summary.operations_done() - summary.operations_failed())
        }
    }
}

fn children_cpu_us() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let us = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64;
    Ok(us(usage.user_time()) + us(usage.system_time()))
}

/// Prints one table and returns it as JSON. The ratio is the median of the rounds' own ratios: neighbours in time
/// share the machine's mood.
fn report(tools: &[Tool], connections: u32, rounds: &Rounds) -> Value {
    println!("\nCPU per request at {connections} connections, one core, {} rounds", rounds[0].len());
    println!("  {:<12} {:>10} {:>16} {:>18}", "tool", "median us", "least - most", "stresshost / tool");
    let mut rows = Vec::new();
    for (tool, costs) in tools.iter().zip(rounds) {
        let ratios: Vec<f64> = rounds[0].iter().zip(costs).map(|(own, other)| own / other).collect();
        let (mid, ratio) = (median(costs), median(&ratios));
        let (least, most) = (quantile(costs, 0.0), quantile(costs, 1.0));
        println!("  {:<12} {mid:>10.2} {:>16} {ratio:>18.2}", tool.name, format!("{least:.2} - {most:.2}"));
        rows.push(json!({ "tool": tool.name, "median_us": mid, "rounds_us": costs, "ratio": ratio }));
    }
    json!({ "connections": connections, "tools": rows })
}

fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

fn quantile(values: &[f64], at: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = ((sorted.len().saturating_sub(1)) as f64 * at).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_each_tools_own_words() {
        let wrk = "Running 4s test\n  400123 requests in 4.00s, 465.97MB read\n";
        assert_eq!(requests("wrk", wrk, Path::new("")).unwrap(), 400_123);
        let oha = r#"{"statusCodeDistribution":{"200":77,"500":3}}"#;
        assert_eq!(requests("oha", oha, Path::new("")).unwrap(), 77);
        assert!(requests("wrk", "nothing", Path::new("")).is_err());
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert!(median(&[]).is_nan());
    }
}
