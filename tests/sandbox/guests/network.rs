//! Guests that reach for what nobody granted, or send what nobody should receive.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
pub(crate) fn denied_host() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    let project = Project::default();
    let finished = run(&project, "denied_host", &[&port.to_string()]);
    finished.expect_exit(14);
    let hint = format!(
        "http://127.0.0.1:{port} is not among the granted targets; `--allow http://127.0.0.1:{port}`"
    );
    contains(&finished.stderr, &[&hint, "[denied]"]);
    contains(&finished.stdout, &["DENIED", &format!("--allow http://127.0.0.1:{port}")]);
    let summary = complete(&project);
    assert_eq!(summary.verdict.status, VerdictStatus::Denied);
    assert_eq!(summary.operations[0].errors["denied"], summary.operations[0].count);
    assert_eq!(iterations(&summary).finished, 0);
    let nobody = elsewhere.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock, "the host connected all the same");

    // What the message advises helps.
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let origin = format!("http://{}", shop.addr());
    let project = Project::default();
    let finished = run(&project, "denied_host", &[&shop.addr().port().to_string(), "--allow", &origin]);
    contains(&finished.stderr, &[&format!("granted: {origin}")]);
    let summary = complete(&project);
    assert!(summary.operations[0].statuses.values().sum::<u64>() > 0);
    assert!(!summary.operations[0].errors.contains_key("denied"));
}

#[test]
pub(crate) fn stale_response() {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let project = Project::default();
    let finished = run(&project, "stale_response", &[&format!("http://{}/products/1", shop.addr())]);
    finished.expect_exit(0);
    let summary = complete(&project);
    let done = iterations(&summary);
    assert!(done.finished > 0);
    assert_eq!(summary.checks.len(), 2);
    for check in &summary.checks {
        assert_eq!((check.passed, check.failed), (done.finished, 0), "{}", check.name);
    }
    assert_eq!(summary.operations_done(), 2 * done.finished);
    assert_eq!(summary.operations_failed(), 0);
}

#[test]
pub(crate) fn wasi_denied() {
    let project = Project::default();
    run(&project, "wasi_denied", &[]).expect_exit(0);
    let summary = complete(&project);
    let done = iterations(&summary);
    assert_eq!(summary.checks.len(), 10);
    for check in &summary.checks {
        assert_eq!((check.passed, check.failed), (done.finished, 0), "{}", check.name);
    }
    assert!(!project.path().join("escaped.txt").exists());
}

#[test]
pub(crate) fn bad_bytes() {
    let project = Project::default();
    run(&project, "bad_bytes", &[]).expect_exit(0);
    let summary = complete(&project);
    assert_eq!(summary.checks.len(), 8);
    for check in &summary.checks {
        assert!(check.passed > 0 && check.failed == 0, "{}", check.name);
    }
}

/// A server that gives each connection to `serve`, until the test ends, and counts them.
fn raw(serve: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (count, serve) = (Arc::new(AtomicUsize::new(0)), Arc::new(serve));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            counted.fetch_add(1, Ordering::SeqCst);
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(&mut stream));
        }
    });
    (address, count)
}

/// Reads one request's head and answers it with a head of these lines.
fn answer(stream: &mut TcpStream, lines: &str) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        head.push(byte[0]);
    }
    drop(stream.write_all(format!("HTTP/1.1 {lines}\r\n").as_bytes()));
}

/// Runs `follow` with one user and one iteration, which fails with an error of this kind.
fn follow_fails(args: &[&str], kind: &str, exit: i32) -> Finished {
    let project = Project::default();
    let finished =
        run_plain(&project, "follow", &[&["--vus", "1", "--iterations", "1", "--cores", "1"], args].concat());
    finished.expect_exit(exit);
    let summary = complete(&project);
    assert_eq!(summary.operations[0].errors.get(kind), Some(&1), "{finished:?}");
    assert!(summary.generator.rss_max_bytes < 300 << 20, "{} bytes", summary.generator.rss_max_bytes);
    finished
}

/// A redirect leads where the user granted, and nowhere else.
#[test]
pub(crate) fn follow() {
    let (elsewhere, seen) = raw(|stream| answer(stream, "200 OK\r\nContent-Length: 0\r\n"));
    let location = format!("302 Found\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n");
    let (server, asked) = raw(move |stream| answer(stream, &location));
    let (url, allow) = (format!("http://{server}/"), format!("http://{server}"));
    let finished = follow_fails(&[&url, "--allow", &allow], "denied", 14);
    contains(&finished.stderr, &["[denied]"]);
    contains(&finished.stdout, &[&format!("--allow http://{elsewhere}")]);
    assert_eq!((asked.load(Ordering::SeqCst), seen.load(Ordering::SeqCst)), (1, 0));
    // A grant of a host is one of a port.
    let other_port = format!("http://127.0.0.1:{}", elsewhere.port());
    follow_fails(&[&url, "--allow", &other_port], "denied", 14);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // What is granted is followed.
    let project = Project::default();
    let grants = ["--allow", &allow, "--allow", &other_port, "--vus", "1", "--iterations", "1"];
    run_plain(&project, "follow", &[&[url.as_str()][..], &grants].concat()).expect_exit(0);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

/// The services in which clouds keep credentials are out of reach although the user granted everything there is on the
/// machine.
#[test]
fn a_redirect_to_a_metadata_service_is_denied() {
    for target in ["169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1]", "[fd00:ec2::254]"] {
        let location = format!("302 Found\r\nLocation: http://{target}/latest\r\nContent-Length: 0\r\n");
        let (server, _) = raw(move |stream| answer(stream, &location));
        let (url, allow) = (format!("http://{server}/"), format!("http://{server}"));
        let finished = follow_fails(&[&url, "--allow", &allow, "--allow", "http://*:*"], "denied", 14);
        contains(&finished.stdout, &["DENIED"]);
    }
}

/// A name below a granted domain was not chosen by the user, so it must not lead into the user's network: it is looked up
/// first, and judged by its address.
#[test]
fn a_name_that_resolves_to_a_private_address_is_denied() {
    let (server, seen) = raw(|stream| answer(stream, "200 OK\r\nContent-Length: 0\r\n"));
    let port = server.port();
    let (url, resolve) = (format!("http://rebound.test:{port}/"), format!("rebound.test:{port}={server}"));
    let wildcard = format!("http://*.test:{port}");
    let finished = follow_fails(&[&url, "--allow", &wildcard, "--resolve", &resolve], "denied", 14);
    contains(&finished.stdout, &["127.0.0.1", "where its grant does not lead"]);
    assert_eq!(seen.load(Ordering::SeqCst), 0);
    // The user may say so.
    let named = format!("http://rebound.test:{port}");
    let project = Project::default();
    let grants = ["--allow", &named, "--resolve", &resolve, "--vus", "1", "--iterations", "1"];
    run_plain(&project, "follow", &[&[url.as_str()][..], &grants].concat()).expect_exit(0);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

/// What a server may send without end is cut off, and the host stays small.
#[test]
fn a_huge_answer_is_cut_off() {
    let endless = |start: &'static str, more: &'static [u8]| {
        raw(move |stream| {
            answer(stream, start);
            while stream.write_all(more).is_ok() {}
        })
    };
    let more = &[b'x'; 64 << 10];
    let answers = [
        ("200 OK\r\nX-Endless: ", &more[..], "too_large"),
        ("200 OK\r\nContent-Length: 99999999999\r\n", more, "too_large"),
        ("200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFF\r\n", more, "too_large"),
        ("200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", more, "malformed"),
        ("200 OK\r\nConnection: close\r\n", more, "too_large"),
    ];
    for (start, more, kind) in answers {
        let (server, _) = endless(start, more);
        let (url, allow) = (format!("http://{server}/"), format!("http://{server}"));
        follow_fails(&[&url, "--allow", &allow], kind, 10);
    }
}

#[test]
pub(crate) fn huge_body() {
    let project = Project::default();
    let limits = ["--guest-limit", "prepared-bytes=40MiB"];
    let finished =
        run_plain(&project, "huge_body", &[&["--vus", "1", "--iterations", "1"], &limits[..]].concat());
    finished.expect_exit(13);
    contains(&finished.stderr, &["handed the host too much in one call", "host-call-bytes"]);
    contains(&read(&project.path().join("out/artifacts/kept.txt")), &["4: ", "more than 41943040 bytes"]);
    let summary = complete(&project);
    assert_eq!((reached(&summary, "prepared-bytes"), reached(&summary, "host-call-bytes")), (1, 1));
    // All users together may not hold more than the run has for them.
    let project = Project::default();
    let load = ["--vus", "4", "--iterations", "4", "--guest-limit", "total-memory=100MiB"];
    run_plain(&project, "huge_body", &load).expect_exit(13);
    let summary = complete(&project);
    assert!(reached(&summary, "prepared-bytes") > 0, "{:?}", summary.limits);
    assert!(summary.generator.rss_max_bytes < 400 << 20, "{} bytes", summary.generator.rss_max_bytes);
    // Beside another it computes for too long to come far in two seconds.
    beside("huge_body", &[0, 12, 13], &["--guest-limit", "total-memory=200MiB"]);
}

#[test]
pub(crate) fn hoard_bodies() {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let project = Project::default();
    let url = format!("http://{}/bytes/1000000", shop.addr());
    let load =
        ["--vus", "20", "--duration", "2s", "--graceful-stop", "1s", "--guest-limit", "kept-bodies=100MiB"];
    run_plain(&project, "hoard_bodies", &[&[url.as_str()][..], &load].concat()).expect_exit(0);
    let summary = complete(&project);
    let MetricValueSummary::Counter { sum, .. } = summary.metrics[0].value else { panic!("not a counter") };
    assert!(sum > 0.0, "what is kept is kept whole");
    let most = summary.generator.rss_max_bytes;
    assert!(most < 600 << 20, "{} MiB for 20 users with 64 MB of answers each", most >> 20);
    assert!(reached(&summary, "body-bytes") > 0, "{:?}", summary.limits);
}
