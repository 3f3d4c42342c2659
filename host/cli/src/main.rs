//! The `stresshost` command: arguments in, a run and its reports out, an exit code.
//!
//! Only this crate prints and only `main` ends the process.

mod args;
mod call_trace;
mod capacity;
mod commands;
mod config;
mod control;
mod env;
mod exit;
mod grants;
mod http;
mod kit;
mod loader;
mod logging;
mod mock;
mod outputs;
mod plugin_args;
mod printer;
mod progress;
mod project;
mod referenced;
mod run_dir;
mod secrets;
mod signals;
mod sources;
mod url_passwords;

use std::process::ExitCode;

use exit::Exit;
use printer::Printer;

/// Every request frees what the one before allocated, and thousands of users free what connecting took: this allocator
/// does the first in fewer instructions than the C library's, and gives the second back to the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let printer = Printer::from_environment();
    match commands::dispatch(std::env::args_os().collect(), &printer) {
        Ok(exit) => exit.code(),
        Err(error) => {
            let exit = Exit::of(&error);
            printer.error(&error);
            exit.code()
        }
    }
}
