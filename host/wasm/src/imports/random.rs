//! `random`: the virtual user's own stream.

use rand::{Rng, RngExt};

use crate::bindings::random::Host;
use crate::state::VuState;

impl Host for VuState {
    fn next(&mut self) -> u64 {
        self.rng.next_u64()
    }

    fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.rng.random_range(0..bound) }
    }
}
