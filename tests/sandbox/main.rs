//! The sandbox door.
