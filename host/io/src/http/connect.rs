//! Makes connections: look-up, egress rule, TCP or unix socket, TLS, HTTP/2 set-up.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use stresshost_clock::Clock;
use stresshost_metrics::{ErrorKind, Phases};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::config::HttpVersion;
use super::failure::{Failure, chain};
use super::h2::{self, Http2};
use super::shared::HttpShared;
use super::stream::Stream;
use crate::network::NoWay;
use crate::origin::{Origin, Scheme};

/// What to connect to, and how.
pub(crate) struct Plan {
    pub(crate) shared: HttpShared,
    pub(crate) clock: Clock,
    pub(crate) origin: Arc<Origin>,
    pub(crate) version: HttpVersion,
    pub(crate) timeout_ns: u64,
}

/// A connection ready for requests.
pub(crate) enum Protocol {
    Http1(Stream),
    Http2(Http2),
}

/// A connection attempt that ended, well or not, and where its time went.
pub(crate) struct Connected {
    pub(crate) result: Result<Protocol, Failure>,
    pub(crate) phases: Phases,
    pub(crate) at_ns: u64,
}

/// Connects within the plan's timeout.
pub(crate) async fn connect(plan: Plan) -> Connected {
    let mut phases = Phases::default();
    let limit = Duration::from_nanos(plan.timeout_ns);
    let result = match timeout(limit, plan.attempt(&mut phases)).await {
        Ok(result) => result,
        Err(_) => Err(Failure::new(
            ErrorKind::ConnectTimeout,
            format!("no connection to {} within {} ms", plan.origin, limit.as_millis()),
        )),
    };
    Connected { result, phases, at_ns: plan.clock.now_ns() }
}

impl Plan {
    async fn attempt(&self, phases: &mut Phases) -> Result<Protocol, Failure> {
        self.shared.network().check(&self.origin).map_err(no_way)?;
        let stream = if self.origin.scheme == Scheme::Unix {
            self.timed(&mut phases.connect_ns, self.unix()).await?
        } else {
            let addresses = self.shared.network().addresses(&self.origin, self.clock);
            let addresses = self.timed(&mut phases.lookup_ns, addresses).await.map_err(no_way)?;
            let stream = self.timed(&mut phases.connect_ns, self.tcp(&addresses)).await?;
            if self.origin.is_tls() {
                // Boxed like HTTP/2's start: thousands of users connect at the same time, most without either.
                return self.timed(&mut phases.tls_ns, Box::pin(self.encrypted(stream))).await;
            }
            Stream::Tcp(stream)
        };
        if self.version == HttpVersion::Http2 {
            return Box::pin(h2::start(stream, self.shared.config())).await.map(Protocol::Http2);
        }
        Ok(Protocol::Http1(stream))
    }

    /// Adds the time `work` takes to a phase, also when it is given up.
    async fn timed<T>(&self, phase_ns: &mut u64, work: impl Future<Output = T>) -> T {
        let _timing = Timing { clock: self.clock, start_ns: self.clock.now_ns(), phase_ns };
        work.await
    }

    async fn tcp(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
        let mut last = Failure::new(ErrorKind::Lookup, format!("{} has no address", self.origin));
        let deadline_ns = self.clock.now_ns().saturating_add(self.timeout_ns);
        for (index, address) in addresses.iter().enumerate() {
            // Each address left gets an equal share of the time left, so that a dead first one leaves some.
            let left = u64::try_from(addresses.len() - index).unwrap_or(1);
            let share = Duration::from_nanos(deadline_ns.saturating_sub(self.clock.now_ns()) / left);
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // A socket that refuses the option still works, only slower.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%address, %error, "cannot set TCP_NODELAY");
                    }
                    return Ok(stream);
                }
                Ok(Err(error)) => last = Failure::from_connect(&error, &address.to_string()),
                Err(_) => {
                    last = Failure::new(
                        ErrorKind::ConnectTimeout,
                        format!("no connection to {address} within {} ms", share.as_millis()),
                    );
                }
            }
        }
        Err(last)
    }

    #[cfg(unix)]
    async fn unix(&self) -> Result<Stream, Failure> {
        let path = self.origin.path.as_deref().unwrap_or_default();
        let connected = tokio::net::UnixStream::connect(path).await;
        connected.map(Stream::Unix).map_err(|error| Failure::from_connect(&error, path))
    }

    #[cfg(not(unix))]
    async fn unix(&self) -> Result<Stream, Failure> {
        Err(Failure::new(ErrorKind::Connect, "this system has no unix sockets"))
    }

    async fn encrypted(&self, stream: TcpStream) -> Result<Protocol, Failure> {
        let tls = self.shared.tls();
        let failed = |text: String| Failure::new(ErrorKind::Tls, text);
        let connector = tls.connector(self.version).map_err(|error| failed(error.to_string()))?;
        let host = &self.origin.host;
        let name =
            tls.name_for(host).ok_or_else(|| failed(format!("`{host}` cannot be in a certificate")))?;
        let stream = connector.connect(name, stream).await.map_err(|error| self.explain(&error))?;
        let speaks_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let stream = Stream::Tls(Box::new(stream));
        if speaks_http2 {
            return h2::start(stream, self.shared.config()).await.map(Protocol::Http2);
        }
        if self.version == HttpVersion::Http2 {
            return Err(failed(format!("{} does not offer HTTP/2", self.origin)));
        }
        Ok(Protocol::Http1(stream))
    }

    fn explain(&self, error: &std::io::Error) -> Failure {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let hint = match inner {
            Some(rustls::Error::InvalidMessage(_)) => " (the server seems not to speak TLS: try http)",
            Some(rustls::Error::InvalidCertificate(_)) => " (give its CA file, or accept any certificate)",
            _ => "",
        };
        Failure::new(ErrorKind::Tls, format!("TLS handshake with {}: {}{hint}", self.origin, chain(error)))
    }
}

fn no_way(NoWay { kind, text }: NoWay) -> Failure {
    Failure::new(kind, text)
}

/// Adds the time of its life to a phase.
struct Timing<'a> {
    clock: Clock,
    start_ns: u64,
    phase_ns: &'a mut u64,
}

impl Drop for Timing<'_> {
    fn drop(&mut self) {
        *self.phase_ns += self.clock.now_ns().saturating_sub(self.start_ns);
    }
}
