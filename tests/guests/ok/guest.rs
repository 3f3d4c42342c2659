//! Does nothing, well.
