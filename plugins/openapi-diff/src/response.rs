//! Comparing what an operation answers.

use std::fmt;

use stresshost_openapi::{Header, Operation, Response, Status};

use crate::report::Report;
use crate::request::contents;
use crate::rules::{Single, Subject};
use crate::walk::{Pair, Place, schemas};

/// A status as documents write it.
struct Told(Status);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Status::Exact(status) => write!(f, "{status}"),
            Status::Hundred(hundred) => write!(f, "{hundred}XX"),
            Status::Default => f.write_str("default"),
        }
    }
}

pub(crate) fn compare(report: &mut Report, operation: &str, base: &Operation, revision: &Operation) {
    for old in &base.responses {
        let exact = exact(revision, old.status);
        if exact.is_none() {
            // A client that is told of all statuses of a hundred is told of this one.
            let is_covered = covering(revision, old.status).is_some_and(|new| new.status != Status::Default);
            if !is_covered {
                let single = if is_success(old.status) {
                    Single::SuccessStatusRemoved
                } else {
                    Single::OtherStatusRemoved
                };
                let place = format!("response {}", Told(old.status));
                report.rule(single.rule(), operation, &place, "the status was removed".to_owned());
            }
        }
        if let Some(new) = exact.or_else(|| covering(revision, old.status)) {
            response(report, operation, old.status, old, new);
        }
    }
    for new in &revision.responses {
        if exact(base, new.status).is_some() {
            continue;
        }
        let single =
            if is_success(new.status) { Single::SuccessStatusAdded } else { Single::OtherStatusAdded };
        let place = format!("response {}", Told(new.status));
        report.rule(single.rule(), operation, &place, "the status was added".to_owned());
        if let Some(old) = covering(base, new.status) {
            response(report, operation, new.status, old, new);
        }
    }
}

fn exact(operation: &Operation, status: Status) -> Option<&Response> {
    operation.responses.iter().find(|one| one.status == status)
}

/// What describes a status that is not described itself.
fn covering(operation: &Operation, status: Status) -> Option<&Response> {
    let Status::Exact(code) = status else { return None };
    let hundred = exact(operation, Status::Hundred(code / 100));
    // `default` is how documents describe errors; a success that it would describe was not meant.
    hundred.or_else(|| exact(operation, Status::Default).filter(|_| !is_success(status)))
}

fn is_success(status: Status) -> bool {
    match status {
        Status::Exact(code) => code / 100 == 2,
        Status::Hundred(hundred) => hundred == 2,
        Status::Default => false,
    }
}

fn response(report: &mut Report, operation: &str, status: Status, old: &Response, new: &Response) {
    let place = format!("response {}", Told(status));
    let rules = Pair { base: Single::MediaTypeRemoved, revision: Single::MediaTypeAdded };
    let bodies = Pair { base: old.contents.as_slice(), revision: new.contents.as_slice() };
    contents(report, operation, &place, Subject::ResponseBody, rules, bodies);
    headers(report, operation, &place, &old.headers, &new.headers);
}

fn headers(report: &mut Report, operation: &str, response: &str, base: &[Header], revision: &[Header]) {
    let find = |all: &'_ [Header], one: &Header| {
        all.iter().position(|other| other.name.eq_ignore_ascii_case(&one.name))
    };
    let place = |one: &Header| format!("{response} header {}", one.name);
    for old in base {
        let place = place(old);
        let mut rule = |single: Single, message: &str| {
            report.rule(single.rule(), operation, &place, message.to_owned());
        };
        let Some(at) = find(revision, old) else {
            if old.required {
                rule(Single::HeaderRequiredRemoved, "the header was removed; it was always there");
            } else {
                rule(Single::HeaderOptionalRemoved, "the header was removed; it was optional");
            }
            continue;
        };
        let new = &revision[at];
        match (old.required, new.required) {
            (true, false) => rule(Single::HeaderBecameOptional, "the header became optional"),
            (false, true) => rule(Single::HeaderBecameRequired, "the header became required"),
            _ => {}
        }
        let at = Place {
            operation,
            place: &place,
            subject: Subject::Header,
            examples: Pair { base: None, revision: None },
            is_json: true,
        };
        schemas(report, at, Some(&old.schema), Some(&new.schema));
    }
    for new in revision.iter().filter(|new| find(base, new).is_none()) {
        report.rule(Single::HeaderAdded.rule(), operation, &place(new), "the header was added".to_owned());
    }
}
