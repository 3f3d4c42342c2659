//! Rate limits.

use stresshost_sdk::config::{Fields, Found, Node, short};
use stresshost_sdk::documents::{LimitScope, MAX_BURST, MAX_RATE_LIMITS, RateLimit};

use crate::config::places::Places;
use crate::config::url::Url;

/// Reads the rate limits.
pub(crate) fn limits(node: &Node<'_>, places: &mut Places, found: &mut Found) -> Vec<RateLimit> {
    let mut limits = Vec::new();
    for item in node.items(found, "a list of rate limits", MAX_RATE_LIMITS) {
        let known = ["name", "rate", "rps", "burst", "scenario", "target", "global"];
        let Some(fields) = item.fields(found, "a rate limit: a mapping with `rate`", &known) else {
            continue;
        };
        let at = format!("/limits/{}", limits.len());
        places.add(&at, &item.path);
        if let Some(limit) = limit(&fields, &at, places, found) {
            limits.push(limit);
        }
    }
    limits
}

fn limit(fields: &Fields<'_>, at: &str, places: &mut Places, found: &mut Found) -> Option<RateLimit> {
    let rate = fields.one_of(found, &["rate", "rps"]).map(|(_, node)| node.clone());
    let burst = fields.get("burst").map_or(Some(1), |node| burst(node, found));
    let scope = scope(fields, at, places, found);
    let name = fields.get("name").map(|node| node.text(found, "the rate limit's name"));
    let Some(rate) = rate else {
        found.problem(&fields.path, "the rate limit has no `rate`");
        return None;
    };
    let rate_per_s = rate.rate(found);
    if rate_per_s == Some(0.0) {
        found.problem(&rate.path, "a limit of 0 lets nothing through");
        return None;
    }
    let scope = scope?;
    let name = match (name, &scope) {
        (Some(name), _) => name?,
        (None, LimitScope::Scenario(name) | LimitScope::Target(name)) => name.clone(),
        (None, LimitScope::Global | LimitScope::Named) => "global".to_owned(),
    };
    Some(RateLimit { name, rate_per_s: rate_per_s?, burst: burst?, scope })
}

fn burst(node: &Node<'_>, found: &mut Found) -> Option<u64> {
    let burst = node.whole(found, "a number of requests")?;
    if !(1..=MAX_BURST).contains(&burst) {
        found.problem(&node.path, format!("a burst is 1 to {MAX_BURST}, not {burst}"));
        return None;
    }
    Some(burst)
}

/// What the limit covers; everything unless it says.
fn scope(fields: &Fields<'_>, at: &str, places: &mut Places, found: &mut Found) -> Option<LimitScope> {
    let Some((key, node)) = fields.one_of(found, &["scenario", "target", "global"]) else {
        return Some(LimitScope::Global);
    };
    places.add(format!("{at}/scope"), &node.path);
    match key {
        "scenario" => node.scalar(found, "the name of a scenario").map(LimitScope::Scenario),
        "target" => target(node, found).map(LimitScope::Target),
        _ => match node.boolean(found)? {
            true => Some(LimitScope::Global),
            false => {
                let hint = "name a `scenario` or a `target`, or leave it out";
                found.problem_with_hint(&node.path, "a limit that is not global covers nothing", hint);
                None
            }
        },
    }
}

/// A target as the plan has it: of a URL, or a pattern with `*`, which the host checks.
fn target(node: &Node<'_>, found: &mut Found) -> Option<String> {
    let text = node.text(found, "a target such as `http://localhost:8080`")?;
    if text.contains('*') {
        return Some(text);
    }
    match Url::parse(&text) {
        Ok(url) => Some(url.target),
        Err((message, hint)) => {
            found.problem_with_hint(&node.path, short(&message), hint);
            None
        }
    }
}
