//! Ends its process, which it does not have.

stresshost_guests::iterates!("exit_process", || std::process::exit(0));
