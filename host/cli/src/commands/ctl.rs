//! `stresshost ctl`

use std::path::Path;
use std::time::Duration;

use clap::ArgMatches;
use stresshost_metrics::Snapshot;
use stresshost_plan::parse_rate;
use stresshost_report::text::live_line;

use crate::args;
use crate::control::client::Client;
use crate::control::protocol::{Halt, News, Reply, Request, RunState, Scalable, Scale, Status};
use crate::exit::{Exit, coded, usage};
use crate::printer::Printer;

/// Asks a run that goes on for something.
pub(super) fn ctl(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<Exit> {
    let (name, own) = matches.subcommand().unwrap_or(("status", matches));
    let request = request(name, own)?;
    let mut client = Client::connect(args::text(own, "run").map(Path::new))?;
    let reply = client.ask(&request)?;
    let status = match &reply {
        Reply::Done { status, .. } => status,
        Reply::Refused { error, .. } => return Err(usage(plain(error))),
    };
    let json = args::is_set(own, "json");
    if json {
        let mut line = serde_json::to_vec(&reply)?;
        line.push(b'\n');
        printer.result(&line)?;
    } else {
        printer.result(told(&request, status, client.directory(), printer.columns()).as_bytes())?;
    }
    if request == (Request::Watch {}) {
        return watch(&mut client, status, json, printer);
    }
    Ok(Exit::Pass)
}

fn request(name: &str, matches: &ArgMatches) -> anyhow::Result<Request> {
    Ok(match name {
        "watch" => Request::Watch {},
        "pause" => Request::Pause {},
        "resume" => Request::Resume {},
        "stop" => Request::Stop(Halt { now: args::is_set(matches, "now") }),
        "scale" => {
            let rate = args::text(matches, "rate").map(parse_rate).transpose();
            Request::Scale(Scale {
                scenario: args::text(matches, "scenario").map(str::to_owned),
                vus: matches.get_one::<u64>("vus").copied(),
                rate: rate.map_err(|error| usage(format!("--rate: {error}")))?,
            })
        }
        _ => Request::Status {},
    })
}

/// Shows snapshots until the run is over.
fn watch(client: &mut Client, status: &Status, json: bool, printer: &Printer) -> anyhow::Result<Exit> {
    let lost = || coded(Exit::Unreachable, "the run ended without a word; it may have been killed");
    loop {
        let (line, news) = client.news()?.ok_or_else(lost)?;
        match news {
            _ if json => printer.result(&line)?,
            News::Tick { ref snapshot, .. } => {
                let line = progress(snapshot, status.planned_s, printer.columns());
                printer.result(format!("{line}\n").as_bytes())?;
            }
            News::End { .. } => printer.result(b"the load is over\n")?,
        }
        if matches!(news, News::End { .. }) {
            return Ok(Exit::Pass);
        }
    }
}

/// What a person is told of a request that was met.
fn told(request: &Request, status: &Status, directory: &Path, columns: usize) -> String {
    let run = format!("run {}", plain(&status.run));
    match request {
        Request::Status {} | Request::Watch {} => full(status, directory, columns),
        Request::Pause {} => format!("{run} is paused: what is in flight goes on\n"),
        Request::Resume {} if status.state == RunState::Preparing => format!("{run} is preparing\n"),
        Request::Resume {} => format!("{run} goes on\n"),
        Request::Scale(asked) => {
            let all = status.scalable.iter();
            let one = all
                .filter(|one| asked.scenario.as_ref().is_none_or(|name| *name == one.scenario))
                .map(|one| format!("{run}: {}\n", load(one)));
            one.take(1).collect()
        }
        Request::Stop(Halt { now: false }) => {
            format!("{run} is stopping: iterations in flight have their grace period\n")
        }
        Request::Stop(Halt { now: true }) => format!("{run} is stopping now\n"),
    }
}

fn full(status: &Status, directory: &Path, columns: usize) -> String {
    let mut text = format!(
        "run {}: {}\n  {}, process {}, directory {}\n",
        plain(&status.run),
        plain(&status.name),
        status.state.label(),
        status.pid,
        directory.display()
    );
    if let Some(snapshot) = &status.snapshot {
        text.push_str(&format!("  {}\n", progress(snapshot, status.planned_s, columns.saturating_sub(2))));
    }
    for one in &status.scalable {
        text.push_str(&format!("  can be scaled: {}, at most {}\n", load(one), one.max_vus));
    }
    text
}

/// A scenario and its load.
fn load(one: &Scalable) -> String {
    let users = if one.vus == 1 { "virtual user" } else { "virtual users" };
    let rate = one.rate.map(|rate| format!(", {rate}/s")).unwrap_or_default();
    format!("{}: {} {users}{rate}", plain(&one.scenario), one.vus)
}

fn progress(snapshot: &Snapshot, planned_s: f64, columns: usize) -> String {
    let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
    live_line(snapshot, seconds(snapshot.t_s), Some(seconds(planned_s)), columns)
}

/// A text without what a terminal would obey.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
