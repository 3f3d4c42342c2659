//! The check of the fuzz target over its seed corpus, whole and mutated: a short fuzz run in every test run.

#[path = "../fuzz/checks/component.rs"]
#[expect(unreachable_pub, reason = "the file is shared with the fuzz target, which calls it from outside")]
mod component;
#[path = "../../../tests/support/mutations.rs"]
mod mutations;

use std::path::Path;

/// Mutations of each seed: a few seconds in all, most of them compiling.
const MUTATIONS: u64 = 500;

#[test]
fn damaged_components_are_refused_in_words() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/component");
    mutations::run(&corpus, 5, MUTATIONS, component::check);
}
