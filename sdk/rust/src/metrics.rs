//! The workload's own metrics. Register them in `start`, record in `iterate`.
//!
//! ```
//! use stresshost_sdk::metrics::{Counter, Distribution};
//! use stresshost_sdk::testing::FakeHost;
//!
//! let host = FakeHost::new();
//! let orders = Counter::register("orders", "")?;
//! let basket = Distribution::register("basket size", "items")?;
//! orders.add(1.0);
//! basket.record(3.0);
//! assert_eq!(host.metric("orders"), [1.0]);
//! # Ok::<(), stresshost_sdk::Failure>(())
//! ```

use crate::{Failure, host};

fn register(name: &str, kind: &str, unit: &str) -> Result<u32, Failure> {
    host::metrics::register(name, kind, unit)
        .map_err(|reason| Failure::setup(format!("metric `{name}`: {reason}")))
}

macro_rules! metric {
    ($(#[doc = $doc:literal])* $type:ident, $kind:literal) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $type(u32);

        impl $type {
            /// Registers the metric, or finds it. `unit` is for reports and may be empty.
            ///
            /// # Errors
            /// When the host refuses it: too many metrics, or the name is taken by another kind.
            pub fn register(name: &str, unit: &str) -> Result<Self, Failure> {
                register(name, $kind, unit).map(Self)
            }
        }
    };
}

metric! {
    /// A sum of increments.
    Counter, "counter"
}
metric! {
    /// A value that goes up and down; reports show the last, the least and the greatest.
    Gauge, "gauge"
}
metric! {
    /// The share of observations that were true.
    Rate, "rate"
}
metric! {
    /// A distribution of non-negative values, kept as whole numbers of the unit; reports show its percentiles.
    Distribution, "distribution"
}

impl Counter {
    /// Adds to the sum.
    pub fn add(self, amount: f64) {
        host::metrics::add(self.0, amount);
    }
}

impl Gauge {
    /// Sets the value.
    pub fn set(self, value: f64) {
        host::metrics::add(self.0, value);
    }
}

impl Rate {
    /// Adds an observation.
    pub fn observe(self, hit: bool) {
        host::metrics::add(self.0, f64::from(u8::from(hit)));
    }
}

impl Distribution {
    /// Adds a value.
    pub fn record(self, value: f64) {
        host::metrics::add(self.0, value);
    }
}
