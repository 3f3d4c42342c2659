//! A plugin's project: what its `stresshost.yaml` says, and building it.
//!
//! | field | meaning |
//! |---|---|
//! | `language` | what its sources are in; recorded in the component |
//! | `build` | commands to run in the project's directory, each a list of words |
//! | `artifact` | what they make: a component, or a core module that exports the contract |
//! | `component` | where the component goes |
//! | `watch` | files and directories whose changes call for a new build |
//! | `mock` | what `stresshost dev` tests with; `test.yaml` by default |
//! | `publish` | what `stresshost plugin publish` need not be told: see [`Publishing`] |

pub(crate) mod watched;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use serde::Deserialize;
use stresshost_wasm::componentize;

use crate::exit::{Exit, coded, usage};
use crate::{config, printer::Printer};

/// Name of the file that makes a directory a project.
pub(crate) const FILE: &str = "stresshost.yaml";

/// What the file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    language: String,
    build: Vec<Vec<String>>,
    artifact: PathBuf,
    component: PathBuf,
    #[serde(default)]
    watch: Vec<PathBuf>,
    #[serde(default = "default_mock")]
    mock: PathBuf,
    #[serde(default)]
    publish: Publishing,
}

/// How a component is signed and published. Paths in a project's file are relative to it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Publishing {
    /// The namespace that it is published in, under the name it says it has.
    pub(crate) namespace: Option<String>,
    /// The registry: a directory or `oci://HOST[/PREFIX]`.
    pub(crate) to: Option<String>,
    /// File of the secret key.
    pub(crate) key: Option<PathBuf>,
    /// Files that go with it, and directories whose WIT files do.
    pub(crate) documents: Vec<PathBuf>,
    /// Its licence, as SPDX writes it.
    pub(crate) licenses: Option<String>,
}

fn default_mock() -> PathBuf {
    PathBuf::from("test.yaml")
}

/// A project on disk.
#[derive(Debug)]
pub(crate) struct Project {
    directory: PathBuf,
    settings: Settings,
}

impl Project {
    /// Reads the project of a directory.
    pub(crate) fn read(directory: &Path) -> anyhow::Result<Self> {
        let file = directory.join(FILE);
        if !file.exists() {
            return Err(usage(format!(
                "`{}` is no plugin's project: it has no `{FILE}`; `stresshost new` makes one",
                directory.display()
            )));
        }
        let document = config::read(&file.display().to_string(), &[])?;
        let settings: Settings = serde_json::from_value(document.into_value())
            .map_err(|error| usage(format!("`{}`: {error}", file.display())))?;
        if settings.build.iter().any(Vec::is_empty) {
            return Err(usage(format!("`{}`: a command of `build` is empty", file.display())));
        }
        Ok(Self { directory: directory.to_owned(), settings })
    }

    /// Where the component is, once built.
    pub(crate) fn component(&self) -> PathBuf {
        self.directory.join(&self.settings.component)
    }

    /// The mock it is tested with.
    pub(crate) fn mock(&self) -> PathBuf {
        self.directory.join(&self.settings.mock)
    }

    /// What is watched: its sources, its mock and its settings.
    pub(crate) fn watched(&self) -> Vec<PathBuf> {
        let mut all = self.sources();
        all.extend([self.directory.join(FILE), self.mock()]);
        all
    }

    fn sources(&self) -> Vec<PathBuf> {
        self.settings.watch.iter().map(|path| self.directory.join(path)).collect()
    }

    /// What its file says of publishing.
    pub(crate) fn publishing(&self) -> Publishing {
        let mut publishing = self.settings.publish.clone();
        let own = |path: &mut PathBuf| *path = self.directory.join(&*path);
        publishing.key.iter_mut().chain(&mut publishing.documents).for_each(own);
        if let Some(to) = publishing.to.as_mut().filter(|to| !to.contains("://")) {
            *to = self.directory.join(&*to).display().to_string();
        }
        publishing
    }

    /// The component, if it is what the sources make.
    pub(crate) fn built(&self) -> anyhow::Result<PathBuf> {
        let component = self.component();
        if !component.exists() {
            return Err(usage(format!(
                "`{}` is not built yet; `stresshost plugin build` does that",
                component.display()
            )));
        }
        match watched::newer(&self.sources(), &component) {
            Some(source) => Err(usage(format!(
                "`{}` was changed after `{}` was built; build and test it first",
                source.display(),
                component.display()
            ))),
            None => Ok(component),
        }
    }

    /// Runs the commands and makes a component of what they made; where it is.
    pub(crate) fn build(&self, printer: &Printer) -> anyhow::Result<PathBuf> {
        let artifact = self.directory.join(&self.settings.artifact);
        if let Some(parent) = artifact.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("cannot make `{}`", parent.display()))?;
        }
        for command in &self.settings.build {
            self.run(command, printer)?;
        }
        let made = std::fs::read(&artifact).map_err(|error| {
            usage(format!("the build made no `{}`: {error}; see `artifact` in `{FILE}`", artifact.display()))
        })?;
        let sdk = format!("stresshost-{}/{}", self.settings.language, env!("CARGO_PKG_VERSION"));
        let component = componentize(&made, &sdk, &self.settings.language)
            .map_err(|error| usage(format!("`{}` {error}", artifact.display())))?;
        let path = self.component();
        // A run that has the file open keeps the old one.
        let beside = path.with_extension("wasm.new");
        std::fs::write(&beside, component)
            .and_then(|()| std::fs::rename(&beside, &path))
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(path)
    }

    fn run(&self, words: &[String], printer: &Printer) -> anyhow::Result<()> {
        let Some((program, arguments)) = words.split_first() else { return Ok(()) };
        let line = words.join(" ");
        printer.note(&format!("> {line}"));
        let mut command = Command::new(program);
        // Results go to standard output, and a build is none.
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null()).stdout(std::io::stderr());
        let status = command.status().map_err(|error| {
            usage(format!(
                "cannot start `{program}`: {error}; the project's README.md says how to install it"
            ))
        })?;
        if status.success() { Ok(()) } else { Err(coded(Exit::Usage, format!("`{line}` failed: {status}"))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Project> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(FILE), text).unwrap();
        Project::read(directory.path())
    }

    #[test]
    fn a_project_is_read() {
        let text =
            "language: c\nbuild:\n  - [cc, app.c]\nartifact: a.wasm\ncomponent: b.wasm\nwatch: [app.c]\n";
        let project = read(text).unwrap();
        assert!(project.component().ends_with("b.wasm") && project.mock().ends_with("test.yaml"));
        assert_eq!(project.watched().len(), 3);
    }

    #[test]
    fn what_is_published_is_relative_to_the_project() {
        let text = "language: c\nbuild: []\nartifact: a\ncomponent: b\npublish:\n  namespace: acme\n  to: ../plugins\n  \
                    key: /keys/acme.key\n  documents: [README.md]\n";
        let project = read(text).unwrap();
        let publishing = project.publishing();
        assert_eq!(publishing.namespace.as_deref(), Some("acme"));
        assert_eq!(publishing.to, Some(project.directory.join("../plugins").display().to_string()));
        assert_eq!(publishing.key, Some(PathBuf::from("/keys/acme.key")));
        assert_eq!(publishing.documents, [project.directory.join("README.md")]);
        let remote = read(&text.replace("../plugins", "oci://registry.example/acme")).unwrap().publishing();
        assert_eq!(remote.to.as_deref(), Some("oci://registry.example/acme"));
        let error = project.built().unwrap_err().to_string();
        assert!(error.contains("is not built yet"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, told) in [
            ("language: c\n", "missing field `build`"),
            ("language: c\nbuild: [[]]\nartifact: a\ncomponent: b\n", "a command of `build` is empty"),
            ("language: c\nbuild: []\nartifact: a\ncomponent: b\nwach: []\n", "unknown field `wach`"),
            (
                "language: c\nbuild: []\nartifact: a\ncomponent: b\npublish: {name: x}\n",
                "unknown field `name`",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        let error = Project::read(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.contains("`stresshost new` makes one"), "{error}");
    }
}
