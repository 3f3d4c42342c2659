//! `soak`: loads a private shop for long at a high rate and fails when the generator's memory or its run directory grows.
//!
//! `trend` is the statistics, `growth` says what of a trend is a leak, `disk` what a run directory may take.

mod disk;
mod growth;
mod trend;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail, ensure};
use clap::Args;
use stresshost_metrics::{Snapshot, Summary, VerdictStatus};
use stresshost_plan::{format_duration_ms, parse_duration_ms, parse_rate};

use crate::build;
use crate::tools::{cargo, must, target_dir};
use disk::Disk;
use growth::{Growth, growth};

/// Share of the run that is thrown away at its start: histograms, buffers and pages of code come in when they are first
/// needed.
const WARMUP_SHARE: f64 = 0.25;

/// The least that is thrown away, in seconds; half of a run that is shorter than twice this.
const WARMUP_LEAST_S: f64 = 10.0;

/// Shortest run: half of it leaves just enough values.
const DURATION_LEAST_MS: u64 = 20_000;

/// Virtual users, the most iterations in flight.
const USERS: u32 = 200;

/// Requests of an iteration of [`config`].
const REQUESTS_PER_ITERATION: f64 = 5.0;

/// Exit code of a run whose generator was the bottleneck.
const INVALID: i32 = 12;

const MIB: f64 = 1024.0 * 1024.0;

/// How long and how fast.
#[derive(Args)]
pub(crate) struct Options {
    /// Length of the load; at least 20s, which is what CI runs
    #[arg(long, default_value = "10m", value_parser = duration)]
    duration: u64,
    /// Requests per second
    #[arg(long, default_value = "20000/s", value_parser = parse_rate)]
    rate: f64,
    /// Use the release build instead of the one the tests use
    #[arg(long)]
    release: bool,
    /// Keep the run directory here
    #[arg(long)]
    out: Option<PathBuf>,
}

fn duration(text: &str) -> Result<u64, String> {
    let ms = parse_duration_ms(text).map_err(|error| error.to_string())?;
    if ms < DURATION_LEAST_MS {
        return Err(format!("give at least {}", format_duration_ms(DURATION_LEAST_MS)));
    }
    Ok(ms)
}

/// Loads, measures and judges.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let programs = programs(options.release)?;
    let directory = tempfile::tempdir()?;
    let out = options.out.clone().unwrap_or_else(|| directory.path().join("out"));
    ensure!(!out.exists(), "`{}` exists already; name a directory that does not", out.display());
    load(options, &programs, directory.path(), &out)?;

    let summary: Summary = serde_json::from_slice(&std::fs::read(out.join("summary.json"))?)?;
    let duration_s = options.duration as f64 / 1e3;
    let warmup_s = warmup_s(duration_s);
    let samples = resident(&out, warmup_s, duration_s)?;
    let judged = growth(&samples).context("too few snapshots to judge memory by")?;
    let disk = Disk::of(&out)?;
    print_load(options, &summary);
    print_memory(&samples, warmup_s, &judged, summary.operations_done() as f64 / duration_s);
    print_disk(&disk, duration_s);
    verdict(&summary, &judged, &disk.problems(duration_s.ceil() as u64))
}

/// Builds what is needed and returns the directory of the programs.
fn programs(release: bool) -> anyhow::Result<PathBuf> {
    build::plugins()?;
    let mut build = cargo();
    build.args(["build", "-p", "stresshost", "-p", "stresshost-shop"]);
    if release {
        build.arg("--release");
    }
    must(&mut build)?;
    Ok(target_dir()?.join(if release { "release" } else { "debug" }))
}

/// A shop of its own; stopped when dropped.
struct Shop {
    child: Child,
    url: String,
}

impl Shop {
    fn start(program: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{}`", program.display()))?;
        let stdout = child.stdout.take().context("the shop has no output")?;
        let mut shop = Self { child, url: String::new() };
        // It prints its address when it is ready, and nothing after that.
        BufReader::new(stdout).read_line(&mut shop.url)?;
        shop.url = shop.url.trim().to_owned();
        ensure!(shop.url.starts_with("http://"), "the shop does not start");
        Ok(shop)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // It fails only when the shop has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Several operations, extraction, checks that hold, one of a status that is a failure elsewhere, and a body.
fn config(url: &str, options: &Options) -> String {
    let (rate, duration_ms) = (options.rate / REQUESTS_PER_ITERATION, options.duration);
    format!(
        r#"target_url: {url}
rate: {rate}
users: {USERS}
duration: {duration_ms}ms
requests:
  - name: product
    get: /products/{{{{random.1-500}}}}
    extract: {{ id: /id }}
    check: {{ status: 200, body_contains: '"id"' }}
  - {{ name: stock, get: "/products/{{{{id}}}}/stock", check: {{ status: 200 }} }}
  - {{ name: page, get: "/products?per_page=5&page={{{{random.1-100}}}}", check: {{ status: 200 }} }}
  - {{ name: missing, get: /products/999999, check: {{ status: 404 }} }}
  - name: refused
    post: /auth/token
    json: {{ username: nobody, password: "{{{{uuid}}}}" }}
    check: {{ status: 401 }}
"#
    )
}

fn load(options: &Options, programs: &Path, directory: &Path, out: &Path) -> anyhow::Result<()> {
    let shop = Shop::start(&programs.join("shop"))?;
    let file = directory.join("soak.yaml");
    std::fs::write(&file, config(&shop.url, options))?;
    let plugin = target_dir()?.join("wasm32-wasip2/plugin/devstress.wasm");
    eprintln!("> loading for {}", format_duration_ms(options.duration));
    let mut command = Command::new(programs.join("stresshost"));
    command.arg("run").arg("--plugin").arg(plugin).arg("--config").arg(file).arg("--out").arg(out);
    let output = command.args(["--no-progress", "--quiet"]).stdin(Stdio::null()).output()?;
    match output.status.code() {
        Some(0 | INVALID) => Ok(()),
        _ => bail!(
            "stresshost failed: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

fn warmup_s(duration_s: f64) -> f64 {
    (duration_s * WARMUP_SHARE).max(WARMUP_LEAST_S.min(duration_s / 2.0))
}

/// Resident bytes of each snapshot between the warm-up and the end of the load, where virtual users begin to leave.
fn resident(out: &Path, warmup_s: f64, duration_s: f64) -> anyhow::Result<Vec<(f64, f64)>> {
    let path = out.join("snapshots.jsonl");
    let file = std::fs::File::open(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut samples = Vec::new();
    for line in BufReader::new(file).lines() {
        let snapshot: Snapshot = serde_json::from_str(&line?).context("not a snapshot")?;
        if snapshot.t_s > warmup_s && snapshot.t_s < duration_s {
            ensure!(snapshot.generator.rss_bytes > 0, "this system does not tell resident memory");
            samples.push((snapshot.t_s, snapshot.generator.rss_bytes as f64));
        }
    }
    Ok(samples)
}

fn print_load(options: &Options, summary: &Summary) {
    let build = if options.release { "release" } else { "dev" };
    println!(
        "\nLoad: {} at {}/s, {build} build: {} requests, {} failed, CPU {:.0}% of {} cores, verdict {}",
        format_duration_ms(options.duration),
        options.rate,
        summary.operations_done(),
        summary.operations_failed(),
        summary.generator.cpu_share * 100.0,
        summary.run.host.cores,
        summary.verdict.status.label(),
    );
    for reason in &summary.verdict.reasons {
        println!("  {reason}");
    }
}

fn print_memory(samples: &[(f64, f64)], warmup_s: f64, judged: &Growth, served_per_s: f64) {
    let mut bytes: Vec<f64> = samples.iter().map(|sample| sample.1).collect();
    bytes.sort_unstable_by(f64::total_cmp);
    let mib = |index: usize| bytes.get(index).map_or(0.0, |bytes| bytes / MIB);
    let (trend, per_hour) = (&judged.trend, 3600.0 / MIB);
    println!(
        "Resident memory after {warmup_s:.0} s: least {:.1} MiB, median {:.1} MiB, most {:.1} MiB",
        mib(0),
        mib(bytes.len() / 2),
        mib(bytes.len().saturating_sub(1)),
    );
    println!(
        "  rank test z = {:.2} of {} batches of {} s, neighbours correlated by {:.2}: {}",
        trend.z,
        trend.batches,
        trend.batch_len,
        trend.dependence,
        if trend.rises() { "it rises" } else { "no rise" },
    );
    println!(
        "  slope {:+.2} MiB/h, {:.0}% sure that it is above {:+.2} MiB/h; allowed are {:.2} MiB/h",
        trend.slope * per_hour,
        (1.0 - trend::FALSE_ALARMS) * 100.0,
        trend.slope_least * per_hour,
        judged.allowed_per_s * per_hour,
    );
    println!(
        "  grown by {:+.2} MiB; a leak of {:.1} KiB/s, {:.2} bytes a request, would have been found",
        judged.grown / MIB,
        judged.would_find_per_s / 1024.0,
        judged.would_find_per_s / served_per_s.max(1.0),
    );
}

fn print_disk(disk: &Disk, duration_s: f64) {
    let mib = |bytes: u64| bytes as f64 / MIB;
    println!(
        "Run directory: {:.1} MiB: record {:.1} MiB in {} lines, snapshots {:.2} MiB ({:.1} MiB/h), other {:.2} MiB",
        mib(disk.bytes()),
        mib(disk.records.bytes),
        disk.records.lines,
        mib(disk.snapshots.bytes),
        mib(disk.snapshots.bytes) * 3600.0 / duration_s,
        mib(disk.other_bytes),
    );
}

/// Everything that is wrong, as one error.
fn verdict(summary: &Summary, judged: &Growth, disk: &[String]) -> anyhow::Result<()> {
    let mut problems: Vec<String> = Vec::new();
    if judged.leaks {
        let slope = judged.trend.slope / 1024.0;
        problems.push(format!("resident memory grows by {slope:.1} KiB a second"));
    }
    problems.extend(disk.iter().map(|problem| format!("the run directory has {problem}")));
    let failed = summary.operations_failed();
    if failed > 0 {
        problems.push(format!("{failed} requests failed; the shop answers all of them"));
    }
    let broken: u64 = summary.checks.iter().map(|check| check.failed).sum();
    if broken > 0 {
        problems.push(format!("{broken} checks did not hold; the shop answers as they say"));
    }
    if !matches!(summary.verdict.status, VerdictStatus::Pass | VerdictStatus::Invalid) {
        problems.push(format!("the verdict is {}", summary.verdict.status.label()));
    }
    if problems.is_empty() {
        println!("OK");
        return Ok(());
    }
    bail!("{}", problems.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warmup_is_a_quarter_and_never_more_than_half() {
        assert_eq!([20.0, 30.0, 600.0, 7200.0].map(warmup_s), [10.0, 10.0, 150.0, 1800.0]);
    }

    #[test]
    fn a_run_too_short_to_judge_is_refused() {
        assert_eq!(duration("20s"), Ok(20_000));
        assert!(duration("19s").unwrap_err().contains("20s"));
        assert!(duration("soon").is_err());
    }

    #[test]
    fn only_snapshots_of_the_steady_load_count() {
        let directory = tempfile::tempdir().unwrap();
        let snapshot = |t_s: f64, rss_bytes: u64| {
            let line = serde_json::json!({
                "t_s": t_s, "interval_s": 1.0, "vus_busy": 1, "fired": 1, "done": 1, "errors": 0,
                "bytes_received": 0, "response_us": null, "lag_p99_us": 0, "scenarios": [],
                "generator": { "cpu_share": 0.1, "rss_bytes": rss_bytes, "own_lag_p99_us": 0 },
            });
            format!("{line}\n")
        };
        let text: String = (1..=21).map(|t| snapshot(f64::from(t), 1_000 + u64::from(t as u32))).collect();
        std::fs::write(directory.path().join("snapshots.jsonl"), text).unwrap();
        let samples = resident(directory.path(), 10.0, 20.0).unwrap();
        assert_eq!(samples.first(), Some(&(11.0, 1_011.0)));
        assert_eq!(samples.last(), Some(&(19.0, 1_019.0)));
        std::fs::write(directory.path().join("snapshots.jsonl"), snapshot(15.0, 0)).unwrap();
        assert!(resident(directory.path(), 10.0, 20.0).unwrap_err().to_string().contains("resident memory"));
    }
}
