//! Checks of conformance that need requests of their own. The names are those that Schemathesis gives its checks, where it
//! has the same.
//!
//! | module | checks |
//! |---|---|
//! | `data` | generated inputs: what the document allows is accepted, what it does not is refused |
//! | `promises` | methods, headers, credentials, objects, times |
//! | `examples` | examples of the document, and what answers have beside it |

mod data;
mod examples;
mod promises;

use stresshost_sdk::prelude::Finding;

use crate::case::Case;
use crate::client::{Call, Client, Heard, curl};
use crate::conformance::{self, CHECKS, Outcome, SEVERITIES, Schemas};
use crate::document::{Operation, Place, Probing, Variables, Workload};
use crate::identity::Identity;
use crate::prober::Report;

/// The check that input which the document does not allow is refused.
pub(crate) const NEGATIVE: &str = "negative_data_rejection";

/// Names of the checks, in the order in which they are made.
pub(crate) const NAMES: &[&str] = &[
    "documented_examples",
    "undeclared_fields",
    "deprecation_header",
    "max_response_time",
    "ignored_auth",
    "missing_required_header",
    "unsupported_method",
    "positive_data_acceptance",
    NEGATIVE,
    "ensure_resource_availability",
    "use_after_free",
];

/// Statuses of a server that refuses what it was sent for its form.
const REFUSED: [u16; 3] = [400, 415, 422];

/// What a check is asked about.
pub(crate) struct Asked<'a> {
    pub(crate) workload: &'a Workload,
    /// Index of the operation.
    pub(crate) operation: usize,
    pub(crate) owner: Option<&'a Identity>,
    /// Number of the item, for names of what is made.
    pub(crate) number: u64,
}

/// Whether there is something to check.
pub(crate) fn applies(name: &str, operation: &Operation, probing: &Probing) -> bool {
    let has_schema = operation.body.as_ref().is_some_and(|body| body.schema.is_some())
        || operation
            .parameters
            .iter()
            .any(|parameter| parameter.schema.as_object().is_some_and(|map| !map.is_empty()));
    // Of an operation that deletes nothing can be tried twice.
    let is_harmless = operation.method != "DELETE" || probing.destructive;
    match name {
        "documented_examples" => examples::has_examples(operation),
        "undeclared_fields" => examples::has_schemas(operation) && is_harmless,
        "deprecation_header" => operation.deprecated && is_harmless,
        "max_response_time" => probing.max_response_ms.is_some() && is_harmless,
        "ignored_auth" => operation.auth_required && is_harmless,
        "missing_required_header" => {
            let needed = |place, required| place == Place::Header && required;
            operation.parameters.iter().any(|parameter| needed(parameter.place, parameter.required))
                && is_harmless
        }
        "unsupported_method" => promises::unsupported_method(operation, probing).is_some(),
        "positive_data_acceptance" | NEGATIVE => has_schema && is_harmless,
        "ensure_resource_availability" => operation.method == "POST",
        "use_after_free" => operation.method == "DELETE" && probing.destructive,
        _ => false,
    }
}

/// Makes one check of one operation.
pub(crate) fn run(name: &str, asked: &Asked<'_>, client: &mut dyn Client, schemas: &mut Schemas) -> Report {
    let Some(operation) = asked.workload.operations.get(asked.operation) else { return Report::default() };
    let mut prober =
        Prober { asked, operation, client, schemas, report: Report::default(), requests: 0, names: 0 };
    match name {
        "documented_examples" => examples::documented(&mut prober),
        "undeclared_fields" => examples::undeclared(&mut prober),
        "deprecation_header" => promises::deprecation(&mut prober),
        "max_response_time" => promises::response_time(&mut prober),
        "ignored_auth" => promises::ignored_auth(&mut prober),
        "missing_required_header" => promises::missing_header(&mut prober),
        "unsupported_method" => promises::method(&mut prober),
        "positive_data_acceptance" => data::positive(&mut prober),
        NEGATIVE => data::negative(&mut prober),
        "ensure_resource_availability" => promises::availability(&mut prober),
        "use_after_free" => promises::use_after_free(&mut prober),
        _ => {}
    }
    let Prober { mut report, requests, .. } = prober;
    report.requests.push((name.to_owned(), requests));
    report
}

/// One check at work.
struct Prober<'a> {
    asked: &'a Asked<'a>,
    operation: &'a Operation,
    client: &'a mut dyn Client,
    schemas: &'a mut Schemas,
    report: Report,
    requests: u64,
    names: u64,
}

impl<'a> Prober<'a> {
    /// The variables of the caller, with a name that nothing had before.
    fn variables(&mut self) -> Variables {
        self.names += 1;
        let mut variables = self.asked.owner.map_or_else(
            || Identity::named(self.asked.workload, "nobody").variables,
            |owner| owner.variables.clone(),
        );
        let name = variables.get("unique").unwrap_or_default().to_owned();
        variables.set("unique", format!("{name}c{}x{}", self.asked.number, self.names));
        variables
    }

    /// The usual request.
    fn usual(&mut self) -> Case<'a> {
        let variables = self.variables();
        Case::usual(self.operation, &variables)
    }

    /// The call of a case by the caller.
    fn call(&self, case: &Case<'_>) -> Call {
        case.call(self.asked.owner.map(|owner| &owner.variables))
    }

    /// Sends, and holds the answer against the document.
    fn send(&mut self, call: &Call) -> Heard {
        self.requests += 1;
        let heard = self.client.send(call);
        if heard.status == 0 {
            return heard;
        }
        let outcomes = conformance::check((self.asked.operation, self.operation), &heard, self.schemas);
        for (outcome, (rule, severity)) in outcomes.into_iter().zip(CHECKS.into_iter().zip(SEVERITIES)) {
            match outcome {
                Outcome::Unsaid => {}
                Outcome::Holds => self.report.checks.push((rule.to_owned(), true)),
                Outcome::Deviates(message, evidence) => {
                    self.report.checks.push((rule.to_owned(), false));
                    self.finding(rule, severity, message, &evidence, call);
                }
            }
        }
        heard
    }

    /// The usual request of somebody who has just made an account, where that can be done.
    fn of_somebody_new(&mut self) -> Option<(Case<'a>, Identity)> {
        self.asked.workload.session.as_ref().filter(|session| session.register.is_some())?;
        let name = self.variables().get("unique").unwrap_or_default().to_owned();
        let mut somebody = Identity::named(self.asked.workload, &name);
        somebody.log_in(self.client, self.asked.workload, 0).ok()?;
        Some((Case::usual(self.operation, &somebody.variables), somebody))
    }

    /// Sends a call of which nothing is said.
    fn ask(&mut self, call: &Call) -> Heard {
        self.requests += 1;
        self.client.send(call)
    }

    fn holds(&mut self, rule: &str) {
        self.report.checks.push((rule.to_owned(), true));
    }

    /// Something that does not hold.
    fn broken(&mut self, rule: &str, severity: &str, message: String, evidence: &str, call: &Call) {
        self.report.checks.push((rule.to_owned(), false));
        self.finding(rule, severity, message, evidence, call);
    }

    fn finding(&mut self, rule: &str, severity: &str, message: String, evidence: &str, call: &Call) {
        let shown = curl(self.client.base_url(), call);
        let evidence = if evidence.is_empty() { shown } else { format!("{evidence}; {shown}") };
        self.report.findings.push(Finding {
            rule: rule.to_owned(),
            severity: severity.to_owned(),
            message,
            location: self.operation.name.clone(),
            evidence,
            ..Finding::default()
        });
    }

    fn note(&mut self, text: String) {
        self.report.notes.push(format!("{}: {text}", self.operation.name));
    }
}

#[cfg(test)]
mod tests;
