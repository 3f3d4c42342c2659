//! `replay`: a recorded run is done again, and only as it was.

use stresshost_shop::{Shop, ShopConfig};
use stresshost_tests::{Project, guest, plugin};

fn recorded(project: &Project, dir: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(project.path().join(dir).join("run.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_run_is_done_again_as_it_was() {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let project = Project::default();
    let rule = format!("shop.test:80={}", shop.addr());
    let args = [
        "http://shop.test/products/1",
        "--resolve",
        &rule,
        "--iterations",
        "20",
        "--vus",
        "2",
        "--seed",
        "7",
    ];
    let (finished, first) =
        project.measure("devstress", &[&args[..], &["--guest-limit", "memory=32MiB"]].concat());
    finished.expect_exit(0);

    let again = project.run(&["replay", "out", "--out", "again", "--no-progress"]);
    again.expect_exit(0);
    let second = project.summary("again");
    assert_eq!((second.run.seed, &second.run.plugin.digest), (7, &first.run.plugin.digest));
    assert_eq!(second.operations_done(), first.operations_done());
    assert_eq!(second.operations[0].statuses, first.operations[0].statuses);
    let (before, after) = (recorded(&project, "out"), recorded(&project, "again"));
    for same in ["plan", "seed", "granted", "limits", "replay"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(after["limits"]["memory"], 32 << 20);
    assert_ne!(before["id"], after["id"]);
}

/// The guest's random choices, written down as an artifact, are the seed's.
#[test]
fn the_same_seed_makes_the_same_choices() {
    let project = Project::default();
    let component = guest("ok");
    let args =
        ["run", "--plugin", component.to_str().unwrap(), "--vus", "1", "--iterations", "30", "--out", "a"];
    project.run(&[&args[..], &["--seed", "11"]].concat()).expect_exit(0);
    project.run(&["replay", "a", "--out", "b"]).expect_exit(0);
    let throws =
        |dir: &str| std::fs::read_to_string(project.path().join(dir).join("artifacts/throws.txt")).unwrap();
    assert_eq!(throws("a").lines().count(), 30);
    assert_eq!(throws("a"), throws("b"));
    let mut other = args;
    other[8] = "c";
    project.run(&[&other[..], &["--seed", "12"]].concat()).expect_exit(0);
    assert_ne!(throws("a"), throws("c"));
}

#[test]
fn another_plugin_of_the_same_name_is_refused() {
    let project = Project::default();
    let path = project.path().join("mine.wasm");
    std::fs::copy(guest("ok"), &path).unwrap();
    project
        .run(&["run", "--plugin", "./mine.wasm", "--vus", "1", "--iterations", "1", "--out", "out"])
        .expect_exit(0);
    std::fs::copy(guest("call_costs"), &path).unwrap();
    let refused = project.run(&["replay", "out"]);
    refused.expect_exit(15);
    assert!(
        refused.stderr.contains("has changed since") && refused.stderr.contains("mine.wasm"),
        "{refused:?}"
    );
    std::fs::remove_file(&path).unwrap();
    let refused = project.run(&["replay", "out"]);
    refused.expect_exit(2);
    assert!(refused.stderr.contains("there is no file"), "{refused:?}");
}

#[test]
fn what_would_make_it_another_run_is_refused() {
    let project = Project::default();
    let ok = guest("ok");
    let args = ["run", "--plugin", ok.to_str().unwrap(), "--vus", "1", "--iterations", "1", "--out", "out"];
    project.run(&args).expect_exit(0);
    let changes = [
        ["--seed", "5"],
        ["--allow", "http://a.test"],
        ["--threshold", "errors<1%"],
        ["--resolve", "a.test:80=127.0.0.1:80"],
        ["--on-fault", "abort-run"],
    ];
    for flag in changes {
        let refused = project.run(&[&["replay", "out"][..], &flag].concat());
        refused.expect_exit(2);
        assert!(refused.stderr.contains("a replay is the run as it was"), "{refused:?}");
    }
    let missing = project.run(&["replay", "nowhere"]);
    missing.expect_exit(2);
    assert!(missing.stderr.contains("holds no run"), "{missing:?}");
    let path = project.path().join("out/run.json");
    let text = std::fs::read_to_string(&path).unwrap().replace("\"seed\"", "\"sneed\"");
    std::fs::write(&path, text).unwrap();
    project.run(&["replay", "out"]).expect_exit(2);
}

#[test]
fn first_party_plugins_are_found_again_from_anywhere() {
    let project = Project::default();
    let name = plugin("devstress");
    let args = [
        "run",
        "--plugin",
        name.to_str().unwrap(),
        "http://127.0.0.1:9",
        "--iterations",
        "1",
        "--out",
        "out",
    ];
    project.run(&args).expect_exit(3);
    project.run(&["replay", "out", "--out", "again"]).expect_exit(3);
}
