//! Whole runs of the engine with a scripted guest, on a paused clock: what must hold for every plan, every guest and
//! every moment of stopping. Nothing here knows wasmtime or a socket.
//!
//! `simulate` runs a case; `laws` says what must hold of any outcome; the other modules are the cases.

mod faults;
mod guest;
mod latency;
mod laws;
mod random;
mod schedule;
mod simulate;
mod stopping;
mod threads;
