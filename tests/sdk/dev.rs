//! `stresshost dev`: a changed file is built and tested, and what is different is shown.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::project::Author;

/// Lines of a child's output as they come.
fn lines(output: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    receive
}

/// Waits for a line; all lines up to it.
fn until(lines: &Receiver<String>, wanted: &str) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        match lines.recv_timeout(Duration::from_secs(120)) {
            Ok(line) => {
                let found = line.contains(wanted);
                seen.push(line);
                if found {
                    return seen;
                }
            }
            Err(error) => panic!("no `{wanted}` ({error}) after {seen:#?}"),
        }
    }
}

fn interrupt(child: &Child) {
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
}

#[test]
fn a_change_is_built_tested_and_shown() {
    let author = Author::new("c");
    let mut dev = author.command(&author.installed.program());
    let mut dev = dev.arg("dev").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (results, notes) = (lines(dev.stdout.take().unwrap()), lines(dev.stderr.take().unwrap()));
    until(&notes, "waiting for a change");
    until(&results, "operation `GET`: 3 done");

    author.edit("app.c", "sh_fire(request);", "sh_fire(request);\n    sh_fire(request);");
    until(&notes, "waiting for a change");
    let shown = until(&results, "operation `GET`");
    assert!(
        shown.iter().any(|line| line.contains("FAIL  `GET /products`: 6 calls, expected 3")),
        "{shown:#?}"
    );
    assert!(
        shown
            .iter()
            .any(|line| line.starts_with("~ operation `GET`: 6 done, 4 failed, was 3 done, 1 failed")),
        "{shown:#?}"
    );

    author.edit("app.c", "sh_fire(request);", "sh_fire(;");
    let failed = until(&notes, "waiting for a change");
    assert!(failed.iter().any(|line| line.contains("failed: exit status")), "{failed:#?}");

    interrupt(&dev);
    assert_eq!(dev.wait().unwrap().code(), Some(0));
}
