//! HTTP/1.1 on the wire.

pub(crate) mod chunked;
pub(crate) mod exchange;
pub(crate) mod known_heads;
pub(super) mod reader;
pub(crate) mod writer;
