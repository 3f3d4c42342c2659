//! A virtual user: sends requests in turn or in journeys, holds a share of the answers against the document, or probes.

use std::time::{Duration, Instant};

use stresshost_sdk::checks::{Checks, Outcomes};
use stresshost_sdk::http::{self, Prepared, Response};
use stresshost_sdk::metrics::Distribution;
use stresshost_sdk::prelude::*;

use crate::client::HostClient;
use crate::conformance::{self, CHECKS, Outcome, SEVERITIES, Schemas};
use crate::document::{Request, Work, Workload};
use crate::identity::Identity;
use crate::load::slot_value;
use crate::prober::Prober;

/// Items of a list that are chosen from.
const CHOICE: u64 = 10;

/// Of how many validations one is timed.
const TIMED_ONE_IN: u64 = 8;

/// Pause after a login that was refused.
const AFTER_REFUSAL: Duration = Duration::from_secs(1);

/// Variables that somebody has only with an account.
const OF_ACCOUNTS: [&str; 5] = ["token", "user_id", "username", "password", "email"];

#[derive(Debug, Default)]
pub(crate) struct User {
    workload: Workload,
    works: Vec<Ready>,
    checks: Checks,
    validation: Option<Distribution>,
    schemas: Schemas,
    identity: Identity,
    /// For tokens and accounts.
    client: HostClient,
    is_logged_in: bool,
    prober: Prober,
    /// Answers held against the document so far.
    validated: u64,
    /// Requests that made a name of their own so far.
    names: u64,
    name: String,
}

/// The work of one scenario with its requests prepared.
#[derive(Debug)]
enum Ready {
    Turn(Vec<Step>),
    Journey(Vec<Step>),
    Items,
}

/// Index of a scenario, and of a step in it.
type At = (usize, usize);

/// What is looked at for each request fits a line of the processor's cache: with many users it is never there already.
#[derive(Debug)]
struct Step {
    request: Box<Request>,
    prepared: Prepared,
    /// Of how many requests the answer of one is held against the document; 0: of none.
    one_in: u64,
    /// Requests since that was done last.
    since: u64,
    /// Whether the request is the same each time.
    is_fixed: bool,
    /// Whether values are taken from its answer.
    has_extracts: bool,
    /// Whether it carries what only somebody with an account has.
    needs_account: bool,
    /// Whether it makes something under a name of its own.
    needs_name: bool,
}

impl Step {
    /// Counts a request; whether its answer is one to be held against the document.
    fn is_held(&mut self) -> bool {
        self.since += 1;
        let is_held = self.since == self.one_in;
        if is_held {
            self.since = 0;
        }
        is_held
    }
}

fn step_of(works: &mut [Ready], (scenario, place): At) -> Option<&mut Step> {
    match works.get_mut(scenario)? {
        Ready::Turn(steps) | Ready::Journey(steps) => steps.get_mut(place),
        Ready::Items => None,
    }
}

impl User {
    pub(crate) fn start(vu: VuInfo, workload: Workload) -> Result<Self, Failure> {
        // Users begin at different answers, so that a share of few answers is one of all of a run's length.
        let begin = vu.id.checked_rem(workload.one_in).unwrap_or(0);
        let ready = |requests: &[Request]| {
            requests
                .iter()
                .map(|request| step(&workload, request, begin))
                .collect::<Result<Vec<_>, Failure>>()
        };
        let mut works = Vec::with_capacity(workload.scenarios.len());
        for work in &workload.scenarios {
            works.push(match work {
                Work::Turn(requests) => Ready::Turn(ready(requests)?),
                Work::Journey(requests) => Ready::Journey(ready(requests)?),
                Work::Items(_) => Ready::Items,
            });
        }
        let is_load = works.iter().any(|work| !matches!(work, Ready::Items));
        let (mut checks, mut validation) = (Checks::default(), None);
        if workload.one_in > 0 && is_load {
            checks = Checks::register(&CHECKS)?;
            validation = Some(Distribution::register("validation of an answer", "us")?);
        }
        let name = format!("{}v{}", workload.run, vu.id);
        Ok(Self {
            works,
            checks,
            validation,
            identity: Identity::of_session(&workload, vu.id, &name),
            client: HostClient::new(&workload.base_url),
            prober: Prober::new(&workload, &name),
            name,
            workload,
            ..Self::default()
        })
    }

    pub(crate) fn iterate(&mut self, iteration: Iteration) -> Result<(), Failure> {
        let scenario = usize::try_from(iteration.scenario).unwrap_or(usize::MAX);
        match self.works.get(scenario) {
            Some(Ready::Turn(steps)) => {
                let place = iteration.number.checked_rem(steps.len() as u64).unwrap_or(0);
                let place = usize::try_from(place).unwrap_or(0);
                self.send((scenario, place)).map(|_| ())
            }
            Some(Ready::Journey(steps)) => {
                for place in 0..steps.len() {
                    let response = self.send((scenario, place))?;
                    if !response.ok() {
                        let action = self.step((scenario, place)).map(|step| step.request.action.as_str());
                        let (action, status) = (action.unwrap_or_default(), response.status());
                        return Err(Failure::new(
                            "expectation",
                            format!("`{action}` failed: status {status}"),
                        ));
                    }
                }
                Ok(())
            }
            Some(Ready::Items) => {
                let Some(Work::Items(items)) = self.workload.scenarios.get(scenario) else { return Ok(()) };
                let number = usize::try_from(iteration.number).ok();
                match number.and_then(|number| items.get(number)) {
                    Some(item) => self.prober.probe(&self.workload, item, iteration.number),
                    None => Ok(()),
                }
            }
            None => Err(Failure::setup("the plan has no such scenario")),
        }
    }

    fn step(&self, (scenario, place): At) -> Option<&Step> {
        match self.works.get(scenario)? {
            Ready::Turn(steps) | Ready::Journey(steps) => steps.get(place),
            Ready::Items => None,
        }
    }

    fn send(&mut self, at: At) -> Result<Response, Failure> {
        let Some(step) = step_of(&mut self.works, at) else {
            return Err(Failure::setup("the plan has no requests"));
        };
        let is_held = step.is_held();
        let (prepared, needs_account) = (step.prepared, step.needs_account);
        let (is_fixed, has_extracts) = (step.is_fixed, step.has_extracts);
        let response = if is_fixed { prepared.fire(&[]) } else { self.fire_filled(at)? };
        if response.status() == 0 {
            let name = self.step(at).and_then(|step| self.workload.operations.get(step.request.operation));
            let name = name.map(|operation| operation.name.as_str()).unwrap_or_default();
            return Err(Failure::new("request", format!("`{name}` failed: {}", response.error_name())));
        }
        if response.status() == 401 && needs_account {
            self.is_logged_in = false;
        }
        if has_extracts {
            self.extract(at, response);
        }
        if is_held {
            self.validate(at, response)?;
        }
        Ok(response)
    }

    /// Sends a request that needs an account or has slots.
    fn fire_filled(&mut self, at: At) -> Result<Response, Failure> {
        let Some(step) = self.step(at) else { return Err(Failure::setup("the plan has no requests")) };
        let (needs_account, needs_name) = (step.needs_account, step.needs_name);
        if needs_account {
            self.log_in()?;
        }
        if needs_name {
            self.names += 1;
            self.identity.variables.set("unique", format!("{}n{}", self.name, self.names));
        }
        let Some(step) = self.step(at) else { return Err(Failure::setup("the plan has no requests")) };
        let variables = &self.identity.variables;
        let values: Vec<_> = step.request.slots.iter().map(|slot| slot_value(slot, variables)).collect();
        let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
        Ok(step.prepared.fire(&values))
    }

    /// Gets an account and a token, or a new token in time.
    fn log_in(&mut self) -> Result<(), Failure> {
        // A token that does not expire needs no look at the clock.
        if self.is_logged_in && self.identity.renew_at_us.is_none() {
            return Ok(());
        }
        let now_us = u64::try_from(stresshost_sdk::pacing::now().as_micros()).unwrap_or(u64::MAX);
        if self.is_logged_in && !self.identity.needs_renewal(now_us) {
            return Ok(());
        }
        if let Err(refused) = self.identity.log_in(&mut self.client, &self.workload, now_us) {
            // Without a pause every user would ask again at once, and the load would be one of logins.
            stresshost_sdk::pacing::sleep(AFTER_REFUSAL);
            return Err(Failure::new("auth", refused.to_string()));
        }
        self.is_logged_in = true;
        Ok(())
    }

    fn extract(&mut self, at: At, response: Response) {
        let Some(step) = self.step(at) else { return };
        let mut taken = Vec::new();
        for extract in &step.request.extract {
            let drawn = stresshost_sdk::random::below(CHOICE).to_string();
            let value = extract.pointers.iter().find_map(|pointer| match pointer.contains('*') {
                true => response
                    .json(&pointer.replace('*', &drawn))
                    .or_else(|| response.json(&pointer.replace('*', "0"))),
                false => response.json(pointer),
            });
            taken.extend(value.map(|value| (extract.variable.clone(), value)));
        }
        for (name, value) in taken {
            self.identity.variables.set(&name, value);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a guest's clock is the run's")]
    fn validate(&mut self, at: At, response: Response) -> Result<(), Failure> {
        let Some(place) = self.step(at).map(|step| step.request.operation) else { return Ok(()) };
        let Some(operation) = self.workload.operations.get(place) else { return Ok(()) };
        // To ask for the time takes a good part of the time that is to be measured.
        self.validated += 1;
        let begun = self.validated.is_multiple_of(TIMED_ONE_IN).then(Instant::now);
        let outcomes = conformance::check((place, operation), &response, &mut self.schemas);
        if let (Some(validation), Some(begun)) = (self.validation, begun) {
            validation.record(begun.elapsed().as_secs_f64() * 1e6);
        }
        let mut marks = Outcomes::default();
        for (place, outcome) in outcomes.iter().enumerate() {
            if *outcome != Outcome::Unsaid {
                marks.tell(place, *outcome == Outcome::Holds);
            }
        }
        self.checks.mark(marks);
        for (outcome, (rule, severity)) in outcomes.into_iter().zip(CHECKS.into_iter().zip(SEVERITIES)) {
            match outcome {
                Outcome::Unsaid | Outcome::Holds => {}
                Outcome::Deviates(message, evidence) => {
                    let shown =
                        self.step(at).map(|step| curl(&operation.method, &step.request)).unwrap_or_default();
                    let evidence = if evidence.is_empty() { shown } else { format!("{evidence}; {shown}") };
                    stresshost_sdk::findings::report(&Finding {
                        rule: rule.to_owned(),
                        severity: severity.to_owned(),
                        message,
                        location: operation.name.clone(),
                        evidence,
                        ..Finding::default()
                    })?;
                }
            }
        }
        Ok(())
    }
}

fn step(workload: &Workload, request: &Request, begin: u64) -> Result<Step, Failure> {
    let Some(operation) = workload.operations.get(request.operation) else {
        return Err(Failure::setup("a request has no operation"));
    };
    let mut prepared = http::Request::new(&operation.method, &operation.name, &request.url);
    for (name, value) in &request.headers {
        prepared = prepared.header(name, value);
    }
    if let Some(body) = &request.body {
        prepared = prepared.body(body.as_bytes());
    }
    if let Some(status) = operation.expected_status {
        prepared = prepared.expect_status(status.to_string());
    }
    for slot in &request.slots {
        prepared = prepared.slot(slot);
    }
    let bare = |slot: &String| slot.trim_start_matches("json.").trim_start_matches("raw.").to_owned();
    let variables: Vec<String> = request.slots.iter().map(bare).collect();
    let needs_account =
        workload.session.is_some() && variables.iter().any(|name| OF_ACCOUNTS.contains(&name.as_str()));
    Ok(Step {
        prepared: prepared.prepare()?,
        one_in: workload.one_in,
        since: begin,
        is_fixed: !needs_account && request.slots.is_empty(),
        has_extracts: !request.extract.is_empty(),
        needs_account,
        needs_name: variables.iter().any(|name| name == "unique"),
        request: Box::new(request.clone()),
    })
}

/// A command line that sends the same; what varies is shown by its name.
fn curl(method: &str, request: &Request) -> String {
    let call = crate::client::Call {
        method: method.to_owned(),
        target: request.url.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        ..crate::client::Call::default()
    };
    crate::client::curl("", &call)
}
