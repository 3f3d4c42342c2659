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

/// Cases made of one schema. Each is a request, and an operation has several schemas.
pub const MAX_CASES: usize = 200;

/// Cases made of one place inside a schema, so that one property leaves room for the others.
pub const MAX_CASES_BELOW: usize = 20;

/// Depth of the places that cases are made of. What is deeper is seldom looked at by a server's own checks.
pub const MAX_CASE_DEPTH: usize = 3;

/// Places of one schema looked at for cases. Choices within choices multiply; in the large documents of the tests it is about a hundred.
pub const MAX_CASE_PLACES: usize = 1_500;

/// Parts of one made value. Documents that refer in circles would otherwise have values without end.
pub const MAX_CASE_NODES: usize = 2_000;

/// Characters of a made text. Servers cut request lines and headers off at 8 KB.
pub const MAX_CASE_TEXT: usize = 5_000;

/// Items of a made list. A larger bound is not tried: the values would be megabytes.
pub const MAX_CASE_ITEMS: usize = 100;

/// Values tried of one `enum`, and branches of one `oneOf` or `anyOf`. Countries and currencies are all alike.
pub const MAX_CHOICES: usize = 20;

/// `allOf` inside `allOf`, and `oneOf` inside `oneOf`. Deeper ones are cycles.
pub const MAX_NESTED_CHOICES: usize = 8;

/// Texts drawn for one `pattern`: a few show its branches, more show the same again.
pub const MAX_PATTERN_TEXTS: usize = 4;

/// Repetitions drawn beyond the least that a `pattern` asks for. Short texts are easier to read in a report.
pub const MAX_PATTERN_REPEAT: u32 = 8;

/// Candidates for one step of shrinking. A step starts over at the first that still fails, so the first ones matter.
pub const MAX_SMALLER: usize = 500;
