//! The engine over real sockets: redirects, content codings, addresses, unix sockets, egress rule.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as the tests do")]

mod support;

use std::io::Read;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use flate2::Compression;
use flate2::bufread::{GzEncoder, ZlibEncoder};
use stresshost_io::http::{BodyError, HttpConfig, RequestSpec};
use stresshost_metrics::ErrorKind;
use support::{Client, Server, Step, ok, pairs, send};

fn moved(status: u16, location: &str) -> Step {
    send(&format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"))
}

#[tokio::test]
async fn redirects_are_followed_only_on_request() {
    let script =
        vec![Step::Request, moved(301, "/b"), Step::Request, moved(302, "c?d=1"), Step::Request, ok("there")];
    let server = Server::start(vec![script.clone()]).await;
    let mut client = Client::new();
    let outcome = client.get(&server.url("/a"), &[]).await;
    assert_eq!((outcome.status, outcome.error, outcome.redirects), (301, None, 0));

    let server = Server::start(vec![script]).await;
    let outcome = client.get(&server.url("/x/a"), &[("follow-redirects", "2")]).await;
    assert_eq!((outcome.status, outcome.error, outcome.redirects, outcome.connects), (200, None, 2, 1));
    assert_eq!(client.body(), "there");
    let sent = server.requests().await;
    let lines: Vec<_> = sent.iter().map(|request| request.lines().next().unwrap()).collect();
    assert_eq!(lines, ["GET /x/a HTTP/1.1", "GET /b HTTP/1.1", "GET /c?d=1 HTTP/1.1"]);
    assert_eq!(outcome.bytes_sent, sent.iter().map(String::len).sum::<usize>() as u64);
}

#[tokio::test]
async fn redirects_that_lead_nowhere_fail() {
    for (location, limit) in [("/loop", "3"), ("ftp://h/", "3"), ("http://u:p@h/", "3")] {
        let script = (0..4).flat_map(|_| [Step::Request, moved(302, location)]).collect();
        let server = Server::start(vec![script]).await;
        let mut client = Client::new();
        let outcome = client.get(&server.url("/"), &[("follow-redirects", limit)]).await;
        assert_eq!(
            (outcome.status, outcome.error),
            (302, Some(ErrorKind::Redirect)),
            "{location}: {outcome:?}"
        );
        assert!(client.session.response(0).is_some());
    }
    let none = send("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
    let server = Server::start(vec![vec![Step::Request, none]]).await;
    let outcome = Client::new().get(&server.url("/"), &[("follow-redirects", "1")]).await;
    assert_eq!(outcome.error, Some(ErrorKind::Redirect));
}

#[tokio::test]
async fn a_redirect_changes_what_is_sent() {
    for (status, method, body) in
        [(302, "GET", ""), (303, "GET", ""), (307, "POST", "data"), (308, "POST", "data")]
    {
        let other = Server::start(vec![vec![Step::Request, ok("")]]).await;
        let script =
            vec![Step::Request, moved(status, "/same"), Step::Request, moved(status, &other.url("/other"))];
        let server = Server::start(vec![script]).await;
        let mut client = Client::new();
        let headers = pairs(&[("Authorization", "secret"), ("Content-Type", "text/x"), ("X-Kept", "1")]);
        let options = pairs(&[("follow-redirects", "5")]);
        let (url, body_sent) = (server.url("/{{id}}"), b"data".as_slice());
        let spec = RequestSpec {
            method: "POST",
            url: &url,
            headers: &headers,
            body: Some(body_sent),
            slots: &support::strings(&["id"]),
            options: &options,
        };
        let request = client.core.prepare(&spec).unwrap();
        let outcome = client.session.fire(&request, &support::strings(&["1"])).await;
        assert_eq!((outcome.error, outcome.redirects, outcome.connects), (None, 2, 2), "{outcome:?}");
        let same = server.requests().await.remove(1);
        let other = other.requests().await.remove(0);
        assert!(same.starts_with(&format!("{method} /same ")) && same.contains("secret"), "{same}");
        assert!(other.starts_with(&format!("{method} /other ")) && !other.contains("secret"), "{other}");
        for request in [same, other] {
            assert!(
                request.ends_with(&format!("\r\n\r\n{body}")) && request.contains("X-Kept: 1"),
                "{request}"
            );
            assert_eq!(request.contains("Content-Type"), !body.is_empty(), "{request}");
        }
    }
}

#[tokio::test]
async fn content_codings_are_undone_on_request() {
    let json = format!(r#"{{"items":[1,2,{{"name":"x\ty"}}],"pad":"{}"}}"#, " ".repeat(1000));
    let mut gzip = Vec::new();
    GzEncoder::new(json.as_bytes(), Compression::fast()).read_to_end(&mut gzip).unwrap();
    let mut zlib = Vec::new();
    ZlibEncoder::new(json.as_bytes(), Compression::fast()).read_to_end(&mut zlib).unwrap();
    let brotli = [0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03];
    let answer = |coding: &str, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        Step::Send([head.as_bytes(), body].concat())
    };
    let bodies: [(&str, &[u8]); 5] =
        [("gzip", &gzip), ("deflate", &zlib), ("br", &brotli), ("gzip", b"not gzip"), ("gzip", &gzip)];
    let script = bodies.iter().flat_map(|(coding, body)| [Step::Request, answer(coding, body)]).collect();
    let server = Server::start(vec![script]).await;
    let mut client = Client::new();
    let decompress = [("decompress", "true")];
    for (coding, body) in &bodies[..2] {
        let outcome = client.get(&server.url("/"), &decompress).await;
        assert_eq!((outcome.error, outcome.body_bytes), (None, body.len() as u64));
        assert_eq!(client.body(), json, "{coding}");
        let response = client.session.response(0).unwrap();
        assert_eq!(response.json("/items/2/name").unwrap().unwrap().text(), "x\ty");
    }
    client.get(&server.url("/"), &decompress).await;
    assert_eq!(client.body(), "hello");
    assert_eq!(client.get(&server.url("/"), &decompress).await.error, None);
    assert!(matches!(client.session.response(0).unwrap().body(), Err(BodyError::Decode(_))));
    client.get(&server.url("/"), &[]).await;
    assert_eq!(client.session.response(0).unwrap().body(), Ok(gzip.as_slice()));
    let sent = server.requests().await;
    assert!(
        sent[0].contains("\r\nAccept-Encoding: gzip, deflate, br\r\n")
            && !sent[4].contains("Accept-Encoding")
    );
}

#[tokio::test]
async fn a_compression_bomb_is_an_error() {
    let zeros = vec![0; 10_000_000];
    let mut bomb = Vec::new();
    GzEncoder::new(zeros.as_slice(), Compression::best()).read_to_end(&mut bomb).unwrap();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", bomb.len());
    let server =
        Server::start(vec![vec![Step::Request, Step::Send([head.as_bytes(), &bomb].concat())]]).await;
    let mut client = Client::with(HttpConfig { max_decoded_bytes: 1_000_000, ..HttpConfig::default() });
    client.get(&server.url("/"), &[("decompress", "true")]).await;
    let body = client.session.response(0).unwrap().body();
    assert_eq!(body, Err(BodyError::TooLarge { limit: 1_000_000 }));
}

#[tokio::test]
async fn ipv6_is_reached_or_explained() {
    if tokio::net::TcpListener::bind("[::1]:0").await.is_err() {
        let outcome = Client::new().get("http://[::1]:9/", &[]).await;
        assert!(outcome.error.is_some() && outcome.error_text.unwrap().contains("[::1]:9"));
        return;
    }
    let server = Server::start_on("::1", vec![vec![Step::Request, ok("six")]]).await;
    let mut client = Client::new();
    let url = format!("http://[::1]:{}/", server.port);
    let outcome = client.get(&url, &[]).await;
    assert_eq!((outcome.error, client.body().as_str()), (None, "six"), "{outcome:?}");
    let host = format!("\r\nHost: [::1]:{}\r\n", server.port);
    assert!(server.requests().await[0].contains(&host));
}

#[cfg(unix)]
#[tokio::test]
async fn unix_sockets_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut requests = Vec::new();
        support::play(stream, vec![Step::Request, ok("unix"), Step::Request, ok("again")], &mut requests)
            .await;
        requests
    });
    let encoded = path.to_str().unwrap().replace('/', "%2F").replace(' ', "%20");
    let mut client = Client::new();
    for body in ["unix", "again"] {
        let outcome = client.get(&format!("http+unix://{encoded}/p?q"), &[]).await;
        assert_eq!((outcome.error, client.body().as_str()), (None, body), "{outcome:?}");
    }
    assert!(server.await.unwrap()[1].starts_with("GET /p?q HTTP/1.1\r\nHost: localhost\r\n"));
    let outcome = client.get("http+unix://%2Fno%2Fsuch.sock/", &[]).await;
    assert_eq!(outcome.error, Some(ErrorKind::Connect));
    assert!(outcome.error_text.unwrap().contains("/no/such.sock"));
}

#[tokio::test]
async fn unreachable_targets_have_their_kinds() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut client = Client::new();
    let outcome = client.get(&format!("http://{free}/"), &[]).await;
    assert_eq!((outcome.error, outcome.status), (Some(ErrorKind::ConnectRefused), 0));
    assert!(outcome.error_text.unwrap().contains(&free.to_string()));
    assert!(outcome.phases.connect_ns > 0 && outcome.bytes_sent == 0);
    let outcome = client.get("http://no-such-host.invalid/", &[]).await;
    assert_eq!(outcome.error, Some(ErrorKind::Lookup), "{outcome:?}");
    assert!(outcome.error_text.unwrap().contains("no-such-host.invalid"));
}

/// A listener whose accept queue is full leaves further connections unanswered.
#[tokio::test]
async fn a_connection_that_is_not_answered_times_out() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut fillers = Vec::new();
    for _ in 0..4 {
        fillers.push(tokio::spawn(tokio::net::TcpStream::connect(address)));
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let mut client = Client::new();
    for options in [[("connect-timeout-ms", "50")], [("timeout-ms", "50")]] {
        let outcome = client.get(&format!("http://{address}/"), &options).await;
        assert_eq!(outcome.error, Some(ErrorKind::ConnectTimeout), "{outcome:?}");
        assert!(outcome.done_ns - outcome.fired_ns >= 50_000_000);
    }
    drop(fillers);
}

#[tokio::test]
async fn resolve_rules_replace_look_up() {
    let server = Server::start(vec![vec![Step::Request, ok("ruled")]]).await;
    let rule = format!("shop.invalid:8080=127.0.0.1:{}", server.port).parse().unwrap();
    let mut client = Client::with(HttpConfig { resolve: vec![rule], ..HttpConfig::default() });
    let outcome = client.get("http://shop.invalid:8080/", &[]).await;
    assert_eq!((outcome.error, client.body().as_str()), (None, "ruled"), "{outcome:?}");
    assert!(server.requests().await[0].contains("\r\nHost: shop.invalid:8080\r\n"));
}

#[tokio::test]
async fn the_egress_rule_is_asked_by_name_and_by_address() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let rule = move |origin: &stresshost_io::Origin, address: Option<IpAddr>| {
        seen.lock().unwrap().push((origin.to_string(), address));
        match address {
            None => &*origin.host != "by-name.invalid",
            Some(address) => address != IpAddr::from([127, 0, 0, 2]),
        }
    };
    let server = Server::start(vec![vec![
        Step::Request,
        ok(""),
        Step::Request,
        moved(302, "http://by-name.invalid/"),
    ]])
    .await;
    let resolve = vec![
        format!("by-address.invalid:80=127.0.0.2:{}", server.port).parse().unwrap(),
        format!("either.invalid:80=127.0.0.2:{}", server.port).parse().unwrap(),
        format!("either.invalid:80=127.0.0.1:{}", server.port).parse().unwrap(),
    ];
    let mut client = Client::granted(HttpConfig { resolve, ..HttpConfig::default() }, Arc::new(rule));
    for host in ["by-name.invalid", "by-address.invalid"] {
        let outcome = client.get(&format!("http://{host}/"), &[]).await;
        assert_eq!((outcome.error, outcome.bytes_sent), (Some(ErrorKind::Denied), 0), "{outcome:?}");
        assert!(outcome.error_text.unwrap().contains(host));
    }
    let names: Vec<_> = asked.lock().unwrap().drain(..).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(names[2], ("http://by-address.invalid".to_owned(), Some(IpAddr::from([127, 0, 0, 2]))));
    let outcome = client.get("http://either.invalid/", &[]).await;
    assert_eq!((outcome.error, outcome.connects), (None, 1), "{outcome:?}");
    let outcome = client.get("http://either.invalid/", &[("follow-redirects", "3")]).await;
    assert_eq!((outcome.error, outcome.redirects), (Some(ErrorKind::Denied), 1), "{outcome:?}");
}
