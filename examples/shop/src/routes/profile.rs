//! Profiles, and the administrator's list of them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::request::{Caller, Checks, Document, Number, Reply, Viewer, json};
use super::users::granted_role;
use crate::limits::MAX_LISTED_USERS;
use crate::problem::Problem;
use crate::state::{ADMIN, Changes, Core, Profile};
use crate::weakness::Weakness;

#[derive(Deserialize)]
pub(super) struct Patch {
    #[serde(default, deserialize_with = "present")]
    email: Option<String>,
    #[serde(default, deserialize_with = "present")]
    display_name: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// A field that may be left out but not null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

pub(super) async fn show(State(core): State<Arc<Core>>, viewer: Viewer, Number(id): Number) -> Reply {
    if !viewer.may_see(id) {
        return Err(not_yours(id));
    }
    let profile = core.users.profile(id).ok_or_else(|| unknown(id))?;
    if !core.weaknesses.has(Weakness::UndocumentedField) {
        return Ok(json(StatusCode::OK, profile));
    }
    let Profile { user, role, display_name } = profile;
    let body = json!({
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "role": role,
        "display_name": display_name,
        "password": core.users.password(id),
    });
    Ok(json(StatusCode::OK, body))
}

pub(super) async fn change(
    State(core): State<Arc<Core>>,
    Caller(caller): Caller,
    Number(id): Number,
    Document(patch): Document<Patch>,
) -> Reply {
    if caller != id && !core.weaknesses.has(Weakness::Bola) {
        return Err(not_yours(id));
    }
    let mut checks = Checks::default();
    if let Some(email) = &patch.email {
        checks.length("email", email, 3..=254);
        checks.address("email", email);
    }
    if let Some(display_name) = &patch.display_name {
        checks.length("display_name", display_name, 1..=64);
    }
    let role = granted_role(&core, patch.others, &mut checks);
    checks.finish()?;
    let changes = Changes { email: patch.email, display_name: patch.display_name, role };
    let profile = core.users.change(id, changes).ok_or_else(|| unknown(id))?;
    Ok(json(StatusCode::OK, profile))
}

pub(super) async fn list(State(core): State<Arc<Core>>, Caller(caller): Caller) -> Reply {
    let role = core.users.profile(caller).map(|profile| profile.role);
    if role.as_deref() != Some(ADMIN) && !core.weaknesses.has(Weakness::Bfla) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "only administrators see all users"));
    }
    let (profiles, total) = core.users.list(MAX_LISTED_USERS);
    let items: Vec<Value> = profiles.iter().map(without_name).collect();
    Ok(json(StatusCode::OK, json!({ "items": items, "total": total })))
}

/// A user as registration and the administrator's list show one.
pub(super) fn without_name(profile: &Profile) -> Value {
    let Profile { user, role, .. } = profile;
    json!({ "id": user.id, "username": user.username, "email": user.email, "role": role })
}

fn not_yours(id: u64) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, format!("user {id} is not you"))
}

fn unknown(id: u64) -> Problem {
    Problem::not_found(format!("there is no user {id}"))
}
