//! Panics with a message of ten megabytes.

stresshost_guests::iterates!("panic_huge", || panic!("{}", "far too long ".repeat(800_000)));
