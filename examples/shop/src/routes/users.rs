//! Users and their tokens.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use stresshost_clock::NS_PER_S;

use super::profile::without_name;
use super::request::{Caller, Checks, Document, Reply, json};
use crate::faults::FieldProblem;
use crate::problem::Problem;
use crate::state::{CUSTOMER, Core, LogInError, Profile, RegisterError};
use crate::weakness::Weakness;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Registration {
    username: String,
    email: String,
    password: String,
}

/// A registration as a customer. Unknown fields are kept: whether they are refused depends on the weaknesses.
#[derive(Deserialize)]
pub(super) struct CustomerRegistration {
    username: String,
    email: String,
    password: String,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    username: String,
    password: String,
}

pub(super) async fn register(State(core): State<Arc<Core>>, Document(body): Document<Registration>) -> Reply {
    let profile = add(&core, body, Checks::default(), CUSTOMER.into())?;
    Ok(json(StatusCode::CREATED, profile.user))
}

pub(super) async fn register_customer(
    State(core): State<Arc<Core>>,
    Document(body): Document<CustomerRegistration>,
) -> Reply {
    let mut checks = Checks::default();
    let role = granted_role(&core, body.others, &mut checks);
    let registration = Registration { username: body.username, email: body.email, password: body.password };
    let profile = add(&core, registration, checks, role.map_or(CUSTOMER.into(), Cow::Owned))?;
    let wrong = core.weaknesses.has(Weakness::WrongStatus);
    let status = if wrong { StatusCode::OK } else { StatusCode::CREATED };
    Ok(json(status, without_name(&profile)))
}

fn add(
    core: &Core,
    body: Registration,
    mut checks: Checks,
    role: Cow<'static, str>,
) -> Result<Profile, Problem> {
    checks.length("username", &body.username, 3..=32);
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    checks.require(body.username.bytes().all(plain), "username", "must be of the characters a-z, 0-9 and _");
    checks.length("email", &body.email, 3..=254);
    checks.address("email", &body.email);
    checks.length("password", &body.password, 8..=128);
    checks.finish()?;
    core.users.register(&body.username, &body.email, body.password, role).map_err(|error| match error {
        RegisterError::UsernameTaken => {
            let detail = format!("the username {:?} is taken", body.username);
            Problem::of_kind(StatusCode::CONFLICT, "username-taken", detail)
        }
    })
}

/// Refuses fields that no document names, or, with the weakness `mass_assignment`, takes a role from them.
pub(super) fn granted_role(core: &Core, others: Map<String, Value>, checks: &mut Checks) -> Option<String> {
    let weak = core.weaknesses.has(Weakness::MassAssignment);
    let mut role = None;
    for (name, value) in others {
        match value {
            Value::String(value) if weak && name == "role" => {
                checks.length("role", &value, 1..=32);
                role = Some(value);
            }
            _ if weak => {}
            _ => checks.refuse(FieldProblem::new(&name, "is no field of this document")),
        }
    }
    role
}

pub(super) async fn log_in(State(core): State<Arc<Core>>, Document(body): Document<Credentials>) -> Reply {
    let locking = !core.weaknesses.has(Weakness::MissingRateLimit);
    let now_ns = core.clock.now_ns();
    let user = core.users.log_in(&body.username, &body.password, now_ns, locking).map_err(refused)?;
    let expires_ns = now_ns.saturating_add(u64::from(core.token_ttl_s) * NS_PER_S);
    let token = core.tokens.issue(user, expires_ns);
    let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": core.token_ttl_s });
    let mut response = json(StatusCode::OK, body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn refused(error: LogInError) -> Problem {
    match error {
        LogInError::WrongCredentials => Problem::unauthorized("the username or the password is wrong"),
        LogInError::Locked { retry_after_s } => Problem::locked(retry_after_s),
    }
}

pub(super) async fn me(State(core): State<Arc<Core>>, Caller(id): Caller) -> Reply {
    let user =
        core.users.get(id).ok_or_else(|| Problem::unauthorized("the user of this token was removed"))?;
    Ok(json(StatusCode::OK, user))
}
