//! A small HTTP/1.1 server for people and scrapers: every connection, head and lifetime is bounded.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

/// Connections served at once: a few people and scrapers. More wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 32;

/// Bytes of a request's head: a long token and a browser's cookies fit.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// How long a client may take to send a head, and how long a connection may stay without a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// How long to wait when the machine is out of descriptors before a connection is accepted again.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(crate) type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Listens on an address, for a runtime to serve later. Port 0 takes any free one.
pub(crate) fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves until `ended` says so; then answers what is under way, for as long as the caller waits. `lifetime` bounds a
/// connection whatever its client does. `answer` gets a handle that cuts the connection of its request.
pub(crate) async fn serve<A, F>(
    listener: TcpListener,
    mut ended: watch::Receiver<bool>,
    lifetime: Duration,
    answer: A,
) -> io::Result<()>
where
    A: Fn(Request<Incoming>, Arc<Notify>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send,
{
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            biased;
            _ = ended.wait_for(|ended| *ended) => break,
            accepted = accepted => accepted,
        };
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (answer, ended) = (answer.clone(), ended.clone());
        connections.spawn(async move {
            let _permit = permit;
            // What went wrong with a connection is its client's concern.
            drop(tokio::time::timeout(lifetime, connection(stream, ended, answer)).await);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

async fn connection<A, F>(stream: TcpStream, mut ended: watch::Receiver<bool>, answer: A)
where
    A: Fn(Request<Incoming>, Arc<Notify>) -> F + Sync,
    F: Future<Output = Answer>,
{
    let cut = Arc::new(Notify::new());
    let service = service_fn(|request| {
        let answering = answer(request, Arc::clone(&cut));
        async { Ok::<_, Infallible>(answering.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = cut.notified() => return,
        _ = ended.wait_for(|ended| *ended) => connection.as_mut().graceful_shutdown(),
    }
    drop(connection.await);
}

/// An answer with a whole body.
pub(crate) fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()).boxed());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// An answer of one line of text.
pub(crate) fn text(status: StatusCode, text: &str) -> Answer {
    answer(status, "text/plain; charset=utf-8", format!("{text}\n"))
}
