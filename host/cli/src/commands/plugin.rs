//! `stresshost plugin`

mod inspect;
mod look;
mod manage;
mod publish;
mod sign;
mod subject;
mod trust;

use clap::ArgMatches;
use stresshost_registry::{PackageName, Reference, VersionRequirement};

use crate::exit::{Exit, usage};
use crate::printer::Printer;
use crate::sources::Sources;

pub(super) fn plugin(matches: &ArgMatches, printer: &Printer) -> anyhow::Result<Exit> {
    let Some((command, matches)) = matches.subcommand() else { return Err(unknown()) };
    let sources = Sources::from_matches(matches, printer);
    match command {
        "add" => manage::add(matches, &sources)?,
        "update" => manage::update(matches, &sources)?,
        "remove" => manage::remove(matches, printer)?,
        "prune" => manage::prune(matches, printer)?,
        "list" => look::list(printer)?,
        "search" => look::search(matches, &sources)?,
        "info" => look::info(matches, &sources)?,
        "inspect" => inspect::inspect(matches, &sources)?,
        "trust" => trust::trust(matches, printer)?,
        "verify" => sign::verify(matches, printer)?,
        "keygen" => sign::keygen(matches, printer)?,
        "sign" => sign::sign(matches, printer)?,
        "publish" => publish::publish(matches, printer)?,
        "yank" => publish::yank(matches, &sources)?,
        "build" => return super::plugin_build::build(matches, printer),
        "check" => return super::plugin_check::check(matches, &sources, printer),
        "test" => return super::plugin_test::test(matches, &sources, printer),
        _ => return Err(unknown()),
    }
    Ok(Exit::Pass)
}

fn unknown() -> anyhow::Error {
    usage("no such command; see `stresshost plugin --help`")
}

/// A plugin of a registry and what is required of its version.
fn package_and_requirement(text: &str) -> anyhow::Result<(PackageName, Option<VersionRequirement>)> {
    match Reference::parse(text).map_err(usage)? {
        Reference::Name(package) => Ok((package, None)),
        Reference::Package(package, requirement) => Ok((package, requirement)),
        other => Err(usage(format!("`{other}` is not the name of a plugin; write NAMESPACE:NAME[@VERSION]"))),
    }
}

/// Bytes as a person reads them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{} KiB", bytes.div_ceil(1_024)),
        _ => format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20),
    }
}

/// Capabilities as a person reads them.
fn asked(capabilities: &[String]) -> String {
    if capabilities.is_empty() { "nothing".to_owned() } else { capabilities.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in
            [(0, "0 B"), (1_023, "1023 B"), (1_025, "2 KiB"), (1_048_576, "1.0 MiB"), (2_621_440, "2.5 MiB")]
        {
            assert_eq!(size(bytes), text);
        }
    }
}
