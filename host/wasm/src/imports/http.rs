//! `http`: prepared requests, measured.

use std::rc::Rc;
use std::sync::Arc;

use send_wrapper::SendWrapper;
use stresshost_engine::Ticket;
use stresshost_io::http::{Outcome, Prepared, RequestSpec};
use stresshost_metrics::{ErrorKind, OpId, Phases, Sample};

use crate::bindings::http::{Host, Request, Response, Shot};
use crate::imports::NOT_LIVE;
use crate::metering::timed;
use crate::state::{CoreShared, Live, PreparedOp, VuState};
use crate::{MAX_PREPARED, MAX_SHOTS};

impl Host for VuState {
    fn prepare(&mut self, request: Request) -> Result<u32, String> {
        let live = self.live.as_mut().ok_or(NOT_LIVE)?;
        if live.prepared.len() >= MAX_PREPARED {
            return Err(format!("more than {MAX_PREPARED} prepared requests; put what varies into slots"));
        }
        let spec = RequestSpec {
            method: &request.method,
            url: &request.url,
            headers: &request.headers,
            body: request.body.as_deref(),
            slots: &request.slots,
            options: &request.options,
        };
        let prepared = live.core.http.prepare(&spec).map_err(|error| error.to_string())?;
        let names = live.core.context.names.lock();
        let op = names.map_err(|_| "the run is ending")?.op(&request.name, "http");
        let op = op.map_err(|error| error.to_string())?;
        let origin = prepared.origin();
        let limits = live.core.context.limits.of_target(origin.scheme.name(), &origin.host, origin.port);
        live.prepared.push(PreparedOp { op, request: prepared, limits });
        u32::try_from(live.prepared.len() - 1).map_err(|error| error.to_string())
    }

    async fn fire(&mut self, request: u32, values: Vec<String>) -> Response {
        self.epochs = 0;
        let Some(live) = &mut self.live else { return refused(0) };
        let first = live.new_responses(1);
        if live.is_limited() {
            SendWrapper::new(live.take_tokens(&[request])).await;
        }
        let Some(PreparedOp { op, request, .. }) = live.prepared.get(request as usize) else {
            return refused(first);
        };
        let flight = Flight::begin(&live.core, *op, live.ticket, live.intended_ns.take());
        let fire = live.http.fire(request, &values);
        let outcome = metered(&live.core, &mut live.metered_ns, fire).await;
        flight.end(&outcome);
        live.answer(first, outcome)
    }

    async fn send_all(&mut self, shots: Vec<Shot>) -> Vec<Response> {
        self.epochs = 0;
        let Some(live) = &mut self.live else { return shots.iter().map(|_| refused(0)).collect() };
        let first = live.new_responses(shots.len());
        let ids = (0..shots.len()).map(|place| first.wrapping_add(place as u32));
        let Some(batch) = live.batch(&shots) else { return ids.map(refused).collect() };
        if live.is_limited() {
            let requests: Vec<u32> = shots.iter().map(|shot| shot.request).collect();
            SendWrapper::new(live.take_tokens(&requests)).await;
        }
        let intended_ns = live.intended_ns.take();
        let begin = |shot: &Shot| {
            let op = live.prepared.get(shot.request as usize).map_or(OpId(0), |prepared| prepared.op);
            Flight::begin(&live.core, op, live.ticket, intended_ns)
        };
        let flights: Vec<Flight> = shots.iter().map(begin).collect();
        let outcomes = metered(&live.core, &mut live.metered_ns, live.http.fire_all(&batch)).await;
        for (flight, outcome) in flights.into_iter().zip(&outcomes) {
            flight.end(outcome);
        }
        ids.zip(outcomes).map(|(id, outcome)| live.answer(id, outcome)).collect()
    }

    fn header(&mut self, response: u32, name: String) -> Option<String> {
        let value = self.response(response)?.header(&name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    fn headers(&mut self, response: u32) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = self.response(response).into_iter().flat_map(|response| response.headers());
        headers.map(|(name, value)| (text(name), text(value))).collect()
    }

    fn body(&mut self, response: u32) -> Result<Vec<u8>, String> {
        let response = self.response(response).ok_or("the response is stale, or the request failed")?;
        response.body().map(<[u8]>::to_vec).map_err(|error| error.to_string())
    }

    fn json(&mut self, response: u32, pointer: String) -> Option<String> {
        let found = self.response(response)?.json(&pointer).ok()??;
        Some(found.text().into_owned())
    }

    fn error_name(&mut self, error: u32) -> String {
        match ErrorKind::from_code(error) {
            Some(kind) => kind.name().to_owned(),
            None if error == 0 => String::new(),
            None => "unknown".to_owned(),
        }
    }

    fn error_text(&mut self, response: u32) -> String {
        let text =
            self.live.as_ref().and_then(|live| live.error_texts.get(live.place(response)?)?.as_deref());
        text.unwrap_or_default().to_owned()
    }
}

impl VuState {
    fn response(&self, id: u32) -> Option<&stresshost_io::http::Response> {
        let live = self.live.as_ref()?;
        live.http.response(live.place(id)?)
    }
}

impl Live {
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
    fn place(&self, id: u32) -> Option<usize> {
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

/// Waits for an import's work, timing it in the iterations that are timed.
async fn metered<F: Future + Send>(
    core: &SendWrapper<Rc<CoreShared>>,
    ns: &mut Option<u64>,
    work: F,
) -> F::Output {
    let Some(ns) = ns else { return work.await };
    let (output, polled_ns) = timed(core.context.clock, work).await;
    *ns += polled_ns;
    output
}

/// The answer to a call that sends nothing: a handle that was never given out, or no I/O granted.
fn refused(id: u32) -> Response {
    Response { id, status: 0, error: ErrorKind::Invalid.code(), body_bytes: 0, duration_us: 0 }
}

/// A request in flight. It is recorded once: by its outcome, or as interrupted when the call is dropped.
///
/// Outside iterations (`setup`, `start`) nothing is measured.
struct Flight {
    measured: Option<(SendWrapper<Rc<CoreShared>>, Sample)>,
}

impl Flight {
    fn begin(
        core: &SendWrapper<Rc<CoreShared>>,
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
        Self { measured: Some((core.clone(), sample)) }
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
