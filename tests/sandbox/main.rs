//! Hostile and broken plugins, run by the real command.
//!
//! | module | plugins |
//! |---|---|
//! | `guests` | one program per behaviour, built from `tests/guests` |
//! | `beside` | a hostile plugin and a well-behaved one in the same run |
//! | `secrets` | what a plugin may put on the wire and never show |
//! | `wasi` | clients that know WASI and not the contract |
//! | `hand_written` | a component made here from text, for what languages do not do |
//! | `files` | files that are no workload of this host, made here from bytes |

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod beside;
mod files;
mod guests;
mod hand_written;
mod secrets;
mod wasi;

/// Lists the guests. One without a test of its name does not compile.
macro_rules! guests {
    ($($guest:ident)*) => {
        const TESTS: &[fn()] = &[$(guests::$guest),*];
        const GUESTS: &[&str] = &[$(stringify!($guest)),*];
    };
}

guests! {
    ok
    trap
    spin
    hog_memory
    denied_host
    fail_setup
    fail_start
    panic_describe
    bad_descriptor
    bad_plan
    io_in_plan
    stale_response
    artifacts_escape
    given_plan
    call_costs
    neighbour
    recurse
    panic_huge
    flood_log
    flood_names
    many_requests
    flood_artifacts
    exit_process
    wasi_denied
    sleep_past_end
    hostcall_storm
    bad_bytes
    spin_describe
    slow_plan
    spin_analyze
    bad_utf8
    deep_json
    big_plan
    lies_descriptor
    flood_findings
    leak_secret
    wasi_client
    spin_start
    many_handles
    forged_handles
    follow
    huge_body
    feed_deadlock
    analyze_io
    odd_names
    hoard_bodies
    finds
    mongo_client
    mongo_forged
    redis_client
    redis_forged
    sql_select
    sql_bank
    sql_handles
    sql_floods
    sql_denied
    tcp_client
    tcp_open
    tcp_forged
}

#[test]
fn every_guest_that_is_built_has_a_test() {
    let manifest = include_str!("../guests/Cargo.toml");
    let examples = manifest.split("[[example]]").skip(1);
    let name = |example: &'static str| example.trim().strip_prefix("name = \"")?.split('"').next();
    let built: Vec<&str> = examples.map(|example| name(example).expect("a name comes first")).collect();
    assert_eq!(built, GUESTS);
    assert_eq!(TESTS.len(), GUESTS.len());
}
