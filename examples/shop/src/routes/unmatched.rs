//! What no route matches.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;
use crate::state::Core;
use crate::weakness::Weakness;

pub(super) async fn not_found(State(core): State<Arc<Core>>, request: Request) -> Response {
    traced(&core, &request).unwrap_or_else(|| {
        Problem::not_found(format!("there is nothing at {}", request.uri().path())).into_response()
    })
}

pub(super) async fn method_not_allowed(State(core): State<Arc<Core>>, request: Request) -> Response {
    traced(&core, &request).unwrap_or_else(|| {
        let (method, path) = (request.method(), request.uri().path());
        let detail = format!("{path} does not support {method}; see the Allow header");
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).into_response()
    })
}

/// The echo of a TRACE request (RFC 9110, section 9.3.8), for the weakness `trace_method`.
fn traced(core: &Core, request: &Request) -> Option<Response> {
    if request.method() != Method::TRACE || !core.weaknesses.has(Weakness::TraceMethod) {
        return None;
    }
    let mut head = format!("TRACE {} {:?}\r\n", request.uri(), request.version());
    for (name, value) in request.headers() {
        // Writing to a string cannot fail.
        let _written = write!(head, "{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
    }
    head.push_str("\r\n");
    Some(([(CONTENT_TYPE, "message/http")], head).into_response())
}
