//! What must hold before a version is pinned or run, and how it is said when it does not.

use semver::Version;

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::location::Location;
use crate::lock_file::Locked;
use crate::package::PackageName;
use crate::reference::VersionRequirement;
use crate::release::Release;
use crate::select::Rejected;
use crate::signature::KeyId;

/// Versions that an error explains.
const MAX_EXPLAINED: usize = 5;

pub(super) fn shown(signer: Option<&KeyId>) -> String {
    signer.map_or_else(|| "nobody".to_owned(), |id| format!("key {id}"))
}

pub(super) fn pinned_note(locked: &Locked, lock_file: &str) -> String {
    let signed = match &locked.signer {
        Some(signer) => format!("signed by key {signer}"),
        None => "not signed".to_owned(),
    };
    let asks = match locked.capabilities.as_slice() {
        [] => "nothing".to_owned(),
        some => some.join(", "),
    };
    format!(
        "pinned {} {} in {lock_file}: {signed}, from {}, asks for {asks}",
        locked.package, locked.version, locked.source
    )
}

/// A version that is pinned never changes; a registry that offers other bytes under it is wrong or hostile.
pub(super) fn check_same(locked: &Locked, offered: &Digest, location: &Location) -> Result<()> {
    if *offered == locked.digest {
        return Ok(());
    }
    Err(Error::Digest {
        what: format!("{} {} as {location} offers it now", locked.package, locked.version),
        expected: locked.digest.clone(),
        found: offered.clone(),
        advice: "the version was replaced after it was pinned; ask its publisher, and run `stresshost plugin update` only \
                 if that is meant",
    })
}

/// An update goes forward: a registry that has forgotten versions is stale or was rolled back to one with known holes.
pub(super) fn check_order(
    before: &Locked,
    requirement: &VersionRequirement,
    release: &Release,
    location: &Location,
) -> Result<()> {
    if release.version == before.version {
        return check_same(before, &release.digest, location);
    }
    // Who asks for an older version by its number gets it.
    if release.version > before.version || !requirement.matches(&before.version) {
        return Ok(());
    }
    Err(Error::NotVerified(format!(
        "{}: {} is pinned, and {location} offers nothing newer than {} that fits: it was rolled back, is stale, or has \
         yanked it; `stresshost plugin add {}@={}` goes back on purpose",
        before.package, before.version, release.version, before.package, release.version
    )))
}

/// Holds a manifest's digest against the one a reference names.
pub(super) fn check_manifest(
    package: &PackageName,
    version: &Version,
    found: Option<&Digest>,
    named: Option<&str>,
) -> Result<()> {
    let Some(expected) = named.and_then(Digest::parse) else { return Ok(()) };
    match found {
        Some(found) if *found == expected => Ok(()),
        found => Err(Error::Digest {
            what: format!("the manifest of {package} {version}"),
            expected,
            found: found.cloned().unwrap_or_else(|| Digest::of(b"")),
            advice: "the tag was moved to something else",
        }),
    }
}

pub(super) fn nothing_fits(
    package: &PackageName,
    requirement: &VersionRequirement,
    location: &Location,
    rejected: &[Rejected],
) -> Error {
    let explained: Vec<String> =
        rejected.iter().take(MAX_EXPLAINED).map(|it| format!("{}: {}", it.version, it.why)).collect();
    let more = match rejected.len().saturating_sub(MAX_EXPLAINED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    Error::Usage(format!(
        "{location} has no version of {package} for `{requirement}`: {}{more}",
        explained.join("; ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(version: &str) -> Locked {
        Locked {
            package: PackageName::parse("acme:load").unwrap(),
            requirement: VersionRequirement::any(),
            version: Version::parse(version).unwrap(),
            digest: Digest::of(version.as_bytes()),
            manifest: None,
            source: Location::parse("/srv").unwrap(),
            api: "0.1.0".into(),
            capabilities: vec!["http".into()],
            signer: KeyId::parse("E7620F1842B4E81F"),
        }
    }

    fn offered(version: &str, bytes: &str) -> Release {
        Release {
            version: Version::parse(version).unwrap(),
            digest: Digest::of(bytes.as_bytes()),
            size: 1,
            world: None,
            yanked: None,
            signatures: Vec::new(),
            manifest: None,
            description: None,
        }
    }

    #[test]
    fn versions_go_forward_unless_told_otherwise() {
        let location = Location::parse("oci://h").unwrap();
        let check = |release: &Release, requirement: &str| {
            let requirement = VersionRequirement::parse(requirement).unwrap();
            check_order(&pinned("1.1.0"), &requirement, release, &location).map_err(|error| error.to_string())
        };
        assert_eq!(check(&offered("1.2.0", "x"), "^1"), Ok(()));
        assert_eq!(check(&offered("1.1.0", "1.1.0"), "^1"), Ok(()));
        assert!(check(&offered("1.1.0", "x"), "^1").unwrap_err().contains("replaced after it was pinned"));
        let back = check(&offered("1.0.0", "x"), "^1").unwrap_err();
        assert!(
            back.contains("acme:load: 1.1.0 is pinned, and oci://h offers nothing newer than 1.0.0"),
            "{back}"
        );
        assert!(back.ends_with("`stresshost plugin add acme:load@=1.0.0` goes back on purpose"), "{back}");
        assert_eq!(check(&offered("1.0.0", "x"), "=1.0.0"), Ok(()));
    }

    #[test]
    fn a_manifest_is_the_named_one() {
        let (package, version) = (PackageName::parse("acme:load").unwrap(), Version::new(1, 0, 0));
        let (named, other) = (Digest::of(b"a"), Digest::of(b"b"));
        let text = named.to_string();
        let check = |found: Option<&Digest>, named| check_manifest(&package, &version, found, named).is_ok();
        assert!(check(Some(&named), Some(&text)) && check(Some(&other), None) && check(None, None));
        assert!(!check(Some(&other), Some(&text)) && !check(None, Some(&text)));
    }

    #[test]
    fn what_was_passed_over_is_told_in_part() {
        let rejected: Vec<Rejected> = (0..7)
            .map(|patch| Rejected { version: Version::new(1, 0, patch), why: "yanked".into() })
            .collect();
        let (package, location) =
            (PackageName::parse("acme:load").unwrap(), Location::parse("/srv").unwrap());
        let error = nothing_fits(&package, &VersionRequirement::any(), &location, &rejected).to_string();
        assert!(error.starts_with("/srv has no version of acme:load for `*`: 1.0.0: yanked; "), "{error}");
        assert!(error.ends_with("1.0.4: yanked; and 2 more"), "{error}");
    }

    #[test]
    fn a_pin_is_summed_up() {
        let note = pinned_note(&pinned("1.0.0"), "x.lock");
        assert_eq!(
            note,
            "pinned acme:load 1.0.0 in x.lock: signed by key E7620F1842B4E81F, from /srv, asks for http"
        );
        let plain = Locked { signer: None, capabilities: Vec::new(), ..pinned("1.0.0") };
        assert!(pinned_note(&plain, "x.lock").contains("not signed, from /srv, asks for nothing"));
        assert_eq!(
            (shown(None), shown(pinned("1.0.0").signer.as_ref())),
            ("nobody".into(), "key E7620F1842B4E81F".into())
        );
    }
}
