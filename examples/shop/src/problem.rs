//! Error replies as `application/problem+json` (RFC 9457).

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::faults::FieldProblem;

/// An error reply.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// Last segment of the problem's type; `None` for one fully told by its status.
    kind: Option<&'static str>,
    detail: String,
    errors: Vec<FieldProblem>,
    header: Option<Extra>,
}

/// A header that a status demands.
#[derive(Clone, Copy, Debug)]
enum Extra {
    Challenge,
    RetryAfter { seconds: u64 },
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldProblem],
}

impl Problem {
    /// A problem told by its status alone.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, kind: None, detail: detail.into(), errors: Vec::new(), header: None }
    }

    /// A problem of the shop's own kind, such as `out-of-stock`.
    pub(crate) fn of_kind(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { kind: Some(kind), ..Self::new(status, detail) }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401 with the challenge that RFC 9110 demands beside it.
    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self { header: Some(Extra::Challenge), ..Self::new(StatusCode::UNAUTHORIZED, detail) }
    }

    /// 422 with every field that is wrong.
    pub(crate) fn invalid(errors: Vec<FieldProblem>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("`{}` {}", only.path, only.message),
            several => format!("{} fields of the body are not valid", several.len()),
        };
        Self { errors, ..Self::of_kind(StatusCode::UNPROCESSABLE_ENTITY, "validation", detail) }
    }

    /// 429 with the whole seconds after which a request will be served again.
    pub(crate) fn rate_limited(retry_after_s: u64) -> Self {
        Self {
            header: Some(Extra::RetryAfter { seconds: retry_after_s }),
            ..Self::of_kind(
                StatusCode::TOO_MANY_REQUESTS,
                "rate-limited",
                format!("too many requests; retry in {retry_after_s} s"),
            )
        }
    }

    /// 423 with the whole seconds after which the account opens again.
    pub(crate) fn locked(retry_after_s: u64) -> Self {
        let detail = format!("too many failed logins; the account opens again in {retry_after_s} s");
        Self {
            header: Some(Extra::RetryAfter { seconds: retry_after_s }),
            ..Self::of_kind(StatusCode::LOCKED, "account-locked", detail)
        }
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            r#type: self.kind.map_or_else(|| "about:blank".to_owned(), |kind| format!("/problems/{kind}")),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        };
        let mut response = (self.status, axum::Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.header {
            Some(Extra::Challenge) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"shop\""));
            }
            Some(Extra::RetryAfter { seconds }) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            None => {}
        }
        response
    }
}
