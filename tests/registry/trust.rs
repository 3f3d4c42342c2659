//! Whose plugins run.

use crate::home::{Home, Key, component, contains};

/// Tries to add `stress:ok` from the project's registry.
fn add(home: &Home, flags: &[&str]) -> stresshost_tests::Finished {
    home.run(&[&["plugin", "add", "stress:ok", "--registry", "registry"], flags].concat())
}

#[test]
fn an_unknown_key_is_refused_with_the_command_that_pins_it() {
    let home = Home::new();
    let (stranger, bytes) = (Key::new(), component("1"));
    let signature = stranger.sign("stress:ok", "0.1.0", &bytes);
    home.publish_signed(&home.directory(), "0.1.0", &bytes, Some(signature));
    let refused = add(&home, &[]);
    let text = format!("it is signed by key {}, which is not trusted for `stress`", stranger.id());
    contains(&refused.expect_exit(15).stderr, &text);
    contains(&refused.stderr, "stresshost plugin trust add stress KEY");
    // Not even as if it were not signed.
    add(&home, &["--allow-unsigned"]).expect_exit(15);
    home.run(&["plugin", "trust", "add", "other", &stranger.public]).expect_exit(0);
    contains(&add(&home, &[]).expect_exit(15).stderr, "not trusted for `stress`, only for `other`");
    home.run(&["plugin", "trust", "add", "stress", &stranger.public]).expect_exit(0);
    add(&home, &[]).expect_exit(0);
}

#[test]
fn an_unsigned_plugin_needs_a_flag_that_the_lock_file_records() {
    let home = Home::new();
    home.publish_signed(&home.directory(), "0.1.0", &component("1"), None);
    contains(
        &add(&home, &[]).expect_exit(15).stderr,
        "stress:ok 0.1.0: it is not signed; --allow-unsigned runs it",
    );
    contains(&add(&home, &["--allow-unsigned"]).expect_exit(0).stderr, "not signed");
    contains(&home.lock_text(), "    unsigned: true\n");
    // It is pinned by its digest from now on, without the flag.
    home.plan("stress:ok", &["--locked", "--offline"]).expect_exit(0);
    home.empty_store();
    home.plan("stress:ok", &["--locked", "--allow-unsigned"]).expect_exit(0);
}

#[test]
fn a_file_needs_no_signature() {
    let home = Home::new();
    let path = home.path().join("mine.wasm");
    std::fs::write(&path, component("1")).unwrap();
    home.plan("./mine.wasm", &[]).expect_exit(0);
    contains(&home.run(&["plugin", "add", "./mine.wasm"]).expect_exit(2).stderr, "a file needs no adding");
}

#[test]
fn a_signature_for_something_else_is_refused() {
    let bytes = component("1");
    for (package, version) in [("stress:other", "0.1.0"), ("other:ok", "0.1.0"), ("stress:ok", "0.1.1")] {
        let home = Home::new();
        let signature = home.key.sign(package, version, &bytes);
        home.publish_signed(&home.directory(), "0.1.0", &bytes, Some(signature));
        contains(&add(&home, &[]).expect_exit(15).stderr, &format!("it is signed as {package} {version}"));
    }
    // An old version's bytes and signature under a new number: what a hostile registry does to bring a hole back.
    let home = Home::new();
    home.publish(&home.directory(), "0.1.0", &bytes);
    let dir = home.path().join("registry/stress/ok");
    for name in ["wasm", "wasm.minisig", "json"] {
        std::fs::copy(dir.join(format!("0.1.0.{name}")), dir.join(format!("0.2.0.{name}"))).unwrap();
    }
    contains(&add(&home, &[]).expect_exit(15).stderr, "it is signed as stress:ok 0.1.0");
}

#[test]
fn a_revoked_key_stops_what_is_installed_already() {
    let home = Home::new();
    home.publish(&home.directory(), "0.1.0", &component("1"));
    add(&home, &[]).expect_exit(0);
    home.run(&["plugin", "trust", "revoke", &home.key.id(), "--reason", "laptop stolen"]).expect_exit(0);
    let text = format!("its key {} is revoked: laptop stolen", home.key.id());
    for flags in [&["--locked", "--offline"][..], &["--locked"], &[]] {
        contains(&home.plan("stress:ok", flags).expect_exit(15).stderr, &text);
    }
    home.run(&["plugin", "verify"]).expect_exit(15);
    let again = home.run(&["plugin", "trust", "add", "stress", &home.key.public]);
    contains(&again.expect_exit(0).stderr, "is revoked, and stays so");
    contains(&home.run(&["plugin", "trust", "list"]).expect_exit(0).stdout, "(revoked)");
}

#[test]
fn what_is_no_key_is_refused() {
    let home = Home::new();
    contains(
        &home.run(&["plugin", "trust", "add", "stress", "nonsense"]).expect_exit(2).stderr,
        "neither a minisign public key",
    );
    contains(
        &home.run(&["plugin", "trust", "add", "Stress", &home.key.public]).expect_exit(2).stderr,
        "not a namespace",
    );
    contains(&home.run(&["plugin", "trust", "revoke", "12"]).expect_exit(2).stderr, "not a key's id");
    std::fs::write(home.path().join(".config/stresshost/trust.yaml"), "keys: [{namespace: stress}]").unwrap();
    contains(
        &home.run(&["plugin", "trust", "list"]).expect_exit(2).stderr,
        "trust.yaml: missing field `key`",
    );
}
