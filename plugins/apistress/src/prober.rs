//! Somebody who probes: two accounts, the objects of the first, and what is told of what was found.

use stresshost_sdk::checks::Check;
use stresshost_sdk::metrics::Counter;
use stresshost_sdk::prelude::*;

use crate::baseline;
use crate::case::Case;
use crate::client::{HostClient, Preceded};
use crate::conformance::Schemas;
use crate::document::{Item, Probe, Workload};
use crate::identity::Identity;
use crate::objects::{self, Owned};
use crate::probe;
use crate::scenario::{self, Actor};
use crate::security::{self, World};

/// Findings that make a check fail; graver is not needed, lesser ones are shown only.
const FAILING: [&str; 3] = ["critical", "high", "medium"];

/// What a prober keeps between its items.
#[derive(Debug, Default)]
pub(crate) struct Prober {
    client: HostClient,
    /// Tells the accounts of this prober from those of others.
    name: String,
    accounts: Option<Accounts>,
    schemas: Schemas,
}

#[derive(Debug)]
struct Accounts {
    owner: Option<Identity>,
    other: Option<Identity>,
    objects: Vec<Owned>,
}

/// What came of an item.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Checks that held and those that did not.
    pub(crate) checks: Vec<(String, bool)>,
    pub(crate) findings: Vec<Finding>,
    /// Why something could not be tested.
    pub(crate) notes: Vec<String>,
    /// Requests sent, by what they tested.
    pub(crate) requests: Vec<(String, u64)>,
}

impl Prober {
    pub(crate) fn new(workload: &Workload, name: &str) -> Self {
        Self { client: HostClient::new(&workload.base_url), name: name.to_owned(), ..Self::default() }
    }

    /// Does one item and tells the host what came of it.
    pub(crate) fn probe(&mut self, workload: &Workload, item: &Item, number: u64) -> Result<(), Failure> {
        if item.probe != Probe::Baseline {
            self.log_in(workload)?;
        }
        let report = match &item.probe {
            Probe::Baseline => changes(workload),
            Probe::Security(name) => self.security(workload, name, item.operation),
            Probe::Conformance(name) => {
                let Some(accounts) = &self.accounts else { return Ok(()) };
                let owner = accounts.owner.as_ref();
                let asked = probe::Asked { workload, operation: item.operation, owner, number };
                let mut client = preceded(&mut self.client, workload, item.operation, owner);
                probe::run(name, &asked, &mut client, &mut self.schemas)
            }
            Probe::Scenario(named) => {
                let name = format!("{}n{number}", self.name);
                let owner = self.accounts.as_ref().and_then(|accounts| accounts.owner.clone());
                let owner = owner.unwrap_or_else(|| Identity::named(workload, &name));
                let mut actor = Actor { client: &mut self.client, workload, owner, name, drawn: 0 };
                scenario::run(named, item.operation, &mut actor)
            }
        };
        tell(report)
    }

    fn security(&mut self, workload: &Workload, name: &str, operation: usize) -> Report {
        let mut report = Report::default();
        let (Some(accounts), Some(test)) = (&self.accounts, security::find(name)) else { return report };
        let mut client = preceded(&mut self.client, workload, operation, accounts.owner.as_ref());
        let mut world = World {
            client: &mut client,
            workload,
            owner: accounts.owner.as_ref(),
            other: accounts.other.as_ref(),
            objects: &accounts.objects,
        };
        let tested = security::run(test, operation, &mut world);
        let failing =
            tested.findings.iter().filter(|finding| FAILING.contains(&finding.severity.as_str())).count();
        let inputs = usize::try_from(tested.inputs).unwrap_or(0).saturating_sub(failing);
        report.checks.extend((0..failing).map(|_| (name.to_owned(), false)));
        report.checks.extend((0..inputs).map(|_| (name.to_owned(), true)));
        report.requests.push((name.to_owned(), tested.requests));
        report.findings = tested.findings;
        let place =
            workload.operations.get(operation).map(|operation| operation.name.as_str()).unwrap_or_default();
        report.notes = tested.notes.into_iter().map(|note| format!("{name}, {place}: {note}")).collect();
        report
    }

    /// Gets both accounts, once; their tokens when they are due.
    fn log_in(&mut self, workload: &Workload) -> Result<(), Failure> {
        let now_us = now_us();
        if let Some(accounts) = &mut self.accounts {
            for identity in [&mut accounts.owner, &mut accounts.other].into_iter().flatten() {
                if identity.needs_renewal(now_us) {
                    identity.renew(&mut self.client, workload, now_us).map_err(refused)?;
                }
            }
            return Ok(());
        }
        let session = workload.session.as_ref();
        let is_own = session.is_some_and(|session| session.register.is_some() || session.users.len() > 1);
        let (mut owner, mut other) = (None, None);
        if session.is_some() || !workload.callers.is_empty() {
            let mut identity = Identity::of_session(workload, 0, &format!("{}a", self.name));
            identity.log_in(&mut self.client, workload, now_us).map_err(refused)?;
            owner = Some(identity);
        }
        if is_own || workload.callers.len() > 1 {
            let mut identity = Identity::of_session(workload, 1, &format!("{}b", self.name));
            identity.log_in(&mut self.client, workload, now_us).map_err(refused)?;
            other = Some(identity);
        }
        let objects = match &mut owner {
            Some(owner) => objects::gather(workload, owner, &mut self.client),
            None => Vec::new(),
        };
        self.accounts = Some(Accounts { owner, other, objects });
        Ok(())
    }
}

fn changes(workload: &Workload) -> Report {
    let Some(baseline) = &workload.baseline else { return Report::default() };
    let outcomes = (0..baseline.broken).map(|_| false).chain((0..baseline.held).map(|_| true));
    Report {
        checks: outcomes.map(|held| (baseline::NAME.to_owned(), held)).collect(),
        findings: baseline.findings.clone(),
        ..Report::default()
    }
}

/// A client that sends what must come before an operation.
fn preceded<'a>(
    client: &'a mut HostClient,
    workload: &'a Workload,
    operation: usize,
    owner: Option<&Identity>,
) -> Preceded<'a> {
    let before = workload.before.iter().find(|(index, _)| *index == operation).map(|(_, before)| before);
    let variables = owner.map(|owner| &owner.variables);
    let call = |index: &usize| {
        let operation = workload.operations.get(*index)?;
        Some(Case::usual(operation, variables?).call(variables))
    };
    let name =
        workload.operations.get(operation).map(|operation| operation.name.as_str()).unwrap_or_default();
    Preceded { client, name, before: before.into_iter().flatten().filter_map(call).collect() }
}

fn refused(refused: crate::identity::Refused) -> Failure {
    Failure::new("auth", refused.to_string())
}

fn now_us() -> u64 {
    u64::try_from(stresshost_sdk::pacing::now().as_micros()).unwrap_or(u64::MAX)
}

fn tell(report: Report) -> Result<(), Failure> {
    for (name, held) in &report.checks {
        Check::register(name)?.mark(*held);
    }
    for (name, requests) in &report.requests {
        Counter::register(&counter(name), "requests")?.add(*requests as f64);
    }
    for finding in &report.findings {
        stresshost_sdk::findings::report(finding)?;
    }
    for note in &report.notes {
        stresshost_sdk::info!("{note}");
    }
    Ok(())
}

/// Name of the metric that counts the requests of a test.
pub(crate) fn counter(test: &str) -> String {
    format!("requests of {test}")
}
