//! Guests that break, or never return.

use super::*;

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
pub(crate) fn sleep_past_end() {
    let (_, summary) = beside("sleep_past_end", UNBROKEN, &[]);
    let slept = beside::iterations(&summary, "sleep_past_end");
    assert_eq!((slept.started, slept.interrupted), (4, 4));
    assert!(summary.run.duration_s < 5.0, "{}", summary.run.duration_s);
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

#[test]
pub(crate) fn spin_start() {
    let project = Project::default();
    let finished = run(&project, "spin_start", &["--guest-limit", "compute=200ms"]);
    finished.expect_exit(13);
    contains(
        &finished.stderr,
        &["broke in `start`", "computed for more than 200 ms without waiting", "--guest-limit"],
    );
    // A run whose users cannot begin is none, for no plugin in it.
    only_recorded(&project);
}

#[test]
pub(crate) fn feed_deadlock() {
    let project = Project::default();
    let finished = run(&project, "feed_deadlock", &[]);
    finished.expect_exit(11);
    let summary = complete(&project);
    let done = iterations(&summary);
    assert_eq!((done.finished, done.interrupted), (0, 2), "{finished:?}");
    assert!(summary.run.duration_s < 5.0, "a run ends although its users wait");
    let (_, summary) = beside("feed_deadlock", &[0, 10, 11, 12], &[]);
    assert_eq!(beside::iterations(&summary, "feed_deadlock").finished, 0);
}
