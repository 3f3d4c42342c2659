//! The search for products, answered by SQLite.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::page::{escaped, page, prefers_html};
use super::products::check_page;
use super::request::{Params, Reply, json};
use crate::limits::{MAX_QUERY_CHARS, MAX_SEARCH_CHARS};
use crate::problem::Problem;
use crate::sql::{Found, Query};
use crate::state::Core;
use crate::weakness::Weakness;

/// What the weakness `slow_endpoint` adds.
const SLOWNESS: Duration = Duration::from_millis(400);

#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    q: String,
    category: Option<String>,
    min_price: u64,
    max_price: u64,
    page: u64,
    per_page: u64,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { q: String::new(), category: None, min_price: 0, max_price: u64::MAX, page: 1, per_page: 20 }
    }
}

impl Wanted {
    fn check(&self) -> Result<(), Problem> {
        check_page(self.page, self.per_page)?;
        if self.q.chars().count() > MAX_QUERY_CHARS {
            return Err(Problem::bad_request(format!("q must have at most {MAX_QUERY_CHARS} characters")));
        }
        let category = self.category.as_deref().unwrap_or_default();
        if category.chars().count() > MAX_SEARCH_CHARS {
            let detail = format!("category must have at most {MAX_SEARCH_CHARS} characters");
            return Err(Problem::bad_request(detail));
        }
        Ok(())
    }

    fn query(&self) -> Query {
        Query {
            text: self.q.clone(),
            category: self.category.clone(),
            min_price: self.min_price,
            max_price: self.max_price,
            page: self.page,
            per_page: self.per_page,
        }
    }
}

pub(super) async fn search(
    State(core): State<Arc<Core>>,
    headers: HeaderMap,
    Params(wanted): Params<Wanted>,
) -> Reply {
    wanted.check()?;
    let weaknesses = core.weaknesses.get();
    if weaknesses.contains(Weakness::SlowEndpoint) {
        tokio::time::sleep(SLOWNESS).await;
    }
    let found = if weaknesses.contains(Weakness::SqlInjection) {
        core.search.find_concatenated(wanted.query()).await
    } else {
        core.search.find(wanted.query()).await
    };
    let found = found.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error))?;
    if prefers_html(&headers) {
        let raw = weaknesses.contains(Weakness::ReflectedXss);
        let shown = if raw { wanted.q } else { escaped(&wanted.q) };
        return Ok(page(html(&shown, &found)));
    }
    let deviates = weaknesses.contains(Weakness::SchemaDeviation) && wanted.page % 2 == 0;
    let total = if deviates { found.total.to_string().into() } else { Value::from(found.total) };
    let body = json!({
        "items": found.items,
        "page": wanted.page,
        "per_page": wanted.per_page,
        "total_count": total,
    });
    Ok(json(StatusCode::OK, body))
}

/// The hits below the query, which is markup already.
fn html(query: &str, found: &Found) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Search</title></head>\n\
         <body>\n<h1>Results for {query}</h1>\n<p>{} products</p>\n<ul>\n",
        found.total
    );
    for item in &found.items {
        let (id, name) = (text(item, "id"), text(item, "name"));
        // Writing to a string cannot fail.
        let _written = writeln!(html, "<li><a href=\"/products/{id}\">{name}</a></li>");
    }
    html.push_str("</ul>\n</body>\n</html>\n");
    html
}

/// A field of a row as text for HTML.
fn text(item: &Map<String, Value>, field: &str) -> String {
    match item.get(field) {
        Some(Value::String(text)) => escaped(text),
        Some(other) => escaped(&other.to_string()),
        None => String::new(),
    }
}
