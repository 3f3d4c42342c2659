//! From an empty directory to a run by name, and what goes wrong on the way.

use std::path::Path;

use stresshost_metrics::{Summary, VerdictStatus};
use stresshost_registry::{Digest, LockFile, PackageName, PublicKey};
use stresshost_tests::{Project, guest};

use crate::project::{Author, NAME, shop};

/// What each run is asked for.
const LOAD: [&str; 7] = ["--vus", "2", "--iterations", "20", "--no-progress", "--out", "out"];

/// `new`, `plugin build`, `plugin check`, `plugin test`, `run`, `plugin publish` and a run by name in one language.
fn from_nothing_to_a_run_by_name(language: &str) {
    let author = Author::new(language);
    let component = author.build();
    check_and_test(&author, component.to_str().unwrap(), language);

    let shop = shop();
    let url = format!("http://{}/products", shop.addr());
    author
        .stresshost(&[&["run", "--plugin", component.to_str().unwrap(), &url], &LOAD[..]].concat())
        .expect_exit(0);
    did_the_work(&author.home.summary(&format!("{NAME}/out")));
    assert_eq!(shop.counts().requests, 20);

    author.stresshost(&["plugin", "keygen", "../acme", "--no-password"]).expect_exit(0);
    let to = ["--namespace", "acme", "--to", "../plugins", "--key", "../acme.key"];
    let published = author.stresshost(&[&["plugin", "publish"], &to[..]].concat());
    published.expect_exit(0);
    assert!(published.stdout.starts_with(&format!("acme:{NAME} 0.1.0 sha256:")), "{published:?}");
    run_by_name(&author, &component, &url);
    assert_eq!(shop.counts().requests, 40);
}

/// Somebody else runs what was published: from an empty directory, with an empty home and no tool of any language.
fn run_by_name(author: &Author, component: &Path, url: &str) {
    let user = Project::default();
    let (key, registry) = (author.home.path().join("acme.pub"), author.home.path().join("plugins"));
    let reference = format!("acme:{NAME}@0.1.0");
    let run =
        [&["run", "--plugin", &reference, "--registry", registry.to_str().unwrap(), url], &LOAD[..]].concat();
    let distrusted = author.installed.run(&user, &run);
    distrusted.expect_exit(15);
    assert!(distrusted.stderr.contains("stresshost plugin trust add acme"), "{}", distrusted.stderr);
    author.installed.run(&user, &["plugin", "trust", "add", "acme", key.to_str().unwrap()]).expect_exit(0);
    author.installed.run(&user, &run).expect_exit(0);
    let summary = user.summary("out");
    did_the_work(&summary);

    let digest = Digest::of(&std::fs::read(component).unwrap());
    assert_eq!(summary.run.plugin.digest, digest.to_string());
    let lock = LockFile::read(&user.path().join("stresshost.lock")).unwrap();
    let locked = lock.get(&PackageName::parse(&format!("acme:{NAME}")).unwrap()).unwrap();
    let signer = PublicKey::parse(&std::fs::read_to_string(key).unwrap()).unwrap();
    assert_eq!((&locked.digest, locked.signer.as_ref()), (&digest, Some(signer.id())));
}

fn did_the_work(summary: &Summary) {
    assert_eq!(summary.verdict.status, VerdictStatus::Pass);
    assert_eq!(summary.scenarios[0].iterations.finished, 20);
    assert_eq!((summary.operations[0].count, summary.checks[0].passed), (20, 20));
}

fn check_and_test(author: &Author, component: &str, language: &str) {
    let check = author.stresshost(&["plugin", "check", component]);
    check.expect_exit(0);
    for told in [
        NAME,
        "contract    stresshost:workload 0.1.0",
        &format!(", {language}\n"),
        "checks",
        "http",
        "can run it",
    ] {
        assert!(check.stdout.contains(told), "{language}: no {told} in\n{}", check.stdout);
    }
    assert!(!check.stdout.contains("unoptimised"), "{}", check.stdout);

    let test = author.stresshost(&["plugin", "test", component, "--mock", "test.yaml"]);
    test.expect_exit(0);
    assert!(test.stderr.contains("plan.json") && test.stdout.contains("3 iterations did"), "{test:?}");
    author.stresshost(&["plugin", "test", component, "--mock", "test.yaml"]).expect_exit(0);
}

#[test]
fn rust() {
    from_nothing_to_a_run_by_name("rust");
}

#[test]
fn python() {
    from_nothing_to_a_run_by_name("python");
}

#[test]
fn javascript() {
    from_nothing_to_a_run_by_name("js");
}

#[test]
fn typescript() {
    from_nothing_to_a_run_by_name("ts");
}

#[test]
fn c() {
    from_nothing_to_a_run_by_name("c");
}

#[test]
fn go() {
    from_nothing_to_a_run_by_name("go");
}

#[test]
fn a_rust_projects_own_test_runs_natively() {
    let author = Author::new("rust");
    let cargo = std::path::Path::new(env!("CARGO"));
    let tested = author.command(cargo).args(["test", "--quiet"]).output().unwrap();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
}

#[test]
fn nothing_is_overwritten() {
    let home = Project::default();
    home.run(&["new", "shop", "--lang", "python"]).expect_exit(0);
    home.write("shop/app.py", "mine");
    let again = home.run(&["new", "shop", "--lang", "c"]);
    again.expect_exit(2);
    assert!(again.stderr.contains("is there already, and nothing is overwritten"), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(home.path().join("shop/app.py")).unwrap(), "mine");
    assert!(!home.path().join("shop/app.c").exists());
}

#[test]
fn wrong_names_and_languages_are_told() {
    let home = Project::default();
    for (args, told) in [
        (["new", "Shop", "--lang", "c"], "`Shop` is no name for a plugin"),
        (["new", "../shop", "--lang", "c"], "`../shop` is no name for a plugin"),
        (["new", "shop", "--lang", "cobol"], "possible values: rust, python, js, ts, c, go"),
    ] {
        let refused = home.run(&args);
        refused.expect_exit(2);
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
    }
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn a_build_that_fails_says_what_failed() {
    let author = Author::new("c");
    author.edit("app.c", "sh_fire(request)", "sh_fire(requests)");
    let failed = author.stresshost(&["plugin", "build"]);
    failed.expect_exit(2);
    assert!(failed.stderr.contains("undeclared identifier 'requests'"), "{}", failed.stderr);
    assert!(failed.stderr.contains("build/app.wasm` failed: exit status"), "{}", failed.stderr);
    author.edit("stresshost.yaml", "python3", "python-that-is-not-there");
    let missing = author.stresshost(&["plugin", "build"]);
    missing.expect_exit(2);
    assert!(missing.stderr.contains("README.md says how to install it"), "{}", missing.stderr);
    let nowhere = author.home.run(&["plugin", "build"]);
    nowhere.expect_exit(2);
    assert!(nowhere.stderr.contains("it has no `stresshost.yaml`"), "{}", nowhere.stderr);
}

#[test]
fn what_is_no_plugin_is_told_in_words() {
    let home = Project::default();
    home.write("text.wasm", "not wasm");
    std::fs::write(home.path().join("module.wasm"), b"\0asm\x01\0\0\0").unwrap();
    std::fs::write(home.path().join("component.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
    for (file, told) in [
        ("./text.wasm", "not a WebAssembly component"),
        ("./module.wasm", "a core WebAssembly module, not a component"),
        ("./component.wasm", "not a StressHost workload"),
        ("./missing.wasm", "missing.wasm"),
    ] {
        let refused = home.run(&["plugin", "check", file]);
        refused.expect_exit(2);
        assert!(refused.stderr.contains(told), "{}", refused.stderr);
    }
}

#[test]
fn a_plugin_that_does_not_do_what_is_expected_fails_its_test() {
    let home = Project::default();
    let component = guest("ok");
    let mock = "args: [--iterations, '2', --vus, '1']\nexpect:\n  calls: {GET /: 1}\n  order: [GET /]\n  \
                checks: {a die has six sides: {passed: 3}}\n  metrics: {throws: 2, catches: 1}\n  findings: [odd]\n  \
                iterations: {finished: 1, failed: 1}\n";
    home.write("mock.yaml", mock);
    let failed = home.run(&["plugin", "test", component.to_str().unwrap(), "--mock", "mock.yaml"]);
    failed.expect_exit(10);
    let told = "FAIL  `GET /`: 0 calls, expected 1\n\
                FAIL  call 1: none, expected `GET /`\n\
                FAIL  check `a die has six sides`: passed 2 times and failed 0, expected 3 and 0\n\
                FAIL  metric `catches`: none, expected 1\n\
                FAIL  finding `odd`: not reported\n\
                FAIL  iterations: 2 finished and 0 failed, expected 1 and 1\n";
    assert_eq!(failed.stdout, told);
}

#[test]
fn a_plan_that_changed_fails_until_it_is_accepted() {
    let home = Project::default();
    let component = guest("ok");
    let test = |more: &[&str]| {
        home.run(&[&["plugin", "test", component.to_str().unwrap(), "--mock", "mock.yaml"], more].concat())
    };
    home.write("mock.yaml", "args: [--iterations, '2', --vus, '1']\nplan: plan.json\n");
    test(&[]).expect_exit(0);
    home.write("mock.yaml", "args: [--iterations, '3', --vus, '1']\nplan: plan.json\n");
    let changed = test(&[]);
    changed.expect_exit(10);
    assert!(
        changed.stdout.contains("the plan differs from `plan.json`: `\"iterations\": 3"),
        "{}",
        changed.stdout
    );
    test(&["--update"]).expect_exit(0);
    test(&[]).expect_exit(0);
}
