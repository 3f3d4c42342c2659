//! Servers that are not there, or answer badly: the run is done, counted and reported all the same.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use stresshost_metrics::{Summary, VerdictStatus};
use stresshost_tests::{Finished, Project};

use crate::shown::{SHORT, shop, without_tables};

/// Reads a request and answers every connection with the same bytes, then closes it.
struct Canned {
    addr: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Canned {
    fn new(answer: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let serve = move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                // The client may be gone already; then there is nobody to answer.
                let mut stream = stream.unwrap();
                let read = stream.read(&mut [0; 4096]);
                drop(read.and_then(|_| stream.write_all(answer)));
            }
        };
        Self { addr, stop, thread: Some(std::thread::spawn(serve)) }
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.addr));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// A short run; its summary and reports must be there.
fn run(url: &str, args: &[&str]) -> (Finished, Summary) {
    let project = Project::default();
    let fixed = ["run", "--plugin", "devstress", url, "--out", "out"];
    let finished = project.run(&[&fixed, &SHORT[..], args].concat());
    let summary = project.summary("out");
    for name in ["run.json", "snapshots.jsonl", "analysis.json", "report.html"] {
        assert!(project.path().join("out").join(name).exists(), "{name} is missing");
    }
    (finished, summary)
}

/// Asserts that every operation failed with one kind.
fn all_failed(summary: &Summary, kind: &str) {
    let done = summary.operations_done();
    assert!(done > 0);
    assert_eq!(summary.operations[0].errors[kind], done, "{:?}", summary.operations[0].errors);
    // A cut says it all; the others come with words.
    let worded = kind != "interrupted";
    assert_eq!(summary.failures.first().map(|failure| failure.kind.as_str()), worded.then_some(kind));
}

#[test]
fn a_closed_port_is_unreachable_and_reported() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (finished, summary) = run(&format!("http://{free}/"), &[]);
    finished.expect_exit(3);
    assert_eq!(summary.verdict.status, VerdictStatus::Unreachable);
    all_failed(&summary, "connect_refused");
    assert!(finished.stdout.starts_with("UNREACHABLE  The target could not be reached.\n"));
    assert_shown!(Finished { stdout: String::new(), ..finished }, @r#"
    exit: 3
    --- stdout
    --- stderr
    run [RUN]: devstress http://127.0.0.1:[PORT] (seed [SEED])
      main: 1 virtual user for 200ms
      granted: http://127.0.0.1:[PORT]
    warning: an iteration failed: `GET /` failed: connect_refused [request]
    run directory: out
    report: out/report.html
    "#);
}

#[test]
fn a_name_that_does_not_exist_is_unreachable() {
    let (finished, summary) = run("http://no-such-host.invalid/", &[]);
    finished.expect_exit(3);
    all_failed(&summary, "lookup");
    assert!(summary.failures[0].text.contains("no-such-host.invalid"), "{}", summary.failures[0].text);
}

#[test]
fn tls_to_a_plain_port_is_unreachable_with_the_likely_cause() {
    let (shop, _) = shop();
    let (finished, summary) = run(&format!("https://{}/", shop.addr()), &[]);
    finished.expect_exit(3);
    all_failed(&summary, "tls");
    assert!(finished.stdout.contains("seems not to speak TLS"), "{}", finished.stdout);
}

#[test]
fn a_server_that_closes_early_is_counted() {
    let server = Canned::new(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
    let (finished, summary) = run(&format!("http://{}/", server.addr), &[]);
    finished.expect_exit(10);
    all_failed(&summary, "closed");
}

#[test]
fn a_server_that_sends_garbage_is_counted() {
    let server = Canned::new(b"SSH-2.0-OpenSSH_9.7\r\n");
    let (finished, summary) = run(&format!("http://{}/", server.addr), &[]);
    finished.expect_exit(10);
    all_failed(&summary, "malformed");
}

#[test]
fn a_server_that_never_answers_is_timed_out() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (finished, summary) =
        run(&format!("http://{}/", silent.local_addr().unwrap()), &["--timeout", "50ms"]);
    finished.expect_exit(10);
    all_failed(&summary, "timeout");
}

#[test]
fn an_answer_that_is_cut_by_the_end_is_interrupted() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (finished, summary) = run(&format!("http://{}/", silent.local_addr().unwrap()), &[]);
    finished.expect_exit(10);
    all_failed(&summary, "interrupted");
    assert_eq!(summary.scenarios[0].iterations.interrupted, 1);
}

#[test]
fn statuses_that_were_not_expected_are_counted() {
    let (shop, _) = shop();
    let url = format!("http://{}/nowhere", shop.addr());
    let (finished, summary) = run(&url, &[]);
    finished.expect_exit(10);
    all_failed(&summary, "status_4xx");
    let (finished, summary) = run(&url, &["--expect-status", "404"]);
    finished.expect_exit(0);
    assert_eq!(summary.operations_failed(), 0);
}

#[test]
fn a_good_run() {
    let (_shop, url) = shop();
    let (finished, summary) = run(&url, &[]);
    assert_eq!(summary.operations_failed(), 0);
    assert_shown!(without_tables(finished), @r#"
    exit: 0
    --- stdout
    PASS  Everything asked for held.
    --- stderr
    run [RUN]: devstress http://127.0.0.1:[PORT] (seed [SEED])
      main: 1 virtual user for 200ms
      granted: http://127.0.0.1:[PORT]
    run directory: out
    report: out/report.html
    "#);
}
