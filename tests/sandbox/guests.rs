//! One test per guest, of the guest's name: exit code, what the user sees, what the run directory says.

use std::net::TcpListener;
use std::path::Path;

use stresshost_metrics::{IterationsSummary, MetricValueSummary, Summary, VerdictStatus};
use stresshost_shop::{Shop, ShopConfig};
use stresshost_tests::{Finished, Project, guest};

use crate::beside::{self, UNBROKEN, beside};

/// Two users, long enough for several iterations of each.
const LOAD: [&str; 6] = ["--vus", "2", "--duration", "300ms", "--graceful-stop", "300ms"];

/// Runs a guest that takes no flags of its own.
fn run_plain(project: &Project, name: &str, args: &[&str]) -> Finished {
    let component = guest(name);
    let fixed = ["run", "--plugin", component.to_str().unwrap(), "--out", "out", "--no-progress"];
    project.run(&[&fixed[..], args].concat())
}

/// Runs a guest into the directory `out`, with the load of most tests.
fn run(project: &Project, name: &str, args: &[&str]) -> Finished {
    run_plain(project, name, &[&["--seed", "1"][..], &LOAD, args].concat())
}

/// Asserts that a run has left everything a run leaves, and returns its summary.
fn complete(project: &Project) -> Summary {
    let out = project.path().join("out");
    let text = |name: &str| std::fs::read_to_string(out.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    for name in ["run.json", "summary.json", "analysis.json"] {
        let document: serde_json::Value = serde_json::from_str(&text(name)).unwrap();
        assert!(document["schema"].as_str().unwrap().starts_with("stresshost."), "{name}: {document}");
    }
    let snapshots = text("snapshots.jsonl");
    assert!(!snapshots.is_empty());
    for line in snapshots.lines() {
        let snapshot: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(snapshot["t_s"].is_number(), "{line}");
    }
    assert!(text("report.html").contains("</html>"));
    let summary = project.summary("out");
    for scenario in &summary.scenarios {
        let IterationsSummary { due, started, finished, failed, interrupted, faulted, dropped } =
            scenario.iterations;
        assert_eq!(due, started + dropped);
        assert_eq!(started, finished + failed + interrupted + faulted);
    }
    summary
}

/// Asserts that a run never got to load anything: its record is there, and no summary claims that it was done.
fn only_recorded(project: &Project) {
    let mut names: Vec<_> = std::fs::read_dir(project.path().join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["histograms", "run.json", "snapshots.jsonl"]);
}

fn never_ran(project: &Project) {
    assert!(!project.path().join("out").exists(), "no run directory for what never ran");
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

fn iterations(summary: &Summary) -> IterationsSummary {
    summary.scenarios[0].iterations
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
pub(crate) fn ok() {
    let project = Project::default();
    let finished = run(&project, "ok", &[]);
    finished.expect_exit(0);
    contains(&finished.stderr, &["user 0 threw", "granted: nothing", "run directory: out"]);
    contains(&finished.stdout, &["PASS", "a die has six sides", "throws (counter)"]);
    let summary = complete(&project);
    assert_eq!(summary.verdict.status, VerdictStatus::Pass);
    let done = iterations(&summary);
    assert!(done.finished > 10 && done.finished == done.due, "{done:?}");
    assert_eq!((summary.checks[0].passed, summary.checks[0].failed), (done.finished, 0));
    let MetricValueSummary::Counter { sum, .. } = summary.metrics[0].value else { panic!("not a counter") };
    assert_eq!(sum, done.finished as f64);
    let least_us = summary.scenarios[0].service_us.unwrap().min;
    assert!(least_us >= 5_000, "an iteration sleeps 5 ms, yet one took {least_us} us");
    let artifacts = project.path().join("out/artifacts");
    assert_eq!(read(&artifacts.join("throws.txt")).lines().count() as u64, done.finished);
    assert_eq!(read(&artifacts.join("end/shared.txt")), "seed 1", "teardown has what setup returned");
}

#[test]
pub(crate) fn trap() {
    let project = Project::default();
    let finished = run(&project, "trap", &[]);
    finished.expect_exit(13);
    contains(
        &finished.stderr,
        &[
            "warning: the plugin broke in `iterate`: ",
            "panicked at tests/guests/trap/guest.rs:",
            "the basket is empty",
            "wasm backtrace",
            "trap::take_from_empty_basket",
            "stresshost:workload/guest@0.1.0#iterate",
        ],
    );
    assert!(!finished.stderr.contains("RUST_BACKTRACE"), "{}", finished.stderr);
    assert_eq!(finished.stderr.matches("the basket is empty").count(), 1, "told once a text");
    contains(&finished.stdout, &["PLUGIN FAULT", "the basket is empty", "take_from_empty_basket"]);
    let summary = complete(&project);
    assert_eq!(summary.verdict.status, VerdictStatus::Fault);
    let done = iterations(&summary);
    assert!(done.faulted >= 2, "{done:?}");
    // Each user ends two iterations before each break, and may have ended up to two since the last.
    let before = 2 * done.faulted;
    assert!((before..=before + 4).contains(&done.finished), "{done:?}");
    assert_eq!(summary.faults.iter().map(|fault| fault.count).sum::<u64>(), done.faulted);
    assert_eq!((summary.faults[0].plugin.as_str(), summary.faults[0].during.as_str()), ("trap", "iterate"));
    contains(&summary.faults[0].text, &["the basket is empty", "trap::take_from_empty_basket"]);
    assert_eq!(summary.operations_done(), 0);
}

#[test]
pub(crate) fn spin() {
    let project = Project::default();
    // Both users on one core: the one that spins must give way to the other, and both to the end of the run.
    let finished = run(&project, "spin", &["--cores", "1"]);
    finished.expect_exit(11);
    contains(&finished.stdout, &["INCONCLUSIVE", "no iteration ended", "interrupted 2"]);
    let summary = complete(&project);
    let done = iterations(&summary);
    assert_eq!((done.started, done.interrupted, done.faulted), (2, 2, 0));
    // Load and grace are 600 ms, and the guest's own limit would be 10 s.
    assert!(summary.run.duration_s < 5.0, "{}", summary.run.duration_s);
}

#[test]
pub(crate) fn hog_memory() {
    let project = Project::default();
    let finished = run(&project, "hog_memory", &[]);
    finished.expect_exit(13);
    contains(
        &finished.stderr,
        &["memory allocation of 1048576 bytes failed", "the memory it may have is used up"],
    );
    let summary = complete(&project);
    let done = iterations(&summary);
    assert!(done.faulted > 0 && done.finished == 0, "{done:?}");
    assert_eq!(summary.faults[0].count, done.faulted);
    let most = 2 * (64 << 20) + (256 << 20);
    assert!(summary.generator.rss_max_bytes < most, "{}", summary.generator.rss_max_bytes);
}

#[test]
pub(crate) fn denied_host() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    let project = Project::default();
    let finished = run(&project, "denied_host", &[&port.to_string()]);
    finished.expect_exit(14);
    let hint = format!(
        "http://127.0.0.1:{port} is not among the granted targets; `--allow http://127.0.0.1:{port}`"
    );
    contains(&finished.stderr, &[&hint, "[denied]"]);
    contains(&finished.stdout, &["DENIED", &format!("--allow http://127.0.0.1:{port}")]);
    let summary = complete(&project);
    assert_eq!(summary.verdict.status, VerdictStatus::Denied);
    assert_eq!(summary.operations[0].errors["denied"], summary.operations[0].count);
    assert_eq!(iterations(&summary).finished, 0);
    let nobody = elsewhere.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock, "the host connected all the same");

    // What the message advises helps.
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let origin = format!("http://{}", shop.addr());
    let project = Project::default();
    let finished = run(&project, "denied_host", &[&shop.addr().port().to_string(), "--allow", &origin]);
    contains(&finished.stderr, &[&format!("granted: {origin}")]);
    let summary = complete(&project);
    assert!(summary.operations[0].statuses.values().sum::<u64>() > 0);
    assert!(!summary.operations[0].errors.contains_key("denied"));
}

#[test]
pub(crate) fn fail_setup() {
    let project = Project::default();
    let finished = run(&project, "fail_setup", &[]);
    finished.expect_exit(3);
    contains(&finished.stderr, &["error: set-up failed: the warehouse is closed [no_stock]"]);
    assert_eq!(finished.stdout, "");
    only_recorded(&project);
}

#[test]
pub(crate) fn fail_start() {
    let project = Project::default();
    let finished = run(&project, "fail_start", &[]);
    finished.expect_exit(3);
    contains(
        &finished.stderr,
        &["error: virtual user 1 could not start: there is one account only [no_account]"],
    );
    only_recorded(&project);
}

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
pub(crate) fn stale_response() {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let project = Project::default();
    let finished = run(&project, "stale_response", &[&format!("http://{}/products/1", shop.addr())]);
    finished.expect_exit(0);
    let summary = complete(&project);
    let done = iterations(&summary);
    assert!(done.finished > 0);
    assert_eq!(summary.checks.len(), 2);
    for check in &summary.checks {
        assert_eq!((check.passed, check.failed), (done.finished, 0), "{}", check.name);
    }
    assert_eq!(summary.operations_done(), 2 * done.finished);
    assert_eq!(summary.operations_failed(), 0);
}

#[test]
pub(crate) fn artifacts_escape() {
    let project = Project::default();
    let finished = run(&project, "artifacts_escape", &[]);
    finished.expect_exit(0);
    let summary = complete(&project);
    let done = iterations(&summary);
    assert_eq!((summary.checks[0].passed, summary.checks[0].failed), (5 * done.finished, 0));
    let mut files = Vec::new();
    let mut directories = vec![project.path().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "txt") {
                files.push(path.strip_prefix(project.path()).unwrap().to_owned());
            }
        }
    }
    assert_eq!(files, [Path::new("out/artifacts/kept.txt")]);
    assert!(!Path::new("/tmp/escaped.txt").exists());
}

/// What the guest noted of its life: set-ups and tear-downs of run and phases, and the first user of each phase.
#[test]
pub(crate) fn given_plan() {
    let project = Project::default();
    let users = r#"{"type": "constant-vus", "vus": 2, "duration_ms": 200}"#;
    let scenario = |phase: &str| format!(r#"{{"name": "main", "phase": "{phase}", "executor": {users}}}"#);
    let scenarios: Vec<String> = ["first", "second", "broken", "never"].map(scenario).to_vec();
    let plan = format!(
        r#"{{"schema": "stresshost.plan/1", "name": "given", "graceful_stop_ms": 300,
            "phases": [
                {{"name": "first", "criteria": [{{"expression": "checks.rate > 99%"}}]}},
                {{"name": "second", "depends_on": ["first"]}},
                {{"name": "broken", "depends_on": ["second"]}},
                {{"name": "never", "depends_on": ["broken"]}}
            ],
            "scenarios": [{}]}}"#,
        scenarios.join(",")
    );
    project.write("plan.json", &plan);
    let finished = {
        let component = guest("given_plan");
        let fixed =
            ["run", "--out", "out", "--no-progress", "--seed", "1", "--config", "plan.json", "--plugin"];
        project.run(&[&fixed[..], &[component.to_str().unwrap()]].concat())
    };
    // A set-up that fails after a load is an outcome of the run.
    finished.expect_exit(3);
    let summary = complete(&project);
    let became: Vec<(&str, &str)> =
        summary.phases.iter().map(|phase| (phase.name.as_str(), phase.status.label())).collect();
    assert_eq!(
        became,
        [("first", "passed"), ("second", "passed"), ("broken", "broken"), ("never", "skipped")]
    );
    assert!(summary.phases[0].criteria[0].actual.is_some_and(|rate| rate > 0.99));
    contains(&summary.phases[2].reason, &["this phase cannot be set up"]);
    contains(&summary.phases[3].reason, &["`broken`"]);
    assert_eq!(
        read(&project.path().join("out/artifacts/life.log")),
        "setup\nsetup-phase first\nstart run first\nteardown-phase run first\n\
         setup-phase second\nstart run second\nteardown-phase run second\nsetup-phase broken\nteardown run\n"
    );
}

#[test]
pub(crate) fn call_costs() {
    for calls in ["random:0", "random:1000", "sleep:1000"] {
        let project = Project::default();
        let component = guest("call_costs");
        let fixed = ["run", "--out", "out", "--no-progress", "--vus", "1", "--iterations", "3", "--plugin"];
        project.run(&[&fixed[..], &[component.to_str().unwrap(), calls]].concat()).expect_exit(0);
        assert_eq!(iterations(&complete(&project)).finished, 3);
    }
}

#[test]
pub(crate) fn neighbour() {
    let project = Project::default();
    run(&project, "neighbour", &[]).expect_exit(0);
    let done = iterations(&complete(&project));
    assert!(done.finished > 10 && done.finished == done.due, "{done:?}");
}

/// Asserts that a guest which breaks in its iterations is given up alone, and returns the run's standard error.
fn broken_beside(name: &str, budget: u64, args: &[&str]) -> String {
    let policy = format!("restart-vu:{budget}");
    let (finished, summary) = beside(name, &[13], &[args, &["--on-fault", &policy]].concat());
    let faults: u64 = summary.faults.iter().map(|fault| fault.count).sum();
    assert!((budget..=budget + 4).contains(&faults), "{faults} faults with a budget of {budget} and 4 users");
    assert_eq!(faults, beside::iterations(&summary, name).faulted);
    assert!(summary.faults.iter().all(|fault| fault.plugin == name && fault.during == "iterate"));
    contains(&finished.stderr, &[&format!("plugin `{name}` broke "), "and is stopped"]);
    finished.stderr
}

#[test]
pub(crate) fn recurse() {
    contains(
        &broken_beside("recurse", 3, &[]),
        &["a stack that overflowed looks like this", "recurse::deeper"],
    );
}

#[test]
pub(crate) fn panic_huge() {
    let stderr = broken_beside("panic_huge", 1, &[]);
    contains(&stderr, &["far too long far too long", "panicked or reached unreachable code"]);
    assert!(stderr.len() < 50_000, "{} bytes", stderr.len());
}

#[test]
pub(crate) fn exit_process() {
    contains(
        &broken_beside("exit_process", 3, &[]),
        &["ended its process with status 0; a plugin returns instead"],
    );
}

#[test]
pub(crate) fn hostcall_storm() {
    let stderr = broken_beside("hostcall_storm", 3, &["--guest-limit", "compute=20ms"]);
    contains(&stderr, &["computed for more than 20 ms without waiting", "--guest-limit"]);
}

/// The plugin that breaks ends the run when the user wants that.
#[test]
fn a_fault_can_end_the_run() {
    let project = Project::default();
    let finished =
        run_plain(&project, "exit_process", &["--vus", "2", "--duration", "60s", "--on-fault", "abort-run"]);
    finished.expect_exit(13);
    assert!(complete(&project).run.duration_s < 10.0);
    let wrong = run(&Project::default(), "exit_process", &["--on-fault", "ignore"]);
    wrong.expect_exit(2);
    contains(&wrong.stderr, &["--on-fault: `ignore` is none of restart-vu"]);
}

#[test]
pub(crate) fn flood_log() {
    let (finished, _) = beside("flood_log", UNBROKEN, &["--guest-limit", "log-lines=50"]);
    let shown = finished.stderr.lines().filter(|line| line.contains("WARN line ")).count();
    // The guest writes its long line last, when all are shown that may be.
    assert_eq!(shown, 50);
    contains(&finished.stderr, &["more than 50 log lines; the rest is not shown"]);
    assert!(finished.stderr.len() < 100_000);
}

#[test]
pub(crate) fn flood_names() {
    let project = Project::default();
    run(&project, "flood_names", &[]).expect_exit(11);
    let summary = complete(&project);
    assert!(summary.operations.len() <= 1_000 && summary.checks.len() <= 1_000);
    assert_eq!(read(&project.path().join("out/artifacts/refused.txt")), "[2000, 2000, 2000]");
    beside("flood_names", UNBROKEN, &[]);
}

#[test]
pub(crate) fn many_requests() {
    let project = Project::default();
    run(&project, "many_requests", &["--guest-limit", "prepared=100"]).expect_exit(11);
    let told = read(&project.path().join("out/artifacts/prepared.txt"));
    contains(&told, &["100: ", "more than 100 prepared requests; put what varies into slots"]);
    beside("many_requests", UNBROKEN, &[]);
}

#[test]
pub(crate) fn flood_artifacts() {
    let project = Project::default();
    let limits = ["--guest-limit", "artifacts=10", "--guest-limit", "artifact-bytes=4KiB"];
    let finished =
        run_plain(&project, "flood_artifacts", &[&limits[..], &["--vus", "1", "--iterations", "1"]].concat());
    finished.expect_exit(0);
    contains(&finished.stderr, &["10 files and 3 chunks"]);
    let files: Vec<_> = std::fs::read_dir(project.path().join("out/artifacts")).unwrap().collect();
    let bytes: u64 = files.iter().map(|file| file.as_ref().unwrap().metadata().unwrap().len()).sum();
    assert_eq!(files.len(), 10);
    assert!(bytes <= 4 << 10, "{bytes} bytes");
    beside("flood_artifacts", UNBROKEN, &limits);
}

#[test]
pub(crate) fn wasi_denied() {
    let project = Project::default();
    run(&project, "wasi_denied", &[]).expect_exit(0);
    let summary = complete(&project);
    let done = iterations(&summary);
    assert_eq!(summary.checks.len(), 10);
    for check in &summary.checks {
        assert_eq!((check.passed, check.failed), (done.finished, 0), "{}", check.name);
    }
    assert!(!project.path().join("escaped.txt").exists());
}

#[test]
pub(crate) fn sleep_past_end() {
    let (_, summary) = beside("sleep_past_end", UNBROKEN, &[]);
    let slept = beside::iterations(&summary, "sleep_past_end");
    assert_eq!((slept.started, slept.interrupted), (4, 4));
    assert!(summary.run.duration_s < 5.0, "{}", summary.run.duration_s);
}

#[test]
pub(crate) fn bad_bytes() {
    let project = Project::default();
    run(&project, "bad_bytes", &[]).expect_exit(0);
    let summary = complete(&project);
    assert_eq!(summary.checks.len(), 8);
    for check in &summary.checks {
        assert!(check.passed > 0 && check.failed == 0, "{}", check.name);
    }
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

/// Memory that the users of a run may have together is bounded as well.
#[test]
fn all_users_together_have_a_limit() {
    let project = Project::default();
    let finished = run(&project, "hog_memory", &["--guest-limit", "total-memory=20MiB"]);
    finished.expect_exit(13);
    contains(&finished.stderr, &["memory allocation of", "all virtual users together may have is used up"]);
    let (_, summary) =
        beside("hog_memory", &[13], &["--on-fault", "restart-vu:3", "--guest-limit", "memory=8MiB"]);
    assert!(beside::iterations(&summary, "hog_memory").faulted >= 3);
}

/// One that computes for ever leaves the cores to the others.
#[test]
fn a_plugin_that_never_waits_does_not_starve_its_neighbour() {
    let (_, summary) = beside("spin", UNBROKEN, &[]);
    let spinning = beside::iterations(&summary, "spin");
    assert_eq!((spinning.started, spinning.interrupted), (4, 4));
}

/// Time in which the others on its core run is not a guest's computing.
#[test]
fn eight_that_spin_on_one_core_have_an_eighth_each() {
    let project = Project::default();
    let load = ["--vus", "8", "--duration", "600ms", "--graceful-stop", "200ms", "--cores", "1"];
    let finished = run_plain(&project, "spin", &[&load[..], &["--guest-limit", "compute=400ms"]].concat());
    // Eight that wait for a core may well be late: then nothing was measured, which is no fault either.
    assert!([Some(11), Some(12)].contains(&finished.exit), "{finished:?}");
    let done = iterations(&complete(&project));
    assert_eq!((done.started, done.interrupted, done.faulted), (8, 8, 0));
}
