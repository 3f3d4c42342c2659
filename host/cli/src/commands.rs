//! One file per subcommand, and the choice between them.

mod compare;
mod completions;
mod ctl;
mod demo;
mod dev;
mod find_max;
mod guest;
mod new;
mod plan;
mod plugin;
mod plugin_build;
mod plugin_check;
mod plugin_test;
mod prepare;
mod rebuilt;
mod replay;
mod report;
mod resolve;
mod run;

use std::ffi::OsString;
use std::path::Path;

use anyhow::Context;
use clap::ArgMatches;
use clap::error::ErrorKind;

pub(crate) use self::new::languages;
pub(crate) use self::replay::Recorded;
use crate::args::values_of;
use crate::call_trace::CallTrace;
use crate::exit::{Exit, usage};
use crate::printer::Printer;
use crate::sources::Sources;
use crate::{args, logging, plugin_args};

/// Chooses the command. A link to this program named after a plugin runs that plugin.
pub(crate) fn dispatch(argv: Vec<OsString>, printer: &Printer) -> anyhow::Result<Exit> {
    let argv = texts(argv)?;
    let (program, rest) =
        argv.split_first().map_or(("stresshost", &[][..]), |(program, rest)| (program.as_str(), rest));
    let called = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or("stresshost");
    if called != "stresshost" && called != "stresshost.exe" {
        return run_named(called, rest, printer);
    }
    match rest.split_first() {
        Some((first, rest)) if first == "run" => with_plugin(Verb::Run, rest, printer),
        Some((first, rest)) if first == "plan" => with_plugin(Verb::Plan, rest, printer),
        Some((first, rest)) if is_plugin_name(first) => {
            crate::loader::check_named(&Sources::from_args(rest, printer), first)
                .with_context(|| format!("`{first}` is not a command of stresshost"))?;
            run_named(first, rest, printer)
        }
        _ => other(&argv, printer),
    }
}

/// The two commands that take a plugin's arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Run,
    Plan,
}

fn texts(argv: Vec<OsString>) -> anyhow::Result<Vec<String>> {
    let text =
        |arg: OsString| arg.into_string().map_err(|arg| usage(format!("argument {arg:?} is not UTF-8")));
    argv.into_iter().map(text).collect()
}

/// Whether a first argument is neither a flag nor a command of stresshost's own.
fn is_plugin_name(first: &str) -> bool {
    !first.starts_with('-') && first != "help" && args::cli().find_subcommand(first).is_none()
}

/// `stresshost NAME ...` is `stresshost run --plugin NAME ...`.
fn run_named(name: &str, rest: &[String], printer: &Printer) -> anyhow::Result<Exit> {
    let named = ["--plugin".to_owned(), name.to_owned()];
    with_plugin(Verb::Run, &[&named[..], rest].concat(), printer)
}

fn with_plugin(verb: Verb, rest: &[String], printer: &Printer) -> anyhow::Result<Exit> {
    let base = match verb {
        Verb::Run => args::run_command(),
        Verb::Plan => args::plan_command(),
    };
    let Some(reference) = values_of("--plugin", rest).into_iter().next() else {
        let parsed = parse(base, rest, printer)?;
        return match parsed {
            Parsed::Shown(exit) => Ok(exit),
            Parsed::Matches(_) => {
                Err(usage("no plugin named: add `--plugin NAME|FILE`; see `stresshost plugin list`"))
            }
        };
    };
    trace_calls(rest, printer)?;
    let limits = prepare::guest_limits(&values_of("--guest-limit", rest))?;
    let (path, plugin) = crate::loader::load(&Sources::from_args(rest, printer), &reference, limits)?;
    let located = (path.as_path(), &plugin);
    let descriptor = prepare::describe(&plugin, &reference)?;
    let command = plugin_args::add(base, &descriptor)?;
    match (parse(command, rest, printer)?, verb) {
        (Parsed::Shown(exit), _) => Ok(exit),
        (Parsed::Matches(matches), Verb::Run) => run::run(located, &descriptor, &matches, printer),
        (Parsed::Matches(matches), Verb::Plan) => plan::plan(located, &descriptor, &matches, printer),
    }
}

/// Begins to trace calls when `--trace-calls` or `--trace-calls=FILE` is given.
fn trace_calls(rest: &[String], printer: &Printer) -> anyhow::Result<()> {
    let flag = format!("--{}", args::TRACE_CALLS);
    let own = rest.iter().take_while(|arg| *arg != "--");
    let given = own.filter_map(|arg| match arg.strip_prefix(&flag)? {
        "" => Some("-"),
        value => value.strip_prefix('='),
    });
    let Some(path) = given.last() else { return Ok(()) };
    if let Some(complaint) = logging::start_traced(false, Some(CallTrace::open(path)?)) {
        printer.warn(&complaint);
    }
    Ok(())
}

enum Parsed {
    Matches(ArgMatches),
    /// Help or a version was asked for and printed.
    Shown(Exit),
}

/// Parses arguments; clap's own messages name the nearest flag.
fn parse(command: clap::Command, rest: &[String], printer: &Printer) -> anyhow::Result<Parsed> {
    let name = format!("stresshost {}", command.get_name());
    let command = command.bin_name(name.clone()).no_binary_name(true);
    match command.try_get_matches_from(rest) {
        Ok(matches) => Ok(Parsed::Matches(matches)),
        Err(error) => shown(&error, printer),
    }
}

fn shown(error: &clap::Error, printer: &Printer) -> anyhow::Result<Parsed> {
    let text = error.render();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text =
                if printer.report_options().color { text.ansi().to_string() } else { text.to_string() };
            printer.result(text.as_bytes())?;
            Ok(Parsed::Shown(Exit::Pass))
        }
        // Nobody asked for the help: it stands in for an error message.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            printer.note(text.to_string().trim_end());
            Ok(Parsed::Shown(Exit::Usage))
        }
        _ => Err(usage(text.to_string().trim_end())),
    }
}

fn other(argv: &[String], printer: &Printer) -> anyhow::Result<Exit> {
    let matches = match args::cli().try_get_matches_from(argv) {
        Ok(matches) => matches,
        Err(error) => {
            return match shown(&error, printer)? {
                Parsed::Shown(exit) => Ok(exit),
                Parsed::Matches(_) => Ok(Exit::Pass),
            };
        }
    };
    match matches.subcommand() {
        Some(("report", matches)) => report::report(matches, printer),
        Some(("replay", matches)) => replay::replay(matches, printer),
        Some(("compare", matches)) => compare::compare_runs(matches, printer),
        Some(("ctl", matches)) => ctl::ctl(matches, printer),
        Some(("plugin", matches)) => {
            trace_calls(&argv[1..], printer)?;
            plugin::plugin(matches, printer)
        }
        Some(("demo", matches)) => demo::demo(matches, printer),
        Some(("dev", matches)) => dev::dev(matches, printer),
        Some(("new", matches)) => new::new(matches, printer),
        Some(("completions", matches)) => completions::completions(matches, printer),
        _ => Err(usage("no such command; see `stresshost --help`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_commands_are_not_plugins() {
        assert!(is_plugin_name("devstress"));
        for own in [
            "run",
            "plan",
            "report",
            "replay",
            "compare",
            "ctl",
            "plugin",
            "demo",
            "dev",
            "new",
            "completions",
            "help",
            "--help",
            "-V",
        ] {
            assert!(!is_plugin_name(own), "{own}");
        }
    }
}
