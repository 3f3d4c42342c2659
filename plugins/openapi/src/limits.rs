//! Caps on documents, with their reasons.

/// Operations of one document: a run tells no more of them apart.
pub const MAX_OPERATIONS: usize = 1_000;

/// Problems listed of one document: nobody reads more at once.
pub const MAX_PROBLEMS: usize = 100;

/// References that lead to references. Documents written by people have one or two.
pub const MAX_REFERENCE_CHAIN: usize = 32;

/// Depth to which a schema is read or an example is made. Deeper ones are cycles, or machine-made.
pub const MAX_DEPTH: usize = 64;

/// Nodes of one schema with everything it refers to. Past it the schema is a problem rather than hours of compiling.
pub const MAX_SCHEMA_NODES: usize = 200_000;

/// Deviations told of one value: the first ones explain the others.
pub const MAX_DEVIATIONS: usize = 10;
