//! MongoDB, and servers that speak its protocol.
//!
//! | module | job |
//! |---|---|
//! | `command` | what one command does, and what its parameters are about |
//! | `script` | texts of several commands |
//! | `setup` | what is done once before the load |
//! | `infer` | generators for parameters that nobody declared |
//! | `explain` | plans of commands |
//! | `user` | a virtual user that executes commands |
//! | `server` | what the server counts |

pub(crate) mod command;
mod explain;
mod infer;
pub(crate) mod script;
pub(crate) mod server;
pub(crate) mod setup;
pub(crate) mod user;

use std::time::Duration;

use stresshost_sdk::mongo::{Connection, Target};
use stresshost_sdk::prelude::Failure;

use crate::document::Workload;

/// A connection for the run's own questions.
pub(crate) fn open(workload: &Workload) -> Result<Connection, Failure> {
    Target::new(&workload.database.url).open()
}

/// A user's connection.
pub(crate) fn open_user(workload: &Workload) -> Result<Connection, Failure> {
    let target = Target::new(&workload.database.url);
    match workload.options.timeout_ms {
        Some(ms) => target.timeout(Duration::from_millis(ms)).open(),
        None => target.open(),
    }
}

/// The reply, unless it is a failure of what is done once.
fn asked(reply: stresshost_sdk::mongo::Reply) -> Result<stresshost_sdk::mongo::Reply, Failure> {
    reply.check().map_err(|failure| Failure::setup(failure.message))?;
    Ok(reply)
}
