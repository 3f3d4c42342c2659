//! Criteria as people write them in YAML, such as `p95_response_time: "<100ms"`, read as thresholds.
//!
//! A name says what is looked at, perhaps of which plugin or kind of target; a value says the limit, perhaps with a
//! comparison. Names without a meaning are refused: a criterion nobody judges would look like one that was met.

mod limit;
mod name;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::yaml::mark::push_token;
use crate::{Expression, Problem, Threshold};
use name::Named;

/// Groups of criteria that say nothing about what is looked at.
const PLAIN_GROUPS: &[&str] = &["overall", "per_application", "per_plugin", "applications", "plugins"];

/// Reads one criterion. `apps` are the names of the plugins in the plan: one may precede the name, as in
/// `devstress_success_rate`, and the threshold is then about that plugin alone.
///
/// Times without a unit are milliseconds; shares above 1 are per cent. Without a comparison the value is the most that
/// is allowed for times and errors, and the least for everything else. Options of the threshold language may follow the
/// limit: `"<100ms over 30s, abort"`.
///
/// # Errors
/// When the name has no meaning or the value is no limit for it. The problem has no path.
pub fn criterion(name: &str, value: &Value, apps: &[&str]) -> Result<Threshold, Problem> {
    let label = format!("{name}: {value}");
    let Some(named) = Named::find(name, apps) else {
        return subject(name, value, label).unwrap_or_else(|| Err(name::unknown(name, apps)));
    };
    let limit = limit::read(name, named.measure, value)?;
    let text = format!("{} {limit}", named.subject);
    let expression = Expression::parse(&text).map_err(|error| {
        let problem = Problem::new("", format!("{value} is not a limit for `{name}`: {}", error.fault()));
        problem.hint(error.hint().unwrap_or(named.measure.form()))
    })?;
    Ok(Threshold {
        expression: expression.to_string(),
        label,
        plugin: named.plugin.unwrap_or_default().to_owned(),
        ..Threshold::default()
    })
}

/// A name that is the subject of a threshold in the language itself, such as `http.errors{scenario=checkout}`.
fn subject(name: &str, value: &Value, label: String) -> Option<Result<Threshold, Problem>> {
    let Value::String(limit) = value else { return None };
    if !name.contains(['.', '{']) {
        return None;
    }
    let read = expression(&format!("{name} {limit}"));
    Some(read.map(|threshold| Threshold { label, ..threshold }))
}

fn expression(text: &str) -> Result<Threshold, Problem> {
    match Expression::parse(text) {
        Ok(expression) => Ok(Threshold::new(expression.to_string())),
        Err(error) => Err(error.into_problem("")),
    }
}

/// Reads criteria: a map of names to limits, or a list of such maps and of thresholds as texts. A map under `overall`
/// or `per_application` groups criteria; one under the name of a plugin is about that plugin.
///
/// `path` is the JSON pointer to `value`, for problems.
///
/// # Errors
/// Every problem there is.
pub fn criteria(value: &Value, path: &str, apps: &[&str]) -> Result<Vec<Threshold>, Vec<Problem>> {
    let mut reader = Reader { apps, thresholds: Vec::new(), problems: Vec::new() };
    reader.any(value, path, "");
    if reader.problems.is_empty() { Ok(reader.thresholds) } else { Err(reader.problems) }
}

struct Reader<'a> {
    apps: &'a [&'a str],
    thresholds: Vec<Threshold>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn any(&mut self, value: &Value, path: &str, plugin: &str) {
        match value {
            Value::Null => {}
            Value::Object(map) => self.map(map, path, plugin),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}/{index}");
                    match item {
                        Value::Object(map) => self.map(map, &path, plugin),
                        Value::String(text) => self.keep(self.sentence(text), &path, plugin),
                        other => self.wrong(other, &path),
                    }
                }
            }
            Value::String(text) => self.keep(self.sentence(text), path, plugin),
            other => self.wrong(other, path),
        }
    }

    fn map(&mut self, map: &Map<String, Value>, path: &str, plugin: &str) {
        for (name, value) in map {
            let path = push_token(path, name);
            if !(value.is_object() || value.is_array()) {
                self.keep(criterion(name, value, self.apps), &path, plugin);
            } else if PLAIN_GROUPS.contains(&name.as_str()) {
                self.any(value, &path, plugin);
            } else if let Some(app) = self.apps.iter().find(|app| **app == name) {
                self.any(value, &path, app);
            } else {
                let message = format!("`{name}` is no group of criteria");
                let groups = PLAIN_GROUPS[..2].iter().chain(self.apps).map(|group| format!("`{group}`"));
                let hint = format!("groups are {}", groups.collect::<Vec<_>>().join(", "));
                self.problems.push(Problem::new(path, message).hint(hint));
            }
        }
    }

    /// A criterion as one text: a threshold, or a name and a limit.
    fn sentence(&self, text: &str) -> Result<Threshold, Problem> {
        let read = expression(text);
        if read.is_ok() {
            return read;
        }
        let Some(at) = text.find(['<', '>', '=', '!', '≤', '≥']) else { return read };
        let (name, limit) = (text[..at].trim(), text[at..].trim());
        if Named::find(name, self.apps).is_none() {
            return read;
        }
        let threshold = criterion(name, &Value::String(limit.to_owned()), self.apps)?;
        Ok(Threshold { label: text.to_owned(), ..threshold })
    }

    fn keep(&mut self, read: Result<Threshold, Problem>, path: &str, plugin: &str) {
        match read {
            Ok(threshold) if plugin.is_empty() || threshold.plugin.is_empty() => {
                let plugin = if plugin.is_empty() { threshold.plugin } else { plugin.to_owned() };
                self.thresholds.push(Threshold { plugin, ..threshold });
            }
            Ok(threshold) if threshold.plugin == plugin => self.thresholds.push(threshold),
            Ok(threshold) => {
                let message = format!("a criterion of `{}` among those of `{plugin}`", threshold.plugin);
                self.problems.push(Problem::new(path, message));
            }
            Err(problem) => self.problems.push(Problem { path: path.to_owned(), ..problem }),
        }
    }

    fn wrong(&mut self, value: &Value, path: &str) {
        let problem = Problem::new(path, format!("{value} is no criterion"));
        self.problems.push(problem.hint("write a name and a limit, such as `p95_response_time: \"<100ms\"`"));
    }
}
