//! A registry that lies, breaks or is slow. Whatever it does, nothing runs that was not asked for.

use stresshost_registry::Digest;
use stresshost_tests::Finished;

use crate::home::{Home, Key, component, contains};
use crate::scripted::{Answer, MANIFEST, Scripted};

/// A registry with one good version of `stress:ok`.
fn offered() -> (Home, Scripted, Vec<u8>) {
    let (home, registry, bytes) = (Home::new(), Scripted::start(), component("1"));
    registry.offer(&[("0.1.0", &bytes, Some(home.key.sign("stress:ok", "0.1.0", &bytes)))]);
    (home, registry, bytes)
}

fn add(home: &Home, registry: &Scripted) -> Finished {
    home.run(&["plugin", "add", "stress:ok", "--registry", &registry.location()])
}

fn nothing_is_left(home: &Home, bytes: &[u8]) {
    assert!(!home.lock_path().exists() && !home.stored(bytes).exists());
}

#[test]
fn signatures_are_found_by_the_referrers_api() {
    let (home, registry, _) = offered();
    contains(&add(&home, &registry).expect_exit(0).stderr, &format!("signed by key {}", home.key.id()));
    assert!(registry.requests().iter().any(|request| request.path.contains("/referrers/sha256:")));
    assert!(!registry.requests().iter().any(|request| request.path.contains("/manifests/sha256-")));
}

#[test]
fn other_bytes_than_the_manifest_says_are_refused() {
    let (home, registry, bytes) = offered();
    let blob = Scripted::blob_path(&bytes);
    let mut changed = bytes.clone();
    changed[1000] ^= 1;
    registry.put(&blob, Answer::ok("application/octet-stream", changed));
    contains(&add(&home, &registry).expect_exit(15).stderr, "it was damaged or replaced");
    nothing_is_left(&home, &bytes);
    registry.put(&blob, Answer::ok("application/octet-stream", &bytes[..bytes.len() / 2]));
    contains(&add(&home, &registry).expect_exit(15).stderr, "it is not what its manifest says");
    nothing_is_left(&home, &bytes);
    registry.put(&blob, Answer::ok("application/octet-stream", [&bytes[..], b"more"].concat()));
    contains(&add(&home, &registry).expect_exit(15).stderr, "is longer than the");
    nothing_is_left(&home, &bytes);
    // Nothing of all that is in the way of the right bytes.
    registry.put(&blob, Answer::ok("application/octet-stream", bytes));
    add(&home, &registry).expect_exit(0);
}

#[test]
fn what_is_no_plugin_is_named() {
    let (home, registry, bytes) = offered();
    let manifest = registry.artifact(&bytes);
    let path = "/v2/stress/ok/manifests/0.1.0";
    let image =
        manifest.replace("application/vnd.wasm.config.v0+json", "application/vnd.oci.image.config.v1+json");
    let archive = manifest.replace("\"application/wasm\"", "\"application/gzip\"");
    let vast = manifest.replace(&format!("\"size\":{}", bytes.len()), &format!("\"size\":{}", u64::MAX / 2));
    let huge = format!("{manifest}{}", " ".repeat(5 << 20));
    for (answer, why) in [
        (
            Answer::ok("text/html", "<html>"),
            "stress/ok:0.1.0 is `text/html`, not `application/vnd.oci.image.manifest.v1+json`",
        ),
        (Answer::ok(MANIFEST, image), "it is no WebAssembly component"),
        (Answer::ok(MANIFEST, archive), "its layer is `application/gzip`, not `application/wasm`"),
        (Answer::ok(MANIFEST, vast), "bytes, the most is 268435456"),
        (Answer::ok(MANIFEST, huge), "the manifest of stress/ok:0.1.0 is larger than 4194304 bytes"),
        (Answer::ok(MANIFEST, "{"), "the manifest of stress/ok:0.1.0 is malformed"),
        (Answer::status(500), "it answers 500"),
        (Answer::status(403), "it refuses this login"),
    ] {
        registry.put(path, answer);
        contains(&add(&home, &registry).expect_exit(3).stderr, why);
        nothing_is_left(&home, &bytes);
    }
}

#[test]
fn a_signature_that_is_sent_for_another_digest_does_not_count() {
    let (home, registry, bytes) = offered();
    let stranger = Key::new();
    registry.offer(&[("0.1.0", &bytes, Some(stranger.sign("stress:ok", "0.1.0", &bytes)))]);
    add(&home, &registry).expect_exit(15);
    registry.offer(&[("0.1.0", &bytes, Some(home.key.sign("stress:ok", "0.1.0", b"other bytes")))]);
    contains(&add(&home, &registry).expect_exit(15).stderr, "does not fit the plugin's bytes");
    // The signature's manifest is asked for by digest, and must have it.
    registry.offer(&[("0.1.0", &bytes, Some(home.key.sign("stress:ok", "0.1.0", &bytes)))]);
    registry.on_request(|request, answer| match answer {
        Some(answer) if request.path.contains("/manifests/sha256:") => {
            Some(Answer { body: [&answer.body[..], b" "].concat(), ..answer })
        }
        answer => answer,
    });
    contains(&add(&home, &registry).expect_exit(15).stderr, "a manifest of stress/ok is not what it must be");
    nothing_is_left(&home, &bytes);
}

#[test]
fn a_broken_transfer_goes_on_where_it_broke() {
    let (home, registry, bytes) = offered();
    let blob = Scripted::blob_path(&bytes);
    let (path, third) = (blob.clone(), bytes.len() / 3);
    registry.on_request(move |request, answer| {
        let cut = request.path == path && request.from.is_none();
        answer.map(|answer| Answer { cut_at: cut.then_some(third), ..answer })
    });
    add(&home, &registry).expect_exit(0);
    let from: Vec<_> = registry.requests().iter().filter(|it| it.path == blob).map(|it| it.from).collect();
    assert_eq!(from, [None, Some(third)]);
    assert_eq!(std::fs::read(home.stored(&bytes)).unwrap(), bytes);
}

#[test]
fn a_registry_that_goes_down_is_told_and_the_next_run_goes_on() {
    let (home, registry, bytes) = offered();
    let blob = Scripted::blob_path(&bytes);
    let (path, third) = (blob.clone(), bytes.len() / 3);
    registry.on_request(move |request, answer| match (request.path == path, request.from) {
        (true, None) => answer.map(|answer| Answer { cut_at: Some(third), ..answer }),
        (true, Some(_)) => Some(Answer::status(503)),
        (false, _) => answer,
    });
    let down = add(&home, &registry);
    contains(
        &down.expect_exit(3).stderr,
        &format!("at byte {third} of {}; run the command again", bytes.len()),
    );
    nothing_is_left(&home, &bytes);
    let before = registry.requests().len();
    registry.on_request(|_, answer| answer);
    add(&home, &registry).expect_exit(0);
    let from: Vec<_> =
        registry.requests()[before..].iter().filter(|it| it.path == blob).map(|it| it.from).collect();
    assert_eq!(from, [Some(third)]);
}

#[test]
fn a_wrong_beginning_is_fetched_anew() {
    let (home, registry, bytes) = offered();
    let blob = Scripted::blob_path(&bytes);
    // What an earlier attempt has left is damaged.
    let partial = home.path().join(".local/share/stresshost/store/partial");
    std::fs::create_dir_all(&partial).unwrap();
    std::fs::write(partial.join(Digest::of(&bytes).hex()), vec![0; 500]).unwrap();
    add(&home, &registry).expect_exit(0);
    let from: Vec<_> = registry.requests().iter().filter(|it| it.path == blob).map(|it| it.from).collect();
    assert_eq!(from, [Some(500), None]);
    assert_eq!(std::fs::read(home.stored(&bytes)).unwrap(), bytes);
}

#[test]
fn a_tag_that_is_moved_after_it_was_pinned_is_refused() {
    let (home, registry, bytes) = offered();
    add(&home, &registry).expect_exit(0);
    home.empty_store();
    // Other bytes under the same version, signed by the same key.
    let other = component("2");
    registry.offer(&[("0.1.0", &other, Some(home.key.sign("stress:ok", "0.1.0", &other)))]);
    contains(
        &home.plan("stress:ok", &["--locked"]).expect_exit(15).stderr,
        "the version was replaced after it was pinned",
    );
    contains(
        &home.run(&["plugin", "update"]).expect_exit(15).stderr,
        "the version was replaced after it was pinned",
    );
    assert!(!home.stored(&other).exists());
    registry.offer(&[("0.1.0", &bytes, Some(home.key.sign("stress:ok", "0.1.0", &bytes)))]);
    home.plan("stress:ok", &["--locked"]).expect_exit(0);
}

#[test]
fn a_registry_that_was_rolled_back_is_told() {
    let (home, registry, old) = offered();
    let new = component("2");
    let signed = |version, bytes: &[u8]| Some(home.key.sign("stress:ok", version, bytes));
    registry.offer(&[("0.1.0", &old, signed("0.1.0", &old)), ("0.1.1", &new, signed("0.1.1", &new))]);
    add(&home, &registry).expect_exit(0);
    registry.offer(&[("0.1.0", &old, signed("0.1.0", &old))]);
    contains(
        &home.run(&["plugin", "update"]).expect_exit(15).stderr,
        "it was rolled back, is stale, or has yanked it",
    );
    assert_eq!(home.pinned(), "0.1.1");
}

#[test]
fn lists_of_many_pages_are_read_and_end() {
    let (home, registry, _) = offered();
    let page = |tags: &str, next: &str| {
        let mut answer = Answer::ok("application/json", format!("{{\"tags\": [{tags}]}}"));
        answer.headers.push(("link".to_owned(), format!("<{next}>; rel=\"next\"")));
        answer
    };
    registry.put("/v2/stress/ok/tags/list?n=100", page("\"latest\"", "/v2/stress/ok/tags/list?n=100&last=a"));
    registry.put(
        "/v2/stress/ok/tags/list?n=100&last=a",
        Answer::ok("application/json", r#"{"tags": ["0.1.0"]}"#),
    );
    add(&home, &registry).expect_exit(0);
    std::fs::remove_file(home.lock_path()).unwrap();
    // A list that never ends, and one that goes on elsewhere.
    registry.put("/v2/stress/ok/tags/list?n=100", page("\"0.1.0\"", "/v2/stress/ok/tags/list?n=100"));
    add(&home, &registry).expect_exit(0);
    std::fs::remove_file(home.lock_path()).unwrap();
    registry.put("/v2/stress/ok/tags/list?n=100", page("\"0.1.0\"", "http://127.0.0.2:1/v2/x"));
    contains(&add(&home, &registry).expect_exit(3).stderr, "its list goes on elsewhere");
}

#[test]
fn redirects_are_followed_to_what_is_protected_only() {
    let (home, registry, bytes) = offered();
    let storage = Scripted::start();
    storage.put("/storage", Answer::ok("application/octet-stream", bytes.clone()));
    let to = |place: String| {
        let mut answer = Answer::status(307);
        answer.headers.push(("location".to_owned(), place));
        answer
    };
    let blob = Scripted::blob_path(&bytes);
    registry.put(&blob, to("http://storage.example/x".to_owned()));
    contains(&add(&home, &registry).expect_exit(3).stderr, "it redirects to what is not encrypted");
    registry.put(&blob, to(blob.clone()));
    contains(&add(&home, &registry).expect_exit(3).stderr, "it redirects too often");
    nothing_is_left(&home, &bytes);
    registry.put(&blob, to(format!("http://{}/storage", storage.address)));
    add(&home, &registry).expect_exit(0);
}

#[test]
fn tokens_are_asked_for_and_shown_to_the_registry_only() {
    let (home, registry, bytes) = offered();
    let (address, storage) = (registry.address, Scripted::start());
    storage.put("/storage", Answer::ok("application/octet-stream", bytes.clone()));
    let place = format!("http://{}/storage", storage.address);
    registry.put(
        "/token?service=reg&scope=repository%3Astress%2Fok%3Apull",
        Answer::ok("application/json", r#"{"token": "t0ken"}"#),
    );
    let blob = Scripted::blob_path(&bytes);
    registry.on_request(move |request, answer| {
        let challenge = format!(
            "Bearer realm=\"http://{address}/token\",service=\"reg\",scope=\"repository:stress/ok:pull\""
        );
        match request.authorization.as_deref() {
            _ if request.path.starts_with("/token") => answer,
            Some("Bearer t0ken") if request.path == blob => {
                let headers = vec![("location".to_owned(), place.clone())];
                Some(Answer { headers, ..Answer::status(307) })
            }
            Some("Bearer t0ken") => answer,
            _ => Some(Answer {
                headers: vec![("www-authenticate".to_owned(), challenge)],
                ..Answer::status(401)
            }),
        }
    });
    add(&home, &registry).expect_exit(0);
    let asked = registry.requests().iter().filter(|request| request.path.starts_with("/token")).count();
    assert_eq!(asked, 1, "a token serves for all requests of a repository");
    assert!(storage.requests().iter().all(|request| request.authorization.is_none()));
    // A token server that is not protected is not asked.
    registry.on_request(|_, _| {
        let challenge = "Bearer realm=\"http://auth.example/token\"".to_owned();
        Some(Answer { headers: vec![("www-authenticate".to_owned(), challenge)], ..Answer::status(401) })
    });
    contains(
        &home.run(&["plugin", "update"]).expect_exit(3).stderr,
        "http://auth.example/token, which is not encrypted",
    );
}

#[test]
fn what_a_registry_says_does_not_command_the_terminal() {
    let (home, registry, _) = offered();
    let mut answer = Answer::status(500);
    answer.body = br#"{"errors": [{"code": "X\u001b[2J", "message": "\u0007"}]}"#.to_vec();
    registry.put("/v2/stress/ok/manifests/0.1.0", answer);
    let refused = add(&home, &registry);
    contains(&refused.expect_exit(3).stderr, "X\\u{1b}[2J");
    assert!(!refused.stderr.contains(['\u{1b}', '\u{7}']));
}
