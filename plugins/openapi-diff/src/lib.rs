//! What changed between two versions of an OpenAPI document, and which changes break clients.
//!
//! Pure: two [`Spec`](stresshost_openapi::Spec)s go in, a [`Comparison`] comes out. What a request may be must stay allowed, and
//! what a response may be must not grow. What cannot be decided is told as [`NotComparable`], never passed over.

mod bounds;
mod compare;
mod kinds;
mod limits;
mod object;
mod prove;
mod report;
mod request;
mod response;
mod rules;
mod scalar;
mod security;
mod union;
mod value;
mod view;
mod walk;

pub use compare::compare;
pub use limits::*;
pub use report::{Change, Comparison, NotComparable};
pub use rules::{Level, RULES, Rule};
