//! `demo`, `test` and `plugins`: build what is needed, then run.

use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;

use crate::sdk_tools;
use crate::tools::{cargo, find, must, root, target_dir};

/// Target of every component.
const WASM_TARGET: &str = "wasm32-wasip2";
/// First-party plugins.
const PLUGINS: &[&str] = &["devstress", "apistress", "datastress"];

/// Builds host and plugin, then loads a shop inside the host's process.
pub(crate) fn demo(args: &[String]) -> anyhow::Result<()> {
    build_components(PLUGINS)?;
    must(cargo().args(["build", "--release", "-p", "stresshost"]))?;
    let program = target_dir()?.join("release/stresshost");
    must(Command::new(program).arg("demo").args(args).current_dir(root()))
}

/// Builds what the doors need and runs every test.
pub(crate) fn test(args: &[String]) -> anyhow::Result<()> {
    find("nginx", "apt-get install nginx")?;
    find("docker-registry", "apt-get install docker-registry")?;
    stresshost_servers::check_installed().map_err(anyhow::Error::msg)?;
    sdk_tools::install()?;
    plugins()?;
    must(cargo().args(["build", "-p", "stresshost", "-p", "stresshost-shop"]))?;
    must(cargo().args(["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"]).args(args))?;
    // A filter names tests of the first run; documentation has none to filter.
    if args.is_empty() { must(cargo().args(["test", "--workspace", "--doc"])) } else { Ok(()) }
}

/// How stresshost is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Profile {
    /// As the tests use it.
    Dev,
    /// Optimised within each crate, as `cargo xtask demo` does.
    Release,
    /// Optimised across crates: what is handed out. Linking it takes minutes.
    Dist,
}

impl Profile {
    /// Its name for cargo.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
            Self::Dist => "dist",
        }
    }
}

/// Builds stresshost and its plugins; the path of the program.
pub(crate) fn product(profile: Profile) -> anyhow::Result<PathBuf> {
    plugins()?;
    must(cargo().args(["build", "-p", "stresshost", "--profile", profile.name()]))?;
    let directory = if profile == Profile::Dev { "debug" } else { profile.name() };
    Ok(target_dir()?.join(directory).join("stresshost"))
}

/// Builds the plugins and the test guests.
pub(crate) fn plugins() -> anyhow::Result<()> {
    build_components(PLUGINS)?;
    must(component_build().args(["-p", "stresshost-guests", "-p", "stresshost-sdk", "--examples"]))
}

pub(crate) fn build_components(packages: &[&str]) -> anyhow::Result<()> {
    install_wasm_target()?;
    let mut build = component_build();
    for package in packages {
        build.args(["-p", package]);
    }
    must(&mut build)
}

fn component_build() -> Command {
    let mut build = cargo();
    build.args(["build", "--target", WASM_TARGET, "--profile", "plugin"]);
    build
}

/// Adds the target when rustup says that it is missing; without rustup, cargo's own error has to do.
fn install_wasm_target() -> anyhow::Result<()> {
    let Ok(output) =
        Command::new("rustup").args(["target", "list", "--installed"]).current_dir(root()).output()
    else {
        return Ok(());
    };
    if String::from_utf8_lossy(&output.stdout).lines().any(|line| line.trim() == WASM_TARGET) {
        return Ok(());
    }
    if must(Command::new("rustup").args(["target", "add", WASM_TARGET]).current_dir(root())).is_err() {
        bail!("cannot install the target `{WASM_TARGET}`; run `rustup target add {WASM_TARGET}`");
    }
    Ok(())
}
