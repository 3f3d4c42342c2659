//! A component written by hand: it needs no SDK, and does what languages do not let their programs do.

use std::path::Path;

use stresshost_tests::Project;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

/// A workload whose iteration grows a table until that is refused, and fails then.
const FILLS_TABLES: &str = r#"(module
  (memory (export "memory") 64)
  (table $table 1 funcref)
  (global $free (mut i32) (i32.const 65536))
  (data (i32.const 1024) "{\"schema\": \"stresshost.descriptor/1\", \"name\": \"fill_tables\", \"version\": \"0.1.0\", \"summary\": \"Grows a table\"}")
  (data (i32.const 2048) "{\"schema\": \"stresshost.plan/1\", \"name\": \"tables\", \"scenarios\": [{\"name\": \"main\", \"executor\": {\"type\": \"shared-iterations\", \"vus\": 2, \"iterations\": 10, \"max_duration_ms\": 10000}}]}")
  (data (i32.const 4096) "{\"schema\": \"stresshost.analysis/1\"}")
  (func $text (param $at i32) (param $text i32) (param $length i32) (result i32)
    (i32.store (local.get $at) (local.get $text))
    (i32.store offset=4 (local.get $at) (local.get $length))
    (local.get $at))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (local.get $at))
  (func (export "stresshost:workload/guest@0.1.0#describe") (result i32)
    (call $text (i32.const 16) (i32.const 1024) (i32.const DESCRIPTOR)))
  (func (export "stresshost:workload/guest@0.1.0#plan") (param i32 i32) (result i32)
    (drop (call $text (i32.const 36) (i32.const 2048) (i32.const PLAN)))
    (i32.const 32))
  (func (export "stresshost:workload/guest@0.1.0#setup") (param i32 i32) (result i32) (i32.const 64))
  (func (export "stresshost:workload/guest@0.1.0#setup-phase") (param i32 i32) (result i32) (i32.const 64))
  (func (export "stresshost:workload/guest@0.1.0#start") (param i64 i64 i32 i32) (result i32) (i32.const 96))
  (func (export "stresshost:workload/guest@0.1.0#iterate") (param i32 i64) (result i32)
    (loop $more
      (if (i32.eq (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))
        (then (return (i32.const 1))))
      (br_if $more (i32.lt_u (table.size $table) (i32.const 10000000))))
    (i32.const 0))
  (func (export "stresshost:workload/guest@0.1.0#finish"))
  (func (export "stresshost:workload/guest@0.1.0#teardown-phase") (param i32 i32) (result i32) (i32.const 96))
  (func (export "stresshost:workload/guest@0.1.0#teardown") (param i32 i32) (result i32) (i32.const 96))
  (func (export "stresshost:workload/guest@0.1.0#analyze") (param i32 i32) (result i32)
    (call $text (i32.const 128) (i32.const 4096) (i32.const ANALYSIS)))
)"#;

/// The component of a core module with the exports of the contract.
fn component(text: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text).unwrap();
    let mut contract = wit_parser::Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let (package, _) = contract.push_path(wit).unwrap();
    let world = contract.select_world(&[package], Some("workload")).unwrap();
    embed_component_metadata(&mut module, &contract, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

#[test]
fn fill_tables() {
    let length = |name: &str| {
        let line = FILLS_TABLES.lines().find(|line| line.contains(name)).unwrap();
        let text = line.split_once('"').unwrap().1.strip_suffix("\")").unwrap();
        text.replace("\\\"", "\"").len().to_string()
    };
    let text = FILLS_TABLES
        .replace("DESCRIPTOR", &length("stresshost.descriptor"))
        .replace("PLAN", &length("stresshost.plan"))
        .replace("ANALYSIS", &length("stresshost.analysis"));
    let project = Project::default();
    std::fs::write(project.path().join("fill_tables.wasm"), component(&text)).unwrap();
    let run = ["run", "--plugin", "./fill_tables.wasm", "--out", "out", "--no-progress"];
    let finished = project.run(&[&run[..], &["--guest-limit", "table=15000"]].concat());
    finished.expect_exit(10);
    let summary = project.summary("out");
    let done = summary.scenarios[0].iterations;
    assert_eq!((done.failed, done.faulted), (10, 0), "it is told, and goes on: {done:?}");
    assert_eq!(summary.limits.len(), 1);
    assert_eq!((summary.limits[0].limit.as_str(), summary.limits[0].count), ("table", 10));
    assert!(summary.generator.rss_max_bytes < 300 << 20);
}
