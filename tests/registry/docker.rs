//! A real registry: the CNCF's Distribution, which has no referrers API, so that the tagged index is used.

use std::os::unix::fs::PermissionsExt;

use stresshost_registry::{Credentials, Digest, Location, Registry};
use stresshost_tests::{DockerRegistry, Finished, Project, guest};

use crate::home::{Home, component, contains, package, publication};

/// The user `alice` with the password `s3c:ret`, as `htpasswd -Bbn` writes it.
const ALICE: &str = "alice:$2y$05$QG7BlRWoj/TIpsmq1AW6eu1XY2Rfo0WuwGgJO.p.wA7cvDhzNbmYW";

fn location(registry: &DockerRegistry) -> Location {
    Location::parse(&format!("oci://{}/plugins", registry.host())).unwrap()
}

#[test]
fn what_is_published_is_an_artifact_others_can_read() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = DockerRegistry::start(data.path(), None);
    let bytes = component("1");
    let mut publication = publication("0.1.0", &bytes, Some(home.key.sign("stress:ok", "0.1.0", &bytes)));
    publication.documents = vec![stresshost_registry::Extra {
        name: "README.md".into(),
        media_type: "text/markdown".into(),
        bytes: b"# ok".to_vec(),
    }];
    let open = Registry::open(&location(&registry), &Credentials::default()).unwrap();
    open.publish(&package(), &publication).unwrap();
    let manifest = registry.get("/v2/plugins/stress/ok/manifests/0.1.0").unwrap();
    let body = manifest.split("\r\n\r\n").nth(1).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(manifest["layers"][0]["digest"], Digest::of(&bytes).to_string());
    // Published again, it is the same manifest.
    open.publish(&package(), &publication).unwrap();
    assert!(registry.get("/v2/plugins/stress/ok/manifests/0.1.0").unwrap().ends_with(body));
    let index = registry
        .get(&format!("/v2/plugins/stress/ok/manifests/sha256-{}", Digest::of(body.as_bytes()).hex()))
        .unwrap();
    contains(&index, "application/vnd.stresshost.signature.v1.minisig");
    contains(&index, "application/vnd.stresshost.documents.v1");
    assert_eq!(open.packages().unwrap(), [package()]);
}

#[test]
fn a_plugin_is_added_by_name_and_by_its_address() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = DockerRegistry::start(data.path(), None);
    home.publish(&location(&registry), "0.1.0", &component("1"));
    home.publish(&location(&registry), "0.1.1", &component("2"));
    let address = location(&registry).to_string();
    home.run(&["plugin", "add", "stress:ok", "--registry", &address]).expect_exit(0);
    assert_eq!(home.pinned(), "0.1.1");
    contains(&home.lock_text(), "    manifest: \"sha256:");
    // A yank is a referrer, too.
    let yank = ["plugin", "yank", "stress:ok@0.1.1", "--to", &address, "--reason", "slow"];
    home.run(&yank).expect_exit(0);
    contains(&home.run(&["plugin", "info", "stress:ok"]).expect_exit(0).stdout, "0.1.1       yanked: slow");
    std::fs::remove_file(home.lock_path()).unwrap();
    let by_tag = format!("{address}/stress/ok:0.1.0");
    home.plan(&by_tag, &[]).expect_exit(0);
    let lock = home.lock_text();
    let manifest =
        lock.lines().find_map(|line| line.trim().strip_prefix("manifest: ")).unwrap().trim_matches('"');
    home.plan(&format!("{by_tag}@{manifest}"), &["--locked", "--offline"]).expect_exit(0);
    let moved = home.plan(&format!("{by_tag}@sha256:{}", "0".repeat(64)), &["--locked"]);
    contains(&moved.expect_exit(15).stderr, "the tag was moved to something else");
    contains(
        &home.plan(&format!("{address}/stress/ok:latest"), &[]).expect_exit(2).stderr,
        "does not say which plugin and version",
    );
    contains(
        &home.plan(&format!("{address}/stress/ok:7.0.0"), &[]).expect_exit(2).stderr,
        "has no version of stress:ok for `=7.0.0`",
    );
}

#[test]
fn a_registry_that_is_gone_is_told() {
    let (home, data) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = DockerRegistry::start(data.path(), None);
    home.publish(&location(&registry), "0.1.0", &component("1"));
    let address = location(&registry).to_string();
    home.run(&["plugin", "add", "stress:ok", "--registry", &address]).expect_exit(0);
    drop(registry);
    home.plan("stress:ok", &[]).expect_exit(0);
    let gone = home.run(&["plugin", "update"]);
    contains(&gone.expect_exit(3).stderr, &format!("registry {address}: cannot be reached"));
    home.empty_store();
    home.plan("stress:ok", &["--locked"]).expect_exit(3);
}

/// Publishes with the logins that `prepare` gives the command.
fn publish(project: &Project, address: &str, prepare: impl Fn(&mut std::process::Command)) -> Finished {
    let component = guest("ok");
    let mut command = project.stresshost();
    let publish = [
        "plugin",
        "publish",
        component.to_str().unwrap(),
        "--name",
        "stress:ok",
        "--to",
        address,
        "--unsigned",
    ];
    prepare(command.args(publish));
    Finished::of(command.output().unwrap())
}

fn docker_config(project: &Project, text: &str) {
    std::fs::create_dir_all(project.path().join(".docker")).unwrap();
    project.write(".docker/config.json", text);
}

/// A credential helper that answers by a script.
fn helper(project: &Project, script: &str) {
    let path = project.write("docker-credential-test", &format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn logins_come_from_the_environment_docker_and_helpers() {
    let data = tempfile::tempdir().unwrap();
    let registry = DockerRegistry::start(data.path(), Some(ALICE));
    let (host, address) = (registry.host(), location(&registry).to_string());
    let project = Project::default();
    let path = format!("{}:/usr/bin:/bin", project.path().display());
    let none = publish(&project, &address, |_| {});
    contains(&none.expect_exit(3).stderr, &format!("it wants a login; use `docker login {host}`"));
    let wrong = publish(&project, &address, |command| {
        command.env("STRESSHOST_REGISTRY_AUTH", format!("{host}=alice:wrong"));
    });
    contains(&wrong.expect_exit(3).stderr, "it refuses this login");
    // Meant for another host, it is not shown to this one.
    let other = publish(&project, &address, |command| {
        command.env("STRESSHOST_REGISTRY_AUTH", "other.example=alice:s3c:ret");
    });
    contains(&other.expect_exit(3).stderr, "it wants a login");
    publish(&project, &address, |command| {
        command.env("STRESSHOST_REGISTRY_AUTH", format!("{host}=alice:s3c:ret"));
    })
    .expect_exit(0);
    // base64 of alice:s3c:ret
    docker_config(&project, &format!(r#"{{"auths": {{"{host}": {{"auth": "YWxpY2U6czNjOnJldA=="}}}}}}"#));
    publish(&project, &address, |_| {}).expect_exit(0);

    docker_config(&project, &format!(r#"{{"credHelpers": {{"{host}": "test"}}}}"#));
    helper(
        &project,
        &format!(
            r#"test "$1" = get && test "$(cat)" = {host} && echo '{{"Username":"alice","Secret":"s3c:ret"}}'"#
        ),
    );
    let with_path = |command: &mut std::process::Command| {
        command.env("PATH", &path);
    };
    publish(&project, &address, with_path).expect_exit(0);
    helper(&project, "echo 'credentials not found in native keychain'; exit 1");
    contains(&publish(&project, &address, with_path).expect_exit(3).stderr, "it wants a login");
    helper(&project, "echo nonsense");
    contains(
        &publish(&project, &address, with_path).expect_exit(2).stderr,
        "`docker-credential-test`: its answer is malformed",
    );
}
