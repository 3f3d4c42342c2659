//! The whole way to real Redis servers, with what the report counts held against what was done to them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::process::{Child, Stdio};

use stresshost_metrics::{OperationSummary, Summary};
use stresshost_servers::{Redis, await_that};
use stresshost_tests::{Finished, Project, guest};

fn arguments(url: &str, mode: &str, load: &[&str]) -> Vec<String> {
    let component = guest("redis_client");
    let fixed =
        ["run", "--plugin", component.to_str().unwrap(), "--out", "out", "--no-progress", "--seed", "1"];
    [&fixed[..], load, &[url, mode]].concat().into_iter().map(str::to_owned).collect()
}

fn measure(url: &str, mode: &str, load: &[&str]) -> (Finished, Summary) {
    let project = Project::default();
    let output = project.stresshost().args(arguments(url, mode, load)).output().unwrap();
    (Finished::of(output), project.summary("out"))
}

fn named<'a>(summary: &'a Summary, name: &str) -> &'a OperationSummary {
    summary.operations.iter().find(|operation| operation.name == name).unwrap()
}

/// Of `INFO commandstats`: how often the server was sent a command.
fn calls(server: &Redis, command: &str) -> u64 {
    let stats = server.cli(&["INFO", "commandstats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

fn blocked(server: &Redis) -> usize {
    server.cli(&["CLIENT", "LIST"]).lines().filter(|line| line.contains("cmd=blpop")).count()
}

struct Running {
    project: Project,
    child: Child,
}

impl Running {
    fn start(url: &str, mode: &str, load: &[&str]) -> Self {
        let project = Project::default();
        let mut command = project.stresshost();
        command.args(arguments(url, mode, load)).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        Self { project, child }
    }

    fn end(self) -> (Finished, Summary) {
        let finished = Finished::of(self.child.wait_with_output().unwrap());
        (finished, self.project.summary("out"))
    }
}

#[test]
fn every_command_the_server_counted_was_measured() {
    let server = Redis::start(&[]);
    let (finished, summary) = measure(&server.url(), "get", &["--vus", "4", "--iterations", "1000"]);
    finished.expect_exit(0);
    let get = named(&summary, "GET");
    assert_eq!((get.count, get.failed(), get.protocol.as_str()), (1_000, 0, "redis"));
    assert_eq!(calls(&server, "get"), 1_000);
    assert_eq!((get.bytes.sent, get.bytes.received), (1_000 * 20, 1_000 * 7));
    assert_eq!(get.service_us.unwrap().count, 1_000);
}

#[test]
fn commands_of_a_pipeline_are_measured_one_by_one() {
    let server = Redis::start(&[]);
    let (finished, summary) = measure(&server.url(), "pipeline", &["--vus", "2", "--iterations", "50"]);
    finished.expect_exit(0);
    assert_eq!((named(&summary, "GET").count, calls(&server, "get")), (50 * 16, 50 * 16));
}

#[test]
fn connections_made_in_iterations_are_measured() {
    let server = Redis::start(&[]);
    let (finished, summary) = measure(&server.url(), "open", &["--vus", "2", "--iterations", "200"]);
    finished.expect_exit(0);
    let (connect, ping) = (named(&summary, "connect"), named(&summary, "PING"));
    assert_eq!((connect.count, connect.failed(), ping.count), (200, 0, 200));
}

#[test]
fn a_threshold_names_the_protocol() {
    let server = Redis::start(&[]);
    let load = ["--vus", "1", "--iterations", "20"];
    for (limit, exit) in [("60000000", 0), ("1", 10)] {
        let threshold = format!("redis.service_us{{operation=\"GET\"}}.p95 < {limit}us");
        let load = [&load[..], &["--threshold", &threshold]].concat();
        measure(&server.url(), "get", &load).0.expect_exit(exit);
    }
}

#[test]
fn a_killed_connection_fails_the_command_on_it_and_is_made_again() {
    let server = Redis::start(&[]);
    let run = Running::start(&server.url(), "block", &["--vus", "3", "--iterations", "6"]);
    await_that("three users wait", || blocked(&server) == 3);
    let list = server.cli(&["CLIENT", "LIST"]);
    let id = list.lines().find(|line| line.contains("cmd=blpop")).unwrap();
    let id = id.split(' ').find_map(|field| field.strip_prefix("id=")).unwrap();
    server.cli(&["CLIENT", "KILL", "ID", id]);
    await_that("the killed one is back", || blocked(&server) == 3);
    server.cli(&["RPUSH", "list", "1", "2", "3", "4", "5"]);
    let (_, summary) = run.end();
    let pop = named(&summary, "BLPOP");
    let lost: u64 = ["closed", "reset"].iter().filter_map(|kind| pop.errors.get(*kind)).sum();
    assert_eq!((pop.count, pop.failed(), lost), (6, 1, 1), "{pop:?}");
    let connect = named(&summary, "connect");
    assert_eq!((connect.count, connect.failed()), (1, 0), "{connect:?}");
}

#[test]
fn a_server_that_restarts_fails_what_was_under_way() {
    let server = Redis::start(&[]);
    let run = Running::start(&server.url(), "block", &["--vus", "2", "--iterations", "4"]);
    await_that("two users wait", || blocked(&server) == 2);
    // Both are cut off; what they send next fails at once, for want of a server, and the iterations are used up.
    server.stop();
    let (_, summary) = run.end();
    let (pop, connect) = (named(&summary, "BLPOP"), named(&summary, "connect"));
    assert_eq!((pop.count, pop.failed()), (4, 4), "{pop:?}");
    assert_eq!((connect.count, connect.failed()), (2, 2), "{connect:?}");
    // A dying server may still take a connection and drop it. A command that cannot be sent fails as its connection did.
    let of = |operation: &OperationSummary, kinds: &[&str]| -> u64 {
        kinds.iter().filter_map(|kind| operation.errors.get(*kind)).sum()
    };
    assert_eq!(of(connect, &["connect_refused", "closed", "reset"]), 2, "{connect:?}");
    assert_eq!(of(pop, &["connect_refused"]), of(connect, &["connect_refused"]), "{pop:?}");
    let lost = of(pop, &["closed", "reset"]) - of(connect, &["closed", "reset"]);
    assert_eq!(lost, 2, "{pop:?}");

    server.start_again();
    let (finished, _) = measure(&server.url(), "get", &["--vus", "1", "--iterations", "5"]);
    finished.expect_exit(0);
}

#[test]
fn what_waits_when_the_run_ends_is_interrupted_once() {
    let server = Redis::start(&[]);
    let load = ["--vus", "2", "--duration", "300ms", "--graceful-stop", "200ms"];
    let (_, summary) = measure(&server.url(), "block", &load);
    let pop = named(&summary, "BLPOP");
    assert_eq!((pop.count, pop.errors["interrupted"], pop.fired), (2, 2, 2), "{pop:?}");
    assert_eq!(summary.scenarios[0].iterations.interrupted, 2);
}

#[test]
fn what_cannot_be_opened_is_said_without_its_password() {
    let server = Redis::start(&["--requirepass", "right-word"]);
    let url = format!("redis://:wrong-word@127.0.0.1:{}", server.port());
    let project = Project::default();
    let output =
        project.stresshost().args(arguments(&url, "get", &["--vus", "1", "--iterations", "1"])).output();
    let finished = Finished::of(output.unwrap());
    finished.expect_exit(3);
    assert!(finished.stderr.contains("WRONGPASS"), "{}", finished.stderr);
    assert!(!finished.stderr.contains("wrong-word"), "{}", finished.stderr);
}
