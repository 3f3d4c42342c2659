//! One byte changed anywhere is refused with exit code 15, or healed from the registry where that is possible.

use crate::home::{Home, component, contains, flip};

/// A home with `stress:ok` pinned and fetched.
fn installed() -> (Home, Vec<u8>) {
    let home = Home::new();
    let bytes = component("1");
    home.publish(&home.directory(), "0.1.0", &bytes);
    home.run(&["plugin", "add", "stress:ok@^0.1", "--registry", "registry"]).expect_exit(0);
    (home, bytes)
}

const OFFLINE: [&str; 2] = ["--locked", "--offline"];

#[test]
fn in_the_store() {
    let (home, bytes) = installed();
    let stored = home.stored(&bytes);
    for at in [0, bytes.len() / 2, bytes.len() - 1] {
        flip(&stored, at);
        let refused = home.plan("stress:ok", &OFFLINE);
        contains(&refused.expect_exit(15).stderr, "the file was changed or damaged");
        flip(&stored, at);
        home.plan("stress:ok", &OFFLINE).expect_exit(0);
    }
    std::fs::write(&stored, &bytes[..100]).unwrap();
    home.plan("stress:ok", &OFFLINE).expect_exit(15);
    home.run(&["plugin", "verify"]).expect_exit(15);
    contains(&home.run(&["plugin", "list"]).expect_exit(0).stdout, "changed in the store: it will not run");
    // With the registry there it is fetched again, and said.
    let healed = home.plan("stress:ok", &["--locked"]);
    contains(
        &healed.expect_exit(0).stderr,
        "its file in the store was changed or damaged; it was fetched again",
    );
    home.plan("stress:ok", &OFFLINE).expect_exit(0);
    assert_eq!(std::fs::read(&stored).unwrap(), bytes);
}

#[test]
fn in_the_signature() {
    let (home, bytes) = installed();
    let stored = home.stored_signature("0.1.0", &bytes);
    let good = std::fs::read(&stored).unwrap();
    // The first line is a comment that nobody signed; what counts begins behind it.
    let signed = good.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    for at in (signed..good.len()).step_by(7) {
        flip(&stored, at);
        home.plan("stress:ok", &OFFLINE).expect_exit(15);
        std::fs::write(&stored, &good).unwrap();
    }
    std::fs::remove_file(&stored).unwrap();
    contains(&home.plan("stress:ok", &OFFLINE).expect_exit(15).stderr, "it is not signed");
    let healed = home.plan("stress:ok", &["--locked"]);
    contains(
        &healed.expect_exit(0).stderr,
        "its signature in the store was missing or changed; it was fetched again",
    );
}

#[test]
fn in_the_lock_file() {
    let (home, bytes) = installed();
    let good = home.lock_text();
    let digest = stresshost_registry::Digest::of(&bytes);
    let other = if digest.hex().starts_with('0') { "1" } else { "0" };
    for (from, to, why) in [
        (digest.hex().to_owned(), format!("{other}{}", &digest.hex()[1..]), "expected sha256:"),
        (format!("version: \"{}\"", "0.1.0"), "version: \"0.1.1\"".to_owned(), "it is not signed"),
        (home.key.id(), "0".repeat(16), "the lock file says 0000000000000000"),
        (
            "api: \"0.1.0\"".to_owned(),
            "api: \"0.1.1\"".to_owned(),
            "the lock file says it was built for workload 0.1.1",
        ),
    ] {
        std::fs::write(home.lock_path(), good.replacen(&from, &to, 1)).unwrap();
        assert_ne!(home.lock_text(), good);
        contains(&home.plan("stress:ok", &OFFLINE).expect_exit(15).stderr, why);
    }
    // With the registry there, a wrong digest is refused all the same.
    std::fs::write(
        home.lock_path(),
        good.replacen(digest.hex(), &format!("{other}{}", &digest.hex()[1..]), 1),
    )
    .unwrap();
    contains(
        &home.plan("stress:ok", &["--locked"]).expect_exit(15).stderr,
        "the version was replaced after it was pinned",
    );
    // What a plugin may have is what the lock file says.
    std::fs::write(home.lock_path(), good.replace("[\"artifacts\"]", "[]")).unwrap();
    contains(
        &home.plan("stress:ok", &OFFLINE).expect_exit(14).stderr,
        "asks for more than was granted: artifacts",
    );
    std::fs::write(home.lock_path(), good.replace("  - name", "  name")).unwrap();
    contains(&home.plan("stress:ok", &OFFLINE).expect_exit(2).stderr, "cannot read stresshost.lock");
}

#[test]
fn in_the_registry() {
    let (home, bytes) = installed();
    let component = home.path().join("registry/stress/ok/0.1.0.wasm");
    home.empty_store();
    flip(&component, bytes.len() - 1);
    let replaced = home.plan("stress:ok", &["--locked"]);
    contains(&replaced.expect_exit(15).stderr, "the version was replaced after it was pinned");
    // Also for somebody who has pinned nothing yet.
    std::fs::remove_file(home.lock_path()).unwrap();
    let unsigned = home.run(&["plugin", "add", "stress:ok", "--registry", "registry"]);
    contains(&unsigned.expect_exit(15).stderr, "does not fit the plugin's bytes");
    flip(&component, bytes.len() - 1);
    flip(&home.path().join("registry/stress/ok/0.1.0.wasm.minisig"), 120);
    home.run(&["plugin", "add", "stress:ok", "--registry", "registry"]).expect_exit(15);
    assert!(!home.lock_path().exists());
}
