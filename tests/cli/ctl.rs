//! `stresshost ctl`: a run is watched and steered while it goes on, over its socket and over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use stresshost_clock::{Clock, NS_PER_S};
use stresshost_shop::{Faults, Latency, ShopThread};
use stresshost_tests::{Finished, Project};

use crate::shown::{expect_done, shop};

/// What every steered run is told: it would last for minutes, and ends because it is stopped.
const LONG: [&str; 4] = ["--duration", "120s", "--graceful-stop", "5s"];

/// A run that goes on, in the directory `out`.
struct Live {
    project: Project,
    child: Option<Child>,
    stderr: BufReader<std::process::ChildStderr>,
    /// What was read of standard error so far.
    said: String,
}

impl Live {
    /// Starts a run and waits until it can be controlled.
    fn start(url: &str, args: &[&str]) -> Self {
        Self::start_in(Project::default(), "out", url, args)
    }

    fn start_in(project: Project, out: &str, url: &str, args: &[&str]) -> Self {
        let mut command = project.stresshost();
        command.args(["run", "--plugin", "devstress", url, "--out", out, "--no-progress"]).args(args);
        command.args(["--control", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut live = Self { project, child: Some(child), stderr, said: String::new() };
        while !live.said.contains("\ncontrol: ") {
            let read = live.stderr.read_line(&mut live.said).unwrap();
            assert_ne!(read, 0, "it ended: {}", live.said);
        }
        live
    }

    fn ctl(&self, args: &[&str]) -> Finished {
        self.project.run(&[&["ctl", "--run", "out"], args].concat())
    }

    /// Where HTTP is served, and the token.
    fn http(&self) -> (String, String) {
        let line = self.said.lines().find_map(|line| line.strip_prefix("control: http://")).unwrap();
        let (address, token) = line.split_once(", token ").unwrap();
        (address.to_owned(), token.to_owned())
    }

    /// Waits for the end.
    fn finish(mut self) -> (Finished, Project) {
        let mut stdout = String::new();
        let mut child = self.child.take().unwrap();
        child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.stderr.read_to_string(&mut self.said).unwrap();
        let exit = child.wait().unwrap().code();
        let stderr = std::mem::take(&mut self.said);
        (Finished { exit, stdout, stderr }, std::mem::take(&mut self.project))
    }

    fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// `ctl watch --json`: every second of a run.
struct Watch {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Watch {
    fn new(live: &Live) -> Self {
        let mut command: Command = live.project.stresshost();
        command.args(["ctl", "--run", "out", "watch", "--json"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut watch = Self { child, lines };
        assert_eq!(watch.line()["ok"], true);
        watch
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("`{line}`: {error}"))
    }

    /// The next second.
    fn tick(&mut self) -> Value {
        let line = self.line();
        assert!(line["snapshot"].is_object(), "{line}");
        line["snapshot"].clone()
    }

    /// The next second in which this many virtual users were busy and nothing else was under way.
    fn until(&mut self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        // As many seconds as a busy machine may need.
        let mut ticks = (0..30).map(|_| self.tick());
        ticks.find(|tick| holds(tick)).unwrap_or_else(|| panic!("it never came to be that {what}"))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Requests that the shop saw in some whole seconds.
fn requests(shop: &ShopThread, watch: &mut Watch, seconds: u32) -> f64 {
    watch.tick();
    let (before, clock) = (shop.counts().requests, Clock::start());
    (0..seconds).for_each(|_| drop(watch.tick()));
    (shop.counts().requests - before) as f64 / (clock.now_ns() as f64 / NS_PER_S as f64)
}

#[track_caller]
fn assert_near(value: f64, expected: f64) {
    assert!((expected * 0.7..expected * 1.3).contains(&value), "{value} instead of about {expected}");
}

#[test]
fn a_rate_is_changed_paused_and_resumed_while_the_run_goes_on() {
    let (shop, url) = shop();
    let live = Live::start(&url, &[&LONG[..], &["--controlled", "--rate", "20/s", "--vus", "50"]].concat());
    let mut watch = Watch::new(&live);
    assert_near(requests(&shop, &mut watch, 3), 20.0);

    let scaled = live.ctl(&["scale", "--rate", "200/s"]);
    assert!(scaled.expect_exit(0).stdout.contains("main: 50 virtual users, 200/s"), "{}", scaled.stdout);
    assert_near(requests(&shop, &mut watch, 3), 200.0);

    live.ctl(&["pause"]).expect_exit(0);
    watch.until("nothing is sent", |tick| tick["fired"] == 0 && tick["vus_busy"] == 0);
    let before = shop.counts().requests;
    (0..2).for_each(|_| drop(watch.tick()));
    assert_eq!(shop.counts().requests, before, "a paused run sends nothing");
    assert!(live.ctl(&["status"]).stdout.contains("\n  paused, process "));

    live.ctl(&["resume"]).expect_exit(0);
    watch.until("load goes on", |tick| tick["fired"] != 0);
    assert_near(requests(&shop, &mut watch, 2), 200.0);

    live.ctl(&["scale", "--scenario", "main", "--rate", "1200/m"]).expect_exit(0);
    assert_near(requests(&shop, &mut watch, 3), 20.0);

    live.ctl(&["stop"]).expect_exit(0);
    let (finished, project) = live.finish();
    finished.expect_exit(130);
    assert!(finished.stderr.contains("\npaused\n") && finished.stderr.contains("\nresumed\n"));
    assert!(finished.stdout.contains("GET /products/1"), "the report is whole: {}", finished.stdout);
    let summary = project.summary("out");
    assert!(summary.run.interrupted);
    assert_eq!(summary.operations_done(), shop.counts().requests);
    assert_eq!(summary.operations_failed(), 0);
}

#[test]
fn users_are_added_and_taken_away_while_the_run_goes_on() {
    let (shop, url) = shop();
    let latency = Latency::Constant { ms: 50.0 };
    shop.set_faults(Faults { latency, ..Faults::default() }).unwrap();
    let live = Live::start(&url, &[&LONG[..], &["--controlled", "--vus", "2", "--max-vus", "20"]].concat());
    let mut watch = Watch::new(&live);
    // Between two iterations a user is busy with none for a moment.
    let busy = |tick: &Value| tick["vus_busy"].as_u64().unwrap();
    let mut rates = Vec::new();
    for vus in [2, 20, 5] {
        if vus != 2 {
            live.ctl(&["scale", "--vus", &vus.to_string()]).expect_exit(0);
        }
        watch.until("the users are busy", |tick| (vus - 1..=vus).contains(&busy(tick)));
        rates.push(requests(&shop, &mut watch, 3));
    }
    for (rate, share) in [(rates[1], 10.0), (rates[2], 2.5)] {
        assert_near(rate / rates[0], share);
    }
    live.ctl(&["stop", "--now"]).expect_exit(0);
    live.finish().0.expect_exit(130);
}

#[test]
fn the_end_of_the_load_is_told() {
    let (_shop, url) = shop();
    let live = Live::start(&url, &["--vus", "1", "--duration", "2s"]);
    let watched = live.ctl(&["watch"]);
    assert!(watched.expect_exit(0).stdout.ends_with("the load is over\n"), "{}", watched.stdout);
    let (finished, project) = live.finish();
    expect_done(&finished);
    for name in ["control.json", "control.sock", "control.token"] {
        assert!(!project.path().join("out").join(name).exists(), "{name} is left");
    }
    let over = project.run(&["ctl", "--run", "out", "status"]);
    assert_eq!(
        over.expect_exit(3).stderr,
        "error: the run in `out` has ended; `stresshost report out` shows it\n"
    );
}

#[test]
fn what_a_run_cannot_do_is_refused_with_words() {
    let (_shop, url) = shop();
    let live = Live::start(&url, &[&LONG[..], &["--controlled", "--vus", "1", "--max-vus", "3"]].concat());
    for (args, words) in [
        (&["scale", "--vus", "4"][..], "the most of `main` is 3"),
        (&["scale", "--rate", "5/s"], "`main`: it has no rate"),
        (
            &["scale", "--scenario", "mian", "--vus", "1"],
            "`mian` is not a scenario that can be scaled; those that can: `main`",
        ),
        (&["scale"], "--vus <N>|--rate <RATE>"),
        (&["scale", "--vus", "1", "--rate", "1/s"], "cannot be used with"),
        (&["scale", "--vus", "-1"], "-1"),
        (&["scale", "--rate", "fast"], "--rate: "),
        (&["sclae"], "sclae"),
    ] {
        let refused = live.ctl(args);
        assert!(refused.expect_exit(2).stderr.contains(words), "{args:?}: {}", refused.stderr);
    }
    live.ctl(&["stop", "--now"]).expect_exit(0);
    live.finish().0.expect_exit(130);

    let live = Live::start(&url, &[&LONG[..], &["--vus", "1"]].concat());
    let refused = live.ctl(&["scale", "--vus", "1"]);
    assert!(refused.expect_exit(2).stderr.contains("externally-controlled"), "{}", refused.stderr);
}

#[test]
fn runs_that_do_not_go_on_are_told_apart() {
    let (_shop, url) = shop();
    let mut live =
        Live::start_in(Project::default(), "stresshost-out/r1", &url, &[&LONG[..], &["--vus", "1"]].concat());
    // The newest below the default directory.
    let status = live.project.run(&["ctl", "status"]);
    assert!(status.expect_exit(0).stdout.contains("directory stresshost-out/r1"), "{}", status.stdout);
    live.kill();
    let dead = live.project.run(&["ctl", "status"]);
    let stderr = &dead.expect_exit(3).stderr;
    assert!(stderr.contains("the run in `stresshost-out/r1` is dead: its process (process "), "{stderr}");
    let dead = live.project.run(&["ctl", "--run", "stresshost-out/r1", "pause"]);
    assert!(dead.expect_exit(3).stderr.starts_with("error: the run in `stresshost-out/r1` is dead"));
    let none = live.project.run(&["ctl", "--run", "nowhere", "status"]);
    assert_eq!(none.expect_exit(3).stderr, "error: `nowhere` is no run directory: it has no run.json\n");
    let none = Project::default().run(&["ctl", "status"]);
    assert_eq!(
        none.expect_exit(3).stderr,
        "error: no run goes on below `stresshost-out`; name one with --run DIR\n"
    );
}

/// A line to the socket of the run, and everything that comes back.
fn raw(project: &Project, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(project.path().join("out/control.sock")).unwrap();
    let mut writer = stream.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // It may hang up before it has everything.
            drop(writer.write_all(bytes));
            drop(writer.shutdown(std::net::Shutdown::Write));
        });
        let mut answer = Vec::new();
        // What it had to say comes before the reset.
        drop(stream.read_to_end(&mut answer));
        String::from_utf8(answer).unwrap()
    })
}

#[test]
fn hostile_clients_get_an_error_and_the_run_goes_on() {
    let (_shop, url) = shop();
    let live = Live::start(&url, &["--vus", "1", "--duration", "4s"]);
    let socket = live.project.path().join("out/control.sock");
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let huge = vec![b'x'; 4 << 20];
    let zeros = vec![0; 100_000];
    for (bytes, words) in [
        (&b"status\n"[..], "a JSON object"),
        (b"{\"command\":\"reboot\"}\n", "unknown variant"),
        (b"\xff\xfe\n", "UTF-8"),
        (b"GET / HTTP/1.1\r\n\r\n", "a JSON object"),
        (&huge, "at most 4096 bytes"),
        (&zeros, "at most 4096 bytes"),
        (b"{\"command\":\"status\"", "cannot be read"),
    ] {
        let answer: Value = serde_json::from_str(&raw(&live.project, bytes)).unwrap();
        assert_eq!((&answer["ok"], &answer["kind"]), (&json!(false), &json!("request")));
        assert!(answer["error"].as_str().unwrap().contains(words), "{answer}");
    }
    // Many who say nothing, and watchers who read nothing.
    let mut idle: Vec<UnixStream> = (0..31).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    idle.iter_mut().for_each(|client| client.write_all(b"{\"command\":\"watch\"}\n").unwrap());
    let mut turned_away = false;
    for _ in 0..8 {
        let mut client = UnixStream::connect(&socket).unwrap();
        let mut answer = String::new();
        client.write_all(b"{\"command\":\"status\"}\n").ok();
        BufReader::new(&client).read_line(&mut answer).unwrap();
        turned_away |= answer.contains("\"kind\":\"busy\"");
        idle.push(client);
    }
    assert!(turned_away, "there is a limit");
    let (finished, project) = live.finish();
    expect_done(&finished);
    assert!(!project.summary("out").run.interrupted);
}

/// A request over HTTP: its status and body.
fn http(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[test]
fn http_is_for_those_with_the_token_on_this_machine() {
    let (_shop, url) = shop();
    let live = Live::start(&url, &[&LONG[..], &["--controlled", "--vus", "1", "--max-vus", "3"]].concat());
    let (address, token) = live.http();
    let file = live.project.path().join("out/control.token");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(file).unwrap().trim(), token);
    let bearer = format!("Bearer {token}");
    let good = [("host", address.as_str()), ("authorization", bearer.as_str())];
    let ask = |method, path, body| http(&address, method, path, &good, body);

    for headers in [
        &good[..1],
        &[good[0], ("authorization", "Bearer 00")],
        &[good[0], ("authorization", token.as_str())],
        &[good[0], ("authorization", "Bearer ")],
    ] {
        let (status, body) = http(&address, "POST", "/stop", headers, "");
        assert!(status == 401 && !body.contains(&token), "{status} {body}");
    }
    // A name that was rebound to this address.
    for host in ["evil.test", "evil.test:80", "127.0.0.1", "127.0.0.1:1"] {
        assert_eq!(http(&address, "POST", "/stop", &[("host", host), good[1]], "").0, 403, "{host}");
    }
    let localhost = format!("localhost:{}", address.rsplit(':').next().unwrap());
    assert_eq!(http(&address, "GET", "/status", &[("host", &localhost), good[1]], "").0, 200);

    for (method, path, body, status) in [
        ("GET", "/", "", 404),
        ("GET", "/stop", "", 405),
        ("POST", "/status", "", 405),
        ("POST", "/scale", "", 400),
        ("POST", "/scale", "{\"vus\":2,\"rate\":3}", 400),
        ("POST", "/scale", "not json", 400),
        ("POST", "/scale", "{\"vus\":4}", 409),
        ("POST", "/scale", "{\"vus\":2}", 200),
        ("POST", "/pause", "", 200),
    ] {
        let (is, answer) = ask(method, path, body);
        assert_eq!(is, status, "{method} {path} {body}: {answer}");
        assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["ok"], status == 200);
    }
    let huge = "x".repeat(5_000);
    assert_eq!(http(&address, "POST", "/scale", &good, &huge).0, 413);
    let (_, status) = ask("GET", "/status", "");
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        (&status["status"]["state"], &status["status"]["scalable"][0]["vus"]),
        (&json!("paused"), &json!(2))
    );
    assert_eq!(ask("POST", "/resume", "").0, 200);

    let events = std::thread::scope(|scope| {
        let events = scope.spawn(|| {
            let headers = [good[0], good[1], ("accept", "text/event-stream")];
            http(&address, "GET", "/watch", &headers, "")
        });
        let mut watch = Watch::new(&live);
        (0..2).for_each(|_| drop(watch.tick()));
        assert_eq!(ask("POST", "/stop", "{\"now\":true}").0, 200);
        events.join().unwrap()
    });
    assert_eq!(events.0, 200);
    let ticks = events.1.matches("data: {\"snapshot\":").count();
    assert!(ticks >= 1 && events.1.contains("data: {\"end\":true}\n\n"), "{}", events.1);
    live.finish().0.expect_exit(130);
}

#[test]
fn control_is_not_offered_to_other_machines() {
    let (_shop, url) = shop();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (address, words) in [
        ("0.0.0.0:7", "not a loopback address"),
        ("8080", "is no address"),
        (taken.as_str(), "cannot listen on"),
    ] {
        let project = Project::default();
        let refused = project.run(&["run", "--plugin", "devstress", &url, "--control", address]);
        assert!(refused.expect_exit(2).stderr.contains(words), "{address}: {}", refused.stderr);
        assert!(!project.path().join("stresshost-out").exists(), "a refused run leaves nothing behind");
    }
}

#[test]
fn a_directory_with_a_long_path_has_its_socket_elsewhere() {
    let (_shop, url) = shop();
    let project = Project::default();
    let deep = format!("{}/{}", "a".repeat(90), "b".repeat(90));
    let live = Live::start_in(project, &deep, &url, &[&LONG[..], &["--vus", "1"]].concat());
    let record = std::fs::read_to_string(live.project.path().join(&deep).join("control.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    let socket = std::path::PathBuf::from(record["socket"].as_str().unwrap());
    let directory = socket.parent().unwrap().to_owned();
    assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    live.project.run(&["ctl", "--run", &deep, "stop", "--now"]).expect_exit(0);
    let (finished, _project) = live.finish();
    finished.expect_exit(130);
    assert!(!directory.exists());
}
