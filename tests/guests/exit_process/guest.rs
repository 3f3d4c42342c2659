//! Ends its process, which it does not have.

#![allow(clippy::disallowed_methods, reason = "that is what this guest does")]

stresshost_guests::iterates!("exit_process", || std::process::exit(0));
