//! What a plugin may put on the wire and nobody may read afterwards.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread;

use stresshost_tests::{Finished, Project, guest, plugin};

const SECRET: &str = "hidden \"value\" of the test";

/// A server that answers every request with the value of its `X-Key`, until the test ends.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut stream, mut key) = (stream, String::new());
                for line in reader.by_ref().lines().map_while(Result::ok) {
                    if let Some(value) = line.strip_prefix("X-Key: ") {
                        value.clone_into(&mut key);
                    }
                    if line.is_empty() {
                        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", key.len());
                        if stream.write_all((head + &key).as_bytes()).is_err() {
                            return;
                        }
                    }
                }
            });
        }
    };
    thread::spawn(serve);
    address
}

/// Every file below a directory, whole.
fn files(directory: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

/// Asserts that neither the output nor the run directory holds the secret; returns how often its name stands instead.
fn hidden(project: &Project, finished: &Finished) -> usize {
    let mut texts = vec![
        ("standard output".to_owned(), finished.stdout.clone().into_bytes()),
        ("standard error".to_owned(), finished.stderr.clone().into_bytes()),
    ];
    files(&project.path().join("out"), &mut texts);
    let json = serde_json::to_string(SECRET).unwrap();
    let html = SECRET.replace('"', "&quot;");
    let mut shown = 0;
    for (name, text) in &texts {
        let text = String::from_utf8_lossy(text);
        for form in [SECRET, json.trim_matches('"'), &html] {
            assert!(!text.contains(form), "{name} shows the secret:\n{text}");
        }
        shown += text.matches("[secret key]").count();
    }
    shown
}

#[test]
pub(crate) fn leak_secret() {
    let (project, server) = (Project::default(), echo());
    project.write("key.txt", &format!("{SECRET}\n"));
    let (component, url) = (guest("leak_secret"), format!("http://{server}/"));
    let run = ["run", "--plugin", component.to_str().unwrap(), &url, "--out", "out", "--no-progress"];
    let load = ["--vus", "2", "--iterations", "20", "--output-format", "text,json,html,junit"];
    let finished = project.run(&[&run[..], &load, &["--secret", "key=file:key.txt"]].concat());
    finished.expect_exit(13);
    assert!(finished.stderr.contains("  secrets: key from file:key.txt"), "{}", finished.stderr);
    for told in ["it is [secret key]", "panics with [secret key]", "fails with [secret key]"] {
        assert!((finished.stderr.clone() + &finished.stdout).contains(told), "{finished:?}");
    }
    let summary = project.summary("out");
    assert_eq!(summary.checks.first().map(|check| check.name.as_str()), Some("check [secret key]"));
    assert!(hidden(&project, &finished) > 20);
    let stolen = std::fs::read_to_string(project.path().join("out/artifacts/stolen.txt")).unwrap();
    assert_eq!(stolen, "[secret key]");

    // Without the secret there is nothing to leak, and the user is told the flag.
    let finished = Project::default().run(&run);
    finished.expect_exit(3);
    assert!(finished.stderr.contains("--secret key=env:VARIABLE"), "{}", finished.stderr);
}

#[test]
fn a_secret_for_another_target_stays_here() {
    let (project, server) = (Project::default(), echo());
    let (component, url) = (guest("leak_secret"), format!("http://{server}/"));
    let run = ["run", "--plugin", component.to_str().unwrap(), &url, "--out", "out", "--no-progress"];
    let finished =
        project.run(&[&run[..], &["--secret", "key@https://api.example=command:echo not this one"]].concat());
    finished.expect_exit(3);
    let told = format!("secret `key` was not given for http://{server}");
    assert!(finished.stderr.contains(&told), "{}", finished.stderr);
}

#[test]
fn a_run_with_a_secret_is_replayed_with_it() {
    let (project, server) = (Project::default(), echo());
    project.write("key.txt", SECRET);
    let (component, url) = (plugin("devstress"), format!("http://{server}/"));
    let run = ["run", "--plugin", component.to_str().unwrap(), &url, "--out", "out", "--no-progress"];
    let header = ["-H", "X-Key: {{secret:key}}", "--iterations", "5"];
    let finished = project.run(&[&run[..], &header, &["--secret", "key=file:key.txt"]].concat());
    finished.expect_exit(0);
    hidden(&project, &finished);
    let sent = project.summary("out").operations[0].bytes.received;
    project.run(&["replay", "out", "--out", "again", "--no-progress"]).expect_exit(0);
    assert_eq!(project.summary("again").operations[0].bytes.received, sent, "the server got the same key");

    for (secret, told) in [
        ("key", "write NAME=env:VARIABLE"),
        ("key=env:STRESSHOST_NO_SUCH_VARIABLE", "STRESSHOST_NO_SUCH_VARIABLE"),
        ("key=file:nowhere", "`key` from file:nowhere"),
        ("key=command:exit 7", "exit status: 7"),
        ("key=command:echo abc", "its value has 3 bytes"),
    ] {
        let finished = project.run(&[&run[..4], &["--secret", secret, "--out", "none"]].concat());
        finished.expect_exit(2);
        assert!(finished.stderr.contains(told), "{secret}: {}", finished.stderr);
        assert!(!project.path().join("none").exists());
    }
    let component = guest("ok");
    let unasked = ["run", "--plugin", component.to_str().unwrap(), "--secret", "key=file:key.txt"];
    let finished = project.run(&unasked);
    finished.expect_exit(2);
    assert!(finished.stderr.contains("no plugin of this run asks for `key`"), "{}", finished.stderr);
}
