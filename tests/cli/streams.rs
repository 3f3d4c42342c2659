//! Quiet, colour, logs, closed pipes.

use std::io::Read;
use std::process::{Command, Stdio};

use stresshost_tests::{Finished, Project, program};

use crate::shown::{SHORT, shop, without_tables};

fn arguments<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "--plugin", "devstress", url, "--out", "out"], &SHORT[..], more].concat()
}

#[test]
fn quiet_prints_the_result_only() {
    let (_shop, url) = shop();
    let finished = Project::default().run(&arguments(&url, &["--quiet"]));
    assert_eq!(finished.expect_exit(0).stderr, "");
    assert!(finished.stdout.starts_with("PASS"), "{}", finished.stdout);
}

#[test]
fn json_on_standard_output_is_the_summary_and_nothing_else() {
    let (_shop, url) = shop();
    let project = Project::default();
    let finished = project.run(&arguments(&url, &["--json"]));
    finished.expect_exit(0);
    let written = std::fs::read_to_string(project.path().join("out/summary.json")).unwrap();
    assert_eq!(finished.stdout, written);
}

#[test]
fn a_log_filter_that_cannot_be_read_is_named() {
    let (_shop, url) = shop();
    let project = Project::default();
    let output =
        project.stresshost().args(arguments(&url, &[])).env("STRESSHOST_LOG", "=[[").output().unwrap();
    assert_shown!(without_tables(Finished::of(output)), @r#"
    exit: 0
    --- stdout
    PASS  Everything asked for held.
    --- stderr
    warning: STRESSHOST_LOG=`=[[` is ignored: invalid filter directive; write levels such as `debug` or `warn,stresshost_io=trace`
    run [RUN]: devstress http://127.0.0.1:[PORT] (seed [SEED])
      main: 1 virtual user for 200ms
      granted: http://127.0.0.1:[PORT]
    run directory: out
    report: out/report.html
    "#);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let (_shop, url) = shop();
    let project = Project::default();
    let mut command = project.stresshost();
    command.args(arguments(&url, &["--json"])).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert!(!stderr.contains("panicked") && stderr.contains("run directory: out"), "{stderr}");
    project.summary("out");
}

#[test]
fn both_streams_may_be_closed() {
    let project = Project::default();
    let script = format!("exec {} --help >&- 2>&-", program("stresshost").display());
    let status = Command::new("sh").args(["-c", &script]).current_dir(project.path()).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

/// Runs the command on a terminal, as util-linux's `script` offers one.
fn on_a_terminal(project: &Project, no_color: &str) -> String {
    let line = format!("{} run --plugin nosuch", program("stresshost").display());
    let mut script = Command::new("script");
    script.args(["--quiet", "--command", &line, "/dev/null"]).stdin(Stdio::null());
    script.current_dir(project.path()).env("TERM", "xterm").env("NO_COLOR", no_color);
    let output = script.output().expect("`script`, part of util-linux");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn colour_is_for_terminals_and_can_be_refused() {
    let project = Project::default();
    let colour = "\x1b[1m\x1b[31merror: ";
    let coloured = on_a_terminal(&project, "");
    assert!(coloured.contains(colour), "{coloured:?}");
    let plain = on_a_terminal(&project, "1");
    assert!(plain.contains("error: no plugin named") && !plain.contains("\x1b[31m"), "{plain:?}");
    let piped = project.run(&["run", "--plugin", "nosuch"]);
    assert!(!piped.stderr.contains('\x1b'), "{piped:?}");
}
