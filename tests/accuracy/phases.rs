//! Phases come one after the other, as the server sees them.

use stresshost_metrics::PhaseStatus;

use crate::logged::{Entry, Logged};
use crate::measure::{beside_others, measure_config, named};

/// The first answer of a path's entries to come and the last one to leave.
fn span_ns(log: &[Entry], path: &str) -> (u64, u64) {
    let of_path = || log.iter().filter(|entry| entry.path == path);
    let came = of_path().map(|entry| entry.came_ns).min().expect("a request of the path");
    (came, of_path().map(|entry| entry.left_ns).max().expect("a request of the path"))
}

/// When the load of the first phase ends, requests are in flight for up to 150 ms more: the second one waits for them.
#[test]
fn begin_when_the_last_answer_of_those_before_them_has_come() {
    let server = Logged::start();
    let config = format!(
        "target_url: {}
scenarios:
  - {{ name: one, users: 5, duration: 400ms, requests: [/wait/150] }}
  - {{ name: two, rate: 100/s, users: 20, duration: 500ms, requests: [{{ name: two, get: /two }}] }}
  - {{ name: three, users: 3, iterations: 30, max_duration: 1m, requests: [{{ name: three, get: /wait/5 }}] }}
phases:
  - {{ name: first, scenarios: one, criteria: {{ success_rate: '>99%' }} }}
  - {{ name: second, depends_on: first, scenarios: two, load_multiplier: 2 }}
  - {{ name: third, depends_on: second, scenarios: three }}
",
        server.url("")
    );
    let _turn = beside_others();
    let summary = measure_config(&config);
    let log = server.log();
    let spans = ["/wait/150", "/two", "/wait/5"].map(|path| span_ns(&log, path));
    assert!(spans[0].1 <= spans[1].0 && spans[1].1 <= spans[2].0, "{spans:?}");
    assert!(summary.phases.iter().all(|phase| phase.status == PhaseStatus::Passed), "{:?}", summary.phases);

    // 100/s, twice, for half a second.
    let came = server.came();
    assert_eq!([came["/two"], came["/wait/5"]], [100, 60 / 2]);
    assert_eq!([named(&summary, "two").count, named(&summary, "three").count], [100, 30]);
    let first = summary.operations.iter().find(|operation| operation.scenario == "one");
    assert_eq!(first.map(|operation| operation.count), Some(came["/wait/150"]));
    // Phases tell when they began as the server saw it, but for the way there.
    let (began_s, second_s) = (summary.phases[0].started_s, summary.phases[1].started_s);
    let told_s = second_s.zip(began_s).map(|(second, first)| second - first).expect("both began");
    let seen_s = (spans[1].0 - spans[0].0) as f64 / 1e9;
    assert!((told_s - seen_s).abs() < 0.2, "{told_s} s told, {seen_s} s seen");
}

#[test]
fn that_fail_keep_those_after_them_from_the_server() {
    let server = Logged::start();
    let project = stresshost_tests::Project::default();
    let config = format!(
        "target_url: {}
scenarios:
  - {{ name: one, users: 2, iterations: 40, max_duration: 1m, requests: [/fail/2] }}
  - {{ name: two, users: 2, duration: 300ms, requests: [/two] }}
phases:
  - {{ name: first, scenarios: one, criteria: {{ success_rate: '>99%' }} }}
  - {{ name: second, depends_on: first, scenarios: two }}
",
        server.url("")
    );
    project.write("config.yaml", &config);
    let _turn = beside_others();
    let (finished, summary) = crate::measure::measure(&project, &["--config", "config.yaml"]);
    finished.expect_exit(10);
    assert_eq!(server.came(), [("/fail/2".to_owned(), 40)].into());
    let became: Vec<PhaseStatus> = summary.phases.iter().map(|phase| phase.status).collect();
    assert_eq!(became, [PhaseStatus::Failed, PhaseStatus::Skipped]);
    assert_eq!(summary.operations.iter().map(|operation| operation.failed()).sum::<u64>(), 20);
}
