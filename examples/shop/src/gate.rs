//! What every request passes on its way in and out: counting, reading the body, faults, headers.

use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CONNECTION, HeaderMap, HeaderName, ORIGIN,
    SERVER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::body::counted;
use crate::faults::{Arrival, Outcome, wait};
use crate::limits::MAX_BODY_BYTES;
use crate::problem::Problem;
use crate::state::Core;
use crate::weakness::{Weakness, Weaknesses};

const X_POWERED_BY: HeaderName = HeaderName::from_static("x-powered-by");

/// The gate of one route.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) core: Arc<Core>,
    /// Index of the route among the counters.
    pub(crate) route: usize,
    /// Whether the faults apply.
    pub(crate) breakable: bool,
}

/// Counts the request, lets the faults have their way, and counts the response when it has been produced.
pub(crate) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let core = &gate.core;
    core.counters.request(gate.route);
    let version = request.version();
    let weaknesses = core.weaknesses.get();
    let origin = if weaknesses.contains(Weakness::CorsReflection) {
        request.headers().get(ORIGIN).cloned()
    } else {
        None
    };
    let arrival = if gate.breakable { core.faults.arrive() } else { Arrival::Served(Outcome::NONE) };
    let close = matches!(arrival, Arrival::Served(Outcome { close: true, .. }));
    let mut response = match read_body(request).await {
        Ok(request) if gate.breakable => break_on_purpose(core, arrival, request, next).await,
        Ok(request) => next.run(request).await,
        Err(refused) => refused,
    };
    // HTTP/2 has no such header.
    if close && version <= Version::HTTP_11 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !weaknesses.is_empty() {
        weaken(response.headers_mut(), weaknesses, origin);
    }
    counted(response, Arc::clone(&core.counters), gate.route)
}

/// Adds the headers that should not be there.
fn weaken(headers: &mut HeaderMap, weaknesses: Weaknesses, origin: Option<HeaderValue>) {
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    if weaknesses.contains(Weakness::VerboseServer) {
        headers.insert(SERVER, HeaderValue::from_static("shop/0.1 (axum 0.8; sqlite 3.45)"));
        headers.insert(X_POWERED_BY, HeaderValue::from_static("axum"));
    }
}

/// Reads the whole body, so that no answer leaves one unread: hyper would have to close such a connection.
async fn read_body(request: Request) -> Result<Request, Response> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    match axum::body::to_bytes(body, MAX_BODY_BYTES).await {
        Ok(bytes) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Err(_) => {
            let detail = format!("the body cannot be read, or exceeds {MAX_BODY_BYTES} bytes");
            let mut response = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).into_response();
            // The rest of the body is still on its way.
            if parts.version <= Version::HTTP_11 {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Err(response)
        }
    }
}

async fn break_on_purpose(core: &Core, arrival: Arrival, request: Request, next: Next) -> Response {
    // A stalled shop does nothing: it neither refuses a request nor works on one.
    core.faults.wait_out_stall().await;
    let outcome = match arrival {
        Arrival::Served(outcome) => outcome,
        Arrival::Limited { retry_after_s } => return Problem::rate_limited(retry_after_s).into_response(),
    };
    if outcome.latency_ms > 0.0 {
        tokio::time::sleep(wait(outcome.latency_ms)).await;
    }
    let response = match outcome.error.and_then(|code| StatusCode::from_u16(code).ok()) {
        Some(status) => {
            Problem::of_kind(status, "injected", "this error was injected on purpose").into_response()
        }
        None => next.run(request).await,
    };
    // A stall that began while the request was under way holds its answer back as well.
    core.faults.wait_out_stall().await;
    response
}
