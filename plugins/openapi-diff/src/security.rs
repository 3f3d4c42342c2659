//! Comparing who is let in.

use stresshost_openapi::{Operation, Scheme, Spec};

use crate::report::Report;
use crate::rules::Single;

/// What is needed for one way in. A scheme is what it asks for, whatever it is called.
type Way<'a> = Vec<(&'a str, Option<&'a Scheme>)>;

pub(crate) fn compare(
    report: &mut Report,
    operation: &str,
    base: (&Spec, &Operation),
    revision: (&Spec, &Operation),
) {
    let (old, new) = (ways(base), ways(revision));
    let lets = |ways: &[Way<'_>], way: &Way<'_>| ways.iter().any(|one| is_enough(way, one));
    match (is_open(&old), is_open(&new)) {
        (true, true) => {}
        (true, false) => {
            let message = format!("anybody was let in, and now {} is needed", told(&new));
            report.rule(Single::SecurityAdded.rule(), operation, "security", message);
        }
        (false, true) => {
            let message = format!("{} was needed, and now anybody is let in", told(&old));
            report.rule(Single::SecurityDropped.rule(), operation, "security", message);
        }
        (false, false) => {
            for way in old.iter().filter(|way| !lets(&new, way)) {
                let message = format!("{} is no longer enough; {} is needed", one(way), told(&new));
                report.rule(Single::SecurityRemoved.rule(), operation, "security", message);
            }
            for way in new.iter().filter(|way| !lets(&old, way)) {
                let message = format!("{} is enough as well", one(way));
                report.rule(Single::SecurityAlternativeAdded.rule(), operation, "security", message);
            }
        }
    }
}

fn ways<'a>((spec, operation): (&'a Spec, &'a Operation)) -> Vec<Way<'a>> {
    let scheme = |name: &'a String| {
        let scheme = spec.schemes.iter().find(|(other, _)| other == name).map(|(_, scheme)| scheme);
        (name.as_str(), scheme)
    };
    operation.security.iter().map(|way| way.iter().map(scheme).collect()).collect()
}

fn is_open(ways: &[Way<'_>]) -> bool {
    ways.is_empty() || ways.iter().any(Vec::is_empty)
}

/// Whether who has all of the one way has all that the other needs.
fn is_enough(has: &Way<'_>, needs: &Way<'_>) -> bool {
    needs.iter().all(|needed| has.iter().any(|own| is_same(own, needed)))
}

fn is_same(one: &(&str, Option<&Scheme>), other: &(&str, Option<&Scheme>)) -> bool {
    match (one.1, other.1) {
        // Of other schemes only the type is known, so that the name must tell them apart.
        (Some(Scheme::Other(a)), Some(Scheme::Other(b))) => a == b && one.0 == other.0,
        (Some(a), Some(b)) => a == b,
        (None, None) => one.0 == other.0,
        _ => false,
    }
}

fn told(ways: &[Way<'_>]) -> String {
    ways.iter().map(one).collect::<Vec<_>>().join(" or ")
}

fn one(way: &Way<'_>) -> String {
    way.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(" with ")
}
