//! `stresshost run`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::ArgMatches;
use serde_json::json;
use stresshost_engine::{RunError, RunSpec, Steering, Stop};
use stresshost_metrics::{HostInfo, PluginInfo, Summary};
use stresshost_plan::{Analysis, Descriptor, Plan};
use stresshost_report::Format;
use stresshost_wasm::{CallError, Plugin};

use super::find_max::find_max;
use super::guest;
use super::prepare::{Prepared, call_error, prepare};
use super::replay;
use crate::capacity::Machine;
use crate::control::{Control, Controlled, Listener};
use crate::exit::{Exit, coded, usage};
use crate::outputs::{Outputs, Specs};
use crate::printer::Printer;
use crate::progress::Progress;
use crate::run_dir::{RunDir, write_report};
use crate::signals::Signals;
use crate::{args, logging, secrets};

pub(super) fn run(
    located: (&Path, &Plugin),
    descriptor: &Descriptor,
    matches: &ArgMatches,
    printer: &Printer,
) -> anyhow::Result<Exit> {
    run_prepared(located.1, descriptor, matches, printer, || prepare(located, descriptor, matches, printer))
}

/// Runs what `prepared` makes, once it is known that everything around it can be done.
pub(super) fn run_prepared(
    plugin: &Plugin,
    descriptor: &Descriptor,
    matches: &ArgMatches,
    printer: &Printer,
    prepared: impl FnOnce() -> anyhow::Result<Prepared>,
) -> anyhow::Result<Exit> {
    let output = Output::read(matches)?;
    if output.quiet {
        printer.set_quiet();
    }
    if let Some(complaint) = logging::start(output.quiet) {
        printer.warn(&complaint);
    }
    let streams = streams(matches, &output)?;
    let prepared = prepared()?;
    let signals = Signals::listen().context("cannot listen for signals")?;
    let progress = output.progress;
    let job = Job { plugin, descriptor, matches, streams: &streams, signals: &signals, progress, printer };
    let id = run_id(prepared.seed);
    let path = output.out.clone().unwrap_or_else(|| Path::new("stresshost-out").join(&id));
    if args::is_set(matches, "find-max") {
        return find_max(&job, &prepared, &id, &path, output.json);
    }
    check_capacity(&prepared.plan, matches, printer)?;
    let (summary, mut directory) = load(&job, &prepared, &id, &path)?;
    let mut broke = false;
    let analysis = match plugin.analyze(&summary) {
        Ok(analysis) => Some(analysis),
        Err(error) => {
            broke = matches!(error, CallError::Fault { .. });
            printer.warn(&format!("there is no analysis: {}", call_error(error, None)));
            None
        }
    };
    // Each is tried, whatever becomes of the others: a full disk must not take the result from the screen.
    let printed = print(&summary, analysis.as_ref(), &output, &streams, printer);
    let kept = directory.finish(&summary, analysis.as_ref(), &output.formats);
    directory.warnings().iter().for_each(|warning| printer.warn(warning));
    if kept.is_ok() {
        printer.note(&format!("run directory: {}", directory.path().display()));
        if output.formats.contains(&Format::Html) {
            printer.note(&format!("report: {}", directory.path().join(Format::Html.file_name()).display()));
        }
    }
    for (path, format) in &output.files {
        write_report(path, *format, &summary, analysis.as_ref())
            .with_context(|| format!("cannot write the report `{}`", path.display()))?;
    }
    printed.and(kept)?;
    // A verdict other than pass says more than that the plugin broke on reading it.
    Ok(match Exit::of_summary(&summary) {
        Exit::Pass if broke => Exit::PluginFault,
        exit => exit,
    })
}

/// What to write where.
struct Output {
    out: Option<PathBuf>,
    formats: Vec<Format>,
    files: Vec<(PathBuf, Format)>,
    json: bool,
    progress: bool,
    quiet: bool,
}

impl Output {
    fn read(matches: &ArgMatches) -> anyhow::Result<Self> {
        let names = args::texts(matches, "output-format");
        let formats: Result<Vec<Format>, _> = names.iter().map(|name| name.trim().parse()).collect();
        let mut formats = formats.map_err(usage)?;
        if formats.is_empty() {
            formats = vec![Format::Json, Format::Html];
        }
        let files = args::texts(matches, "report-file");
        let quiet = args::is_set(matches, "quiet");
        Ok(Self {
            out: args::text(matches, "out").map(PathBuf::from),
            formats,
            files: files.iter().map(|file| report_file(file)).collect::<anyhow::Result<_>>()?,
            json: args::is_set(matches, "json"),
            progress: !quiet && !args::is_set(matches, "no-progress"),
            quiet,
        })
    }
}

fn report_file(file: &str) -> anyhow::Result<(PathBuf, Format)> {
    let path = Path::new(file);
    let format = match path.extension().and_then(|extension| extension.to_str()) {
        Some("txt") => Format::Text,
        Some("json") => Format::Json,
        Some("html") => Format::Html,
        Some("xml") => Format::Junit,
        Some("sarif") => Format::Sarif,
        _ => {
            return Err(usage(format!(
                "--report-file: `{file}` must end in .txt, .json, .html, .xml or .sarif"
            )));
        }
    };
    Ok((path.to_owned(), format))
}

/// A run that is to be done: the plugin, its arguments and what was made of them.
pub(super) struct Job<'a> {
    pub(super) plugin: &'a Plugin,
    pub(super) descriptor: &'a Descriptor,
    pub(super) matches: &'a ArgMatches,
    pub(super) streams: &'a Specs,
    pub(super) signals: &'a Signals,
    pub(super) progress: bool,
    pub(super) printer: &'a Printer,
}

/// Runs the load into a run directory, recording it as it goes.
pub(super) fn load(
    job: &Job<'_>,
    prepared: &Prepared,
    id: &str,
    path: &Path,
) -> anyhow::Result<(Summary, RunDir)> {
    let Prepared { plan, seed, .. } = prepared;
    let (plugin, host) = (guest::plugin_info(job.plugin, job.descriptor), guest::host_info());
    let http = args::text(job.matches, "control").map(Listener::open).transpose()?;
    let mut outputs = Outputs::open(job.streams, id, &plan.name, job.printer)?;
    // Before there is a directory: wrong connection settings leave nothing behind.
    let parts = guest::wasm_parts(prepared, job.matches, path)?;
    let mut directory = RunDir::create(path, &record(id, prepared, job.matches, &plugin, &host))?;
    let profiles = guest::profiles(&parts);
    let guest = guest::guest(prepared, parts)?;
    // A search says itself what each of its trials is.
    if !args::is_set(job.matches, "find-max") {
        announce(prepared, id, *seed, job.printer);
    }
    let (stop, steering) = (Stop::default(), Steering::new(&plan.schedule()));
    job.signals.follow(stop.clone());
    let controlled = Controlled { run: id, plan, directory: path, steering: &steering, stop: &stop, http };
    let control = Control::serve(&controlled, job.printer)?;
    let spec = RunSpec {
        guest: Arc::new(guest),
        plan: Arc::new(plan.clone()),
        id: id.to_owned(),
        seed: *seed,
        cores: guest::cores(job.matches),
        stop,
        steering,
        on_fault: prepared.on_fault,
        plugin,
        host,
    };
    let mut progress = Progress::new(job.printer, job.progress, Duration::from_millis(plan.duration_ms()));
    let summary = stresshost_engine::run(spec, &mut |event| {
        directory.on_event(&event);
        control.on_event(&event);
        outputs.on_event(&event);
        progress.on_event(&event);
    });
    progress.finish();
    drop(control);
    outputs.finish().iter().for_each(|lost| job.printer.warn(lost));
    for (plugin, profile) in &profiles {
        job.printer.note(&guest::profile_text(plugin, profile));
    }
    let summary = summary.map_err(run_error)?;
    directory.ended(&summary);
    Ok((summary, directory))
}

/// Refuses a plan that this machine cannot bear, or only says so when it is told to go on.
pub(super) fn check_capacity(plan: &Plan, matches: &ArgMatches, printer: &Printer) -> anyhow::Result<()> {
    let shortfalls = Machine::read().shortfalls(plan);
    let lines: Vec<String> = shortfalls.iter().map(ToString::to_string).collect();
    if args::is_set(matches, "ignore-capacity") {
        lines.iter().for_each(|line| printer.warn(line));
        return Ok(());
    }
    if lines.is_empty() {
        return Ok(());
    }
    Err(usage(format!(
        "this machine cannot bear the plan (--ignore-capacity tries all the same):\n  {}",
        lines.join("\n  ")
    )))
}

fn announce(prepared: &Prepared, id: &str, seed: u64, printer: &Printer) {
    let Prepared { plan, grants, secrets, .. } = prepared;
    printer.note(&format!("run {id}: {} (seed {seed})", plan.name));
    for phase in plan.schedule().phases {
        let of = if phase.name.is_empty() { String::new() } else { format!("{}, ", phase.name) };
        for stream in phase.streams {
            printer.note(&format!("  {of}{}: {}", stream.name, stream.executor.describe()));
        }
    }
    printer.note(&format!("  granted: {}", grants.describe()));
    if !secrets.is_empty() {
        printer.note(&format!("  secrets: {}", secrets::describe(secrets)));
    }
}

fn run_error(error: RunError) -> anyhow::Error {
    let exit = match &error {
        RunError::Setup { .. } | RunError::Start { .. } => Exit::Unreachable,
        RunError::Plan(_) => Exit::Usage,
        RunError::Fault(_) => Exit::PluginFault,
        RunError::Stopped => Exit::Interrupted,
        RunError::Os(_) => Exit::Internal,
    };
    coded(exit, error)
}

fn print(
    summary: &Summary,
    analysis: Option<&Analysis>,
    output: &Output,
    streams: &Specs,
    printer: &Printer,
) -> anyhow::Result<()> {
    let format = if output.json { Format::Json } else { Format::Text };
    let mut text = Vec::new();
    stresshost_report::render(format, summary, analysis, &printer.report_options(), &mut text)?;
    if streams.takes_stdout() {
        printer.note(String::from_utf8_lossy(&text).trim_end());
        return Ok(());
    }
    printer.result(&text)
}

/// The streams asked for; one on standard output leaves no room there for a summary.
fn streams(matches: &ArgMatches, output: &Output) -> anyhow::Result<Specs> {
    let streams = Specs::read(matches, guest::ca_pem(matches)?)?;
    if output.json && streams.takes_stdout() {
        return Err(usage("--json and a stream want standard output; write the stream to a file"));
    }
    Ok(streams)
}

/// The time to the second, and something that tells two runs of one second apart.
fn run_id(seed: u64) -> String {
    let time = stresshost_clock::rfc3339(stresshost_clock::wall_unix_ms());
    let digits: String = time.chars().take(19).filter(char::is_ascii_digit).collect();
    let (date, clock) = digits.split_at(8);
    format!("{date}-{clock}-{:04x}", (seed ^ u64::from(std::process::id())) & 0xffff)
}

/// What `run.json` records before the load begins: enough to run it again.
fn record(
    id: &str,
    prepared: &Prepared,
    matches: &ArgMatches,
    plugin: &PluginInfo,
    host: &HostInfo,
) -> serde_json::Value {
    let limits: serde_json::Map<String, serde_json::Value> =
        prepared.limits.values().map(|(name, value)| (name.to_owned(), value.into())).collect();
    json!({
        "schema": "stresshost.run/1",
        "id": id,
        "seed": prepared.seed,
        "plugin": plugin,
        "host": host,
        "granted": prepared.grants.texts,
        "secrets": prepared.secrets,
        "limits": limits,
        "replay": replay::Recorded::of(prepared, matches),
        "plan": prepared.plan,
    })
}
