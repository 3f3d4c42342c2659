//! Where results go, and when they cannot.

use std::fs;
use std::os::unix::fs::symlink;

use stresshost_tests::{Finished, Project};

use crate::shown::{SHORT, shop, without_tables};

/// A short run of DevStress.
fn run(project: &Project, url: &str, args: &[&str]) -> Finished {
    project.run(&[&["run", "--plugin", "devstress", url], &SHORT[..], args].concat())
}

#[test]
fn a_directory_that_holds_a_run_is_not_written_over() {
    let (shop, url) = shop();
    let project = Project::default();
    run(&project, &url, &["--out", "out"]).expect_exit(0);
    let before = fs::read(project.path().join("out/summary.json")).unwrap();
    let served = shop.handle().counts();
    assert_shown!(run(&project, &url, &["--out", "out"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: `out` holds a run already; name another directory or remove it
    "#);
    assert_eq!(fs::read(project.path().join("out/summary.json")).unwrap(), before);
    assert_eq!(shop.handle().counts(), served, "nothing was sent");
}

#[test]
fn a_directory_that_cannot_be_made() {
    let (_shop, url) = shop();
    let project = Project::default();
    project.write("file", "");
    assert_shown!(run(&project, &url, &["--out", "file/out"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: cannot write the run directory `file/out`: Not a directory (os error 20)
    "#);
}

#[test]
fn a_run_directory_is_named_when_none_is_given() {
    let (_shop, url) = shop();
    let project = Project::default();
    let finished = run(&project, &url, &[]);
    finished.expect_exit(0);
    let named: Vec<_> = fs::read_dir(project.path().join("stresshost-out")).unwrap().collect();
    let [Ok(directory)] = &named[..] else { panic!("one run directory, not {named:?}") };
    let path = format!("run directory: stresshost-out/{}\n", directory.file_name().to_str().unwrap());
    assert!(finished.stderr.contains(&path), "{}", finished.stderr);
}

#[test]
fn a_full_disk_under_a_report_does_not_take_the_result_away() {
    let (_shop, url) = shop();
    let project = Project::default();
    symlink("/dev/full", project.path().join("full.txt")).unwrap();
    let finished = run(&project, &url, &["--out", "out", "--report-file", "full.txt"]);
    project.summary("out");
    assert!(finished.stdout.contains("GET /products/1"), "{}", finished.stdout);
    assert_shown!(without_tables(finished), @r#"
    exit: 1
    --- stdout
    PASS  Everything asked for held.
    --- stderr
    run [RUN]: devstress http://127.0.0.1:[PORT] (seed [SEED])
      main: 1 virtual user for 200ms
      granted: http://127.0.0.1:[PORT]
    run directory: out
    report: out/report.html
    error: cannot write the report `full.txt`: No space left on device (os error 28)
    "#);
}

/// A link to `/dev/full` at the place of each file stands for a disk that fills up while a run goes on.
#[test]
fn a_full_disk_under_the_run_directory_is_told_after_the_result() {
    let (_shop, url) = shop();
    for name in ["snapshots.jsonl", "analysis.json", "summary.json", "report.html"] {
        let project = Project::default();
        fs::create_dir(project.path().join("out")).unwrap();
        symlink("/dev/full", project.path().join("out").join(name)).unwrap();
        let finished = run(&project, &url, &["--out", "out"]);
        finished.expect_exit(1);
        assert!(finished.stdout.contains("PASS"), "{}", finished.stdout);
        let expected =
            format!("error: cannot write `out/{name}`; free some space or use --out: No space left on");
        assert!(finished.stderr.contains(&expected), "{}", finished.stderr);
        for other in ["run.json", "analysis.json", "summary.json", "report.html"] {
            assert!(other == name || fs::metadata(project.path().join("out").join(other)).unwrap().len() > 0);
        }
    }
}

#[test]
fn a_full_disk_under_the_record_ends_the_run_before_it_begins() {
    let (shop, url) = shop();
    let none = shop.handle().counts();
    let project = Project::default();
    fs::create_dir(project.path().join("out")).unwrap();
    // The name it is written under before it takes its place.
    symlink("/proc/none/run.json", project.path().join("out/run.json.new")).unwrap();
    let finished = run(&project, &url, &["--out", "out"]);
    finished.expect_exit(2);
    assert!(finished.stderr.contains("error: cannot write the run directory `out`: "), "{}", finished.stderr);
    assert_eq!(shop.handle().counts(), none);
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let (_shop, url) = shop();
    let project = Project::default();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let args = [&["run", "--plugin", "devstress", &url, "--out", "out", "--json"], &SHORT[..]].concat();
    let output = project.stresshost().args(args).stdout(full).output().unwrap();
    assert_shown!(Finished::of(output), @r#"
    exit: 1
    --- stdout
    --- stderr
    run [RUN]: devstress http://127.0.0.1:[PORT] (seed [SEED])
      main: 1 virtual user for 200ms
      granted: http://127.0.0.1:[PORT]
    run directory: out
    report: out/report.html
    error: cannot write to standard output: No space left on device (os error 28)
    "#);
    project.summary("out");
}

#[test]
fn report_renders_what_the_run_has_written() {
    let (_shop, url) = shop();
    let project = Project::default();
    let formats = [
        ("text", "report.txt"),
        ("json", "summary.json"),
        ("html", "report.html"),
        ("junit", "report.junit.xml"),
        ("sarif", "report.sarif"),
    ];
    let files: Vec<String> = formats.iter().map(|(_, name)| format!("also-{name}")).collect();
    let mut args = vec!["--out", "out", "--output-format", "text,json,html,junit,sarif"];
    files.iter().for_each(|file| args.extend(["--report-file", file]));
    run(&project, &url, &args).expect_exit(0);
    for ((format, name), file) in formats.iter().zip(&files) {
        let again = project.run(&["report", "out", "--output-format", format]);
        assert_eq!(again.expect_exit(0).stderr, "");
        let written = [format!("out/{name}"), file.clone()];
        for path in written {
            let text =
                fs::read_to_string(project.path().join(&path)).unwrap_or_else(|e| panic!("{path}: {e}"));
            assert_eq!(text, again.stdout, "{path}");
        }
    }
    assert_eq!(
        project.run(&["report", "out"]).stdout,
        project.run(&["report", "out", "--output-format", "text"]).stdout
    );
}

#[test]
fn report_of_what_is_no_run() {
    let project = Project::default();
    assert_shown!(project.run(&["report", "nowhere"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: `nowhere` holds no run: it has neither summary.json nor run.json; name a run directory
    "#);
    fs::create_dir(project.path().join("out")).unwrap();
    project.write("out/summary.json", "{\"schema\": 1}\n");
    assert_shown!(project.run(&["report", "out"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: `out/summary.json` is damaged or of another version: invalid type: integer `1`, expected a string at line 1 column 12
    "#);
    assert_shown!(project.run(&["report", "out", "--output-format", "pdf"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: unknown report format `pdf`: use text, json, html, junit or sarif
    "#);
}
