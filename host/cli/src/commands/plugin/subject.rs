//! What `plugin sign` and `plugin publish` are about: a file that is named, or what the project of this directory built.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ArgMatches;
use stresshost_registry::{Location, PackageName};

use crate::args;
use crate::exit::usage;
use crate::project::{Project, Publishing};
use crate::sources::failed;

/// A component to sign or publish, and how: flags first, then what its project's file says.
pub(super) struct Subject {
    /// The component's file.
    pub(super) path: String,
    name: Name,
    to: Option<String>,
    key: Option<PathBuf>,
    /// Files that go with it, and directories whose WIT files do.
    pub(super) documents: Vec<PathBuf>,
    /// Its licence, as SPDX writes it.
    pub(super) licenses: Option<String>,
}

/// What it is published as.
enum Name {
    /// This, whatever it calls itself.
    Whole(PackageName),
    /// What it calls itself, in this namespace.
    In(String),
}

impl Subject {
    /// Reads the flags, and the project when no file is named.
    pub(super) fn from_matches(matches: &ArgMatches) -> anyhow::Result<Self> {
        let (path, said) = match args::text(matches, "file") {
            Some(path) => (path.to_owned(), Publishing::default()),
            None => {
                let project = Project::read(Path::new(".")).context("no FILE is given")?;
                (project.built()?.display().to_string(), project.publishing())
            }
        };
        let own = |flag: &str| args::text(matches, flag).map(str::to_owned);
        let documents = args::texts(matches, "document");
        Ok(Self {
            path,
            name: name(matches, said.namespace)?,
            to: own("to").or(said.to),
            key: own("key").map(PathBuf::from).or(said.key),
            documents: if documents.is_empty() {
                said.documents
            } else {
                documents.into_iter().map(PathBuf::from).collect()
            },
            licenses: own("licenses").or(said.licenses),
        })
    }

    /// What it is published as, if `own` is what it calls itself.
    pub(super) fn package(&self, own: &str) -> anyhow::Result<PackageName> {
        match &self.name {
            Name::Whole(package) => Ok(package.clone()),
            Name::In(namespace) => PackageName::new(namespace, own).ok_or_else(|| {
                usage(format!(
                    "`{}:{}` is no name for a registry: both parts are lower-case letters, digits and single hyphens; \
                     --name NAMESPACE:NAME gives it another",
                    namespace.escape_debug(),
                    own.escape_debug()
                ))
            }),
        }
    }

    /// The secret key's file, if one is to sign now.
    pub(super) fn key(&self) -> Option<&Path> {
        self.key.as_deref()
    }

    /// The registry.
    pub(super) fn location(&self) -> anyhow::Result<Location> {
        let to = self.to.as_deref().ok_or_else(|| {
            usage("--to is missing: the registry, a directory or oci://HOST[/PREFIX]; or `to` below `publish` in stresshost.yaml")
        })?;
        Location::parse(to).map_err(failed)
    }
}

fn name(matches: &ArgMatches, said: Option<String>) -> anyhow::Result<Name> {
    if let Some(text) = args::text(matches, "name") {
        let whole = PackageName::parse(text).filter(|package| package.to_string() == text);
        return whole.map(Name::Whole).ok_or_else(|| {
            usage(format!(
                "--name: `{}` is not a plugin's whole name; write NAMESPACE:NAME",
                text.escape_debug()
            ))
        });
    }
    let namespace = args::text(matches, "namespace").map(str::to_owned).or(said);
    namespace.map(Name::In).ok_or_else(|| {
        usage("--namespace is missing: whose it is, such as `acme`; or `namespace` below `publish` in stresshost.yaml")
    })
}
