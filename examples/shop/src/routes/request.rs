//! Reading requests: path and query parameters, JSON bodies, the bearer token. Whatever is wrong becomes a problem.

use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::faults::FieldProblem;
use crate::problem::Problem;
use crate::state::Core;

/// What handlers return.
pub(super) type Reply = Result<Response, Problem>;

/// The one path parameter of a route, a whole number; otherwise 400.
pub(super) struct Number(pub(super) u64);

impl FromRequestParts<Arc<Core>> for Number {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, core).await;
        let Path(text) = text.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
        // `parse` alone would take a leading plus sign.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).map(Self).ok_or_else(|| {
            Problem::bad_request(format!("{text:?} in the path must be a whole number of at most 64 bits"))
        })
    }
}

/// The query; what does not fit is answered 400.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Core>> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Problem> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, core).await;
        query.map(|Query(value)| Self(value)).map_err(|rejection| Problem::bad_request(rejection.body_text()))
    }
}

/// A JSON body: 400 when it is not JSON, 415 when it is not called JSON, 422 when it does not fit `T`.
pub(super) struct Document<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Core>> for Document<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, Problem> {
        let document: Result<Json<T>, JsonRejection> = Json::from_request(request, core).await;
        document.map(|Json(value)| Self(value)).map_err(|rejection| match rejection.status() {
            StatusCode::UNPROCESSABLE_ENTITY => {
                Problem::of_kind(StatusCode::UNPROCESSABLE_ENTITY, "validation", rejection.body_text())
            }
            status => Problem::new(status, rejection.body_text()),
        })
    }
}

/// The user whose bearer token the request carries; otherwise 401.
pub(super) struct Caller(pub(super) u64);

impl FromRequestParts<Arc<Core>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Problem> {
        let Some(token) = bearer(&parts.headers) else {
            return Err(Problem::unauthorized("this route needs the header Authorization: Bearer <token>"));
        };
        core.tokens.user(token, core.clock.now_ns()).map(Self).ok_or_else(|| {
            Problem::unauthorized("the token is unknown or expired; get one from POST /auth/token")
        })
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// A JSON reply.
pub(super) fn json(status: StatusCode, value: impl Serialize) -> Response {
    (status, Json(value)).into_response()
}

/// Collects what is wrong with a body, so that a reply names all of it.
#[derive(Default)]
pub(super) struct Checks(Vec<FieldProblem>);

impl Checks {
    pub(super) fn require(&mut self, holds: bool, path: &str, message: &str) {
        if !holds {
            self.0.push(FieldProblem::new(path, message));
        }
    }

    /// Requires a number of characters.
    pub(super) fn length(&mut self, path: &str, text: &str, range: RangeInclusive<usize>) {
        let message = format!("must be {} to {} characters long", range.start(), range.end());
        // A text of so many bytes is too long whatever it holds; counting it would be wasted.
        let fits = text.len() <= 4 * range.end() && range.contains(&text.chars().count());
        self.require(fits, path, &message);
    }

    pub(super) fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }
}
