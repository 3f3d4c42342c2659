//! What a plugin's `plan` is given.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Schema id of [`PlanInput`].
pub const PLAN_INPUT_SCHEMA: &str = "stresshost.plan-input/1";

/// The user's arguments, flags and config, checked against the descriptor but not yet interpreted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanInput {
    /// Always `stresshost.plan-input/1`.
    pub schema: String,
    /// Arguments without a flag, in order.
    #[serde(default)]
    pub args: Vec<String>,
    /// Flags given, by their canonical name; values as their [`crate::ValueKind`] says. A repeated flag is a list.
    #[serde(default)]
    pub flags: Map<String, Value>,
    /// The config file's content, with `--set` applied; null when there is none.
    #[serde(default)]
    pub config: Value,
    /// Files that documents refer to with `$ref`, by the name of the document's flag; of the config, by an empty name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, DocumentFiles>,
}

/// Files that one document refers to. The host reads those in the document's directory and below.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentFiles {
    /// The document's own file name.
    pub name: String,
    /// Contents by path, relative to the document's directory, with `/` and without `.` and `..`.
    pub files: BTreeMap<String, Value>,
}
