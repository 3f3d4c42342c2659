//! Files that are no workload of this host: one message says what the file is and what to do, before anything runs.

use stresshost_tests::{Finished, Project, guest};

/// An empty component.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// A component that exports an empty instance as `acme:other/thing`: an instance section with one instance made of no
/// exports, and an export section that names it.
const OTHER_WORLD: &[u8] = b"\0asm\x0d\0\x01\0\
    \x05\x03\x01\x01\x00\
    \x0b\x16\x01\x00\x10acme:other/thing\x05\x00\x00";

fn inspect(project: &Project, name: &str, bytes: &[u8]) -> Finished {
    std::fs::write(project.path().join(name), bytes).unwrap();
    project.run(&["plugin", "inspect", &format!("./{name}")])
}

#[test]
fn other_files_are_named_for_what_they_are() {
    let newer = replaced(&std::fs::read(guest("ok")).unwrap(), "@0.1.0", "@0.3.0");
    let cut = &newer[..newer.len() / 2];
    let older = replaced(&std::fs::read(guest("ok")).unwrap(), "@0.1.0", "@0.0.9");
    let table: [(&str, &[u8], &str); 9] = [
        ("empty.wasm", b"", "./empty.wasm is empty; build or download the plugin again"),
        ("text.wasm", b"hello there", "not a WebAssembly component: the file starts with `hello th`; build"),
        (
            "elf.wasm",
            b"\x7fELF\x02\x01\x01",
            "the file starts with `\\x7fELF\\x02\\x01\\x01`; build the plugin",
        ),
        (
            "core.wasm",
            b"\0asm\x01\0\0\0",
            "a core WebAssembly module, not a component; build it for `wasm32-wasip2`",
        ),
        ("cut.wasm", cut, "malformed WebAssembly: "),
        ("bare.wasm", COMPONENT, "a component, but not a StressHost workload: it does not export"),
        ("other.wasm", OTHER_WORLD, "it exports `acme:other/thing`; see the plugin SDK"),
        (
            "newer.wasm",
            &newer,
            "this host runs 0.1: upgrade stresshost, or rebuild the plugin with an older SDK",
        ),
        ("older.wasm", &older, "this host runs 0.1: rebuild the plugin with this version's SDK"),
    ];
    let project = Project::default();
    for (name, bytes, expected) in table {
        let finished = inspect(&project, name, bytes);
        finished.expect_exit(2);
        assert!(finished.stderr.contains(expected), "{name}: {}", finished.stderr);
        assert!(
            finished.stderr.contains(name) && finished.stderr.lines().count() == 1,
            "{}",
            finished.stderr
        );
        assert_eq!(finished.stdout, "");
        let run = project.run(&["run", "--plugin", &format!("./{name}"), "--out", "out"]);
        assert_eq!((run.exit, &run.stderr), (finished.exit, &finished.stderr), "`run` says the same");
    }
    assert!(!project.path().join("out").exists());
}

#[test]
fn a_newer_plugin_is_told_apart_by_version_and_sdk() {
    let newer = replaced(&std::fs::read(guest("ok")).unwrap(), "@0.1.0", "@0.3.0");
    let finished = inspect(&Project::default(), "newer.wasm", &newer);
    assert!(
        finished.stderr.contains("built for workload 0.3.0 (stresshost-sdk/0.1.0, rust), this host runs 0.1"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_missing_file_and_a_directory_are_told_apart() {
    let project = Project::default();
    let finished = project.run(&["run", "--plugin", "./none.wasm"]);
    finished.expect_exit(2);
    assert_eq!(
        finished.stderr,
        "error: there is no file ./none.wasm; check the path, or build the plugin first\n"
    );
    let finished = project.run(&["run", "--plugin", "./"]);
    finished.expect_exit(2);
    assert_eq!(finished.stderr, "error: ./ is a directory; name the .wasm file in it\n");
}

/// Any damage to a good plugin ends in a message, never in a panic or a signal.
#[test]
fn damaged_plugins_are_refused() {
    let good = std::fs::read(guest("ok")).unwrap();
    let project = Project::default();
    // Positions spread over the whole file, so that every kind of section is hit.
    for place in (8..good.len()).step_by(good.len() / 8) {
        let mut damaged = good.clone();
        damaged[place] ^= 0xff;
        let finished = inspect(&project, "damaged.wasm", &damaged);
        // Some bytes are data and may be anything.
        let known = [Some(0), Some(2), Some(13)].contains(&finished.exit);
        assert!(known && !finished.stderr.contains("panicked at host"), "{place}: {finished:?}");
        assert_eq!(finished.exit == Some(0), finished.stderr.is_empty(), "{place}: {finished:?}");
    }
}

/// Replaces a text by one of the same length.
fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter_map(|(place, window)| (window == from.as_bytes()).then_some(place))
        .collect();
    assert!(!places.is_empty(), "`{from}` is not there");
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}
