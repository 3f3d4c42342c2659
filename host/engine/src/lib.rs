#![doc = include_str!("../README.md")]

mod arrivals;
mod control;
mod core;
mod error;
mod guest;
mod limits;
mod report;
mod run;
mod stop;
mod ticket;
mod usage;
mod worker;

pub use arrivals::Arrivals;
pub use control::Event;
pub use core::CoreContext;
pub use error::RunError;
pub use guest::{Fault, Guest, GuestCore, GuestVu, VuError, VuInfo};
pub use limits::*;
pub use run::{RunSpec, run, run_on_this_thread};
pub use stop::Stop;
pub use ticket::Ticket;
