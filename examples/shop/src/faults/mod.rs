//! What can be broken on purpose, and what it does to the n-th request.

mod latency;
mod switch;

use serde::{Deserialize, Serialize};

pub use latency::Latency;
pub(crate) use switch::{Arrival, Switch, wait};

use crate::limits::MAX_DELAY_MS;
use crate::rng;

/// Streams of draws: changing one fault leaves the draws of the others as they were.
const LATENCY_STREAM: u64 = 1;
const SLOW_STREAM: u64 = 2;
const ERROR_STREAM: u64 = 3;
const CLOSE_STREAM: u64 = 4;

/// Highest rate limit in requests per second: its interval, 1 us, is still exact to a tenth of a percent.
const MAX_RATE_LIMIT: u32 = 1_000_000;

/// The faults of a shop; the default is none. They touch every route but `/health` and the control routes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// How long every request waits before it is worked on.
    pub latency: Latency,
    /// Share of requests, 0 to 1, that wait `slow_ms` instead.
    pub slow_ratio: f64,
    /// Milliseconds a slow request waits.
    pub slow_ms: f64,
    /// Share of requests, 0 to 1, answered 500 or 503 with equal chance.
    pub error_rate: f64,
    /// The request, counted from 1 when the faults are set, whose arrival stalls all requests once.
    pub stall_at_request: Option<u64>,
    /// Milliseconds that stall lasts.
    pub stall_ms: f64,
    /// Requests per second; a second's worth may come at once, the excess is answered 429.
    pub rate_limit: Option<u32>,
    /// Share of responses, 0 to 1, that carry `Connection: close` and close their connection.
    pub close_rate: f64,
}

/// What the faults do to one request, rate limit and stalls aside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Wait before the request is worked on, in milliseconds.
    pub latency_ms: f64,
    /// Status of the injected error.
    pub error: Option<u16>,
    /// Whether the response closes its connection.
    pub close: bool,
}

impl Outcome {
    pub(crate) const NONE: Self = Self { latency_ms: 0.0, error: None, close: false };
}

/// A field of a document that is not acceptable, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("`{path}` {message}")]
pub struct FieldProblem {
    /// Path of the field, such as `latency.min_ms`.
    pub path: String,
    /// What is wrong, worded to follow the path.
    pub message: String,
}

impl FieldProblem {
    pub(crate) fn new(path: &str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into() }
    }
}

impl Faults {
    /// What happens to request `number`, counted from 1 since the faults were set, under `seed`.
    ///
    /// A pure function: a test can tell in advance exactly which requests will fail and how long each will wait.
    pub fn outcome(&self, seed: u64, number: u64) -> Outcome {
        let draw = |stream| rng::at(seed, stream, number);
        let happens = |stream, share| share > 0.0 && draw(stream).unit() < share;
        let latency_ms = if happens(SLOW_STREAM, self.slow_ratio) {
            self.slow_ms
        } else {
            self.latency.draw_ms(&mut draw(LATENCY_STREAM))
        };
        let error = happens(ERROR_STREAM, self.error_rate).then(|| {
            // The first number of the stream decided whether; the second decides which.
            let mut rng = draw(ERROR_STREAM);
            rng.next_u64();
            if rng.unit() < 0.5 { 500 } else { 503 }
        });
        Outcome { latency_ms, error, close: happens(CLOSE_STREAM, self.close_rate) }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// The first field that is out of range.
    pub fn validate(&self) -> Result<(), FieldProblem> {
        self.latency.validate()?;
        share("slow_ratio", self.slow_ratio)?;
        delay("slow_ms", self.slow_ms)?;
        share("error_rate", self.error_rate)?;
        delay("stall_ms", self.stall_ms)?;
        share("close_rate", self.close_rate)?;
        if self.stall_at_request == Some(0) {
            return Err(FieldProblem::new("stall_at_request", "must be at least 1: requests count from 1"));
        }
        if self.stall_at_request.is_some() && self.stall_ms == 0.0 {
            return Err(FieldProblem::new("stall_ms", "must be above 0 when stall_at_request is set"));
        }
        if self.slow_ratio > 0.0 && self.slow_ms == 0.0 {
            return Err(FieldProblem::new("slow_ms", "must be above 0 when slow_ratio is set"));
        }
        match self.rate_limit {
            Some(rate) if !(1..=MAX_RATE_LIMIT).contains(&rate) => {
                let message =
                    format!("must be 1 to {MAX_RATE_LIMIT} requests per second, or null for no limit");
                Err(FieldProblem::new("rate_limit", message))
            }
            _ => Ok(()),
        }
    }
}

fn share(path: &str, value: f64) -> Result<(), FieldProblem> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(FieldProblem::new(path, format!("is {value}, but must be a share from 0 to 1")))
}

/// Checks a number of milliseconds; NaN is refused like any other value out of range.
pub(crate) fn delay(path: &str, value: f64) -> Result<(), FieldProblem> {
    if (0.0..=MAX_DELAY_MS).contains(&value) {
        return Ok(());
    }
    Err(FieldProblem::new(path, format!("is {value}, but must be 0 to {MAX_DELAY_MS} milliseconds")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_each_field_out_of_range() {
        let cases: [(&str, Faults); 11] = [
            ("slow_ratio", Faults { slow_ratio: 1.1, slow_ms: 1.0, ..Faults::default() }),
            ("slow_ms", Faults { slow_ms: -1.0, ..Faults::default() }),
            ("slow_ms", Faults { slow_ratio: 0.1, ..Faults::default() }),
            ("error_rate", Faults { error_rate: f64::NAN, ..Faults::default() }),
            ("stall_ms", Faults { stall_ms: MAX_DELAY_MS + 1.0, ..Faults::default() }),
            ("stall_ms", Faults { stall_at_request: Some(1), ..Faults::default() }),
            ("stall_at_request", Faults { stall_at_request: Some(0), stall_ms: 1.0, ..Faults::default() }),
            ("rate_limit", Faults { rate_limit: Some(0), ..Faults::default() }),
            ("rate_limit", Faults { rate_limit: Some(MAX_RATE_LIMIT + 1), ..Faults::default() }),
            ("close_rate", Faults { close_rate: -0.1, ..Faults::default() }),
            (
                "latency.min_ms",
                Faults { latency: Latency::Uniform { min_ms: 2.0, max_ms: 1.0 }, ..Faults::default() },
            ),
        ];
        for (path, faults) in cases {
            assert_eq!(faults.validate().unwrap_err().path, path, "{faults:?}");
        }
        assert_eq!(Faults::default().validate(), Ok(()));
    }

    #[test]
    fn one_fault_does_not_move_the_draws_of_another() {
        let latency = Latency::Uniform { min_ms: 1.0, max_ms: 9.0 };
        let calm = Faults { latency, ..Faults::default() };
        let broken = Faults { error_rate: 0.5, close_rate: 0.5, ..calm.clone() };
        for number in 1..100 {
            assert_eq!(calm.outcome(3, number).latency_ms, broken.outcome(3, number).latency_ms);
        }
    }

    #[test]
    fn shares_come_out_as_asked() {
        let faults =
            Faults { slow_ratio: 0.1, slow_ms: 70.0, error_rate: 0.3, close_rate: 0.5, ..Faults::default() };
        let outcomes: Vec<Outcome> = (1..=20_000).map(|number| faults.outcome(11, number)).collect();
        let share =
            |pick: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|o| pick(o)).count() as f64 / 20_000.0;
        for (expected, actual) in [
            (0.1, share(&|o| o.latency_ms == 70.0)),
            (0.15, share(&|o| o.error == Some(500))),
            (0.15, share(&|o| o.error == Some(503))),
            (0.5, share(&|o| o.close)),
        ] {
            assert!((actual - expected).abs() < 0.015, "{actual} instead of {expected}");
        }
    }

    proptest! {
        #[test]
        fn a_share_of_nothing_or_all_is_exact(seed: u64, number: u64) {
            prop_assert_eq!(Faults::default().outcome(seed, number), Outcome::NONE);
            let all = Faults { error_rate: 1.0, close_rate: 1.0, slow_ratio: 1.0, slow_ms: 4.0, ..Faults::default() };
            let outcome = all.outcome(seed, number);
            prop_assert!(outcome.error.is_some() && outcome.close && outcome.latency_ms == 4.0);
        }
    }
}
