//! A virtual user: sends the operations in turn, and holds a share of the answers against the document.

use std::time::Instant;

use stresshost_sdk::checks::Check;
use stresshost_sdk::http::{self, Prepared, Response};
use stresshost_sdk::metrics::Distribution;
use stresshost_sdk::prelude::*;

use crate::conformance::{self, CHECKS, Outcome, Schemas};
use crate::document::{Request, Workload};

/// How grave a failed check is, in the order of [`CHECKS`].
const SEVERITIES: [&str; CHECKS.len()] = ["high", "medium", "medium", "low", "medium"];

#[derive(Debug, Default)]
pub(crate) struct User {
    one_in: u64,
    steps: Vec<Step>,
    checks: Vec<Check>,
    validation: Option<Distribution>,
    schemas: Schemas,
}

#[derive(Debug)]
struct Step {
    request: Request,
    prepared: Prepared,
    /// Answers so far.
    answers: u64,
}

impl User {
    pub(crate) fn start(vu: VuInfo, document: Workload) -> Result<Self, Failure> {
        let Workload { requests, one_in } = document;
        // Users begin at different answers, so that a share of few answers is one of all of a run's length.
        let begin = if one_in > 0 { vu.id % one_in } else { 0 };
        let steps = requests.into_iter().map(|request| {
            let prepared = prepare(&request)?;
            Ok(Step { request, prepared, answers: begin })
        });
        let steps = steps.collect::<Result<Vec<_>, Failure>>()?;
        let (mut checks, mut validation) = (Vec::new(), None);
        if one_in > 0 {
            checks = CHECKS.iter().map(|name| Check::register(name)).collect::<Result<_, _>>()?;
            validation = Some(Distribution::register("validation of an answer", "us")?);
        }
        Ok(Self { one_in, steps, checks, validation, schemas: Schemas::default() })
    }

    pub(crate) fn iterate(&mut self, iteration: Iteration) -> Result<(), Failure> {
        let count = self.steps.len() as u64;
        let place = usize::try_from(iteration.number.checked_rem(count).unwrap_or(0)).unwrap_or(0);
        let Some(step) = self.steps.get_mut(place) else {
            return Err(Failure::setup("the plan has no requests"));
        };
        let response = step.prepared.fire(&[]);
        if response.status() == 0 {
            let message = format!("`{}` failed: {}", step.request.name, response.error_name());
            return Err(Failure::new("request", message));
        }
        step.answers += 1;
        if self.one_in > 0 && step.answers.is_multiple_of(self.one_in) {
            self.validate(place, response)?;
        }
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "a guest's clock is the run's")]
    fn validate(&mut self, place: usize, response: Response) -> Result<(), Failure> {
        let Some(step) = self.steps.get(place) else { return Ok(()) };
        let begun = Instant::now();
        let outcomes = conformance::check((place, &step.request), &response, &mut self.schemas);
        if let Some(validation) = self.validation {
            validation.record(begun.elapsed().as_secs_f64() * 1e6);
        }
        for ((outcome, check), severity) in outcomes.into_iter().zip(&self.checks).zip(SEVERITIES) {
            match outcome {
                Outcome::Unsaid => {}
                Outcome::Holds => {
                    check.mark(true);
                }
                Outcome::Deviates(message, evidence) => {
                    check.mark(false);
                    let rule = CHECKS.get(check_place(&self.checks, *check)).copied().unwrap_or_default();
                    let shown = curl(&step.request);
                    let evidence = if evidence.is_empty() { shown } else { format!("{evidence}; {shown}") };
                    stresshost_sdk::findings::report(&Finding {
                        rule: rule.to_owned(),
                        severity: severity.to_owned(),
                        message,
                        location: step.request.name.clone(),
                        evidence,
                        ..Finding::default()
                    })?;
                }
            }
        }
        Ok(())
    }
}

fn check_place(checks: &[Check], check: Check) -> usize {
    checks.iter().position(|known| *known == check).unwrap_or(usize::MAX)
}

fn prepare(request: &Request) -> Result<Prepared, Failure> {
    let mut prepared = http::Request::new(&request.method, &request.name, &request.url);
    for (name, value) in &request.headers {
        prepared = prepared.header(name, value);
    }
    if let Some(body) = &request.body {
        prepared = prepared.body(body.as_bytes());
    }
    prepared.prepare()
}

/// A command line that sends the same; secrets are named, not shown.
fn curl(request: &Request) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
    let mut line = format!("curl -X {} {}", request.method, quoted(&request.url));
    for (name, value) in &request.headers {
        line.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
    }
    if let Some(body) = &request.body {
        line.push_str(&format!(" -d {}", quoted(body)));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_survives_a_shell() {
        let request = Request {
            method: "POST".into(),
            url: "http://h/a?b=1&c=2".into(),
            headers: vec![("X".into(), "it's".into())],
            body: Some("{\"a\":\"$HOME\"}".into()),
            ..Request::default()
        };
        assert_eq!(curl(&request), r#"curl -X POST 'http://h/a?b=1&c=2' -H 'X: it'\''s' -d '{"a":"$HOME"}'"#);
    }
}
