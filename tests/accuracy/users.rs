//! Closed loops, as the server sees them: each virtual user is one connection.

use std::collections::{BTreeMap, BTreeSet};

use crate::logged::{Entry, Logged};
use crate::measure::{alone, beside_others, measure_config, ms, only, some};

const PEAK: u64 = 20;

/// Users of the stages below at an instant: up to 20 in a second, a second of 20, and down again in a second.
fn line(t_s: f64) -> f64 {
    match t_s {
        ..0.0 => 0.0,
        ..1.0 => PEAK as f64 * t_s,
        ..2.0 => PEAK as f64,
        ..3.0 => PEAK as f64 * (3.0 - t_s),
        _ => 0.0,
    }
}

/// Least and greatest number of users between two instants, of which one may be before the beginning. The line has
/// one flat top, so the least is at an edge.
fn between(from_s: f64, to_s: f64) -> (f64, f64) {
    let edges = [line(from_s), line(to_s)];
    let most = if from_s <= 2.0 && to_s >= 1.0 { PEAK as f64 } else { edges[0].max(edges[1]) };
    (edges[0].min(edges[1]), most)
}

/// Connections with a request that came in a window.
fn active(log: &[Entry], from_s: f64, to_s: f64) -> f64 {
    let first_ns = log[0].came_ns;
    let within = |entry: &&Entry| (from_s..to_s).contains(&((entry.came_ns - first_ns) as f64 / 1e9));
    log.iter().filter(within).map(|entry| entry.connection).collect::<BTreeSet<_>>().len() as f64
}

/// In a window twice as long as the slowest response, every user who is there throughout must be seen, and nobody else
/// can be but those who came or went a response earlier or later.
#[test]
fn follow_the_line_of_their_stages() {
    let server = Logged::start();
    let config = format!(
        "target_url: {}\nstages:\n  - {{ duration: 1s, users: {PEAK} }}\n  - {{ duration: 1s, users: {PEAK} }}\n  \
         - {{ duration: 1s, users: 0 }}\n",
        server.url("/wait/20")
    );
    let _turn = alone();
    let summary = measure_config(&config);
    let log = server.log();
    let operation = only(&summary);
    assert_eq!((operation.count, operation.failed()), (log.len() as u64, 0));
    let connections: BTreeSet<u64> = log.iter().map(|entry| entry.connection).collect();
    assert_eq!(connections.len() as u64, PEAK, "each user joined once");

    let slowest_s = some(operation.response_us).max as f64 / 1e6;
    let window_s = (2.0 * slowest_s + 0.05).max(0.15);
    assert!(window_s < 0.75, "a response of {slowest_s} s: this machine is too busy to tell");
    for index in 0..(3.5 / window_s) as u32 {
        let (from_s, to_s) = (f64::from(index) * window_s, f64::from(index + 1) * window_s);
        let seen = active(&log, from_s, to_s);
        let (least, most) = between(from_s - slowest_s, to_s + slowest_s);
        // The user at the line's own height is there as soon as it rises.
        assert!(seen <= most.floor() + 1.0, "{seen} users from {from_s} s to {to_s} s, planned are {most}");
        assert!(seen >= least.floor(), "{seen} users from {from_s} s to {to_s} s, planned are {least}");
    }

    // Steps lie above the line by half a user while it moves: 41 user-seconds and not 40, of which the server sees all
    // but what is spent on the way, and each user's last request.
    let served_s = log.iter().map(Entry::took_us).sum::<u64>() as f64 / 1e6;
    let most_s = 41.0 + PEAK as f64 * slowest_s;
    assert!((30.0..most_s).contains(&served_s), "{served_s} user-seconds of 41");
}

#[test]
fn share_their_iterations_exactly() {
    let server = Logged::start();
    let config =
        format!("target_url: {}\nusers: 7\niterations: 500\nmax_duration: 1m\n", server.url("/wait/1"));
    let _turn = beside_others();
    let summary = measure_config(&config);
    let operation = only(&summary);
    assert_eq!((operation.count, server.log().len()), (500, 500));
    let iterations = summary.scenarios[0].iterations;
    assert_eq!((iterations.due, iterations.finished, iterations.dropped), (500, 500, 0));
}

#[test]
fn do_their_own_iterations_exactly() {
    let server = Logged::start();
    let load = "users: 7\niterations: 30\nper_user: true\nmax_duration: 1m";
    let config = format!("target_url: {}\n{load}\n", server.url("/wait/1"));
    let _turn = beside_others();
    let summary = measure_config(&config);
    assert_eq!(only(&summary).count, 7 * 30);
    let mut each: BTreeMap<u64, u64> = BTreeMap::new();
    for entry in server.log() {
        *each.entry(entry.connection).or_default() += 1;
    }
    assert_eq!(each.into_values().collect::<Vec<_>>(), [30; 7]);
}

/// What is not begun in time is dropped, told, and never reaches the server.
#[test]
fn leave_iterations_when_their_time_is_over() {
    let server = Logged::start();
    let project = stresshost_tests::Project::default();
    let load = "users: 2\niterations: 1000\nmax_duration: 500ms";
    project.write("config.yaml", &format!("target_url: {}\n{load}\n", server.url("/wait/20")));
    let _turn = alone();
    let (finished, summary) = crate::measure::measure(&project, &["--config", "config.yaml"]);
    finished.expect_exit(10);
    let iterations = summary.scenarios[0].iterations;
    assert_eq!((iterations.due, iterations.finished), (1_000, server.log().len() as u64));
    assert_eq!(iterations.dropped, 1_000 - iterations.finished);
    // Two users, 20 ms each and at most half a second: 50 and the two in flight at its end.
    assert!((10..=52).contains(&iterations.finished), "{iterations:?}");
    assert!(some(only(&summary).service_us).p50 >= ms(20) - 20);
}
