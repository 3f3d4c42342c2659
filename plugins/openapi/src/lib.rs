//! OpenAPI 3.0 and 3.1 documents as what a test needs of them: operations with their parameters, bodies and responses, JSON
//! Schemas that validate what a server sends, and examples of what to send.
//!
//! Everything here is pure: a document comes in as parsed JSON, and every problem names its place in it by a JSON pointer.
//! What is wrong in one operation does not keep the others from being read.

mod answers;
mod bundle;
pub mod cases;
mod example;
mod limits;
mod pointer;
mod quick;
mod read;
mod reference;
mod schema;
mod spec;
mod validator;

pub use bundle::{bundle, referenced_files};
pub use example::example;
pub use limits::*;
pub use quick::Quick;
pub use read::read;
pub use spec::{
    Body, Content, Header, Link, LinkTarget, Operation, Parameter, Place, Response, Scheme, Spec, Status,
    Version,
};
pub use validator::{Deviation, Validator, ValidatorError};
