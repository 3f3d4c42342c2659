//! The fuzz targets' checks over their seed corpora, whole and mutated: a short fuzz run in every test run.

#[path = "../fuzz/check.rs"]
#[expect(unreachable_pub, reason = "the file is shared with the fuzz target, which calls it from outside")]
mod check;
#[path = "../../../tests/support/mutations.rs"]
mod mutations;
#[path = "../fuzz/redis.rs"]
#[expect(unreachable_pub, reason = "the file is shared with the fuzz target, which calls it from outside")]
mod redis;

use std::path::Path;

/// Mutations of each seed; 20,000 take well under a second in all.
const MUTATIONS: u64 = 2_000;

#[test]
fn the_reader_holds_on_the_corpus_and_its_mutations() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/response_reader");
    mutations::run(&corpus, 10, MUTATIONS, check::check);
}

#[test]
fn the_reader_of_redis_holds_on_the_corpus_and_its_mutations() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/redis_reader");
    mutations::run(&corpus, 12, MUTATIONS, redis::check);
}
