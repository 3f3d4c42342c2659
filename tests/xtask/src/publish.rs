//! `publish`: the first-party plugins, with README, licences, WIT and a bill of materials, into a registry.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde_json::{Value, json};

use crate::build::{Profile, build_components, product};
use crate::tools::{cargo, must, root, target_dir};

/// Target whose dependencies a plugin has.
const WASM_TARGET: &str = "wasm32-wasip2";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// The registry: a directory or oci://HOST[/PREFIX]
    #[arg(long, value_name = "LOCATION")]
    to: String,
    /// Secret key that signs, as `stresshost plugin keygen` makes it; its password is read from STRESSHOST_KEY_PASSWORD
    #[arg(long, value_name = "FILE", required_unless_present = "unsigned")]
    key: Option<std::path::PathBuf>,
    /// Publish without signatures
    #[arg(long, conflicts_with = "key")]
    unsigned: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let metadata = metadata()?;
    let plugins = first_party(&metadata);
    let names: Vec<&str> = plugins.iter().map(|plugin| plugin.name.as_str()).collect();
    build_components(&names)?;
    let program = product(Profile::Dev)?;
    let scratch = tempfile::tempdir()?;
    for plugin in &plugins {
        let sbom = scratch.path().join(format!("{}.cdx.json", plugin.name));
        std::fs::write(&sbom, serde_json::to_vec_pretty(&bill_of_materials(&metadata, &plugin.id)?)?)?;
        let component = target_dir()?.join(WASM_TARGET).join("plugin").join(format!("{}.wasm", plugin.name));
        let mut publish = Command::new(&program);
        publish.current_dir(root()).args(["plugin", "publish"]).arg(component);
        publish.args(["--name", &format!("stress:{}", plugin.name), "--to", &options.to]);
        publish.args(["--licenses", &plugin.license]).arg("--sbom").arg(&sbom);
        let readme = Path::new(&plugin.directory).join("README.md");
        for document in [readme, "LICENSE-APACHE".into(), "LICENSE-MIT".into(), "wit".into()] {
            publish.arg("--document").arg(document);
        }
        match &options.key {
            Some(key) => publish.arg("--key").arg(std::path::absolute(key)?),
            None => publish.arg("--unsigned"),
        };
        must(&mut publish)?;
    }
    Ok(())
}

fn metadata() -> anyhow::Result<Value> {
    let output =
        cargo().args(["metadata", "--format-version", "1", "--filter-platform", WASM_TARGET]).output()?;
    serde_json::from_slice(&output.stdout).context("cannot read cargo metadata")
}

/// A plugin of this workspace.
struct Plugin {
    id: String,
    name: String,
    directory: String,
    license: String,
}

/// The packages below `plugins/` that are components.
fn first_party(metadata: &Value) -> Vec<Plugin> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let is_component = |package: &Value| {
        let targets = package["targets"].as_array().into_iter().flatten();
        let mut kinds = targets.flat_map(|target| target["crate_types"].as_array().into_iter().flatten());
        kinds.any(|kind| kind == "cdylib")
    };
    let plugins_dir = Path::new(metadata["workspace_root"].as_str().unwrap_or_default()).join("plugins");
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let own = packages.filter(|package| package["source"].is_null() && is_component(package));
    let plugin = |package: &Value| {
        let directory = Path::new(package["manifest_path"].as_str()?).parent()?;
        directory.starts_with(&plugins_dir).then(|| Plugin {
            id: text(&package["id"]),
            name: text(&package["name"]),
            directory: directory.display().to_string(),
            license: text(&package["license"]),
        })
    };
    own.filter_map(plugin).collect()
}

/// What a package is made of, as CycloneDX 1.5 (<https://cyclonedx.org/docs/1.5/json/>). It holds no date and no random
/// number: the same sources make the same bill.
fn bill_of_materials(metadata: &Value, id: &str) -> anyhow::Result<Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Value> =
        list(&metadata["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes: BTreeMap<String, Value> =
        list(&metadata["resolve"]["nodes"]).into_iter().map(|node| (text(&node["id"]), node)).collect();
    let needs = |id: &str| {
        // What is linked in has no kind; `dev` and `build` are other kinds.
        let is_linked =
            |dependency: &Value| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
        let dependencies = nodes.get(id).map(|node| list(&node["deps"])).unwrap_or_default();
        dependencies.iter().filter(|it| is_linked(it)).map(|it| text(&it["pkg"])).collect::<Vec<String>>()
    };
    let mut found = BTreeSet::from([id.to_owned()]);
    let mut open = vec![id.to_owned()];
    while let Some(next) = open.pop() {
        for needed in needs(&next) {
            if found.insert(needed.clone()) {
                open.push(needed);
            }
        }
    }
    let reference = |id: &str| {
        let package = packages.get(id).with_context(|| format!("cargo metadata has no package `{id}`"))?;
        anyhow::Ok(format!("pkg:cargo/{}@{}", text(&package["name"]), text(&package["version"])))
    };
    let component = |id: &String| {
        let package = packages.get(id).with_context(|| format!("cargo metadata has no package `{id}`"))?;
        let purl = reference(id)?;
        let mut component = json!({
            "type": "library", "bom-ref": purl, "name": package["name"], "version": package["version"], "purl": purl,
        });
        if let Some(license) = package["license"].as_str() {
            // Cargo once separated alternatives by a slash.
            component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
        }
        anyhow::Ok(component)
    };
    let components =
        found.iter().filter(|it| *it != id).map(component).collect::<anyhow::Result<Vec<Value>>>()?;
    let mut dependencies = Vec::new();
    for id in &found {
        let needed =
            needs(id).iter().map(|needed| reference(needed)).collect::<anyhow::Result<Vec<String>>>()?;
        dependencies.push(json!({ "ref": reference(id)?, "dependsOn": needed }));
    }
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(&id.to_owned())? },
        "components": components,
        "dependencies": dependencies,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata() -> Value {
        let package = |name: &str, directory: &str, kind: &str| {
            json!({
                "id": format!("id-{name}"), "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0", "source": null,
                "manifest_path": format!("/w/{directory}/Cargo.toml"), "targets": [{ "crate_types": [kind] }],
            })
        };
        let dependency =
            |name: &str, kind: Value| json!({ "pkg": format!("id-{name}"), "dep_kinds": [{ "kind": kind }] });
        json!({
            "workspace_root": "/w",
            "packages": [
                package("load", "plugins/load", "cdylib"), package("parser", "plugins/parser", "lib"),
                package("guests", "tests/guests", "cdylib"), package("mock", "mock", "lib"),
            ],
            "resolve": { "nodes": [
                { "id": "id-load", "deps": [dependency("parser", Value::Null), dependency("mock", "dev".into())] },
                { "id": "id-parser", "deps": [] }, { "id": "id-mock", "deps": [] },
            ] },
        })
    }

    #[test]
    fn plugins_are_found_in_the_workspace() {
        let found: Vec<String> = first_party(&metadata()).into_iter().map(|plugin| plugin.name).collect();
        assert_eq!(found, ["load"]);
    }

    #[test]
    fn a_bill_lists_what_is_linked_in() {
        let bill = bill_of_materials(&metadata(), "id-load").unwrap();
        assert_eq!(bill["metadata"]["component"]["purl"], "pkg:cargo/load@1.0.0");
        let components = bill["components"].as_array().unwrap();
        assert_eq!((components.len(), &components[0]["name"]), (1, &"parser".into()));
        assert_eq!(components[0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(
            bill["dependencies"][0],
            json!({ "ref": "pkg:cargo/load@1.0.0", "dependsOn": ["pkg:cargo/parser@1.0.0"] })
        );
        assert!(bill_of_materials(&metadata(), "id-none").is_err());
    }
}
