//! What must hold: thresholds in the language of expressions, and criteria as people write them.

use stresshost_sdk::config::{Fields, Found, Node};
use stresshost_sdk::documents::{Expression, MAX_THRESHOLDS, MAX_WEIGHT, Threshold, criteria};

/// The name that may precede a criterion's.
const PLUGIN: &str = "devstress";

/// Keys of criteria, which mean the same.
pub(crate) const CRITERIA_KEYS: [&str; 2] = ["criteria", "success_criteria"];

/// A threshold and where it stands.
pub(crate) type Located = (Threshold, String);

/// Reads the `thresholds` of the top level or of a phase.
pub(crate) fn thresholds(fields: &Fields<'_>, phase: &str, found: &mut Found) -> Vec<Located> {
    let Some(node) = fields.get("thresholds") else { return Vec::new() };
    let items = if node.value.is_string() {
        vec![node.clone()]
    } else {
        node.items(found, "a list of thresholds such as `http.response_us.p95 < 300ms`", MAX_THRESHOLDS)
    };
    let read = |item: &Node<'_>, found: &mut Found| {
        let threshold = if item.value.is_object() { detailed(item, found) } else { plain(item, found) }?;
        Some((Threshold { phase: phase.to_owned(), ..threshold }, item.path.clone()))
    };
    items.iter().filter_map(|item| read(item, found)).collect()
}

fn plain(node: &Node<'_>, found: &mut Found) -> Option<Threshold> {
    let text = node.text(found, "a threshold such as `http.response_us.p95 < 300ms`")?;
    let expression = parse(&text, node, found)?;
    Some(labelled(&expression, &text))
}

fn parse(text: &str, node: &Node<'_>, found: &mut Found) -> Option<Expression> {
    match Expression::parse(text) {
        Ok(expression) => Some(expression),
        Err(error) => {
            found.add(error.into_problem(node.path.clone()));
            None
        }
    }
}

/// The threshold, with the words it was written in where they are others.
fn labelled(expression: &Expression, text: &str) -> Threshold {
    let expression = expression.to_string();
    let label = if expression == text { String::new() } else { text.to_owned() };
    Threshold { label, ..Threshold::new(expression) }
}

/// A threshold with options beside it.
fn detailed(node: &Node<'_>, found: &mut Found) -> Option<Threshold> {
    let fields = node.fields(
        found,
        "a threshold: a text, or a mapping with `expression`",
        &["expression", "warn", "key", "weight"],
    )?;
    let warn = fields.get("warn").and_then(|node| node.boolean(found));
    let key = fields.get("key").and_then(|node| node.boolean(found));
    let weight = fields.get("weight").and_then(|node| weight(node, found));
    let Some(at) = fields.get("expression") else {
        found.problem(&node.path, "the threshold has no `expression`");
        return None;
    };
    let text = at.text(found, "a threshold such as `http.response_us.p95 < 300ms`")?;
    let mut expression = parse(&text, at, found)?;
    expression.warn = warn.unwrap_or(expression.warn);
    expression.key = key.unwrap_or(expression.key);
    expression.weight = weight.unwrap_or(expression.weight);
    // What the options make is read again, for the rules on what goes together.
    let whole = parse(&expression.to_string(), node, found)?;
    Some(labelled(&whole, &text))
}

fn weight(node: &Node<'_>, found: &mut Found) -> Option<f64> {
    let weight = node.number(found, "a weight")?;
    if !(weight > 0.0 && weight <= MAX_WEIGHT) {
        found.problem(&node.path, format!("a weight is more than 0 and at most {MAX_WEIGHT}, not {weight}"));
        return None;
    }
    Some(weight)
}

/// Reads the criteria of the top level or of a phase.
pub(crate) fn all_criteria(fields: &Fields<'_>, found: &mut Found) -> Vec<Located> {
    let Some((_, node)) = fields.one_of(found, &CRITERIA_KEYS) else { return Vec::new() };
    match criteria(node.value, &node.path, &[PLUGIN]) {
        Ok(thresholds) => thresholds.into_iter().map(|threshold| (threshold, node.path.clone())).collect(),
        Err(problems) => {
            problems.into_iter().for_each(|problem| found.add(problem));
            Vec::new()
        }
    }
}
