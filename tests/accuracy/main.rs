//! The accuracy door.
