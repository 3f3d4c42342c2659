//! Routes for whoever runs the test: faults, weaknesses and counts.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::request::{Document, Params, Reply, json};
use crate::faults::{Faults, delay, wait};
use crate::problem::Problem;
use crate::state::Core;
use crate::weakness::Weaknesses;

#[derive(Deserialize)]
pub(super) struct Stall {
    ms: f64,
}

pub(super) async fn faults(State(core): State<Arc<Core>>) -> Response {
    json(StatusCode::OK, core.faults.faults())
}

/// Replaces all faults; those left out are off.
pub(super) async fn set_faults(State(core): State<Arc<Core>>, Document(faults): Document<Faults>) -> Reply {
    faults.validate().map_err(|problem| Problem::invalid(vec![problem]))?;
    core.faults.set(faults);
    Ok(json(StatusCode::OK, core.faults.faults()))
}

pub(super) async fn weaknesses(State(core): State<Arc<Core>>) -> Response {
    json(StatusCode::OK, core.weaknesses.get())
}

/// Replaces all weaknesses; those left out are off.
pub(super) async fn set_weaknesses(
    State(core): State<Arc<Core>>,
    Document(weaknesses): Document<Weaknesses>,
) -> Response {
    core.weaknesses.set(weaknesses);
    json(StatusCode::OK, core.weaknesses.get())
}

pub(super) async fn stall(State(core): State<Arc<Core>>, Params(query): Params<Stall>) -> Reply {
    delay("ms", query.ms).map_err(|problem| Problem::bad_request(problem.to_string()))?;
    core.faults.stall(wait(query.ms));
    Ok(json(StatusCode::ACCEPTED, json!({ "stalled_ms": query.ms })))
}

pub(super) async fn counts(State(core): State<Arc<Core>>) -> Response {
    json(StatusCode::OK, core.counters.snapshot())
}
