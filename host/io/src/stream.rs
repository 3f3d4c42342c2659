//! One byte stream over TCP, TLS or a unix socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio_rustls::client::TlsStream;

use crate::buffer_pool::BufferPool;

/// A connected stream.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    #[cfg(unix)]
    Unix(UnixStream),
    /// What [`Stream::take`] leaves behind; it reads and writes nothing.
    Gone,
}

impl Stream {
    /// Moves the stream out.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Gone)
    }

    /// Whether nothing happened on the stream since it was read empty; false when that cannot be told without reading.
    /// No system call, and nobody is woken for it.
    pub(crate) fn is_untouched(&self) -> bool {
        match self {
            Self::Tcp(stream) => !is_readable(stream),
            _ => false,
        }
    }

    /// Whether nothing has arrived, the end of the stream included. What has is lost, and the stream of no use then.
    pub(crate) fn is_silent(&mut self, pool: &BufferPool) -> bool {
        if self.is_untouched() {
            return true;
        }
        let mut buffer = pool.take();
        let result = self.poll_recv(&mut Context::from_waker(Waker::noop()), buffer.space());
        pool.put(buffer);
        result.is_pending()
    }

    /// Ready when a read is worth trying; else the task is woken when it is.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) if !is_readable(stream) => stream.poll_read_ready(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Reads once; 0 at the end of the stream.
    pub(crate) fn poll_recv(&mut self, cx: &mut Context<'_>, space: &mut [u8]) -> Poll<io::Result<usize>> {
        #[cfg(target_os = "linux")]
        if let Self::Tcp(stream) = self {
            return linux::poll_recv(stream, cx, space);
        }
        let mut space = ReadBuf::new(space);
        ready!(Pin::new(self).poll_read(cx, &mut space))?;
        Poll::Ready(Ok(space.filled().len()))
    }

    /// Writes once.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        #[cfg(target_os = "linux")]
        if let Self::Tcp(stream) = self {
            return linux::poll_send(stream, cx, bytes);
        }
        Pin::new(self).poll_write(cx, bytes)
    }
}

/// What tokio knows of the socket, without a system call.
fn is_readable(stream: &TcpStream) -> bool {
    stream.try_io(Interest::READABLE, || Ok(())).is_ok()
}

/// What tokio's own reads and writes do, without the C library: its calls are cancellation points, which cost as much
/// again as entering the kernel. Nor is the task's budget asked: who uses these in a loop does that.
#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::task::{Context, Poll, ready};

    use rustix::net::{RecvFlags, SendFlags, recv, send};
    use tokio::io::Interest;
    use tokio::net::TcpStream;

    pub(super) fn poll_recv(
        stream: &TcpStream,
        cx: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let len = space.len();
        loop {
            let work = || recv(stream, &mut *space, RecvFlags::empty()).map(|(_, count)| count);
            match try_once(stream, Interest::READABLE, len, work) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(stream.poll_read_ready(cx))?;
                }
                result => return Poll::Ready(result),
            }
        }
    }

    pub(super) fn poll_send(
        stream: &TcpStream,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let work = || send(stream, bytes, SendFlags::NOSIGNAL);
            match try_once(stream, Interest::WRITABLE, bytes.len(), work) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(stream.poll_write_ready(cx))?;
                }
                result => return Poll::Ready(result),
            }
        }
    }

    /// Does `work` if the socket is ready. Fewer than `len` bytes mean that it is not ready any more (epoll(7), under
    /// "edge-triggered"), of which tokio learns as of a call that would block.
    fn try_once(
        stream: &TcpStream,
        interest: Interest,
        len: usize,
        work: impl FnOnce() -> rustix::io::Result<usize>,
    ) -> io::Result<usize> {
        let mut short = None;
        let result = stream.try_io(interest, || {
            let count = work()?;
            if 0 < count && count < len {
                short = Some(count);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(count)
        });
        short.map_or(result, Ok)
    }
}

macro_rules! forward {
    ($stream:expr, $inner:ident => $call:expr, gone => $gone:expr) => {
        match $stream {
            Stream::Tcp($inner) => {
                let $inner = Pin::new($inner);
                $call
            }
            Stream::Tls($inner) => {
                let $inner = Pin::new($inner.as_mut());
                $call
            }
            #[cfg(unix)]
            Stream::Unix($inner) => {
                let $inner = Pin::new($inner);
                $call
            }
            Stream::Gone => $gone,
        }
    };
}

fn gone<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        forward!(self.get_mut(), inner => inner.poll_read(cx, buf), gone => gone())
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        forward!(self.get_mut(), inner => inner.poll_write(cx, bytes), gone => gone())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        forward!(self.get_mut(), inner => inner.poll_write_vectored(cx, slices), gone => gone())
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(inner) => inner.is_write_vectored(),
            Self::Tls(inner) => inner.is_write_vectored(),
            #[cfg(unix)]
            Self::Unix(inner) => inner.is_write_vectored(),
            Self::Gone => false,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self.get_mut(), inner => inner.poll_flush(cx), gone => gone())
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self.get_mut(), inner => inner.poll_shutdown(cx), gone => gone())
    }
}
