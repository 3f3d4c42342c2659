//! A plugin's own arguments: from its descriptor into clap, and from clap into the plan's input.

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};
use stresshost_plan::yaml::Document;
use stresshost_plan::{
    Descriptor, Flag, PLAN_INPUT_SCHEMA, PlanInput, ValueKind, parse_bytes, parse_duration_ms, parse_rate,
};

use crate::args::texts;
use crate::config;
use crate::exit::usage;

/// Prefix that keeps a plugin's argument ids apart from stresshost's.
const PREFIX: &str = "plugin:";
/// Id of a positional argument by its place. No flag's name begins with `<`.
fn positional_id(index: usize) -> String {
    format!("{PREFIX}<{index}>")
}

/// Adds a plugin's arguments to a command.
pub(crate) fn add(mut command: Command, descriptor: &Descriptor) -> anyhow::Result<Command> {
    let taken: Vec<String> =
        command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)).collect();
    for flag in &descriptor.flags {
        for name in std::iter::once(&flag.name).chain(&flag.aliases) {
            if taken.contains(name) || name == "help" {
                let plugin = &descriptor.name;
                return Err(usage(format!(
                    "plugin `{plugin}` declares `--{name}`, which is stresshost's own"
                )));
            }
        }
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
    let input = PlanInput { schema: PLAN_INPUT_SCHEMA.to_owned(), args, flags, config };
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
