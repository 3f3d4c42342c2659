//! `report --audit`: every number computed again, and every one that is not true named.

use std::fs;

use serde_json::Value;
use stresshost_shop::{Faults, Shop, ShopConfig, ShopThread};
use stresshost_tests::Project;

/// Numbers changed one after the other: spread over the whole document, each at the price of one command.
const TAMPERED: usize = 40;

/// Two operations, one of which fails now and then.
const CONFIG: &str = "
scenarios:
  - name: visitors
    journeys:
      - name: browse
        requests:
          - { name: search, get: /products?search=oak, check: { status: 200 } }
          - { name: detail, get: /products/1, check: { status: 200 } }
";

/// A run with a warm-up, failures, checks and a threshold, in `out`.
fn run() -> (ShopThread, Project) {
    let faults = Faults { error_rate: 0.1, ..Faults::default() };
    let shop = Shop::start_in_thread(ShopConfig { faults, ..ShopConfig::default() }).unwrap();
    let project = Project::default();
    project.write("journeys.yaml", CONFIG);
    let url = format!("http://{}", shop.addr());
    let load = ["--vus", "4", "--duration", "3s", "--warmup", "1s", "--graceful-stop", "1s", "--no-progress"];
    let judged =
        ["--scenarios", "journeys.yaml", "--threshold", "http.response_us.p95 < 10s", "--out", "out"];
    let finished = project.run(&[&["run", "--plugin", "devstress", &url], &load[..], &judged[..]].concat());
    assert!(matches!(finished.exit, Some(0 | 10)), "{finished:?}");
    (shop, project)
}

fn audit(project: &Project, exit: i32) -> Value {
    let finished = project.run(&["report", "out", "--audit", "--json"]);
    serde_json::from_str(&finished.expect_exit(exit).stdout).unwrap()
}

/// Every number below `value`: its JSON pointer, and its path as audits write it.
fn numbers(value: &Value, pointer: &str, path: &str, found: &mut Vec<(String, String)>) {
    let below = |pointer: &str, key: &str| format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Number(_) => found.push((pointer.to_owned(), path.trim_start_matches('/').to_owned())),
        Value::Object(fields) => {
            for (key, value) in fields {
                numbers(value, &below(pointer, key), &format!("{path}/{key}"), found);
            }
        }
        Value::Array(entries) => {
            for (index, value) in entries.iter().enumerate() {
                let name = value.get("name").and_then(Value::as_str);
                let label = name.map_or_else(|| index.to_string(), |name| format!("{index} ({name})"));
                numbers(value, &format!("{pointer}/{index}"), &format!("{path}/{label}"), found);
            }
        }
        _ => {}
    }
}

/// Another number of the same kind.
fn other(number: &Value) -> Value {
    match number.as_u64() {
        Some(number) => Value::from(number + 1),
        None => Value::from(number.as_f64().unwrap() * 1.01 + 0.01),
    }
}

#[test]
fn what_a_run_has_written_holds_and_nothing_else_does() {
    let (_shop, project) = run();
    let holds = project.run(&["report", "out", "--audit"]);
    holds.expect_exit(0);
    assert!(holds.stdout.starts_with("HOLDS") && holds.stderr.is_empty(), "{holds:?}");
    let sound = audit(&project, 0);
    assert!(sound["compared"].as_u64().unwrap() > 200, "{sound}");
    let left_out: Vec<&str> =
        sound["left_out"].as_array().unwrap().iter().map(|part| part["what"].as_str().unwrap()).collect();

    let path = project.path().join("out/summary.json");
    let summary: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let mut all = Vec::new();
    numbers(&summary, "", "", &mut all);
    let is_left_out =
        |path: &str| left_out.iter().any(|part| path.starts_with(&format!("{part}/")) || path == *part);
    all.retain(|(_, path)| !is_left_out(path));
    assert!(all.len() > 200, "{all:?}");
    let mut missed = Vec::new();
    for (pointer, path_of_audit) in all.iter().step_by(all.len().div_ceil(TAMPERED)) {
        let mut tampered = summary.clone();
        let number = tampered.pointer_mut(pointer).unwrap();
        *number = other(number);
        fs::write(&path, tampered.to_string()).unwrap();
        let audit = audit(&project, 15);
        let named = |check: &&Value| check["ok"] == false && check["what"] == path_of_audit.as_str();
        if audit["checks"].as_array().unwrap().iter().find(named).is_none() {
            missed.push(path_of_audit);
        }
    }
    assert!(missed.is_empty(), "not named: {missed:?}");

    let mut tampered = summary.clone();
    tampered["verdict"]["status"] = Value::from("invalid");
    fs::write(&path, tampered.to_string()).unwrap();
    let text = project.run(&["report", "out", "--audit"]);
    text.expect_exit(15);
    assert!(
        text.stdout.starts_with("DOES NOT HOLD") && text.stdout.contains("verdict/status"),
        "{}",
        text.stdout
    );
}

#[test]
fn a_summary_without_its_record_cannot_be_audited() {
    let project = Project::default();
    let (_shop, whole) = run();
    fs::create_dir(project.path().join("out")).unwrap();
    fs::copy(whole.path().join("out/summary.json"), project.path().join("out/summary.json")).unwrap();
    project.run(&["report", "out"]).expect_exit(0);
    assert_shown!(project.run(&["report", "out", "--audit"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: `out/run.json` is missing: nothing can be rebuilt without it
    "#);
}

#[test]
fn json_without_an_audit_is_refused() {
    assert_shown!(Project::default().run(&["report", "out", "--json"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: the following required arguments were not provided:
      --audit

    Usage: stresshost report --audit --json <DIR>

    For more information, try '--help'.
    "#);
}
