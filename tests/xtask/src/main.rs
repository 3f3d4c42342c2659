//! Development commands: `cargo xtask <command>`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a development tool talks to its terminal")]

mod bench;
mod build;
mod ci;
mod deny;
mod fuzz;
mod generate;
mod instructions;
mod publish;
mod sdk_tools;
mod sim;
mod soak;
mod tools;
mod wkg;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development commands of StressHost")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything, load a shop on a free port for 10 s and show the result
    Demo {
        /// Arguments for `stresshost demo`, such as `--duration 3s`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build what the tests need and run all of them
    Test {
        /// Arguments for `cargo test`, such as a test's name
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build the plugins and the test guests as components
    Plugins,
    /// Install the tools that make components of Python, JavaScript and C, at the pinned versions
    SdkTools,
    /// Check format, lints, tests and docs, as CI does
    Ci,
    /// Check licences, bans and sources of dependencies; needs cargo-deny
    Deny,
    /// Feed hostile input to every reader, each fuzz target for a while; needs cargo-fuzz and a nightly toolchain
    Fuzz(fuzz::Options),
    /// Publish the first-party plugins with README, licences, WIT and a bill of materials
    Publish(publish::Options),
    /// Check that wkg and stresshost load what the other has published; needs wkg and docker-registry
    WkgInterop,
    /// Write the files that are generated from code
    Generate,
    /// Run the engine on random plans with a scripted guest and check that every run obeys the laws
    Sim(sim::Options),
    /// Count the instructions of an iteration and fail when they grew
    Instructions(instructions::Options),
    /// Load for long and fail when the generator's memory grows
    Soak(soak::Options),
    /// Measure against the tools people use today
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Demo { args } => build::demo(&args),
        Command::Test { args } => build::test(&args),
        Command::Plugins => build::plugins(),
        Command::SdkTools => sdk_tools::install().map(|directory| println!("{}", directory.display())),
        Command::Ci => ci::ci(),
        Command::Deny => deny::run(),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Publish(options) => publish::run(&options),
        Command::WkgInterop => wkg::run(),
        Command::Generate => generate::generate(),
        Command::Sim(options) => sim::sim(&options),
        Command::Instructions(options) => instructions::run(&options),
        Command::Soak(options) => soak::run(&options),
        Command::Bench(bench) => bench::run(&bench),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
