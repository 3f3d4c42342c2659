//! Stopped at any moment, a run still tells everything it did.

use std::time::Duration;

use rustix::process::Signal;
use stresshost_metrics::Summary;
use stresshost_shop::Faults;
use stresshost_tests::Project;

use crate::measure::{Running, assert_adds_up, beside_others, measure, only, shop, timed_ms};
use crate::scripted::Scripted;

/// How long the impatient wait before they press Ctrl-C again.
const AGAIN: Duration = Duration::from_millis(50);

/// How often it is sent at most.
const MOST_SIGNALS: u32 = 400;

fn ended(project: &Project, running: Running) -> Summary {
    running.finish().expect_exit(130);
    let summary = project.summary("out");
    assert!(summary.run.interrupted);
    assert_adds_up(project, &summary);
    assert!(project.path().join("out/report.html").exists());
    summary
}

/// A closed loop with a minute to go gets one signal.
fn stopped_in_the_middle(signal: Signal, load: &[&str]) {
    let (shop, project) = (shop(Faults::default()), Project::default());
    let url = format!("http://{}/products/1", shop.addr());
    let _turn = beside_others();
    let mut running = Running::start(&project, &[&[url.as_str(), "--duration", "1m"], load].concat());
    running.await_that("500 requests", || shop.counts().requests >= 500);
    running.signal(signal);
    let summary = ended(&project, running);
    let operation = only(&summary);
    assert!(operation.count >= 500);
    assert_eq!((operation.count, operation.failed()), (shop.counts().requests, 0));
    let iterations = summary.scenarios[0].iterations;
    assert_eq!((iterations.interrupted, iterations.finished), (0, operation.count), "nothing was cut off");
    assert!(summary.run.duration_s < 30.0, "{}", summary.run.duration_s);
}

#[test]
fn by_sigint() {
    stopped_in_the_middle(Signal::INT, &["--vus", "10"]);
}

#[test]
fn by_sigterm() {
    stopped_in_the_middle(Signal::TERM, &["--vus", "10"]);
}

#[test]
fn by_sigint_on_a_schedule() {
    stopped_in_the_middle(Signal::INT, &["--vus", "10", "--rate", "1000"]);
}

/// Eight users wait for a server that never answers.
fn stuck<'a>(project: &Project, server: &'a Scripted, args: &[&'a str]) -> Running {
    let url = server.url("/never");
    let load = [url.as_str(), "--vus", "8", "--duration", "1m"];
    let mut running = Running::start(project, &[&load, args].concat());
    running.await_that("every user waits", || server.seen_in_all() == 8);
    running
}

fn assert_all_interrupted(summary: &Summary) {
    let operation = only(summary);
    assert_eq!(operation.count, 8);
    assert_eq!(operation.errors, [("interrupted".to_owned(), 8)].into());
    assert_eq!(summary.scenarios[0].iterations.interrupted, 8);
}

#[test]
fn twice_does_not_wait_for_a_server_that_never_answers() {
    let (server, project) = (Scripted::start(), Project::default());
    let _turn = beside_others();
    let mut running = stuck(&project, &server, &["--graceful-stop", "1m"]);
    // Two signals at once can arrive as one, so it is pressed until it has been heard twice.
    let took_ms = timed_ms(|| {
        let ends = (0..MOST_SIGNALS).any(|_| {
            running.signal(Signal::INT);
            running.ended_within(AGAIN)
        });
        assert!(ends, "it never ended");
    });
    assert!(took_ms < 5_000, "{took_ms} ms");
    assert_all_interrupted(&ended(&project, running));
    assert_eq!(server.seen_in_all(), 8);
}

#[test]
fn once_waits_for_the_grace_period_and_no_longer() {
    let (server, project) = (Scripted::start(), Project::default());
    let _turn = beside_others();
    let mut running = stuck(&project, &server, &["--graceful-stop", "500ms"]);
    running.signal(Signal::TERM);
    let took_ms = timed_ms(|| assert!(running.ended_within(Duration::from_secs(10))));
    let summary = ended(&project, running);
    assert!((450..5_000).contains(&took_ms), "{took_ms} ms");
    assert_all_interrupted(&summary);
}

#[test]
fn the_end_of_the_load_has_a_grace_period_too() {
    let (server, project) = (Scripted::start(), Project::default());
    let url = server.url("/never");
    let args = [&url, "--vus", "8", "--duration", "300ms", "--graceful-stop", "200ms"];
    let _turn = beside_others();
    let (finished, summary) = measure(&project, &args);
    assert_ne!(finished.exit, Some(130));
    assert!(!summary.run.interrupted, "nobody stopped it");
    assert_all_interrupted(&summary);
    assert_eq!(server.seen_in_all(), 8);
}
