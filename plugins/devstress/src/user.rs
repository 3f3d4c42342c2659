//! One virtual user: its prepared requests, and what an iteration does with them.

mod rule;
mod values;

use std::time::Duration;

use regex_lite::Regex;
use stresshost_sdk::checks::Check;
use stresshost_sdk::data::Feed;
use stresshost_sdk::http::{self, Prepared, Response};
use stresshost_sdk::prelude::*;
use stresshost_sdk::{pacing, random};

use crate::document::{self, OnFailure, Slot, Think};
use rule::{Body, Rule};
use values::Values;

/// A virtual user.
#[derive(Debug, Default)]
pub(crate) struct User {
    scenarios: Vec<Scenario>,
    values: Values,
}

#[derive(Debug)]
struct Scenario {
    open: bool,
    total_weight: u64,
    journeys: Vec<Journey>,
}

#[derive(Debug)]
struct Journey {
    weight: u64,
    feeds: Vec<usize>,
    variables: usize,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: Box<str>,
    request: Prepared,
    slots: Vec<Slot>,
    extract: Vec<Extract>,
    checks: Vec<(Check, Rule)>,
    think: Option<Think>,
    on_failure: OnFailure,
}

#[derive(Debug)]
struct Extract {
    name: Box<str>,
    index: usize,
    from: document::From,
    regex: Option<(Regex, usize)>,
}

impl User {
    /// Prepares every request of the document.
    pub(crate) fn start(vu: VuInfo, document: document::Workload) -> Result<Self, Failure> {
        let feeds = document.feeds.iter().map(|name| Feed::open(name)).collect::<Result<Vec<_>, _>>()?;
        let scenarios = document.scenarios.into_iter().map(Scenario::prepare).collect::<Result<_, _>>()?;
        Ok(Self { scenarios, values: Values::new(vu.id, feeds) })
    }

    /// Does one journey.
    pub(crate) fn iterate(&mut self, iteration: Iteration) -> Result<(), Failure> {
        let scenario = usize::try_from(iteration.scenario).ok().and_then(|index| self.scenarios.get(index));
        let Some(scenario) = scenario else {
            return Err(Failure::setup(format!("the plan has no scenario {}", iteration.scenario)));
        };
        let Some(journey) = scenario.choose() else { return Ok(()) };
        self.values.begin(iteration.number, journey.variables, &journey.feeds)?;
        for (index, step) in journey.steps.iter().enumerate() {
            let done = step.run(&mut self.values);
            // On a schedule, a pause after the last request would only keep this user from its next iteration.
            let is_last = done.is_err() || index + 1 == journey.steps.len();
            if let Some(think) = step.think.filter(|_| !(scenario.open && is_last)) {
                pause(think);
            }
            done?;
        }
        Ok(())
    }
}

impl Scenario {
    fn prepare(document: document::Scenario) -> Result<Self, Failure> {
        let journeys =
            document.journeys.into_iter().map(Journey::prepare).collect::<Result<Vec<_>, Failure>>()?;
        let total_weight = journeys.iter().map(|journey| journey.weight).fold(0, u64::saturating_add);
        Ok(Self { open: document.open, total_weight, journeys })
    }

    /// A journey by weight; the only one costs no random number.
    fn choose(&self) -> Option<&Journey> {
        if let [only] = self.journeys.as_slice() {
            return Some(only);
        }
        let mut rest = random::below(self.total_weight);
        self.journeys.iter().find(|journey| {
            let chosen = rest < journey.weight;
            rest = rest.saturating_sub(journey.weight);
            chosen
        })
    }
}

impl Journey {
    fn prepare(document: document::Journey) -> Result<Self, Failure> {
        Ok(Self {
            weight: document.weight,
            feeds: document.feeds,
            variables: document.variables,
            steps: document.requests.into_iter().map(Step::prepare).collect::<Result<_, _>>()?,
        })
    }
}

impl Step {
    fn prepare(document: document::Request) -> Result<Self, Failure> {
        let mut request = http::Request::new(&document.method, &document.name, &document.url);
        for (name, value) in &document.headers {
            request = request.header(name, value);
        }
        if let Some(body) = document.body {
            request = request.body(body);
        }
        for index in 0..document.slots.len() {
            request = request.slot(format!("s{index}"));
        }
        for (name, value) in &document.options {
            request = request.option(name, value);
        }
        let checks = document.checks.into_iter().map(|check| {
            let rule = Rule::compile(check.rule)?;
            Ok((Check::register(&check.name)?, rule))
        });
        Ok(Self {
            name: document.name.into_boxed_str(),
            request: request.prepare()?,
            slots: document.slots,
            extract: document.extract.into_iter().map(Extract::prepare).collect::<Result<_, _>>()?,
            checks: checks.collect::<Result<_, Failure>>()?,
            think: document.think,
            on_failure: document.on_failure,
        })
    }

    /// Sends the request, marks its checks and takes its values. An error ends the journey.
    fn run(&self, values: &mut Values) -> Result<(), Failure> {
        let response = match self.slots.as_slice() {
            [] => self.request.fire(&[]),
            slots => {
                let rendered = values.render(slots, &self.name)?;
                let rendered: Vec<&str> = rendered.iter().map(String::as_str).collect();
                self.request.fire(&rendered)
            }
        };
        let mut body = Body::new(response);
        let failed_check = self.mark(response, &mut body);
        if !response.ok() && self.on_failure != OnFailure::Continue {
            return Err(self.request_failure(response));
        }
        if let Some(index) = failed_check
            && self.on_failure == OnFailure::Stop
        {
            let rule = &self.checks[index].1;
            return Err(Failure::new("check", format!("`{}`: {rule} did not hold", self.name)));
        }
        for extract in &self.extract {
            let value = extract.take(response, &mut body);
            if value.is_none() && self.on_failure != OnFailure::Continue {
                let message =
                    format!("`{}`: there is no value for `{}` in the response", self.name, extract.name);
                return Err(Failure::new("extract", message));
            }
            values.set(extract.index, value);
        }
        Ok(())
    }

    /// Marks every check; the index of the first that failed.
    fn mark(&self, response: Response, body: &mut Body) -> Option<usize> {
        let mut failed = None;
        for (index, (check, rule)) in self.checks.iter().enumerate() {
            if !check.mark(rule.holds(response, body)) {
                failed = failed.or(Some(index));
            }
        }
        failed
    }

    fn request_failure(&self, response: Response) -> Failure {
        let kind = response.error_name();
        let message = match response.status() {
            0 => format!("`{}` failed: {kind}", self.name),
            status => format!("`{}` failed: {kind}, status {status}", self.name),
        };
        Failure::new("request", message)
    }
}

impl Extract {
    fn prepare(document: document::Extract) -> Result<Self, Failure> {
        let compile = |(pattern, group): (String, usize)| rule::compile(&pattern).map(|regex| (regex, group));
        Ok(Self {
            name: document.name.into_boxed_str(),
            index: document.index,
            from: document.from,
            regex: document.regex.map(compile).transpose()?,
        })
    }

    fn take(&self, response: Response, body: &mut Body) -> Option<String> {
        let text = match &self.from {
            document::From::Json(pointer) => response.json(pointer)?,
            document::From::Header(name) => response.header(name)?,
            document::From::Body => {
                let (regex, group) = self.regex.as_ref()?;
                return capture(regex, *group, body.text()?);
            }
        };
        match &self.regex {
            None => Some(text),
            Some((regex, group)) => capture(regex, *group, &text),
        }
    }
}

fn capture(regex: &Regex, group: usize, text: &str) -> Option<String> {
    regex.captures(text)?.get(group).map(|found| found.as_str().to_owned())
}

fn pause(think: Think) {
    let ms = match think.max_ms.checked_sub(think.min_ms) {
        None | Some(0) => think.min_ms,
        Some(_) => random::between(think.min_ms, think.max_ms),
    };
    pacing::sleep(Duration::from_millis(ms));
}
