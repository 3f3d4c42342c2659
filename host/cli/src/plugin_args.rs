//! A plugin's own arguments: from its descriptor into clap, and from clap into the plan's input.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};
use stresshost_plan::yaml::Document;
use stresshost_plan::{
    Descriptor, Flag, PLAN_INPUT_SCHEMA, PlanInput, ValueKind, parse_bytes, parse_duration_ms, parse_rate,
};

use crate::args::texts;
use crate::capacity::Machine;
use crate::config;
use crate::exit::{Exit, coded, usage};
use crate::referenced;

/// Prefix that keeps a plugin's argument ids apart from stresshost's.
const PREFIX: &str = "plugin:";

/// A number of virtual users that the machine decides.
const AUTO: &str = "auto";

/// Id of a positional argument by its place. No flag's name begins with `<`.
fn positional_id(index: usize) -> String {
    format!("{PREFIX}<{index}>")
}

/// Adds a plugin's arguments to a command.
pub(crate) fn add(mut command: Command, descriptor: &Descriptor) -> anyhow::Result<Command> {
    check(&command, descriptor)
        .map_err(|reason| coded(Exit::PluginFault, format!("plugin `{}` {reason}", descriptor.name)))?;
    for flag in &descriptor.flags {
        command = command.arg(flag_arg(flag));
    }
    for (index, positional) in descriptor.positionals.iter().enumerate() {
        let arg = Arg::new(positional_id(index))
            .value_name(positional.name.clone())
            .help(positional.help.clone())
            .required(positional.required);
        command = command.arg(arg);
    }
    let examples: String = descriptor
        .examples
        .iter()
        .map(|e| format!("  {} {}\n      {}\n", descriptor.name, e.args, e.about))
        .collect();
    let about = format!("{}\n\n{}", descriptor.summary, descriptor.description);
    command = command.long_about(about.trim().to_owned());
    if !examples.is_empty() {
        command = command.after_long_help(format!("Examples:\n{examples}\n{}", crate::exit::TABLE));
    }
    Ok(command)
}

/// Refuses what clap could not tell apart: it breaks on a command that contradicts itself.
fn check(command: &Command, descriptor: &Descriptor) -> Result<(), String> {
    let mut longs: Vec<&str> = command.get_arguments().filter_map(Arg::get_long).collect();
    let mut shorts: Vec<char> = command.get_arguments().filter_map(Arg::get_short).collect();
    longs.push("help");
    shorts.push('h');
    let (own_longs, own_shorts) = (longs.len(), shorts.len());
    for flag in &descriptor.flags {
        for name in std::iter::once(&flag.name).chain(&flag.aliases) {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if name.is_empty() || name.starts_with('-') || !name.bytes().all(plain) {
                return Err(format!(
                    "declares a flag named `{}`, which is not a plain name",
                    name.escape_debug()
                ));
            }
            if let Some(place) = longs.iter().position(|taken| taken == name) {
                return Err(format!("declares `--{name}`, {}", taken(place < own_longs)));
            }
            longs.push(name);
        }
        if let Some(short) = flag.short {
            if !short.is_ascii_alphanumeric() {
                return Err(format!("declares `-{}`, which is not a letter", short.escape_debug()));
            }
            if let Some(place) = shorts.iter().position(|&taken| taken == short) {
                return Err(format!("declares `-{short}`, {}", taken(place < own_shorts)));
            }
            shorts.push(short);
        }
    }
    let mut optional = descriptor.positionals.iter().skip_while(|positional| positional.required);
    match optional.find(|positional| positional.required) {
        Some(late) => Err(format!("requires the argument `{}` after one that may be left out", late.name)),
        None => Ok(()),
    }
}

const fn taken(by_stresshost: bool) -> &'static str {
    if by_stresshost { "which is stresshost's own" } else { "twice" }
}

fn flag_arg(flag: &Flag) -> Arg {
    let mut help = flag.help.clone();
    if let Some(default) = &flag.default {
        help.push_str(&format!(" [default: {default}]"));
    }
    let mut arg = Arg::new(format!("{PREFIX}{}", flag.name))
        .long(flag.name.clone())
        .visible_aliases(flag.aliases.clone())
        .help(help)
        .help_heading("Workload");
    if let Some(short) = flag.short {
        arg = arg.short(short);
    }
    if flag.kind == ValueKind::Switch {
        return arg.action(ArgAction::SetTrue);
    }
    if let ValueKind::Choice(choices) = &flag.kind {
        arg = arg.value_parser(clap::builder::PossibleValuesParser::new(choices.clone()));
    }
    let value_name =
        if flag.value_name.is_empty() { flag.name.to_uppercase() } else { flag.value_name.clone() };
    // A value may begin with a hyphen, as headers and bodies do.
    arg.value_name(value_name).allow_hyphen_values(true).action(if flag.repeated {
        ArgAction::Append
    } else {
        ArgAction::Set
    })
}

/// The plugin's part of the command line, and the document whose positions explain a plan's problems.
pub(crate) struct Input {
    pub(crate) input: PlanInput,
    /// The config, or else a document flag's file.
    pub(crate) document: Option<Document>,
    /// URLs given where the descriptor expects a target.
    pub(crate) targets: Vec<String>,
}

/// What `auto` was taken for, in words for the plan's notes.
pub(crate) fn notes(matches: &ArgMatches, descriptor: &Descriptor) -> Vec<String> {
    let users = descriptor.flags.iter().filter(|flag| flag.kind == ValueKind::Users);
    let auto = users
        .filter(|flag| texts(matches, &format!("{PREFIX}{}", flag.name)).iter().any(|text| text == AUTO));
    auto.map(|flag| {
        let (vus, why) = Machine::read().safe_vus();
        format!("--{} {AUTO}: {vus}, as many as this machine safely holds by {why}", flag.name)
    })
    .collect()
}

/// Reads a plugin's arguments. `config` is the content of `--config`.
pub(crate) fn read(
    matches: &ArgMatches,
    descriptor: &Descriptor,
    config: Option<Document>,
) -> anyhow::Result<Input> {
    let places = 0..descriptor.positionals.len();
    let args: Vec<String> = places.flat_map(|index| texts(matches, &positional_id(index))).collect();
    let declared = descriptor.positionals.iter().zip(&args);
    let targets =
        declared.filter(|(positional, _)| positional.target).map(|(_, text)| text.clone()).collect();
    let mut flags = Map::new();
    let mut files = BTreeMap::new();
    if let Some(config) = &config {
        files.extend(
            referenced::files(config.file_name(), config.value())?.map(|files| (String::new(), files)),
        );
    }
    let mut document = config;
    for flag in &descriptor.flags {
        let id = format!("{PREFIX}{}", flag.name);
        if flag.kind == ValueKind::Switch {
            if crate::args::is_set(matches, &id) {
                flags.insert(flag.name.clone(), Value::Bool(true));
            }
            continue;
        }
        let mut values = Vec::new();
        for text in texts(matches, &id) {
            values.push(match &flag.kind {
                ValueKind::Document => {
                    let read = config::read(&text, &[])?;
                    let value = read.value().clone();
                    files.extend(referenced::files(&text, &value)?.map(|files| (flag.name.clone(), files)));
                    document = document.or(Some(read));
                    value
                }
                kind => scalar(kind, &text).map_err(|reason| usage(format!("--{}: {reason}", flag.name)))?,
            });
        }
        if flag.repeated && !values.is_empty() {
            flags.insert(flag.name.clone(), Value::Array(values));
        } else if let Some(value) = values.pop() {
            flags.insert(flag.name.clone(), value);
        }
    }
    let config = match &document {
        Some(document) if flags_hold_no_document(descriptor, &flags) => document.value().clone(),
        _ => Value::Null,
    };
    let input = PlanInput { schema: PLAN_INPUT_SCHEMA.to_owned(), args, flags, config, files };
    Ok(Input { input, document, targets })
}

fn flags_hold_no_document(descriptor: &Descriptor, flags: &Map<String, Value>) -> bool {
    let documents = descriptor.flags.iter().filter(|flag| flag.kind == ValueKind::Document);
    !documents.into_iter().any(|flag| flags.contains_key(&flag.name))
}

fn scalar(kind: &ValueKind, text: &str) -> Result<Value, String> {
    let number = |value: f64| serde_json::Number::from_f64(value).map(Value::Number);
    match kind {
        ValueKind::Text | ValueKind::Choice(_) => Ok(Value::from(text)),
        ValueKind::Integer => text
            .parse::<u64>()
            .map(Value::from)
            .map_err(|_| format!("`{text}` is not a whole number of 0 or more")),
        ValueKind::Users if text == AUTO => Ok(Value::from(Machine::read().safe_vus().0)),
        ValueKind::Users => text
            .parse::<u64>()
            .map(Value::from)
            .map_err(|_| format!("`{text}` is not a number of virtual users: a whole number, or `auto`")),
        ValueKind::Number => {
            let parsed = text.parse::<f64>().ok().and_then(number);
            parsed.ok_or_else(|| format!("`{text}` is not a number"))
        }
        ValueKind::Duration => parse_duration_ms(text).map(Value::from).map_err(|error| error.to_string()),
        ValueKind::Rate => {
            let rate = parse_rate(text).map_err(|error| error.to_string())?;
            number(rate).ok_or_else(|| format!("`{text}` is not a rate"))
        }
        ValueKind::Bytes => parse_bytes(text).map(Value::from).map_err(|error| error.to_string()),
        ValueKind::TextFile => config::read_text(text).map(Value::from).map_err(|error| format!("{error:#}")),
        ValueKind::Switch | ValueKind::Document => Ok(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stresshost_plan::Positional;

    fn flag(name: &str, aliases: &[&str], short: Option<char>) -> Value {
        serde_json::json!({ "name": name, "aliases": aliases, "short": short, "kind": "text", "help": "" })
    }

    fn descriptor(flags: &[Value]) -> Descriptor {
        let text = serde_json::json!({
            "schema": "", "name": "odd", "version": "", "summary": "", "flags": flags,
        });
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn arguments_that_cannot_be_told_apart_are_refused() {
        let table = [
            (vec![flag("out", &[], None)], "declares `--out`, which is stresshost's own"),
            (vec![flag("help", &[], None)], "declares `--help`, which is stresshost's own"),
            (vec![flag("quick", &[], Some('q'))], "declares `-q`, which is stresshost's own"),
            (vec![flag("a", &[], None), flag("b", &["a"], None)], "declares `--a`, twice"),
            (vec![flag("a", &[], Some('x')), flag("b", &[], Some('x'))], "declares `-x`, twice"),
            (vec![flag("", &[], None)], "declares a flag named ``, which is not a plain name"),
            (vec![flag("a=b", &[], None)], "declares a flag named `a=b`, which is not a plain name"),
            (vec![flag("-a", &[], None)], "declares a flag named `-a`, which is not a plain name"),
            (vec![flag("a", &[], Some('\n'))], "declares `-\\n`, which is not a letter"),
        ];
        for (flags, expected) in table {
            let error = add(crate::args::run_command(), &descriptor(&flags)).unwrap_err();
            assert_eq!(error.to_string(), format!("plugin `odd` {expected}"));
        }
        let positional = |name: &str, required| Positional {
            name: name.into(),
            help: String::new(),
            required,
            target: false,
        };
        let mut late = descriptor(&[]);
        late.positionals = vec![positional("A", false), positional("B", true)];
        let error = add(crate::args::run_command(), &late).unwrap_err().to_string();
        assert_eq!(error, "plugin `odd` requires the argument `B` after one that may be left out");
    }

    #[test]
    fn positionals_keep_their_order() {
        let mut two = descriptor(&[]);
        for (name, target) in [("A", false), ("B", true)] {
            two.positionals.push(Positional {
                name: name.into(),
                help: String::new(),
                required: true,
                target,
            });
        }
        let command = add(crate::args::run_command(), &two).unwrap();
        command.clone().debug_assert();
        let matches = command.try_get_matches_from(["run", "one", "http://h/"]).unwrap();
        let input = read(&matches, &two, None).unwrap();
        assert_eq!(input.input.args, ["one", "http://h/"]);
        assert_eq!(input.targets, ["http://h/"]);
    }

    #[test]
    fn scalars_become_the_json_their_kind_names() {
        let cases = [
            (ValueKind::Text, "x", Value::from("x")),
            (ValueKind::Integer, "50", Value::from(50)),
            (ValueKind::Duration, "1m", Value::from(60_000)),
            (ValueKind::Rate, "600/m", Value::from(10.0)),
            (ValueKind::Bytes, "2KiB", Value::from(2048)),
        ];
        for (kind, text, value) in cases {
            assert_eq!(scalar(&kind, text), Ok(value), "{kind:?} {text}");
        }
        for (kind, text) in
            [(ValueKind::Integer, "-1"), (ValueKind::Number, "NaN"), (ValueKind::Duration, "5 parsecs")]
        {
            assert!(scalar(&kind, text).unwrap_err().contains(text));
        }
    }
}
