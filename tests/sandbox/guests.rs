//! One test per guest, of the guest's name: exit code, what the user sees, what the run directory says.
//!
//! | module | guests |
//! |---|---|
//! | `contract` | well-behaved ones |
//! | `broken` | those that break, or never return |
//! | `floods` | those that want too much of something |
//! | `handles` | those that make handles up, or pile them up |
//! | `documents` | those whose descriptor, plan or analysis is not what it should be |
//! | `mongo` | those that speak with a MongoDB, or would like to |
//! | `network` | those that reach for what nobody granted, or send what nobody should receive |
//! | `redis` | those that speak with a Redis, or would like to |
//! | `sql` | those that use databases, or reach for some |
//! | `tcp` | those that speak a protocol of their own, or would like to |
//! | `texts` | those that write what a terminal or a page would obey |

mod broken;
mod contract;
mod documents;
mod floods;
mod handles;
mod mongo;
mod network;
mod redis;
mod sql;
mod tcp;
mod texts;

use std::net::TcpListener;
use std::path::Path;

use stresshost_metrics::{IterationsSummary, MetricValueSummary, Summary, VerdictStatus};
use stresshost_shop::{Shop, ShopConfig};
use stresshost_tests::{Finished, Project, guest};

use crate::beside::{self, UNBROKEN, beside};
pub(crate) use broken::*;
pub(crate) use contract::*;
pub(crate) use documents::*;
pub(crate) use floods::*;
pub(crate) use handles::*;
pub(crate) use mongo::*;
pub(crate) use network::*;
pub(crate) use redis::*;
pub(crate) use sql::*;
pub(crate) use tcp::*;
pub(crate) use texts::*;

pub(crate) use crate::secrets::leak_secret;
pub(crate) use crate::wasi::wasi_client;

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

/// How often a plugin reached a limit.
fn reached(summary: &Summary, limit: &str) -> u64 {
    summary.limits.iter().filter(|reached| reached.limit == limit).map(|reached| reached.count).sum()
}
