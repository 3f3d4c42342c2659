//! `examples/memcached`, built as its author would build it, against a private memcached: what the report counts held against
//! what was done to the server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "../sdk/project.rs"]
#[allow(dead_code, reason = "each door uses its part")]
mod project;

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::thread;

use project::Author;
use stresshost_metrics::{MetricValueSummary, OperationSummary, Summary};
use stresshost_servers::{Memcached, await_that};
use stresshost_tests::{Finished, Project, shared_target};

/// The project that `stresshost new` makes, with the example's sources: it has nothing but what every author has.
fn author() -> Author {
    let author = Author::new("rust");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/memcached");
    for directory in ["src", "tests"] {
        for file in std::fs::read_dir(example.join(directory)).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), author.path(directory).join(file.file_name())).unwrap();
        }
    }
    author
}

/// The example's component, built once.
fn component() -> &'static str {
    static COMPONENT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let kept = shared_target().join("memcached.wasm");
        std::fs::copy(author().build(), &kept).unwrap();
        kept
    };
    COMPONENT.get_or_init(build).to_str().unwrap()
}

fn run(project: &Project, target: &str, flags: &[&str]) -> (Finished, Summary) {
    let fixed = ["run", "--plugin", component(), "--out", "out", "--no-progress", "--seed", "1", target];
    let finished = project.run(&[&fixed[..], flags].concat());
    (finished, project.summary("out"))
}

fn named<'a>(summary: &'a Summary, name: &str) -> &'a OperationSummary {
    let known = summary.operations.iter().find(|operation| operation.name == name);
    known.unwrap_or_else(|| panic!("no `{name}` among {:?}", summary.operations))
}

/// How often something of a metric was so, and how often in all.
fn share(summary: &Summary, name: &str) -> (u64, u64) {
    let metric = summary.metrics.iter().find(|metric| metric.name == name).unwrap();
    let MetricValueSummary::Rate { hits, total, .. } = metric.value else { panic!("{metric:?}") };
    (hits, total)
}

#[test]
fn every_operation_the_server_counted_was_measured() {
    let server = Memcached::start();
    let load = ["--vus", "4", "--iterations", "1000"];
    let mix = ["--keys", "200", "--prefill", "0.5", "--sets", "0.1", "--multi-gets", "0.2", "--batch", "5"];
    let law = ["--popularity", "uniform"];
    let (finished, summary) = run(&Project::default(), &server.url(), &[&load[..], &mix, &law].concat());
    finished.expect_exit(0);
    let [set, get, multi_get] = ["set", "get", "multi-get"].map(|name| named(&summary, name));
    assert_eq!(set.count + get.count + multi_get.count, 1_000);
    assert!(set.count > 50 && multi_get.count > 100, "{set:?} {multi_get:?}");
    for operation in [set, get, multi_get] {
        assert_eq!((operation.failed(), operation.protocol.as_str()), (0, "tcp"));
        assert_eq!(operation.service_us.unwrap().count, operation.count);
    }
    assert_eq!(server.stat("cmd_set"), set.count + 100, "half of the keys were there before");
    assert_eq!(server.stat("cmd_get"), get.count + 5 * multi_get.count);
    let (hits, total) = share(&summary, "hit ratio");
    assert_eq!((hits, total), (server.stat("get_hits"), server.stat("cmd_get")));
    assert!(0 < hits && hits < total);
    let check = &summary.checks[0];
    assert_eq!((check.passed, check.failed), (hits, 0));
}

#[test]
fn bytes_are_those_the_server_read() {
    let server = Memcached::start();
    let before = server.stat("bytes_read");
    let load = ["--vus", "2", "--iterations", "500", "--sets", "0.5", "--prefill", "0"];
    let (finished, summary) = run(&Project::default(), &server.url(), &load);
    finished.expect_exit(0);
    let sent: u64 = summary.operations.iter().map(|operation| operation.bytes.sent).sum();
    let asked = "stats\r\n".len() as u64;
    assert_eq!(sent, server.stat("bytes_read") - before - asked);
}

#[test]
fn a_threshold_names_the_protocol() {
    let server = Memcached::start();
    for (limit, exit) in [("60s", 0), ("1us", 10)] {
        let threshold = format!("tcp.service_us{{operation=\"get\"}}.p95 < {limit}");
        let load = ["--vus", "1", "--iterations", "50", "--keys", "10", "--threshold", &threshold];
        run(&Project::default(), &server.url(), &load).0.expect_exit(exit);
    }
}

#[test]
fn a_server_that_is_killed_and_comes_back_is_connected_to_again() {
    let server = Memcached::start();
    let project = Project::default();
    let mut command = project.stresshost();
    let fixed = ["run", "--plugin", component(), "--out", "out", "--no-progress", "--seed", "1"];
    let load = ["--rate", "100", "--vus", "2", "--duration", "8s", "--sets", "0", "--keys", "50"];
    command.args(fixed).arg(server.url()).args(load).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    await_that("keys are asked for", || server.stat("cmd_get") > 20);
    let hits = server.stat("get_hits");
    server.stop();
    server.start_again();
    await_that("they are asked for again", || server.stat("cmd_get") > 20);
    Finished::of(child.wait_with_output().unwrap());
    let (summary, asked) = (project.summary("out"), server.stat("cmd_get"));
    let (get, connect) = (named(&summary, "get"), named(&summary, "connect"));
    assert_eq!(connect.count - connect.failed(), 2, "each user is connected again: {connect:?}");
    // Those under way when the server went, and those for which there was none to connect to.
    assert!(get.failed() >= connect.failed() && get.failed() < 100, "{get:?}");
    assert_eq!(server.stat("get_hits"), 0, "it came back empty");
    let (hit, total) = share(&summary, "hit ratio");
    assert_eq!(total, get.count - get.failed());
    assert!(hit >= hits && total - hit == asked, "{hit} of {total}, {asked} of the new server");
}

/// A server that answers every connection so.
fn hostile(answer: impl Fn(TcpStream) + Clone + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, answer) = (stream.unwrap(), answer.clone());
            thread::spawn(move || answer(stream));
        }
    });
    url
}

#[test]
fn what_a_hostile_server_sends_fails_its_operation_and_nothing_else() {
    let endless = |piece: &'static [u8]| {
        hostile(move |mut stream| while stream.write_all(&piece.repeat(1_000)).is_ok() {})
    };
    let silent = hostile(|stream| {
        // It reads until the other side is gone, and says nothing.
        drop(std::io::copy(&mut &stream, &mut std::io::sink()));
    });
    let value = b"VALUE stresshost:0 0 99999999\r\n";
    for (target, error) in [
        (endless(b"x"), "too_large"),
        (endless(b"x\r\n"), "malformed"),
        (endless(value), "malformed"),
        (silent, "timeout"),
        (hostile(drop), "closed"),
    ] {
        let load = ["--vus", "2", "--iterations", "6", "--prefill", "0", "--sets", "0", "--timeout", "200ms"];
        let (_, summary) = run(&Project::default(), &target, &load);
        let get = named(&summary, "get");
        assert_eq!((get.count, get.failed()), (6, 6), "{error}: {get:?}");
        let told = get.errors.get(error).copied().unwrap_or_default();
        // Where the server is gone at once, the write may be what fails.
        let reset = ["reset", "write"].iter().filter_map(|kind| get.errors.get(*kind)).sum::<u64>();
        assert_eq!(told + if error == "closed" { reset } else { 0 }, 6, "{error}: {get:?}");
        assert_eq!(summary.scenarios[0].iterations.failed, 6);
    }
}

#[test]
fn the_examples_own_tests_pass() {
    let author = author();
    let output = author.command(Path::new("cargo")).args(["test", "--quiet"]).output().unwrap();
    Finished::of(output).expect_exit(0);
}
