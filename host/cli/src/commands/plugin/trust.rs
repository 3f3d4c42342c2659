//! `plugin trust`: whose signatures count.

use std::path::Path;

use clap::ArgMatches;
use stresshost_registry::{KeyId, MAX_KEY_BYTES, PackageName, PublicKey, Trust};

use crate::args;
use crate::exit::usage;
use crate::printer::Printer;
use crate::sources::{self, failed};

pub(super) fn trust(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<()> {
    match matches.subcommand() {
        Some(("add", matches)) => add(matches, printer),
        Some(("revoke", matches)) => revoke(matches, printer),
        Some(("list", _)) => list(printer),
        _ => Err(usage("no such command; see `stresshost plugin trust --help`")),
    }
}

fn add(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<()> {
    let namespace = args::text(matches, "namespace").unwrap_or_default();
    // Any name will do: the namespace is what is checked.
    if PackageName::new(namespace, "any").is_none() {
        return Err(usage(format!(
            "`{}` is not a namespace; use lower-case letters, digits and hyphens",
            namespace.escape_debug()
        )));
    }
    let key = read_key(args::text(matches, "key").unwrap_or_default())?;
    let id = key.id().clone();
    let path = sources::trust_file()?;
    let mut trust = Trust::read(&path).map_err(failed)?;
    let new = trust.pin(namespace, key);
    trust.write(&path).map_err(failed)?;
    let what = if new { "is now trusted" } else { "was trusted already" };
    printer.note(&format!("key {id} {what} for `{namespace}` ({})", path.display()));
    if trust.standing(namespace, &id) == "revoked" {
        printer.warn(&format!(
            "key {id} is revoked, and stays so: remove it below `revoked` in the file if that was a mistake"
        ));
    }
    Ok(())
}

/// A key as it is, or from a file.
fn read_key(text: &str) -> anyhow::Result<PublicKey> {
    if let Some(key) = PublicKey::parse(text) {
        return Ok(key);
    }
    let path = Path::new(text);
    let size = path.metadata().map(|metadata| metadata.len());
    let content = match size {
        Ok(size) if size <= MAX_KEY_BYTES => std::fs::read_to_string(path).ok(),
        _ => None,
    };
    let key = content.and_then(|content| PublicKey::parse(&content));
    key.ok_or_else(|| {
        usage(format!("`{}` is neither a minisign public key nor a file with one", text.escape_debug()))
    })
}

fn revoke(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<()> {
    let text = args::text(matches, "id").unwrap_or_default();
    let id = KeyId::parse(text).ok_or_else(|| {
        usage(format!("`{}` is not a key's id; `plugin trust list` shows them", text.escape_debug()))
    })?;
    let path = sources::trust_file()?;
    let mut trust = Trust::read(&path).map_err(failed)?;
    trust.revoke(id.clone(), args::text(matches, "reason").unwrap_or_default());
    trust.write(&path).map_err(failed)?;
    printer.note(&format!("key {id} is revoked ({})", path.display()));
    Ok(())
}

fn list(printer: &Printer) -> anyhow::Result<()> {
    let trust = Trust::read(&sources::trust_file()?).map_err(failed)?;
    let mut text = String::new();
    for pinned in &trust.keys {
        text.push_str(&format!("{:<20} {} {}\n", pinned.namespace, pinned.key.id(), pinned.key));
    }
    for revoked in &trust.revoked {
        text.push_str(&format!("{:<20} {} {}\n", "(revoked)", revoked.id, revoked.reason.escape_debug()));
    }
    if text.is_empty() {
        printer.note(
            "no key is trusted: plugins of registries do not run; see `stresshost plugin trust add --help`",
        );
    }
    printer.result(text.as_bytes())
}
