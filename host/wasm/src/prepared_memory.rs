//! What prepared requests cost of the memory that all virtual users of a run share.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use stresshost_io::http::Prepared;
use stresshost_metrics::SandboxLimit;

use crate::memory_budget::{Held, MemoryBudget};
use crate::state::{CoreShared, Live};

/// The requests that the users of one core hold, each charged once however many hold it.
#[derive(Debug, Default)]
pub(crate) struct Charges {
    /// By the place of the request in memory, which is another's when nobody holds it any more.
    held: RefCell<HashMap<usize, Weak<Held>>>,
}

impl Charges {
    /// Takes the bytes of a request from the budget unless that was done before; `None` when it has not so many.
    pub(crate) fn charge(&self, request: &Arc<Prepared>, budget: &Arc<MemoryBudget>) -> Option<Rc<Held>> {
        let place = Arc::as_ptr(request).addr();
        let mut held = self.held.borrow_mut();
        if let Some(charge) = held.get(&place).and_then(Weak::upgrade) {
            return Some(charge);
        }
        let charge = Rc::new(Held::take(budget, request.held_bytes())?);
        if held.len() == held.capacity() {
            held.retain(|_, charge| charge.strong_count() > 0);
        }
        held.insert(place, Rc::downgrade(&charge));
        Some(charge)
    }
}

impl Live {
    /// Refuses to prepare one more where the user holds as many as it may.
    pub(crate) fn may_prepare(&self) -> Result<(), String> {
        let others = self.redis.as_ref().map_or(0, |side| side.prepared())
            + self.mongo.as_ref().map_or(0, |side| side.prepared())
            + self.tcp.as_ref().map_or(0, |side| side.prepared());
        let held = self.prepared.len() + others;
        if held as u64 >= self.core.run.limits.prepared { Err(self.core.too_many_prepared()) } else { Ok(()) }
    }

    /// Takes the memory of what is prepared for another protocol than HTTP.
    pub(crate) fn hold_prepared(&mut self, bytes: u64) -> Result<Held, String> {
        let most = self.core.run.limits.prepared_bytes;
        let has_room = self.prepared_bytes + bytes <= most;
        let Some(held) = has_room.then(|| Held::take(&self.core.run.memory, bytes)).flatten() else {
            self.core.reached(SandboxLimit::PreparedBytes);
            return Err(format!(
                "requests, commands, exchanges and statements of more than {most} bytes, or more than all virtual users together may hold"
            ));
        };
        self.prepared_bytes += bytes;
        Ok(held)
    }
}

impl CoreShared {
    /// What a guest is told that prepares more than it may.
    pub(crate) fn too_many_prepared(&self) -> String {
        self.reached(SandboxLimit::Prepared);
        let most = self.run.limits.prepared;
        format!("more than {most} prepared requests, commands and exchanges; put what varies into slots")
    }
}

#[cfg(test)]
mod tests {
    use stresshost_clock::Clock;
    use stresshost_io::http::{HttpConfig, HttpCore, HttpShared, RequestSpec};

    use super::*;

    #[test]
    fn a_request_is_charged_once_and_given_back_when_nobody_holds_it() {
        let shared = HttpShared::new(HttpConfig::default(), Arc::new(|_, _| true)).unwrap();
        let core = HttpCore::new(shared, Clock::start());
        let prepare = |body: &[u8]| {
            let (method, url) = ("POST", "http://h/");
            let spec = RequestSpec { method, url, headers: &[], body: Some(body), slots: &[], options: &[] };
            core.prepare(&spec).unwrap()
        };
        let (charges, budget) = (Charges::default(), Arc::new(MemoryBudget::new(150_000)));
        let body = [b'x'; 100_000];
        let (mine, yours) = (prepare(&body), prepare(&body));
        let first = charges.charge(&mine, &budget).unwrap();
        let second = charges.charge(&yours, &budget).expect("it is the same");
        let other = prepare(&body[1..]);
        assert!(charges.charge(&other, &budget).is_none());
        drop(first);
        assert!(charges.charge(&other, &budget).is_none(), "somebody still holds it");
        drop(second);
        assert!(charges.charge(&other, &budget).is_some());
    }
}
