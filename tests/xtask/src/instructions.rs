//! `instructions`: counts what one iteration of the product takes and fails when that has grown.
//!
//! callgrind counts instructions, which hardly depend on how busy a machine is, so that a change that makes the hot path
//! dearer shows where times would tell nothing. The number is the difference between a long and a short run, over the
//! iterations by which they differ: the start of the process cancels out. Both are over within a second, before the
//! engine's first tick, which weighs too much in a load that valgrind slows down fifty times. Parts of a run cannot be
//! picked out by function, because callgrind loses its way where a guest's stack is switched to.
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

/// Iterations of the two runs.
const SHORT: u64 = 200;
const LONG: u64 = 1_200;

/// Runs of each length, of which the least counts: starts differ by a few hash tables, and a busy machine only adds.
const RUNS: u32 = 5;

/// How often so many runs are made before growth is believed: five starts can all be dear, and one in another five cheap.
const ROUNDS: u32 = 3;

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
    let mut record = Record::read()?;
    let command = command(options.release);
    let judge = |counts: &Counts| {
        let judged = record.judge(build, counts);
        judged.with_context(|| format!("record what an iteration takes with `{command}`"))
    };
    let counts = count(&subject, |counts| Ok(options.record || judge(counts)?.grown.is_empty()))?;
    if options.record {
        record.write(build, &counts, &tools)?;
        for (name, count) in counts {
            println!("{name}: {count} instructions an iteration recorded, {build} build");
        }
        return Ok(());
    }
    let judged = judge(&counts)?;
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

/// Counts every workload, again until the counts are believed.
fn count(subject: &Subject, believed: impl Fn(&Counts) -> anyhow::Result<bool>) -> anyhow::Result<Counts> {
    let server = Server::start()?;
    let directory = tempfile::tempdir()?;
    let config = directory.path().join("json.yaml");
    std::fs::write(&config, json_config(&server.origin()))?;
    let (url, config) = (format!("{}/", server.origin()), config.to_string_lossy());
    eprintln!("> compiling the plugin under valgrind, unless that was done before");
    subject.warm(&[&url])?;
    let mut workloads = [("plain", vec![url.as_str()]), ("json", vec!["--config", &config])]
        .map(|(name, load)| (name, load, (u64::MAX, u64::MAX)));
    let mut rounds = 0;
    loop {
        let mut counts = Vec::new();
        for (name, load, (short, long)) in &mut workloads {
            for run in 1..=RUNS {
                *short = subject.count(load, SHORT)?.min(*short);
                *long = subject.count(load, LONG)?.min(*long);
                let so_far = per_iteration(*short, *long)?;
                eprintln!("  {name}, {run} of {RUNS}: {so_far} instructions an iteration");
            }
            counts.push((*name, per_iteration(*short, *long)?));
        }
        rounds += 1;
        if rounds == ROUNDS || believed(&counts)? {
            return Ok(counts);
        }
        eprintln!("> more than is recorded: counting again");
    }
}

/// Instructions of an iteration, from those of the two runs.
fn per_iteration(short: u64, long: u64) -> anyhow::Result<u64> {
    let more = long.checked_sub(short).filter(|more| *more > 0);
    let more = more.context("the longer run took no more instructions than the shorter one")?;
    Ok(more / (LONG - SHORT))
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
    fn an_iteration_is_what_the_longer_run_took_more() {
        assert_eq!(per_iteration(5_000, 5_000 + (LONG - SHORT) * 7).unwrap(), 7);
        assert!(per_iteration(5, 5).is_err());
        assert!(per_iteration(6, 5).is_err());
    }

    #[test]
    fn a_version_is_told_without_its_date() {
        assert!(version("rustc").unwrap().starts_with("rustc 1."));
        assert!(version("no-such-program").is_err());
    }
}
