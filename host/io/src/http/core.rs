//! What the sessions of one core share: read buffers, scratch space, compiled requests.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Weak};

use sha2::{Digest, Sha256};
use stresshost_clock::{Clock, Timer};

use super::h1::known_heads::KnownHeads;
use super::h1::reader::ReaderLimits;
use super::limits::{MAX_CACHED_REQUESTS, MAX_SCRATCH_BYTES};
use super::options::Options;
use super::prepared::{PrepareError, Prepared, RequestSpec};
use super::shared::HttpShared;
use crate::buffer_pool::BufferPool;

/// One core's part of the engine; it cannot leave the thread it was made on.
#[derive(Clone)]
pub struct HttpCore {
    inner: Rc<CoreInner>,
}

pub(crate) struct CoreInner {
    pub(crate) shared: HttpShared,
    pub(crate) clock: Clock,
    pub(crate) timer: Option<Timer>,
    pub(crate) pool: BufferPool,
    pub(crate) known_heads: RefCell<KnownHeads>,
    pub(crate) limits: ReaderLimits,
    scratch: RefCell<Vec<u8>>,
    /// By the digest of what they were compiled from, which may be large.
    requests: RefCell<HashMap<[u8; 32], Weak<Prepared>>>,
}

impl HttpCore {
    /// The part of the current thread's core, with timeouts on tokio's timer.
    pub fn new(shared: HttpShared, clock: Clock) -> Self {
        Self::build(shared, clock, None)
    }

    /// The part of the current thread's core, with request timeouts on the core's own timer, whose driver must run:
    /// while requests are in flight, nothing is registered with tokio's then.
    pub fn with_timer(shared: HttpShared, clock: Clock, timer: Timer) -> Self {
        Self::build(shared, clock, Some(timer))
    }

    fn build(shared: HttpShared, clock: Clock, timer: Option<Timer>) -> Self {
        let config = shared.config();
        let limits = ReaderLimits {
            head_bytes: config.max_header_bytes,
            kept_bytes: config.max_body_kept_bytes,
            response_bytes: config.max_response_bytes,
        };
        let inner = CoreInner {
            clock,
            timer,
            pool: BufferPool::new(Arc::clone(&config.kept)),
            known_heads: RefCell::default(),
            limits,
            scratch: RefCell::default(),
            requests: RefCell::default(),
            shared,
        };
        Self { inner: Rc::new(inner) }
    }

    pub(crate) fn inner(&self) -> &CoreInner {
        &self.inner
    }

    /// Compiles a request, or finds it compiled: virtual users that prepare the same request share one.
    ///
    /// # Errors
    /// When the request cannot be sent as it is written.
    pub fn prepare(&self, spec: &RequestSpec<'_>) -> Result<Arc<Prepared>, PrepareError> {
        let key = cache_key(spec);
        if let Some(known) = self.inner.requests.borrow().get(&key).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let config = self.inner.shared.config();
        let options = Options::read(config, spec.options)
            .map_err(|(name, reason)| PrepareError::Option { name, reason })?;
        let prepared = Arc::new(Prepared::compile(config, Some(&config.secrets), spec, options)?);
        self.inner.shared.warm_up(&prepared.origin, prepared.options.version)?;
        let mut requests = self.inner.requests.borrow_mut();
        if requests.len() >= MAX_CACHED_REQUESTS {
            requests.retain(|_, request| request.strong_count() > 0);
        }
        if requests.len() < MAX_CACHED_REQUESTS {
            requests.insert(key, Arc::downgrade(&prepared));
        }
        Ok(prepared)
    }
}

impl fmt::Debug for HttpCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCore").finish_non_exhaustive()
    }
}

impl CoreInner {
    /// Lends out the core's scratch space, empty.
    pub(crate) fn with_scratch<T>(&self, work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut scratch = self.scratch.borrow_mut();
        scratch.clear();
        let result = work(&mut scratch);
        if scratch.capacity() > MAX_SCRATCH_BYTES {
            *scratch = Vec::new();
        }
        result
    }
}

/// The digest of the whole specification; every field is preceded by its length, so that no two are the same bytes.
fn cache_key(spec: &RequestSpec<'_>) -> [u8; 32] {
    let mut key = Sha256::new();
    let mut add = |bytes: &[u8]| {
        key.update((bytes.len() as u64).to_le_bytes());
        key.update(bytes);
    };
    add(spec.method.as_bytes());
    add(spec.url.as_bytes());
    for list in [spec.headers, spec.options] {
        add(&(list.len() as u64).to_le_bytes());
        for (name, value) in list {
            add(name.as_bytes());
            add(value.as_bytes());
        }
    }
    add(&(spec.slots.len() as u64).to_le_bytes());
    for slot in spec.slots {
        add(slot.as_bytes());
    }
    if let Some(body) = spec.body {
        add(body);
    }
    key.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HttpConfig;

    fn core() -> HttpCore {
        let shared = HttpShared::new(HttpConfig::default(), Arc::new(|_, _| true)).unwrap();
        HttpCore::new(shared, Clock::start())
    }

    fn get(url: &str) -> RequestSpec<'_> {
        RequestSpec { method: "GET", url, headers: &[], body: None, slots: &[], options: &[] }
    }

    #[test]
    fn the_same_request_is_compiled_once() {
        let core = core();
        let first = core.prepare(&get("http://h/a")).unwrap();
        assert!(Arc::ptr_eq(&first, &core.prepare(&get("http://h/a")).unwrap()));
        let slots = [String::from("a")];
        for other in [
            get("http://h/b"),
            RequestSpec { method: "PUT", ..get("http://h/a") },
            RequestSpec { body: Some(b""), ..get("http://h/a") },
            RequestSpec { slots: &slots, ..get("http://h/a") },
        ] {
            assert!(!Arc::ptr_eq(&first, &core.prepare(&other).unwrap()), "{other:?}");
        }
    }

    #[test]
    fn headers_and_options_do_not_share_a_key() {
        let pairs = [(String::from("keep-alive"), String::from("true"))];
        let headers = RequestSpec { headers: &pairs, ..get("http://h/a") };
        let options = RequestSpec { options: &pairs, ..get("http://h/a") };
        assert_ne!(cache_key(&headers), cache_key(&options));
    }

    #[test]
    fn the_cache_forgets_requests_nobody_holds() {
        let core = core();
        let held = core.prepare(&get("http://h/held")).unwrap();
        for number in 0..MAX_CACHED_REQUESTS + 10 {
            core.prepare(&get(&format!("http://h/{number}"))).unwrap();
        }
        assert!(core.inner().requests.borrow().len() <= MAX_CACHED_REQUESTS);
        assert!(Arc::ptr_eq(&held, &core.prepare(&get("http://h/held")).unwrap()));
    }

    #[test]
    fn an_unknown_option_is_named() {
        let options = [(String::from("retry"), String::from("1"))];
        let error = core().prepare(&RequestSpec { options: &options, ..get("http://h/") }).unwrap_err();
        assert!(error.to_string().contains("`retry`") && error.to_string().contains("timeout-ms"), "{error}");
    }
}
