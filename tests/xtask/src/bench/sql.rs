//! `bench sql`: one row by its key, prepared, on a private PostgreSQL beside pgbench and on a private MariaDB beside
//! sysbench, in alternating rounds.
//!
//! The client has one core, the server the other, and both clients as many connections. Stresshost runs a minimal
//! WebAssembly plugin, so what is compared is the whole way of a statement.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use stresshost_servers::{MariaDb, PASSWORD, Postgres, USER};

use crate::bench::child::{self, Finished, GENERATOR_CORE, SERVER_CORE, on_cores};
use crate::bench::generator::{READABLE, summary};
use crate::bench::output::write_json;
use crate::bench::rounds::{Paired, Sample};
use crate::bench::stats::Spread;
use crate::build::{self, Profile};
use crate::tools::{find, must, target_dir};

/// What to measure, how long and how often.
#[derive(Args)]
pub(crate) struct Options {
    /// Servers
    #[arg(long, value_delimiter = ',', default_value = "postgresql,mariadb")]
    server: Vec<Kind>,
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_value = "16")]
    connections: Vec<u32>,
    /// Seconds of each round; the start of both tools counts
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
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

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Postgresql,
    Mariadb,
}

/// pgbench's accounts at scale 10.
const ACCOUNTS: u32 = 1_000_000;

/// Rows of sysbench's table.
const ROWS: u32 = 100_000;

/// What a run may take beside its load.
const SLACK: Duration = Duration::from_secs(60);

/// What the two tools are told to load.
struct Subject {
    /// The tool people use today.
    tool: &'static str,
    program: PathBuf,
    /// Its arguments without connections and seconds.
    args: Vec<String>,
    url: String,
    statement: &'static str,
    rows: u32,
}

/// Measures and prints a table for each server and number of connections.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let own = build::product(options.build)?;
    let mut results = Vec::new();
    for kind in &options.server {
        match kind {
            Kind::Postgresql => {
                let server = Postgres::start(&["shared_buffers=512MB"]).map_err(|reason| anyhow!(reason))?;
                pin(server.pid())?;
                measure(options, &own, &pgbench(&server)?, &mut results)?;
            }
            Kind::Mariadb => {
                let settings = ["--innodb-buffer-pool-size=512M"];
                let server = MariaDb::start(&settings).map_err(|reason| anyhow!(reason))?;
                pin(server.pid())?;
                measure(options, &own, &sysbench(&server)?, &mut results)?;
            }
        }
    }
    write_json(options.json.as_deref(), "sql", Value::Array(results))
}

/// Gives a server, and every process and thread it will have, the server's core.
fn pin(pid: u32) -> anyhow::Result<()> {
    let taskset = find("taskset", "apt-get install util-linux")?;
    must(Command::new(taskset).args(["-a", "-c", "-p", SERVER_CORE, &pid.to_string()]))
}

fn pgbench(server: &Postgres) -> anyhow::Result<Subject> {
    let program = find("pgbench", "apt-get install postgresql")?;
    let (port, database) = (server.port().to_string(), server.database(""));
    let mut load = Command::new(&program);
    load.args(["-h", "127.0.0.1", "-p", &port, "-U", USER, "-i", "-q", "-s", "10", &database]);
    must(load.env("PGPASSWORD", PASSWORD))?;
    let fixed = ["-h", "127.0.0.1", "-p", &port, "-U", USER, "-n", "-S", "-M", "prepared", "-j", "1"];
    let mut args: Vec<String> = fixed.iter().map(|&arg| arg.to_owned()).collect();
    args.push(database.clone());
    Ok(Subject {
        tool: "pgbench",
        program,
        args,
        url: server.url(&database),
        statement: "SELECT abalance FROM pgbench_accounts WHERE aid = $1",
        rows: ACCOUNTS,
    })
}

fn sysbench(server: &MariaDb) -> anyhow::Result<Subject> {
    let program = find("sysbench", "apt-get install sysbench")?;
    let database = server.database("");
    let args = vec![
        "oltp_point_select".to_owned(),
        "--mysql-host=127.0.0.1".to_owned(),
        format!("--mysql-port={}", server.port()),
        format!("--mysql-user={USER}"),
        format!("--mysql-password={PASSWORD}"),
        format!("--mysql-db={database}"),
        "--tables=1".to_owned(),
        format!("--table-size={ROWS}"),
        "--rand-type=uniform".to_owned(),
    ];
    must(Command::new(&program).args(&args).arg("prepare"))?;
    Ok(Subject {
        tool: "sysbench",
        program,
        args,
        url: server.url(&database),
        statement: "SELECT c FROM sbtest1 WHERE id = $1",
        rows: ROWS,
    })
}

fn measure(options: &Options, own: &Path, subject: &Subject, results: &mut Vec<Value>) -> anyhow::Result<()> {
    let plugin = target_dir()?.join("wasm32-wasip2/plugin/examples/sql_select.wasm");
    for &connections in &options.connections {
        let names = vec!["stresshost".to_owned(), subject.tool.to_owned()];
        let title = format!("{}, {connections} connections", subject.tool);
        let paired = Paired::measure(&title, names, options.rounds, |index| {
            if index == 0 {
                ours(own, &plugin, subject, connections, options.seconds)
            } else {
                theirs(subject, connections, options.seconds)
            }
        })?;
        let title = format!("{title}: CPU per statement, one core, {} rounds", options.rounds);
        let rows = paired.report(&title, "tool", "stresshost / tool", |index| {
            paired.ratios(0, index, |sample| sample.cost_us)
        });
        let rate = Spread::of(&paired.ratios(0, 1, |sample| sample.requests_per_s));
        println!("statements/s, stresshost / {}: {:.2} ({})", subject.tool, rate.median, rate.ends(2));
        results.push(json!({
            "tool": subject.tool, "connections": connections, "seconds": options.seconds, "tools": rows,
            "rate_ratio": { "median": rate.median, "least": rate.least, "most": rate.most },
        }));
    }
    Ok(())
}

fn ours(
    own: &Path,
    plugin: &Path,
    subject: &Subject,
    connections: u32,
    seconds: u32,
) -> anyhow::Result<Sample> {
    let directory = tempfile::tempdir()?;
    let mut command = on_cores(Some(GENERATOR_CORE), own)?;
    command.current_dir(directory.path()).arg("run").arg("--plugin").arg(plugin);
    command.args(["--out", "out", "--output-format", "json", "--quiet", "--cores", "1"]);
    command.args(["--vus", &connections.to_string(), "--duration", &format!("{seconds}s")]);
    command.args([&subject.url, subject.statement, &subject.rows.to_string()]);
    let finished = child::run("stresshost", &mut command, limit(seconds))?;
    finished.ended_with(READABLE)?;
    let summary = summary(directory.path())?;
    let statements = summary.operations_done();
    ensure!(summary.operations_failed() == 0, "{} statements failed", summary.operations_failed());
    sample(&finished, statements, statements as f64 / summary.run.duration_s)
}

fn theirs(subject: &Subject, connections: u32, seconds: u32) -> anyhow::Result<Sample> {
    let mut command = on_cores(Some(GENERATOR_CORE), &subject.program)?;
    if subject.tool == "pgbench" {
        command.args(["-c", &connections.to_string(), "-T", &seconds.to_string()]).args(&subject.args);
        command.env("PGPASSWORD", PASSWORD);
    } else {
        command.args(&subject.args).arg(format!("--threads={connections}"));
        command.arg(format!("--time={seconds}")).arg("run");
    }
    let finished = child::run(subject.tool, &mut command, limit(seconds))?;
    finished.ended_with(&[0])?;
    let (statements, rate) = counts(&finished.stdout()).with_context(|| finished.stdout())?;
    sample(&finished, statements, rate)
}

fn limit(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds)) + SLACK
}

fn sample(finished: &Finished, statements: u64, requests_per_s: f64) -> anyhow::Result<Sample> {
    ensure!(statements > 0, "no statements: {}", finished.stdout());
    let cost_us = finished.cpu_s * 1e6 / statements as f64;
    Ok(Sample { cost_us, requests_per_s, cores_used: finished.cpu_s / finished.wall_s })
}

/// Transactions and their rate by pgbench's or sysbench's own words; each is one statement.
fn counts(text: &str) -> Option<(u64, f64)> {
    let after = |start: &str| text.lines().find_map(|line| line.trim().strip_prefix(start));
    if let Some(count) = after("number of transactions actually processed:") {
        let rate = text.lines().rfind(|line| line.starts_with("tps = "))?.split_whitespace().nth(2)?;
        return Some((count.trim().parse().ok()?, rate.parse().ok()?));
    }
    let mut words = after("transactions:")?.split_whitespace();
    let count = words.next()?.parse().ok()?;
    Some((count, words.next()?.trim_start_matches('(').parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_each_tools_own_words() {
        let pgbench = "number of transactions actually processed: 12345\nnumber of failed transactions: 0 (0.000%)\n\
                       latency average = 0.4 ms\ntps = 4115.25 (without initial connection time)\n";
        assert_eq!(counts(pgbench), Some((12_345, 4_115.25)));
        let sysbench =
            "SQL statistics:\n    transactions:                        40123  (10028.51 per sec.)\n";
        assert_eq!(counts(sysbench), Some((40_123, 10_028.51)));
        assert_eq!(counts("nothing"), None);
    }
}
