//! What a plugin says of itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{MAX_FLAGS, MAX_LINE_BYTES, MAX_PLUGIN_NAME_BYTES};

/// Schema id of [`Descriptor`].
pub const DESCRIPTOR_SCHEMA: &str = "stresshost.descriptor/1";

/// A plugin's description: its name, its arguments and what it asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Descriptor {
    /// Always `stresshost.descriptor/1`.
    pub schema: String,
    /// Name of the plugin: lower-case letters, digits and hyphens.
    pub name: String,
    /// Semantic version of the plugin.
    pub version: String,
    /// One line for listings and `--help`.
    pub summary: String,
    /// A longer text for `--help`.
    #[serde(default)]
    pub description: String,
    /// Arguments without a flag, in order.
    #[serde(default)]
    pub positionals: Vec<Positional>,
    /// Flags the plugin takes on the command line.
    #[serde(default)]
    pub flags: Vec<Flag>,
    /// What the plugin needs to be granted.
    #[serde(default)]
    pub asks: Asks,
    /// JSON Schema of the config file it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<serde_json::Value>,
    /// Command lines for `--help`.
    #[serde(default)]
    pub examples: Vec<Example>,
}

impl Descriptor {
    /// What is wrong with it, in a sentence: a name that could be a path, texts that would change a terminal, or more of
    /// something than anybody reads. What its flags mean is judged where they meet the host's own.
    pub fn problem(&self) -> Option<String> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        let named = (1..=MAX_PLUGIN_NAME_BYTES).contains(&self.name.len());
        if !named || !self.name.bytes().all(plain) {
            let mut name = self.name.clone();
            name.truncate(name.floor_char_boundary(MAX_PLUGIN_NAME_BYTES));
            return Some(format!(
                "its name `{}` is not 1 to {MAX_PLUGIN_NAME_BYTES} lower-case letters, digits, `-` and `_`",
                name.escape_debug()
            ));
        }
        let lists = [
            ("flags", self.flags.len()),
            ("positionals", self.positionals.len()),
            ("examples", self.examples.len()),
            ("targets it asks for", self.asks.targets.len()),
            ("secrets it asks for", self.asks.secrets.len()),
        ];
        if let Some((what, count)) = lists.into_iter().find(|(_, count)| *count > MAX_FLAGS) {
            return Some(format!("it has {count} {what}, the most is {MAX_FLAGS}"));
        }
        let lines = [("version", &self.version), ("summary", &self.summary)].into_iter();
        let helps =
            self.flags.iter().flat_map(|flag| [("help", &flag.help), ("value name", &flag.value_name)]);
        let positionals = self.positionals.iter().flat_map(|one| [("help", &one.help), ("name", &one.name)]);
        let examples = self.examples.iter().flat_map(|one| [("example", &one.args), ("example", &one.about)]);
        let asks = &self.asks;
        let asked = asks.targets.iter().map(|one| ("target", one));
        let asked = asked.chain(asks.secrets.iter().map(|one| ("secret", one)));
        let mut lines = lines.chain(helps).chain(positionals).chain(examples).chain(asked);
        if let Some((what, _)) =
            lines.find(|(_, line)| line.len() > MAX_LINE_BYTES || line.contains(char::is_control))
        {
            return Some(format!(
                "a {what} is longer than {MAX_LINE_BYTES} bytes or holds control characters"
            ));
        }
        let odd = |c: char| c.is_control() && c != '\n';
        self.description.contains(odd).then(|| "its description holds control characters".to_owned())
    }
}

/// An argument without a flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Positional {
    /// Name of the value in [`crate::PlanInput::args`] order and in `--help`.
    pub name: String,
    /// One line for `--help`.
    pub help: String,
    /// Whether the command line must have it.
    #[serde(default)]
    pub required: bool,
    /// Whether naming a target here grants that target to the plugin.
    #[serde(default)]
    pub target: bool,
}

/// A flag of the plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flag {
    /// Long name, without dashes; also its key in [`crate::PlanInput::flags`].
    pub name: String,
    /// Other long names that mean the same.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// One-letter name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub short: Option<char>,
    /// What the flag's value is.
    pub kind: ValueKind,
    /// Name of the value in `--help`, such as `SECONDS`.
    #[serde(default)]
    pub value_name: String,
    /// One line for `--help`.
    pub help: String,
    /// Whether the flag may be given more than once; its value is then a list.
    #[serde(default)]
    pub repeated: bool,
    /// Shown in `--help`; the plugin applies it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// What a flag's value is. The host checks it and hands the plugin the JSON value named here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ValueKind {
    /// No value: the flag is there or not. JSON `true`.
    Switch,
    /// Any text. JSON string.
    Text,
    /// A whole number of 0 or more. JSON integer.
    Integer,
    /// A number of virtual users, or `auto` for as many as the machine safely holds. JSON integer.
    Users,
    /// A number. JSON number.
    Number,
    /// A duration such as `300`, `5m`, `1h30m`, `250ms`. JSON integer of milliseconds.
    Duration,
    /// A rate such as `5000`, `100/s`, `600/m`. JSON number per second.
    Rate,
    /// A size such as `64KiB`, `10MB`. JSON integer of bytes.
    Bytes,
    /// One of a list of words. JSON string.
    Choice(Vec<String>),
    /// A YAML or JSON file. The host reads it; the JSON value is its content.
    Document,
    /// A text file. The host reads it; the JSON value is its content as a string.
    TextFile,
}

/// What a plugin asks to be granted, by name, so that people can see it before they run it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asks {
    /// Targets beyond those the plan names, as `scheme://host:port` with `*` for any part.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Names of the secrets it puts on the wire as `{{secret:NAME}}`; `*` for whichever its config names.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Whether it writes artifacts into the run directory.
    #[serde(default)]
    pub artifacts: bool,
}

/// A command line with what it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Example {
    /// What follows the plugin's name.
    pub args: String,
    /// What it does.
    pub about: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Descriptor {
        let text =
            format!(r#"{{"schema": "{DESCRIPTOR_SCHEMA}", "name": "", "version": "1.0.0", "summary": "s"}}"#);
        Descriptor { name: name.to_owned(), ..serde_json::from_str(&text).expect("a descriptor") }
    }

    #[test]
    fn names_are_no_paths_and_no_colours() {
        for name in ["a", "api-stress_2", &"x".repeat(MAX_PLUGIN_NAME_BYTES)] {
            assert_eq!(named(name).problem(), None, "{name}");
        }
        for name in
            ["", "../up", "a/b", "A", "a\u{1b}[31m", "ä", "a b", &"x".repeat(MAX_PLUGIN_NAME_BYTES + 1)]
        {
            let problem = named(name).problem().expect(name);
            assert!(problem.contains("its name") && !problem.contains('\u{1b}'), "{problem}");
        }
    }

    #[test]
    fn texts_cannot_change_a_terminal_or_flood_it() {
        for text in ["\u{1b}[2J", "two\nlines", &"x".repeat(MAX_LINE_BYTES + 1)] {
            let summary = Descriptor { summary: text.to_owned(), ..named("a") };
            assert!(summary.problem().is_some_and(|problem| problem.contains("a summary")), "{text:?}");
        }
        assert!(Descriptor { description: "two\nlines".into(), ..named("a") }.problem().is_none());
        assert!(Descriptor { description: "\r".into(), ..named("a") }.problem().is_some());
        let example = Example { args: String::new(), about: String::new() };
        let many = Descriptor { examples: vec![example; MAX_FLAGS + 1], ..named("a") };
        assert!(many.problem().is_some_and(|problem| problem.contains("501 examples")));
    }
}
