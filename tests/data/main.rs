//! DataStress on real servers: what its report says, held against what the servers and the data say.
//!
//! | module | what |
//! |---|---|
//! | `inside` | what a server tells of itself: time in each statement, replication |
//! | `lines` | the command lines people write, on each engine |
//! | `seed` | a config of scenarios and its command, as written |
//! | `truths` | faults that were put there, each counted exactly |
//! | `wrong` | inputs and servers that are wrong |

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod inside;
mod lines;
mod seed;
mod truths;
mod wrong;

use serde_json::Value;
use stresshost_metrics::{OperationSummary, Summary};
use stresshost_tests::{Finished, Project, plugin};

/// Runs `datastress` into the directory `out`.
fn run(project: &Project, args: &[&str]) -> Finished {
    let component = plugin("datastress");
    let fixed =
        ["run", "--plugin", component.to_str().unwrap(), "--out", "out", "--no-progress", "--seed", "1"];
    project.run(&[&fixed[..], args].concat())
}

/// Runs it with a config.
fn run_config(project: &Project, config: &str, args: &[&str]) -> Finished {
    project.write("test.yaml", config);
    run(project, &[&["--config", "test.yaml"], args].concat())
}

/// A section of the analysis: each row as one line.
fn section(project: &Project, title: &str) -> Vec<String> {
    let path = project.path().join("out/analysis.json");
    let analysis: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let sections = analysis["sections"].as_array().unwrap();
    let found = sections.iter().find(|section| section["title"] == title);
    let found = found.unwrap_or_else(|| panic!("no section `{title}` in {sections:#?}"));
    let row = |row: &Value| -> String {
        let cells = row.as_array().unwrap().iter().map(|cell| cell.as_str().unwrap());
        cells.collect::<Vec<_>>().join(" | ")
    };
    found["table"].as_array().unwrap().iter().map(row).collect()
}

/// The row of a section that begins with a text.
fn row(project: &Project, title: &str, begins: &str) -> String {
    let rows = section(project, title);
    let found = rows.iter().find(|row| row.starts_with(begins));
    found.unwrap_or_else(|| panic!("no row `{begins}` in {rows:#?}")).clone()
}

fn operation<'a>(summary: &'a Summary, scenario: &str, name: &str) -> &'a OperationSummary {
    let found = summary.operations.iter().find(|one| one.scenario == scenario && one.name == name);
    found.unwrap_or_else(|| {
        let there = summary.operations.iter().map(|one| format!("{}: {}", one.scenario, one.name));
        panic!("no operation `{name}` of `{scenario}` in {:?}", there.collect::<Vec<_>>())
    })
}

fn finished(summary: &Summary, scenario: &str) -> u64 {
    summary
        .scenarios
        .iter()
        .filter(|one| one.name.starts_with(scenario))
        .map(|one| one.iterations.finished)
        .sum()
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}
