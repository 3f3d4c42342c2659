//! `stresshost dev`

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::ArgMatches;
use stresshost_metrics::Summary;

use super::plugin_test::{self, Tested};
use crate::args;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::project::Project;
use crate::project::watched::look;
use crate::signals::Signals;
use crate::sources::Sources;

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Builds and tests, and does so again whenever something changes.
pub(super) fn dev(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<Exit> {
    let directory = Path::new(args::text(matches, "dir").unwrap_or("."));
    let signals = Signals::listen().context("cannot listen for signals")?;
    let mut before = None;
    loop {
        // Taken before the build: what is saved while it goes on is built next.
        let (watched, round) = match Project::read(directory) {
            Ok(project) => (project.watched(), Some(project)),
            Err(error) if before.is_none() => return Err(error),
            Err(error) => {
                printer.error(&error);
                (vec![directory.join(crate::project::FILE)], None)
            }
        };
        let state = look(&watched);
        let mut exit = Exit::Usage;
        if let Some(project) = round {
            match build_and_test(&project, &signals, printer) {
                Ok(tested) => {
                    exit = plugin_test::show(&tested, printer)?;
                    printer.result(changes(before.as_ref(), &tested.summary).as_bytes())?;
                    before = Some(tested.summary);
                }
                Err(error) => {
                    exit = Exit::of(&error);
                    printer.error(&error);
                }
            }
        }
        if args::is_set(matches, "once") {
            return Ok(exit);
        }
        printer.note("waiting for a change; Ctrl-C ends");
        while look(&watched) == state {
            if signals.received() {
                return Ok(Exit::Pass);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

fn build_and_test(project: &Project, signals: &Signals, printer: &Printer) -> anyhow::Result<Tested> {
    let component = project.build(printer)?;
    let sources = Sources::files_only(printer);
    plugin_test::run(&sources, &component.display().to_string(), &project.mock(), false, signals)
}

/// What a run did, and what is different from the one before.
fn changes(before: Option<&Summary>, now: &Summary) -> String {
    let (old, new) = (before.map(facts).unwrap_or_default(), facts(now));
    let mut text = String::new();
    for (name, value) in &new {
        match old.get(name) {
            Some(known) if known == value => text.push_str(&format!("  {name}: {value}\n")),
            Some(known) => text.push_str(&format!("~ {name}: {value}, was {known}\n")),
            None if before.is_none() => text.push_str(&format!("  {name}: {value}\n")),
            None => text.push_str(&format!("+ {name}: {value}\n")),
        }
    }
    for (name, value) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
        text.push_str(&format!("- {name}: was {value}\n"));
    }
    text
}

/// The counts of a summary by name. Times of a mock mean little, and would differ each time.
fn facts(summary: &Summary) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    for operation in &summary.operations {
        let errors: u64 = operation.errors.values().sum();
        facts.insert(
            format!("operation `{}`", operation.name),
            format!("{} done, {errors} failed", operation.count),
        );
    }
    for check in &summary.checks {
        facts.insert(
            format!("check `{}`", check.name),
            format!("{} passed, {} failed", check.passed, check.failed),
        );
    }
    for finding in &summary.findings {
        let rule = finding["rule"].as_str().unwrap_or_default();
        facts
            .insert(format!("finding `{rule}`"), format!("{} times", finding["count"].as_u64().unwrap_or(1)));
    }
    let guest_ms = summary.generator.guest_cpu_s * 1e3;
    let iterations: u64 = summary.scenarios.iter().map(|scenario| scenario.iterations.started).sum();
    // Sampled one in 64: below that there is nothing to say.
    if iterations >= 640 {
        let each_us = guest_ms * 1e3 / iterations as f64;
        facts.insert("guest CPU of an iteration".to_owned(), format!("{each_us:.0} us"));
    }
    facts
}
