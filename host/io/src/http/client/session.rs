//! The engine as one virtual user sees it.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use super::batch::Batch;
use super::call::Call;
use super::links::Links;
use super::outcome::Outcome;
use crate::deadline::Deadline;
use crate::http::core::HttpCore;
use crate::http::prepared::Prepared;
use crate::http::response::Response;

/// One virtual user's connections and its latest answers.
pub struct HttpSession {
    core: HttpCore,
    links: Links,
    deadline: Deadline,
    responses: Vec<Option<Response>>,
}

impl HttpSession {
    /// A session without connections, on the current thread's core.
    pub fn new(core: HttpCore) -> Self {
        Self { core, links: Links::default(), deadline: Deadline::default(), responses: Vec::new() }
    }

    /// Sends one request and reads its answer. Dropping the future drops the connection it uses.
    pub async fn fire(&mut self, request: &Prepared, values: &[String]) -> Outcome {
        self.release();
        self.links.begin();
        self.responses.push(None);
        let mut call = Call::new(request, values);
        poll_fn(|cx| {
            let core = self.core.inner();
            let Some(response) = self.responses.first_mut() else { return Poll::Ready(()) };
            if call.poll(cx, core, &mut self.links, response).is_ready() {
                return Poll::Ready(());
            }
            if self.deadline.poll_passed(cx, core.clock, core.timer.as_ref(), call.deadline_ns()) {
                call.expire(core, &mut self.links);
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
        call.into_outcome()
    }

    /// Sends requests concurrently, up to [`super::super::MAX_CONCURRENT`] at once and
    /// [`super::super::MAX_BATCH`] in all; their outcomes in the order of `requests`.
    pub async fn fire_all(&mut self, requests: &[(Arc<Prepared>, Vec<String>)]) -> Vec<Outcome> {
        self.release();
        self.links.begin();
        let mut batch = Batch::new(requests);
        let finished =
            poll_fn(|cx| batch.poll(cx, self.core.inner(), &mut self.links, &mut self.deadline)).await;
        let mut outcomes = Vec::with_capacity(finished.len());
        for finished in finished {
            self.responses.push(finished.response);
            outcomes.push(finished.outcome);
        }
        outcomes
    }

    /// The answer to request `index` of the latest [`Self::fire`] (0) or [`Self::fire_all`]; `None` when it failed
    /// without one, or was released.
    pub fn response(&self, index: usize) -> Option<&Response> {
        self.responses.get(index)?.as_ref()
    }

    /// Gives the answers' buffers back to the core.
    pub fn release(&mut self) {
        while let Some(response) = self.responses.pop() {
            if let Some(response) = response {
                response.recycle(&self.core.inner().pool);
            }
        }
    }

    /// Moves the answers into memory of their own size: for a user who holds them while it waits, as in think time.
    pub fn compact(&mut self) {
        let pool = &self.core.inner().pool;
        for response in self.responses.iter_mut().flatten() {
            response.compact(pool);
        }
    }

    /// Drops every connection.
    pub fn close(&mut self) {
        self.links.close();
    }

    /// Number of open connections held for the next request.
    pub fn connections(&self) -> usize {
        self.links.len()
    }
}

impl fmt::Debug for HttpSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSession").field("connections", &self.links.len()).finish_non_exhaustive()
    }
}
