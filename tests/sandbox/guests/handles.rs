//! Guests that make handles up, or pile them up.

use super::*;

#[test]
pub(crate) fn forged_handles() {
    let project = Project::default();
    run(&project, "forged_handles", &[]).expect_exit(0);
    let summary = complete(&project);
    let done = iterations(&summary);
    assert!(done.finished > 0 && done.faulted == 0, "{done:?}");
    assert_eq!(summary.checks.len(), 7);
    for check in &summary.checks {
        assert_eq!((check.passed, check.failed), (done.finished, 0), "{}", check.name);
    }
    assert_eq!(summary.operations_done(), 0, "nothing was sent");
    beside("forged_handles", UNBROKEN, &[]);
}

#[test]
pub(crate) fn many_handles() {
    let project = Project::default();
    let load = ["--vus", "1", "--iterations", "1"];
    let finished = run_plain(&project, "many_handles", &load);
    finished.expect_exit(13);
    contains(&finished.stderr, &["a million marks", "held more handles than it may"]);
    assert!(!finished.stderr.contains("a million handles"), "{}", finished.stderr);
    let summary = complete(&project);
    assert_eq!((summary.checks.len(), summary.checks[0].passed), (1, 1_000_000));
    assert!(reached(&summary, "handles") > 0, "{:?}", summary.limits);
    assert!(summary.generator.rss_max_bytes < 300 << 20);
}
