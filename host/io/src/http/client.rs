//! One virtual user's side of the engine.

pub(crate) mod batch;
pub(crate) mod call;
pub(crate) mod links;
pub(crate) mod outcome;
pub(crate) mod session;
