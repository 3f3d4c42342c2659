//! `instructions`: counts what one iteration of the product takes and fails when that has grown.
//!
//! callgrind counts instructions, which hardly depend on how busy a machine is, so that a change that makes the hot path
//! dearer shows where times would tell nothing. Counted is the task of the virtual user: its ticket, the guest, the HTTP
//! engine, the recording. Not counted are the kernel, the start of the process, what tokio does between two polls, and
//! what the engine does each second, which weighs too much in a load that valgrind slows down fifty times.
//!
//! `server` answers, `callgrind` counts, `record` holds the counts against the recorded ones.

mod callgrind;
mod record;
mod server;

use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;

pub(crate) use callgrind::valgrind;

use crate::bench::workload::json_config;
use crate::build::{self, Profile};
use crate::tools::{root, target_dir};
use callgrind::Subject;
use record::{Counts, Record};
use server::Server;

/// Iterations of a run. The connection and the histograms of the first weigh less than 1% in so many, and with a release
/// build they take less than a second, so that hardly any run is cut into blocks.
const ITERATIONS: u64 = 3_000;

/// Runs of a workload, of which the least counts: a busy machine only adds to them, such as larger histograms for
/// latencies that it made longer.
const RUNS: u32 = 3;

/// Which build, and what becomes of its numbers.
#[derive(Args)]
pub(crate) struct Options {
    /// Use the release build instead of the one the tests use
    #[arg(long)]
    release: bool,
    /// Record the numbers instead of holding them against the recorded ones
    #[arg(long)]
    record: bool,
}

/// Counts, and judges or records.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let profile = if options.release { Profile::Release } else { Profile::Dev };
    let build = profile.name();
    let valgrind = valgrind()?;
    let tools = format!("{}, {}, {}", version("rustc")?, version("valgrind")?, std::env::consts::ARCH);
    let program = build::product(profile)?;
    let subject = Subject { valgrind, program, cache: target_dir()?.join("instructions") };
    let counts = count(&subject)?;
    let mut record = Record::read()?;
    if options.record {
        record.write(build, &counts, &tools)?;
        for (name, count) in counts {
            println!("{name}: {count} instructions an iteration recorded, {build} build");
        }
        return Ok(());
    }
    let command = command(options.release);
    let judged = record
        .judge(build, &counts)
        .with_context(|| format!("record what an iteration takes with `{command}`"))?;
    println!("\nInstructions of an iteration, {build} build");
    for line in judged.lines {
        println!("  {line}");
    }
    if !judged.dropped.is_empty() {
        let dropped = judged.dropped.join(" and ");
        println!("  Less than is recorded: {dropped}. Record it, so that it stays so, with `{command}`");
    }
    if !judged.grown.is_empty() {
        bail!("{}", grown(&judged.grown, &tools, record.with(build), &command));
    }
    Ok(())
}

/// Counts every workload.
fn count(subject: &Subject) -> anyhow::Result<Counts> {
    let server = Server::start()?;
    let directory = tempfile::tempdir()?;
    let config = directory.path().join("json.yaml");
    std::fs::write(&config, json_config(&server.origin()))?;
    let (url, config) = (format!("{}/", server.origin()), config.to_string_lossy());
    eprintln!("> compiling the plugin under valgrind, unless that was done before");
    subject.warm(&[&url])?;
    let mut counts = Vec::new();
    for (name, load) in [("plain", vec![url.as_str()]), ("json", vec!["--config", &config])] {
        let mut least = u64::MAX;
        for run in 1..=RUNS {
            let count = subject.count(&load, ITERATIONS)? / ITERATIONS;
            eprintln!("  {name}, run {run}: {count} instructions an iteration");
            least = least.min(count);
        }
        counts.push((name, least));
    }
    Ok(counts)
}

/// The command that records the numbers of a build.
fn command(release: bool) -> String {
    format!("cargo xtask instructions{} --record", if release { " --release" } else { "" })
}

/// What is wrong, and what to do about it. Other tools make other numbers, which is nobody's regression.
fn grown(grown: &[String], tools: &str, recorded_with: &str, command: &str) -> String {
    let mut text = format!(
        "an iteration takes more instructions: {}. If that cannot be helped, record it with `{command}`",
        grown.join("; ")
    );
    if tools != recorded_with {
        text.push_str(&format!(". The tools differ: recorded with {recorded_with}, measured with {tools}"));
    }
    text
}

/// The first words of what a program says of its version.
fn version(program: &str) -> anyhow::Result<String> {
    let output = Command::new(program).arg("--version").current_dir(root()).output();
    let output = output.with_context(|| format!("cannot start `{program}`"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split(" (").next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_grown_is_told_with_the_way_out() {
        let grown = |with| {
            let what =
                ["plain from 100 to 110, by 10.0%".to_owned(), "json from 1 to 2, by 100.0%".to_owned()];
            grown(&what, "rustc 1", with, &command(false))
        };
        let same = grown("rustc 1");
        assert_eq!(
            same,
            "an iteration takes more instructions: plain from 100 to 110, by 10.0%; json from 1 to 2, by 100.0%. \
             If that cannot be helped, record it with `cargo xtask instructions --record`"
        );
        assert!(grown("rustc 0").ends_with("recorded with rustc 0, measured with rustc 1"));
        assert!(command(true).contains("--release --record"));
    }

    #[test]
    fn a_version_is_told_without_its_date() {
        assert!(version("rustc").unwrap().starts_with("rustc 1."));
        assert!(version("no-such-program").is_err());
    }
}
