//! From the document to the requests of a plan.

use stresshost_openapi::{Operation, Scheme, Spec, read};
use stresshost_sdk::config::{Found, short};
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json;

use crate::command::Command;
use crate::document::{Request, Workload};
use crate::request::{Unsendable, request};

/// Notes on parts that are left out: people read the first ones.
const MAX_NOTES: usize = 20;

/// Makes the plan.
pub(crate) fn plan(input: &PlanInput) -> Result<Plan, Problems> {
    let mut found = Found::default();
    let command = Command::read(input, &mut found);
    let load = LoadFlags::read(input, &mut found.problems);
    let read = spec(&command, &mut found);
    let requests = read.as_ref().map(|spec| requests(spec, &command, &mut found)).unwrap_or_default();
    if !found.problems.is_empty() {
        return Err(found.problems);
    }
    let title = read.map(|spec| spec.title).filter(|title| !title.is_empty());
    let name = title.map_or_else(|| "api".to_owned(), |title| short(&title).to_string());
    let mut plan = Plan { name, ..Plan::default() };
    plan.scenarios.push(load.scenario("operations", "", &mut found.notes));
    plan.targets = targets(&requests);
    let checked = match command.one_in {
        0 => "no answer is held against the document".to_owned(),
        1 => "every answer is held against the document".to_owned(),
        one_in => format!("one answer in {one_in} of each operation is held against the document"),
    };
    plan.notes.push(format!("{} operations in turn; {checked}", requests.len()));
    plan.notes.append(&mut found.notes);
    let workload = Workload { requests, one_in: command.one_in };
    plan.workload = serde_json::to_value(workload).unwrap_or_default();
    load.apply(&mut plan);
    Ok(plan)
}

/// Reads the document. What is wrong in parts of it are notes: the rest can be tested.
fn spec(command: &Command, found: &mut Found) -> Option<Spec> {
    let Some(document) = &command.document else {
        found.problem_with_hint(
            "",
            "there is no OpenAPI document",
            "give one with --schema-file or --config",
        );
        return None;
    };
    match read(document) {
        Ok((spec, problems)) => {
            for problem in problems.iter().take(MAX_NOTES) {
                found.notes.push(format!("left out: {problem}"));
            }
            if problems.len() > MAX_NOTES {
                found
                    .notes
                    .push(format!("left out: {} more parts of the document", problems.len() - MAX_NOTES));
            }
            Some(spec)
        }
        Err(problem) => {
            let path = format!("{}{}", command.document_flag, problem.path);
            found.add(Problem { path, ..problem });
            None
        }
    }
}

fn requests(spec: &Spec, command: &Command, found: &mut Found) -> Vec<Request> {
    check_auth(spec, command, found);
    let Some(base_url) = base_url(spec, command, found) else { return Vec::new() };
    let wanted = |operation: &&Operation| command.methods.contains(&operation.method);
    let (mut requests, mut left_out) = (Vec::new(), Vec::new());
    for operation in spec.operations.iter().filter(wanted) {
        match request(spec, operation, &base_url, &command.auth) {
            Ok(mut request) => {
                request.headers.extend(command.headers.iter().cloned());
                requests.push(request);
            }
            Err(Unsendable::NeedsAuth(ways)) => {
                left_out.push(format!("{}: it needs {}", operation.name(), ways.join(", or ")));
            }
            Err(Unsendable::Body(media_types)) => {
                left_out.push(format!("{}: it takes {media_types}, and only JSON is made", operation.name()));
            }
        }
    }
    let skipped = spec.operations.len() - requests.len() - left_out.len();
    if skipped > 0 {
        let methods = command.methods.join(", ");
        found
            .notes
            .push(format!("{skipped} operations have other methods than {methods}; --methods adds them"));
    }
    let more = left_out.len().saturating_sub(MAX_NOTES);
    found
        .notes
        .extend(left_out.into_iter().take(MAX_NOTES).map(|one| format!("not sent: {one} (--auth gives it)")));
    if more > 0 {
        found.notes.push(format!("not sent: {more} more operations"));
    }
    if requests.is_empty() && found.problems.is_empty() {
        let message = "no operation of the document can be sent";
        found.problem_with_hint(command.document_flag, message, found.notes.join("; "));
    }
    requests
}

fn check_auth(spec: &Spec, command: &Command, found: &mut Found) {
    for (name, value) in &command.auth {
        match spec.schemes.iter().find(|(known, _)| known == name) {
            None => {
                let known: Vec<&str> = spec.schemes.iter().map(|(name, _)| name.as_str()).collect();
                let hint = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
                found.problem_with_hint("--auth", format!("the document has no security scheme `{}`", short(name)), hint);
            }
            Some((_, Scheme::Basic)) if value.contains("{{secret:") => found.problem_with_hint(
                "--auth",
                "a basic scheme encodes its value, which only the host knows",
                "put the encoded pair into the secret and use --header 'Authorization: Basic {{secret:NAME}}'",
            ),
            Some(_) => {}
        }
    }
}

fn base_url(spec: &Spec, command: &Command, found: &mut Found) -> Option<String> {
    let absolute = |url: &str| url.starts_with("http://") || url.starts_with("https://");
    let server = spec.servers.first();
    match (&command.base_url, server) {
        // A server may be a path below where the document was found.
        (Some(base), Some(server)) if server.starts_with('/') && server.len() > 1 => {
            Some(format!("{}{server}", base.trim_end_matches('/')))
        }
        (Some(base), _) => Some(base.clone()),
        (None, Some(server)) if absolute(server) => Some(server.clone()),
        (None, _) => {
            found.problem_with_hint(
                "",
                "the document names no server",
                "give the URL of the API as an argument",
            );
            None
        }
    }
}

/// Scheme and authority of every request, each once.
fn targets(requests: &[Request]) -> Vec<String> {
    let mut targets: Vec<String> = Vec::new();
    for request in requests {
        let authority = request.url.find("://").map(|at| at + 3).and_then(|from| {
            let rest = request.url.get(from..)?;
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            request.url.get(..from + end)
        });
        if let Some(target) = authority
            && !targets.iter().any(|known| known == target)
        {
            targets.push(target.to_owned());
        }
    }
    targets
}
