//! The arguments stresshost itself knows. A plugin's own come from its descriptor: see `plugin_args`.

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::exit::TABLE;

/// Flags shared by `run` and `plan`, in the order `--help` shows them.
pub(crate) const PLUGIN: &str = "plugin";

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
        .subcommand(plugin_command())
        .subcommand(demo_command())
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
    output_args(load_args(command))
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
        .arg(value(PLUGIN, "NAME|FILE", "The workload: a plugin's name or a .wasm file"))
        .arg(value("config", "FILE", "Config of the workload, YAML or JSON"))
        .arg(list("set", "PATH=VALUE", "Set a value of the config, such as `scenarios[0].users=50`"))
        .arg(
            value("seed", "N", "Seed of every random choice [default: a new one, printed and recorded]")
                .value_parser(value_parser!(u64)),
        )
        .arg(list("allow", "TARGET", "Let the workload reach a target: scheme://host:port, `*` for any part"))
}

fn output_args(command: Command) -> Command {
    command
        .arg(value("out", "DIR", "Run directory [default: stresshost-out/<id>]"))
        .arg(
            value(
                "output-format",
                "LIST",
                "Reports to write into the run directory: text,json,html,junit [default: json,html]",
            )
            .value_delimiter(','),
        )
        .arg(list("report-file", "FILE", "Also write a report here, by extension: .txt, .json, .html, .xml"))
        .arg(switch("json", "Print the summary as JSON instead of the text report"))
        .arg(switch("no-progress", "Show no progress"))
        .arg(switch("quiet", "Print results and errors only").short('q'))
        .arg(
            value("cores", "N", "Cores to generate load on [default: all]")
                .value_parser(value_parser!(u32).range(1..=1024)),
        )
        .arg(list("resolve", "RULE", "Connect elsewhere: name:port=address:port"))
        .arg(switch("insecure", "Accept any TLS certificate"))
        .arg(list("ca", "FILE", "Trust the certificates in a PEM file"))
}

fn report_command() -> Command {
    Command::new("report")
        .about("Render a run again from its run directory")
        .arg(Arg::new("dir").value_name("DIR").required(true).help("Run directory"))
        .arg(value("output-format", "FORMAT", "text, json, html or junit [default: text]"))
}

fn plugin_command() -> Command {
    Command::new("plugin")
        .about("Look at plugins")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(Command::new("list").about("List the plugins in the plugin directories"))
        .subcommand(
            Command::new("inspect")
                .about("Print what a plugin is, what it imports and what it asks for")
                .arg(Arg::new("plugin").value_name("NAME|FILE").required(true).help("The plugin"))
                .arg(switch("json", "Print its descriptor as JSON")),
        )
}

fn demo_command() -> Command {
    output_args(Command::new("demo").about("Load a shop that runs inside this process, and show the result"))
        .arg(value("duration", "DURATION", "Length of the load").default_value("10s"))
        .arg(value("seed", "N", "Seed of every random choice").value_parser(value_parser!(u64)))
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

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::cli().debug_assert();
    }
}
