//! A relay before the shop: it takes TLS off, and sees which protocol is really spoken.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// What every HTTP/2 connection begins with, as far as it is looked at.
pub(crate) const HTTP2: &str = "PRI ";

/// What an HTTP/1.1 connection that GETs begins with.
pub(crate) const HTTP1_GET: &str = "GET ";

/// A certificate authority of this test alone, and a server's certificate from it.
pub(crate) struct Certificates {
    /// The authority's certificate, for `--ca`.
    pub(crate) ca_pem: String,
    /// A client's certificate and key, which [`for_members`](Self::for_members) asks for.
    pub(crate) client_pem: [String; 2],
    server: ServerConfig,
    members: ServerConfig,
}

impl Certificates {
    /// For a server named `127.0.0.1` or `localhost`.
    pub(crate) fn make() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters of an authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = params.self_signed(&key).expect("an authority");
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).expect("an authority");
        let issuer = Issuer::new(params, key);
        let issued = |names: &[&str]| {
            let key = KeyPair::generate().expect("a key");
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let params = CertificateParams::new(names).expect("parameters of a certificate");
            (params.signed_by(&key, &issuer).expect("a certificate"), key)
        };
        let (certificate, key) = issued(&["127.0.0.1", "localhost"]);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = || {
            let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
            config.with_safe_default_protocol_versions().expect("TLS versions")
        };
        let chain = vec![certificate.der().clone()];
        let server = config().with_no_client_auth().with_single_cert(chain.clone(), key.clone_key());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), default_provider().into());
        let verifier = verifier.build().expect("a verifier of clients");
        let members = config().with_client_cert_verifier(verifier).with_single_cert(chain, key);
        let (client, key) = issued(&["client.test"]);
        Self {
            ca_pem: authority.pem(),
            client_pem: [client.pem(), key.serialize_pem()],
            server: server.expect("a certificate that fits its key"),
            members: members.expect("a certificate that fits its key"),
        }
    }

    /// Takes TLS off, of clients with a certificate of this authority's.
    pub(crate) fn for_members(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::new(self.members.clone()))
    }

    /// Takes TLS off, offering these protocols by ALPN.
    pub(crate) fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        let mut server = self.server.clone();
        server.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(server))
    }
}

/// A relay on a thread of its own.
pub(crate) struct Relay {
    addr: SocketAddr,
    spoken: Arc<Spoken>,
    /// Dropped to stop it.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Connections by their first four bytes.
type Spoken = Mutex<BTreeMap<String, u64>>;

impl Relay {
    /// Relays to `target`, without TLS when there is no acceptor.
    pub(crate) fn start(target: SocketAddr, acceptor: Option<TlsAcceptor>) -> Self {
        let spoken = Arc::new(Spoken::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, addr) = mpsc::sync_channel(1);
        let of_connections = Arc::clone(&spoken);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener =
                    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("listen on a free port");
                tell.send(listener.local_addr().expect("address of a listener")).expect("the test waits");
                tokio::select! {
                    () = accept(&listener, target, acceptor, of_connections) => {}
                    _ = stopped => {}
                }
            });
        });
        let addr = addr.recv().expect("the relay listens");
        Self { addr, spoken, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connections so far, by their first four bytes.
    pub(crate) fn spoken(&self) -> BTreeMap<String, u64> {
        self.spoken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

async fn accept(
    listener: &TcpListener,
    target: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    spoken: Arc<Spoken>,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, spoken) = (acceptor.clone(), Arc::clone(&spoken));
        connections.spawn(async move {
            drop(stream.set_nodelay(true));
            // A handshake that fails is the client's side of the test.
            match acceptor {
                None => relay(stream, target, &spoken).await,
                Some(acceptor) => relay(acceptor.accept(stream).await?, target, &spoken).await,
            }
        });
    }
}

async fn relay<S>(mut client: S, target: SocketAddr, spoken: &Spoken) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut first = [0; 4];
    client.read_exact(&mut first).await?;
    let name = String::from_utf8_lossy(&first).into_owned();
    *spoken.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
    let mut server = TcpStream::connect(target).await?;
    server.set_nodelay(true)?;
    server.write_all(&first).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
