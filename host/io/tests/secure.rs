//! The engine over TLS and HTTP/2.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as the tests do")]

mod support;

use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use stresshost_clock::Clock;
use stresshost_io::http::{
    BodyError, ClientCertificate, HttpConfig, HttpCore, HttpShared, HttpVersion, RequestSpec, TlsConfig,
};
use stresshost_io::redis::{CommandSpec, RedisCore, RedisSession, TargetSpec};
use stresshost_io::tcp::{self, ExchangeSpec, TcpCore, TcpSession};
use stresshost_metrics::ErrorKind;
use support::{Client, Server, Step, ok, pairs, send, strings};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

struct Certificate {
    pem: Vec<u8>,
    config: ServerConfig,
}

fn certificate(name: &str) -> Certificate {
    serving(name, rustls::ALL_VERSIONS, None)
}

/// Of a server that speaks these versions of TLS, with clients of this certificate only.
fn serving(
    name: &str,
    versions: &[&'static rustls::SupportedProtocolVersion],
    client: Option<&rcgen::Certificate>,
) -> Certificate {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).unwrap();
    let config = match client {
        None => config.with_no_client_auth(),
        Some(client) => {
            let mut roots = RootCertStore::empty();
            roots.add(client.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    Certificate { pem: made.cert.pem().into_bytes(), config }
}

impl Certificate {
    fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        let mut config = self.config.clone();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    fn trusted(&self) -> HttpConfig {
        let tls = TlsConfig { ca_pem: vec![self.pem.clone()], ..TlsConfig::default() };
        HttpConfig { tls, ..HttpConfig::default() }
    }
}

/// Serves each connection with one script; returns the port.
async fn serve_tls(acceptor: TlsAcceptor, scripts: Vec<Vec<Step>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for script in scripts {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                support::play(stream, script, &mut Vec::new()).await;
            }
        }
    });
    port
}

async fn serve_http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let service = hyper::service::service_fn(answer);
    let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    drop(served);
}

/// `/big/N` answers N bytes, `/hang` never, `/missing` with 404, anything else with what it got.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let path = head.uri.path().to_owned();
    if let Some(size) = path.strip_prefix("/big/") {
        return Ok(Response::new(Full::new(Bytes::from(vec![b'x'; size.parse().unwrap()]))));
    }
    if path == "/hang" {
        std::future::pending::<()>().await;
    }
    let headers: Vec<_> = head.headers.keys().map(|name| name.as_str()).collect();
    let text = format!("{} {} {:?} {}", head.method, head.uri, headers, String::from_utf8_lossy(&body));
    let mut response = Response::new(Full::new(Bytes::from(text)));
    if path == "/missing" {
        *response.status_mut() = hyper::StatusCode::NOT_FOUND;
    }
    response.headers_mut().insert("x-version", hyper::header::HeaderValue::from_static("2"));
    Ok(response)
}

/// An h2c server; the second value is the number of connections it took.
async fn h2c_server() -> (u16, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let accepted = Arc::<std::sync::atomic::AtomicUsize>::default();
    let counter = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            tokio::spawn(serve_http2(stream));
        }
    });
    (port, accepted)
}

#[tokio::test]
async fn a_trusted_server_is_served_over_tls() {
    let certificate = certificate("127.0.0.1");
    let big = "y".repeat(200_000);
    let script = vec![Step::Request, ok("one"), Step::Request, ok(&big), Step::Request, ok("three")];
    let port = serve_tls(certificate.acceptor(&[]), vec![script]).await;
    let mut client = Client::with(certificate.trusted());
    for body in ["one", &big, "three"] {
        let outcome = client.get(&format!("https://127.0.0.1:{port}/"), &[]).await;
        assert_eq!((outcome.status, outcome.error), (200, None), "{outcome:?}");
        assert_eq!(client.body(), body);
        assert_eq!(outcome.phases.tls_ns > 0, outcome.connects == 1);
    }
}

#[tokio::test]
async fn a_server_that_asks_is_shown_who_the_client_is() {
    let made = || rcgen::generate_simple_self_signed(vec!["client.test".to_owned()]).unwrap();
    let (known, unknown) = (made(), made());
    let shown = |made: &rcgen::CertifiedKey<rcgen::KeyPair>| ClientCertificate {
        chain_pem: made.cert.pem().into_bytes(),
        key_pem: made.signing_key.serialize_pem().into_bytes(),
    };
    for version in rustls::ALL_VERSIONS {
        let server = serving("127.0.0.1", &[version], Some(&known.cert));
        for (client, error, text) in [
            (Some(shown(&known)), None, ""),
            (Some(shown(&unknown)), Some(ErrorKind::Tls), "does not accept the client's certificate"),
            (None, Some(ErrorKind::Tls), "wants a certificate of the client's"),
        ] {
            let port = serve_tls(server.acceptor(&[]), vec![vec![Step::Request, ok("hello")]]).await;
            let mut config = server.trusted();
            config.tls.client = client;
            let mut client = Client::with(config);
            let outcome = client.get(&format!("https://127.0.0.1:{port}/"), &[("keep-alive", "false")]).await;
            assert_eq!(outcome.error, error, "{version:?}: {outcome:?}");
            let found = outcome.error_text.as_deref().unwrap_or_default();
            assert!(found.contains(text), "{version:?}: {found}");
        }
    }
}

#[tokio::test]
async fn a_large_body_is_sent_over_tls() {
    let certificate = certificate("127.0.0.1");
    let port = serve_tls(certificate.acceptor(&[]), vec![vec![Step::Request, ok("got it")]]).await;
    let mut client = Client::with(certificate.trusted());
    let (url, body) = (format!("https://127.0.0.1:{port}/"), vec![b'b'; 3_000_000]);
    let spec =
        RequestSpec { method: "POST", url: &url, headers: &[], body: Some(&body), slots: &[], options: &[] };
    let request = client.core.prepare(&spec).unwrap();
    let outcome = client.session.fire(&request, &[]).await;
    assert_eq!((outcome.error, client.body().as_str()), (None, "got it"), "{outcome:?}");
    assert!(outcome.bytes_sent > 3_000_000);
}

#[tokio::test]
async fn untrusted_servers_fail_with_a_hint_and_can_be_accepted() {
    let certificate = certificate("other.test");
    let script = || vec![vec![Step::Request, ok("x")]; 2];
    let port = serve_tls(certificate.acceptor(&[]), script()).await;
    let url = format!("https://127.0.0.1:{port}/");
    // Another certificate is trusted, so that the test does not depend on the system's.
    let outcome = Client::with(self::certificate("127.0.0.1").trusted()).get(&url, &[]).await;
    assert_eq!(outcome.error, Some(ErrorKind::Tls), "{outcome:?}");
    assert!(outcome.error_text.as_deref().unwrap().contains("CA file"), "{outcome:?}");

    let insecure = TlsConfig { insecure: true, ..TlsConfig::default() };
    let outcome = Client::with(HttpConfig { tls: insecure, ..HttpConfig::default() }).get(&url, &[]).await;
    assert_eq!(outcome.error, None, "{outcome:?}");

    let port = serve_tls(certificate.acceptor(&[]), script()).await;
    let url = format!("https://127.0.0.1:{port}/");
    let mut config = certificate.trusted();
    let outcome = Client::with(config.clone()).get(&url, &[]).await;
    assert_eq!(outcome.error, Some(ErrorKind::Tls), "the name differs: {outcome:?}");
    config.tls.server_name = Some("other.test".to_owned());
    let outcome = Client::with(config).get(&url, &[]).await;
    assert_eq!(outcome.error, None, "{outcome:?}");
}

#[tokio::test]
async fn tls_to_a_plain_port_and_plain_to_a_tls_port_are_explained() {
    let bad_request = send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    let server = Server::start(vec![vec![bad_request, Step::Hold]]).await;
    let certificate = certificate("127.0.0.1");
    let outcome =
        Client::with(certificate.trusted()).get(&server.url("/").replace("http", "https"), &[]).await;
    assert_eq!(outcome.error, Some(ErrorKind::Tls));
    assert!(outcome.error_text.as_deref().unwrap().contains("try http"), "{outcome:?}");

    let port = serve_tls(certificate.acceptor(&[]), vec![vec![]]).await;
    let outcome = Client::new().get(&format!("http://127.0.0.1:{port}/"), &[]).await;
    assert_eq!(outcome.error, Some(ErrorKind::Malformed));
    assert!(outcome.error_text.as_deref().unwrap().contains("https"), "{outcome:?}");
}

#[tokio::test]
async fn http2_is_negotiated_or_not() {
    let certificate = certificate("127.0.0.1");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}/p?q=1", listener.local_addr().unwrap().port());
    let acceptor = certificate.acceptor(&["h2", "http/1.1"]);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stream = acceptor.accept(stream).await.unwrap();
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                tokio::spawn(serve_http2(stream));
            } else {
                tokio::spawn(async move {
                    support::play(stream, vec![Step::Request, ok("1.1")], &mut Vec::new()).await;
                });
            }
        }
    });
    let mut client = Client::with(certificate.trusted());
    let outcome = client.get(&url, &[]).await;
    assert_eq!((outcome.status, outcome.error, outcome.connects), (200, None, 1), "{outcome:?}");
    assert!(
        client.body().starts_with(&format!("GET {url} [\"user-agent\", \"accept\"]")),
        "{}",
        client.body()
    );
    assert_eq!(client.session.response(0).unwrap().header("X-Version"), Some(b"2".as_slice()));
    assert!(outcome.bytes_sent > 50 && outcome.bytes_received > 50, "{outcome:?}");
    let again = client.get(&url, &[("http-version", "2")]).await;
    assert_eq!((again.error, again.connects), (None, 0), "{again:?}");
    let old = client.get(&url, &[("http-version", "1.1")]).await;
    assert_eq!((old.error, old.connects, client.body().as_str()), (None, 1, "1.1"), "{old:?}");

    let only_http1 = serve_tls(certificate.acceptor(&["http/1.1"]), vec![vec![]]).await;
    let outcome = client.get(&format!("https://127.0.0.1:{only_http1}/"), &[("http-version", "2")]).await;
    assert_eq!(outcome.error, Some(ErrorKind::Tls), "{outcome:?}");
}

#[tokio::test]
async fn http2_without_tls_carries_everything() {
    let (port, accepted) = h2c_server().await;
    let config =
        HttpConfig { version: HttpVersion::Http2, max_body_kept_bytes: 1000, ..HttpConfig::default() };
    let mut client = Client::with(HttpConfig { max_response_bytes: 100_000, ..config });
    let base = format!("http://127.0.0.1:{port}");
    let (headers, slots) = (pairs(&[("X-Id", "{{id}}")]), strings(&["id"]));
    let url = format!("{base}/{{{{id}}}}");
    let body = Some(b"<{{id}}>".as_slice());
    let spec =
        RequestSpec { method: "POST", url: &url, headers: &headers, body, slots: &slots, options: &[] };
    let request = client.core.prepare(&spec).unwrap();
    let outcome = client.session.fire(&request, &strings(&["a/b"])).await;
    assert_eq!((outcome.status, outcome.error), (200, None), "{outcome:?}");
    let text = client.body();
    assert!(text.starts_with(&format!("POST {base}/a%2Fb ")) && text.ends_with(" <a/b>"), "{text}");
    let bad = client.session.fire(&request, &strings(&["a\r\nb"])).await;
    assert_eq!(bad.error, Some(ErrorKind::Invalid), "{bad:?}");

    let outcome = client.get(&format!("{base}/missing"), &[]).await;
    assert_eq!((outcome.status, outcome.error), (404, Some(ErrorKind::Status4xx)));
    let outcome = client.get(&format!("{base}/big/5000"), &[]).await;
    assert_eq!((outcome.error, outcome.body_bytes), (None, 5000));
    let body = client.session.response(0).unwrap().body();
    assert_eq!(body, Err(BodyError::Truncated { kept: 1000, total: 5000 }));
    let outcome = client.get(&format!("{base}/big/200000"), &[]).await;
    assert_eq!((outcome.status, outcome.error), (200, Some(ErrorKind::TooLarge)), "{outcome:?}");
    let outcome = client.get(&format!("{base}/hang"), &[("timeout-ms", "30")]).await;
    assert_eq!(outcome.error, Some(ErrorKind::Timeout));
    assert_eq!(client.get(&format!("{base}/x"), &[]).await.error, None);
    assert_eq!(accepted.load(std::sync::atomic::Ordering::Relaxed), 1, "one connection carried all of it");
}

#[tokio::test]
async fn an_http2_batch_shares_one_connection() {
    let (port, accepted) = h2c_server().await;
    let mut client = Client::with(HttpConfig { version: HttpVersion::Http2, ..HttpConfig::default() });
    let batch: Vec<_> = (0..100)
        .map(|id| (client.prepare("GET", &format!("http://127.0.0.1:{port}/{id}"), &[]), Vec::new()))
        .collect();
    let outcomes = client.session.fire_all(&batch).await;
    assert!(outcomes.iter().all(|outcome| outcome.error.is_none()), "{outcomes:?}");
    assert_eq!(accepted.load(std::sync::atomic::Ordering::Relaxed), 1);
    let last = client.session.response(99).unwrap().body().unwrap();
    assert!(String::from_utf8_lossy(last).contains("/99 "));
}

#[tokio::test]
async fn http2_failures_have_their_kinds() {
    // Not HTTP/2 at all, and a connection that ends.
    let talks_http1 = vec![send("HTTP/1.1 400 Bad Request\r\n\r\n"), Step::Hold];
    for (script, kinds) in [
        (talks_http1, [ErrorKind::Malformed, ErrorKind::Malformed]),
        (vec![], [ErrorKind::Closed, ErrorKind::Reset]),
    ] {
        let server = Server::start(vec![script.clone(), script]).await;
        let mut client = Client::with(HttpConfig { version: HttpVersion::Http2, ..HttpConfig::default() });
        let outcome = client.get(&server.url("/"), &[]).await;
        assert!(outcome.error.is_some_and(|kind| kinds.contains(&kind)), "{outcome:?}");
        assert!(outcome.error_text.is_some());
    }
    let refused = Client::new().get("http://127.0.0.1:1/", &[("http-version", "2")]).await;
    assert_eq!(refused.error, Some(ErrorKind::ConnectRefused));
}

#[tokio::test]
async fn redis_speaks_tls_with_the_same_settings() {
    let certificate = certificate("127.0.0.1");
    let script = vec![
        Step::Read(b"stresshost\r\n".to_vec()),
        send("%1\r\n+server\r\n+redis\r\n"),
        Step::Read(b"PING\r\n".to_vec()),
        send("+PONG\r\n"),
        Step::Hold,
    ];
    let port = serve_tls(certificate.acceptor(&[]), vec![script; 2]).await;
    let url = format!("rediss://127.0.0.1:{port}");
    for (config, error) in [(certificate.trusted(), None), (HttpConfig::default(), Some(ErrorKind::Tls))] {
        let shared = HttpShared::new(config, Arc::new(|_, _| true)).unwrap();
        let mut session = RedisSession::new(RedisCore::new(HttpCore::new(shared, Clock::start())));
        let connection = session.open(&TargetSpec { url: &url, options: &[] }).unwrap();
        let connected = session.connect(connection, 0).await;
        assert_eq!(connected.error, error, "{:?}", connected.error_text);
        if error.is_none() {
            assert!(connected.phases.tls_ns > 0);
            let spec = CommandSpec { words: &[b"PING".to_vec()], slots: &[], options: &[] };
            let ping = session.prepare(connection, &spec).unwrap().unwrap();
            let outcome = session.send(connection, 0, &ping, &[]).await;
            assert_eq!((outcome.error, outcome.bytes_received), (None, 7));
        }
    }
}

#[tokio::test]
async fn bytes_go_over_tls_where_their_target_says_so() {
    let certificate = certificate("cache.test");
    let script = vec![Step::Read(b"ask\r\n".to_vec()), send("ok\r\n"), Step::Hold];
    let port = serve_tls(certificate.acceptor(&[]), vec![script; 2]).await;
    let address = format!("127.0.0.1:{port}");
    for (name, error) in [(Some("cache.test"), None), (None, Some(ErrorKind::Tls))] {
        let shared = HttpShared::new(certificate.trusted(), Arc::new(|_, _| true)).unwrap();
        let mut session = TcpSession::new(TcpCore::new(HttpCore::new(shared, Clock::start())));
        let mut options = pairs(&[("tls", "true")]);
        options.extend(name.map(|name| ("server-name".to_owned(), name.to_owned())));
        let place = session.open(&tcp::TargetSpec { address: &address, options: &options }).unwrap();
        let connected = session.connect(place).await;
        assert_eq!(connected.error, error, "{:?}", connected.error_text);
        if error.is_none() {
            assert!(connected.phases.tls_ns > 0);
            let options = pairs(&[("reply", "until"), ("delimiter", "\n")]);
            let spec = ExchangeSpec { bytes: b"ask\r\n", slots: &[], options: &options };
            let ask = session.prepare(place, &spec).unwrap().unwrap();
            let outcome = session.send(place, &ask, &[]).await;
            assert_eq!((outcome.error, outcome.bytes_received), (None, 4));
            assert!(session.is_connected(place));
        }
    }
}
