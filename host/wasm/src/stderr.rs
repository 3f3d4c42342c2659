//! What a guest writes to standard error: its panic text, kept to the last few kilobytes.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::MAX_STDERR_BYTES;

/// Most bytes a guest may write at once.
const WRITE_BYTES: usize = 4 << 10;

/// A bounded tail of what was written. Nothing is allocated until something is.
#[derive(Clone, Default)]
pub(crate) struct StderrTail {
    tail: Arc<Mutex<Tail>>,
}

#[derive(Default)]
struct Tail {
    text: Vec<u8>,
    is_cut: bool,
}

impl StderrTail {
    /// Takes what was written, as text, and whether its start is missing.
    pub(crate) fn take(&self) -> (String, bool) {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let Tail { text, is_cut } = std::mem::take(&mut *tail);
        (String::from_utf8_lossy(&text).trim().to_owned(), is_cut)
    }
}

impl IsTerminal for StderrTail {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for StderrTail {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 uses this form, and this host offers none.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for StderrTail {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.text.extend_from_slice(&bytes);
        let surplus = tail.text.len().saturating_sub(MAX_STDERR_BYTES);
        tail.text.drain(..surplus);
        tail.is_cut |= surplus > 0;
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for StderrTail {
    async fn ready(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_end() {
        let tail = StderrTail::default();
        let mut stream = tail.p2_stream();
        for _ in 0..10 {
            stream.write(Bytes::from(vec![b'x'; WRITE_BYTES])).unwrap();
        }
        stream.write(Bytes::from_static(b"the end\n")).unwrap();
        let (text, is_cut) = tail.take();
        assert!(text.len() <= MAX_STDERR_BYTES && text.ends_with("the end") && is_cut);
        assert_eq!(tail.take(), (String::new(), false));
    }
}
