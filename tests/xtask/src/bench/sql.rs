//! `bench sql`: one row by its key, prepared, on a private PostgreSQL beside pgbench and on a private MariaDB beside
//! sysbench.
//!
//! The client has one core, the server the other, and both clients as many connections. Stresshost runs a minimal
//! WebAssembly plugin, so what is compared is the whole way of a statement.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use stresshost_servers::{MariaDb, PASSWORD, Postgres, USER};

use crate::bench::awake::Awake;
use crate::bench::child::{self, Finished, GENERATOR_CORE, SERVER_CORE, on_cores};
use crate::bench::generator::{READABLE, summary};
use crate::bench::output::write_json;
use crate::bench::rounds::{Paired, Sample};
use crate::bench::stats::Spread;
use crate::bench::turns::{self, Contestant};
use crate::build::{self, Profile};
use crate::tools::{find, must, target_dir};

/// What to measure, how long and how often.
#[derive(Args)]
pub(crate) struct Options {
    /// Servers
    #[arg(long, value_delimiter = ',', default_value = "postgresql,mariadb")]
    server: Vec<Kind>,
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_value = "16", value_parser = clap::value_parser!(u32).range(1..=500))]
    connections: Vec<u32>,
    /// How the two tools take turns on PostgreSQL; on MariaDB it is rounds
    #[arg(long, default_value = "turns")]
    method: Method,
    /// Let idle cores halt, where they could be kept from it
    #[arg(long)]
    halting: bool,
    /// Seconds of each tool in each round; in rounds the start of the tool counts
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

/// How two tools are held against each other.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    /// Both are connected at once and run a tenth of a second each
    Turns,
    /// One is started after the other has ended
    Rounds,
}

/// pgbench's accounts at scale 10.
const ACCOUNTS: u32 = 1_000_000;

/// Rows of sysbench's table.
const ROWS: u32 = 100_000;

/// What a run may take beside its load.
const SLACK: Duration = Duration::from_secs(60);

/// Room for 500 connections of each of two tools.
const MAX_CONNECTIONS: &str = "max_connections=1010";

/// Turns of a contestant in a second of its own.
const TURNS_PER_S: u32 = 10;

/// PostgreSQL's sessions tell what they have counted at the latest so long after they became idle
/// (`PGSTAT_IDLE_INTERVAL` in its sources, 10 s, and some).
const COUNTED_AFTER: Duration = Duration::from_millis(10_500);

/// What the two tools are told to load.
#[derive(Clone)]
struct Subject {
    /// The tool people use today.
    tool: &'static str,
    program: PathBuf,
    /// Its arguments without connections, seconds and database.
    args: Vec<String>,
    url: String,
    database: String,
    statement: &'static str,
    rows: u32,
}

impl Subject {
    fn names(&self) -> Vec<String> {
        vec!["stresshost".to_owned(), self.tool.to_owned()]
    }
}

/// Measures and prints a table for each server and number of connections.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let own = build::product(options.build)?;
    let awake = if options.halting { Awake::not_held() } else { Awake::hold() };
    let plugin = target_dir()?.join("wasm32-wasip2/plugin/examples/sql_select.wasm");
    let bench = Bench { options, own: &own, plugin: &plugin, idle: awake.words() };
    let mut results = Vec::new();
    for kind in &options.server {
        match kind {
            Kind::Postgresql => {
                let settings = ["shared_buffers=512MB", MAX_CONNECTIONS];
                let server = Postgres::start(&settings).map_err(|reason| anyhow!(reason))?;
                pin(server.pid())?;
                let subject = pgbench(&server)?;
                if options.method == Method::Rounds {
                    bench.in_rounds(&subject, &mut results)?;
                } else {
                    bench.in_turns(&server, subject, &mut results)?;
                }
            }
            Kind::Mariadb => {
                let settings = ["--innodb-buffer-pool-size=512M"];
                let server = MariaDb::start(&settings).map_err(|reason| anyhow!(reason))?;
                pin(server.pid())?;
                bench.in_rounds(&sysbench(&server)?, &mut results)?;
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
    let args = ["-h", "127.0.0.1", "-p", &port, "-U", USER, "-n", "-S", "-M", "prepared", "-j", "1"];
    Ok(Subject {
        tool: "pgbench",
        program,
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        url: server.url(&database),
        database,
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
        database,
        statement: "SELECT c FROM sbtest1 WHERE id = $1",
        rows: ROWS,
    })
}

/// What all measurements of one call share.
struct Bench<'a> {
    options: &'a Options,
    own: &'a Path,
    plugin: &'a Path,
    /// What idle cores do.
    idle: &'static str,
}

impl Bench<'_> {
    /// One tool after the other, seconds each.
    fn in_rounds(&self, subject: &Subject, results: &mut Vec<Value>) -> anyhow::Result<()> {
        let seconds = self.options.seconds;
        for &connections in &self.options.connections {
            let title = format!("{}, {connections} connections", subject.tool);
            let paired = Paired::measure(&title, subject.names(), self.options.rounds, |index| {
                if index == 0 {
                    self.ours(subject, connections)
                } else {
                    theirs(subject, connections, seconds)
                }
            })?;
            results.push(self.report(&paired, subject.tool, connections));
        }
        Ok(())
    }

    /// Both at once, in turns, each in a database of its own, which is how the server counts their statements apart. In
    /// every other round they change databases, and the order in which they connect.
    fn in_turns(&self, server: &Postgres, subject: Subject, results: &mut Vec<Value>) -> anyhow::Result<()> {
        let copy = format!("{}_copy", subject.database);
        server.sql("postgres", &format!("CREATE DATABASE {copy} TEMPLATE {}", subject.database));
        let subjects = [subject.clone(), Subject { url: server.url(&copy), database: copy, ..subject }];
        for &connections in &self.options.connections {
            let [first, _] = &subjects;
            let title = format!("{}, {connections} connections", first.tool);
            let paired = Paired::together(&title, first.names(), self.options.rounds, |round| {
                self.turns(server, &subjects, connections, round)
            })?;
            results.push(self.report(&paired, first.tool, connections));
        }
        Ok(())
    }

    fn turns(
        &self,
        server: &Postgres,
        subjects: &[Subject; 2],
        connections: u32,
        round: u32,
    ) -> anyhow::Result<Vec<Sample>> {
        let seconds = self.options.seconds;
        // Both are ended when the round is; until then neither may end by itself.
        let longest = 4 * seconds + u32::try_from(SLACK.as_secs())?;
        let directory = tempfile::tempdir()?;
        let start = |index: usize, subject: &Subject| {
            let command = if index == 0 {
                self.own_command(directory.path(), subject, connections, longest)?
            } else {
                their_command(subject, connections, longest)?
            };
            let at_work = format!(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND query LIKE '{}%'",
                subject.database, subject.statement
            );
            let name = if index == 0 { "stresshost" } else { subject.tool };
            let all = connections.to_string();
            Contestant::start(name, command, limit(0), || server.sql("postgres", &at_work) == all)
        };
        let [one, other] = subjects;
        let (mut contestants, own) = if round.is_multiple_of(2) {
            let own = start(0, one)?;
            ([own, start(1, other)?], [one, other])
        } else {
            let theirs = start(1, one)?;
            ([start(0, other)?, theirs], [other, one])
        };
        turns::round(&mut contestants, seconds * TURNS_PER_S, || {
            sleep(COUNTED_AFTER);
            own.iter().map(|subject| committed(server, &subject.database)).collect()
        })
    }

    fn report(&self, paired: &Paired, tool: &str, connections: u32) -> Value {
        let Options { rounds, seconds, .. } = self.options;
        let title = format!(
            "{tool}, {connections} connections, {}: CPU per statement, one core, {rounds} rounds",
            self.idle
        );
        let rows = paired.report(&title, "tool", "stresshost / tool", |index| {
            paired.ratios(0, index, |sample| sample.cost_us)
        });
        let rate = Spread::of(&paired.ratios(0, 1, |sample| sample.requests_per_s));
        println!("statements/s, stresshost / {tool}: {:.3} ({})", rate.median, rate.ends(3));
        json!({
            "tool": tool, "connections": connections, "seconds": seconds, "idle": self.idle, "tools": rows,
            "rate_ratio": { "median": rate.median, "least": rate.least, "most": rate.most },
        })
    }

    fn own_command(
        &self,
        directory: &Path,
        subject: &Subject,
        connections: u32,
        seconds: u32,
    ) -> anyhow::Result<Command> {
        let mut command = on_cores(Some(GENERATOR_CORE), self.own)?;
        command.current_dir(directory).arg("run").arg("--plugin").arg(self.plugin);
        command.args(["--out", "out", "--output-format", "json", "--quiet", "--cores", "1"]);
        command.args(["--vus", &connections.to_string(), "--duration", &format!("{seconds}s")]);
        command.args([&subject.url, subject.statement, &subject.rows.to_string()]);
        Ok(command)
    }

    fn ours(&self, subject: &Subject, connections: u32) -> anyhow::Result<Sample> {
        let (directory, seconds) = (tempfile::tempdir()?, self.options.seconds);
        let mut command = self.own_command(directory.path(), subject, connections, seconds)?;
        let finished = child::run("stresshost", &mut command, limit(seconds))?;
        finished.ended_with(READABLE)?;
        let summary = summary(directory.path())?;
        let statements = summary.operations_done();
        ensure!(summary.operations_failed() == 0, "{} statements failed", summary.operations_failed());
        sample(&finished, statements, statements as f64 / summary.run.duration_s)
    }
}

fn their_command(subject: &Subject, connections: u32, seconds: u32) -> anyhow::Result<Command> {
    let mut command = on_cores(Some(GENERATOR_CORE), &subject.program)?;
    command.args(&subject.args);
    if subject.tool == "pgbench" {
        command.args(["-c", &connections.to_string(), "-T", &seconds.to_string(), &subject.database]);
        command.env("PGPASSWORD", PASSWORD);
    } else {
        command.arg(format!("--threads={connections}")).arg(format!("--time={seconds}")).arg("run");
    }
    Ok(command)
}

fn theirs(subject: &Subject, connections: u32, seconds: u32) -> anyhow::Result<Sample> {
    let finished =
        child::run(subject.tool, &mut their_command(subject, connections, seconds)?, limit(seconds))?;
    finished.ended_with(&[0])?;
    let (statements, rate) = counts(&finished.stdout()).with_context(|| finished.stdout())?;
    sample(&finished, statements, rate)
}

/// Transactions that the server has counted in a database; each is one statement.
fn committed(server: &Postgres, database: &str) -> anyhow::Result<u64> {
    let text = format!("SELECT xact_commit FROM pg_stat_database WHERE datname = '{database}'");
    let told = server.sql("postgres", &text);
    told.parse().with_context(|| format!("`{told}` transactions"))
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
