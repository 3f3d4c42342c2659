//! The cli door.
