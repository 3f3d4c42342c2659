//! A page that others fetch: the newest payload is what they get.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, StatusCode};
use tokio::sync::watch;

use super::{Failure, Payload, Sink};
use crate::http::{self, Answer};

/// Longest connection: a scraper connects again without anyone noticing.
const LIFETIME: Duration = Duration::from_secs(600);

/// Where the page is.
pub(super) const PATH: &str = "/metrics";

/// Serves the newest payload.
pub(super) struct ScrapeSink {
    shared: Arc<Shared>,
    ended: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    page: Mutex<Page>,
    fetched: Condvar,
}

#[derive(Default)]
struct Page {
    bytes: Bytes,
    content_type: Option<&'static str>,
    fetches: u64,
    /// Whether this page was fetched, not only one before it.
    is_fetched: bool,
}

impl ScrapeSink {
    /// Listens; port 0 takes any free one. Returns where.
    pub(super) fn listen(address: SocketAddr) -> std::io::Result<(Self, SocketAddr)> {
        let (listener, address) = http::listen(address)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::new(Shared::default());
        let (ended, end) = watch::channel(false);
        let pages = Arc::clone(&shared);
        let answer = move |request: Request<Incoming>, _| {
            let pages = Arc::clone(&pages);
            async move { pages.answer(&request) }
        };
        let thread = std::thread::Builder::new().name("stresshost-scrape".into());
        let thread = thread.spawn(move || {
            // Without a runtime that takes the socket there is nobody to answer.
            drop(runtime.block_on(http::serve(listener, end, LIFETIME, answer)));
        })?;
        Ok((Self { shared, ended, thread: Some(thread) }, address))
    }
}

impl Shared {
    fn answer(&self, request: &Request<Incoming>) -> Answer {
        if request.uri().path() != PATH {
            return http::text(StatusCode::NOT_FOUND, "the metrics are at /metrics");
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return http::text(StatusCode::METHOD_NOT_ALLOWED, "only GET");
        }
        let mut page = self.page();
        if request.method() == Method::GET {
            page.fetches += 1;
            page.is_fetched = true;
            self.fetched.notify_one();
        }
        let content_type = page.content_type.unwrap_or("text/plain; version=0.0.4; charset=utf-8");
        http::answer(StatusCode::OK, content_type, page.bytes.clone())
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for ScrapeSink {
    fn deliver(&mut self, payload: &Payload<'_>, _limit: Duration) -> Result<(), Failure> {
        let mut page = self.shared.page();
        page.bytes = Bytes::copy_from_slice(payload.bytes);
        page.content_type = Some(payload.content_type);
        page.is_fetched = false;
        Ok(())
    }

    /// Gives whoever has fetched a page before the time to fetch the last one.
    fn close(&mut self, limit: Duration) -> Option<String> {
        let page = self.shared.page();
        if page.fetches == 0 {
            return Some("nobody has fetched it".to_owned());
        }
        let waited = self.shared.fetched.wait_timeout_while(page, limit, |page| !page.is_fetched);
        let is_fetched = waited.unwrap_or_else(PoisonError::into_inner).0.is_fetched;
        self.ended.send_replace(true);
        if is_fetched {
            // The answer is on its way; the thread ends when it has been sent.
            drop(self.thread.take().map(JoinHandle::join));
            return None;
        }
        Some("the last page was not fetched: scrape more often, or use prometheus-rw".to_owned())
    }
}
