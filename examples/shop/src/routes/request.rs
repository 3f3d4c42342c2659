//! Reading requests: path and query parameters, JSON bodies, the bearer token. Whatever is wrong becomes a problem.

use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::backtrace;
use crate::faults::FieldProblem;
use crate::problem::Problem;
use crate::state::Core;
use crate::weakness::Weakness;

/// What handlers return.
pub(super) type Reply = Result<Response, Problem>;

/// The one path parameter of a route, a whole number; otherwise 400.
pub(super) struct Number(pub(super) u64);

impl FromRequestParts<Arc<Core>> for Number {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Response> {
        Self::read(parts, core).await.map_err(|problem| malformed(shows_trace(core, &parts.uri), problem))
    }
}

impl Number {
    async fn read(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Problem> {
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
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Response> {
        let query: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, core).await;
        query.map(|Query(value)| Self(value)).map_err(|rejection| {
            malformed(shows_trace(core, &parts.uri), Problem::bad_request(rejection.body_text()))
        })
    }
}

/// A JSON body: 400 when it is not JSON, 415 when it is not called JSON, 422 when it does not fit `T`.
pub(super) struct Document<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Core>> for Document<T> {
    type Rejection = Response;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, Response> {
        let trace = shows_trace(core, request.uri());
        let document: Result<Json<T>, JsonRejection> = Json::from_request(request, core).await;
        document.map(|Json(value)| Self(value)).map_err(|rejection| match rejection.status() {
            StatusCode::UNPROCESSABLE_ENTITY => {
                let detail = rejection.body_text();
                Problem::of_kind(StatusCode::UNPROCESSABLE_ENTITY, "validation", detail).into_response()
            }
            StatusCode::BAD_REQUEST => malformed(trace, Problem::bad_request(rejection.body_text())),
            status => Problem::new(status, rejection.body_text()).into_response(),
        })
    }
}

/// Whether the weakness `stack_trace` is on for a request.
fn shows_trace(core: &Core, uri: &Uri) -> bool {
    // The control routes stay as they are, or nobody could steer the shop.
    core.weaknesses.has(Weakness::StackTrace) && !uri.path().starts_with("/_")
}

/// The answer to what cannot be read: the problem, or the trace of a panic.
fn malformed(trace: bool, problem: Problem) -> Response {
    if trace { backtrace::shown(problem.detail()) } else { problem.into_response() }
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

/// Who asks for something that one user owns; otherwise 401.
pub(super) struct Viewer {
    /// `None` for one who may see everything.
    limited_to: Option<u64>,
}

impl Viewer {
    pub(super) fn may_see(&self, owner: u64) -> bool {
        self.limited_to.is_none_or(|user| user == owner)
    }
}

impl FromRequestParts<Arc<Core>> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Problem> {
        let weaknesses = core.weaknesses.get();
        if weaknesses.contains(Weakness::MissingAuth) {
            return Ok(Self { limited_to: None });
        }
        let Caller(user) = Caller::from_request_parts(parts, core).await?;
        Ok(Self { limited_to: (!weaknesses.contains(Weakness::Bola)).then_some(user) })
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

    pub(super) fn refuse(&mut self, problem: FieldProblem) {
        self.0.push(problem);
    }

    /// Requires the form of an e-mail address.
    pub(super) fn address(&mut self, path: &str, text: &str) {
        let parts = text.split_once('@');
        let address =
            parts.is_some_and(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'));
        self.require(address, path, "must be an e-mail address");
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
