//! What an API promises beside its schemas: methods, headers, credentials, objects, times.

use stresshost_sdk::serde_json::{self, Value};

use super::Prober;
use crate::case::Case;
use crate::client::Call;
use crate::document::{Operation, Place, Probing, Variables};
use crate::words::variable;

/// Requests whose median is the response time.
const TIMED_REQUESTS: usize = 5;

/// A token that nobody was given.
const INVALID_TOKEN: &str = "stresshost-invalid-token";

/// A method that the document does not have for this path. One that could change something is taken with care: a request
/// without a body, and none that deletes.
pub(super) fn unsupported_method(operation: &Operation, probing: &Probing) -> Option<&'static str> {
    let others = ["PATCH", "PUT", "DELETE"].into_iter();
    let mut others = others.filter(|method| *method != "DELETE" || probing.destructive);
    let is_known = |method: &str| operation.methods.iter().any(|known| known == method);
    // Without a document nobody knows which methods there are.
    if operation.methods.is_empty() { None } else { others.find(|method| !is_known(method)) }
}

pub(super) fn method(prober: &mut Prober<'_>) {
    const RULE: &str = "unsupported_method";
    let Some(method) = unsupported_method(prober.operation, &prober.asked.workload.probing) else { return };
    let mut case = prober.usual();
    method.clone_into(&mut case.method);
    case.body = None;
    let call = prober.call(&case);
    let heard = prober.ask(&call);
    match heard.status {
        405 if heard.header("allow").is_none() => {
            let message = "405 comes without an `Allow` header (RFC 9110, 15.5.6)".to_owned();
            prober.broken(RULE, "low", message, "", &call);
        }
        405 | 501 => prober.holds(RULE),
        0 => prober.note(format!("{method} has no answer: {}", heard.error)),
        200..=299 => {
            let message = format!("{method} is not documented and succeeds");
            prober.broken(RULE, "medium", message, &format!("status {}", heard.status), &call);
        }
        status => {
            let message = format!("{method} is not documented and answers {status} instead of 405");
            prober.broken(RULE, "low", message, "", &call);
        }
    }
}

pub(super) fn missing_header(prober: &mut Prober<'_>) {
    const RULE: &str = "missing_required_header";
    let case = prober.usual();
    for input in case.inputs() {
        let Some(name) = case.required_header(&input) else { continue };
        let call = prober.call(&case.without(&input));
        let heard = prober.send(&call);
        if heard.succeeded() {
            let message = format!("without the required header `{name}` it succeeds");
            prober.broken(RULE, "medium", message, &format!("status {}", heard.status), &call);
        } else if heard.status > 0 {
            prober.holds(RULE);
        }
    }
}

pub(super) fn ignored_auth(prober: &mut Prober<'_>) {
    const RULE: &str = "ignored_auth";
    let case = prober.usual();
    let call = prober.call(&case);
    let heard = prober.send(&call);
    if !heard.succeeded() {
        prober.note(format!("with credentials it answers {}, so nothing is known without", heard.status));
        return;
    }
    let mut wrong = prober.variables();
    for name in ["token", "key", "basic"] {
        wrong.set(name, INVALID_TOKEN);
    }
    let calls = [
        ("without credentials", case.call(None)),
        ("with wrong credentials", wrong_credentials(&case, &wrong)),
    ];
    for (what, call) in calls {
        let heard = prober.send(&call);
        if heard.succeeded() {
            let message = format!("{what} it succeeds, although the document asks for some");
            prober.broken(RULE, "high", message, &format!("status {}", heard.status), &call);
        } else if heard.status > 0 {
            prober.holds(RULE);
        }
    }
}

/// The call with a token that nobody was given in the place of each credential.
fn wrong_credentials(case: &Case<'_>, wrong: &Variables) -> Call {
    let mut call = case.call(Some(wrong));
    for credential in case.operation.credentials.iter().filter(|one| one.place == Place::Header) {
        let value = if credential.value.starts_with("Bearer") {
            format!("Bearer {INVALID_TOKEN}")
        } else {
            INVALID_TOKEN.to_owned()
        };
        call = call.header(&credential.name, value);
    }
    call
}

pub(super) fn response_time(prober: &mut Prober<'_>) {
    const RULE: &str = "max_response_time";
    let Some(limit_ms) = prober.asked.workload.probing.max_response_ms else { return };
    let mut times = Vec::new();
    let mut last = Call::default();
    for _ in 0..TIMED_REQUESTS {
        let case = prober.usual();
        last = prober.call(&case);
        let heard = prober.send(&last);
        if heard.status > 0 {
            times.push(heard.duration_us);
        }
    }
    times.sort_unstable();
    let Some(median_us) = times.get(times.len() / 2).copied() else { return };
    if median_us > limit_ms.saturating_mul(1_000) {
        let evidence = format!("median of {} requests: {:.1} ms", times.len(), median_us as f64 / 1e3);
        prober.broken(RULE, "medium", format!("answers take longer than {limit_ms} ms"), &evidence, &last);
    } else {
        prober.holds(RULE);
    }
}

pub(super) fn deprecation(prober: &mut Prober<'_>) {
    const RULE: &str = "deprecation_header";
    let case = prober.usual();
    let call = prober.call(&case);
    let heard = prober.send(&call);
    if heard.header("deprecation").is_some() || heard.header("sunset").is_some() {
        prober.holds(RULE);
    } else if heard.status > 0 {
        let message =
            "it is deprecated, and its answers do not tell (`Deprecation`, RFC 9745; `Sunset`, RFC 8594)";
        prober.finding(RULE, "info", message.to_owned(), "", &call);
    }
}

pub(super) fn availability(prober: &mut Prober<'_>) {
    const RULE: &str = "ensure_resource_availability";
    let case = prober.usual();
    let call = prober.call(&case);
    let heard = prober.send(&call);
    if heard.status != 201 {
        prober.note(format!("it answers {}, so nothing was made", heard.status));
        return;
    }
    let Some(target) = made_at(prober, heard.header("location"), &heard.body) else { return };
    let mut read = prober.call(&case);
    "GET".clone_into(&mut read.method);
    (read.target, read.body) = (target, None);
    read.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
    let heard = prober.ask(&read);
    if [404, 410].contains(&heard.status) {
        let message = "what it has just made is not there".to_owned();
        prober.broken(RULE, "medium", message, &format!("status {} of {}", heard.status, read.target), &read);
    } else if heard.status > 0 {
        prober.holds(RULE);
    }
}

/// Path of what was made: by its `Location`, or by its number where the document reads below the same path.
fn made_at(prober: &Prober<'_>, location: Option<&str>, body: &str) -> Option<String> {
    if let Some(location) = location {
        let path = location
            .split_once("://")
            .map_or(location, |(_, rest)| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"));
        let base = prober.client.base_url();
        let prefix = base
            .split_once("://")
            .and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)))
            .unwrap_or_default();
        return Some(path.strip_prefix(prefix).unwrap_or(path).to_owned());
    }
    let body: Value = serde_json::from_str(body).ok()?;
    let id = crate::case::text(body.get("id")?);
    let below = |operation: &&Operation| {
        let rest =
            operation.path.strip_prefix(&prober.operation.path).and_then(|rest| rest.strip_prefix("/{"));
        operation.method == "GET" && rest.is_some_and(|rest| rest.find('}') == Some(rest.len() - 1))
    };
    prober.asked.workload.operations.iter().find(below)?;
    Some(format!("{}/{}", prober.operation.path, crate::case::encoded(&id)))
}

pub(super) fn use_after_free(prober: &mut Prober<'_>) {
    const RULE: &str = "use_after_free";
    let path = prober.operation.path.clone();
    let Some((parent, last)) = path.rsplit_once('/') else { return };
    let Some(name) = last.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else { return };
    let operations = &prober.asked.workload.operations;
    let maker = operations.iter().find(|one| one.method == "POST" && one.path == parent);
    let reader =
        operations.iter().find(|one| one.method == "GET" && crate::catalogue::same_path(&one.path, &path));
    let (Some(maker), Some(reader)) = (maker, reader) else {
        prober.note("no operations make and read what it deletes".to_owned());
        return;
    };
    let mut variables = prober.variables();
    let made = prober.call(&Case::usual(maker, &variables));
    let heard = prober.ask(&made);
    let id = serde_json::from_str::<Value>(&heard.body)
        .ok()
        .and_then(|body| body.get("id").map(crate::case::text));
    let Some(id) = id.filter(|_| heard.succeeded()) else {
        prober.note(format!("`{}` answers {} and made nothing to delete", maker.name, heard.status));
        return;
    };
    variables.set(&variable(&path, name), id.clone());
    variables.set(name, id);
    let delete = prober.call(&Case::usual(prober.operation, &variables));
    if !prober.send(&delete).succeeded() {
        return;
    }
    let read = prober.call(&Case::usual(reader, &variables));
    let heard = prober.ask(&read);
    if heard.succeeded() {
        let message = "what was deleted is still there".to_owned();
        prober.broken(RULE, "high", message, &format!("status {}", heard.status), &read);
    } else if heard.status > 0 {
        prober.holds(RULE);
    }
}
