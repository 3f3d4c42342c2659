//! Makes connections: look-up, egress rule, TCP or unix socket, TLS.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use stresshost_clock::Clock;
use stresshost_metrics::{ErrorKind, Phases};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::failure::{Failure, alert_hint, chain, tls_error};
use crate::http::{HttpShared, HttpVersion};
use crate::network::NoWay;
use crate::origin::{Origin, Scheme};
use crate::stream::Stream;

/// Where to connect to.
pub(crate) struct Dial {
    pub(crate) shared: HttpShared,
    pub(crate) clock: Clock,
    pub(crate) origin: Arc<Origin>,
    pub(crate) timeout_ns: u64,
}

impl Dial {
    /// Does `work`, which connects, within the time limit.
    pub(crate) async fn within_limit<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let limit = Duration::from_nanos(self.timeout_ns);
        timeout(limit, work).await.unwrap_or_else(|_| {
            let text = format!("no connection to {} within {} ms", self.origin, limit.as_millis());
            Err(Failure::new(ErrorKind::ConnectTimeout, text))
        })
    }

    /// A stream to the origin that is not encrypted.
    pub(crate) async fn plain(&self, phases: &mut Phases) -> Result<Stream, Failure> {
        self.shared.network().check(&self.origin).map_err(no_way)?;
        if self.origin.scheme == Scheme::Unix {
            return self.timed(&mut phases.connect_ns, self.unix()).await;
        }
        self.reach(phases).await.map(Stream::Tcp)
    }

    /// A TLS stream to the origin, in whose certificate its host is expected or another `name`; the protocols offered are
    /// those of an HTTP version, or none.
    pub(crate) async fn encrypted(
        &self,
        version: Option<HttpVersion>,
        name: Option<&str>,
        phases: &mut Phases,
    ) -> Result<Box<TlsStream<TcpStream>>, Failure> {
        self.shared.network().check(&self.origin).map_err(no_way)?;
        let stream = self.reach(phases).await?;
        self.timed(&mut phases.tls_ns, self.encrypt(stream, version, name)).await
    }

    async fn reach(&self, phases: &mut Phases) -> Result<TcpStream, Failure> {
        let addresses = self.shared.network().addresses(&self.origin, self.clock);
        let addresses = self.timed(&mut phases.lookup_ns, addresses).await.map_err(no_way)?;
        self.timed(&mut phases.connect_ns, self.tcp(&addresses)).await
    }

    /// Adds the time `work` takes to a phase, also when it is given up.
    pub(crate) async fn timed<T>(&self, phase_ns: &mut u64, work: impl Future<Output = T>) -> T {
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
            match timeout(share, connect(*address)).await {
                Ok(Ok(stream)) => return Ok(stream),
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

    async fn encrypt(
        &self,
        stream: TcpStream,
        version: Option<HttpVersion>,
        name: Option<&str>,
    ) -> Result<Box<TlsStream<TcpStream>>, Failure> {
        let tls = self.shared.tls();
        let failed = |text: String| Failure::new(ErrorKind::Tls, text);
        let connector = tls.connector(version).map_err(|error| failed(error.to_string()))?;
        let host = name.unwrap_or(&self.origin.host);
        let name =
            tls.name_for(host).ok_or_else(|| failed(format!("`{host}` cannot be in a certificate")))?;
        connector.connect(name, stream).await.map(Box::new).map_err(|error| self.explain(&error))
    }

    fn explain(&self, error: &std::io::Error) -> Failure {
        let hint = match tls_error(error) {
            Some(rustls::Error::InvalidMessage(_)) if self.origin.scheme.is_http() => {
                " (the server seems not to speak TLS: try http)"
            }
            Some(rustls::Error::InvalidMessage(_)) => " (the server seems not to speak TLS)",
            Some(rustls::Error::InvalidCertificate(_)) => " (give its CA file, or accept any certificate)",
            _ => alert_hint(error),
        };
        Failure::new(ErrorKind::Tls, format!("TLS handshake with {}: {}{hint}", self.origin, chain(error)))
    }
}

/// A TCP stream that sends at once what it is given.
pub(crate) async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // A socket that refuses the option still works, only slower.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%address, %error, "cannot set TCP_NODELAY");
    }
    Ok(stream)
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
