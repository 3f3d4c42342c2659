//! Routes that exercise a client's HTTP: bodies of any size and coding, statuses, redirects, closed connections.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, LOCATION};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::page::page;
use super::request::{Number, Reply, json};
use crate::body::Generated;
use crate::limits::{MAX_PROBE_BYTES, MAX_REDIRECTS};
use crate::problem::Problem;
use crate::state::Core;

const PAGE: &str = "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Shop</title></head>\n\
    <body>\n<h1>Shop</h1>\n<ul>\n<li><a href=\"/products\">Products</a></li>\n\
    <li><a href=\"/openapi.json\">API description</a></li>\n</ul>\n</body>\n</html>\n";

pub(super) async fn health() -> Response {
    json(StatusCode::OK, json!({ "status": "ok" }))
}

pub(super) async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], Bytes::from_static(crate::OPENAPI.as_bytes())).into_response()
}

pub(super) async fn html() -> Response {
    page(PAGE.to_owned())
}

pub(super) async fn bytes(State(core): State<Arc<Core>>, Number(n): Number) -> Reply {
    generated(n, Generated::sized(core.block.clone(), n))
}

pub(super) async fn chunked(State(core): State<Arc<Core>>, Number(n): Number) -> Reply {
    generated(n, Generated::chunked(core.block.clone(), n))
}

pub(super) async fn close(State(core): State<Arc<Core>>, Number(n): Number) -> Reply {
    let mut response = generated(n, Generated::sized(core.block.clone(), n))?;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(response)
}

fn generated(n: u64, body: Generated) -> Reply {
    if n > MAX_PROBE_BYTES {
        return Err(Problem::bad_request(format!("at most {MAX_PROBE_BYTES} bytes are sent")));
    }
    Ok(([(CONTENT_TYPE, "application/octet-stream")], Body::new(body)).into_response())
}

pub(super) async fn status(Number(code): Number) -> Reply {
    let status = u16::try_from(code).ok().filter(|code| (200..=599).contains(code));
    let Some(status) = status.and_then(|code| StatusCode::from_u16(code).ok()) else {
        return Err(Problem::bad_request("the status must be 200 to 599"));
    };
    Ok(match status {
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED => {
            status.into_response()
        }
        _ if status.is_client_error() || status.is_server_error() => {
            Problem::new(status, "this status was asked for").into_response()
        }
        _ => json(status, json!({ "status": code })),
    })
}

pub(super) async fn redirect(Number(n): Number) -> Reply {
    if n > MAX_REDIRECTS {
        return Err(Problem::bad_request(format!("at most {MAX_REDIRECTS} redirects are made")));
    }
    Ok(match n.checked_sub(1) {
        None => json(StatusCode::OK, json!({ "redirects_left": 0 })),
        Some(left) => (StatusCode::FOUND, [(LOCATION, format!("/redirect/{left}"))]).into_response(),
    })
}
