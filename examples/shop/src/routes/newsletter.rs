//! The newsletter.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::request::{Checks, Document, Reply, json};
use crate::state::Core;
use crate::weakness::Weakness;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscription {
    email: String,
}

/// Accepts an address and tells nothing about what became of it.
pub(super) async fn subscribe(
    State(core): State<Arc<Core>>,
    Document(body): Document<Subscription>,
) -> Reply {
    let weak = core.weaknesses.has(Weakness::BlindSqlInjection);
    let mut checks = Checks::default();
    checks.length("email", &body.email, 3..=256);
    if !weak {
        checks.address("email", &body.email);
    }
    checks.finish()?;
    if weak {
        core.newsletter.add_concatenated(body.email).await;
    } else {
        core.newsletter.add(body.email).await;
    }
    Ok(json(StatusCode::ACCEPTED, json!({ "accepted": true })))
}
