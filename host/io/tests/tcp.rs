//! The TCP engine against a real memcached, and against scripted servers that real servers never are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use stresshost_clock::Clock;
use stresshost_io::http::{HttpConfig, HttpCore, HttpShared};
use stresshost_io::tcp::{
    Exchange, ExchangeSpec, OpenError, Outcome, ReplyError, TargetSpec, TcpCore, TcpSession,
};
use stresshost_metrics::ErrorKind;
use stresshost_servers::Memcached;
use support::{Server, Step, pairs, send, strings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// How a line of a text protocol ends.
const LINE: [(&str, &str); 2] = [("reply", "until"), ("delimiter", "\\r\\n")];

struct Client {
    session: TcpSession,
    place: usize,
}

fn session(config: HttpConfig) -> TcpSession {
    let shared = HttpShared::new(config, Arc::new(|_, _| true)).unwrap();
    TcpSession::new(TcpCore::new(HttpCore::new(shared, Clock::start())))
}

async fn open_with(config: HttpConfig, address: &str, options: &[(&str, &str)]) -> Client {
    let mut session = session(config);
    let place = session.open(&TargetSpec { address, options: &pairs(options) }).unwrap();
    let outcome = session.connect(place).await;
    assert_eq!(outcome.error, None, "{:?}", outcome.error_text);
    Client { session, place }
}

async fn open(address: &str) -> Client {
    open_with(HttpConfig::default(), address, &[]).await
}

impl Client {
    fn exchange(&self, bytes: &[u8], slots: &[&str], options: &[(&str, &str)]) -> Exchange {
        let spec = ExchangeSpec { bytes, slots: &strings(slots), options: &pairs(options) };
        self.session.prepare(self.place, &spec).unwrap().unwrap()
    }

    async fn send(&mut self, exchange: &Exchange, values: &[&[u8]]) -> Outcome {
        let values: Vec<_> = values.iter().map(|value| value.to_vec()).collect();
        self.session.send(self.place, exchange, &values).await
    }

    async fn begin(&mut self, bytes: &[u8]) -> Result<(), ErrorKind> {
        let exchange = self.exchange(bytes, &[], &[]);
        self.session.begin(self.place, &exchange, &[]).await
    }

    fn is_connected(&mut self) -> bool {
        self.session.is_connected(self.place)
    }
}

#[tokio::test]
async fn memcached_is_spoken_in_whole_replies_and_in_pieces() {
    let server = Memcached::start();
    let mut client = open(&server.url()).await;
    let expect_stored = [LINE[0], LINE[1], ("expect-start", "STORED\\r\\n")];
    let set = client.exchange(
        b"set {{key}} 0 0 {{length}}\r\n{{value}}\r\n",
        &["key", "length", "value"],
        &expect_stored,
    );
    let get = client.exchange(b"get {{key}}\r\n", &["key"], &[]);
    for value in [&b""[..], b"END\r\nVALUE x", &[0xff; 700_000]] {
        let length = value.len().to_string();
        let stored = client.send(&set, &[b"k", length.as_bytes(), value]).await;
        assert_eq!((stored.error, client.session.reply()), (None, Ok(&b"STORED\r\n"[..])));
        assert_eq!(stored.bytes_sent, (b"set k 0 0 \r\n\r\n".len() + length.len() + value.len()) as u64);
        assert_eq!((stored.bytes_received, stored.reply_bytes), (8, 8));
        assert!(stored.fired_ns < stored.done_ns && stored.phases.wait_ns > 0);

        assert_eq!(client.session.begin(client.place, &get, &[b"k".to_vec()]).await, Ok(()));
        let head = client.session.read_until(b"\r\n", 300).await.unwrap();
        assert_eq!(String::from_utf8(head).unwrap(), format!("VALUE k 0 {length}\r\n"));
        assert_eq!(client.session.read(value.len()).await.as_deref(), Ok(value));
        assert_eq!(client.session.read_until(b"END\r\n", 7).await.as_deref(), Ok(&b"\r\nEND\r\n"[..]));
        let got = client.session.end(None).unwrap();
        assert_eq!((got.error, got.bytes_sent), (None, 7));
        let received = b"VALUE k 0 \r\n\r\nEND\r\n".len() + length.len() + value.len();
        assert_eq!((got.bytes_received, got.reply_bytes), (received as u64, received as u64));
        assert!(client.is_connected());
    }
    let refused = client.send(&set, &[b"k", b"1", b"too long"]).await;
    assert_eq!(refused.error, Some(ErrorKind::StatusUnexpected));
    assert_eq!(refused.error_text.unwrap().as_ref(), "the reply begins with `CLIENT_ERROR bad data chunk`");
    assert_eq!((server.stat("cmd_set"), server.stat("get_hits")), (4, 3), "the refused one counts");
}

/// What comes of an exchange that is answered so, and the client.
async fn answered(script: Vec<Step>, options: &[(&str, &str)]) -> (Outcome, Client) {
    let script = [vec![Step::Read(b"ask\r\n".to_vec())], script].concat();
    let server = Server::start(vec![script]).await;
    let config = HttpConfig { max_body_kept_bytes: 64 << 10, ..HttpConfig::default() };
    let target = [("timeout-ms", "300"), ("max-reply-bytes", "1000000")];
    let mut client = open_with(config, &format!("127.0.0.1:{}", server.port), &target).await;
    let exchange = client.exchange(b"ask\r\n", &[], options);
    (client.send(&exchange, &[]).await, client)
}

#[tokio::test]
async fn replies_end_where_their_exchange_says() {
    let prefix = [("reply", "prefix"), ("length-bytes", "2"), ("length-offset", "1")];
    let counts_itself = [
        ("reply", "prefix"),
        ("length-bytes", "4"),
        ("length-endian", "little"),
        ("length-adjustment", "-4"),
    ];
    let pieces = |pieces: &[&[u8]]| -> Vec<Step> {
        let steps = pieces.iter().flat_map(|piece| [Step::Send(piece.to_vec()), Step::Pause]);
        steps.chain([Step::Hold]).collect()
    };
    for (options, script, reply) in [
        (&LINE[..], pieces(&[b"o", b"k\r", b"\n"]), &b"ok\r\n"[..]),
        (&LINE[..], pieces(&[b"\r\n"]), b"\r\n"),
        (&[("reply", "exactly"), ("length", "3")], pieces(&[b"a", b"bc"]), b"abc"),
        (&[("reply", "exactly"), ("length", "0")], pieces(&[]), b""),
        (&[("reply", "none")], pieces(&[]), b""),
        (&prefix, pieces(&[b"#\0", b"\x03ab", b"c"]), b"#\0\x03abc"),
        (&counts_itself, pieces(&[b"\x06\0\0\0xy"]), b"\x06\0\0\0xy"),
    ] {
        let (outcome, mut client) = answered(script, options).await;
        assert_eq!(outcome.error, None, "{options:?}: {:?}", outcome.error_text);
        assert_eq!(client.session.reply(), Ok(reply), "{options:?}");
        assert_eq!((outcome.bytes_sent, outcome.bytes_received), (5, reply.len() as u64));
        assert!(client.is_connected(), "{options:?}");
    }
}

#[tokio::test]
async fn a_delimiter_is_found_however_it_is_cut() {
    let reply = b"a--b-\r-\r\n--\r\n";
    for cut in 1..reply.len() {
        let (first, second) = reply.split_at(cut);
        let script = vec![Step::Send(first.to_vec()), Step::Pause, Step::Send(second.to_vec()), Step::Hold];
        let (outcome, client) = answered(script, &[("reply", "until"), ("delimiter", "--\\r\\n")]).await;
        assert_eq!((outcome.error, client.session.reply()), (None, Ok(&reply[..])), "cut at {cut}");
    }
}

#[tokio::test]
async fn what_a_hostile_server_sends_is_an_error_within_limits() {
    let prefix = [("reply", "prefix"), ("length-bytes", "8")];
    let counts_itself = [("reply", "prefix"), ("length-bytes", "1"), ("length-adjustment", "-2")];
    let exactly = [("reply", "exactly"), ("length", "10")];
    for (script, options, kind) in [
        (vec![], &LINE[..], ErrorKind::Closed),
        (vec![send("half")], &LINE, ErrorKind::Closed),
        (vec![send("half")], &exactly, ErrorKind::Closed),
        (vec![Step::Reset], &LINE, ErrorKind::Reset),
        (vec![Step::Hold], &LINE, ErrorKind::Timeout),
        (vec![send("half"), Step::Hold], &exactly, ErrorKind::Timeout),
        (vec![send("half"), Step::Hold], &prefix, ErrorKind::Timeout),
        (vec![Step::SendForever(vec![b'x'; 1_000])], &LINE, ErrorKind::TooLarge),
        (vec![Step::SendForever(vec![0xff; 1_000])], &prefix, ErrorKind::TooLarge),
        (vec![send("\u{1}"), Step::Hold], &counts_itself, ErrorKind::Malformed),
    ] {
        let (outcome, mut client) = answered(script.clone(), options).await;
        assert_eq!(outcome.error, Some(kind), "{script:?}: {:?}", outcome.error_text);
        assert!(outcome.done_ns > outcome.fired_ns && outcome.bytes_received < 2_000_000);
        assert!(!client.is_connected(), "{script:?}");
        assert_eq!(client.session.reply(), Err(ReplyError::Gone));
    }
}

#[tokio::test]
async fn a_long_reply_is_counted_and_not_kept() {
    let long = "x".repeat(500_000);
    for options in [&[("reply", "exactly"), ("length", "500002")][..], &LINE] {
        let (outcome, mut client) = answered(vec![send(&long), send("\r\n"), Step::Hold], options).await;
        assert_eq!((outcome.error, outcome.reply_bytes, outcome.bytes_received), (None, 500_002, 500_002));
        assert_eq!(client.session.reply(), Err(ReplyError::NotKept));
        assert!(client.is_connected());
    }
    let start = [LINE[0], LINE[1], ("expect-start", "y")];
    let (outcome, _) = answered(vec![send(&long), send("\r\n"), Step::Hold], &start).await;
    assert_eq!(outcome.error, Some(ErrorKind::StatusUnexpected));
}

#[tokio::test]
async fn what_comes_unasked_makes_a_connection_unusable() {
    let (outcome, mut client) = answered(vec![send("ok\r\nmore"), Step::Hold], &LINE).await;
    assert_eq!((outcome.error, client.session.reply()), (None, Ok(&b"ok\r\n"[..])));
    assert!(!client.is_connected());
}

#[tokio::test]
async fn what_a_server_says_first_is_read_first() {
    let script = vec![send("220 ready\r\n"), Step::Read(b"QUIT\r\n".to_vec()), send("221 bye\r\n")];
    let server = Server::start(vec![script]).await;
    let mut client = open(&format!("127.0.0.1:{}", server.port)).await;
    // Whether the greeting has arrived before or after this makes no difference.
    assert!(client.is_connected());
    assert_eq!(client.begin(b"").await, Ok(()));
    assert_eq!(client.session.read_until(b"\r\n", 100).await.as_deref(), Ok(&b"220 ready\r\n"[..]));
    assert_eq!(client.session.write(b"QUIT\r\n").await, Ok(()));
    assert_eq!(client.session.read_until(b"\r\n", 100).await.as_deref(), Ok(&b"221 bye\r\n"[..]));
    let outcome = client.session.end(None).unwrap();
    assert_eq!((outcome.error, outcome.bytes_sent, outcome.bytes_received), (None, 6, 20));
}

/// A client that has begun to ask a server that answers so.
async fn asking(script: Vec<Step>) -> Client {
    let script = [vec![Step::Read(b"ask\r\n".to_vec())], script].concat();
    let server = Server::start(vec![script]).await;
    let target = [("timeout-ms", "300"), ("max-reply-bytes", "1000000")];
    let mut client = open_with(HttpConfig::default(), &format!("127.0.0.1:{}", server.port), &target).await;
    assert_eq!(client.begin(b"ask\r\n").await, Ok(()));
    client
}

#[tokio::test]
async fn what_the_caller_computes_after_the_last_byte_is_not_measured() {
    let mut client = asking(vec![send("ok\r\n"), Step::Hold]).await;
    client.session.read_until(b"\r\n", 10).await.unwrap();
    let computing = Duration::from_millis(200);
    tokio::time::sleep(computing).await;
    let outcome = client.session.end(None).unwrap();
    assert!(u128::from(outcome.done_ns - outcome.fired_ns) < computing.as_nanos(), "{outcome:?}");
}

#[tokio::test]
async fn times_are_those_of_the_server() {
    const WAIT: Duration = Duration::from_millis(60);
    const BODY: Duration = Duration::from_millis(40);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        while stream.read_u8().await.is_ok() {
            tokio::time::sleep(WAIT).await;
            stream.write_all(b"o").await.unwrap();
            tokio::time::sleep(BODY).await;
            stream.write_all(b"k\r\n").await.unwrap();
        }
    });
    let mut client = open(&address).await;
    let ask = client.exchange(b"?", &[], &LINE);
    let whole = client.send(&ask, &[]).await;
    client.begin(b"?").await.unwrap();
    client.session.read_until(b"\r\n", 10).await.unwrap();
    for outcome in [whole, client.session.end(None).unwrap()] {
        // The server's sleep may begin a little before the byte before it is seen here.
        let at_least = |ns: u64, least: Duration| u128::from(ns) >= (least * 9 / 10).as_nanos();
        let phases = outcome.phases;
        assert!(at_least(phases.wait_ns, WAIT) && at_least(phases.body_ns, BODY), "{outcome:?}");
        let service_ns = outcome.done_ns - outcome.fired_ns;
        assert_eq!(phases.write_ns + phases.wait_ns + phases.body_ns, service_ns, "{outcome:?}");
    }
}

#[tokio::test]
async fn what_a_socket_does_not_take_at_once_is_sent_on() {
    // More than the kernel holds between two sockets of this machine.
    const MUCH: usize = 32 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut received = vec![0; MUCH];
        while stream.read_exact(&mut received).await.is_ok() {
            let is_whole = received.iter().all(|&byte| byte == b'x');
            stream.write_all(if is_whole { b"ok\r\n" } else { b"no\r\n" }).await.unwrap();
        }
    });
    let mut client = open(&address).await;
    let value = vec![b'x'; MUCH];
    let whole = client.exchange(b"{{value}}", &["value"], &LINE);
    let outcome = client.send(&whole, &[&value]).await;
    assert_eq!((outcome.error, client.session.reply()), (None, Ok(&b"ok\r\n"[..])));
    assert_eq!((outcome.bytes_sent, client.is_connected()), (MUCH as u64, true));

    let unread = client.exchange(b"{{value}}", &["value"], &[("reply", "none")]);
    let (first, rest) = value.split_at(MUCH / 2);
    assert_eq!(client.session.begin(client.place, &unread, &[first.to_vec()]).await, Ok(()));
    assert_eq!(client.session.write(rest).await, Ok(()));
    assert_eq!(client.session.read_until(b"\r\n", 10).await.as_deref(), Ok(&b"ok\r\n"[..]));
    let outcome = client.session.end(None).unwrap();
    assert_eq!((outcome.error, outcome.bytes_sent, client.is_connected()), (None, MUCH as u64, true));

    let silent = Server::start(vec![vec![Step::Read(b"x".to_vec()), Step::Reset]]).await;
    let target = [("timeout-ms", "5000")];
    let address = format!("127.0.0.1:{}", silent.port);
    let mut client = open_with(HttpConfig::default(), &address, &target).await;
    let unread = client.exchange(b"{{value}}", &["value"], &[("reply", "none")]);
    let outcome = client.send(&unread, &[&value]).await;
    let kinds = [ErrorKind::Reset, ErrorKind::Write];
    assert!(outcome.error.is_some_and(|kind| kinds.contains(&kind)), "{outcome:?}");
    assert!(!client.is_connected());
}

#[tokio::test]
async fn pieces_are_skipped_and_bounded() {
    let long = "x".repeat(900_000);
    let mut client = asking(vec![send(&long), send("end"), Step::Hold]).await;
    assert_eq!(client.session.skip(900_000).await, Ok(()));
    assert_eq!(client.session.read(3).await.as_deref(), Ok(&b"end"[..]));
    let outcome = client.session.end(None).unwrap();
    assert_eq!((outcome.error, outcome.reply_bytes), (None, 900_003));
    assert!(client.is_connected());

    for endless in [b"x\r\n".as_slice(), b"x"] {
        let mut client = asking(vec![Step::SendForever(endless.repeat(1_000))]).await;
        assert_eq!(client.session.skip(u64::MAX).await, Err(ErrorKind::TooLarge));
        assert_eq!(client.session.end(None).unwrap().error, Some(ErrorKind::TooLarge));
        assert!(!client.is_connected());
    }
    let mut client = asking(vec![Step::SendForever(b"x".repeat(1_000))]).await;
    assert_eq!(client.session.read_until(b"\r\n", 5_000).await, Err(ErrorKind::TooLarge));
    assert_eq!(client.session.read(1).await, Err(ErrorKind::TooLarge), "it is over");
    let text = client.session.end(None).unwrap().error_text.unwrap();
    assert_eq!(text.as_ref(), "there is no `\\r\\n` within 5000 bytes");

    let mut client = asking(vec![Step::Hold]).await;
    assert_eq!(client.session.read(1 << 30).await, Err(ErrorKind::TooLarge), "more than is kept");
    let mut client = asking(vec![Step::Hold]).await;
    assert_eq!(client.session.read_until(b"", 10).await, Err(ErrorKind::Invalid));
}

#[tokio::test]
async fn a_reply_in_pieces_fails_as_a_whole_one_does() {
    for (script, kind) in [
        (vec![], ErrorKind::Closed),
        (vec![send("ha")], ErrorKind::Closed),
        (vec![Step::Reset], ErrorKind::Reset),
        (vec![send("ha"), Step::Hold], ErrorKind::Timeout),
    ] {
        let mut client = asking(script.clone()).await;
        assert_eq!(client.session.read(3).await, Err(kind), "{script:?}");
        let outcome = client.session.end(Some((ErrorKind::Malformed, "half"))).unwrap();
        assert_eq!(outcome.error, Some(kind), "the transport's error is the first");
        assert!(outcome.done_ns > outcome.fired_ns && !client.is_connected());
    }
}

#[tokio::test]
async fn the_callers_verdict_is_the_operations() {
    for (verdict, reads, is_usable) in [
        (None, 4, true),
        (None, 2, false),
        (Some((ErrorKind::StatusUnexpected, "no")), 4, true),
        (Some((ErrorKind::Malformed, "no")), 4, false),
    ] {
        let mut client = asking(vec![send("ok\r\n"), Step::Hold]).await;
        client.session.read(reads).await.unwrap();
        let outcome = client.session.end(verdict).unwrap();
        assert_eq!(outcome.error, verdict.map(|(kind, _)| kind));
        assert_eq!(outcome.error_text.as_deref(), verdict.map(|(_, text)| text));
        assert_eq!(client.is_connected(), is_usable, "{verdict:?} after {reads} bytes");
        assert_eq!(client.session.end(None), None, "it is ended");
    }
    let mut client = asking(vec![send("ok\r\n"), Step::Hold]).await;
    let abandoned = client.session.abandon("nobody ends it").unwrap();
    assert_eq!(
        (abandoned.error, abandoned.error_text.as_deref()),
        (Some(ErrorKind::Invalid), Some("nobody ends it"))
    );
    assert!(!client.is_connected() && !client.session.is_open());
    assert_eq!(client.session.read(1).await, Err(ErrorKind::Invalid));
}

#[tokio::test]
async fn what_cannot_be_sent_is_not() {
    let server = Server::start(vec![vec![Step::Hold]]).await;
    let mut client = open(&format!("127.0.0.1:{}", server.port)).await;
    let slot = client.exchange(b"{{a}}", &["a"], &LINE);
    let unframed = client.exchange(b"x", &[], &[]);
    for exchange in [&slot, &unframed] {
        let outcome = client.send(exchange, &[]).await;
        assert_eq!((outcome.error, outcome.bytes_sent), (Some(ErrorKind::Invalid), 0));
        assert!(client.is_connected(), "nothing was sent");
    }
    assert_eq!(client.session.begin(client.place, &slot, &[]).await, Err(ErrorKind::Invalid));
    assert_eq!(client.session.end(None).unwrap().error, Some(ErrorKind::Invalid));
    let target = TargetSpec { address: "127.0.0.1:1", options: &[] };
    let more = (0..100).map_while(|_| client.session.open(&target).ok()).count();
    assert_eq!((more, client.session.open(&target)), (63, Err(OpenError::TooMany)));
    client.session.close(client.place);
    let outcome = client.send(&unframed, &[]).await;
    assert_eq!(outcome.error, Some(ErrorKind::Invalid));
}

#[tokio::test]
async fn a_dropped_exchange_takes_its_connection_with_it() {
    let server = Server::start(vec![vec![Step::Hold]]).await;
    let mut client = open(&format!("127.0.0.1:{}", server.port)).await;
    let exchange = client.exchange(b"x", &[], &LINE);
    let sending = client.send(&exchange, &[]);
    assert!(tokio::time::timeout(Duration::from_millis(20), sending).await.is_err());
    assert!(!client.is_connected());
}

#[tokio::test]
async fn a_server_may_end_and_come_back() {
    let server = Memcached::start();
    let mut client = open(&server.url()).await;
    let version = client.exchange(b"version\r\n", &[], &LINE);
    assert_eq!(client.send(&version, &[]).await.error, None);
    server.stop();
    while client.is_connected() {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.session.connect(client.place).await.error, Some(ErrorKind::ConnectRefused));
    assert!(!client.is_connected());
    server.start_again();
    assert_eq!(client.session.connect(client.place).await.error, None);
    assert_eq!(client.send(&version, &[]).await.error, None);
}

#[tokio::test]
async fn targets_that_nobody_granted_are_not_connected_to() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    let shared = HttpShared::new(HttpConfig::default(), Arc::new(|_, address| address.is_none())).unwrap();
    let mut session = TcpSession::new(TcpCore::new(HttpCore::new(shared, Clock::start())));
    let place = session.open(&TargetSpec { address: &address, options: &[] }).unwrap();
    assert_eq!(session.connect(place).await.error, Some(ErrorKind::Denied), "its address is asked about too");
    let shared = HttpShared::new(HttpConfig::default(), Arc::new(|_, _| false)).unwrap();
    let mut session = TcpSession::new(TcpCore::new(HttpCore::new(shared, Clock::start())));
    let place = session.open(&TargetSpec { address: &address, options: &[] }).unwrap();
    let denied = session.connect(place).await;
    assert!(denied.error_text.unwrap().contains(&format!("`--allow tcp://{address}` grants it")));
    let waiting = tokio::time::timeout(Duration::from_millis(50), nobody.accept());
    assert!(waiting.await.is_err(), "the host connected all the same");
}

#[tokio::test]
async fn a_secret_goes_where_it_was_given_for() {
    let script = vec![Step::Read(b"auth s3cret\r\n".to_vec()), send("ok\r\n"), Step::Hold];
    let server = Server::start(vec![script]).await;
    let port = server.port;
    let goes_to = move |origin: &stresshost_io::Origin| origin.port == port;
    let secret = stresshost_io::Secret::new("pin".into(), "s3cret".into(), Box::new(goes_to));
    let config = HttpConfig { secrets: [secret].into_iter().collect(), ..HttpConfig::default() };
    let mut client = open_with(config, &format!("127.0.0.1:{port}"), &[]).await;
    let auth = client.exchange(b"auth {{secret:pin}}\r\n", &[], &LINE);
    assert_eq!(client.send(&auth, &[]).await.error, None);
    let elsewhere = client.session.open(&TargetSpec { address: "127.0.0.1:1", options: &[] }).unwrap();
    let spec = ExchangeSpec { bytes: b"{{secret:pin}}", slots: &[], options: &[] };
    let error = client.session.prepare(elsewhere, &spec).unwrap().unwrap_err();
    assert_eq!(error.to_string(), "secret `pin` was not given for tcp://127.0.0.1:1");
}
