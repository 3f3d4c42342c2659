//! The connections of one session.

use std::sync::Arc;

use crate::http::HttpVersion;
use crate::http::connect::Protocol;
use crate::http::h2::Http2;
use crate::http::limits::MAX_IDLE_CONNECTIONS;
use crate::http::prepared::Prepared;
use crate::origin::Origin;
use crate::origin::Scheme;
use crate::stream::Stream;

/// Idle HTTP/1.1 connections, and HTTP/2 connections in use or not.
#[derive(Default)]
pub(crate) struct Links {
    idle: Vec<Link>,
    /// Origins to which a connection is being made that may turn out to be HTTP/2 and serve all.
    opening: Vec<Arc<Origin>>,
    /// Origins known in this batch to need a connection per request.
    unshared: Vec<Arc<Origin>>,
}

struct Link {
    origin: Arc<Origin>,
    protocol: Protocol,
}

/// How a request gets its connection.
pub(crate) enum Found {
    Http1(Stream),
    Http2(Http2),
    /// Another request of the batch is opening one that may serve this one too.
    Wait,
    Open,
}

impl Links {
    /// Takes a connection for a request; `fresh` to leave the idle HTTP/1.1 ones alone.
    pub(crate) fn find(&mut self, request: &Prepared, fresh: bool) -> Found {
        self.idle.retain(|link| !matches!(&link.protocol, Protocol::Http2(http2) if http2.is_closed()));
        let position = self.idle.iter().position(|link| link.serves(request, fresh));
        if let Some(position) = position {
            if let Some(Protocol::Http2(http2)) = self.idle.get(position).map(|link| &link.protocol) {
                return Found::Http2(http2.clone());
            }
            if let Protocol::Http1(stream) = self.idle.swap_remove(position).protocol {
                return Found::Http1(stream);
            }
        }
        if !may_be_shared(request) || self.unshared.contains(&request.origin) {
            return Found::Open;
        }
        if self.opening.contains(&request.origin) {
            return Found::Wait;
        }
        self.opening.push(Arc::clone(&request.origin));
        Found::Open
    }

    /// Notes how opening a connection ended, for those who wait for it.
    pub(crate) fn opened(&mut self, origin: &Arc<Origin>, http2: Option<&Http2>) {
        self.opening.retain(|other| other != origin);
        match http2 {
            Some(http2) => self.keep(origin, Protocol::Http2(http2.clone())),
            None if self.unshared.contains(origin) => {}
            None => self.unshared.push(Arc::clone(origin)),
        }
    }

    /// Keeps a connection for the next request.
    pub(crate) fn keep(&mut self, origin: &Arc<Origin>, protocol: Protocol) {
        if self.idle.len() >= MAX_IDLE_CONNECTIONS {
            self.idle.remove(0);
        }
        self.idle.push(Link { origin: Arc::clone(origin), protocol });
    }

    /// Forgets HTTP/2 connections to an origin, whose server ends or broke them.
    pub(crate) fn drop_http2(&mut self, origin: &Arc<Origin>) {
        self.idle.retain(|link| link.origin != *origin || !matches!(link.protocol, Protocol::Http2(_)));
    }

    /// Starts a batch: what an abandoned one was opening is gone.
    pub(crate) fn begin(&mut self) {
        self.opening.clear();
        self.unshared.clear();
    }

    /// Drops every connection.
    pub(crate) fn close(&mut self) {
        self.idle.clear();
        self.begin();
    }

    /// Number of connections being opened that others wait for.
    pub(crate) fn opening(&self) -> usize {
        self.opening.len()
    }

    /// Number of connections held.
    pub(crate) fn len(&self) -> usize {
        self.idle.len()
    }
}

impl Link {
    fn serves(&self, request: &Prepared, fresh: bool) -> bool {
        let speaks = match &self.protocol {
            Protocol::Http1(_) => !fresh && request.options.version != HttpVersion::Http2,
            Protocol::Http2(_) => request.options.version != HttpVersion::Http1,
        };
        speaks && (Arc::ptr_eq(&self.origin, &request.origin) || self.origin == request.origin)
    }
}

/// Whether a connection for this request may turn out to be HTTP/2.
fn may_be_shared(request: &Prepared) -> bool {
    match request.options.version {
        HttpVersion::Http1 => false,
        HttpVersion::Http2 => true,
        HttpVersion::Auto => request.origin.scheme == Scheme::Https,
    }
}
