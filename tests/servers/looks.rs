//! Waiting for what no server announces.

/// Looks before it is given up. Each runs a client program, which takes some milliseconds: what is awaited has half a minute
/// at least.
const LOOKS: u32 = 10_000;

/// Looks until something is so, by asking a server through its own client program.
///
/// # Panics
/// When it never is.
pub fn await_that(what: &str, is_so: impl FnMut() -> bool) {
    assert!(comes_true(is_so), "it never came to be that {what}");
}

pub(crate) fn comes_true(mut is_so: impl FnMut() -> bool) -> bool {
    (0..LOOKS).any(|_| is_so())
}
