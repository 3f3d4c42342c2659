//! What a person or a script meets: exit code, standard output, standard error and files of the real command.
//!
//! | module | what is typed |
//! |---|---|
//! | `help` | nothing, `--help`, `completions` |
//! | `arguments` | flags and values, wrong ones first |
//! | `config` | config files, `--set`, `${VARIABLES}`, `plan` |
//! | `target` | servers that are not there, or answer badly |
//! | `output` | where results go, and when they cannot |
//! | `streams` | quiet, colour, logs, closed pipes |
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
mod config;
mod help;
mod output;
mod plugins;
mod shown;
mod streams;
mod target;
