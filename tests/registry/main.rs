//! Plugins of registries: what may run, what is refused, and why.
//!
//! | module | what |
//! |---|---|
//! | `journey` | from an empty home to a run without a network; what that adds to a run's start |
//! | `changed` | one byte changed anywhere |
//! | `trust` | signatures that are missing, of others, for something else, revoked |
//! | `versions` | requirements, yanked versions, updates, roll-backs, consent |
//! | `store` | processes at once, a full disk, clean-ups |
//! | `publishing` | keys, signing, publishing, yanking |
//! | `docker` | a real registry: publish, pull, login, referrers |
//! | `hostile` | a registry that lies, breaks, or is slow |
//! | `contract` | the frozen contract, and plugins that were built for it |
//!
//! `home` is a user's home with a key; `scripted` is a registry that does what a test says.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod changed;
mod contract;
mod docker;
mod home;
mod hostile;
mod journey;
mod publishing;
mod scripted;
mod store;
mod trust;
mod versions;
