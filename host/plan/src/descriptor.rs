//! What a plugin says of itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
