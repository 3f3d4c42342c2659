//! A pause moves the schedule: nothing reaches the server in it, nothing is lost by it, and it is nobody's lag.

use std::time::Duration;

use stresshost_metrics::VerdictStatus;
use stresshost_tests::Project;

use crate::logged::Logged;
use crate::measure::{Running, alone, assert_adds_up, expect_pass, ms, only, some};

/// How long the run stays paused, on top of the two commands.
const PAUSE: Duration = Duration::from_millis(700);

#[test]
fn moves_the_schedule_and_loses_nothing() {
    let (server, project) = (Logged::start(), Project::default());
    let url = server.url("/");
    let _turn = alone();
    let mut running = Running::start(&project, &[&url, "--rate", "400/s", "--vus", "40", "--duration", "2s"]);
    running.await_that("200 requests", || server.came().values().sum::<u64>() >= 200);
    project.run(&["ctl", "--run", "out", "pause"]).expect_exit(0);
    // An event can tell the beginning of a pause, only time its length.
    assert!(!running.ended_within(PAUSE), "a paused run goes on");
    project.run(&["ctl", "--run", "out", "resume"]).expect_exit(0);
    let finished = running.finish();
    let summary = project.summary("out");
    assert_adds_up(&project, &summary);
    expect_pass(&finished, &summary);

    let (operation, log) = (only(&summary), server.log());
    assert_eq!((operation.count, log.len(), summary.scenarios[0].iterations.dropped), (800, 800, 0));
    let gaps_ns = || log.windows(2).map(|pair| pair[1].came_ns - pair[0].came_ns);
    let pause_ns = gaps_ns().max().expect("arrivals");
    assert!(u128::from(pause_ns) > PAUSE.as_nanos() * 9 / 10, "the longest silence is {pause_ns} ns");
    let span_ns = log[log.len() - 1].came_ns - log[0].came_ns;
    let load_s = (span_ns - pause_ns) as f64 / 1e9;
    assert!((1.9..2.2).contains(&load_s), "{load_s} s of load without the pause");

    let lag = some(operation.lag_us);
    assert!(lag.p50 < ms(20) && lag.p99 < ms(350), "the pause is told as lag: {lag:?}");
    assert_eq!((operation.rate_per_s, summary.scenarios[0].duration_s), (400.0, 2.0));
    assert!(!summary.run.interrupted && summary.verdict.status != VerdictStatus::Inconclusive);
}
