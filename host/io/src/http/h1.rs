//! HTTP/1.1 on the wire.

pub(crate) mod chunked;
pub(crate) mod exchange;
pub(super) mod reader;
pub(crate) mod writer;
