//! What a plugin's author meets: from an empty directory to a run by name, in every language, without the
//! source tree.
//!
//! | module | what |
//! |---|---|
//! | `author` | `new`, `plugin build`, `plugin check`, `plugin test`, `run`, `plugin publish`, a run by name, and what goes wrong |
//! | `agreement` | the same scenario in every language does the same |
//! | `databases` | `sql` and `redis` in Python and JavaScript, against servers |
//! | `dev` | a changed file is built and tested |
//! | `tutorial` | the commands of `sdk/README.md`, as printed |
//! | `stdlib` | `http.client` and `urllib` of Python |
//! | `trace` | `--trace-calls`, and the words of an exception |

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod agreement;
mod author;
mod databases;
mod dev;
mod project;
mod stdlib;
mod trace;
mod tutorial;
