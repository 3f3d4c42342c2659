//! Names, links, `plugin list`, `plugin inspect`.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use stresshost_tests::{Finished, Project, guest, plugin, program};

use crate::shown::{SHORT, shop};

/// A plugin directory of the project's own with `devstress` and `ok`.
fn directory(project: &Project) -> String {
    let directory = project.path().join("plugins");
    fs::create_dir(&directory).unwrap();
    symlink(plugin("devstress"), directory.join("devstress.wasm")).unwrap();
    symlink(guest("ok"), directory.join("ok.wasm")).unwrap();
    directory.to_str().unwrap().to_owned()
}

fn with_path(project: &Project, path: &str, args: &[&str]) -> Finished {
    let output = project.stresshost().args(args).env("STRESSHOST_PLUGIN_PATH", path).output().unwrap();
    let clean = |text: String| text.replace(project.path().to_str().unwrap(), "[PROJECT]");
    let finished = Finished::of(output);
    Finished { stdout: clean(finished.stdout), stderr: clean(finished.stderr), ..finished }
}

#[test]
fn an_unknown_name_tells_where_it_was_searched() {
    let project = Project::default();
    let path = directory(&project);
    assert_shown!(with_path(&project, &path, &["run", "--plugin", "devstres"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: no plugin named `devstres`, did you mean `devstress`?; searched [PROJECT]/plugins, [BUILD]/plugins (not there), [BUILD]/../wasm32-wasip2/plugin; found there: devstress, ok; or give the path of a .wasm file
    "#);
}

#[test]
fn an_unknown_command_is_told_apart_from_a_plugin() {
    let project = Project::default();
    let path = directory(&project);
    assert_shown!(with_path(&project, &path, &["rnu", "http://127.0.0.1:9/"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: `rnu` is not a command of stresshost: no plugin named `rnu`; searched [PROJECT]/plugins, [BUILD]/plugins (not there), [BUILD]/../wasm32-wasip2/plugin; found there: devstress, ok; or give the path of a .wasm file
    "#);
}

#[test]
fn names_that_cannot_be_plugins() {
    let project = Project::default();
    assert_shown!(project.run(&["run", "--plugin", "oci://ghcr.io/load/apistress:1"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: cannot resolve `oci://ghcr.io/load/apistress:1`: plugins are loaded from files and plugin directories in this version; download the plugin and give its path
    "#);
    assert_shown!(project.run(&["run", "--plugin", ""]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: the plugin reference is empty; write a file such as `./devstress.wasm` or a name such as `devstress`
    "#);
}

#[test]
fn list_shows_every_plugin_and_what_hides_it() {
    let project = Project::default();
    let path = directory(&project);
    assert_shown!(with_path(&project, &path, &["plugin", "list"]), @r#"
    exit: 0
    --- stdout
    devstress            [PROJECT]/plugins/devstress.wasm
    ok                   [PROJECT]/plugins/ok.wasm
    devstress            [BUILD]/../wasm32-wasip2/plugin/devstress.wasm  (hidden by one of the same name before it)
    --- stderr
    "#);
}

#[test]
fn inspect_tells_what_a_plugin_is_and_needs() {
    let project = Project::default();
    let path = directory(&project);
    assert_shown!(with_path(&project, &path, &["plugin", "inspect", "ok"]), @r#"
    exit: 0
    --- stdout
    ok 0.1.0: A guest of the sandbox tests
    digest      sha256:[DIGEST]
    size        [SIZE] bytes
    contract    stresshost:workload 0.1.0
    built with  stresshost-sdk/0.1.0, rust
    imports
      stresshost:workload/metrics@0.1.0
      stresshost:workload/checks@0.1.0
      stresshost:workload/random@0.1.0
      stresshost:workload/pacing@0.1.0
      stresshost:workload/log@0.1.0
      stresshost:workload/artifacts@0.1.0
      wasi:io/poll@0.2.6
      wasi:io/error@0.2.6
      wasi:io/streams@0.2.6
      wasi:cli/environment@0.2.6
      wasi:cli/exit@0.2.6
      wasi:cli/stdin@0.2.6
      wasi:cli/stdout@0.2.6
      wasi:cli/stderr@0.2.6
      wasi:cli/terminal-input@0.2.6
      wasi:cli/terminal-output@0.2.6
      wasi:cli/terminal-stdin@0.2.6
      wasi:cli/terminal-stdout@0.2.6
      wasi:cli/terminal-stderr@0.2.6
      wasi:random/insecure-seed@0.2.6
    asks for
      writing artifacts into the run directory
    --- stderr
    "#);
    let json = with_path(&project, &path, &["plugin", "inspect", "ok", "--json"]);
    let descriptor: serde_json::Value = serde_json::from_str(&json.expect_exit(0).stdout).unwrap();
    assert_eq!((&descriptor["name"], &descriptor["asks"]["artifacts"]), (&"ok".into(), &true.into()));
}

#[test]
fn a_link_named_after_a_plugin_runs_it() {
    let (_shop, url) = shop();
    let project = Project::default();
    symlink(program("stresshost"), project.path().join("devstress")).unwrap();
    let mut command = Command::new(project.path().join("devstress"));
    command.env_clear().env("HOME", project.path()).current_dir(project.path());
    let cache = project
        .stresshost()
        .get_envs()
        .find_map(|(name, value)| (name == "STRESSHOST_CACHE_DIR").then(|| value.unwrap().to_owned()));
    command.env("STRESSHOST_CACHE_DIR", cache.unwrap());
    let output = command.arg(&url).args(SHORT).args(["--out", "out"]).output().unwrap();
    Finished::of(output).expect_exit(0);
    assert_eq!(project.summary("out").run.plugin.name, "devstress");
}

#[test]
fn the_short_form_is_run() {
    let (_shop, url) = shop();
    let project = Project::default();
    let finished = project.run(&[&["devstress", &url], &SHORT[..], &["--out", "out"]].concat());
    finished.expect_exit(0);
    assert_eq!(project.summary("out").run.plugin.name, "devstress");
}
