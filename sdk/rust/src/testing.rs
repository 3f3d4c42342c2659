//! A fake host for native tests: it answers the wrappers of this crate from a script and records what they asked.
//!
//! The host belongs to the thread, and each test has its own thread. Time is virtual: sleeps and responses advance it.
//!
//! ```
//! use stresshost_sdk::http::Request;
//! use stresshost_sdk::testing::{FakeHost, Reply};
//!
//! let host = FakeHost::new();
//! host.reply_once("GET /", Reply::status(503));
//!
//! let home = Request::get("GET /", "http://shop.test/").prepare()?;
//! assert_eq!(home.fire(&[]).status(), 503);
//! assert_eq!(home.fire(&[]).status(), 200);
//! assert_eq!(host.requests().len(), 2);
//! # Ok::<(), stresshost_sdk::Failure>(())
//! ```

use std::time::Duration;

use serde::Serialize;
use stresshost_metrics::ErrorKind;
use stresshost_plan::{PLAN_INPUT_SCHEMA, Plan, PlanInput};

use crate::{Failure, PhaseContext, SetupContext, VuInfo, Workload};

pub(crate) mod backend;
pub(crate) mod mongo;
pub(crate) mod redis;
pub(crate) mod sql;
mod state;
pub(crate) mod tcp;

pub use mongo::{MongoReply, MongoSent};
pub use redis::{RedisReply, RedisSent};
pub use sql::{SqlOpened, SqlReply, SqlSent};
use state::with;
pub use tcp::{TcpReply, TcpSent};

/// A scripted response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) duration: Duration,
    pub(crate) error: Option<ErrorKind>,
}

impl Reply {
    /// A response without a body.
    pub fn status(status: u16) -> Self {
        Self { status, duration: Duration::from_millis(1), ..Self::default() }
    }

    /// A response with a text.
    pub fn text(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::status(status) }
    }

    /// A response with JSON.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::text(status, body).header("content-type", "application/json")
    }

    /// A request that failed without a response.
    pub fn error(kind: ErrorKind) -> Self {
        Self { error: Some(kind), ..Self::status(0) }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets how long the request takes; 1 ms unless set.
    #[must_use]
    pub const fn after(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }
}

/// A request as it would have gone out, slots filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Name of the operation.
    pub name: String,
    /// Method.
    pub method: String,
    /// URL.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body; empty when there is none.
    pub body: Vec<u8>,
    /// Options by name.
    pub options: Vec<(String, String)>,
    /// When it was sent.
    pub at: Duration,
}

impl Sent {
    /// The body as text, with `U+FFFD` for what is no UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// First value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// The fake host of this thread. Making a new one forgets everything the thread's last one knew.
#[derive(Debug)]
pub struct FakeHost(());

impl FakeHost {
    /// A host that answers every request with status 200 and no body.
    #[allow(
        clippy::new_without_default,
        reason = "it replaces the thread's host, which no default should do"
    )]
    pub fn new() -> Self {
        Self::with_seed(0)
    }

    /// The same with another stream of random numbers.
    pub fn with_seed(seed: u64) -> Self {
        with(|state| *state = state::State::new(seed));
        Self(())
    }

    /// Sets the response to every request of an operation.
    pub fn reply_to(&self, operation: &str, reply: Reply) {
        with(|state| state.script(operation).always = Some(reply));
    }

    /// Adds a response to one request of an operation, before what [`reply_to`](Self::reply_to) set.
    pub fn reply_once(&self, operation: &str, reply: Reply) {
        with(|state| state.script(operation).once.push_back(reply));
    }

    /// Adds a feed, dealt out in order, each row once.
    pub fn feed(&self, name: &str, columns: &[&str], rows: &[&[&str]]) {
        with(|state| state.add_feed(name, columns, rows));
    }

    /// Adds a rate limit, full at the beginning. Waiting for it advances the virtual time.
    pub fn limit(&self, name: &str, rate_per_s: f64, burst: u64) {
        with(|state| state.limits.push(state::Limit::new(name, rate_per_s, burst)));
    }

    /// Requests sent, in order.
    pub fn requests(&self) -> Vec<Sent> {
        with(|state| state.requests.clone())
    }

    /// Values recorded for a metric, in order.
    pub fn metric(&self, name: &str) -> Vec<f64> {
        with(|state| {
            state.metrics.iter().find(|metric| metric.name == name).map(|metric| metric.values.clone())
        })
        .unwrap_or_default()
    }

    /// How often a check passed and failed.
    pub fn check(&self, name: &str) -> (u64, u64) {
        with(|state| {
            state.checks.iter().find(|check| check.name == name).map(|check| (check.passed, check.failed))
        })
        .unwrap_or_default()
    }

    /// Names of the checks registered, in order.
    pub fn checks(&self) -> Vec<String> {
        with(|state| state.checks.iter().map(|check| check.name.clone()).collect())
    }

    /// Messages written: level and text.
    pub fn logs(&self) -> Vec<(String, String)> {
        with(|state| state.logs.clone())
    }

    /// Failures of iterations that a component's exported `iterate` told.
    pub fn failures(&self) -> Vec<crate::Failure> {
        with(|state| state.failures.clone())
    }

    /// Findings reported, in order, each as often as it was.
    pub fn findings(&self) -> Vec<stresshost_plan::Finding> {
        with(|state| state.findings.clone())
    }

    /// Content of an artifact.
    pub fn artifact(&self, name: &str) -> Option<Vec<u8>> {
        with(|state| state.artifacts.get(name).cloned())
    }

    /// Virtual time since the host was made.
    pub fn now(&self) -> Duration {
        with(|state| state.now)
    }
}

/// A plan input. `flags` and `config` are anything that is JSON; flags in the form the host gives them.
pub fn input(args: &[&str], flags: impl Serialize, config: impl Serialize) -> PlanInput {
    PlanInput {
        schema: PLAN_INPUT_SCHEMA.to_owned(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        flags: match serde_json::to_value(flags) {
            Ok(serde_json::Value::Object(flags)) => flags,
            _ => serde_json::Map::new(),
        },
        config: serde_json::to_value(config).unwrap_or_default(),
        ..PlanInput::default()
    }
}

/// Sets a plan's feeds, rate limits and workload up as the host does and starts a virtual user of a plan without
/// phases.
///
/// # Errors
/// When `setup`, `setup_phase` or `start` fails.
pub fn start<W: Workload>(plan: &Plan, id: u64) -> Result<W, Failure> {
    start_in(plan, "", id)
}

/// The same with a virtual user of a phase.
///
/// # Errors
/// When `setup`, `setup_phase` or `start` fails.
pub fn start_in<W: Workload>(plan: &Plan, phase: &str, id: u64) -> Result<W, Failure> {
    with(|state| {
        for feed in &plan.feeds {
            let columns: Vec<_> = feed.columns.iter().map(String::as_str).collect();
            let rows: Vec<Vec<_>> =
                feed.rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
            let rows: Vec<_> = rows.iter().map(Vec::as_slice).collect();
            state.add_feed(&feed.name, &columns, &rows);
        }
        for limit in &plan.limits {
            state.limits.push(state::Limit::new(&limit.name, limit.rate_per_s, limit.burst));
        }
    });
    let (run_id, seed, workload) = ("test".to_owned(), 0, plan.workload.clone());
    let shared =
        crossed(W::setup(SetupContext { run_id: run_id.clone(), seed, workload: workload.clone() })?)?;
    let context = PhaseContext { run_id, seed, phase: phase.to_owned(), shared, workload };
    let shared = crossed(W::setup_phase(context)?)?;
    let schedule = plan.schedule();
    let count =
        schedule.phases.iter().filter(|other| other.name == phase).map(stresshost_plan::ScheduledPhase::vus);
    W::start(VuInfo { id, count: count.sum() }, shared)
}

/// The shared value as it is on the other side: what does not survive JSON shows in a test.
fn crossed<S: Serialize + serde::de::DeserializeOwned>(shared: S) -> Result<S, Failure> {
    let text = serde_json::to_string(&shared);
    text.and_then(|text| serde_json::from_str(&text))
        .map_err(|error| Failure::setup(format!("the shared value: {error}")))
}
