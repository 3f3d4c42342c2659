//! The store when several use it, when there is no room, and when it is cleaned.

use std::process::Command;

use stresshost_tests::{Finished, program};

use crate::home::{Home, component, contains, modest_component};

#[test]
fn processes_that_install_at_once_do_not_hurt_each_other() {
    let home = Home::new();
    let bytes = component("1");
    home.publish(&home.directory(), "0.1.0", &bytes);
    let start = || home.command(&["plugin", "add", "stress:ok", "--registry", "registry"]).spawn().unwrap();
    let children: Vec<_> = (0..8).map(|_| start()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    home.plan("stress:ok", &["--locked", "--offline"]).expect_exit(0);
    let left: Vec<_> = std::fs::read_dir(home.stored(&bytes).parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(home.lock_text().matches("- name").count(), 1);
}

/// A disk that is full looks to a program as one of its writes failing; so does a limit of the size of a file.
#[test]
fn a_full_disk_is_told_and_leaves_nothing_behind() {
    let home = Home::new();
    let bytes = component("1");
    home.publish(&home.directory(), "0.1.0", &bytes);
    let blocks = bytes.len() / 512 / 2;
    let script =
        format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" plugin add stress:ok --registry registry");
    let mut shell = home.project.command(std::path::Path::new("/bin/sh"));
    let refused = Finished::of(shell.arg("-c").arg(&script).arg(program("stresshost")).output().unwrap());
    contains(&refused.expect_exit(3).stderr, "cannot write");
    contains(&refused.stderr, "File too large");
    assert!(!home.lock_path().exists());
    let left: Vec<_> = std::fs::read_dir(home.stored(&bytes).parent().unwrap()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    home.run(&["plugin", "add", "stress:ok", "--registry", "registry"]).expect_exit(0);
}

#[test]
fn a_directory_that_cannot_be_written_is_told() {
    let home = Home::new();
    home.publish(&home.directory(), "0.1.0", &component("1"));
    // Also for a user who may do everything: below a file there is no directory.
    home.project.write("file", "");
    let mut command: Command = home.command(&["plugin", "add", "stress:ok", "--registry", "registry"]);
    let refused =
        Finished::of(command.env("STRESSHOST_DATA_DIR", home.path().join("file/x")).output().unwrap());
    contains(&refused.expect_exit(3).stderr, "cannot create");
}

#[test]
fn what_no_lock_file_pins_is_pruned() {
    let home = Home::new();
    let (old, new) = (component("old"), modest_component("new"));
    home.publish(&home.directory(), "0.1.0", &old);
    home.run(&["plugin", "add", "stress:ok", "--registry", "registry"]).expect_exit(0);
    contains(&home.run(&["plugin", "prune"]).expect_exit(0).stdout, "removed 0 plugins");
    home.publish(&home.directory(), "0.1.1", &new);
    home.run(&["plugin", "update"]).expect_exit(0);
    contains(&home.run(&["plugin", "prune"]).expect_exit(0).stdout, "removed 1 plugins");
    assert!(!home.stored(&old).exists() && home.stored(&new).exists());
    home.plan("stress:ok", &["--locked", "--offline"]).expect_exit(0);
    home.run(&["plugin", "remove", "stress:ok"]).expect_exit(0);
    contains(
        &home.run(&["plugin", "remove", "stress:ok"]).expect_exit(2).stderr,
        "stress:ok is not in stresshost.lock",
    );
    contains(&home.run(&["plugin", "prune"]).expect_exit(0).stdout, "removed 1 plugins");
    assert!(!home.stored(&new).exists());
}
