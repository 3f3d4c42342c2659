//! One test of one operation: who calls, what is sent, and what is found.

mod accounts;

use stresshost_sdk::prelude::Finding;

use super::words::{checks_credentials, ends_session};
use super::{Tested, World};
use crate::case::Case;
use crate::client::{Call, Client, Heard, curl};
use crate::document::{Depth, Operation, Variables, Workload};
use crate::identity::{Identity, beginning};
use crate::words::{Purpose, purpose};

/// Calls without an answer, one after the other, after which a test gives up: the server is gone.
const MAX_SILENT: u32 = 5;

/// Bytes of a command line in evidence: of a longer one reports would show a part, which is none.
const MAX_LINE: usize = 3_000;

/// The state of one test.
pub(super) struct Stage<'s, 'w> {
    client: &'s mut (dyn Client + 'w),
    pub(super) workload: &'w Workload,
    pub(super) operation: &'w Operation,
    pub(super) index: usize,
    pub(super) owner: Option<&'w Identity>,
    pub(super) other: Option<&'w Identity>,
    pub(super) objects: Vec<&'w [(String, String)]>,
    rule: &'static str,
    caller: Variables,
    /// Whether every request needs names of its own, as one that makes an account does.
    needs_fresh: bool,
    silent: u32,
    pub(super) tested: Tested,
}

/// What a call has shown.
pub(super) struct Shown<'x> {
    pub(super) severity: &'static str,
    pub(super) is_confirmed: bool,
    pub(super) message: String,
    pub(super) evidence: String,
    pub(super) remedy: &'static str,
    pub(super) call: &'x Call,
}

impl<'s, 'w> Stage<'s, 'w> {
    pub(super) fn new(
        rule: &'static str,
        index: usize,
        operation: &'w Operation,
        world: &'s mut World<'w>,
    ) -> Self {
        let objects = world.objects.iter().filter(|(of, _)| *of == index);
        let objects = objects.map(|(_, values)| values.as_slice()).collect();
        let register = world.workload.session.as_ref().and_then(|session| session.register);
        let mut stage = Self {
            client: &mut *world.client,
            workload: world.workload,
            operation,
            index,
            owner: world.owner,
            other: world.other,
            objects,
            rule,
            caller: Variables::default(),
            needs_fresh: register == Some(index)
                || purpose(&operation.method, &operation.path) == Purpose::Register,
            silent: 0,
            tested: Tested::default(),
        };
        stage.caller = match world.owner {
            Some(owner) => owner.variables.clone(),
            None => Identity::named(stage.workload, &stage.name()).variables,
        };
        stage
    }

    pub(super) const fn depth(&self) -> Depth {
        self.workload.probing.depth
    }

    /// The value for how thorough probes are.
    pub(super) const fn by_depth<T: Copy>(&self, quick: T, standard: T, deep: T) -> T {
        match self.depth() {
            Depth::Quick => quick,
            Depth::Standard => standard,
            Depth::Deep => deep,
        }
    }

    /// Whether statements behind the operation change nothing, or may change everything.
    pub(super) fn only_reads(&self) -> bool {
        matches!(self.operation.method.as_str(), "GET" | "HEAD") || self.workload.probing.destructive
    }

    /// Who sends the usual request.
    pub(super) const fn caller(&self) -> &Variables {
        &self.caller
    }

    /// A bound of requests for one test of one operation: a body with dozens of fields would else take the whole run.
    const fn max_requests(&self) -> u64 {
        self.by_depth(150, 600, 3_000)
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.tested.notes.contains(&note) {
            self.tested.notes.push(note);
        }
    }

    /// A name that nobody else has.
    pub(super) fn name(&mut self) -> String {
        let number = self.client.draw(1 << 40);
        format!("sh{}{number:010x}", self.workload.run)
    }

    /// Draws a number for markers.
    pub(super) fn number(&mut self) -> u64 {
        100_000 + self.client.draw(900_000)
    }

    /// The answer; None when the test has to end.
    pub(super) fn send(&mut self, call: &Call) -> Option<Heard> {
        self.may_go_on(1)?;
        let heard = self.client.send(call);
        self.count(&heard);
        Some(heard)
    }

    /// The answers to calls that are sent at the same time.
    pub(super) fn send_all(&mut self, calls: &[Call]) -> Option<Vec<Heard>> {
        self.may_go_on(calls.len() as u64)?;
        let heard = self.client.send_all(calls);
        heard.iter().for_each(|heard| self.count(heard));
        Some(heard)
    }

    fn may_go_on(&mut self, requests: u64) -> Option<()> {
        if self.silent >= MAX_SILENT {
            self.note(format!("ended early: {MAX_SILENT} requests in turn had no answer"));
            return None;
        }
        if self.tested.requests + requests > self.max_requests() {
            self.note(format!(
                "ended early: {} requests are the most for one test of an operation",
                self.max_requests()
            ));
            return None;
        }
        Some(())
    }

    fn count(&mut self, heard: &Heard) {
        self.tested.requests += 1;
        self.silent = if heard.status == 0 { self.silent + 1 } else { 0 };
    }

    /// Variables of the caller, with new names where requests would collide.
    pub(super) fn variables(&mut self) -> Variables {
        let mut variables = self.caller.clone();
        if self.operation.body.is_some() {
            let name = self.name();
            if self.needs_fresh {
                variables.set("email", format!("{name}@example.com"));
                variables.set("username", name.clone());
            }
            variables.set("unique", name);
        }
        variables
    }

    /// The usual request.
    pub(super) fn case(&mut self) -> Case<'w> {
        let variables = self.variables();
        Case::usual(self.operation, &variables)
    }

    /// A case as the caller sends it.
    pub(super) fn call(&self, case: &Case<'_>) -> Call {
        case.call(self.owner.is_some().then_some(&self.caller))
    }

    /// Whether wrong secrets would count against the account that everything is tested with.
    pub(super) fn checks_the_owner(&self) -> bool {
        checks_credentials(self.operation)
            && self.owner.is_some_and(|owner| owner.variables.get("username") == self.caller.get("username"))
    }

    /// The answer to the usual request; None, with a note, when it is no success: nothing would be shown.
    pub(super) fn baseline(&mut self) -> Option<Heard> {
        if self.operation.method == "DELETE" && !self.workload.probing.destructive {
            self.note("not tested: it deletes, and the config does not allow that");
            return None;
        }
        if ends_session(self.operation) {
            self.note("not tested: it ends the session with which everything else is tested");
            return None;
        }
        let owner = self.caller.clone();
        let is_somebody_new =
            checks_credentials(self.operation) && !self.needs_fresh && self.call_as_somebody_new();
        let case = self.case();
        let mut heard = self.send(&self.call(&case))?;
        if heard.succeeded() {
            self.find_out_whether_names_collide()?;
            return Some(heard);
        }
        // A second way: with what only the owner has, or with names that nobody has yet.
        if is_somebody_new {
            self.caller = owner;
        } else if self.operation.body.is_some() && !checks_credentials(self.operation) {
            self.needs_fresh = true;
        }
        if is_somebody_new || self.needs_fresh {
            let case = self.case();
            let second = self.send(&self.call(&case))?;
            if second.succeeded() {
                return Some(second);
            }
            heard = second;
        }
        self.note(match heard.status {
            0 => format!("not tested: the usual request has no answer: {}", heard.error),
            status => format!("not tested: the usual request is answered {status}: {}", beginning(&heard)),
        });
        None
    }

    pub(super) fn report(&mut self, shown: Shown<'_>) {
        let line = curl(self.client.base_url(), shown.call);
        let line = if line.len() <= MAX_LINE {
            line
        } else {
            format!("a command line of {} bytes is not shown", line.len())
        };
        self.tested.findings.push(Finding {
            rule: self.rule.to_owned(),
            severity: shown.severity.to_owned(),
            message: shown.message,
            location: self.operation.name.clone(),
            evidence: format!("{}; {line}", shown.evidence),
            confidence: if shown.is_confirmed { "confirmed" } else { "suspected" }.to_owned(),
            remedy: shown.remedy.to_owned(),
        });
    }

    /// A target below the base URL from a URL in an answer.
    pub(super) fn below_base(&self, url: &str) -> Option<String> {
        let rest = url.strip_prefix(self.client.base_url()).unwrap_or(url);
        rest.starts_with('/').then(|| rest.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use crate::client::Call;
    use crate::client::fake::json as answer;
    use crate::document::Depth;
    use crate::security::testing::{body, probe_in, workload};

    #[test]
    fn requests_are_bounded() {
        let fields: stresshost_sdk::serde_json::Map<_, _> =
            (0..40).map(|i| (format!("f{i}"), json!("lamp"))).collect();
        let mut workload = workload(vec![body("/many", fields.into())]);
        for (depth, most) in [(Depth::Quick, 150), (Depth::Standard, 600), (Depth::Deep, 3_000)] {
            workload.probing.depth = depth;
            let (tested, _) = probe_in("sql_injection", &workload, &[], |_: &Call| answer(201, "{}"));
            assert!(tested.requests <= most && tested.requests > most / 10, "{depth:?}: {}", tested.requests);
        }
    }
}
