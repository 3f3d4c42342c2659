//! The seam between the engine and whatever does the iterations.
//!
//! `stresshost-wasm` implements it with component instances; tests implement it with plain Rust.

use std::future::Future;
use std::rc::Rc;

use crate::context::CoreContext;
use crate::ticket::Ticket;

/// A workload, as the engine sees it: one a run, shared by all cores. A plan that several plugins share has several
/// parts; `part` is an index into [`Plan::parts`](stresshost_plan::Plan::parts), 0 when there are none.
pub trait Guest: Send + Sync + 'static {
    /// The part that lives on one core.
    type Core: GuestCore;

    /// Builds a core's part, on that core's thread.
    ///
    /// # Errors
    /// When the plugin or the system refuses.
    fn core(&self, context: Rc<CoreContext>) -> Result<Self::Core, VuError>;
}

/// A workload on one core.
pub trait GuestCore: 'static {
    /// A virtual user.
    type Vu: GuestVu;

    /// Runs a plugin's set-up; called once a run, before the first phase it has a scenario in, on one core. The value
    /// goes to each of its phases' set-ups.
    fn setup(&self, part: u16, context: &str) -> impl Future<Output = Result<String, VuError>>;

    /// Runs a plugin's set-up of a phase; the value goes to every virtual user it has in that phase.
    fn setup_phase(&self, part: u16, context: &str) -> impl Future<Output = Result<String, VuError>>;

    /// Makes a virtual user and runs the plugin's `start`.
    fn start(&self, vu: VuInfo, shared: &str) -> impl Future<Output = Result<Self::Vu, VuError>>;

    /// Runs a plugin's tear-down of a phase, with what its set-up returned.
    fn teardown_phase(&self, part: u16, shared: &str) -> impl Future<Output = Result<(), VuError>>;

    /// Runs a plugin's tear-down; called once a run, on the core that ran the set-up.
    fn teardown(&self, part: u16, shared: &str) -> impl Future<Output = Result<(), VuError>>;
}

/// A virtual user. Dropping it while a call is in flight ends that call.
pub trait GuestVu: 'static {
    /// Runs one iteration.
    fn iterate(&mut self, ticket: Ticket) -> impl Future<Output = Result<(), VuError>>;

    /// Runs the plugin's `finish`.
    fn finish(&mut self) -> impl Future<Output = ()>;
}

/// Which virtual user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VuInfo {
    /// 0 and up, unique within the phase.
    pub id: u64,
    /// Number of virtual users of the phase.
    pub count: u64,
    /// Index of the phase; 0 when the plan has none.
    pub phase: u16,
    /// Index of the plugin.
    pub part: u16,
}

/// Why a call into a guest did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VuError {
    /// The guest says so: an outcome of the test.
    Failed {
        /// Short and stable, for grouping.
        code: String,
        /// One sentence for people.
        message: String,
    },
    /// The guest broke; it must not be called again.
    Fault(Fault),
}

/// A broken plugin: a trap, a panic, a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The call it broke in: `start`, `iterate`, ...
    pub during: &'static str,
    /// Index of the plugin.
    pub part: u16,
    /// The guest's own words and its backtrace.
    pub text: String,
}

impl Fault {
    /// A fault during `during`, its text cut to size.
    pub fn new(during: &'static str, part: u16, text: impl Into<String>) -> Self {
        let mut text: String = text.into();
        text.truncate(text.floor_char_boundary(crate::MAX_FAULT_TEXT_BYTES));
        Self { during, part, text }
    }
}
