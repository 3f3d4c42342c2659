//! Requests fired together.

use std::sync::Arc;
use std::task::{Context, Poll};

use stresshost_metrics::ErrorKind;

use super::call::Call;
use super::links::Links;
use super::outcome::Outcome;
use crate::deadline::Deadline;
use crate::http::core::CoreInner;
use crate::http::limits::{MAX_BATCH, MAX_CONCURRENT};
use crate::http::prepared::Prepared;
use crate::http::response::Response;

/// A call that ended.
pub(crate) struct Finished {
    pub(crate) outcome: Outcome,
    pub(crate) response: Option<Response>,
}

/// Up to [`MAX_CONCURRENT`] calls at once; the next starts when one ends.
pub(crate) struct Batch<'a> {
    requests: &'a [(Arc<Prepared>, Vec<String>)],
    next: usize,
    active: Vec<(usize, Call<'a>)>,
    finished: Vec<Option<Finished>>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(requests: &'a [(Arc<Prepared>, Vec<String>)]) -> Self {
        let finished = requests.iter().map(|_| None).collect();
        Self { requests, next: 0, active: Vec::new(), finished }
    }

    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        core: &CoreInner,
        links: &mut Links,
        deadline: &mut Deadline,
    ) -> Poll<Vec<Finished>> {
        loop {
            self.start(core);
            if self.poll_active(cx, core, links) {
                continue;
            }
            let Some(earliest_ns) = self.active.iter().map(|(_, call)| call.deadline_ns()).min() else {
                let finished = std::mem::take(&mut self.finished);
                return Poll::Ready(finished.into_iter().flatten().collect());
            };
            if !deadline.poll_passed(cx, core.clock, core.timer.as_ref(), earliest_ns) {
                return Poll::Pending;
            }
            self.expire(core, links);
        }
    }

    fn start(&mut self, core: &CoreInner) {
        while self.active.len() < MAX_CONCURRENT {
            let index = self.next;
            let Some((request, values)) = self.requests.get(index) else { return };
            self.next += 1;
            if index < MAX_BATCH {
                self.active.push((index, Call::new(request, values)));
            } else {
                self.finish(index, refused(core));
            }
        }
    }

    /// Polls every active call; true when that may have helped another one on.
    fn poll_active(&mut self, cx: &mut Context<'_>, core: &CoreInner, links: &mut Links) -> bool {
        let mut progress = false;
        let mut position = 0;
        while let Some((index, call)) = self.active.get_mut(position) {
            let was_open = links.opening();
            let mut response = None;
            match call.poll(cx, core, links, &mut response) {
                Poll::Ready(()) => {
                    let index = *index;
                    let (_, call) = self.active.swap_remove(position);
                    self.finish(index, Finished { outcome: call.into_outcome(), response });
                    progress = true;
                }
                Poll::Pending => position += 1,
            }
            progress |= links.opening() < was_open;
        }
        progress
    }

    fn expire(&mut self, core: &CoreInner, links: &mut Links) {
        let now_ns = core.clock.now_ns();
        let mut position = 0;
        while let Some((index, call)) = self.active.get_mut(position) {
            if call.deadline_ns() > now_ns {
                position += 1;
                continue;
            }
            let index = *index;
            call.expire(core, links);
            let (_, call) = self.active.swap_remove(position);
            self.finish(index, Finished { outcome: call.into_outcome(), response: None });
        }
    }

    fn finish(&mut self, index: usize, finished: Finished) {
        if let Some(slot) = self.finished.get_mut(index) {
            *slot = Some(finished);
        }
    }
}

fn refused(core: &CoreInner) -> Finished {
    let now_ns = core.clock.now_ns();
    let outcome = Outcome {
        error: Some(ErrorKind::Invalid),
        error_text: Some(format!("one batch takes at most {MAX_BATCH} requests").into()),
        fired_ns: now_ns,
        done_ns: now_ns,
        ..Outcome::default()
    };
    Finished { outcome, response: None }
}
