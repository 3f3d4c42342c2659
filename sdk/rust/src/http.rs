//! HTTP requests: prepared once, fired many times, measured by the host.
//!
//! ```
//! use stresshost_sdk::http::{Reply, Request};
//! use stresshost_sdk::testing::FakeHost;
//!
//! let host = FakeHost::new();
//! host.reply_to("GET product", Reply::json(200, r#"{"id": 7, "name": "lamp"}"#));
//!
//! let product = Request::get("GET product", "http://shop.test/products/{{id}}").slot("id").prepare()?;
//! let response = product.fire(&["7"]);
//!
//! assert!(response.ok());
//! assert_eq!(response.json("/name").as_deref(), Some("lamp"));
//! assert_eq!(host.requests()[0].url, "http://shop.test/products/7");
//! # Ok::<(), stresshost_sdk::Failure>(())
//! ```

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use stresshost_metrics::ErrorKind;

use crate::bindings::stresshost::workload::http as contract;
use crate::target::pairs;
use crate::{Failure, host};

#[cfg(not(target_arch = "wasm32"))]
pub use crate::testing::Reply;

/// A request to prepare.
///
/// `{{slot}}` in the path, the query, header values and the body is replaced by the slot's value on each
/// [`fire`](Prepared::fire), percent-encoded in the URL; `{{&slot}}` is replaced as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a request does nothing until it is prepared and fired"]
pub struct Request {
    name: String,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    slots: Vec<String>,
    options: Vec<(String, String)>,
}

impl Request {
    /// A request with any method. `name` is what reports call the operation; keep what varies out of it.
    pub fn new(method: impl Into<String>, name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: None,
            slots: Vec::new(),
            options: Vec::new(),
        }
    }

    /// A `GET` request.
    pub fn get(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new("GET", name, url)
    }

    /// A `POST` request.
    pub fn post(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new("POST", name, url)
    }

    /// Adds a header; its value may hold slots.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body; it may hold slots.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sets the body to a value's JSON and its content type.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, Failure> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Failure::setup(format!("the body cannot be written as JSON: {error}")))?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// Declares a slot. [`fire`](Prepared::fire) takes the values in the order of the declarations.
    pub fn slot(mut self, name: impl Into<String>) -> Self {
        self.slots.push(name.into());
        self
    }

    /// Statuses that are no failure, such as `200-299,404`; by default every status below 400.
    pub fn expect_status(self, statuses: impl Into<String>) -> Self {
        self.option("expect-status", statuses)
    }

    /// Limit for the whole request.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.option("timeout-ms", timeout.as_millis().to_string())
    }

    /// Limit for making a connection.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        self.option("connect-timeout-ms", timeout.as_millis().to_string())
    }

    /// How many redirects to follow; by default none.
    pub fn follow_redirects(self, most: u32) -> Self {
        self.option("follow-redirects", most.to_string())
    }

    /// Whether to ask for a compressed body and undo the compression when it is read.
    pub fn decompress(self, yes: bool) -> Self {
        self.option("decompress", yes.to_string())
    }

    /// Whether to keep the connection for the next request.
    pub fn keep_alive(self, yes: bool) -> Self {
        self.option("keep-alive", yes.to_string())
    }

    /// `auto`, `1` or `2`.
    pub fn http_version(self, version: impl Into<String>) -> Self {
        self.option("http-version", version)
    }

    /// Sets an option by its name in the contract.
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Has the host compile the request.
    ///
    /// # Errors
    /// When the host refuses the request; the message says what is wrong with it.
    pub fn prepare(&self) -> Result<Prepared, Failure> {
        let (headers, options) = (pairs(&self.headers), pairs(&self.options));
        let slots: Vec<_> = self.slots.iter().map(String::as_str).collect();
        host::http::prepare(contract::Request {
            name: &self.name,
            method: &self.method,
            url: &self.url,
            headers: &headers,
            body: self.body.as_deref(),
            slots: &slots,
            options: &options,
        })
        .map(|id| Prepared { id })
        .map_err(|reason| Failure::setup(format!("request `{}`: {reason}", self.name)))
    }
}

/// A request the host has compiled. Good for the instance's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    id: u32,
}

impl Prepared {
    /// Sends the request and waits for the whole response. `values` fill the slots, in their order.
    ///
    /// A request that fails is a [`Response`] with an [`error`](Response::error): the host has measured and counted it.
    pub fn fire(self, values: &[&str]) -> Response {
        // Without values nothing goes through the guest's memory.
        Response(match values {
            [] => host::http::fire(self.id),
            values => host::http::fire_with(self.id, values),
        })
    }

    /// The request with its values, for [`send_all`].
    pub const fn shot<'a>(self, values: &'a [&'a str]) -> Shot<'a> {
        Shot { request: self, values }
    }
}

/// One request of a [`send_all`].
#[derive(Clone, Copy, Debug)]
pub struct Shot<'a> {
    /// The request.
    pub request: Prepared,
    /// Values of its slots.
    pub values: &'a [&'a str],
}

/// Sends several requests at the same time and waits for all of them; the responses are in the same order.
pub fn send_all(shots: &[Shot<'_>]) -> Vec<Response> {
    let shots: Vec<_> =
        shots.iter().map(|shot| contract::Shot { request: shot.request.id, values: shot.values }).collect();
    host::http::send_all(&shots).into_iter().map(Response).collect()
}

/// What came of a request.
///
/// Headers and body stay with the host until they are asked for, and are gone with the next `fire` or `send_all` or
/// at the iteration's end; then they read as absent.
#[derive(Clone, Copy, Debug)]
pub struct Response(contract::Answer);

impl Response {
    /// Names it to the host.
    const fn id(self) -> u32 {
        self.0 as u32
    }

    /// HTTP status; 0 when none was received.
    pub const fn status(self) -> u16 {
        (self.0 >> 32) as u16
    }

    const fn error_code(self) -> u32 {
        (self.0 >> 48) as u32
    }

    /// Whether the request succeeded: the whole response arrived with an expected status.
    pub const fn ok(self) -> bool {
        self.error_code() == 0
    }

    /// Why the request failed; `None` when it succeeded, or failed in a way this SDK does not know (see
    /// [`error_name`](Self::error_name)).
    pub fn error(self) -> Option<ErrorKind> {
        ErrorKind::from_code(self.error_code())
    }

    /// Name of the error; empty when the request succeeded.
    pub fn error_name(self) -> String {
        match self.error() {
            _ if self.ok() => String::new(),
            Some(kind) => kind.name().to_owned(),
            None => host::http::error_name(self.error_code()),
        }
    }

    /// The transport's own words for a failure.
    pub fn error_text(self) -> String {
        host::http::error_text(self.id())
    }

    /// Service time: from the first byte sent to the last byte received.
    pub fn duration(self) -> Duration {
        Duration::from_micros(host::http::duration_us(self.id()))
    }

    /// Bytes of the body as received.
    pub fn body_bytes(self) -> u64 {
        host::http::body_bytes(self.id())
    }

    /// First value of a header, by its name in any case.
    pub fn header(self, name: &str) -> Option<String> {
        host::http::header(self.id(), name)
    }

    /// Whether the first value of a header is exactly `value`: for values that are known from earlier responses, this costs
    /// less than [`header`](Self::header).
    pub fn header_is(self, name: &str, value: &str) -> bool {
        host::http::header_is(self.id(), name, value)
    }

    /// Every header, in the order received.
    pub fn headers(self) -> Vec<(String, String)> {
        host::http::headers(self.id())
    }

    /// The body.
    ///
    /// # Errors
    /// When the host did not keep it whole, cannot decode it, or the response is stale.
    pub fn body(self) -> Result<Vec<u8>, Failure> {
        host::http::body(self.id()).map_err(|reason| Failure::new("body", reason))
    }

    /// The body as text; bytes that are no UTF-8 become `U+FFFD`.
    ///
    /// # Errors
    /// As [`body`](Self::body).
    pub fn text(self) -> Result<String, Failure> {
        let body = self.body()?;
        Ok(String::from_utf8(body)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The value at a JSON pointer (RFC 6901) in the body: a string's characters, any other value as JSON text.
    pub fn json(self, pointer: &str) -> Option<String> {
        host::http::json(self.id(), pointer)
    }

    /// The whole body, read as JSON into a type.
    ///
    /// # Errors
    /// As [`body`](Self::body), or when the body is not that JSON.
    pub fn parse<T: DeserializeOwned>(self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body()?)
            .map_err(|error| Failure::new("body", format!("the body is not the expected JSON: {error}")))
    }
}
