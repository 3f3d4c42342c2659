//! The contract only grows, and what was built for a released one keeps running.

use std::io::Read;
use std::path::{Path, PathBuf};

use stresshost_tests::{Project, guest};
use wit_parser::{Resolve, WorldId};

use crate::home::contains;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A directory's WIT files, by name.
fn wit_files(dir: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<(String, String)> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "wit"))
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// Adds a package; its world `workload`. `version` tells two copies of a package apart; what is compared has none.
fn push(resolve: &mut Resolve, files: &[(String, String)], version: &str) -> WorldId {
    let mut map = wit_parser::SourceMap::new();
    for (name, text) in files {
        map.push(
            Path::new(name),
            text.replace("stresshost:workload@0.1.0", &format!("stresshost:workload@{version}")),
        );
    }
    let group = map.parse().map_err(|(_, error)| error).unwrap();
    let package = resolve.push_group(group).unwrap();
    resolve.select_world(&[package], Some("workload")).unwrap()
}

/// Whether components built for `old` link with a host that offers `new`.
fn is_additive(old: &[(String, String)], new: &[(String, String)]) -> Result<(), String> {
    let mut resolve = Resolve::default();
    let old = push(&mut resolve, old, "0.0.8");
    let new = push(&mut resolve, new, "0.0.9");
    wit_component::semver_check(resolve, old, new).map_err(|error| format!("{error:#}"))
}

#[test]
fn the_contract_adds_to_every_released_one() {
    let current = wit_files(&root().join("wit"));
    let frozen = root().join("wit/frozen");
    for version in std::fs::read_dir(&frozen).unwrap() {
        let released = wit_files(&version.unwrap().path());
        assert!(!released.is_empty());
        is_additive(&released, &current).unwrap();
    }
}

#[test]
fn a_change_that_breaks_plugins_is_found() {
    let frozen = wit_files(&root().join("wit/frozen/0.1.0"));
    let changed = |file: &str, from: &str, to: &str| {
        let mut files = frozen.clone();
        let text = &mut files.iter_mut().find(|(name, _)| name == file).unwrap().1;
        assert!(text.contains(from), "{file} has no `{from}`");
        *text = text.replacen(from, to, 1);
        files
    };
    for (what, files) in [
        (
            "a new function",
            changed("pacing.wit", "interface pacing {", "interface pacing {\n    rest: func();"),
        ),
        (
            "a new interface",
            changed(
                "world.wit",
                "world workload {",
                "interface added { f: func(); }\nworld workload {\n    import added;",
            ),
        ),
    ] {
        assert_eq!(is_additive(&frozen, &files), Ok(()), "{what}");
    }
    for (what, files) in [
        ("a function is gone", changed("pacing.wit", "sleep-us: func", "nap-us: func")),
        ("an interface is gone", changed("world.wit", "    import log;\n", "")),
        ("a parameter is another", changed("log.wit", "level: string", "level: u32")),
        (
            "a record has another field",
            changed("guest.wit", "record vu-info {", "record vu-info {\n        extra: u32,"),
        ),
        (
            "a plugin must export more",
            changed("guest.wit", "    describe: func", "    more: func();\n    describe: func"),
        ),
    ] {
        assert!(is_additive(&frozen, &files).is_err(), "{what}");
    }
}

/// Components as they were built for a released contract.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for version in std::fs::read_dir(root().join("tests/registry/corpus")).unwrap() {
        for file in std::fs::read_dir(version.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let mut bytes = Vec::new();
            flate2::read::GzDecoder::new(std::fs::File::open(&path).unwrap())
                .read_to_end(&mut bytes)
                .unwrap();
            found.push((
                path.file_name().unwrap().to_str().unwrap().trim_end_matches(".wasm.gz").to_owned(),
                bytes,
            ));
        }
    }
    found
}

#[test]
fn plugins_built_for_a_released_contract_run() {
    let shop = stresshost_shop::Shop::start_in_thread(stresshost_shop::ShopConfig::default()).unwrap();
    let url = format!("http://{}/products/1", shop.addr());
    let allowed = format!("http://{}", shop.addr());
    let corpus = corpus();
    assert!(corpus.len() >= 2);
    for (name, bytes) in corpus {
        let project = Project::default();
        std::fs::write(project.path().join("old.wasm"), bytes).unwrap();
        let run = [
            "run",
            "--plugin",
            "./old.wasm",
            "--out",
            "out",
            "--no-progress",
            "--vus",
            "1",
            "--iterations",
            "3",
        ];
        let target = if name == "follow" { vec![url.as_str(), "--allow", &allowed] } else { Vec::new() };
        project.run(&[&run[..], &target].concat()).expect_exit(0);
        assert_eq!(project.summary("out").scenarios[0].iterations.finished, 3, "{name}");
    }
}

#[test]
fn a_plugin_of_a_later_contract_is_refused_in_words() {
    let project = Project::default();
    let mut bytes = std::fs::read(guest("ok")).unwrap();
    let name = b"stresshost:workload/guest@0.1.0";
    let places: Vec<usize> =
        (0..bytes.len() - name.len()).filter(|&at| bytes[at..].starts_with(name)).collect();
    for at in places {
        bytes[at + name.len() - 3] = b'3';
    }
    std::fs::write(project.path().join("later.wasm"), bytes).unwrap();
    let refused = project.run(&["plan", "--plugin", "./later.wasm"]);
    contains(
        &refused.expect_exit(2).stderr,
        "built for workload 0.3.0 (stresshost-sdk/0.1.0, rust), this host runs 0.1: upgrade stresshost, or rebuild the plugin with an older SDK",
    );
}
