//! From a key to a published version.

use std::os::unix::fs::PermissionsExt;

use stresshost_tests::{Finished, Project, guest};

use crate::home::contains;

/// A project with a key and the guest `ok`.
fn publisher() -> Project {
    let project = Project::default();
    std::fs::copy(guest("ok"), project.path().join("ok.wasm")).unwrap();
    project.run(&["plugin", "keygen", "acme", "--no-password"]).expect_exit(0);
    project
}

#[test]
fn a_component_is_signed_published_and_verified() {
    let project = publisher();
    let mode = project.path().join("acme.key").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    project.run(&["plugin", "sign", "ok.wasm", "--name", "acme:ok", "--key", "acme.key"]).expect_exit(0);
    contains(&project.run(&["plugin", "verify", "ok.wasm"]).expect_exit(15).stderr, "not trusted for `acme`");
    project.run(&["plugin", "trust", "add", "acme", "acme.pub"]).expect_exit(0);
    contains(
        &project.run(&["plugin", "verify", "ok.wasm"]).expect_exit(0).stdout,
        "ok.wasm is acme:ok 0.1.0, signed by key ",
    );
    project.write("LICENSE", "free");
    project.write("sbom.json", "{}");
    let publish = ["plugin", "publish", "ok.wasm", "--name", "acme:ok", "--to", "registry"];
    let extras = ["--document", "LICENSE", "--sbom", "sbom.json", "--licenses", "MIT"];
    project.run(&[&publish[..], &extras].concat()).expect_exit(0);
    for name in ["0.1.0.wasm", "0.1.0.wasm.minisig", "0.1.0.json", "0.1.0/LICENSE", "0.1.0/sbom.cdx.json"] {
        assert!(project.path().join("registry/acme/ok").join(name).is_file(), "{name}");
    }
    project.run(&["plugin", "add", "acme:ok", "--registry", "registry"]).expect_exit(0);
    contains(&project.run(&publish).expect_exit(0).stderr, "the same bytes were there already");
    // The signature beside the file is for this name only.
    let other = ["plugin", "publish", "ok.wasm", "--name", "acme:other", "--to", "registry"];
    contains(&project.run(&other).expect_exit(15).stderr, "it is for another name, version or file");
}

#[test]
fn a_published_version_never_changes() {
    let project = publisher();
    let publish =
        ["plugin", "publish", "ok.wasm", "--name", "acme:ok", "--to", "registry", "--key", "acme.key"];
    project.run(&publish).expect_exit(0);
    let first = std::fs::read(project.path().join("registry/acme/ok/0.1.0.wasm")).unwrap();
    std::fs::write(project.path().join("ok.wasm"), crate::home::component("other")).unwrap();
    contains(
        &project.run(&publish).expect_exit(2).stderr,
        "a published version never changes: publish a new one",
    );
    assert_eq!(std::fs::read(project.path().join("registry/acme/ok/0.1.0.wasm")).unwrap(), first);
}

#[test]
fn publishing_without_a_signature_is_said() {
    let project = publisher();
    let publish = ["plugin", "publish", "ok.wasm", "--name", "acme:ok", "--to", "registry"];
    contains(&project.run(&publish).expect_exit(2).stderr, "there is no signature ok.wasm.minisig");
    contains(&project.run(&[&publish[..], &["--unsigned"]].concat()).expect_exit(0).stderr, "not signed");
    for (args, why) in [
        (
            &["plugin", "publish", "ok.wasm", "--name", "ok", "--to", "registry"][..],
            "not a plugin's whole name",
        ),
        (
            &["plugin", "publish", "ok.wasm", "--name", "acme:ok", "--to", "https://h"],
            "no protocol of registries",
        ),
        (
            &["plugin", "publish", "acme.key", "--name", "acme:ok", "--to", "registry"],
            "not a WebAssembly component",
        ),
        (&["plugin", "yank", "acme:ok", "--to", "registry"], "names no version"),
    ] {
        contains(&project.run(args).expect_exit(2).stderr, why);
    }
    contains(
        &project.run(&["plugin", "yank", "acme:ok@9.9.9", "--to", "registry"]).expect_exit(3).stderr,
        "it has no acme:ok 9.9.9",
    );
}

#[test]
fn an_encrypted_key_needs_its_password() {
    let project = publisher();
    contains(
        &project.run(&["plugin", "keygen", "acme", "--no-password"]).expect_exit(2).stderr,
        "cannot write acme.key",
    );
    contains(
        &project.run(&["plugin", "keygen", "other"]).expect_exit(2).stderr,
        "set STRESSHOST_KEY_PASSWORD",
    );
    let with = |password: &str, args: &[&str]| {
        let mut command = project.stresshost();
        Finished::of(command.args(args).env("STRESSHOST_KEY_PASSWORD", password).output().unwrap())
    };
    with("sesame", &["plugin", "keygen", "other"]).expect_exit(0);
    let sign = ["plugin", "sign", "ok.wasm", "--name", "acme:ok", "--key", "other.key"];
    contains(&project.run(&sign).expect_exit(2).stderr, "the key is encrypted; set STRESSHOST_KEY_PASSWORD");
    contains(&with("wrong", &sign).expect_exit(2).stderr, "Wrong password");
    with("sesame", &sign).expect_exit(0);
}

/// A project whose component is the guest `ok`, with a key, and with what its file says of publishing.
fn project(publish: &str) -> Project {
    let project = publisher();
    let settings = "language: rust\nbuild: []\nartifact: ok.wasm\ncomponent: ok.wasm\nwatch: [ok.rs]\n";
    project.write("stresshost.yaml", &format!("{settings}{publish}"));
    project
}

#[test]
fn a_project_is_published_by_what_it_says() {
    let project = project(
        "publish:\n  namespace: acme\n  to: registry\n  key: ${KEY:-acme.key}\n  documents: [NOTICE]\n  licenses: MIT\n",
    );
    project.write("NOTICE", "free");
    let published = project.run(&["plugin", "publish"]);
    contains(&published.expect_exit(0).stdout, "acme:ok 0.1.0 sha256:");
    contains(
        &published.stderr,
        "it runs by `stresshost run --plugin acme:ok@0.1.0 --registry ./registry`, once its key is trusted",
    );
    for name in ["0.1.0.wasm.minisig", "0.1.0/NOTICE"] {
        assert!(project.path().join("registry/acme/ok").join(name).is_file(), "{name}");
    }
    let elsewhere = ["plugin", "publish", "--namespace", "other", "--to", "second", "--unsigned"];
    contains(&project.run(&elsewhere).expect_exit(0).stderr, "with --allow-unsigned");
    assert!(project.path().join("second/other/ok/0.1.0.wasm").is_file());
    assert!(!project.path().join("second/other/ok/0.1.0.wasm.minisig").exists());
    contains(&project.run(&["plugin", "sign"]).expect_exit(0).stderr, "signed acme:ok 0.1.0 with key ");
    assert!(project.path().join("ok.wasm.minisig").is_file());
}

#[test]
fn what_a_project_does_not_say_is_asked_for() {
    let silent = project("");
    for (args, why) in [
        (&["plugin", "publish", "--to", "registry"][..], "--namespace is missing"),
        (&["plugin", "publish", "--namespace", "acme"], "--to is missing"),
        (&["plugin", "publish", "--namespace", "acme", "--to", "registry"], "sign it with --key"),
        (
            &["plugin", "publish", "--namespace", "Acme", "--to", "registry"],
            "`Acme:ok` is no name for a registry",
        ),
        (
            &["plugin", "publish", "--namespace", "acme", "--name", "acme:ok", "--to", "r"],
            "cannot be used with",
        ),
        (&["plugin", "sign", "--namespace", "acme"], "--key is missing"),
    ] {
        contains(&silent.run(args).expect_exit(2).stderr, why);
    }
    let nowhere = Project::default();
    contains(
        &nowhere.run(&["plugin", "publish", "--namespace", "acme", "--to", "r"]).expect_exit(2).stderr,
        "no FILE is given: `.` is no plugin's project",
    );
}

#[test]
fn what_was_not_built_from_the_sources_is_not_published() {
    let project = project("publish: {namespace: acme, to: registry, key: acme.key}\n");
    let built = project.path().join("ok.wasm").metadata().unwrap().modified().unwrap();
    let source = std::fs::File::create(project.path().join("ok.rs")).unwrap();
    source.set_modified(built + std::time::Duration::from_secs(1)).unwrap();
    contains(
        &project.run(&["plugin", "publish"]).expect_exit(2).stderr,
        "`./ok.rs` was changed after `./ok.wasm` was built; build and test it first",
    );
    source.set_modified(built).unwrap();
    project.run(&["plugin", "publish"]).expect_exit(0);
    std::fs::remove_file(project.path().join("ok.wasm")).unwrap();
    contains(
        &project.run(&["plugin", "publish"]).expect_exit(2).stderr,
        "`stresshost plugin build` does that",
    );
}
