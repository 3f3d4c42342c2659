//! Config files, `--set`, `${VARIABLES}`, `plan`.

use stresshost_tests::{Finished, Project};

/// Plans with `config.yaml` of this text.
fn plan(text: &str, args: &[&str]) -> Finished {
    let project = Project::default();
    project.write("config.yaml", text);
    project.run(&[&["plan", "--plugin", "devstress", "--config", "config.yaml"], args].concat())
}

const CONFIG: &str =
    "target_url: http://shop.test/\nscenarios:\n  - name: browse\n    users: 5\n    duration: 10s\n";

#[test]
fn yaml_that_cannot_be_read() {
    assert_shown!(plan("scenarios:\n  - name: a\n    users: [1\n    rps: 3\n", &[]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: a `:` cannot stand here
      --> config.yaml:4:8
       |
     4 |     rps: 3
       |        ^
       = hint: close the bracket or quote before it
    "#);
    assert_shown!(plan("users: 1\n\tduration: 5s\n", &[]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: a tab is used for indentation
      --> config.yaml:2:1
       |
     2 |     duration: 5s
       | ^
       = hint: indent with spaces
    "#);
    assert_shown!(plan("users: 1\nusers: 2\n", &[]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: the key `users` is given twice
      --> config.yaml:2:1
       |
     2 | users: 2
       | ^
       = note: it was first given at line 1, column 1
       = hint: remove one of them
    "#);
}

#[test]
fn unknown_settings_and_wrong_values_are_told_together() {
    let text =
        "target_url: http://shop.test/\nscenarios:\n  - name: a\n    uesrs: 1\n    duration: 5 parsecs\n";
    assert_shown!(plan(text, &[]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: there is no setting `uesrs`
      --> config.yaml:4:12
       |
     4 |     uesrs: 1
       |            ^
       = hint: did you mean `users`?
    error: `5 parsecs` is not a duration; write seconds or units, such as `300`, `250ms`, `5m` or `1h30m`
      --> config.yaml:5:15
       |
     5 |     duration: 5 parsecs
       |               ^
    "#);
}

#[test]
fn a_config_without_anything() {
    assert_shown!(plan("", &[]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: there is nothing to load
      = hint: give a URL, such as `http://localhost:8080/`, or `target_url` in the config
    "#);
}

#[test]
fn a_config_that_is_no_text() {
    let project = Project::default();
    std::fs::write(project.path().join("config.yaml"), b"users: \xff\n").unwrap();
    assert_shown!(project.run(&["plan", "--plugin", "devstress", "--config", "config.yaml"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: `config.yaml` is not UTF-8 text: invalid utf-8 sequence of 1 bytes from index 7
    "#);
}

#[test]
fn a_plan_in_words() {
    assert_shown!(plan(CONFIG, &["--allow", "http://other.test:80"]), @r#"
    exit: 0
    --- stdout
    Plan        devstress http://shop.test:80
    Targets     http://shop.test:80
    Granted     http://other.test:80, http://shop.test
    Length      10s
    Warm-up     none
    Grace       up to 30s for iterations in flight at the end
    Peak        5 virtual users

    Load
      - browse: 5 virtual users for 10s

    Needs  of this machine
      - descriptors 69 of [MOST]
      - mappings 1030 of [MOST]
      - memory about 128 MiB of [MEMORY]
    --- stderr
    "#);
}

#[test]
fn a_plan_in_json_is_what_a_run_would_do() {
    let finished = plan(CONFIG, &["--json", "--warmup", "2s"]);
    finished.expect_exit(0);
    let plan: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(plan["schema"], "stresshost.plan/1");
    assert_eq!(plan["scenarios"][0]["executor"]["vus"], 5);
    assert_eq!(plan["scenarios"][0]["executor"]["duration_ms"], 10_000);
    assert_eq!(plan["warmup_ms"], 2_000);
    assert_eq!(finished.stderr, "");
}

#[test]
fn set_changes_the_config() {
    let finished = plan(CONFIG, &["--set", "scenarios[0].users=7", "--set", "scenarios[0].name=hurry"]);
    assert!(finished.expect_exit(0).stdout.contains("hurry: 7 virtual users for 10s"), "{}", finished.stdout);
    let finished = Project::default().run(&[
        "plan",
        "--plugin",
        "devstress",
        "--set",
        "target_url=http://shop.test/",
        "--set",
        "users=3",
    ]);
    assert!(finished.expect_exit(0).stdout.contains("3 virtual users"), "{}", finished.stdout);
}

#[test]
fn set_is_checked() {
    assert_shown!(plan(CONFIG, &["--set", "users"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: --set: `users` has no `=`; write PATH=VALUE
    "#);
    assert_shown!(plan(CONFIG, &["--set", "scenarios[=1"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: --set scenarios[=1: `scenarios[` is not a path: `[` has no `]`; write it like `scenarios[0].users`, with quotes around a key that has dots
    "#);
    assert_shown!(plan(CONFIG, &["--set", "scenarios[7].users=1"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: --set scenarios[7].users=1: cannot set `scenarios[7].users`: `scenarios` has 1 items; the next one is `[1]`
    "#);
    assert_shown!(plan(CONFIG, &["--set", "scenarios[0].usrs=1"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: there is no setting `usrs`
      --> --set scenarios[0].usrs=1
       = hint: did you mean `users`?
    "#);
}

#[test]
fn variables_fill_in_the_config() {
    let project = Project::default();
    project.write("config.yaml", "target_url: ${TARGET}/a\nusers: ${USERS:-4}\nduration: 5s\n");
    let plan = ["plan", "--plugin", "devstress", "--config", "config.yaml"];
    let output = project.stresshost().args(plan).env("TARGET", "http://shop.test:81").output().unwrap();
    let finished = Finished::of(output);
    assert!(finished.expect_exit(0).stdout.contains("4 virtual users"), "{}", finished.stdout);
    assert!(finished.stdout.contains("Granted     http://shop.test:81\n"), "{}", finished.stdout);
    assert_shown!(project.run(&plan), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: the environment variable `TARGET` is not set
      --> config.yaml:1:13
       |
     1 | target_url: ${TARGET}/a
       |             ^
       = hint: set it, give a default as `${TARGET:-value}`, or write `$${TARGET}` for the text
    "#);
}
