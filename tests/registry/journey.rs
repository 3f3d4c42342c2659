//! What the registry is for: a plugin by name and version, pinned, then without a network.

use stresshost_clock::{Clock, NS_PER_MS};
use stresshost_shop::{Shop, ShopConfig};
use stresshost_tests::{DockerRegistry, Finished, Project, plugin};

use crate::home::contains;

const CONFIG: &str = include_str!("../../examples/apistress/ecommerce_api_spec.yaml");

/// Runs APIStress by a reference; only that it runs is asked for.
fn run(project: &Project, reference: &str, url: &str, flags: &[&str]) -> Finished {
    let fixed = [
        "run",
        "--plugin",
        reference,
        url,
        "--config",
        "api.yaml",
        "--test-types",
        "contract",
        "--no-progress",
    ];
    let finished = project.run(&[&fixed[..], &["--out", "out"], flags].concat());
    assert_eq!(project.summary("out").run.plugin.name, "apistress", "{finished:?}");
    std::fs::remove_dir_all(project.path().join("out")).unwrap();
    finished
}

#[test]
fn from_an_empty_home_to_a_run_without_a_network() {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let url = format!("http://{}", shop.addr());
    let (publisher, user, data) = (Project::default(), Project::default(), tempfile::tempdir().unwrap());
    let registry = DockerRegistry::start(data.path(), None);
    let location = format!("oci://{}/plugins", registry.host());
    let component = plugin("apistress");
    let component = component.to_str().unwrap();
    publisher.run(&["plugin", "keygen", "first-party", "--no-password"]).expect_exit(0);
    let publish = ["plugin", "publish", component, "--name", "stress:apistress", "--to", &location];
    publisher.run(&[&publish[..], &["--key", "first-party.key"]].concat()).expect_exit(0);

    user.write("api.yaml", CONFIG);
    let public = publisher.path().join("first-party.pub");
    user.run(&["plugin", "trust", "add", "stress", public.to_str().unwrap()]).expect_exit(0);
    let added = user.run(&["plugin", "add", "stress:apistress@^0.1", "--registry", &location]);
    contains(&added.expect_exit(0).stderr, "pinned stress:apistress 0.1.0 in stresshost.lock");
    let lock = std::fs::read_to_string(user.path().join("stresshost.lock")).unwrap();

    run(&user, "stress:apistress@^0.1", &url, &["--locked"]).expect_exit(0);
    drop(registry);
    run(&user, "stress:apistress@^0.1", &url, &["--locked", "--offline"]).expect_exit(0);
    assert_eq!(std::fs::read_to_string(user.path().join("stresshost.lock")).unwrap(), lock);
    contains(&user.run(&["plugin", "verify"]).expect_exit(0).stdout, "stress:apistress 0.1.0 sha256:");
}

#[test]
fn a_first_party_plugin_runs_by_its_bare_name() {
    let project = Project::default();
    // From the build's directory, as from a fresh checkout: no registry, no lock file, no key.
    project.run(&["plugin", "inspect", "apistress"]).expect_exit(0);
    assert!(!project.path().join("stresshost.lock").exists());
    let locked = project.run(&["plan", "--plugin", "apistress", "--locked", "http://127.0.0.1:9/"]);
    contains(
        &locked.expect_exit(2).stderr,
        "stress:apistress is not in stresshost.lock, and --locked forbids to change that",
    );
}

/// The promise is 5 ms. Timings of a debug build on a busy machine are others, so the best of several attempts counts, and
/// it is compared with the same plugin given by its path in the same test.
#[test]
fn a_pinned_plugin_starts_as_fast_as_a_file() {
    let home = crate::home::Home::new();
    let bytes = crate::home::component("fast");
    home.publish(&home.directory(), "0.1.0", &bytes);
    home.run(&["plugin", "add", "stress:ok", "--registry", "registry"]).expect_exit(0);
    let file = home.stored(&bytes);
    let time = |reference: &str, flags: &[&str]| {
        let clock = Clock::start();
        home.plan(reference, flags).expect_exit(0);
        clock.now_ns()
    };
    let best = |reference: &str, flags: &[&str]| (0..15).map(|_| time(reference, flags)).min().unwrap();
    let by_path = best(file.to_str().unwrap(), &[]);
    let by_name = best("stress:ok", &["--locked", "--offline"]);
    let added = by_name.saturating_sub(by_path);
    assert!(added < 5 * NS_PER_MS, "by path {by_path} ns, by name {by_name} ns");
}
