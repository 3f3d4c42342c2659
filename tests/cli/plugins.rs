//! Names, links, `plugin list`, `plugin inspect`.

use std::fs;
use std::os::unix::fs::symlink;

use stresshost_tests::{Finished, Project, guest, plugin, program};

use crate::shown::{SHORT, shop};

/// Runs a stresshost that is installed in the project, where it finds the plugins `devstress` and `ok` and no others,
/// whatever else has been built.
fn installed(project: &Project, args: &[&str]) -> Finished {
    let (bin, mine) = (project.path().join("bin"), project.path().join("mine"));
    if !bin.exists() {
        fs::create_dir_all(bin.join("plugins")).unwrap();
        fs::create_dir(&mine).unwrap();
        symlink(plugin("devstress"), mine.join("devstress.wasm")).unwrap();
        symlink(plugin("devstress"), bin.join("plugins/devstress.wasm")).unwrap();
        symlink(guest("ok"), bin.join("plugins/ok.wasm")).unwrap();
        // Not a symbolic link, which would lead back to the build's plugins.
        let (from, to) = (program("stresshost"), bin.join("stresshost"));
        fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop)).unwrap();
    }
    let mut command = project.command(&bin.join("stresshost"));
    let finished = Finished::of(command.args(args).env("STRESSHOST_PLUGIN_PATH", mine).output().unwrap());
    let place = project.path().canonicalize().unwrap();
    let clean = |text: String| text.replace(place.to_str().unwrap(), "[PROJECT]");
    Finished { stdout: clean(finished.stdout), stderr: clean(finished.stderr), ..finished }
}

#[test]
fn an_unknown_name_tells_where_it_was_searched() {
    let project = Project::default();
    assert_shown!(installed(&project, &["run", "--plugin", "devstres"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: no plugin named `devstres`, did you mean `devstress`?; searched [PROJECT]/mine, [PROJECT]/bin/plugins, [PROJECT]/bin/../wasm32-wasip2/plugin (not there); found there: devstress, ok; or give the path of a .wasm file
    "#);
}

#[test]
fn an_unknown_command_is_told_apart_from_a_plugin() {
    let project = Project::default();
    assert_shown!(installed(&project, &["rnu", "http://127.0.0.1:9/"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: `rnu` is not a command of stresshost: no plugin named `rnu`; searched [PROJECT]/mine, [PROJECT]/bin/plugins, [PROJECT]/bin/../wasm32-wasip2/plugin (not there); found there: devstress, ok; or give the path of a .wasm file
    "#);
}

#[test]
fn names_that_cannot_be_plugins() {
    let project = Project::default();
    assert_shown!(project.run(&["run", "--plugin", "oci://registry.example/load/apistress:1"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: `oci://registry.example/load/apistress:1` does not say which plugin and version: write `oci://HOST/NAMESPACE/NAME:VERSION`, with `@sha256:HEX` after it to pin the manifest
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
    assert_shown!(installed(&project, &["plugin", "list"]), @r#"
    exit: 0
    --- stdout
    devstress            [PROJECT]/mine/devstress.wasm
    devstress            [PROJECT]/bin/plugins/devstress.wasm  (hidden by one of the same name before it)
    ok                   [PROJECT]/bin/plugins/ok.wasm
    --- stderr
    "#);
}

#[test]
fn inspect_tells_what_a_plugin_is_and_needs() {
    let project = Project::default();
    assert_shown!(installed(&project, &["plugin", "inspect", "ok"]), @r#"
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
      stresshost:workload/failures@0.1.0
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
    let json = installed(&project, &["plugin", "inspect", "ok", "--json"]);
    let descriptor: serde_json::Value = serde_json::from_str(&json.expect_exit(0).stdout).unwrap();
    assert_eq!((&descriptor["name"], &descriptor["asks"]["artifacts"]), (&"ok".into(), &true.into()));
}

#[test]
fn a_link_named_after_a_plugin_runs_it() {
    let (_shop, url) = shop();
    let project = Project::default();
    symlink(program("stresshost"), project.path().join("devstress")).unwrap();
    let mut command = project.command(&project.path().join("devstress"));
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
