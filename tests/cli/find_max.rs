//! `run --find-max` against a server whose limit is known.

use stresshost_metrics::Summary;
use stresshost_tests::{Finished, Project, plugin};

use crate::shown::shop;

fn find(project: &Project, url: &str, args: &[&str]) -> Finished {
    let component = plugin("devstress");
    let fixed =
        ["run", "--plugin", component.to_str().unwrap(), url, "--out", "out", "--find-max", "--no-progress"];
    project.run(&[&fixed[..], args].concat())
}

/// A limit that a rate limiter of our own sets: what is offered above it waits, and waiting is response time.
#[test]
fn finds_the_rate_at_which_responses_begin_to_wait() {
    let (_shop, url) = shop();
    let project = Project::default();
    let finished = find(
        &project,
        &url,
        &[
            "--slo",
            "p95<100ms",
            "--find-from",
            "50/s",
            "--find-step",
            "1500ms",
            "--find-precision",
            "20%",
            "--limit",
            "200/s",
        ],
    );
    finished.expect_exit(0);
    let text = std::fs::read_to_string(project.path().join("out/find-max.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let found = document["found_per_s"].as_f64().unwrap();
    assert!((120.0..260.0).contains(&found), "{found}/s\n{}", finished.stderr);
    let trials = document["trials"].as_array().unwrap();
    assert!(trials.len() >= 4, "{text}");
    for trial in trials {
        let path = project.path().join(trial["run"].as_str().unwrap()).join("summary.json");
        let summary: Summary = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(summary.thresholds.len(), 2, "the objective, and one on errors");
    }
    assert!(finished.stdout.starts_with("highest rate that met the objectives:"), "{}", finished.stdout);
}

#[test]
fn an_objective_that_nothing_meets_fails() {
    let (_shop, url) = shop();
    let project = Project::default();
    let finished = find(&project, &url, &["--slo", "p50<1us", "--find-from", "2/s", "--find-step", "1s"]);
    finished.expect_exit(10);
    assert!(finished.stdout.starts_with("no rate met the objectives"), "{}", finished.stdout);
}

#[test]
fn wrong_searches_are_refused_with_every_problem() {
    let (_shop, url) = shop();
    for (args, words) in [
        (&["--slo", "p99 << 3"][..], &["--slo"][..]),
        (
            &["--slo", "p99<1s", "--find-step", "10ms", "--find-from", "9/s", "--find-most", "3/s"],
            &["--find-step", "--find-from"],
        ),
        (&["--slo", "p99<1s", "--iterations", "5"], &["number of iterations"]),
        (&[], &["--slo"]),
    ] {
        let project = Project::default();
        let finished = find(&project, &url, args);
        finished.expect_exit(2);
        for word in words {
            assert!(finished.stderr.contains(word), "`{word}` is not in:\n{}", finished.stderr);
        }
    }
}
