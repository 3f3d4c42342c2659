//! Caps on comparisons, with their reasons.

/// Changes listed of two documents: nobody reads more, and a report of them still fits in memory.
pub const MAX_CHANGES: usize = 10_000;

/// Changes listed of one body, parameter or header. A part that is shared tells its changes at every place it is used, which
/// can be exponentially many.
pub const MAX_SCHEMA_CHANGES: usize = 200;

/// Depth to which schemas are compared: as deep as `stresshost-openapi` reads them without a reference, and deeper ones are
/// machine-made.
pub const MAX_DEPTH: usize = 64;

/// Pairs of schemas visited within one body, parameter or header. Hundreds are usual; machine-made alternatives within
/// alternatives would take for ever.
pub const MAX_VISITS: usize = 50_000;

/// Pairs of schemas visited of two documents: some seconds' work.
pub const MAX_ALL_VISITS: usize = 2_000_000;

/// Branches of a `oneOf` or `anyOf`: they are compared each with each.
pub const MAX_BRANCHES: usize = 64;

/// Parts of one `allOf` with what they refer to, at one place: past it, it is no schema that a person wrote.
pub const MAX_PARTS: usize = 1_000;

/// Attempts at a witness of two documents. Each may compile two schemas, which takes about a millisecond.
pub const MAX_PROOFS: usize = 200;

/// Length of a text, a list or a set of properties made for a witness. It is shown to people.
pub const MAX_WITNESS_LENGTH: u64 = 5_000;

/// Values of an enumeration that are tried as witnesses, or told in a message: the first ones explain the others.
pub const MAX_VALUES: usize = 5;
