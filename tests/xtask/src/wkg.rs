//! `wkg-interop`: what is published here wkg gets, and what wkg publishes runs here. wkg takes minutes to install and is no
//! prerequisite of the tests, so this is a command of its own.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use stresshost_tests::DockerRegistry;

use crate::build::{Profile, product};
use crate::tools::{find, must, target_dir};

pub(crate) fn run() -> anyhow::Result<()> {
    let wkg = find("wkg", "cargo install wkg --locked")?;
    find("docker-registry", "apt-get install docker-registry")?;
    let program = product(Profile::Dev)?;
    let scratch = tempfile::tempdir()?;
    let dir = scratch.path();
    let component = target_dir()?.join("wasm32-wasip2/plugin/examples/ok.wasm");
    std::fs::copy(&component, dir.join("ok.wasm"))?;
    let registry = DockerRegistry::start(dir, None);
    both_ways(&wkg, &program, &registry.host(), dir)?;
    println!("wkg gets what stresshost publishes, and stresshost runs what wkg publishes");
    Ok(())
}

fn both_ways(wkg: &Path, program: &Path, host: &str, dir: &Path) -> anyhow::Result<()> {
    let location = format!("oci://{host}");
    let stresshost = |args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).current_dir(dir).env("HOME", dir);
        must(&mut command)
    };
    let config = dir.join("wkg.toml");
    let metadata =
        format!("preferredProtocol = \"oci\", oci = {{ registry = \"{host}\", namespacePrefix = \"\" }}");
    let text = format!(
        "[namespace_registries]\nstress = {{ registry = \"{host}\", metadata = {{ {metadata} }} }}\n\
         [registry.\"{host}\".oci]\nprotocol = \"http\"\n"
    );
    std::fs::write(&config, text)?;
    let wkg = |args: &[&str]| {
        let mut command = Command::new(wkg);
        command.args(args).current_dir(dir).env("HOME", dir).env("WKG_CONFIG_FILE", &config);
        must(&mut command)
    };
    stresshost(&["plugin", "publish", "ok.wasm", "--name", "stress:ok", "--to", &location, "--unsigned"])?;
    wkg(&["get", "stress:ok@0.1.0", "--format", "wasm", "--output", "./got.wasm"])?;
    let (sent, got) = (std::fs::read(dir.join("ok.wasm"))?, std::fs::read(dir.join("got.wasm"))?);
    ensure!(sent == got, "wkg got other bytes than were published");
    // `wkg publish` of 0.16 wants a version in the component's own WIT, which no component has, and heeds no other.
    wkg(&["oci", "push", "--insecure", host, &format!("{host}/stress/ok:0.2.0"), "ok.wasm"])?;
    stresshost(&["plugin", "add", "stress:ok@0.2", "--registry", &location, "--allow-unsigned"])?;
    stresshost(&["plan", "--plugin", "stress:ok@0.2", "--locked", "--offline"])
        .context("what wkg has published")
}
