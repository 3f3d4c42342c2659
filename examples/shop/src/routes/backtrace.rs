//! The answer of a handler that panicked, for the weakness `stack_trace`.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// What the panic hook of Rust would have printed about `error`.
pub(super) fn shown(error: &str) -> Response {
    let text = format!(
        "thread 'tokio-runtime-worker' panicked at src/routes/request.rs:57:9:\n\
         called `Result::unwrap()` on an `Err` value: {error:?}\n\
         stack backtrace:\n   \
         0: rust_begin_unwind\n             at /rustc/library/std/src/panicking.rs:697:5\n   \
         1: core::panicking::panic_fmt\n             at /rustc/library/core/src/panicking.rs:75:14\n   \
         2: core::result::unwrap_failed\n             at /rustc/library/core/src/result.rs:1732:5\n   \
         3: shop::routes::request::from_request\n             at /home/shop/src/routes/request.rs:57:9\n   \
         4: axum::handler::Handler::call\n   \
         5: tokio::runtime::task::raw::poll\n\
         note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.\n"
    );
    let content_type = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    (StatusCode::INTERNAL_SERVER_ERROR, content_type, text).into_response()
}
