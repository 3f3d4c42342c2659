//! `stresshost plugin test`

use std::path::Path;

use anyhow::Context;
use clap::ArgMatches;
use stresshost_metrics::Summary;
use stresshost_plan::Plan;

use super::prepare::{self, prepare};
use super::run::{Job, load};
use crate::exit::{Exit, usage};
use crate::mock::{MAX_VUS, Mock, Server};
use crate::outputs::Specs;
use crate::printer::Printer;
use crate::signals::Signals;
use crate::sources::Sources;
use crate::{args, loader, plugin_args};

/// What a test found.
pub(super) struct Tested {
    pub(super) summary: Summary,
    /// What is not as expected.
    pub(super) deviations: Vec<String>,
    /// What to know besides.
    pub(super) notes: Vec<String>,
}

pub(super) fn test(matches: &ArgMatches, sources: &Sources<'_>, printer: &Printer) -> anyhow::Result<Exit> {
    let signals = Signals::listen().context("cannot listen for signals")?;
    let reference = args::text(matches, "plugin").unwrap_or_default();
    let mock = args::text(matches, "mock").unwrap_or_default();
    let tested = run(sources, reference, Path::new(mock), args::is_set(matches, "update"), &signals)?;
    show(&tested, printer)
}

/// Prints what a test found; how the command ends.
pub(super) fn show(tested: &Tested, printer: &Printer) -> anyhow::Result<Exit> {
    tested.notes.iter().for_each(|note| printer.note(note));
    let mut text = String::new();
    for deviation in &tested.deviations {
        text.push_str(&format!("FAIL  {deviation}\n"));
    }
    if tested.summary.run.interrupted {
        printer.note("the test was interrupted");
        return Ok(Exit::Interrupted);
    }
    if tested.deviations.is_empty() {
        let iterations: u64 =
            tested.summary.scenarios.iter().map(|scenario| scenario.iterations.started).sum();
        text.push_str(&format!("ok    {iterations} iterations did what is expected\n"));
    }
    printer.result(text.as_bytes())?;
    Ok(if tested.deviations.is_empty() {
        Exit::Pass
    } else if tested.summary.faults.is_empty() {
        Exit::Failed
    } else {
        Exit::PluginFault
    })
}

/// Runs a plugin against the mock of a file.
pub(super) fn run(
    sources: &Sources<'_>,
    reference: &str,
    file: &Path,
    update: bool,
    signals: &Signals,
) -> anyhow::Result<Tested> {
    let mock = Mock::read(file)?;
    let (path, plugin) = loader::load(sources, reference, prepare::guest_limits(&[])?)?;
    let descriptor = prepare::describe(&plugin, reference)?;
    let server = Server::start(&mock.replies)?;
    let mut argv = mock.args.clone();
    for name in mock.resolved() {
        argv.extend(["--resolve".to_owned(), format!("{name}={}", server.address)]);
    }
    argv.extend(["--seed".to_owned(), mock.seed.to_string(), "--cores".to_owned(), "1".to_owned()]);
    let command = plugin_args::add(crate::args::run_command(), &descriptor)?.no_binary_name(true);
    let matches = command.try_get_matches_from(&argv).map_err(|error| {
        usage(format!("`args` of `{}`: {}", file.display(), error.render().to_string().trim_end()))
    })?;
    let quiet = Printer::from_environment();
    quiet.set_quiet();
    let prepared = prepare((&path, &plugin), &descriptor, &matches, sources.printer())?;
    if prepared.plan.requirements().peak_vus > MAX_VUS {
        return Err(usage(format!("`{}`: a mock is for at most {MAX_VUS} virtual users", file.display())));
    }
    let directory = Scratch::new()?;
    let streams = Specs::read(&matches, Vec::new())?;
    let job = Job {
        plugin: &plugin,
        descriptor: &descriptor,
        matches: &matches,
        streams: &streams,
        signals,
        progress: false,
        printer: &quiet,
    };
    let (summary, record) = load(&job, &prepared, "test", &directory.0.join("run"))?;
    drop(record);
    let mut deviations = mock.expect.deviations(&summary, &server.seen());
    let mut notes = Vec::new();
    if let Some(snapshot) = mock.snapshot(file) {
        compare_plan(&snapshot, &prepared.plan, update, &mut deviations, &mut notes)?;
    }
    Ok(Tested { summary, deviations, notes })
}

/// Holds the plan against its snapshot. One that is not there yet is written.
fn compare_plan(
    path: &Path,
    plan: &Plan,
    update: bool,
    deviations: &mut Vec<String>,
    notes: &mut Vec<String>,
) -> anyhow::Result<()> {
    let text = format!("{}\n", serde_json::to_string_pretty(plan)?);
    let known = std::fs::read_to_string(path).ok();
    if known.as_deref() == Some(text.as_str()) {
        return Ok(());
    }
    if update || known.is_none() {
        std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))?;
        notes.push(format!("wrote the plan's snapshot `{}`", path.display()));
        return Ok(());
    }
    let known = known.unwrap_or_default();
    let different = known.lines().zip(text.lines()).find(|(before, now)| before != now);
    let what = different.map_or_else(
        || "its length".to_owned(),
        |(before, now)| format!("`{}` was `{}`", now.trim(), before.trim()),
    );
    deviations.push(format!("the plan differs from `{}`: {what}; --update accepts it", path.display()));
    Ok(())
}

/// A directory that is removed again.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let time = stresshost_clock::wall_unix_ms();
        let path = std::env::temp_dir().join(format!("stresshost-test-{}-{time}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make `{}`", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
