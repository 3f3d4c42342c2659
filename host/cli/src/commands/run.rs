//! `stresshost run`

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::ArgMatches;
use serde_json::json;
use stresshost_engine::{Event, RunError, RunSpec, Stop};
use stresshost_io::http::{HttpConfig, HttpShared, HttpVersion, Resolve, TlsConfig};
use stresshost_metrics::{HostInfo, PluginInfo, Summary};
use stresshost_plan::{Analysis, Descriptor, Plan};
use stresshost_report::Format;
use stresshost_wasm::{ArtifactStore, Plugin, WasmGuest, WasmSetup};

use super::prepare::{Prepared, call_error, prepare};
use crate::exit::{Exit, coded, usage};
use crate::grants::Grants;
use crate::printer::Printer;
use crate::progress::Progress;
use crate::run_dir::{RunDir, write_report};
use crate::{args, env, logging, signals};

pub(super) fn run(
    plugin: &Plugin,
    descriptor: &Descriptor,
    matches: &ArgMatches,
    printer: &Printer,
) -> anyhow::Result<Exit> {
    let output = Output::read(matches)?;
    if output.quiet {
        printer.set_quiet();
    }
    if let Some(complaint) = logging::start(output.quiet) {
        printer.warn(&complaint);
    }
    let prepared = prepare(plugin, descriptor, matches)?;
    let (summary, mut directory) = load(plugin, descriptor, matches, &prepared, &output, printer)?;
    let analysis = match plugin.analyze(&summary) {
        Ok(analysis) => Some(analysis),
        Err(error) => {
            printer.warn(&format!("there is no analysis: {}", call_error(error, None)));
            None
        }
    };
    // Each is tried, whatever becomes of the others: a full disk must not take the result from the screen.
    let printed = print(&summary, analysis.as_ref(), &output, printer);
    let kept = directory.finish(&summary, analysis.as_ref(), &output.formats);
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
    Ok(Exit::of_summary(&summary))
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
        _ => return Err(usage(format!("--report-file: `{file}` must end in .txt, .json, .html or .xml"))),
    };
    Ok((path.to_owned(), format))
}

/// Runs the load, recording it as it goes.
fn load(
    plugin: &Plugin,
    descriptor: &Descriptor,
    matches: &ArgMatches,
    prepared: &Prepared,
    output: &Output,
    printer: &Printer,
) -> anyhow::Result<(Summary, RunDir)> {
    let Prepared { plan, grants, seed } = prepared;
    let id = run_id(*seed);
    let path = output.out.clone().unwrap_or_else(|| Path::new("stresshost-out").join(&id));
    let http = HttpShared::new(http_config(matches, plan)?, grants.egress()).map_err(usage)?;
    let (plugin_info, host) = (plugin_info(plugin, descriptor), host_info());
    let mut directory = RunDir::create(&path, &record(&id, prepared, &plugin_info, &host))?;
    let cache = env::compiled_dir();
    let setup = WasmSetup {
        plugin: descriptor.name.clone(),
        plan,
        seed: *seed,
        http,
        artifacts: descriptor.asks.artifacts.then(|| ArtifactStore::new(path.join("artifacts"))),
        cache: cache.as_deref(),
    };
    let guest = WasmGuest::new(plugin.loadable(), setup).map_err(usage)?;
    let stop = Stop::default();
    signals::stop_on_signals(stop.clone()).context("cannot listen for signals")?;
    announce(plan, &id, *seed, grants, printer);
    let spec = RunSpec {
        guest: Arc::new(guest),
        plan: Arc::new(plan.clone()),
        id,
        seed: *seed,
        cores: cores(matches),
        stop,
        plugin: plugin_info,
        host,
    };
    let mut progress = Progress::new(printer, output.progress, Duration::from_millis(plan.duration_ms()));
    let summary = stresshost_engine::run(spec, &mut |event| {
        if let Event::Snapshot(snapshot) = &event {
            directory.snapshot(snapshot);
        }
        progress.on_event(&event);
    });
    progress.finish();
    Ok((summary.map_err(run_error)?, directory))
}

fn announce(plan: &Plan, id: &str, seed: u64, grants: &Grants, printer: &Printer) {
    printer.note(&format!("run {id}: {} (seed {seed})", plan.name));
    for scenario in &plan.scenarios {
        printer.note(&format!("  {}: {}", scenario.name, scenario.executor.describe()));
    }
    printer.note(&format!("  granted: {}", grants.describe()));
}

fn run_error(error: RunError) -> anyhow::Error {
    let exit = match &error {
        RunError::Setup { .. } | RunError::Start { .. } => Exit::Unreachable,
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
    printer: &Printer,
) -> anyhow::Result<()> {
    let format = if output.json { Format::Json } else { Format::Text };
    let mut text = Vec::new();
    stresshost_report::render(format, summary, analysis, &printer.report_options(), &mut text)?;
    printer.result(&text)
}

fn http_config(matches: &ArgMatches, plan: &Plan) -> anyhow::Result<HttpConfig> {
    let defaults = HttpConfig::default();
    let options = &plan.http;
    let version = match options.version.as_deref() {
        None => HttpVersion::Auto,
        Some(text) => {
            text.parse().map_err(|()| usage(format!("`{text}` is no HTTP version: auto, 1 or 2")))?
        }
    };
    let resolve: Result<Vec<Resolve>, _> =
        args::texts(matches, "resolve").iter().map(|rule| rule.parse()).collect();
    let ca_pem =
        args::texts(matches, "ca").iter().map(|path| certificates(path)).collect::<anyhow::Result<_>>()?;
    let kept = options.max_body_kept_bytes.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    Ok(HttpConfig {
        connect_timeout_ms: options.connect_timeout_ms.unwrap_or(defaults.connect_timeout_ms),
        request_timeout_ms: options.request_timeout_ms.unwrap_or(defaults.request_timeout_ms),
        keep_alive: options.keep_alive.unwrap_or(defaults.keep_alive),
        version,
        tls: TlsConfig { insecure: args::is_set(matches, "insecure"), ca_pem, ..TlsConfig::default() },
        resolve: resolve.map_err(usage)?,
        max_body_kept_bytes: kept.unwrap_or(defaults.max_body_kept_bytes),
        max_response_bytes: options.max_response_bytes.unwrap_or(defaults.max_response_bytes),
        ..defaults
    })
}

/// Reads a PEM file. What is in its certificates is looked at later, when the file's name is not known any more.
fn certificates(path: &str) -> anyhow::Result<Vec<u8>> {
    let pem = std::fs::read(path).map_err(usage).with_context(|| format!("--ca: cannot read `{path}`"))?;
    let label = b"-----BEGIN CERTIFICATE-----";
    if pem.windows(label.len()).any(|window| window == label) {
        return Ok(pem);
    }
    Err(usage(format!(
        "--ca: `{path}` holds no certificate; give a PEM file with `-----BEGIN CERTIFICATE-----`"
    )))
}

fn cores(matches: &ArgMatches) -> usize {
    let all = || std::thread::available_parallelism().map_or(1, usize::from);
    matches.get_one::<u32>("cores").map_or_else(all, |cores| *cores as usize)
}

fn plugin_info(plugin: &Plugin, descriptor: &Descriptor) -> PluginInfo {
    let digest = plugin.loadable().digest.clone();
    PluginInfo { name: descriptor.name.clone(), version: descriptor.version.clone(), digest }
}

fn host_info() -> HostInfo {
    HostInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        cores: 0,
    }
}

/// The time to the second, and something that tells two runs of one second apart.
fn run_id(seed: u64) -> String {
    let time = stresshost_clock::rfc3339(stresshost_clock::wall_unix_ms());
    let digits: String = time.chars().take(19).filter(char::is_ascii_digit).collect();
    let (date, clock) = digits.split_at(8);
    format!("{date}-{clock}-{:04x}", (seed ^ u64::from(std::process::id())) & 0xffff)
}

/// What `run.json` records before the load begins: enough to run it again.
fn record(id: &str, prepared: &Prepared, plugin: &PluginInfo, host: &HostInfo) -> serde_json::Value {
    json!({
        "schema": "stresshost.run/1",
        "id": id,
        "seed": prepared.seed,
        "plugin": plugin,
        "host": host,
        "granted": prepared.grants.texts,
        "plan": prepared.plan,
    })
}
