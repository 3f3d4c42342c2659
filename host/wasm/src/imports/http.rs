//! `http`: prepared requests. What is fired is measured in [`firing`](crate::firing).

use std::cell::Ref;

use stresshost_io::http::{BodyError, JsonError, RequestSpec, Response};
use stresshost_metrics::SandboxLimit;

use crate::bindings::http::{Host, Request, Shot};
use crate::firing::refused;
use crate::imports::{NOT_LIVE, error_name};
use crate::state::{PreparedOp, Received, VuState};
use crate::waiting::{Fulfilled, Wish};

impl Host for VuState {
    fn prepare(&mut self, request: Request) -> Result<u32, String> {
        let live = &mut *self.granted().ok_or(NOT_LIVE)?;
        live.may_prepare()?;
        let spec = RequestSpec {
            method: &request.method,
            url: &request.url,
            headers: &request.headers,
            body: request.body.as_deref(),
            slots: &request.slots,
            options: &request.options,
        };
        let prepared = live.core.http.prepare(&spec).map_err(|error| error.to_string())?;
        let charge = live.core.charges.charge(&prepared, &live.core.run.memory);
        let held_bytes = live.prepared_bytes + prepared.held_bytes();
        let most_bytes = live.core.run.limits.prepared_bytes;
        let Some(charge) = charge.filter(|_| held_bytes <= most_bytes) else {
            live.core.reached(SandboxLimit::PreparedBytes);
            return Err(format!(
                "prepared requests of more than {most_bytes} bytes, or more than all virtual users together may hold"
            ));
        };
        let names = live.core.context.names.lock();
        let op =
            names.map_err(|_| "the run is ending")?.op(&live.core.run.secrets.redact(&request.name), "http");
        let op = op.map_err(|error| live.core.refused_name(&error))?;
        let origin = prepared.origin();
        let limits = live.core.context.limits.of_target(origin.scheme.name(), &origin.host, origin.port);
        live.prepared_bytes = held_bytes;
        live.prepared.push(PreparedOp { op, request: prepared, limits, _charge: charge });
        u32::try_from(live.prepared.len() - 1).map_err(|error| error.to_string())
    }

    async fn fire(&mut self, request: u32) -> u64 {
        self.fire_with(request, Vec::new()).await
    }

    async fn fire_with(&mut self, request: u32, values: Vec<String>) -> u64 {
        match self.wish(Wish::Fire { request, values }).await {
            Some(Fulfilled::Answer(answer)) => answer,
            _ => refused(0),
        }
    }

    async fn send_all(&mut self, shots: Vec<Shot>) -> Vec<u64> {
        let count = shots.len();
        match self.wish(Wish::SendAll(shots)).await {
            Some(Fulfilled::Answers(answers)) => answers,
            _ => (0..count).map(|_| refused(0)).collect(),
        }
    }

    fn body_bytes(&mut self, response: u32) -> u64 {
        self.received(response).map_or(0, |received| received.body_bytes)
    }

    fn duration_us(&mut self, response: u32) -> u64 {
        self.received(response).map_or(0, |received| received.duration_us)
    }

    fn header(&mut self, response: u32, name: String) -> Option<String> {
        let response = self.response(response)?;
        Some(String::from_utf8_lossy(response.header(&name)?).into_owned())
    }

    fn header_is(&mut self, response: u32, name: String, value: String) -> bool {
        let response = self.response(response);
        response.is_some_and(|response| response.header(&name) == Some(value.as_bytes()))
    }

    fn headers(&mut self, response: u32) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let Some(response) = self.response(response) else { return Vec::new() };
        response.headers().map(|(name, value)| (text(name), text(value))).collect()
    }

    fn body(&mut self, response: u32) -> Result<Vec<u8>, String> {
        let response = self.response(response).ok_or("the response is stale, or the request failed")?;
        let body = response.body().map(<[u8]>::to_vec);
        drop(response);
        body.map_err(|error| {
            self.count_unkept(&error);
            error.to_string()
        })
    }

    fn json(&mut self, response: u32, pointer: String) -> Option<String> {
        let response = self.response(response)?;
        let found = response.json(&pointer).map(|found| Some(found?.text().into_owned()));
        drop(response);
        found.unwrap_or_else(|error| {
            if let JsonError::Body(error) = error {
                self.count_unkept(&error);
            }
            None
        })
    }

    fn error_name(&mut self, error: u32) -> String {
        error_name(error)
    }

    fn error_text(&mut self, response: u32) -> String {
        let received = self.received(response);
        received.and_then(|received| received.error_text.as_deref().map(str::to_owned)).unwrap_or_default()
    }
}

impl VuState {
    fn received(&self, id: u32) -> Option<Ref<'_, Received>> {
        let live = self.live.as_ref()?.borrow();
        Ref::filter_map(live, |live| live.responses.get(live.place(id))).ok()
    }

    /// Counts a body that was asked for and is not there in whole.
    fn count_unkept(&self, error: &BodyError) {
        if !matches!(error, BodyError::Decode(_)) {
            self.reached(SandboxLimit::BodyBytes);
        }
    }

    fn response(&self, id: u32) -> Option<Ref<'_, Response>> {
        let live = self.live.as_ref()?.borrow();
        Ref::filter_map(live, |live| live.http.response(live.place(id))).ok()
    }
}
