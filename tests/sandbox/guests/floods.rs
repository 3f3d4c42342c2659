//! Guests that want too much of something.

use super::*;

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
    assert!(reached(&summary, "memory") >= done.faulted, "{:?}", summary.limits);
    contains(&finished.stdout, &["Limits reached", "growth of memory refused"]);
    let most = 2 * (64 << 20) + (256 << 20);
    assert!(summary.generator.rss_max_bytes < most, "{}", summary.generator.rss_max_bytes);
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

#[test]
pub(crate) fn flood_log() {
    let (finished, summary) = beside("flood_log", UNBROKEN, &["--guest-limit", "log-lines=50"]);
    assert!(reached(&summary, "log-lines") > 1_000, "{:?}", summary.limits);
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
    assert_eq!(reached(&summary, "names"), 2 * 3 * 2_000, "of each of two users");
    beside("flood_names", UNBROKEN, &[]);
}

#[test]
pub(crate) fn many_requests() {
    let project = Project::default();
    run(&project, "many_requests", &["--guest-limit", "prepared=100"]).expect_exit(11);
    let told = read(&project.path().join("out/artifacts/prepared.txt"));
    contains(
        &told,
        &["100: ", "more than 100 prepared requests, commands and exchanges; put what varies into slots"],
    );
    assert!(reached(&complete(&project), "prepared") >= 2, "each of two users was refused");
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
    let summary = complete(&project);
    assert!(reached(&summary, "artifacts") > 0 && reached(&summary, "artifact-bytes") > 0);
    beside("flood_artifacts", UNBROKEN, &limits);
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

#[test]
pub(crate) fn finds() {
    let project = Project::default();
    let finished = run_plain(&project, "finds", &["--vus", "1", "--iterations", "20", "--cores", "1"]);
    finished.expect_exit(0);
    // 1,000 of a run, of which set-up and the first iteration have one each.
    contains(&finished.stderr, &["998 of a flood"]);
    contains(&finished.stdout, &["Findings", "answers HTML", "20 times; iteration 0", "found in setup"]);
    let summary = complete(&project);
    assert_eq!((summary.checks[0].passed, summary.checks[0].failed), (20, 0));
    assert_eq!((summary.findings.len(), reached(&summary, "findings")), (1_000, 1_002));
    let expected = serde_json::json!({
        "plugin": "finds", "count": 20, "rule": "content-type", "severity": "high", "message": "answers HTML",
        "location": "GET /products", "evidence": "iteration 0", "confidence": "confirmed", "remedy": "answer JSON",
    });
    assert_eq!(summary.findings[1], expected);
    // What was found out survives a host that is killed before it writes a summary.
    let out = project.path().join("out");
    assert_eq!(read(&out.join("findings.jsonl")).lines().count(), 1_000);
    std::fs::remove_file(out.join("summary.json")).unwrap();
    let rebuilt = project.run(&["report", "out"]);
    contains(&rebuilt.stdout, &["Findings", "answers HTML", "found in setup"]);
    beside("finds", UNBROKEN, &[]);
}
