//! The arguments stresshost itself knows. A plugin's own come from its descriptor: see `plugin_args`.

mod plugin;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};

use crate::exit::TABLE;

/// Flags shared by `run` and `plan`, in the order `--help` shows them.
pub(crate) const PLUGIN: &str = "plugin";

/// Flag that is looked at before the plugin is loaded, as calls of its `describe` are traced as well.
pub(crate) const TRACE_CALLS: &str = "trace-calls";

/// The whole command line, without any plugin's arguments.
pub(crate) fn cli() -> Command {
    Command::new("stresshost")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Load and validation host whose workloads are sandboxed WebAssembly components")
        .after_help(TABLE)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .allow_external_subcommands(true)
        .subcommand(run_command())
        .subcommand(plan_command())
        .subcommand(report_command())
        .subcommand(replay_command())
        .subcommand(ctl_command())
        .subcommand(compare_command())
        .subcommand(plugin::plugin_command())
        .subcommand(demo_command())
        .subcommand(new_command())
        .subcommand(dev_command())
        .subcommand(
            Command::new("completions")
                .about("Print a completion script for a shell")
                .arg(Arg::new("shell").required(true).value_parser(value_parser!(clap_complete::Shell))),
        )
}

/// `run` with stresshost's own flags.
pub(crate) fn run_command() -> Command {
    let command = Command::new("run")
        .about("Run a workload: stresshost run --plugin NAME|FILE [plugin's arguments]")
        .after_help(format!("A plugin's own arguments: stresshost run --plugin NAME --help\n\n{TABLE}"));
    live_args(output_args(load_args(command)))
}

/// `plan` with stresshost's own flags.
pub(crate) fn plan_command() -> Command {
    load_args(
        Command::new("plan").about("Print what `run` with the same arguments would do, and run nothing"),
    )
    .arg(switch("json", "Print the plan as JSON"))
}

fn load_args(command: Command) -> Command {
    command
        .arg(value(
            PLUGIN,
            "NAME|FILE",
            "The workload: a .wasm file, a plugin's name, NAMESPACE:NAME[@VERSION] or oci://HOST/NAMESPACE/NAME:VERSION",
        ))
        .args(source_args())
        .arg(value("config", "FILE", "Config of the workload, YAML or JSON"))
        .arg(list("set", "PATH=VALUE", "Set a value of the config, such as `scenarios[0].users=50`"))
        .arg(
            value("seed", "N", "Seed of every random choice [default: a new one, printed and recorded]")
                .value_parser(value_parser!(u64)),
        )
        .arg(list(
            "threshold",
            "EXPR",
            "What must hold, such as `http.response_us.p95 < 300ms` or `errors<1%, abort after 10s`",
        ))
        .arg(list(
            "limit",
            "[WHAT=]RATE",
            "Rate limit: of everything, of a scenario, or of a scheme://host:port",
        ))
        .arg(list(
            "guest-limit",
            "NAME=VALUE",
            "Change a limit of the sandbox, such as `memory=256MiB`, `compute=30s` or `log-lines=0`; a wrong name lists \
             them all",
        ))
        .arg(value(
            "on-fault",
            "POLICY",
            "When a plugin breaks: restart-vu[:FAULTS] (and stop it after so many), stop-plugin or abort-run [default: \
             restart-vu:100]",
        ))
        .arg(list(
            "secret",
            "NAME=SOURCE",
            "Let requests carry a value the workload never sees, as `{{secret:NAME}}`: from env:VARIABLE, file:PATH or \
             command:COMMAND; NAME@TARGET=SOURCE sends it there only",
        ))
        .arg(list("allow", "TARGET", "Let the workload reach a target: scheme://host:port, `*` for any part"))
}

/// What goes on beside a run.
fn live_args(command: Command) -> Command {
    command
        .arg(trace_calls())
        .arg(switch("profile-guest", "Say at the end which functions of the plugin its CPU went to"))
        .arg(
            list(
                "stream",
                "SPEC",
                "Send a snapshot a second to jsonl:FILE|-, csv:FILE|-, prometheus:ADDR:PORT (to be scraped), \
                 prometheus-rw:URL (remote write) or otlp:URL",
            )
            .conflicts_with("find-max"),
        )
        .arg(
            list(
                "stream-header",
                "HEADER",
                "Header of every request of the streams, such as 'x-api-key: KEY'",
            )
            .requires("stream"),
        )
        .arg(
            value(
                "control",
                "ADDRESS",
                "Serve live control over HTTP as well, at 127.0.0.1:PORT with a token",
            )
            .conflicts_with("find-max"),
        )
}

fn output_args(command: Command) -> Command {
    command
        .arg(value("out", "DIR", "Run directory [default: stresshost-out/<id>]"))
        .arg(
            value(
                "output-format",
                "LIST",
                "Reports to write into the run directory: text,json,html,junit,sarif [default: json,html]",
            )
            .value_delimiter(','),
        )
        .arg(list(
            "report-file",
            "FILE",
            "Also write a report here, by extension: .txt, .json, .html, .xml, .sarif",
        ))
        .arg(switch("json", "Print the summary as JSON instead of the text report"))
        .arg(switch("no-progress", "Show no progress"))
        .arg(switch("quiet", "Print results and errors only").short('q'))
        .arg(
            value("cores", "N", "Cores to generate load on [default: all]")
                .value_parser(value_parser!(u32).range(1..=1024)),
        )
        .arg(switch(
            "ignore-capacity",
            "Run although this machine has too little of something the plan needs",
        ))
        .args(find_max_args())
        .arg(list("resolve", "RULE", "Connect elsewhere: name:port=address:port"))
        .arg(switch("insecure", "Accept any TLS certificate"))
        .arg(list("ca", "FILE", "Trust the certificates in a PEM file"))
        .arg(value(
            "client-cert",
            "FILE",
            "Show the certificate in a PEM file to servers that ask who the client is",
        ))
        .arg(
            value("client-key", "FILE", "The private key of --client-cert, if that file does not hold it")
                .requires("client-cert"),
        )
}

fn find_max_args() -> Vec<Arg> {
    let one = |name, value_name, help| {
        value(name, value_name, help).requires("find-max").help_heading("Find the highest rate")
    };
    vec![
        switch("find-max", "Search for the highest rate that meets the --slo, by runs at different rates")
            .requires("slo")
            .help_heading("Find the highest rate"),
        one("slo", "EXPR", "What each run must meet, such as `p99<200ms`; may be repeated")
            .action(ArgAction::Append),
        one("find-from", "RATE", "Rate of the first run [default: the plan's, else 100/s]"),
        one("find-most", "RATE", "Highest rate tried [default: 1000000/s]"),
        one("find-step", "DURATION", "Length of each run, a fifth of it warm-up [default: 10s]"),
        one("find-precision", "SHARE", "How near to the limit the search goes [default: 5%]"),
    ]
}

fn report_command() -> Command {
    Command::new("report")
        .about("Render a run again from its run directory, even one that was killed")
        .arg(Arg::new("dir").value_name("DIR").required(true).help("Run directory"))
        .arg(value("output-format", "FORMAT", "text, json, html, junit or sarif [default: text]"))
        .arg(
            switch("audit", "Compute every number again from the record and compare it with the summary")
                .conflicts_with("output-format"),
        )
        .arg(switch("json", "Print the audit as JSON").requires("audit"))
}

fn replay_command() -> Command {
    Command::new("replay")
        .about("Run a recorded run again: the same plan, seed, plugins, grants and limits, into a new run directory")
        .after_help(
            "The plugins are read from where they were and must have the recorded digests, else the command ends with \
             15.\nFlags of `run` about output, such as --out, --json or --stream, follow the directory.",
        )
        .arg(Arg::new("dir").value_name("DIR").required(true).help("Run directory"))
        .arg(
            Arg::new("flags")
                .value_name("FLAGS")
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .help("Flags of `run`, as far as they do not change what is run"),
        )
}

fn compare_command() -> Command {
    Command::new("compare")
        .about("Tell whether two runs differ, by how much, and how sure that is")
        .arg(Arg::new("A").required(true).help("Run directory of the first run, such as that of the last release"))
        .arg(Arg::new("B").required(true).help("Run directory of the run that is held against it"))
        .arg(switch("json", "Print the comparison as JSON"))
        .arg(value(
            "fail-on-regression",
            "SHARE",
            "End with 10 when a number of B is worse by more than this, such as 5%, and with 11 when that cannot be \
             said",
        ))
        .arg(list(
            "metric",
            "NAME",
            "Compare this number only, such as `response_us.p95`, or `response_us` for all of it; may be repeated",
        ))
}

fn ctl_command() -> Command {
    let scale = Command::new("scale")
        .about("Change the virtual users or the rate of a scenario that is controlled from outside")
        .arg(value("scenario", "NAME", "Which scenario; may be left out when only one can be scaled"))
        .arg(value("vus", "N", "Virtual users").value_parser(value_parser!(u64)))
        .arg(value("rate", "RATE", "Iterations per second, such as `50/s`"))
        .group(ArgGroup::new("to").args(["vus", "rate"]).required(true));
    let stop = Command::new("stop")
        .about("End the load; the report is written all the same")
        .arg(switch("now", "Interrupt iterations in flight instead of waiting for them"));
    Command::new("ctl")
        .about("Watch and steer a run that goes on")
        .after_help(
            "Exit codes:\n    0  done\n    2  wrong usage, or refused by the run\n    3  no such run, or it does not go on",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .arg(
            value("run", "DIR", "Run directory [default: the newest run below stresshost-out that goes on]")
                .global(true),
        )
        .arg(switch("json", "Print what the run answers, as JSON").global(true))
        .subcommand(Command::new("status").about("Show how the run is doing"))
        .subcommand(Command::new("watch").about("Show a line a second until the load is over"))
        .subcommand(Command::new("pause").about("Begin no new iterations; those in flight go on"))
        .subcommand(Command::new("resume").about("Go on after a pause"))
        .subcommand(scale)
        .subcommand(stop)
}

fn new_command() -> Command {
    let lang = value("lang", "LANGUAGE", "What it is written in").required(true);
    Command::new("new")
        .about("Make a plugin's project, with the SDK, the contract, a test and how to build it")
        .arg(Arg::new("name").value_name("NAME").required(true).help("Name of the plugin"))
        .arg(lang.value_parser(clap::builder::PossibleValuesParser::new(crate::commands::languages())))
        .arg(value("dir", "DIR", "Where [default: a directory of that name]"))
}

fn dev_command() -> Command {
    Command::new("dev")
        .about("Build and test a plugin's project whenever one of its files changes; Ctrl-C ends")
        .arg(Arg::new("dir").value_name("DIR").help("The project [default: this directory]"))
        .arg(switch("once", "Build and test once, and end as the test did"))
}

fn demo_command() -> Command {
    output_args(Command::new("demo").about("Load a shop that runs inside this process, and show the result"))
        .arg(value("duration", "DURATION", "Length of the load").default_value("10s"))
        .arg(value("seed", "N", "Seed of every random choice").value_parser(value_parser!(u64)))
}

/// Flags by which a command says where plugins may come from; `sources` reads them.
fn source_args() -> Vec<Arg> {
    let heading = "Where plugins come from";
    let flags = [
        list(
            "registry",
            "LOCATION",
            "Ask this registry instead of the configured ones: a directory or oci://HOST[/PREFIX]",
        ),
        switch("locked", "Run only what stresshost.lock pins, and do not change it"),
        switch("offline", "Ask no registry: the lock file and the store must suffice"),
        switch(
            "allow-unsigned",
            "Accept a plugin of a registry that nobody has signed; the lock file records it",
        ),
        switch("accept", "Give a new version of a pinned plugin what it asks for beyond the old one"),
    ];
    flags.into_iter().map(|flag| flag.help_heading(heading)).collect()
}

/// The trace of a plugin's calls; its file needs a `=`, so that a plugin's argument is not taken for one.
fn trace_calls() -> Arg {
    value(
        TRACE_CALLS,
        "FILE",
        "Write every call the plugin makes of the host, with arguments cut to size and times, to standard error or \
         =FILE; for few users",
    )
    .num_args(0..=1)
    .require_equals(true)
    .default_missing_value("-")
}

fn value(name: &'static str, value_name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value_name).help(help)
}

fn list(name: &'static str, value_name: &'static str, help: &'static str) -> Arg {
    value(name, value_name, help).action(ArgAction::Append)
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

/// Every value of a list argument.
pub(crate) fn texts(matches: &ArgMatches, name: &str) -> Vec<String> {
    let values = matches.try_get_many::<String>(name).ok().flatten();
    values.map(|values| values.cloned().collect()).unwrap_or_default()
}

/// The value of a text argument.
pub(crate) fn text<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.try_get_one::<String>(name).ok().flatten().map(String::as_str)
}

/// Whether a switch was given.
pub(crate) fn is_set(matches: &ArgMatches, name: &str) -> bool {
    matches.try_get_one::<bool>(name).ok().flatten().copied().unwrap_or(false)
}

/// Every value of a flag, read before the plugin's own flags are known.
pub(crate) fn values_of(flag: &str, rest: &[String]) -> Vec<String> {
    let mut own = rest.iter().take_while(|arg| *arg != "--");
    let mut values = Vec::new();
    while let Some(arg) = own.next() {
        if arg == flag {
            values.extend(own.next().cloned());
        } else if let Some(value) = arg.strip_prefix(flag).and_then(|rest| rest.strip_prefix('=')) {
            values.push(value.to_owned());
        }
    }
    values
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::cli().debug_assert();
    }

    #[test]
    fn flags_are_found_before_the_plugins_own_are_known() {
        let find = |flag: &str, args: &[&str]| {
            super::values_of(flag, &args.iter().map(|&arg| arg.to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(find("--plugin", &["--vus", "5", "--plugin", "x.wasm", "http://h"]), ["x.wasm"]);
        assert_eq!(find("--plugin", &["--plugin=x", "--plugins=y"]), ["x"]);
        assert!(find("--plugin", &["http://h", "--", "--plugin", "x"]).is_empty());
        assert!(find("--plugin", &["--plugin"]).is_empty());
        let limits = ["--guest-limit", "memory=1", "--guest-limit=table=2"];
        assert_eq!(find("--guest-limit", &limits), ["memory=1", "table=2"]);
    }
}
