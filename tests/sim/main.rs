//! Whole runs of the engine with a scripted guest, on a paused clock: what must hold for every plan, every guest and
//! every moment of stopping. Nothing here knows wasmtime or a socket.
//!
//! `simulate` runs a case; `laws` says what must hold of any outcome, with a `model` of what was called for; the other
//! modules are the cases.

mod faults;
mod guest;
mod latency;
mod laws;
mod model;
mod phases;
mod random;
mod schedule;
mod simulate;
mod steering;
mod stopping;
mod threads;
