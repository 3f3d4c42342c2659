//! The fuzz target's check over its seed corpus, whole and mutated: a short fuzz run in every test run.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as the tests do")]

#[path = "../fuzz/check.rs"]
#[expect(unreachable_pub, reason = "the file is shared with the fuzz target, which calls it from outside")]
mod check;

use std::fs;
use std::path::Path;

/// Mutations of each seed; 20,000 take well under a second in all.
const MUTATIONS: u64 = 2_000;

/// Marsaglia's xorshift64: the same mutations in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit.max(1) as u64)).unwrap()
    }

    fn mutate(&mut self, seeds: &[Vec<u8>], input: &mut Vec<u8>) {
        let at = self.below(input.len());
        match self.below(6) {
            0 => input[at] = u8::try_from(self.below(256)).unwrap(),
            1 => input[at] ^= 1 << self.below(8),
            2 => drop(input.drain(at..(at + self.below(8)).min(input.len()))),
            3 => input.extend_from_within(at..),
            4 => input.truncate(at + 1),
            _ => {
                let other = &seeds[self.below(seeds.len())];
                input.extend_from_slice(&other[self.below(other.len())..]);
            }
        }
        if input.is_empty() {
            input.push(0);
        }
    }
}

#[test]
fn the_reader_holds_on_the_corpus_and_its_mutations() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/response_reader");
    let mut seeds: Vec<Vec<u8>> =
        fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    seeds.sort();
    assert!(seeds.len() >= 10, "{} seeds", seeds.len());
    let mut random = Random(0x5eed);
    for seed in &seeds {
        check::check(seed);
        for _ in 0..MUTATIONS {
            let mut input = seed.clone();
            for _ in 0..=random.below(5) {
                random.mutate(&seeds, &mut input);
            }
            check::check(&input);
        }
    }
}
