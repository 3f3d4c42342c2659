//! `plugin publish` and `yank`.

use std::path::{Path, PathBuf};

use clap::ArgMatches;
use semver::Version;
use stresshost_registry::{
    Extra, Location, MAX_EXTRA_BYTES, MAX_SIGNATURE_BYTES, PackageName, Publication, Published, Signature,
};

use super::package_and_requirement;
use super::sign::{Component, read_text};
use super::subject::Subject;
use crate::args;
use crate::exit::{Exit, coded, usage};
use crate::printer::Printer;
use crate::sources::{Sources, failed, world};

/// Media type of a bill of materials: <https://cyclonedx.org/docs/1.5/json/>.
const SBOM_MEDIA_TYPE: &str = "application/vnd.cyclonedx+json";

pub(super) fn publish(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<()> {
    let subject = Subject::from_matches(matches)?;
    let location = subject.location()?;
    let component = Component::load(&subject.path, printer)?;
    let package = subject.package(&component.name)?;
    let signature = if args::is_set(matches, "unsigned") {
        None
    } else {
        Some(signature(&subject, &component, &package)?)
    };
    let mut documents = Vec::new();
    for document in &subject.documents {
        documents.extend(read_documents(document)?);
    }
    let sbom = match args::text(matches, "sbom") {
        Some(path) => Some(extra(Path::new(path), "sbom.cdx.json".to_owned(), SBOM_MEDIA_TYPE)?),
        None => None,
    };
    let world = world(&component.file.bytes).map_err(usage)?;
    let publication = Publication {
        version: component.version,
        bytes: component.file.bytes,
        world,
        signature,
        description: Some(component.summary).filter(|summary| !summary.is_empty()),
        licenses: subject.licenses,
        documents,
        sbom,
    };
    let published = Sources::from_matches(matches, printer)
        .with_installer(|installer| installer.open(&location)?.publish(&package, &publication))?;
    let by = publication
        .signature
        .as_ref()
        .map_or_else(|| "not signed".to_owned(), |signature| format!("signed by key {}", signature.key_id()));
    let again = match published {
        Published::New => "",
        Published::Again => "; the same bytes were there already",
    };
    let version = &publication.version;
    printer.note(&format!("published {package} {version} in {location}, {by}{again}"));
    let how = if publication.signature.is_some() {
        format!(", once its key is trusted: `stresshost plugin trust add {} KEY`", package.namespace())
    } else {
        ", with --allow-unsigned".to_owned()
    };
    printer.note(&format!(
        "it runs by `stresshost run --plugin {package}@{version} --registry {location}`{how}"
    ));
    printer.result(format!("{package} {version} {}\n", component.file.digest).as_bytes())
}

/// A new signature, or the one beside the file.
fn signature(subject: &Subject, component: &Component, package: &PackageName) -> anyhow::Result<Signature> {
    if let Some(key) = subject.key() {
        return component.sign(package, key);
    }
    let beside = PathBuf::from(format!("{}.minisig", subject.path));
    if !beside.exists() {
        return Err(usage(format!(
            "there is no signature {}: sign it with --key, or give --unsigned if users shall need --allow-unsigned",
            beside.display()
        )));
    }
    let refused = |why: &str| {
        coded(Exit::NotVerified, format!("{}: {why}; sign the component again", beside.display()))
    };
    let signature = Signature::parse(&read_text(&beside, MAX_SIGNATURE_BYTES)?)
        .ok_or_else(|| refused("it is no minisign signature"))?;
    if signature.statement().as_ref() != Some(&component.statement(package)) {
        return Err(refused("it is for another name, version or file"));
    }
    Ok(signature)
}

/// A file, or the WIT files of a directory under the directory's name.
fn read_documents(path: &Path) -> anyhow::Result<Vec<Extra>> {
    let wrong = |error: std::io::Error| usage(format!("cannot read {}: {error}", path.display()));
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !path.is_dir() {
        return Ok(vec![extra(path, name(path), media_type(path))?]);
    }
    let entries = std::fs::read_dir(path).map_err(wrong)?;
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(wrong)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wit"));
    paths.sort();
    paths.iter().map(|file| extra(file, format!("{}/{}", name(path), name(file)), media_type(file))).collect()
}

fn media_type(path: &Path) -> &'static str {
    if path.extension().is_some_and(|extension| extension == "md") { "text/markdown" } else { "text/plain" }
}

fn extra(path: &Path, name: String, media_type: &str) -> anyhow::Result<Extra> {
    let bytes = read_text(path, MAX_EXTRA_BYTES)?.into_bytes();
    Ok(Extra { name, media_type: media_type.to_owned(), bytes })
}

pub(super) fn yank(matches: &ArgMatches, sources: &Sources<'_>) -> anyhow::Result<()> {
    let text = args::text(matches, "name").unwrap_or_default();
    let (package, requirement) = package_and_requirement(text)?;
    let version = requirement.and_then(|requirement| Version::parse(requirement.as_str()).ok());
    let version =
        version.ok_or_else(|| usage(format!("`{text}` names no version; write NAMESPACE:NAME@1.2.3")))?;
    let location = Location::parse(args::text(matches, "to").unwrap_or_default()).map_err(failed)?;
    let reason = args::text(matches, "reason").unwrap_or_default();
    sources.with_installer(|installer| installer.open(&location)?.yank(&package, &version, reason))?;
    sources.printer().note(&format!("yanked {package} {version} in {location}"));
    Ok(())
}
