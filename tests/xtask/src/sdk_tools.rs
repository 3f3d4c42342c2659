//! `sdk-tools`: the tools that make components of other languages, at the versions the SDK's templates pin, and what tests
//! run of Python's.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::tools::{find, must, root, target_dir};

/// Installs what is not there yet, below the build directory: `python/bin` and `js/node_modules`.
pub(crate) fn install() -> anyhow::Result<PathBuf> {
    let directory = target_dir()?.join("sdk-tools");
    python(&directory.join("python")).context("the tools for Python and C, and test servers")?;
    js(&directory.join("js")).context("the tools for JavaScript")?;
    Ok(directory)
}

fn python(directory: &Path) -> anyhow::Result<()> {
    let files = ["sdk/python/template", "sdk/c/template", "sdk/go/template", "tests/servers"];
    let pinned = files.map(|place| root().join(place).join("requirements.txt"));
    let wanted: Vec<String> = pinned.iter().map(std::fs::read_to_string).collect::<Result<_, _>>()?;
    let stamp = directory.join("stresshost-tools");
    if is_current(&stamp, &wanted.concat()) {
        return Ok(());
    }
    let python = find("python3", "apt-get install python3-venv")?;
    must(Command::new(python).args(["-m", "venv"]).arg(directory))?;
    let mut pip = Command::new(directory.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    pinned.iter().for_each(|file| {
        pip.arg("-r").arg(file);
    });
    must(&mut pip)?;
    Ok(std::fs::write(stamp, wanted.concat())?)
}

fn js(directory: &Path) -> anyhow::Result<()> {
    let wanted = std::fs::read_to_string(root().join("sdk/js/example/package.json"))?;
    let stamp = directory.join("stresshost-tools");
    if is_current(&stamp, &wanted) {
        return Ok(());
    }
    std::fs::create_dir_all(directory)?;
    std::fs::write(directory.join("package.json"), &wanted)?;
    let npm = find("npm", "apt-get install npm, with Node.js 20 or newer")?;
    must(Command::new(npm).args(["install", "--no-audit", "--no-fund"]).current_dir(directory))?;
    Ok(std::fs::write(stamp, wanted)?)
}

fn is_current(stamp: &Path, wanted: &str) -> bool {
    std::fs::read_to_string(stamp).is_ok_and(|found| found == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(path: &str) -> serde_json::Map<String, serde_json::Value> {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        let package: serde_json::Value = serde_json::from_str(&text).unwrap();
        package["devDependencies"].as_object().unwrap().clone()
    }

    #[test]
    fn templates_pin_the_versions_that_are_tested() {
        let tested = pinned("sdk/js/example/package.json");
        for template in ["sdk/js/template/package.json", "sdk/js/template-ts/package.json"] {
            for (name, version) in pinned(template) {
                assert_eq!(tested.get(&name), Some(&version), "{template}: {name}");
            }
        }
    }
}
