//! The tutorial's commands are run exactly as they are printed.

use std::path::Path;

use stresshost_tests::Finished;

use crate::project::{Author, shop};

#[test]
fn the_commands_of_the_tutorial_work_as_printed() {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/README.md")).unwrap();
    let tutorial = readme.split("## Ten minutes").nth(1).unwrap().split("\n## ").next().unwrap();
    let blocks = tutorial.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let script: String = blocks.collect();
    assert!(script.contains("stresshost new hello --lang python"), "{script}");
    // Only for its tools and its directory: the tutorial begins where nothing is.
    let author = Author::new("python");
    let shop = shop();
    let mut shell = author.command(Path::new("sh"));
    shell.current_dir(author.home.path()).env("TARGET", format!("http://{}/products", shop.addr()));
    let finished = Finished::of(shell.args(["-eu", "-c", &script]).output().unwrap());
    finished.expect_exit(0);
    assert!(author.home.path().join("hello/hello.wasm").exists());
    let lock = std::fs::read_to_string(author.home.path().join("elsewhere/stresshost.lock")).unwrap();
    assert!(lock.contains("\"acme:hello\"") && lock.contains("signer: "), "{lock}");
    assert!(shop.counts().requests > 0);
}
