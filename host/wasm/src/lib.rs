#![doc = include_str!("../README.md")]

mod bindings;
mod cache;
mod calls;
mod code;
mod component;
mod componentize;
mod compute_share;
mod engine;
mod error;
mod feeds;
mod firing;
mod guest_limits;
mod imports;
mod instance;
mod limits;
mod memory_budget;
mod metering;
mod on_core;
mod plugin;
mod prepared_memory;
mod state;
mod stderr;
mod waiting;
mod wasi_http;
mod workload;

pub use code::CodeFacts;
pub use component::{ComponentFacts, Loadable};
pub use componentize::{CONTRACT, ComponentizeError, componentize};
pub use error::{CallError, LoadError};
pub use guest_limits::GuestLimits;
pub use imports::PROTOCOLS;
pub use imports::artifacts::ArtifactStore;
pub use limits::*;
pub use plugin::Plugin;
pub use workload::{WasmGuest, WasmPart};
