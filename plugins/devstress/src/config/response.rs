//! What is taken from a response and what must hold of it.

use regex_lite::Regex;

use crate::config::scope::Scope;
use crate::config::template::is_name;
use crate::document::{Check, Extract, From, Rule};
use stresshost_sdk::config::{Found, Node, short};

/// Checks and extractions of one request.
const MAX_PER_REQUEST: usize = 50;

/// Reads `extract` and makes its variables known to the requests after this one.
pub(crate) fn extracts(node: &Node<'_>, scope: &mut Scope<'_>, found: &mut Found) -> Vec<Extract> {
    let wanted = "a mapping of variables to where they are found";
    let entries = node.entries(found, wanted).unwrap_or_default();
    if entries.len() > MAX_PER_REQUEST {
        found.problem(&node.path, format!("{} variables; the most is {MAX_PER_REQUEST}", entries.len()));
        return Vec::new();
    }
    let mut extracts = Vec::with_capacity(entries.len());
    for (name, place) in entries {
        if !is_name(&name) || Scope::is_reserved(&name) {
            let hint = "use letters, digits, `_` and `-`, and none of vu, iteration, uuid, random";
            found.problem_with_hint(&place.path, format!("`{}` cannot name a variable", short(&name)), hint);
            continue;
        }
        let index = scope.extract(&name);
        if let Some((from, regex)) = place_of(&place, found) {
            extracts.push(Extract { name, index, from, regex });
        }
    }
    extracts
}

type Place = (From, Option<(String, usize)>);

fn place_of(node: &Node<'_>, found: &mut Found) -> Option<Place> {
    if node.value.is_string() {
        return Some((From::Json(pointer(node, found)?), None));
    }
    let wanted = "a JSON pointer or a mapping with `json`, `header` or `regex`";
    let fields = node.fields(found, wanted, &["json", "header", "regex", "group"])?;
    let from = match (fields.get("json"), fields.get("header")) {
        (Some(json), Some(_)) => {
            found.problem(&json.path, "`json` and `header` cannot both be given");
            return None;
        }
        (Some(json), None) => From::Json(pointer(json, found)?),
        (None, Some(header)) => From::Header(header.text(found, "the name of a header")?),
        (None, None) if fields.get("regex").is_some() => From::Body,
        (None, None) => {
            node.wrong(found, wanted);
            return None;
        }
    };
    let Some(pattern) = fields.get("regex") else {
        if let Some(group) = fields.get("group") {
            found.problem(&group.path, "`group` needs a `regex`");
        }
        return Some((from, None));
    };
    let (pattern, groups) = regex(pattern, found)?;
    let group = match fields.get("group") {
        None => u64::from(groups > 0),
        Some(node) => {
            let group = node.whole(found, "the number of a group")?;
            if usize::try_from(group).map_or(true, |group| group > groups) {
                found.problem(
                    &node.path,
                    format!("the pattern has {groups} groups, there is no group {group}"),
                );
                return None;
            }
            group
        }
    };
    Some((from, Some((pattern, usize::try_from(group).unwrap_or(0)))))
}

fn pointer(node: &Node<'_>, found: &mut Found) -> Option<String> {
    let text = node.scalar(found, "a JSON pointer such as `/items/0/id`")?;
    check_pointer(&text, &node.path, found).then_some(text)
}

fn check_pointer(text: &str, path: &str, found: &mut Found) -> bool {
    let fine = text.is_empty() || text.starts_with('/');
    if !fine {
        let dotted = text.trim_start_matches(['$', '.']).replace('.', "/");
        let message = format!("`{}` is not a JSON pointer", short(text));
        found.problem_with_hint(path, message, format!("did you mean `/{}`?", short(&dotted)));
    }
    fine
}

/// Reads a regular expression; the pattern and its number of groups.
fn regex(node: &Node<'_>, found: &mut Found) -> Option<(String, usize)> {
    let pattern = node.text(found, "a regular expression")?;
    match Regex::new(&pattern) {
        Ok(regex) => Some((pattern, regex.captures_len() - 1)),
        Err(error) => {
            let message = format!("`{}` is not a regular expression: {error}", short(&pattern));
            found.problem(&node.path, message);
            None
        }
    }
}

/// Reads `check`; checks are named after the operation.
pub(crate) fn checks(node: &Node<'_>, found: &mut Found) -> Vec<Check> {
    let known = ["status", "max_latency", "body_contains", "body_matches", "json", "header"];
    let Some(fields) = node.fields(found, "a mapping of checks", &known) else { return Vec::new() };
    let mut checks = Vec::new();
    if let Some(ranges) = fields.get("status").and_then(|node| statuses(node, found)) {
        checks.push(check(format!("status is {}", show_ranges(&ranges)), Rule::Status(ranges)));
    }
    if let Some(ms) = fields.get("max_latency").and_then(|node| node.timeout_ms(found)) {
        let most = stresshost_sdk::documents::format_duration_ms(ms);
        checks
            .push(check(format!("latency is at most {most}"), Rule::MaxLatencyUs(ms.saturating_mul(1_000))));
    }
    for (node, text) in texts(fields.get("body_contains"), found) {
        if let Some(text) = node.text(found, text) {
            checks.push(check(format!("body contains `{}`", short(&text)), Rule::BodyContains(text)));
        }
    }
    for (node, _) in texts(fields.get("body_matches"), found) {
        if let Some((pattern, _)) = regex(&node, found) {
            checks.push(check(format!("body matches `{}`", short(&pattern)), Rule::BodyMatches(pattern)));
        }
    }
    if let Some(node) = fields.get("json") {
        json_checks(node, &mut checks, found);
    }
    if let Some(node) = fields.get("header") {
        header_checks(node, &mut checks, found);
    }
    if checks.len() > MAX_PER_REQUEST {
        found.problem(&node.path, format!("{} checks; the most is {MAX_PER_REQUEST}", checks.len()));
        checks.clear();
    }
    checks
}

const fn check(name: String, rule: Rule) -> Check {
    Check { name, rule }
}

/// The items of a list, or the one value; what each must be.
fn texts<'a>(node: Option<&Node<'a>>, found: &mut Found) -> Vec<(Node<'a>, &'static str)> {
    const WANTED: &str = "a text, or a list of them";
    match node {
        None => Vec::new(),
        Some(node) if node.value.is_array() => {
            node.items(found, WANTED, MAX_PER_REQUEST).into_iter().map(|node| (node, WANTED)).collect()
        }
        Some(node) => vec![(node.clone(), WANTED)],
    }
}

fn json_checks(node: &Node<'_>, checks: &mut Vec<Check>, found: &mut Found) {
    for (pointer, expected) in node.entries(found, "a mapping of JSON pointers to values").unwrap_or_default()
    {
        if check_pointer(&pointer, &expected.path, found) {
            let shown = short(&expected.value.to_string());
            let name = format!("JSON {pointer} is {shown}");
            checks.push(check(name, Rule::Json(pointer, expected.value.clone())));
        }
    }
}

fn header_checks(node: &Node<'_>, checks: &mut Vec<Check>, found: &mut Found) {
    for (name, expected) in node.entries(found, "a mapping of header names to values").unwrap_or_default() {
        if expected.value.is_object() {
            let wanted = "a header's value or `matches` with a regular expression";
            let fields = expected.fields(found, wanted, &["matches"]);
            let pattern = fields.as_ref().and_then(|fields| fields.get("matches"));
            match pattern.map(|node| regex(node, found)) {
                Some(Some((pattern, _))) => {
                    let said = format!("header {name} matches `{}`", short(&pattern));
                    checks.push(check(said, Rule::HeaderMatches(name, pattern)));
                }
                Some(None) => {}
                None => expected.wrong(found, wanted),
            }
        } else if let Some(value) = expected.scalar(found, "a header's value") {
            let said = format!("header {name} is `{}`", short(&value));
            checks.push(check(said, Rule::HeaderIs(name, value)));
        }
    }
}

/// Reads a status, a class such as `2xx`, a range such as `200-204`, or a list of them.
pub(crate) fn statuses(node: &Node<'_>, found: &mut Found) -> Option<Vec<(u16, u16)>> {
    let wanted = "a status such as `200`, `2xx`, `200-204` or a list of them";
    let items = match node.value.is_array() {
        true => node.items(found, wanted, MAX_PER_REQUEST),
        false => vec![node.clone()],
    };
    let mut ranges = Vec::new();
    for item in items {
        let text = item.scalar(found, wanted)?;
        match parse_statuses(&text) {
            Some(read) => ranges.extend(read),
            None => item.wrong(found, wanted),
        }
    }
    if ranges.is_empty() && node.value.is_array() {
        node.wrong(found, wanted);
    }
    (!ranges.is_empty()).then_some(ranges)
}

/// Reads `200`, `2xx`, `200-204`, and several of them with commas.
pub(crate) fn parse_statuses(text: &str) -> Option<Vec<(u16, u16)>> {
    let status = |text: &str| text.trim().parse::<u16>().ok().filter(|status| (100..=999).contains(status));
    let range = |part: &str| {
        let part = part.trim();
        if let Some(class) = part.strip_suffix("xx").or_else(|| part.strip_suffix("XX")) {
            let class = class.parse::<u16>().ok().filter(|class| (1..=9).contains(class))?;
            return Some((class * 100, class * 100 + 99));
        }
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to) = (status(from)?, status(to)?);
        (from <= to).then_some((from, to))
    };
    text.split(',').map(range).collect()
}

/// Ranges as the contract's option takes them and people read them, such as `200-299,404`.
pub(crate) fn show_ranges(ranges: &[(u16, u16)]) -> String {
    let show = |&(from, to): &(u16, u16)| if from == to { from.to_string() } else { format!("{from}-{to}") };
    ranges.iter().map(show).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_numbers_classes_ranges_and_lists() {
        for (text, ranges) in [
            ("200", Some(vec![(200, 200)])),
            ("2xx", Some(vec![(200, 299)])),
            ("200-204, 404", Some(vec![(200, 204), (404, 404)])),
            ("20", None),
            ("0xx", None),
            ("299-200", None),
            ("ok", None),
            ("", None),
            ("xx", None),
            ("éxx", None),
        ] {
            assert_eq!(parse_statuses(text), ranges, "{text}");
        }
        assert_eq!(show_ranges(&[(200, 299), (404, 404)]), "200-299,404");
    }
}
