//! Exact counts of what the server saw.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Status codes are counted by value; three digits leave no more.
const STATUSES: usize = 1000;

/// What the server has seen since it started.
///
/// The totals leave out the control routes (`/_...`), so that reading the counts does not change them. A request is
/// counted once its head is parsed; what is not HTTP is answered by the protocol layer and counted nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests whose head was read, on all routes but the control routes.
    pub requests: u64,
    /// Responses handed to their connection down to the last byte of the body, on the same routes.
    pub responses: u64,
    /// Connections accepted.
    pub connections: u64,
    /// The same by route, such as `GET /products/{id}`, control routes included. What no route matched (404 and 405)
    /// is under `unmatched`. A HEAD request counts under its GET route.
    pub routes: BTreeMap<String, RouteCounts>,
    /// Responses by status code, on all routes but the control routes.
    pub statuses: BTreeMap<u16, u64>,
}

/// The requests and responses of one route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteCounts {
    /// Requests whose head was read.
    pub requests: u64,
    /// Responses handed to their connection down to the last byte of the body.
    pub responses: u64,
}

/// The live counters behind [`Counts`].
pub(crate) struct Counters {
    routes: Box<[RouteCounter]>,
    statuses: Box<[AtomicU64]>,
    connections: AtomicU64,
}

struct RouteCounter {
    name: &'static str,
    /// Whether the route is part of the totals.
    total: bool,
    requests: AtomicU64,
    responses: AtomicU64,
}

impl Counters {
    /// Counters for routes given by name and by whether they are part of the totals.
    pub(crate) fn new(routes: impl IntoIterator<Item = (&'static str, bool)>) -> Self {
        let counter = |(name, total)| RouteCounter {
            name,
            total,
            requests: AtomicU64::new(0),
            responses: AtomicU64::new(0),
        };
        Self {
            routes: routes.into_iter().map(counter).collect(),
            statuses: (0..STATUSES).map(|_| AtomicU64::new(0)).collect(),
            connections: AtomicU64::new(0),
        }
    }

    pub(crate) fn connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn request(&self, route: usize) {
        if let Some(route) = self.routes.get(route) {
            route.requests.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn response(&self, route: usize, status: u16) {
        let Some(route) = self.routes.get(route) else { return };
        route.responses.fetch_add(1, Ordering::Relaxed);
        if let (true, Some(count)) = (route.total, self.statuses.get(usize::from(status))) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn snapshot(&self) -> Counts {
        let mut counts =
            Counts { connections: self.connections.load(Ordering::Relaxed), ..Counts::default() };
        for route in &self.routes {
            // Responses first: a snapshot taken under load never shows more responses than requests.
            let responses = route.responses.load(Ordering::Acquire);
            let requests = route.requests.load(Ordering::Acquire);
            if route.total {
                counts.requests += requests;
                counts.responses += responses;
            }
            counts.routes.insert(route.name.to_owned(), RouteCounts { requests, responses });
        }
        for (status, count) in (0_u16..).zip(&self.statuses) {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                counts.statuses.insert(status, count);
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_leave_out_control_routes() {
        let counters = Counters::new([("GET /a", true), ("GET /_b", false)]);
        for (route, status) in [(0, 200), (0, 404), (1, 200)] {
            counters.request(route);
            counters.response(route, status);
        }
        counters.request(0);
        counters.connection();
        let counts = counters.snapshot();
        assert_eq!((counts.requests, counts.responses, counts.connections), (3, 2, 1));
        assert_eq!(counts.routes["GET /a"], RouteCounts { requests: 3, responses: 2 });
        assert_eq!(counts.routes["GET /_b"], RouteCounts { requests: 1, responses: 1 });
        assert_eq!(counts.statuses, BTreeMap::from([(200, 1), (404, 1)]));
    }
}
