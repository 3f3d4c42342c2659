//! Products: search, detail, stock.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::json;

use super::request::{Number, Params, Reply, json};
use crate::data::Product;
use crate::limits::{MAX_PAGE_SIZE, MAX_SEARCH_CHARS};
use crate::problem::Problem;
use crate::state::Core;
use crate::weakness::Weakness;

const JSON: [(axum::http::HeaderName, &str); 1] = [(CONTENT_TYPE, "application/json")];

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Page {
    search: String,
    page: u64,
    per_page: u64,
}

impl Default for Page {
    fn default() -> Self {
        Self { search: String::new(), page: 1, per_page: 20 }
    }
}

pub(super) async fn list(State(core): State<Arc<Core>>, Params(query): Params<Page>) -> Reply {
    check_page(query.page, query.per_page)?;
    if query.search.chars().count() > MAX_SEARCH_CHARS {
        return Err(Problem::bad_request(format!("search must have at most {MAX_SEARCH_CHARS} characters")));
    }
    let body = core.catalogue.page_json(&query.search, query.page, query.per_page);
    Ok((JSON, body).into_response())
}

pub(super) async fn detail(State(core): State<Arc<Core>>, Number(id): Number) -> Reply {
    if core.weaknesses.has(Weakness::SchemaDeviation) {
        return deviating(core.catalogue.get(id).ok_or_else(|| unknown(id))?);
    }
    core.catalogue.json(id).map(|body| (JSON, body).into_response()).ok_or_else(|| unknown(id))
}

pub(super) async fn stock(State(core): State<Arc<Core>>, Number(id): Number) -> Reply {
    let available = core.accounts.available(id).ok_or_else(|| unknown(id))?;
    Ok(json(StatusCode::OK, json!({ "product_id": id, "available": available })))
}

pub(super) fn check_page(page: u64, per_page: u64) -> Result<(), Problem> {
    if page == 0 {
        return Err(Problem::bad_request("page counts from 1"));
    }
    if !(1..=MAX_PAGE_SIZE).contains(&per_page) {
        return Err(Problem::bad_request(format!("per_page must be 1 to {MAX_PAGE_SIZE}")));
    }
    Ok(())
}

/// The product with its price as a string, which its document does not allow.
fn deviating(product: &Product) -> Reply {
    // A struct of strings and finite numbers always renders.
    let mut body = serde_json::to_value(product).unwrap_or_default();
    body["price_cents"] = product.price_cents.to_string().into();
    Ok(json(StatusCode::OK, body))
}

fn unknown(id: u64) -> Problem {
    Problem::not_found(format!("there is no product {id}"))
}
