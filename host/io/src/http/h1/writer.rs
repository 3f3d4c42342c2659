//! Sends one HTTP/1.1 request, usually in a single write.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use crate::http::core::CoreInner;
use crate::http::prepared::Prepared;
use crate::stream::Stream;

/// How far a request was sent.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    sent: usize,
    /// The rendered request, kept only while the socket does not take all of it at once.
    rendered: Vec<u8>,
}

/// Why a request was not sent.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// A value cannot stand in the request.
    Value(String),
    Io(io::Error),
}

impl Writer {
    /// Bytes handed to the transport so far.
    pub(crate) fn sent(&self) -> usize {
        self.sent
    }

    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        core: &CoreInner,
        request: &Prepared,
        values: &[String],
    ) -> Poll<Result<(), WriteError>> {
        if let Some((wire, apart)) = request.fixed() {
            return self.poll_send(cx, stream, wire, apart);
        }
        if !self.rendered.is_empty() {
            let rendered = std::mem::take(&mut self.rendered);
            let result = self.poll_send(cx, stream, &rendered, request.apart());
            self.rendered = rendered;
            return result;
        }
        core.with_scratch(|scratch| {
            request.render(values, scratch).map_err(WriteError::Value)?;
            let result = self.poll_send(cx, stream, scratch, request.apart());
            if result.is_pending() {
                self.rendered.clone_from(scratch);
            }
            result
        })
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        first: &[u8],
        second: &[u8],
    ) -> Poll<Result<(), WriteError>> {
        let total = first.len() + second.len();
        while self.sent < total {
            let count = if self.sent >= first.len() {
                let rest = second.get(self.sent - first.len()..).unwrap_or_default();
                ready!(stream.poll_send(cx, rest))
            } else {
                let rest = first.get(self.sent..).unwrap_or_default();
                if second.is_empty() {
                    ready!(stream.poll_send(cx, rest))
                } else {
                    let slices = [IoSlice::new(rest), IoSlice::new(second)];
                    ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &slices))
                }
            };
            match count {
                Ok(0) => return Poll::Ready(Err(WriteError::Io(io::ErrorKind::WriteZero.into()))),
                Ok(count) => self.sent += count,
                Err(error) => return Poll::Ready(Err(WriteError::Io(error))),
            }
        }
        // TLS may hold the last record back; plain sockets do nothing here.
        Pin::new(stream).poll_flush(cx).map_err(WriteError::Io)
    }
}
