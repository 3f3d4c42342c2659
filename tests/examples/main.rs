//! Every folder of `examples/` that has a `run.yaml` is run as its README says, against a shop of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::{Path, PathBuf};

use stresshost_shop::{Shop, ShopConfig};
use stresshost_tests::{Finished, Project, expect_pass, plugin};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").canonicalize().unwrap()
}

/// Runs an example and asserts what holds of all of them.
fn run(name: &str) -> (Finished, stresshost_metrics::Summary) {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let project = Project::default();
    let folder = examples().join(name);
    let (component, config) = (plugin("devstress"), folder.join("run.yaml"));
    let mut command = project.stresshost();
    command.env("SHOP_URL", format!("http://{}", shop.addr())).args(["run", "--no-progress", "--out", "out"]);
    command.arg("--plugin").arg(component).arg("--config").arg(&config);
    let finished = Finished::of(command.output().unwrap());
    let summary = project.summary("out");
    expect_pass(&finished, &summary);
    assert!(summary.operations_done() > 0, "{name} did nothing");
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    assert!(readme.contains(&format!("examples/{name}/run.yaml")), "the README of {name} has its command");
    (finished, summary)
}

macro_rules! examples {
    ($($test:ident = $name:literal)*) => {
        const NAMES: &[&str] = &[$($name),*];
        $(#[test] fn $test() { run($name); })*
    };
}

examples! {
    constant_users = "constant-users"
    ramping_users = "ramping-users"
    shared_iterations = "shared-iterations"
    iterations_per_user = "iterations-per-user"
    constant_rate = "constant-rate"
    ramping_rate = "ramping-rate"
    poisson_arrivals = "poisson-arrivals"
    live_control = "live-control"
    weighted_mix = "weighted-mix"
    rate_limit = "rate-limit"
    thresholds = "thresholds"
}

#[test]
fn phases() {
    let (finished, summary) = run("phases");
    let names: Vec<&str> = summary.phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for name in names {
        assert!(finished.stdout.contains(name), "{}", finished.stdout);
    }
    assert!(summary.phases.iter().all(|phase| !phase.criteria.is_empty() || phase.name == "peak"));
}

#[test]
fn every_example_is_run() {
    let mut found: Vec<String> = std::fs::read_dir(examples())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("run.yaml").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    let mut tested: Vec<String> = NAMES.iter().map(|&name| name.to_owned()).collect();
    tested.push("phases".to_owned());
    tested.sort();
    assert_eq!(found, tested);
}
