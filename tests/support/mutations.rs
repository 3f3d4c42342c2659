//! A short, repeatable fuzz run for ordinary tests: each seed of a corpus, whole and mutated.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as the tests do")]

use std::fs;
use std::path::Path;

/// Longest input a mutation leaves; libFuzzer's own default for small corpora is the same.
const MAX_INPUT_BYTES: usize = 4_096;

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
        let longest = seeds.iter().map(Vec::len).max().unwrap_or(0).max(MAX_INPUT_BYTES);
        input.truncate(longest);
        if input.is_empty() {
            input.push(0);
        }
    }
}

/// Runs `check` on every file of `corpus`, a folder of at least `least` seeds, and on so many mutations of each.
pub(crate) fn run(corpus: &Path, least: usize, mutations: u64, check: fn(&[u8])) {
    let mut seeds: Vec<Vec<u8>> =
        fs::read_dir(corpus).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    seeds.sort();
    assert!(seeds.len() >= least, "{} seeds", seeds.len());
    let mut random = Random(0x5eed);
    for seed in &seeds {
        check(seed);
        for _ in 0..mutations {
            let mut input = seed.clone();
            if input.is_empty() {
                input.push(0);
            }
            for _ in 0..=random.below(5) {
                random.mutate(&seeds, &mut input);
            }
            check(&input);
        }
    }
}
