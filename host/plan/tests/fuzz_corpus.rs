//! The checks of the fuzz targets over their seed corpora, whole and mutated: a short fuzz run in every test run.

#[path = "../../../tests/support/mutations.rs"]
mod mutations;

use std::path::Path;

/// Declares each target's check, which is shared with its fuzz target, and a test that runs it over its corpus.
macro_rules! targets {
    ($($target:ident: $path:literal, $mutations:literal;)*) => { $(
        #[path = $path]
        #[expect(unreachable_pub, reason = "the file is shared with the fuzz target, which calls it from outside")]
        mod $target;

        #[test]
        fn $target() {
            let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(stringify!($target));
            mutations::run(&corpus, 5, $mutations, $target::check);
        }
    )* };
}

// So many mutations of each seed that a target takes about a second.
targets! {
    config_yaml: "../fuzz/checks/config_yaml.rs", 300;
    descriptor_json: "../fuzz/checks/descriptor_json.rs", 2_000;
    grant_matcher: "../fuzz/checks/grant_matcher.rs", 2_000;
    plan_json: "../fuzz/checks/plan_json.rs", 2_000;
    threshold_expression: "../fuzz/checks/threshold_expression.rs", 2_000;
}
