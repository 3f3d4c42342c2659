//! Which version runs, and how it changes.

use crate::home::{Home, component, contains, modest_component, package};

fn add(home: &Home, reference: &str) -> stresshost_tests::Finished {
    home.run(&["plugin", "add", reference, "--registry", "registry"])
}

#[test]
fn the_newest_that_fits_is_pinned_and_selected_again() {
    let home = Home::new();
    for version in ["0.1.0", "0.1.2", "0.2.0", "0.3.0-rc.1"] {
        home.publish(&home.directory(), version, &component(version));
    }
    add(&home, "stress:ok@^0.1").expect_exit(0);
    assert_eq!(home.pinned(), "0.1.2");
    home.publish(&home.directory(), "0.1.3", &component("0.1.3"));
    for reference in ["stress:ok", "stress:ok@^0.1", "stress:ok@0.1"] {
        home.plan(reference, &[]).expect_exit(0);
        assert_eq!(home.pinned(), "0.1.2");
    }
    let updated = home.run(&["plugin", "update"]);
    contains(&updated.expect_exit(0).stdout, "stress:ok 0.1.2 -> 0.1.3, asks for artifacts");
    contains(&updated.stdout, "  not 0.2.0: `^0.1` does not include it");
    contains(
        &home.run(&["plugin", "update", "stress:ok"]).expect_exit(0).stdout,
        "stress:ok 0.1.3 is the newest that fits",
    );
    // Another requirement than the pinned version meets: not with --locked.
    let locked = home.plan("stress:ok@^0.2", &["--locked"]);
    contains(
        &locked.expect_exit(2).stderr,
        "stress:ok 0.1.3 is pinned in stresshost.lock, which is not `^0.2`, and --locked",
    );
    home.plan("stress:ok@^0.2", &["--registry", "registry"]).expect_exit(0);
    assert_eq!(home.pinned(), "0.2.0");
    // Back to an older one, on purpose.
    add(&home, "stress:ok@=0.1.0").expect_exit(0);
    assert_eq!(home.pinned(), "0.1.0");
}

#[test]
fn a_yanked_version_is_not_chosen_but_goes_on_where_it_is_pinned() {
    let home = Home::new();
    for version in ["0.1.0", "0.1.1"] {
        home.publish(&home.directory(), version, &component(version));
    }
    add(&home, "stress:ok").expect_exit(0);
    let yank = ["plugin", "yank", "stress:ok@0.1.1", "--to", "registry", "--reason", "loses answers"];
    home.run(&yank).expect_exit(0);
    home.empty_store();
    home.plan("stress:ok", &["--locked"]).expect_exit(0);
    let back = home.run(&["plugin", "update"]);
    contains(&back.expect_exit(15).stderr, "0.1.1 is pinned, and");
    std::fs::remove_file(home.lock_path()).unwrap();
    add(&home, "stress:ok").expect_exit(0);
    assert_eq!(home.pinned(), "0.1.0");
    let info = home.run(&["plugin", "info", "stress:ok"]).expect_exit(0).stdout.clone();
    contains(&info, "0.1.1       yanked: loses answers");
    contains(&info, "0.1.0       chosen for `*`");
    contains(&info, &format!("signed by {} (trusted)", home.key.id()));
    home.run(&["plugin", "yank", "stress:ok@0.1.0", "--to", "registry"]).expect_exit(0);
    std::fs::remove_file(home.lock_path()).unwrap();
    contains(
        &add(&home, "stress:ok").expect_exit(2).stderr,
        "has no version of stress:ok for `*`: 0.1.1: yanked: loses answers",
    );
}

#[test]
fn a_registry_that_forgets_versions_is_told() {
    let home = Home::new();
    for version in ["0.1.0", "0.1.1"] {
        home.publish(&home.directory(), version, &component(version));
    }
    add(&home, "stress:ok").expect_exit(0);
    std::fs::remove_file(home.path().join("registry/stress/ok/0.1.1.wasm")).unwrap();
    let lock = home.lock_text();
    for args in [&["plugin", "update"][..], &["plugin", "add", "stress:ok", "--registry", "registry"]] {
        let refused = home.run(args);
        contains(
            &refused.expect_exit(15).stderr,
            "offers nothing newer than 0.1.0 that fits: it was rolled back",
        );
        assert_eq!(home.lock_text(), lock);
    }
    // What is pinned runs on.
    home.plan("stress:ok", &["--locked"]).expect_exit(0);
}

#[test]
fn an_update_that_asks_for_more_needs_consent() {
    let home = Home::new();
    home.publish(&home.directory(), "0.1.0", &modest_component("1"));
    add(&home, "stress:ok").expect_exit(0);
    contains(&home.lock_text(), "    capabilities: []\n");
    home.publish(&home.directory(), "0.1.1", &component("2"));
    let lock = home.lock_text();
    for args in [&["plugin", "update"][..], &["plugin", "add", "stress:ok", "--registry", "registry"]] {
        let refused = home.run(args);
        contains(
            &refused.expect_exit(14).stderr,
            "stress:ok 0.1.1 asks for more than was granted: artifacts",
        );
        contains(&refused.stderr, "stresshost plugin update stress:ok --accept");
        assert_eq!(home.lock_text(), lock);
    }
    home.run(&["plugin", "update", "stress:ok", "--accept"]).expect_exit(0);
    contains(&home.lock_text(), "    capabilities: [\"artifacts\"]\n");
    // Less needs none.
    home.publish(&home.directory(), "0.1.2", &modest_component("3"));
    home.run(&["plugin", "update"]).expect_exit(0);
    contains(&home.lock_text(), "    capabilities: []\n");
}

#[test]
fn a_version_for_another_host_is_passed_over() {
    let home = Home::new();
    home.publish(&home.directory(), "0.1.0", &component("1"));
    home.publish(&home.directory(), "0.2.0", &component("2"));
    let config = home.path().join("registry/stress/ok/0.2.0.json");
    let newer = std::fs::read_to_string(&config).unwrap().replace("guest@0.1.0", "guest@0.9.0");
    std::fs::write(&config, newer).unwrap();
    add(&home, "stress:ok").expect_exit(0);
    assert_eq!(home.pinned(), "0.1.0");
    let info = home.run(&["plugin", "info", "stress:ok"]);
    contains(
        &info.expect_exit(0).stdout,
        "0.2.0       built for workload 0.9.0, which this host does not run",
    );
}

#[test]
fn offline_asks_nobody() {
    let home = Home::new();
    let bytes = component("1");
    home.publish(&home.directory(), "0.1.0", &bytes);
    let offline = home.run(&["plugin", "add", "stress:ok", "--registry", "registry", "--offline"]);
    contains(&offline.expect_exit(2).stderr, "--offline forbids to ask a registry");
    add(&home, "stress:ok").expect_exit(0);
    home.empty_store();
    let absent = home.plan("stress:ok", &["--offline"]);
    contains(
        &absent.expect_exit(3).stderr,
        "stress:ok 0.1.0 is not in the store, and --offline forbids to fetch it",
    );
    contains(
        &home.run(&["plugin", "info", "stress:ok", "--offline"]).expect_exit(2).stderr,
        "--offline forbids to ask registry",
    );
}

#[test]
fn registries_come_from_flag_environment_and_file() {
    let home = Home::new();
    home.publish(&home.directory(), "0.1.0", &component("1"));
    let none = home.run(&["plugin", "add", "stress:ok"]);
    contains(&none.expect_exit(2).stderr, "no registry is known for stress:ok: list one in");
    let mut command = home.command(&["plugin", "add", "stress:ok"]);
    let from_environment = command.env("STRESSHOST_REGISTRY", "registry").output().unwrap();
    assert!(from_environment.status.success());
    std::fs::remove_file(home.lock_path()).unwrap();
    let file = home.path().join(".config/stresshost/registries.yaml");
    std::fs::write(
        &file,
        "registries:\n  - location: registry\n    namespaces: [stress]\n  - location: /nowhere\n",
    )
    .unwrap();
    home.run(&["plugin", "add", "stress:ok"]).expect_exit(0);
    // A bare name that no plugin directory has is one of the default namespace.
    std::fs::remove_file(home.lock_path()).unwrap();
    home.plan("ok", &[]).expect_exit(0);
    assert_eq!(home.pinned(), "0.1.0");
    contains(
        &home.run(&["plugin", "search", "ok", "--registry", "registry"]).expect_exit(0).stdout,
        "A guest of the tests",
    );
    contains(
        &home.run(&["plugin", "add", "acme:ok"]).expect_exit(3).stderr,
        "registry /nowhere: there is no such directory",
    );
    contains(
        &home.run(&["plugin", "add", "stress:none"]).expect_exit(2).stderr,
        "no registry has stress:none; asked registry",
    );
    contains(&home.run(&["plugin", "list"]).expect_exit(0).stdout, &package().to_string());
}
