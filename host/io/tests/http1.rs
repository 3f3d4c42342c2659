//! The engine over real sockets, HTTP/1.1: answers, connections, timeouts, limits.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as the tests do")]

mod support;

use std::sync::Arc;

use stresshost_clock::{Clock, Timer};
use stresshost_io::http::{
    BodyError, HttpConfig, HttpCore, HttpSession, HttpShared, MAX_BATCH, MAX_CONCURRENT, RequestSpec,
};
use stresshost_metrics::ErrorKind;
use support::{Client, Server, Step, ok, pairs, send, strings};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_connection_is_reused() {
    let script = vec![Step::Request, ok("one"), Step::Request, ok("two"), Step::Request, ok("three")];
    let server = Server::start(vec![script]).await;
    let mut client = Client::new();
    let url = server.url("/a");
    let request = client.prepare("GET", &url, &[]);
    for (index, body) in ["one", "two", "three"].iter().enumerate() {
        let outcome = client.session.fire(&request, &[]).await;
        assert_eq!((outcome.status, outcome.error), (200, None), "{outcome:?}");
        assert_eq!(client.body(), *body);
        assert_eq!(outcome.connects, u16::from(index == 0));
        assert_eq!(outcome.phases.connect_ns > 0, index == 0);
        assert_eq!(outcome.body_bytes, body.len() as u64);
        let phases = outcome.phases;
        let sum = phases.lookup_ns + phases.connect_ns + phases.write_ns + phases.wait_ns + phases.body_ns;
        assert!(
            outcome.fired_ns < outcome.done_ns && sum <= outcome.done_ns - outcome.fired_ns,
            "{outcome:?}"
        );
    }
    assert_eq!(client.session.connections(), 1);
    let sent = server.requests().await;
    assert_eq!(sent.len(), 3);
    assert!(
        sent[0].starts_with(&format!("GET /a HTTP/1.1\r\nHost: {}\r\n", &url[7..url.len() - 2])),
        "{}",
        sent[0]
    );
}

#[tokio::test]
async fn bytes_are_counted_exactly() {
    let server = Server::start(vec![vec![Step::Request, ok("hello")]]).await;
    let mut client = Client::new();
    let outcome = client.get(&server.url("/"), &[]).await;
    let sent = server.requests().await;
    assert_eq!(outcome.bytes_sent, sent[0].len() as u64);
    assert_eq!(outcome.bytes_received, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".len() as u64);
}

#[tokio::test]
async fn closing_servers_get_a_new_connection_each_time() {
    let closing = send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
    let to_close = send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    let scripts = vec![
        vec![Step::Request, closing],
        vec![Step::Request, to_close],
        vec![Step::Request, ok("asked to close")],
    ];
    let server = Server::start(scripts).await;
    let mut client = Client::new();
    for (body, options) in
        [("x", [].as_slice()), ("until the end", &[]), ("asked to close", &[("keep-alive", "false")])]
    {
        let outcome = client.get(&server.url("/"), options).await;
        assert_eq!((outcome.error, outcome.connects, outcome.reconnects), (None, 1, 0), "{outcome:?}");
        assert_eq!(client.body(), body);
        assert_eq!(client.session.connections(), 0);
    }
    let sent = server.requests().await;
    assert!(sent[2].contains("\r\nConnection: close\r\n") && !sent[0].contains("Connection"));
}

#[tokio::test]
async fn every_framing_is_read() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                   4;a=b\r\nchun\r\n3\r\nked\r\n0\r\nTrailer: x\r\n\r\n";
    let hints = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let mut script =
        vec![Step::Request, send(chunked), Step::Request, send(hints), Step::Pause, ok("after hints")];
    script.extend([Step::Request, send("HTTP/1.1 204 No Content\r\n\r\n")]);
    script.extend([Step::Request, send("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n")]);
    let piecewise = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow";
    script.push(Step::Request);
    script.extend(piecewise.iter().flat_map(|&byte| [Step::Send(vec![byte]), Step::Pause]));
    script.extend([Step::Request, send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")]);
    let server = Server::start(vec![script]).await;
    let mut client = Client::new();
    for (status, body) in [(200, "chunked"), (200, "after hints"), (204, ""), (304, ""), (200, "slow")] {
        let outcome = client.get(&server.url("/"), &[]).await;
        assert_eq!((outcome.status, outcome.error, client.body().as_str()), (status, None, body));
    }
    let outcome = client.request("HEAD", &server.url("/"), &[]).await;
    assert_eq!((outcome.status, outcome.error, client.body().as_str()), (200, None, ""));
    let response = client.session.response(0).unwrap();
    assert_eq!(response.header("CONTENT-length"), Some(b"9".as_slice()));
    assert_eq!(client.session.connections(), 1);
}

#[tokio::test]
async fn broken_answers_have_their_kinds() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nonly";
    for (script, kind, status) in [
        (vec![Step::Request], ErrorKind::Closed, 0),
        (vec![Step::Request, send("HTTP/1.1 200")], ErrorKind::Closed, 0),
        (vec![Step::Request, send(cut)], ErrorKind::Closed, 200),
        (
            vec![Step::Request, send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe")],
            ErrorKind::Closed,
            200,
        ),
        (vec![Step::Request, send("\0\u{1}garbage"), Step::Hold], ErrorKind::Malformed, 0),
        (vec![Step::Request, send("HTTP/1.1 101 Switch\r\n\r\n"), Step::Hold], ErrorKind::Malformed, 0),
        (
            vec![Step::Request, send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxTRA"), Step::Hold],
            ErrorKind::Malformed,
            200,
        ),
        (vec![Step::Request, Step::Reset], ErrorKind::Reset, 0),
        (vec![Step::Request, Step::SendForever(b"A: b\r\n".to_vec())], ErrorKind::Malformed, 0),
    ] {
        let label = format!("{script:?}");
        let server = Server::start(vec![script]).await;
        let mut client = Client::new();
        let outcome = client.get(&server.url("/"), &[]).await;
        assert_eq!((outcome.error, outcome.status), (Some(kind), status), "{label}: {outcome:?}");
        assert!(outcome.error_text.is_some() && client.session.response(0).is_none());
        assert_eq!((client.session.connections(), outcome.reconnects), (0, 0));
        assert!(outcome.done_ns > outcome.fired_ns);
    }
}

#[tokio::test]
async fn an_idle_connection_found_closed_is_replaced_once() {
    let first = vec![Step::Request, ok("first")];
    let second = vec![Step::Request, ok("second")];
    let server = Server::start(vec![first, second]).await;
    let mut client = Client::new();
    client.get(&server.url("/"), &[]).await;
    // The server's close has arrived when its next script waits for a connection.
    tokio::task::yield_now().await;
    let outcome = client.request("POST", &server.url("/"), &[]).await;
    assert_eq!((outcome.error, outcome.connects, outcome.reconnects), (None, 1, 1), "{outcome:?}");
    assert_eq!(client.body(), "second");
    assert_eq!(server.requests().await.len(), 2);
}

#[tokio::test]
async fn a_request_lost_on_a_reused_connection_is_repeated_only_if_harmless() {
    for (method, error, reconnects) in [("GET", None, 1), ("POST", Some(ErrorKind::Closed), 0)] {
        // The server takes the second request, then closes without a word.
        let first = vec![Step::Request, ok("first"), Step::Request];
        let server = Server::start(vec![first, vec![Step::Request, ok("again")]]).await;
        let mut client = Client::new();
        client.get(&server.url("/"), &[]).await;
        let outcome = client.request(method, &server.url("/"), &[]).await;
        assert_eq!((outcome.error, outcome.reconnects), (error, reconnects), "{method}: {outcome:?}");
        if error.is_none() {
            assert_eq!(client.body(), "again");
            // Both attempts were sent, and both count.
            let sent = server.requests().await;
            assert_eq!(outcome.bytes_sent, 2 * sent[2].len() as u64);
        }
    }
}

#[tokio::test]
async fn bytes_nobody_asked_for_never_answer_a_request() {
    let first = vec![Step::Request, ok("first"), Step::Pause, ok("smuggled"), Step::Hold];
    let server = Server::start(vec![first, vec![Step::Request, ok("honest")]]).await;
    let mut client = Client::new();
    client.get(&server.url("/"), &[]).await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let outcome = client.get(&server.url("/"), &[]).await;
    assert_eq!((outcome.error, outcome.reconnects), (None, 1), "{outcome:?}");
    assert_eq!(client.body(), "honest");
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let answers = vec![Step::Request, ok("fast"), Step::Request, Step::Hold];
    let partial = vec![Step::Request, send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), Step::Hold];
    let server = Server::start(vec![answers, partial, vec![Step::Request, ok("alive")]]).await;
    let mut client = Client::new();
    let options = [("timeout-ms", "30")];
    assert_eq!(client.get(&server.url("/"), &options).await.error, None);
    for status in [0, 200] {
        let outcome = client.get(&server.url("/"), &options).await;
        assert_eq!((outcome.error, outcome.status), (Some(ErrorKind::Timeout), status), "{outcome:?}");
        let took_ms = (outcome.done_ns - outcome.fired_ns) / 1_000_000;
        assert!((30..1000).contains(&took_ms), "{took_ms}");
        assert!(outcome.bytes_sent > 0);
        assert_eq!(client.session.connections(), 0);
    }
    assert_eq!(client.get(&server.url("/"), &options).await.error, None);
}

#[tokio::test]
async fn a_silent_server_times_out_on_the_cores_own_timer() {
    let tasks = tokio::task::LocalSet::new();
    let run = tasks.run_until(async {
        let clock = Clock::start();
        let (timer, driver) = Timer::new(clock).unwrap();
        tokio::task::spawn_local(driver);
        let shared = HttpShared::new(HttpConfig::default(), Arc::new(|_, _| true)).unwrap();
        let core = HttpCore::with_timer(shared, clock, timer);
        let mut client = Client { session: HttpSession::new(core.clone()), core };
        let script = vec![Step::Request, ok("fast"), Step::Request, Step::Hold];
        let server = Server::start(vec![script, vec![Step::Request, ok("alive")]]).await;
        let options = [("timeout-ms", "30")];
        for error in [None, Some(ErrorKind::Timeout), None] {
            let outcome = client.get(&server.url("/"), &options).await;
            assert_eq!(outcome.error, error, "{outcome:?}");
            let took_ms = (outcome.done_ns - outcome.fired_ns) / 1_000_000;
            assert!(error.is_none() || (30..1000).contains(&took_ms), "{took_ms}");
        }
    });
    run.await;
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n"] {
        let script = vec![Step::Request, send(head), Step::SendForever(vec![b'x'; 65536])];
        let server = Server::start(vec![script]).await;
        let mut client = Client::with(HttpConfig { max_response_bytes: 4 << 20, ..HttpConfig::default() });
        let outcome = client.get(&server.url("/"), &[]).await;
        assert_eq!((outcome.error, outcome.status), (Some(ErrorKind::TooLarge), 200), "{outcome:?}");
        assert!(outcome.bytes_received < 5 << 20);
        assert_eq!(client.session.connections(), 0);
    }
}

#[tokio::test]
async fn a_large_body_is_counted_and_its_start_kept() {
    let body = "0123456789".repeat(300_000);
    let server = Server::start(vec![vec![Step::Request, ok(&body), Step::Request, ok("small")]]).await;
    let mut client = Client::with(HttpConfig { max_body_kept_bytes: 100_000, ..HttpConfig::default() });
    let outcome = client.get(&server.url("/"), &[]).await;
    assert_eq!((outcome.error, outcome.body_bytes), (None, 3_000_000));
    let response = client.session.response(0).unwrap();
    assert_eq!(response.body(), Err(BodyError::Truncated { kept: 100_000, total: 3_000_000 }));
    assert_eq!(response.kept_body(), &body.as_bytes()[..100_000]);
    let outcome = client.get(&server.url("/"), &[]).await;
    assert_eq!((outcome.error, outcome.connects, client.body().as_str()), (None, 0, "small"));
}

#[tokio::test]
async fn a_large_request_body_arrives_whole() {
    let body = vec![b'b'; 5_000_000];
    let server = Server::start(vec![vec![Step::Request, ok("1"), Step::Request, ok("2")]]).await;
    let mut client = Client::new();
    let url = server.url("/{{id}}");
    let slots = strings(&["id"]);
    for slots in [[].as_slice(), &slots] {
        let spec =
            RequestSpec { method: "POST", url: &url, headers: &[], body: Some(&body), slots, options: &[] };
        let request = client.core.prepare(&spec).unwrap();
        let outcome = client.session.fire(&request, slots).await;
        assert_eq!(outcome.error, None, "{outcome:?}");
        assert!(outcome.bytes_sent > 5_000_000);
    }
    let sent = server.requests().await;
    assert!(sent.iter().all(|request| request.ends_with(std::str::from_utf8(&body).unwrap())));
    assert!(sent[1].starts_with("POST /id HTTP/1.1\r\n"));
}

#[tokio::test]
async fn an_answer_before_the_request_was_sent_counts() {
    let refusal = "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, refusal.as_bytes()).await.unwrap();
        stream
    });
    let mut client = Client::new();
    let body = vec![b'b'; 30_000_000];
    let spec =
        RequestSpec { method: "POST", url: &url, headers: &[], body: Some(&body), slots: &[], options: &[] };
    let request = client.core.prepare(&spec).unwrap();
    let outcome = client.session.fire(&request, &[]).await;
    assert_eq!((outcome.status, outcome.error), (413, Some(ErrorKind::Status4xx)), "{outcome:?}");
    assert_eq!((client.body().as_str(), client.session.connections()), ("no", 0));
    drop(server.await);
}

#[tokio::test]
async fn slots_are_filled_and_bad_values_are_not_sent() {
    let server = Server::start(vec![vec![Step::Request, ok("")]]).await;
    let mut client = Client::new();
    let headers = pairs(&[("X-Id", "{{id}}")]);
    let slots = strings(&["id", "q"]);
    let url = server.url("/p/{{id}}?q={{q}}&raw={{&id}}");
    let body = Some(br#"{"q":"{{q}}"}"#.as_slice());
    let spec =
        RequestSpec { method: "POST", url: &url, headers: &headers, body, slots: &slots, options: &[] };
    let request = client.core.prepare(&spec).unwrap();
    for (values, text) in [
        (strings(&["a\r\nEvil: 1", "x"]), "slot `id`"),
        (strings(&["a b", "x"]), "slot `id`"),
        (strings(&["1"]), "1 values for 2 slots"),
    ] {
        let outcome = client.session.fire(&request, &values).await;
        assert_eq!((outcome.error, outcome.connects), (Some(ErrorKind::Invalid), 0), "{outcome:?}");
        assert!(outcome.error_text.unwrap().contains(text));
    }
    let outcome = client.session.fire(&request, &strings(&["7", "ü/&"])).await;
    assert_eq!(outcome.error, None, "{outcome:?}");
    let outcome = client.session.fire(&request, &strings(&["a b", "x"])).await;
    assert_eq!((outcome.error, outcome.bytes_sent), (Some(ErrorKind::Invalid), 0));
    let sent = server.requests().await;
    assert!(sent[0].starts_with("POST /p/7?q=%C3%BC%2F%26&raw=7 HTTP/1.1\r\n"), "{}", sent[0]);
    assert!(
        sent[0].contains("\r\nX-Id: 7\r\n") && sent[0].ends_with("\r\n\r\n{\"q\":\"ü/&\"}"),
        "{}",
        sent[0]
    );
}

#[tokio::test]
async fn statuses_are_judged() {
    let answer = |status: u16| send(&format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"));
    type Case = (u16, &'static [(&'static str, &'static str)], Option<ErrorKind>);
    let cases: &[Case] = &[
        (302, &[], None),
        (404, &[], Some(ErrorKind::Status4xx)),
        (503, &[], Some(ErrorKind::Status5xx)),
        (404, &[("expect-status", "200,404")], None),
        (204, &[("expect-status", "200")], Some(ErrorKind::StatusUnexpected)),
        (500, &[("expect-status", "200")], Some(ErrorKind::Status5xx)),
    ];
    let script = cases.iter().flat_map(|&(status, ..)| [Step::Request, answer(status)]).collect();
    let server = Server::start(vec![script]).await;
    let mut client = Client::new();
    for &(status, options, error) in cases {
        let outcome = client.get(&server.url("/"), options).await;
        assert_eq!((outcome.status, outcome.error), (status, error), "{options:?}");
        assert_eq!((client.session.connections(), outcome.error_text), (1, None));
    }
}

#[tokio::test]
async fn a_batch_runs_concurrently_and_keeps_its_connections() {
    const COUNT: usize = MAX_CONCURRENT + 5;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut accepted = 0;
        // Nobody is answered before all connections are there, so requests one by one would hang.
        let together = Arc::new(tokio::sync::Barrier::new(MAX_CONCURRENT));
        while let Ok((stream, _)) = listener.accept().await {
            accepted += 1;
            assert!(accepted <= MAX_CONCURRENT);
            let together = Arc::clone(&together);
            tokio::spawn(async move {
                together.wait().await;
                let script = [(); 10].into_iter().flat_map(|()| [Step::Request, ok("x")]).collect();
                support::play(stream, script, &mut Vec::new()).await;
            });
        }
    });
    let mut client = Client::new();
    let batch: Vec<_> =
        (0..COUNT).map(|id| (client.prepare("GET", &format!("{url}/{id}"), &[]), Vec::new())).collect();
    for round in 0..2 {
        let outcomes = client.session.fire_all(&batch).await;
        assert_eq!(outcomes.len(), COUNT);
        assert!(outcomes.iter().all(|outcome| outcome.error.is_none()), "{outcomes:?}");
        let connects: u16 = outcomes.iter().map(|outcome| outcome.connects).sum();
        assert_eq!(usize::from(connects), if round == 0 { MAX_CONCURRENT } else { 0 });
        assert_eq!(client.session.response(COUNT - 1).unwrap().body(), Ok(b"x".as_slice()));
        assert_eq!(client.session.connections(), MAX_CONCURRENT);
    }
    client.session.close();
    assert_eq!(client.session.connections(), 0);
    server.abort();
}

#[tokio::test]
async fn a_batch_is_bounded_and_fails_one_by_one() {
    let scripts = vec![vec![Step::Request, Step::Hold], vec![Step::Request, ok("x"), Step::Hold]];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        for script in scripts {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move { support::play(stream, script, &mut Vec::new()).await });
        }
    });
    let mut client = Client::new();
    let slow = client.prepare("GET", &url, &[("timeout-ms", "20")]);
    let fine = client.prepare("GET", &url, &[]);
    let outcomes = client.session.fire_all(&[(slow, Vec::new()), (fine, Vec::new())]).await;
    assert_eq!(outcomes[0].error, Some(ErrorKind::Timeout));
    assert_eq!(outcomes[1].error, None);
    assert!(client.session.response(0).is_none() && client.session.response(1).is_some());
    server.await.unwrap();

    let refused = client.prepare("GET", "http://127.0.0.1:1/", &[]);
    let batch = vec![(refused, Vec::new()); MAX_BATCH + 1];
    let outcomes = client.session.fire_all(&batch).await;
    assert_eq!(outcomes[MAX_BATCH - 1].error, Some(ErrorKind::ConnectRefused));
    assert_eq!(outcomes[MAX_BATCH].error, Some(ErrorKind::Invalid));
    assert!(client.session.fire_all(&[]).await.is_empty());
}

#[tokio::test]
async fn a_dropped_request_takes_its_connection_along() {
    let first = vec![Step::Request, ok("first"), Step::Request, Step::Hold];
    let server = Server::start(vec![first, vec![Step::Request, ok("fresh")]]).await;
    let mut client = Client::new();
    let request = client.prepare("GET", &server.url("/"), &[]);
    client.session.fire(&request, &[]).await;
    let given_up =
        tokio::time::timeout(std::time::Duration::from_millis(20), client.session.fire(&request, &[]));
    assert!(given_up.await.is_err());
    assert_eq!(client.session.connections(), 0);
    let outcome = client.session.fire(&request, &[]).await;
    assert_eq!((outcome.error, client.body().as_str()), (None, "fresh"));
}

#[tokio::test]
async fn sessions_share_a_core() {
    let mut scripts = Vec::new();
    for _ in 0..20 {
        scripts.push(vec![Step::Request, ok("x"), Step::Hold]);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for script in scripts {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move { support::play(stream, script, &mut Vec::new()).await });
        }
    });
    let client = Client::new();
    let request = client.prepare("GET", &url, &[]);
    let tasks = tokio::task::LocalSet::new();
    let mut sessions = Vec::new();
    for _ in 0..20 {
        let (core, request) = (client.core.clone(), Arc::clone(&request));
        sessions.push(tasks.spawn_local(async move {
            let mut session = HttpSession::new(core);
            let outcome = session.fire(&request, &[]).await;
            session.compact();
            assert_eq!(session.response(0).unwrap().body(), Ok(b"x".as_slice()));
            session.release();
            assert!(session.response(0).is_none());
            outcome.error
        }));
    }
    tasks.await;
    for session in sessions {
        assert_eq!(session.await.unwrap(), None);
    }
}

/// Ten thousand users wait at once; what each holds while it waits is memory and cache misses.
#[tokio::test]
async fn a_waiting_user_holds_little() {
    let mut client = Client::new();
    let request = client.prepare("GET", "http://127.0.0.1:1/", &[]);
    assert!(size_of::<HttpSession>() <= 256, "{}", size_of::<HttpSession>());
    let size = size_of_val(&client.session.fire(&request, &[]));
    assert!(size <= 1024, "{size}");
}
