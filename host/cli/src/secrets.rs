//! `--secret`: values that plugins put on the wire without ever holding them.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use anyhow::Context;
use clap::ArgMatches;
use serde::Serialize;
use stresshost_io::{Secret, Secrets};
use stresshost_plan::{Descriptor, TargetPattern};

use crate::exit::usage;
use crate::url_passwords::{PREFIX, UrlPassword};
use crate::{args, env};

/// Bytes of a secret: what fits a request's head beside everything else.
const MAX_BYTES: u64 = 64 << 10;

/// What `--secret` looks like.
const FORM: &str = "write NAME=env:VARIABLE, NAME=file:PATH or NAME=command:COMMAND, or NAME@scheme://host:port=... for a \
                    secret that may go there only";

/// A secret the user gives, not read yet.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Given {
    name: String,
    /// Where its value comes from, as written.
    source: String,
    /// Where it may be sent, as written; anywhere the run may reach when empty.
    target: String,
    #[serde(skip)]
    pattern: Option<TargetPattern>,
}

/// Reads the flags; no value is fetched.
pub(crate) fn given(matches: &ArgMatches) -> anyhow::Result<Vec<Given>> {
    let mut list: Vec<Given> = Vec::new();
    for text in args::texts(matches, "secret") {
        let given = parse(&text).map_err(|reason| usage(format!("--secret: `{text}`: {reason}")))?;
        if list.iter().any(|other| other.name == given.name) {
            return Err(usage(format!("--secret: `{}` is given twice", given.name)));
        }
        list.push(given);
    }
    Ok(list)
}

fn parse(text: &str) -> Result<Given, String> {
    let (what, source) = text.split_once('=').ok_or(FORM)?;
    let (name, target) = what.split_once('@').unwrap_or((what, ""));
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || !name.chars().all(fits) {
        return Err(format!("its name is not made of letters, digits, `_`, `-` and `.`; {FORM}"));
    }
    let known = source
        .split_once(':')
        .filter(|(kind, rest)| matches!(*kind, "env" | "file" | "command") && !rest.trim().is_empty());
    known.ok_or(FORM)?;
    let pattern = match target {
        "" => None,
        target => Some(TargetPattern::parse(target).map_err(|error| error.to_string())?),
    };
    let (name, source, target) = (name.to_owned(), source.to_owned(), target.to_owned());
    Ok(Given { name, source, target, pattern })
}

/// Refuses secrets that no plugin of the run asks for: a name that is mistyped would be missed in the middle of the run.
pub(crate) fn check_asked<'a>(
    given: &[Given],
    descriptors: impl Iterator<Item = &'a Descriptor> + Clone,
) -> anyhow::Result<()> {
    let asked = |given: &Given| descriptors.clone().any(|descriptor| asks(descriptor, &given.name));
    match given.iter().find(|given| !asked(given)) {
        None => Ok(()),
        Some(given) => {
            let names: Vec<&str> = descriptors
                .clone()
                .flat_map(|descriptor| &descriptor.asks.secrets)
                .map(String::as_str)
                .collect();
            let what = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Err(usage(format!(
                "--secret: no plugin of this run asks for `{}`; they ask for {what}",
                given.name
            )))
        }
    }
}

fn asks(descriptor: &Descriptor, name: &str) -> bool {
    // Passwords of URLs are given to whoever connects to them.
    name.starts_with(PREFIX) || descriptor.asks.secrets.iter().any(|asked| asked == "*" || asked == name)
}

/// The secrets of one plugin, with their values, and the passwords of URLs.
pub(crate) fn of_plugin(
    given: &[Given],
    passwords: &[UrlPassword],
    descriptor: &Descriptor,
) -> anyhow::Result<Secrets> {
    let given = given.iter().filter(|given| asks(descriptor, &given.name)).map(read);
    given.chain(passwords.iter().map(|password| Ok(password.secret()))).collect()
}

fn read(given: &Given) -> anyhow::Result<Secret> {
    let Given { name, source, pattern, .. } = given;
    let value = fetch(source).with_context(|| format!("--secret: `{name}` from {source}"))?;
    let pattern = pattern.clone();
    let goes_to = move |origin: &stresshost_io::Origin| {
        pattern
            .as_ref()
            .is_none_or(|pattern| pattern.matches(origin.scheme.name(), &origin.host, origin.port))
    };
    Ok(Secret::new(name.clone(), value, Box::new(goes_to)))
}

fn fetch(source: &str) -> anyhow::Result<String> {
    let bytes = match source.split_once(':') {
        Some(("env", variable)) => env::secret(variable)
            .map_err(|error| usage(format!("environment variable {variable}: {error}")))?
            .into_bytes(),
        Some(("file", path)) => bounded(File::open(path).map_err(usage)?)?,
        Some((_, command)) => output(command)?,
        None => Vec::new(),
    };
    let text = String::from_utf8(bytes).map_err(|_| usage("its value is not UTF-8 text"))?;
    let value = text.trim_end_matches(['\r', '\n']);
    if value.len() < Secret::MIN_BYTES || value.len() as u64 > MAX_BYTES {
        return Err(usage(format!(
            "its value has {} bytes; {} to {MAX_BYTES} can be sent and kept out of reports",
            value.len(),
            Secret::MIN_BYTES
        )));
    }
    Ok(value.to_owned())
}

fn bounded(from: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte too many shows that there are too many.
    from.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(usage)?;
    Ok(bytes)
}

/// What a command prints. It may ask the user on the terminal, so it takes the time it takes.
fn output(command: &str) -> anyhow::Result<Vec<u8>> {
    let mut child = Command::new("sh").args(["-c", command]).stdout(Stdio::piped()).spawn().map_err(usage)?;
    let printed = child.stdout.take().map_or_else(|| Ok(Vec::new()), bounded)?;
    let status = child.wait().map_err(usage)?;
    if status.success() { Ok(printed) } else { Err(usage(format!("the command ended with {status}"))) }
}

/// The secrets for people: names and where they come from.
pub(crate) fn describe(given: &[Given]) -> String {
    let one = |given: &Given| {
        let target = if given.target.is_empty() { String::new() } else { format!(" for {}", given.target) };
        format!("{} from {}{target}", given.name, given.source)
    };
    given.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_targets_and_sources_are_told_apart() {
        let given = parse("api.key@https://*.example:443=command:echo a=b").expect("a secret");
        assert_eq!((given.name.as_str(), given.source.as_str()), ("api.key", "command:echo a=b"));
        assert_eq!(describe(&[given]), "api.key from command:echo a=b for https://*.example:443");
        for wrong in ["key", "=env:A", "a b=env:A", "key=A", "key=env:", "key=vault:x", "key@nowhere=env:A"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_come_from_files_commands_and_variables() {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), "from file\r\n").expect("written");
        assert_eq!(fetch(&format!("file:{}", file.path().display())).expect("value"), "from file");
        assert_eq!(fetch("command:printf 'two\\nlines\\n'").expect("value"), "two\nlines");
        assert_eq!(fetch("env:PATH").expect("value"), env::secret("PATH").expect("PATH"));
        for wrong in
            ["env:STRESSHOST_NO_SUCH_VARIABLE", "file:/nowhere/at/all", "command:exit 3", "command:echo abc"]
        {
            assert!(fetch(wrong).is_err(), "{wrong}");
        }
        std::fs::write(file.path(), vec![b'x'; MAX_BYTES as usize + 1]).expect("written");
        let error = fetch(&format!("file:{}", file.path().display())).expect_err("too long");
        assert!(error.to_string().contains("65537 bytes"), "{error}");
    }
}
