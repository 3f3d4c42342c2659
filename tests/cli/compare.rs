//! `compare`: whether two runs differ, as a table, as JSON and as a gate.

use std::sync::LazyLock;
use std::thread;

use serde_json::Value;
use stresshost_shop::{Faults, Latency, Shop, ShopConfig};
use stresshost_tests::{Finished, Project};

use crate::durable::alone;

/// Long enough for a comparison to say something: a batch a second, and one to spare.
const LONG: &str = "9s";

/// Response times of the shop and of the slow shop, in milliseconds. So far above what a busy machine adds that equal
/// runs are equal and the slow one is twice as slow.
const USUAL_MS: f64 = 30.0;
const SLOW_MS: f64 = 60.0;

/// Runs in `first`, `again`, `slow` and `short` of one directory, made once: they take their time.
static RUNS: LazyLock<Project> = LazyLock::new(|| {
    let _turn = alone();
    let project = Project::default();
    let shop = |ms| {
        let faults = Faults { latency: Latency::Constant { ms }, ..Faults::default() };
        Shop::start_in_thread(ShopConfig { faults, ..ShopConfig::default() }).unwrap()
    };
    let (usual, slow) = (shop(USUAL_MS), shop(SLOW_MS));
    let runs =
        [("first", &usual, LONG), ("again", &usual, LONG), ("slow", &slow, LONG), ("short", &usual, "2s")];
    thread::scope(|scope| {
        for (out, shop, duration) in runs {
            let url = format!("http://{}/products/1", shop.addr());
            let project = &project;
            scope.spawn(move || {
                let load = ["--vus", "4", "--duration", duration, "--graceful-stop", "1s", "--no-progress"];
                let args = [&["run", "--plugin", "devstress", &url, "--out", out], &load[..]].concat();
                project.run(&args).expect_exit(0);
            });
        }
    });
    project
});

fn compare(args: &[&str]) -> Finished {
    RUNS.run(&[&["compare"], args].concat())
}

fn json(args: &[&str], exit: i32) -> Value {
    let finished = compare(&[args, &["--json"]].concat());
    serde_json::from_str(&finished.expect_exit(exit).stdout).unwrap()
}

/// A number of the only operation.
fn metric<'a>(comparison: &'a Value, name: &str) -> &'a Value {
    let metrics = comparison["operations"][0]["metrics"].as_array().unwrap();
    metrics
        .iter()
        .find(|metric| metric["metric"] == name)
        .unwrap_or_else(|| panic!("no {name}: {comparison}"))
}

#[test]
fn a_slower_run_is_worse_and_fails_the_gate() {
    let gated = ["first", "slow", "--fail-on-regression", "25%"];
    let comparison = json(&gated, 10);
    assert_eq!(comparison["schema"], "stresshost.comparison/1");
    for name in ["response_us.p50", "service_us.p50", "rate_per_s"] {
        assert_eq!(metric(&comparison, name)["change"], "worse", "{comparison:#}");
    }
    let p50 = &metric(&comparison, "response_us.p50")["relative"];
    let expected = SLOW_MS / USUAL_MS - 1.0;
    let estimate = p50["estimate"].as_f64().unwrap();
    assert!((estimate - expected).abs() < 0.3, "{p50}");
    assert!(p50["interval"]["low"].as_f64().unwrap() <= estimate, "{p50}");
    assert_eq!(comparison["gate"]["outcome"], "fail");
    assert!(!comparison["gate"]["regressions"].as_array().unwrap().is_empty());

    let text = compare(&gated);
    text.expect_exit(10);
    assert!(text.stdout.starts_with("REGRESSION"), "{}", text.stdout);
    assert!(
        compare(&["first", "slow"]).expect_exit(0).stdout.starts_with("WORSE"),
        "without a gate it only tells"
    );
    // The other way round it got better.
    assert_eq!(json(&["slow", "first", "--fail-on-regression", "25%"], 0)["gate"]["outcome"], "pass");
}

#[test]
fn equal_runs_pass_the_gate() {
    let comparison =
        json(&["first", "again", "--fail-on-regression", "25%", "--metric", "response_us.p50"], 0);
    let p50 = metric(&comparison, "response_us.p50");
    assert!(p50["relative"]["estimate"].as_f64().unwrap().abs() < 0.25, "{p50}");
    assert_eq!(
        comparison["operations"][0]["metrics"].as_array().unwrap().len(),
        1,
        "only what was asked for"
    );
    let same = json(&["first", "first", "--fail-on-regression", "0%"], 0);
    for metric in same["operations"][0]["metrics"].as_array().unwrap() {
        assert_eq!(
            (&metric["change"], &metric["absolute"]["estimate"]),
            (&"same".into(), &0.0.into()),
            "{metric}"
        );
    }
}

#[test]
fn a_threshold_that_is_not_exceeded_passes() {
    json(&["first", "slow", "--fail-on-regression", "900%", "--metric", "response_us"], 0);
    json(
        &["first", "slow", "--fail-on-regression", "900%", "--metric", "errors", "--metric", "rate_per_s"],
        0,
    );
}

#[test]
fn a_run_that_is_too_short_says_nothing() {
    let gated = compare(&["first", "short", "--fail-on-regression", "25%"]);
    gated.expect_exit(11);
    assert!(gated.stdout.starts_with("TOO SHORT TO SAY"), "{}", gated.stdout);
    assert!(gated.stderr.contains("warning: nothing can be said about regressions: "), "{}", gated.stderr);
    compare(&["first", "short"]).expect_exit(0);
    let warned = compare(&["first", "short", "--json"]);
    assert!(warned.stderr.contains("warning: the runs differ in length"), "{}", warned.stderr);
}

#[test]
fn a_run_that_was_killed_can_be_compared() {
    let project = Project::default();
    let (from, to) = (RUNS.path().join("first"), project.path().join("killed"));
    std::fs::create_dir_all(to.join("histograms")).unwrap();
    for name in ["run.json", "started.json"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    let log = std::fs::read_to_string(from.join("histograms/records.jsonl")).unwrap();
    let cut: Vec<&str> = log.lines().take(8).collect();
    std::fs::write(to.join("histograms/records.jsonl"), cut.join("\n") + "\n{\"from").unwrap();
    let to = to.to_str().unwrap();
    let compared = compare(&["first", to, "--json", "--metric", "response_us.p50"]);
    compared.expect_exit(0);
    for part in ["run B cut short after 8.0 s; rebuilt from the record", "warning: run B was interrupted"] {
        assert!(compared.stderr.contains(part), "{}", compared.stderr);
    }
    let comparison: Value = serde_json::from_str(&compared.stdout).unwrap();
    assert_eq!(metric(&comparison, "response_us.p50")["change"], "same");
}

#[test]
fn what_is_no_run_and_what_is_no_share() {
    assert_shown!(Project::default().run(&["compare", "a", "b"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: `a` holds no run: it has neither summary.json nor run.json; name a run directory
    "#);
    assert_shown!(Project::default().run(&["compare", "a"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: the following required arguments were not provided:
      <B>

    Usage: stresshost compare <A> <B>

    For more information, try '--help'.
    "#);
    assert_shown!(Project::default().run(&["compare", "a", "b", "--fail-on-regression", "5"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: --fail-on-regression: `5` is not a share; write percent, such as `5%`
    "#);
    assert_shown!(compare(&["first", "first", "--metric", "response_us.p96"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: --metric: the two runs have no `response_us.p96` to compare; there are errors.rate, rate_per_s, response_us.mean, response_us.p50, response_us.p90, response_us.p95, response_us.p99, service_us.mean, service_us.p50, service_us.p90, service_us.p95, service_us.p99
    "#);
}
