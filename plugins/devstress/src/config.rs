//! From command line and config to a plan.

mod feed;
mod http;
mod load;
mod nearest;
pub(crate) mod node;
mod request;
mod response;
mod scenario;
mod scope;
mod template;
mod url;

use stresshost_sdk::documents::{Feed, PLAN_SCHEMA};
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json;

use crate::command::Command;
use crate::document::Workload as Document;
pub(crate) use http::{Http, Located, MAX_REDIRECTS, check_header};
use load::Load;
use node::{Fields, Found, Node};
use request::Common;
pub(crate) use request::form_encode;
use scenario::{JOURNEY_KEYS, Scenarios, Setting};
use url::Url;

/// Keys of the top level beside those of a load and of journeys.
const TOP_KEYS: [&str; 5] = ["name", "target_url", "http", "data", "scenarios"];

/// Path of what the command line's one request is made of, until [`flag_paths`] names the flags.
const COMMAND: &str = "command line";

/// Makes the plan.
pub(crate) fn plan(input: &PlanInput) -> Result<Plan, Problems> {
    let mut found = Found::default();
    let command = Command::read(input, &mut found);
    let plan = build(input, &command, &mut found);
    flag_paths(&mut found.problems);
    if !found.problems.is_empty() {
        return Err(found.problems);
    }
    let Some(plan) = plan else {
        return Err(vec![Problem::new("", "the config makes no plan")]);
    };
    // Everything that the host would refuse has been said above in the words of the config; this is for the rest.
    let refused = plan.validate();
    if refused.is_empty() { Ok(plan) } else { Err(refused) }
}

fn build(input: &PlanInput, command: &Command, found: &mut Found) -> Option<Plan> {
    let nothing = serde_json::json!({});
    let document = document(input, found).unwrap_or_else(|| Node::new(&nothing, ""));
    // A list is a list of scenarios.
    let wrapped = document.value.is_array().then(|| Node::new(&nothing, document.path.clone()));
    let top = wrapped.as_ref().unwrap_or(&document);
    let known = [&TOP_KEYS[..], &JOURNEY_KEYS, &Load::KEYS, &Load::RUN_KEYS].concat();
    let fields = top.fields(found, "a mapping of settings or a list of scenarios", &known)?;
    let list = if wrapped.is_some() { Some(&document) } else { fields.get("scenarios") };

    let (base, base_is_wrong) = base(&fields, command, found);
    let mut http = fields.get("http").map(|node| Http::read(node, found)).unwrap_or_default();
    command.apply(&mut http);
    let feeds = fields.get("data").map(|node| feed::feeds(node, found)).unwrap_or_default();
    let flags = Load::from_flags(input);
    let defaults = Load::read(&fields, found);
    let request = match &base {
        Some(base) => command.request(&base.text()),
        None => command.request(""),
    };
    let setting = Setting {
        common: Common { base: base.as_ref(), http: &http, feeds: &feeds },
        flags: &flags,
        defaults: &defaults,
        request: &Node::new(&request, COMMAND),
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
    let run = flags.or(&defaults);
    let plan = assemble(scenarios, &feeds, http, run.shape, &fields, found);
    if plan.warmup_ms > 0 && plan.warmup_ms >= plan.duration_ms() {
        let message = "the warm-up is as long as the load and leaves nothing to measure";
        found.problem(run.place("warmup").unwrap_or("/warmup"), message);
    }
    Some(plan)
}

fn assemble(
    scenarios: Scenarios,
    feeds: &[Feed],
    http: Http,
    shape: LoadFlags,
    fields: &Fields<'_>,
    found: &mut Found,
) -> Plan {
    let name = fields.get("name").and_then(|node| node.text(found, "the run's name"));
    let name = name.unwrap_or_else(|| match scenarios.targets.as_slice() {
        [target, ..] => format!("devstress {target}"),
        [] => "devstress".to_owned(),
    });
    let document =
        Document { feeds: feeds.iter().map(|feed| feed.name.clone()).collect(), scenarios: scenarios.work };
    let mut plan = Plan {
        schema: PLAN_SCHEMA.to_owned(),
        name,
        targets: scenarios.targets,
        scenarios: scenarios.load,
        http: http.options,
        feeds: feeds.to_vec(),
        workload: serde_json::to_value(document).unwrap_or_default(),
        ..Plan::default()
    };
    shape.apply(&mut plan);
    plan.notes.append(&mut found.notes);
    plan
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
            found.problem_with_hint(&path, node::short(&message), hint);
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
