//! `--stream`: what receivers get while a run goes on, and what becomes of a run whose receivers are bad.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use stresshost_clock::{Clock, NS_PER_S};
use stresshost_metrics::Summary;
use stresshost_tests::{Finished, Project};

use crate::shown::{expect_done, shop};

/// A load of 120 iterations in 3 seconds.
const LOAD: [&str; 7] = ["--rate", "40/s", "--vus", "10", "--duration", "3s", "--no-progress"];

fn run(project: &Project, url: &str, args: &[&str]) -> Finished {
    let fixed = ["run", "--plugin", "devstress", url, "--out", "out"];
    project.run(&[&fixed, &LOAD[..], args].concat())
}

fn read(project: &Project, name: &str) -> String {
    std::fs::read_to_string(project.path().join(name)).unwrap()
}

/// A request a receiver got.
#[derive(Clone, Debug)]
struct Got {
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Answers every request with the same status, and keeps what it was sent.
struct Receiver {
    addr: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    /// One that answers with each of these, then 200 for ever.
    fn answering(first: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&got);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(&stream.unwrap(), first, &kept));
            }
        });
        Self { addr, got }
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, first: &[&str], kept: &Mutex<Vec<Got>>) {
    let mut reader = BufReader::new(stream);
    while let Some(got) = request(&mut reader) {
        let answered = {
            let mut kept = kept.lock().unwrap();
            kept.push(got);
            kept.len() - 1
        };
        let status = first.get(answered).unwrap_or(&"200 OK");
        let mut writer = stream;
        let body = if status.starts_with('4') { "you may\x1b[31m not" } else { "" };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        writer.write_all(answer.as_bytes()).unwrap();
    }
}

fn request(reader: &mut BufReader<&TcpStream>) -> Option<Got> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some(Got { path, headers, body })
}

#[test]
fn json_lines_are_the_snapshots_with_run_and_time() {
    let (_shop, url) = shop();
    let project = Project::default();
    expect_done(&run(&project, &url, &["--stream", "jsonl:new/live.jsonl"]));
    let lines =
        |text: &str| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let mut live = lines(&read(&project, "new/live.jsonl"));
    let summary = project.summary("out");
    for line in &mut live {
        let line = line.as_object_mut().unwrap();
        assert_eq!(line.remove("run").unwrap(), summary.run.id);
        assert!(line.remove("time_unix_ms").unwrap().as_u64().unwrap() > 1_600_000_000_000);
    }
    assert_eq!(live, lines(&read(&project, "out/snapshots.jsonl")));
}

#[test]
fn csv_has_the_same_columns_in_every_row_and_ends_with_the_totals() {
    let (_shop, url) = shop();
    let project = Project::default();
    expect_done(&run(&project, &url, &["--stream", "csv:live.csv"]));
    let text = read(&project, "live.csv");
    let mut rows = text.split_terminator("\r\n").map(|row| row.split(',').collect::<Vec<_>>());
    let header = rows.next().unwrap();
    let column = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let (metric, value) = (column("metric"), column("value"));
    let mut last = BTreeMap::new();
    for row in rows {
        assert_eq!(row.len(), header.len(), "{row:?}");
        last.insert(row[metric].to_owned(), row[value].parse::<f64>().unwrap());
    }
    let summary = project.summary("out");
    assert_eq!(last["done"], summary.operations_done() as f64);
    assert_eq!(last["iterations_due"], 120.0);
}

#[test]
fn standard_output_is_the_streams_alone() {
    let (_shop, url) = shop();
    let project = Project::default();
    let finished = run(&project, &url, &["--stream", "jsonl:-"]);
    assert!(expect_done(&finished).stderr.contains("GET /products/1"), "{}", finished.stderr);
    let ticks: Vec<Value> = finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ticks.len(), read(&project, "out/snapshots.jsonl").lines().count());
    let refused = run(&Project::default(), &url, &["--stream", "jsonl:-", "--json"]);
    assert!(refused.expect_exit(2).stderr.contains("want standard output"), "{}", refused.stderr);
}

#[test]
fn nobody_reads_standard_output_and_the_run_goes_on() {
    let (_shop, url) = shop();
    let project = Project::default();
    let mut command = project.stresshost();
    // Each snapshot goes out as 11 columns of text; the pipe, made small, is full after a few.
    command.args(["run", "--plugin", "devstress", &url, "--out", "out", "--stream", "csv:-"]).args(LOAD);
    let (reader, writer) = std::io::pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
    let clock = Clock::start();
    let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert!(clock.now_ns() < 15 * NS_PER_S);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(matches!(output.status.code(), Some(0 | 12)), "{stderr}");
    assert!(
        stderr.contains("stream csv:-: ") && stderr.contains("snapshots lost: it takes too long"),
        "{stderr}"
    );
    assert_eq!(project.summary("out").scenarios[0].iterations.finished, 120);
    drop(reader);
}

/// Samples of a page by name and labels.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("`{line}`"));
        let name = series.split('{').next().unwrap();
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        assert!(name.chars().all(plain) && (series.ends_with('}') || series == name), "`{line}`");
        assert_eq!(
            samples.insert(series.to_owned(), value.parse().unwrap()),
            None,
            "{series} is there twice"
        );
    }
    samples
}

/// What the series of a counter add up to.
fn sum(samples: &BTreeMap<String, f64>, name: &str) -> f64 {
    let own = samples.iter().filter(|(series, _)| series.split('{').next() == Some(name));
    own.map(|(_, value)| value).sum()
}

fn assert_totals(samples: &BTreeMap<String, f64>, summary: &Summary) {
    assert_eq!(sum(samples, "stresshost_operations_total"), summary.operations_done() as f64);
    assert_eq!(sum(samples, "stresshost_operation_errors_total"), summary.operations_failed() as f64);
    let received: u64 = summary.operations.iter().map(|operation| operation.bytes.received).sum();
    assert_eq!(sum(samples, "stresshost_received_bytes_total"), received as f64);
}

#[test]
fn a_page_can_be_scraped_until_the_totals() {
    let (_shop, url) = shop();
    let project = Project::default();
    let mut command = project.stresshost();
    command.args([
        "run",
        "--plugin",
        "devstress",
        &url,
        "--out",
        "out",
        "--stream",
        "prometheus:127.0.0.1:0",
    ]);
    let mut child = command.args(LOAD).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("/metrics\n") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    let address =
        said.rsplit_once("http://").unwrap().1.trim_end().strip_suffix("/metrics").unwrap().to_owned();
    let mut pages = Vec::new();
    // A scraper comes at intervals; this one comes often, so that it sees every page.
    while let Some(page) = scrape(&address) {
        pages.push(page);
        std::thread::sleep(Duration::from_millis(50));
    }
    stderr.read_to_string(&mut said).unwrap();
    assert!(matches!(child.wait().unwrap().code(), Some(0 | 12)), "{said}");
    assert!(!said.contains("warning"), "{said}");
    let summary = project.summary("out");
    let mut done = 0.0;
    for page in &pages {
        let now = sum(&samples(page), "stresshost_operations_total");
        assert!(now >= done, "counters do not fall");
        done = now;
    }
    assert_totals(&samples(pages.last().unwrap()), &summary);
}

/// The page, or none when nobody serves it any more.
fn scrape(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, page) = answer.split_once("\r\n\r\n")?;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
    Some(page.to_owned())
}

#[test]
fn remote_write_ends_with_the_totals() {
    let (_shop, url) = shop();
    let (project, receiver) = (Project::default(), Receiver::answering(&[]));
    let stream = format!("prometheus-rw:http://{}/api/v1/write?k=v", receiver.addr);
    let header = "authorization: Bearer hunter2";
    let finished = run(&project, &url, &["--stream", &stream, "--stream-header", header]);
    assert!(!expect_done(&finished).stderr.contains("warning"), "{}", finished.stderr);
    let got = receiver.got();
    let mut written = BTreeMap::new();
    let mut times = BTreeMap::new();
    for request in &got {
        assert_eq!(request.path, "/api/v1/write?k=v");
        for (name, value) in [
            ("content-encoding", "snappy"),
            ("content-type", "application/x-protobuf"),
            ("x-prometheus-remote-write-version", "0.1.0"),
            ("authorization", "Bearer hunter2"),
        ] {
            assert_eq!(request.headers[name], value);
        }
        let body = snap::raw::Decoder::new().decompress_vec(&request.body).unwrap();
        for (series, value, unix_ms) in protobuf::series(&body) {
            let before = times.insert(series.clone(), unix_ms);
            assert!(before.is_none_or(|before| before < unix_ms), "{series} goes back in time");
            if !value.is_nan() {
                written.insert(series, value);
            }
        }
    }
    // One a second, and the end of every series.
    assert_eq!(got.len(), read(&project, "out/snapshots.jsonl").lines().count() + 1);
    let summary = project.summary("out");
    assert!(written.keys().all(|series| series.contains(&format!("run=\"{}\"", summary.run.id))));
    assert_totals(&written, &summary);
    // The header is a secret.
    for text in [&finished.stderr, &finished.stdout, &read(&project, "out/run.json")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

/// As much of protocol buffers as a `prometheus.WriteRequest` needs.
mod protobuf {
    /// A field's number and what is in it.
    enum Field<'a> {
        Varint(u64),
        Fixed64(u64),
        Bytes(&'a [u8]),
    }

    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
        }
        panic!("a varint has no end");
    }

    fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let field = match key & 7 {
                0 => Field::Varint(varint(&mut bytes)),
                1 => {
                    let (value, rest) = bytes.split_first_chunk::<8>().unwrap();
                    bytes = rest;
                    Field::Fixed64(u64::from_le_bytes(*value))
                }
                2 => {
                    let length = usize::try_from(varint(&mut bytes)).unwrap();
                    let (value, rest) = bytes.split_at(length);
                    bytes = rest;
                    Field::Bytes(value)
                }
                wire => panic!("wire type {wire}"),
            };
            fields.push((key >> 3, field));
        }
        fields
    }

    fn text(field: &Field<'_>) -> String {
        match field {
            Field::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            _ => panic!("no text"),
        }
    }

    /// Every sample: `name{labels}`, value and time.
    pub(super) fn series(request: &[u8]) -> Vec<(String, f64, u64)> {
        let mut all = Vec::new();
        for (number, series) in fields(request) {
            let (1, Field::Bytes(series)) = (number, series) else { panic!("field {number}") };
            let (mut name, mut labels, mut sample) = (String::new(), Vec::new(), (f64::NAN, 0));
            for (number, field) in fields(series) {
                let Field::Bytes(inner) = field else { panic!("field {number}") };
                for (part, value) in pairs(number, inner) {
                    match (number, part.as_str()) {
                        (1, "__name__") => name = text(&value),
                        (1, label) => labels.push(format!("{label}=\"{}\"", text(&value))),
                        (_, "value") => {
                            let Field::Fixed64(bits) = value else { panic!("no double") };
                            sample.0 = f64::from_bits(bits);
                        }
                        _ => {
                            let Field::Varint(time) = value else { panic!("no time") };
                            sample.1 = time;
                        }
                    }
                }
            }
            assert!(labels.is_sorted(), "{labels:?}");
            all.push((format!("{name}{{{}}}", labels.join(",")), sample.0, sample.1));
        }
        all
    }

    /// A label as its name and value, or the fields of a sample by name.
    fn pairs(number: u64, inner: &[u8]) -> Vec<(String, Field<'_>)> {
        let mut parts = fields(inner);
        if number == 1 {
            let value = parts.pop().unwrap().1;
            return vec![(text(&parts.pop().unwrap().1), value)];
        }
        let name = |number: u64| if number == 1 { "value" } else { "time" }.to_owned();
        parts.into_iter().map(|(number, field)| (name(number), field)).collect()
    }
}

#[test]
fn otlp_ends_with_the_totals_and_is_sent_again_when_the_receiver_was_busy() {
    let (_shop, url) = shop();
    let (project, receiver) = (Project::default(), Receiver::answering(&["503 Service Unavailable"]));
    let stream = format!("otlp:http://{}", receiver.addr);
    let finished = run(&project, &url, &["--stream", &stream]);
    assert!(!expect_done(&finished).stderr.contains("warning"), "{}", finished.stderr);
    let got = receiver.got();
    assert_eq!(got[0].body, got[1].body, "the first was sent again");
    assert_eq!(got.len(), read(&project, "out/snapshots.jsonl").lines().count() + 1);
    assert!(
        got.iter().all(|got| got.path == "/v1/metrics" && got.headers["content-type"] == "application/json")
    );
    let last: Value = serde_json::from_slice(&got.last().unwrap().body).unwrap();
    let metrics = last["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let total = |name: &str| -> f64 {
        let metric = metrics.iter().find(|metric| metric["name"] == name);
        let points = metric.map(|metric| metric["sum"]["dataPoints"].as_array().unwrap().as_slice());
        points.unwrap_or_default().iter().map(|point| point["asDouble"].as_f64().unwrap()).sum()
    };
    let summary = project.summary("out");
    assert_eq!(total("stresshost.operations"), summary.operations_done() as f64);
    assert_eq!(total("stresshost.operation.errors"), summary.operations_failed() as f64);
    let received: u64 = summary.operations.iter().map(|operation| operation.bytes.received).sum();
    assert_eq!(total("stresshost.received"), received as f64);
}

#[test]
fn bad_receivers_do_not_hold_up_the_run_and_their_losses_are_counted() {
    let (_shop, url) = shop();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refusing = Receiver::answering(&["401 Unauthorized"; 100]);
    let streams = [
        format!("otlp:http://{}", silent.local_addr().unwrap()),
        format!("prometheus-rw:http://{closed}/write?token=hunter2"),
        format!("otlp:http://{}/x", refusing.addr),
        "jsonl:/dev/full".to_owned(),
    ];
    let args: Vec<&str> = streams.iter().flat_map(|stream| ["--stream", stream.as_str()]).collect();
    let project = Project::default();
    let clock = Clock::start();
    let finished = run(&project, &url, &args);
    let took_s = clock.now_ns() as f64 / NS_PER_S as f64;
    // Three seconds of load, and at most as many for what is on its way.
    assert!(took_s < 12.0, "{took_s} s");
    let stderr = &expect_done(&finished).stderr;
    let summary = project.summary("out");
    assert_eq!((summary.scenarios[0].iterations.finished, summary.scenarios[0].iterations.dropped), (120, 0));
    let snapshots = read(&project, "out/snapshots.jsonl").lines().count();
    for (label, why) in [
        (format!("otlp:http://{}/v1/metrics", silent.local_addr().unwrap()), "no answer in time"),
        (format!("prometheus-rw:http://{closed}/write"), "connection refused"),
        (format!("otlp:http://{}/x/v1/metrics", refusing.addr), "401 Unauthorized: you may [31m not"),
        ("jsonl:/dev/full".to_owned(), "No space left on device"),
    ] {
        let line = format!("warning: stream {label}: {snapshots} of {snapshots} snapshots lost: {why}");
        assert!(stderr.contains(&line), "{line}\n--- is not in\n{stderr}");
    }
    assert!(!stderr.contains("hunter2"), "{stderr}");
    assert_eq!(refusing.got().len(), snapshots, "what was refused is not sent again");
}

#[test]
fn streams_that_cannot_be_are_refused_before_the_run() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!("prometheus:{}", taken.local_addr().unwrap());
    for (args, words) in [
        (&["--stream", "kafka:broker"][..], "`kafka:broker` is no stream; write jsonl:FILE"),
        (&["--stream", "jsonl:/proc/none/x"], "--stream jsonl:/proc/none/x: cannot write the file"),
        (&["--stream", "csv:."], "is a directory"),
        (&["--stream", &taken], "cannot listen there"),
        (&["--stream", "csv:a", "--stream", "jsonl:a"], "another stream writes there already"),
        (&["--stream", "csv:a", "--stream-header", "a: b"], "no stream sends requests"),
        (&["--stream", "otlp:http://h", "--stream-header", "hunter2"], "has no colon"),
        (&["--stream-header", "a: b"], "--stream"),
    ] {
        let project = Project::default();
        let refused = run(&project, "http://127.0.0.1:9/", args);
        assert!(refused.expect_exit(2).stderr.contains(words), "{args:?}: {}", refused.stderr);
        assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
        assert!(!project.path().join("out").exists(), "{args:?}");
    }
}
