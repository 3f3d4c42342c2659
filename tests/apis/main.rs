//! APIStress on real servers: what it sends, what it finds, and what it makes of documents that are wrong.
//!
//! | module | what |
//! |---|---|
//! | `conforming` | a server that keeps to its document |
//! | `deviating` | servers that do not |
//! | `documents` | documents and flags that are wrong |
//! | `public` | large documents of real APIs |
//! | `seed` | a config of services and its command, as written |
//! | `twins` | a shop with weaknesses and one without |

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod conforming;
mod deviating;
mod documents;
mod public;
mod seed;
mod twins;

use stresshost_tests::{Finished, Project, plugin};

/// Runs `apistress` into the directory `out`.
fn run(project: &Project, args: &[&str]) -> Finished {
    let component = plugin("apistress");
    let fixed =
        ["run", "--plugin", component.to_str().unwrap(), "--out", "out", "--no-progress", "--seed", "1"];
    project.run(&[&fixed[..], args].concat())
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}
