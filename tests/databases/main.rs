//! Databases under load, by the real command, against servers private to this process.
//!
//! | module | what |
//! |---|---|
//! | `counts` | what reports count against what the database holds |
//! | `mongo` | the plugin that loads databases, on a server that speaks MongoDB's protocol |
//! | `secrets` | passwords of databases are shown nowhere |

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod counts;
mod mongo;
mod secrets;

use stresshost_metrics::{OperationSummary, Summary};
use stresshost_tests::{Finished, Project, guest};

/// Runs a guest into the directory `out`.
fn run(project: &Project, name: &str, args: &[&str]) -> Finished {
    let component = guest(name);
    let fixed = ["run", "--plugin", component.to_str().unwrap(), "--out", "out", "--no-progress"];
    project.run(&[&fixed[..], args].concat())
}

fn operation<'a>(summary: &'a Summary, name: &str) -> &'a OperationSummary {
    let found = summary.operations.iter().find(|operation| operation.name == name);
    found.unwrap_or_else(|| panic!("no operation `{name}`: {:?}", summary.operations))
}
