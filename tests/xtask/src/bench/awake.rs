//! Cores that do not halt when they are idle.

use std::fs::{File, OpenOptions};
use std::io::Write;

/// Where Linux takes the longest time that a core may need to wake (kernel documentation, `pm_qos_interface`).
const LATENCY: &str = "/dev/cpu_dma_latency";

/// While this lives, idle cores poll instead of halting, if the system lets this process ask for it. In a virtual machine
/// to wake a halted core is a matter of the hypervisor's, takes as long as a request, and falls on whoever sends.
pub(crate) struct Awake(Option<File>);

impl Awake {
    /// Asks for it.
    pub(crate) fn hold() -> Self {
        let file = OpenOptions::new().write(true).open(LATENCY);
        Self(file.and_then(|mut file| file.write_all(&0_i32.to_ne_bytes()).map(|()| file)).ok())
    }

    /// Leaves the cores as they are.
    pub(crate) const fn not_held() -> Self {
        Self(None)
    }

    /// What idle cores do, for people.
    pub(crate) fn words(&self) -> &'static str {
        if self.0.is_some() { "idle cores poll" } else { "idle cores halt" }
    }
}
