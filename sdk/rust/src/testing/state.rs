//! What the fake host of a thread knows.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::{Reply, Sent};

/// Requests, messages and values recorded by each list: a test that loops by mistake must not eat the machine.
const MAX_RECORDED: usize = 1_000_000;

/// A prepared request.
#[derive(Clone, Debug, Default)]
pub(super) struct Template {
    pub(super) name: String,
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) slots: Vec<String>,
    pub(super) options: Vec<(String, String)>,
}

#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) once: VecDeque<Reply>,
    pub(super) always: Option<Reply>,
}

#[derive(Debug)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) values: Vec<f64>,
}

#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) passed: u64,
    pub(super) failed: u64,
}

#[derive(Debug)]
pub(super) struct Feed {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) next: usize,
}

/// A token bucket that begins full.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) name: String,
    rate_per_s: f64,
    burst: f64,
    /// Tokens there are at `at`; below 0 while those who took them wait.
    tokens: f64,
    at: Duration,
}

impl Limit {
    pub(super) fn new(name: &str, rate_per_s: f64, burst: u64) -> Self {
        let burst = burst as f64;
        Self { name: name.to_owned(), rate_per_s, burst, tokens: burst, at: Duration::ZERO }
    }

    /// Takes tokens; how long to wait until they are there. More than the burst take the time they need to flow in.
    pub(super) fn take(&mut self, tokens: u32, now: Duration) -> Duration {
        let flowed = now.saturating_sub(self.at).as_secs_f64() * self.rate_per_s;
        self.tokens = (self.tokens + flowed).min(self.burst) - f64::from(tokens);
        self.at = now;
        let missing = (-self.tokens).max(0.0);
        Duration::try_from_secs_f64(missing / self.rate_per_s).unwrap_or(Duration::MAX)
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) now: Duration,
    random: u64,
    scripts: HashMap<String, Script>,
    pub(super) templates: Vec<Template>,
    /// Responses that can still be read, and the id of the first.
    pub(super) responses: Vec<Reply>,
    pub(super) first_response: u32,
    pub(super) requests: Vec<Sent>,
    pub(super) metrics: Vec<Metric>,
    pub(super) checks: Vec<Check>,
    pub(super) feeds: Vec<Feed>,
    pub(super) limits: Vec<Limit>,
    pub(super) logs: Vec<(String, String)>,
    pub(super) failures: Vec<crate::Failure>,
    pub(super) findings: Vec<stresshost_plan::Finding>,
    pub(super) artifacts: BTreeMap<String, Vec<u8>>,
    pub(super) sql: super::sql::SqlState,
    pub(super) mongo: super::mongo::Mongo,
    pub(super) redis: super::redis::Redis,
    pub(super) tcp: super::tcp::Tcp,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::new(State::new(0));
}

/// Runs something with the thread's fake host.
pub(super) fn with<T>(run: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(run)
}

/// Appends unless the list is full.
pub(super) fn record<T>(list: &mut Vec<T>, item: T) {
    if list.len() < MAX_RECORDED {
        list.push(item);
    }
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: seed, ..Self::default() }
    }

    pub(super) fn script(&mut self, operation: &str) -> &mut Script {
        self.scripts.entry(operation.to_owned()).or_default()
    }

    pub(super) fn add_feed(&mut self, name: &str, columns: &[&str], rows: &[&[&str]]) {
        let owned = |row: &[&str]| row.iter().map(|&value| value.to_owned()).collect();
        self.feeds.push(Feed {
            name: name.to_owned(),
            columns: owned(columns),
            rows: rows.iter().map(|row| owned(row)).collect(),
            next: 0,
        });
    }

    /// The next scripted response to an operation.
    pub(super) fn reply(&mut self, operation: &str) -> Reply {
        let script = self.script(operation);
        script.once.pop_front().or_else(|| script.always.clone()).unwrap_or_else(|| Reply::status(200))
    }

    /// A readable response, unless its id is stale.
    pub(super) fn response(&self, id: u32) -> Option<&Reply> {
        self.responses.get(usize::try_from(id.checked_sub(self.first_response)?).ok()?)
    }

    /// Forgets the responses so far: ids grow, so that the old ones stay stale.
    pub(super) fn forget_responses(&mut self) {
        self.first_response =
            self.first_response.saturating_add(u32::try_from(self.responses.len()).unwrap_or(u32::MAX));
        self.responses.clear();
    }

    /// SplitMix64.
    pub(super) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
