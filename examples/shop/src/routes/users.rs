//! Users and their tokens.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use serde::Deserialize;
use serde_json::json;
use stresshost_clock::NS_PER_S;

use super::request::{Caller, Checks, Document, Reply, json};
use crate::problem::Problem;
use crate::state::{Core, RegisterError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Registration {
    username: String,
    email: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    username: String,
    password: String,
}

pub(super) async fn register(State(core): State<Arc<Core>>, Document(body): Document<Registration>) -> Reply {
    let mut checks = Checks::default();
    checks.length("username", &body.username, 3..=32);
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    checks.require(body.username.bytes().all(plain), "username", "must be of the characters a-z, 0-9 and _");
    checks.length("email", &body.email, 3..=254);
    let parts = body.email.split_once('@');
    let address =
        parts.is_some_and(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'));
    checks.require(address, "email", "must be an e-mail address");
    checks.length("password", &body.password, 8..=128);
    checks.finish()?;
    match core.users.register(&body.username, &body.email, body.password) {
        Ok(user) => Ok(json(StatusCode::CREATED, user)),
        Err(RegisterError::UsernameTaken) => {
            let detail = format!("the username {:?} is taken", body.username);
            Err(Problem::of_kind(StatusCode::CONFLICT, "username-taken", detail))
        }
    }
}

pub(super) async fn log_in(State(core): State<Arc<Core>>, Document(body): Document<Credentials>) -> Reply {
    let Some(user) = core.users.log_in(&body.username, &body.password) else {
        return Err(Problem::unauthorized("the username or the password is wrong"));
    };
    let expires_ns = core.clock.now_ns().saturating_add(u64::from(core.token_ttl_s) * NS_PER_S);
    let token = core.tokens.issue(user, expires_ns);
    let body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": core.token_ttl_s });
    let mut response = json(StatusCode::OK, body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

pub(super) async fn me(State(core): State<Arc<Core>>, Caller(id): Caller) -> Reply {
    let user =
        core.users.get(id).ok_or_else(|| Problem::unauthorized("the user of this token was removed"))?;
    Ok(json(StatusCode::OK, user))
}
