//! Comparing what an operation takes.

use stresshost_openapi::{Body, Content, Operation, Parameter, Place};

use crate::compare::placeholders;
use crate::report::Report;
use crate::rules::{Single, Subject};
use crate::walk::{self, Pair, schemas};

pub(crate) fn compare(report: &mut Report, operation: &str, base: &Operation, revision: &Operation) {
    parameters(report, operation, base, revision);
    body(report, operation, base.body.as_ref(), revision.body.as_ref());
}

fn word(place: Place) -> &'static str {
    match place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
        Place::Cookie => "cookie",
    }
}

/// What of the other operation is this parameter. In a path it is the one at the same position.
fn counterpart<'a>(operation: &Operation, one: &Parameter, other: &'a Operation) -> Option<&'a Parameter> {
    let name = match one.place {
        Place::Path => {
            let at = placeholders(&operation.path).position(|name| name == one.name)?;
            placeholders(&other.path).nth(at)?
        }
        _ => &one.name,
    };
    other.parameters.iter().find(|other| {
        let is_same = match one.place {
            Place::Header => other.name.eq_ignore_ascii_case(name),
            _ => other.name == name,
        };
        other.place == one.place && is_same
    })
}

fn parameters(report: &mut Report, operation: &str, base: &Operation, revision: &Operation) {
    let place = |one: &Parameter| format!("{} parameter {}", word(one.place), one.name);
    for old in &base.parameters {
        let place = place(old);
        let Some(new) = counterpart(base, old, revision) else {
            let rule = Single::ParameterRemoved.rule();
            report.rule(rule, operation, &place, "the parameter was removed".to_owned());
            continue;
        };
        match (old.required, new.required) {
            (false, true) => {
                let rule = Single::ParameterBecameRequired.rule();
                report.rule(rule, operation, &place, "the parameter became required".to_owned());
            }
            (true, false) => {
                let rule = Single::ParameterBecameOptional.rule();
                report.rule(rule, operation, &place, "the parameter became optional".to_owned());
            }
            _ => {}
        }
        let at = walk::Place {
            operation,
            place: &place,
            subject: Subject::Parameter,
            examples: Pair { base: old.example.as_ref(), revision: new.example.as_ref() },
            is_json: true,
        };
        schemas(report, at, Some(&old.schema), Some(&new.schema));
    }
    for new in revision.parameters.iter().filter(|new| counterpart(revision, new, base).is_none()) {
        let (single, how) = if new.required {
            (Single::ParameterRequiredAdded, "a required parameter was added")
        } else {
            (Single::ParameterOptionalAdded, "an optional parameter was added")
        };
        report.rule(single.rule(), operation, &place(new), how.to_owned());
    }
}

fn body(report: &mut Report, operation: &str, base: Option<&Body>, revision: Option<&Body>) {
    let mut rule = |single: Single, message: &str| {
        report.rule(single.rule(), operation, "request body", message.to_owned());
    };
    let (old, new) = match (base, revision) {
        (None, None) => return,
        (None, Some(new)) if new.required => {
            return rule(Single::BodyRequiredAdded, "a required body was added");
        }
        (None, Some(_)) => return rule(Single::BodyOptionalAdded, "an optional body was added"),
        (Some(_), None) => return rule(Single::BodyRemoved, "the body was removed"),
        (Some(old), Some(new)) => (old, new),
    };
    match (old.required, new.required) {
        (false, true) => rule(Single::BodyBecameRequired, "the body became required"),
        (true, false) => rule(Single::BodyBecameOptional, "the body became optional"),
        _ => {}
    }
    let rules = Pair { base: Single::BodyMediaTypeRemoved, revision: Single::BodyMediaTypeAdded };
    let contents = Pair { base: old.contents.as_slice(), revision: new.contents.as_slice() };
    self::contents(report, operation, "request body", Subject::RequestBody, rules, contents);
}

/// Compares bodies by their media types. The rules are those of a media type that was removed and one that was added.
pub(crate) fn contents(
    report: &mut Report,
    operation: &str,
    place: &str,
    subject: Subject,
    rules: Pair<Single>,
    contents: Pair<&[Content]>,
) {
    let find = |all: &'_ [Content], one: &Content| {
        all.iter().position(|other| media_type(&other.media_type) == media_type(&one.media_type))
    };
    for old in contents.base {
        let Some(at) = find(contents.revision, old) else {
            let message = format!("the media type `{}` was removed", old.media_type);
            report.rule(rules.base.rule(), operation, place, message);
            continue;
        };
        let new = &contents.revision[at];
        let is_only = contents.base.len() == 1 && old.is_json();
        let named = if is_only { place.to_owned() } else { format!("{place} ({})", old.media_type) };
        let at = walk::Place {
            operation,
            place: &named,
            subject,
            examples: Pair { base: old.example.as_ref(), revision: new.example.as_ref() },
            is_json: old.is_json(),
        };
        schemas(report, at, old.schema.as_ref(), new.schema.as_ref());
    }
    for new in contents.revision.iter().filter(|new| find(contents.base, new).is_none()) {
        let message = format!("the media type `{}` was added", new.media_type);
        report.rule(rules.revision.rule(), operation, place, message);
    }
}

/// A media type as it is told apart: without case, spaces, and the encoding that is meant anyway.
fn media_type(written: &str) -> String {
    let plain: String =
        written.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    plain.replace(";charset=utf-8", "")
}
