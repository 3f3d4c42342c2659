//! Firing requests for a suspended guest, and recording what came of them.

use std::rc::Rc;
use std::sync::Arc;

use stresshost_engine::Ticket;
use stresshost_io::http::{Outcome, Prepared};
use stresshost_metrics::{ErrorKind, OpId, Phases, Sample};

use crate::MAX_SHOTS;
use crate::bindings::http::{Response, Shot};
use crate::state::{CoreShared, Live, PreparedOp};

impl Live {
    /// Sends one request and waits for its answer.
    pub(crate) async fn fire(&mut self, request: u32, values: &[String]) -> Response {
        let first = self.new_responses(1);
        if self.is_limited() {
            self.take_tokens(&[request]).await;
        }
        let Some(PreparedOp { op, request, .. }) = self.prepared.get(request as usize) else {
            return refused(first);
        };
        let flight = Flight::begin(&self.core, *op, self.ticket, self.intended_ns.take());
        let outcome = self.http.fire(request, values).await;
        flight.end(&outcome);
        self.answer(first, outcome)
    }

    /// Sends requests at the same time and waits for all of them.
    pub(crate) async fn send_all(&mut self, shots: &[Shot]) -> Vec<Response> {
        let first = self.new_responses(shots.len());
        let ids = (0..shots.len()).map(|place| first.wrapping_add(place as u32));
        let Some(batch) = self.batch(shots) else { return ids.map(refused).collect() };
        if self.is_limited() {
            let requests: Vec<u32> = shots.iter().map(|shot| shot.request).collect();
            self.take_tokens(&requests).await;
        }
        let intended_ns = self.intended_ns.take();
        let begin = |shot: &Shot| {
            let op = self.prepared.get(shot.request as usize).map_or(OpId(0), |prepared| prepared.op);
            Flight::begin(&self.core, op, self.ticket, intended_ns)
        };
        let flights: Vec<Flight> = shots.iter().map(begin).collect();
        let outcomes = self.http.fire_all(&batch).await;
        for (flight, outcome) in flights.into_iter().zip(&outcomes) {
            flight.end(outcome);
        }
        ids.zip(outcomes).map(|(id, outcome)| self.answer(id, outcome)).collect()
    }

    /// Whether the run has rate limits and an iteration is at hand.
    fn is_limited(&self) -> bool {
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

    /// Makes the ids of the last call's responses stale.
    pub(crate) fn retire_responses(&mut self) {
        self.first_response = self.first_response.wrapping_add(self.responses);
        self.responses = 0;
        self.error_texts.clear();
    }

    /// Retires the responses of the last call and numbers those of the next.
    fn new_responses(&mut self, count: usize) -> u32 {
        self.retire_responses();
        self.responses = u32::try_from(count).unwrap_or(u32::MAX);
        self.first_response
    }

    /// Place of a response within the latest call; none when its id is of an earlier one.
    pub(crate) fn place(&self, id: u32) -> Option<usize> {
        let place = id.wrapping_sub(self.first_response);
        (place < self.responses).then_some(place as usize)
    }

    fn batch(&self, shots: &[Shot]) -> Option<Vec<(Arc<Prepared>, Vec<String>)>> {
        let request = |shot: &Shot| {
            let prepared = self.prepared.get(shot.request as usize)?;
            Some((Arc::clone(&prepared.request), shot.values.clone()))
        };
        if shots.len() > MAX_SHOTS { None } else { shots.iter().map(request).collect() }
    }

    /// Turns an outcome into what the guest sees, keeping the words of a failure.
    fn answer(&mut self, id: u32, outcome: Outcome) -> Response {
        if outcome.error_text.is_some()
            && let Some(place) = self.place(id)
        {
            self.error_texts.resize_with(place + 1, || None);
            self.error_texts[place] = outcome.error_text;
        }
        Response {
            id,
            status: outcome.status,
            error: outcome.error.map_or(0, ErrorKind::code),
            body_bytes: outcome.body_bytes,
            duration_us: outcome.done_ns.saturating_sub(outcome.fired_ns) / 1_000,
        }
    }
}

/// The answer to a call that sends nothing: a handle that was never given out, or no I/O granted.
pub(crate) fn refused(id: u32) -> Response {
    Response { id, status: 0, error: ErrorKind::Invalid.code(), body_bytes: 0, duration_us: 0 }
}

/// A request in flight. It is recorded once: by its outcome, or as interrupted when the call is dropped.
///
/// Outside iterations (`setup`, `start`) nothing is measured.
struct Flight {
    measured: Option<(Rc<CoreShared>, Sample)>,
}

impl Flight {
    fn begin(
        core: &Rc<CoreShared>,
        op: OpId,
        ticket: Option<Ticket>,
        intended_ns: Option<u64>,
    ) -> Self {
        let Some(Ticket { scenario, window, .. }) = ticket else { return Self { measured: None } };
        core.context.recorder.borrow_mut().fired(op, scenario, window);
        let sample = Sample {
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
        };
        Self { measured: Some((Rc::clone(core), sample)) }
    }

    fn end(mut self, outcome: &Outcome) {
        let Some((core, begun)) = self.measured.take() else { return };
        let sample = Sample {
            status: outcome.status,
            error: outcome.error,
            intended_ns: if begun.intended_ns == 0 { outcome.fired_ns } else { begun.intended_ns },
            fired_ns: outcome.fired_ns,
            done_ns: outcome.done_ns,
            phases: outcome.phases,
            bytes_sent: outcome.bytes_sent,
            bytes_received: outcome.bytes_received,
            ..begun
        };
        let mut recorder = core.context.recorder.borrow_mut();
        recorder.record(&sample);
        recorder.explain(&sample, || match &outcome.error_text {
            Some(text) => text.to_string(),
            None => format!("the server answered with status {}", outcome.status),
        });
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
