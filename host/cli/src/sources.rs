//! Where plugins come from in this command: its flags, the environment, the user's files.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::ArgMatches;
use stresshost_registry::{
    Credentials, Error, ErrorKind, Host, Installer, LOCK_FILE, Location, PackageName, Places, Rules, Store,
    World,
};
use stresshost_wasm::ComponentFacts;

use crate::exit::{Exit, coded, usage};
use crate::printer::Printer;
use crate::{args, env};

/// Flags by which a command says where plugins may come from; `args::source_args` declares them.
const REGISTRY: &str = "registry";
const LOCKED: &str = "locked";
const OFFLINE: &str = "offline";
const ALLOW_UNSIGNED: &str = "allow-unsigned";
const ACCEPT: &str = "accept";

/// What the flags say.
pub(crate) struct Sources<'a> {
    printer: &'a Printer,
    rules: Rules,
    registries: Vec<String>,
    accept: bool,
}

impl<'a> Sources<'a> {
    /// Reads the flags of a command that was parsed.
    pub(crate) fn from_matches(matches: &ArgMatches, printer: &'a Printer) -> Self {
        let is_set = |name| args::is_set(matches, name);
        let rules = Rules {
            locked: is_set(LOCKED),
            offline: is_set(OFFLINE),
            allow_unsigned: is_set(ALLOW_UNSIGNED),
        };
        Self { printer, rules, registries: args::texts(matches, REGISTRY), accept: is_set(ACCEPT) }
    }

    /// Reads the flags of a command line that cannot be parsed before its plugin is known.
    pub(crate) fn from_args(rest: &[String], printer: &'a Printer) -> Self {
        let is_set = |name: &str| {
            let mut own = rest.iter().take_while(|arg| *arg != "--");
            own.any(|arg| arg.strip_prefix("--") == Some(name))
        };
        let rules = Rules {
            locked: is_set(LOCKED),
            offline: is_set(OFFLINE),
            allow_unsigned: is_set(ALLOW_UNSIGNED),
        };
        Self { printer, rules, registries: args::values_of("--registry", rest), accept: is_set(ACCEPT) }
    }

    /// A command whose plugins are files.
    pub(crate) fn files_only(printer: &'a Printer) -> Self {
        Self { printer, rules: Rules::default(), registries: Vec::new(), accept: false }
    }

    /// A command that takes pinned plugins from the store.
    pub(crate) fn pinned(printer: &'a Printer) -> Self {
        let rules = Rules { locked: true, offline: true, allow_unsigned: false };
        Self { rules, ..Self::files_only(printer) }
    }

    pub(crate) const fn printer(&self) -> &'a Printer {
        self.printer
    }

    pub(crate) const fn rules(&self) -> Rules {
        self.rules
    }

    /// Whether the user may have more given to a plugin than it had: by a flag, or by an answer at the terminal.
    fn accept(&self, package: &PackageName, version: &semver::Version, added: &[String]) -> bool {
        if self.accept || !std::io::stdin().is_terminal() || !self.printer.is_live() {
            return self.accept;
        }
        self.printer.note(&format!(
            "{package} {version} asks for more than before: {}. Shall it have that? [y/N]",
            added.join(", ")
        ));
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }

    /// Does something with the installer these flags make.
    pub(crate) fn with_installer<T>(
        &self,
        work: impl FnOnce(&Installer<'_>) -> Result<T, Error>,
    ) -> anyhow::Result<T> {
        let accept = |package: &PackageName, version: &semver::Version, added: &[String]| {
            self.accept(package, version, added)
        };
        let host = Host { runs: &stresshost_wasm::runs, world: &world, accept: &accept };
        let installer = Installer::new(self.places()?, self.rules, host).map_err(failed)?;
        work(&installer).map_err(failed)
    }

    fn places(&self) -> anyhow::Result<Places> {
        let mut texts = self.registries.clone();
        if texts.is_empty() {
            texts.extend(env::registry());
        }
        let given =
            texts.iter().map(|text| Location::parse(text)).collect::<Result<_, _>>().map_err(failed)?;
        let auth = match env::registry_auth() {
            Some(text) => Some(Credentials::parse(&text).ok_or_else(|| {
                usage("STRESSHOST_REGISTRY_AUTH is malformed; write HOST=USER:PASSWORD or HOST=bearer:TOKEN")
            })?),
            None => None,
        };
        Ok(Places {
            lock_file: PathBuf::from(LOCK_FILE),
            store: store()?,
            trust_file: trust_file()?,
            registries_file: config_dir()?.join("registries.yaml"),
            given,
            credentials: Credentials { given: auth, docker_config: env::docker_config() },
        })
    }
}

/// The trust file.
pub(crate) fn trust_file() -> anyhow::Result<PathBuf> {
    Ok(config_dir()?.join("trust.yaml"))
}

/// The store.
pub(crate) fn store() -> anyhow::Result<Store> {
    let data = env::data_dir().ok_or_else(|| usage("there is no home directory; set STRESSHOST_DATA_DIR"))?;
    Ok(Store::new(data.join("store")))
}

fn config_dir() -> anyhow::Result<PathBuf> {
    env::config_dir().ok_or_else(|| usage("there is no home directory; set STRESSHOST_CONFIG_DIR"))
}

/// What a component imports and exports.
pub(crate) fn world(bytes: &[u8]) -> Result<World, String> {
    let facts = ComponentFacts::read(bytes).map_err(|error| error.to_string())?;
    Ok(World { exports: facts.exports, imports: facts.imports })
}

/// An error of the registry with its exit code.
pub(crate) fn failed(error: Error) -> anyhow::Error {
    let exit = match error.kind() {
        ErrorKind::Usage => Exit::Usage,
        ErrorKind::Unreachable => Exit::Unreachable,
        ErrorKind::Denied => Exit::Denied,
        ErrorKind::NotVerified => Exit::NotVerified,
    };
    coded(exit, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_before_the_plugin_is_known() {
        let printer = Printer::from_environment();
        let read = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
            let sources = Sources::from_args(&args, &printer);
            (sources.rules, sources.registries, sources.accept)
        };
        let all =
            ["--locked", "--offline", "--allow-unsigned", "--accept", "--registry=a", "--registry", "b"];
        let rules = Rules { locked: true, offline: true, allow_unsigned: true };
        assert_eq!(read(&all), (rules, vec!["a".to_owned(), "b".to_owned()], true));
        assert_eq!(read(&["http://h", "--", "--locked"]), (Rules::default(), Vec::new(), false));
    }
}
