//! From command line and config to a plan.

mod assemble;
mod feed;
mod goal;
mod http;
mod limit;
mod load;
mod mix;
mod phase;
mod places;
mod request;
mod response;
mod scenario;
mod scope;
mod template;
mod url;

use stresshost_sdk::config::{Fields, Found, Node, short};
use stresshost_sdk::documents::Mix;
use stresshost_sdk::load::GivenLoad;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json;

use crate::command::Command;
use assemble::Materials;
pub(crate) use http::{Http, Located, MAX_REDIRECTS, check_header};
use load::Load;
use mix::{Mixes, mix_of};
use places::Places;
use request::Common;
pub(crate) use request::form_encode;
use scenario::{JOURNEY_KEYS, Scenarios, Setting};
use url::Url;

/// Keys of the top level beside those of a load, of journeys and of criteria.
const TOP_KEYS: [&str; 11] = [
    "name",
    "target_url",
    "http",
    "data",
    "scenarios",
    "mix",
    "mixes",
    "phases",
    "thresholds",
    "pass_share",
    "limits",
];

/// Path of what the command line's one request is made of, until [`flag_paths`] names the flags.
const COMMAND: &str = "command line";

/// A plan that has not been checked as a whole.
struct Draft {
    plan: Plan,
    places: Places,
    /// Whether every scenario of the config is in the plan.
    is_whole: bool,
}

/// Makes the plan.
pub(crate) fn plan(input: &PlanInput) -> Result<Plan, Problems> {
    let mut found = Found::default();
    let command = Command::read(input, &mut found);
    let draft = build(input, &command, &mut found);
    flag_paths(&mut found.problems);
    let Some(draft) = draft else {
        if found.problems.is_empty() {
            found.problem("", "the config makes no plan");
        }
        return Err(found.problems);
    };
    check(&draft, &mut found);
    if found.problems.is_empty() { Ok(draft.plan) } else { Err(found.problems) }
}

/// Adds what the host would refuse, at its place in the config.
fn check(draft: &Draft, found: &mut Found) {
    /// Parts that refer to others, which reading them alone does not check.
    const REFERRING: [&str; 4] = ["/phases", "/thresholds", "/limits", "/pass_share"];
    let is_clean = found.problems.is_empty();
    for problem in draft.plan.validate() {
        let refers = draft.is_whole && REFERRING.iter().any(|part| problem.path.starts_with(part));
        let problem = draft.places.problem(problem);
        // What has a problem of its own already need not have those that follow from it.
        let is_near =
            |known: &Problem| known.path.starts_with(&problem.path) || problem.path.starts_with(&known.path);
        if is_clean || (refers && !found.problems.iter().any(is_near)) {
            found.add(problem);
        }
    }
}

fn build(input: &PlanInput, command: &Command, found: &mut Found) -> Option<Draft> {
    let nothing = serde_json::json!({});
    let document = document(input, found).unwrap_or_else(|| Node::new(&nothing, ""));
    // A list is a list of scenarios.
    let wrapped = document.value.is_array().then(|| Node::new(&nothing, document.path.clone()));
    let top = wrapped.as_ref().unwrap_or(&document);
    let known =
        [&TOP_KEYS[..], &JOURNEY_KEYS, &goal::CRITERIA_KEYS, &Load::keys(), &GivenLoad::RUN_KEYS].concat();
    let fields = top.fields(found, "a mapping of settings or a list of scenarios", &known)?;
    let list = if wrapped.is_some() { Some(&document) } else { fields.get("scenarios") };

    let (base, base_is_wrong) = base(&fields, command, found);
    let mut http = fields.get("http").map(|node| Http::read(node, found)).unwrap_or_default();
    command.apply(&mut http);
    let feeds = fields.get("data").map(|node| feed::feeds(node, found)).unwrap_or_default();
    let flags = Load::from_flags(input, found);
    let defaults = Load::read(&fields, found);
    let mixes = Mixes::read(&fields, list, &flags, &defaults, found);
    let request = match &base {
        Some(base) => command.request(&base.text()),
        None => command.request(""),
    };
    let setting = Setting {
        common: Common { base: base.as_ref(), http: &http, feeds: &feeds },
        flags: &flags,
        defaults: &defaults,
        request: &Node::new(&request, COMMAND),
        mixes: &mixes,
    };
    let mut scenarios = Scenarios::default();
    match list {
        Some(node) => {
            if let Some((key, _)) = fields.one_of(found, &JOURNEY_KEYS) {
                found.problem(
                    &format!("/{key}"),
                    format!("`{key}` beside `scenarios` belongs to none of them"),
                );
            }
            scenarios.read(node, &setting, found);
        }
        None => scenarios.add("main".to_owned(), &fields, Load::default(), &setting, found),
    }
    check_command(command, base.as_ref(), base_is_wrong, &scenarios, found);
    let is_whole = list.is_none_or(|list| list.value.as_array().map(Vec::len) == Some(scenarios.load.len()));
    let mixes = finish(mixes, &mut scenarios, found);
    let (top, feeds) = (&fields, feeds.as_slice());
    let materials =
        Materials { top, flags: &flags, defaults: &defaults, scenarios, mixes, feeds, http: &http };
    let (plan, places) = materials.assemble(found);
    Some(Draft { plan, places, is_whole })
}

/// The mixes, now that their shares are known.
fn finish(mixes: Mixes, scenarios: &mut Scenarios, found: &mut Found) -> Vec<(Mix, String)> {
    let is_share = |scenario: &Scenario, mix: &str| mix_of(&scenario.executor) == Some(mix);
    // A share that was lost may have been of any of them.
    let has_share =
        |mix: &str| scenarios.has_lost_share || scenarios.load.iter().any(|scenario| is_share(scenario, mix));
    let mut mixes = mixes.finish(has_share, found);
    mixes.iter_mut().for_each(|(mix, _)| scenarios.pause_between(mix));
    mixes
}

/// The config, by whichever way it came.
fn document<'a>(input: &'a PlanInput, found: &mut Found) -> Option<Node<'a>> {
    let by_flag = input.flags.get("scenarios").filter(|value| !value.is_null());
    let config = Some(&input.config).filter(|config| !config.is_null());
    match (config, by_flag) {
        (Some(_), Some(_)) => {
            let hint = "put the scenarios into the config";
            found.problem_with_hint("--scenarios", "`--scenarios` and `--config` cannot both be given", hint);
            None
        }
        (Some(config), None) => Some(Node::new(config, "")),
        (None, flag) => flag.map(|value| Node::new(value, "--scenarios")),
    }
}

/// What URLs are below: the command line's URL, else the config's. Also whether there was one that is none.
fn base(fields: &Fields<'_>, command: &Command, found: &mut Found) -> (Option<Url>, bool) {
    let configured = fields.get("target_url");
    let (text, path) = match (&command.url, configured) {
        (Some(url), configured) => {
            if configured.is_some_and(|node| node.value.as_str() != Some(url)) {
                found
                    .notes
                    .push("the URL of the command line replaces `target_url` of the config".to_owned());
            }
            (url.clone(), "URL".to_owned())
        }
        (None, Some(node)) => match node.text(found, "a URL") {
            Some(text) => (text, node.path.clone()),
            None => return (None, true),
        },
        (None, None) => return (None, false),
    };
    match Url::parse(&text) {
        Ok(url) => (Some(url), false),
        Err((message, hint)) => {
            found.problem_with_hint(&path, short(&message), hint);
            (None, true)
        }
    }
}

/// Says that there is nothing to load, or that flags for the one request have none to apply to.
fn check_command(
    command: &Command,
    base: Option<&Url>,
    base_is_wrong: bool,
    scenarios: &Scenarios,
    found: &mut Found,
) {
    if scenarios.uses_default_request {
        if base.is_some() {
            return;
        }
        // The problem of the empty URL was said before, or becomes a better one here.
        found.problems.retain(|problem| problem.path != format!("{COMMAND}/0/url"));
        if !base_is_wrong {
            let hint = "give a URL, such as `http://localhost:8080/`, or `target_url` in the config";
            found.problem_with_hint("", "there is nothing to load", hint);
        }
        return;
    }
    for flag in command.request_flags() {
        let message = format!(
            "`{flag}` is for the URL of the command line, but every scenario has requests of its own"
        );
        found.problem_with_hint(&flag, message, "set it in the config, at the request");
    }
}

/// Names the flags in the paths of problems of the command line's one request; each is said once, however many
/// scenarios do that request.
fn flag_paths(problems: &mut Problems) {
    let mut kept = Problems::new();
    for mut problem in problems.drain(..) {
        if let Some(part) = problem.path.strip_prefix(COMMAND) {
            let part = part.trim_start_matches("/0");
            problem.path = match part {
                "/check/status" => "--expect-status".to_owned(),
                "/url" => "URL".to_owned(),
                part => part.replacen('/', "--", 1),
            };
        }
        if !kept.contains(&problem) {
            kept.push(problem);
        }
    }
    *problems = kept;
}
