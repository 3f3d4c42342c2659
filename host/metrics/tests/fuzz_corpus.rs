//! The check of the fuzz target over its seed corpus, whole and mutated: a short fuzz run in every test run.

#[path = "../../../tests/support/mutations.rs"]
mod mutations;
#[path = "../fuzz/checks/run_record.rs"]
#[expect(unreachable_pub, reason = "the file is shared with the fuzz target, which calls it from outside")]
mod run_record;

use std::path::Path;

/// Mutations of each seed: about a second in all.
const MUTATIONS: u64 = 500;

#[test]
fn damaged_logs_are_errors() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/run_record");
    mutations::run(&corpus, 5, MUTATIONS, run_record::check);
}
