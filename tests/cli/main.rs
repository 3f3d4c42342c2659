//! What a person or a script meets: exit code, standard output, standard error and files of the real command.
//!
//! | module | what is typed |
//! |---|---|
//! | `help` | nothing, `--help`, `completions` |
//! | `arguments` | flags and values, wrong ones first |
//! | `config` | config files, `--set`, `${VARIABLES}`, `plan` |
//! | `target` | servers that are not there, or answer badly |
//! | `output` | where results go, and when they cannot |
//! | `durable` | killing the host; what is left is shown |
//! | `audit` | `report --audit` |
//! | `compare` | `compare`, as a table and as a gate |
//! | `phases` | plans with phases, several plugins in one |
//! | `find_max` | the search for the highest rate |
//! | `ctl` | `ctl`, and HTTP beside it: a run is watched and steered |
//! | `live_streams` | `--stream`: good and bad receivers |
//! | `streams` | quiet, colour, logs, closed pipes |
//! | `replay` | `replay`: a recorded run again |
//! | `plugins` | names, links, `plugin list`, `plugin inspect` |

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

/// Compares what a command has shown with an inline snapshot, without what differs between runs and machines.
macro_rules! assert_shown {
    ($finished:expr, @$snapshot:literal) => {
        insta::with_settings!({ filters => crate::shown::FILTERS }, {
            insta::assert_snapshot!(crate::shown::shown(&$finished), @$snapshot)
        })
    };
}

mod arguments;
mod audit;
mod compare;
mod config;
mod ctl;
mod durable;
mod find_max;
mod help;
mod live_streams;
mod output;
mod phases;
mod plugins;
mod replay;
mod shown;
mod streams;
mod target;
