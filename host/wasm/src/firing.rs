//! Firing requests for a suspended guest, and recording what came of them.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use stresshost_engine::{LimitId, Ticket};
use stresshost_io::Origin;
use stresshost_io::http::{Outcome, Prepared};
use stresshost_metrics::{ErrorKind, OpId, Phases, Sample, SandboxLimit};

use crate::MAX_SHOTS;
use crate::bindings::http::Shot;
use crate::state::{CoreShared, Live, PreparedOp, Received};

impl Live {
    /// Sends one request and waits for its answer.
    pub(crate) async fn fire(&mut self, request: u32, values: &[String]) -> u64 {
        self.retire_responses();
        if self.is_limited() {
            self.take_tokens(&[request]).await;
        }
        let Some(PreparedOp { op, request, .. }) = self.prepared.get(request as usize) else {
            return refused(self.first_response);
        };
        let flight = Flight::begin(&self.core, *op, self.ticket, self.intended_ns.take());
        let outcome = self.http.fire(request, values).await;
        flight.end(&outcome);
        self.answer(outcome)
    }

    /// Sends requests at the same time and waits for all of them.
    pub(crate) async fn send_all(&mut self, shots: &[Shot]) -> Vec<u64> {
        self.retire_responses();
        let Some(batch) = self.batch(shots) else {
            return shots.iter().map(|_| refused(self.first_response)).collect();
        };
        if self.is_limited() {
            let requests: Vec<u32> = shots.iter().map(|shot| shot.request).collect();
            self.take_tokens(&requests).await;
        }
        let op =
            |shot: &Shot| self.prepared.get(shot.request as usize).map_or(OpId(0), |prepared| prepared.op);
        let ops = shots.iter().map(op).collect();
        let flights = Flights::begin(&self.core, ops, self.ticket, self.intended_ns.take());
        let outcomes = self.http.fire_all(&batch).await;
        flights.record(&outcomes, fill, text);
        outcomes.into_iter().map(|outcome| self.answer(outcome)).collect()
    }

    /// Whether the run has rate limits and an iteration is at hand.
    pub(crate) fn is_limited(&self) -> bool {
        self.ticket.is_some() && !self.core.context.limits.is_empty()
    }

    /// Waits for the tokens that requests need. The requests are intended for the time at which the wait began, so the
    /// wait is lag.
    async fn take_tokens(&mut self, requests: &[u32]) {
        let context = &self.core.context;
        let Some(ticket) = self.ticket else { return };
        self.intended_ns.get_or_insert(context.clock.now_ns());
        for request in requests {
            let limits = self.prepared.get(*request as usize).map_or(&[][..], |prepared| &prepared.limits);
            context.take_tokens(Some(ticket.scenario), limits).await;
        }
    }

    /// What reports call an operation of another protocol than HTTP.
    pub(crate) fn operation(&self, name: &str, protocol: &'static str) -> Result<OpId, String> {
        let name = self.core.run.secrets.redact(name);
        let names = self.core.context.names.lock();
        let op = names.map_err(|_| "the run is ending")?.op(&name, protocol);
        op.map_err(|error| self.core.refused_name(&error))
    }

    /// The rate limits of a target.
    pub(crate) fn limits_of(&self, origin: &Origin) -> Rc<[LimitId]> {
        self.core.context.limits.of_target(origin.scheme.name(), &origin.host, origin.port).into()
    }

    /// Waits for the tokens that operations of other protocols need, as for requests.
    pub(crate) async fn await_tokens(&mut self, count: usize, limits: &[LimitId]) {
        if !self.is_limited() {
            return;
        }
        let context = &self.core.context;
        self.intended_ns.get_or_insert(context.clock.now_ns());
        for _ in 0..count {
            context.take_tokens(self.ticket.map(|ticket| ticket.scenario), limits).await;
        }
    }

    /// Makes the ids of the last firing's responses stale.
    pub(crate) fn retire_responses(&mut self) {
        self.first_response = self.first_response.wrapping_add(self.responses.len() as u32);
        self.responses.clear();
    }

    /// Place of a response within the latest firing; past its end when its id is of an earlier one.
    pub(crate) fn place(&self, id: u32) -> usize {
        id.wrapping_sub(self.first_response) as usize
    }

    fn batch(&self, shots: &[Shot]) -> Option<Vec<(Arc<Prepared>, Vec<String>)>> {
        let request = |shot: &Shot| {
            let prepared = self.prepared.get(shot.request as usize)?;
            Some((Arc::clone(&prepared.request), shot.values.clone()))
        };
        if shots.len() > MAX_SHOTS {
            self.core.reached(SandboxLimit::Shots);
            return None;
        }
        shots.iter().map(request).collect()
    }

    /// Turns an outcome into what the guest sees, keeping what it may ask for later.
    fn answer(&mut self, outcome: Outcome) -> u64 {
        let id = self.first_response.wrapping_add(self.responses.len() as u32);
        let duration_us = outcome.done_ns.saturating_sub(outcome.fired_ns) / 1_000;
        let Outcome { status, error, body_bytes, error_text, .. } = outcome;
        self.responses.push(Received { body_bytes, duration_us, error_text });
        packed(id, status, error)
    }
}

/// The answer to a call that sends nothing: a handle that was never given out, or no I/O granted.
pub(crate) fn refused(id: u32) -> u64 {
    packed(id, 0, Some(ErrorKind::Invalid))
}

/// An answer as the contract packs it; see `wit/http.wit`. Other protocols have another number than the status.
pub(crate) fn packed(id: u32, status: u16, error: Option<ErrorKind>) -> u64 {
    u64::from(id) | u64::from(status) << 32 | u64::from(error.map_or(0, ErrorKind::code)) << 48
}

/// A request in flight. It is recorded once: by its outcome, or as interrupted when the call is dropped.
///
/// Outside iterations (`setup`, `start`) nothing is measured.
pub(crate) struct Flight {
    measured: Option<(Rc<CoreShared>, Sample)>,
}

impl Flight {
    pub(crate) fn begin(
        core: &Rc<CoreShared>,
        op: OpId,
        ticket: Option<Ticket>,
        intended_ns: Option<u64>,
    ) -> Self {
        let Some(ticket) = ticket else { return Self { measured: None } };
        core.context.recorder.borrow_mut().fired(op, ticket.scenario, ticket.window);
        Self { measured: Some((Rc::clone(core), under_way(op, ticket, intended_ns))) }
    }

    /// Records a request.
    pub(crate) fn end(self, outcome: &Outcome) {
        self.record(|sample| fill(sample, outcome), || text(outcome));
    }

    /// Records the operation with what `fill` knows of it. A time of 0 at which it was intended becomes that at which it
    /// was fired. `text` says why it failed.
    pub(crate) fn record<'a>(mut self, fill: impl FnOnce(&mut Sample), text: impl FnOnce() -> Cow<'a, str>) {
        let Some((core, mut sample)) = self.measured.take() else { return };
        fill(&mut sample);
        if sample.intended_ns == 0 {
            sample.intended_ns = sample.fired_ns;
        }
        let mut recorder = core.context.recorder.borrow_mut();
        recorder.record(&sample);
        recorder.explain(&sample, || core.run.secrets.redact(&text()).into_owned());
    }
}

/// The part of a sample that a request gives.
fn fill(sample: &mut Sample, outcome: &Outcome) {
    sample.status = outcome.status;
    sample.error = outcome.error;
    sample.fired_ns = outcome.fired_ns;
    sample.done_ns = outcome.done_ns;
    sample.phases = outcome.phases;
    sample.bytes_sent = outcome.bytes_sent;
    sample.bytes_received = outcome.bytes_received;
}

/// Why a request failed.
fn text(outcome: &Outcome) -> Cow<'_, str> {
    match &outcome.error_text {
        Some(text) => text.as_ref().into(),
        None => format!("the server answered with status {}", outcome.status).into(),
    }
}

/// What is known of an operation while it is under way.
fn under_way(op: OpId, Ticket { scenario, window, .. }: Ticket, intended_ns: Option<u64>) -> Sample {
    Sample {
        op,
        scenario,
        window,
        status: 0,
        error: Some(ErrorKind::Interrupted),
        // 0 stands for "when it was fired" until that is known.
        intended_ns: intended_ns.unwrap_or(0),
        fired_ns: 0,
        done_ns: 0,
        phases: Phases::default(),
        bytes_sent: 0,
        bytes_received: 0,
    }
}

/// Operations sent at once. Like [`Flight`], each is recorded once.
pub(crate) struct Flights {
    ops: Vec<OpId>,
    measured: Option<(Rc<CoreShared>, Sample)>,
}

impl Flights {
    pub(crate) fn begin(
        core: &Rc<CoreShared>,
        ops: Vec<OpId>,
        ticket: Option<Ticket>,
        intended_ns: Option<u64>,
    ) -> Self {
        let (Some(ticket), Some(&first)) = (ticket, ops.first()) else { return Self { ops, measured: None } };
        let mut recorder = core.context.recorder.borrow_mut();
        for alike in ops.chunk_by(|one, next| one == next) {
            recorder.fired_alike(alike[0], ticket.scenario, ticket.window, alike.len() as u64);
        }
        drop(recorder);
        Self { ops, measured: Some((Rc::clone(core), under_way(first, ticket, intended_ns))) }
    }

    /// Records the operations with what `fill` knows of the outcome of each; `text` says why one failed. Those that were
    /// answered in the same moment are recorded together.
    pub(crate) fn record<T>(
        mut self,
        outcomes: &[T],
        fill: impl Fn(&mut Sample, &T),
        text: impl Fn(&T) -> Cow<'_, str>,
    ) {
        let Some((core, under_way)) = self.measured.take() else { return };
        let mut recorder = core.context.recorder.borrow_mut();
        let mut alike: Option<(Sample, u64)> = None;
        for (&op, outcome) in self.ops.iter().zip(outcomes) {
            let mut sample = Sample { op, ..under_way };
            fill(&mut sample, outcome);
            if sample.intended_ns == 0 {
                sample.intended_ns = sample.fired_ns;
            }
            match &mut alike {
                Some((all, count)) if are_alike(all, &sample) => {
                    all.bytes_sent += sample.bytes_sent;
                    all.bytes_received += sample.bytes_received;
                    *count += 1;
                }
                _ => {
                    if let Some((all, count)) = alike.replace((sample, 1)) {
                        recorder.record_alike(&all, count);
                    }
                }
            }
            recorder.explain(&sample, || core.run.secrets.redact(&text(outcome)).into_owned());
        }
        if let Some((all, count)) = alike {
            recorder.record_alike(&all, count);
        }
    }
}

/// Whether two operations differ in nothing but their bytes.
fn are_alike(one: &Sample, other: &Sample) -> bool {
    let what = |sample: &Sample| (sample.op, sample.scenario, sample.window, sample.status, sample.error);
    let when = |sample: &Sample| (sample.intended_ns, sample.fired_ns, sample.done_ns, sample.phases);
    what(one) == what(other) && when(one) == when(other)
}

impl Drop for Flights {
    fn drop(&mut self) {
        if let Some((core, mut sample)) = self.measured.take() {
            sample.done_ns = core.context.clock.now_ns();
            let mut recorder = core.context.recorder.borrow_mut();
            for &op in &self.ops {
                recorder.record(&Sample { op, ..sample });
            }
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some((core, mut sample)) = self.measured.take() {
            sample.done_ns = core.context.clock.now_ns();
            core.context.recorder.borrow_mut().record(&sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_id_status_and_error() {
        assert_eq!(packed(0, 0, None), 0);
        assert_eq!(packed(7, 404, Some(ErrorKind::Status4xx)), 0x000e_0194_0000_0007);
        assert_eq!(packed(u32::MAX, u16::MAX, None), 0x0000_ffff_ffff_ffff);
        let most = ErrorKind::ALL.iter().map(|kind| kind.code()).max();
        assert!(most < Some(1 << 16), "codes fit their bits");
    }
}
