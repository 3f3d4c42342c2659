//! From a plugin reference, as a person writes it, to the bytes of a plugin and their digest.
//!
//! A reference is parsed ([`Reference`]), resolved to a place ([`Resolver`]), and fetched ([`read`]). The digest is
//! taken over the bytes that are handed on, so what is compiled is what was identified.

mod list;
mod nearest;
mod read;
mod reference;
mod resolve;

pub use list::{Listed, MAX_LISTED, list};
pub use read::{MAX_PLUGIN_BYTES, PluginFile, ReadError, read};
pub use reference::{OciReference, Reference, ReferenceError, VersionRequirement};
pub use resolve::{Located, ResolveError, Resolver};
