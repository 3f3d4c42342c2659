//! Which version of a plugin is used: the newest one that meets the requirement, is not yanked and runs here.

use semver::Version;

use crate::error::Result;
use crate::limits::MAX_TRIED;
use crate::reference::VersionRequirement;
use crate::release::Release;

/// A version that was not chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// The version.
    pub version: Version,
    /// Why not.
    pub why: String,
}

/// The outcome of a choice.
pub struct Choice {
    /// The version to use, if there is one.
    pub chosen: Option<Release>,
    /// Versions that were passed over, newest first. Older ones than the chosen were not looked at.
    pub rejected: Vec<Rejected>,
}

/// Chooses among `versions`. `release` is asked for details, newest first, as long as none fits; `runs` says whether this
/// host runs a version of the contract.
///
/// # Errors
/// Those of `release`.
pub fn choose(
    mut versions: Vec<Version>,
    requirement: &VersionRequirement,
    runs: impl Fn(&str) -> bool,
    mut release: impl FnMut(&Version) -> Result<Release>,
) -> Result<Choice> {
    versions.sort_by(|a, b| b.cmp(a));
    versions.dedup();
    let mut rejected = Vec::new();
    let mut tried = 0;
    for version in versions {
        if !requirement.matches(&version) {
            rejected.push(Rejected { version, why: format!("`{requirement}` does not include it") });
            continue;
        }
        if tried == MAX_TRIED {
            let why = format!("not looked at: {MAX_TRIED} newer ones do not fit either");
            rejected.push(Rejected { version, why });
            break;
        }
        tried += 1;
        let release = release(&version)?;
        match unfit(&release, &runs) {
            Some(why) => rejected.push(Rejected { version, why }),
            None => return Ok(Choice { chosen: Some(release), rejected }),
        }
    }
    Ok(Choice { chosen: None, rejected })
}

/// Why a release is not chosen, whatever was required.
pub fn unfit(release: &Release, runs: impl Fn(&str) -> bool) -> Option<String> {
    if let Some(reason) = &release.yanked {
        let reason = if reason.is_empty() { String::new() } else { format!(": {}", reason.escape_debug()) };
        return Some(format!("yanked{reason}"));
    }
    let api = release.world.as_ref()?.api().unwrap_or("none");
    (!runs(api)).then(|| format!("built for workload {}, which this host does not run", api.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::release::World;

    fn offered(version: &Version, api: &str, yanked: bool) -> Release {
        Release {
            version: version.clone(),
            digest: Digest::of(version.to_string().as_bytes()),
            size: 1,
            world: Some(World {
                exports: vec![format!("stresshost:workload/guest@{api}")],
                imports: Vec::new(),
            }),
            yanked: yanked.then(|| "broken".to_owned()),
            signatures: Vec::new(),
            manifest: None,
            description: None,
        }
    }

    /// Chooses among versions, `!` for yanked and `+` for built for a newer host; the chosen, the rejected.
    fn pick(versions: &[&str], requirement: &str) -> (Option<String>, Vec<String>) {
        let of = |text: &str| Version::parse(text.trim_end_matches(['!', '+'])).unwrap();
        let choice = choose(
            versions.iter().map(|text| of(text)).collect(),
            &VersionRequirement::parse(requirement).unwrap(),
            |api| api == "0.1.0",
            |version| {
                let text = versions.iter().find(|text| of(text) == *version).unwrap();
                Ok(offered(version, if text.ends_with('+') { "0.2.0" } else { "0.1.0" }, text.ends_with('!')))
            },
        );
        let choice = choice.unwrap();
        let rejected = choice
            .rejected
            .iter()
            .map(|rejected| format!("{}: {}", rejected.version, rejected.why))
            .collect();
        (choice.chosen.map(|release| release.version.to_string()), rejected)
    }

    #[test]
    fn the_newest_that_fits_is_chosen() {
        let chosen = |versions: &[&str], requirement| pick(versions, requirement).0;
        assert_eq!(chosen(&["0.1.0", "0.1.10", "0.1.9"], "^0.1").as_deref(), Some("0.1.10"));
        assert_eq!(chosen(&["0.1.0", "0.1.1!", "0.1.2+"], "^0.1").as_deref(), Some("0.1.0"));
        assert_eq!(chosen(&["0.1.0", "0.2.0"], "^0.1").as_deref(), Some("0.1.0"));
        assert_eq!(chosen(&["1.0.0-rc.1", "0.9.0"], "*").as_deref(), Some("0.9.0"));
        assert_eq!(chosen(&["0.2.0", "0.1.0!"], "^0.1"), None);
        assert_eq!(chosen(&[], "*"), None);
    }

    #[test]
    fn what_was_passed_over_is_explained() {
        assert_eq!(
            pick(&["0.1.0", "0.1.1!", "0.1.2+", "0.2.0"], "^0.1").1,
            [
                "0.2.0: `^0.1` does not include it",
                "0.1.2: built for workload 0.2.0, which this host does not run",
                "0.1.1: yanked: broken",
            ]
        );
    }

    #[test]
    fn a_registry_of_broken_versions_is_given_up() {
        let many: Vec<String> = (0..100).map(|patch| format!("1.0.{patch}!")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let (chosen, rejected) = pick(&many, "*");
        assert_eq!((chosen, rejected.len()), (None, MAX_TRIED + 1));
        assert!(rejected[MAX_TRIED].starts_with("1.0.67: not looked at"), "{}", rejected[MAX_TRIED]);
    }
}
