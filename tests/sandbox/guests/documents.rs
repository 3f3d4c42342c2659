//! Guests whose descriptor, plan or analysis is not what it should be.

use super::*;

#[test]
pub(crate) fn panic_describe() {
    let project = Project::default();
    let finished = run(&project, "panic_describe", &[]);
    finished.expect_exit(13);
    contains(
        &finished.stderr,
        &[
            "panic_describe.wasm`: the plugin broke in `describe`: ",
            "panicked at tests/guests/panic_describe/guest.rs:",
            "who am I?",
            "stresshost:workload/guest@0.1.0#describe",
        ],
    );
    never_ran(&project);
}

#[test]
pub(crate) fn bad_descriptor() {
    let project = Project::default();
    let finished = run(&project, "bad_descriptor", &[]);
    finished.expect_exit(13);
    contains(
        &finished.stderr,
        &["bad_descriptor.wasm`: the plugin's descriptor is not valid: expected value at line 1 column 1"],
    );
    never_ran(&project);
}

#[test]
pub(crate) fn bad_plan() {
    let project = Project::default();
    let config = project.write("config.yaml", "scenarios: [{executor: {vus: 5}}]\n");
    let finished = run(&project, "bad_plan", &["--config", config.to_str().unwrap()]);
    finished.expect_exit(13);
    contains(
        &finished.stderr,
        &[
            "error: the plugin made a plan that cannot run: ",
            "/scenarios/0/executor/vus: 0 virtual users do nothing",
            "/scenarios/0/executor/duration_ms: a duration of 0 measures nothing",
        ],
    );
    assert!(!finished.stderr.contains("config.yaml"), "the user's config is not to blame");
    never_ran(&project);
}

#[test]
pub(crate) fn io_in_plan() {
    let project = Project::default();
    let finished = run(&project, "io_in_plan", &[]);
    finished.expect_exit(2);
    let refusal = "not available in `describe`, `plan` and `analyze`";
    contains(&finished.stderr, &["request `GET /`: ", "metric `orders`: ", "artifact `x.txt`: "]);
    assert_eq!(finished.stderr.matches(refusal).count(), 3, "{}", finished.stderr);
    never_ran(&project);
}

#[test]
pub(crate) fn spin_describe() {
    let finished = run(&Project::default(), "spin_describe", &["--guest-limit", "control-compute=200ms"]);
    finished.expect_exit(13);
    contains(&finished.stderr, &["the plugin broke in `describe`: computed for more than 200 ms"]);
}

#[test]
pub(crate) fn slow_plan() {
    let project = Project::default();
    let finished = run_plain(&project, "slow_plan", &["--guest-limit", "control-compute=200ms"]);
    finished.expect_exit(13);
    contains(&finished.stderr, &["the plugin broke in `plan`: computed for more than 200 ms"]);
    never_ran(&project);
}

#[test]
pub(crate) fn spin_analyze() {
    let project = Project::default();
    let finished = run_plain(&project, "spin_analyze", &["--guest-limit", "control-compute=200ms"]);
    // What was measured is reported all the same.
    finished.expect_exit(13);
    contains(&finished.stderr, &["there is no analysis: the plugin broke in `analyze`: computed for more"]);
    contains(&finished.stdout, &["PASS"]);
    assert_eq!(project.summary("out").verdict.status, VerdictStatus::Pass);
}

#[test]
pub(crate) fn bad_utf8() {
    let project = Project::default();
    let finished = run_plain(&project, "bad_utf8", &[]);
    finished.expect_exit(13);
    contains(&finished.stderr, &["the plugin broke in `describe`: invalid utf-8 sequence"]);
    never_ran(&project);
}

#[test]
pub(crate) fn deep_json() {
    let project = Project::default();
    let finished = run_plain(&project, "deep_json", &[]);
    finished.expect_exit(13);
    contains(
        &finished.stderr,
        &["the plugin's plan is not valid", "recursion limit exceeded", "tell its author"],
    );
    never_ran(&project);
}

#[test]
pub(crate) fn big_plan() {
    let project = Project::default();
    let finished = run_plain(&project, "big_plan", &[]);
    finished.expect_exit(13);
    contains(&finished.stderr, &["the plugin broke in `plan`: handed the host too much", "host-call-bytes"]);
    never_ran(&project);
    // What the host is willing to take is still no plan.
    let finished = run_plain(&project, "big_plan", &["--guest-limit", "host-call-bytes=200MiB"]);
    finished.expect_exit(13);
    contains(&finished.stderr, &["the plugin's plan is not valid: it has 104857600 bytes, the most is"]);
}

#[test]
pub(crate) fn lies_descriptor() {
    let project = Project::default();
    let finished = run_plain(&project, "lies_descriptor", &[]);
    finished.expect_exit(13);
    contains(
        &finished.stderr,
        &["the plugin's descriptor is not valid: its name `../../up\\u{1b}[31m` is not"],
    );
    assert!(!finished.stderr.contains('\x1b'));
    never_ran(&project);
}

#[test]
pub(crate) fn flood_findings() {
    let project = Project::default();
    let finished = run_plain(&project, "flood_findings", &[]);
    finished.expect_exit(0);
    contains(&finished.stderr, &["99000 findings, recommendations or sections are left out"]);
    let analysis = read(&project.path().join("out/analysis.json"));
    assert_eq!(analysis.matches("\"rule\"").count(), 1_000);
    assert!(read(&project.path().join("out/report.html")).len() < 1 << 20);
}

#[test]
pub(crate) fn analyze_io() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let project = Project::default();
    let allow = format!("http://{}", server.local_addr().unwrap());
    let finished = run_plain(&project, "analyze_io", &["--allow", &allow, "--allow", "http://127.0.0.1:9"]);
    finished.expect_exit(0);
    contains(&finished.stdout, &["Attempts", "0 succeeded"]);
    // Nothing is logged while the command line is still being read, for which plugins are asked what they are.
    let shown = finished.stderr.lines().filter(|line| line.contains("WARN line ")).count();
    assert_eq!((shown, finished.stderr.matches("the rest is not shown").count()), (100, 1));
    assert!(!project.path().join("out/artifacts").exists());
    assert_eq!(complete(&project).operations_done(), 0);
}
