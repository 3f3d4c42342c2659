//! Flags and values, wrong ones first.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use stresshost_tests::{Finished, Project};

const URL: &str = "http://127.0.0.1:9/";

/// Runs DevStress with arguments that are refused before anything is sent.
fn refused(args: &[&str]) -> Finished {
    let project = Project::default();
    let finished = project.run(&[&["run", "--plugin", "devstress"], args].concat());
    assert!(!project.path().join("stresshost-out").exists(), "a refused run leaves nothing behind");
    finished
}

#[test]
fn an_unknown_flag_names_the_nearest() {
    assert_shown!(refused(&[URL, "--durration", "5s"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: unexpected argument '--durration' found

      tip: a similar argument exists: '--duration'

    Usage: stresshost run --plugin <NAME|FILE> --duration <DURATION> <URL>

    For more information, try '--help'.
    "#);
}

#[test]
fn a_flag_without_its_value() {
    assert_shown!(refused(&[URL, "--duration"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: a value is required for '--duration <DURATION>' but none was supplied

    For more information, try '--help'.
    "#);
}

#[test]
fn a_duration_that_is_none() {
    assert_shown!(refused(&[URL, "--duration", "5 parsecs"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: --duration: `5 parsecs` is not a duration; write seconds or units, such as `300`, `250ms`, `5m` or `1h30m`
    "#);
}

#[test]
fn every_problem_is_told_at_once() {
    assert_shown!(refused(&["ftp://files.test/", "--vus", "0", "--rate", "0", "--header", "accept"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: --header: `accept` is not a header
      = hint: write `--header 'accept: text/html'`
    error: URL: `ftp` cannot be loaded, only http, https and http+unix can
      = hint: write a URL such as `http://localhost:8080/products`
    error: --vus: 0 virtual users do nothing
    error: --rate: a rate must be more than 0 per second, not 0
    "#);
}

#[test]
fn no_target() {
    assert_shown!(refused(&[]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: there is nothing to load
      = hint: give a URL, such as `http://localhost:8080/`, or `target_url` in the config
    "#);
}

#[test]
fn a_target_that_is_no_url() {
    assert_shown!(refused(&["localhost:8080"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: URL: `localhost:8080` is not an absolute URL
      = hint: write a URL such as `http://localhost:8080/products`
    "#);
    assert_shown!(refused(&["http://"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: URL: the URL names no host
      = hint: write a URL such as `http://localhost:8080/`
    "#);
}

#[test]
fn a_second_target() {
    assert_shown!(refused(&[URL, "http://127.0.0.1:10/"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: unexpected argument 'http://127.0.0.1:10/' found

    Usage: stresshost run [OPTIONS] [URL]

    For more information, try '--help'.
    "#);
}

#[test]
fn no_plugin() {
    assert_shown!(Project::default().run(&["run"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: no plugin named: add `--plugin NAME|FILE`; see `stresshost plugin list`
    "#);
}

#[test]
fn numbers_that_are_none() {
    assert_shown!(refused(&[URL, "--vus", "many"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: --vus: `many` is not a number of virtual users: a whole number, or `auto`
    "#);
    assert_shown!(refused(&[URL, "--cores", "0"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: invalid value '0' for '--cores <N>': 0 is not in 1..=1024

    For more information, try '--help'.
    "#);
    assert_shown!(refused(&[URL, "--rate", "fast"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: --rate: `fast` is not a rate; write a number per second, such as `5000`, `100/s` or `600/m`
    "#);
}

#[test]
fn a_choice_that_is_none() {
    assert_shown!(refused(&[URL, "--http-version", "3"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: invalid value '3' for '--http-version <VERSION>'
      [possible values: auto, 1, 2]

    For more information, try '--help'.
    "#);
}

#[test]
fn grants_and_connections() {
    assert_shown!(refused(&[URL, "--allow", "shop.test"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: --allow: `shop.test` is not a target: the scheme is missing; write `scheme://host:port`, such as `https://api.example:443` or `http://*.test:*`
    "#);
    assert_shown!(refused(&[URL, "--resolve", "shop.test"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: cannot read resolve rule `shop.test`: write `name:port=address:port`, such as `shop.test:443=127.0.0.1:8443`
    "#);
    assert_shown!(refused(&[URL, "--ca", "none.pem"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: --ca: cannot read `none.pem`: No such file or directory (os error 2)
    "#);
}

#[test]
fn a_certificate_file_without_certificates() {
    let project = Project::default();
    project.write("notes.txt", "remember the milk\n");
    assert_shown!(project.run(&["run", "--plugin", "devstress", URL, "--ca", "notes.txt"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: --ca: `notes.txt` holds no certificate; give a PEM file with `-----BEGIN CERTIFICATE-----`
    "#);
}

#[test]
fn a_certificate_of_ones_own_that_cannot_be_shown() {
    let project = Project::default();
    let made = || rcgen::generate_simple_self_signed(vec!["client.test".to_owned()]).expect("a certificate");
    let (own, other) = (made(), made());
    project.write("own.pem", &own.cert.pem());
    project.write("own.key", &own.signing_key.serialize_pem());
    project.write("other.key", &other.signing_key.serialize_pem());
    project.write("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
    for (args, problem) in [
        (&["--client-cert", "none.pem"][..], "--client-cert: cannot read `none.pem`: No such file"),
        (&["--client-cert", "own.key"], "--client-cert: `own.key` holds no certificate"),
        (
            &["--client-cert", "own.pem"],
            "--client-cert: `own.pem` holds no private key; give the file that does with --client-key",
        ),
        (
            &["--client-cert", "own.pem", "--client-key", "own.pem"],
            "--client-key: `own.pem` holds no private key",
        ),
        (
            &["--client-cert", "own.pem", "--client-key", "locked.key"],
            "`locked.key` is encrypted; write it in clear with `openssl pkey -in locked.key`",
        ),
        (
            &["--client-cert", "own.pem", "--client-key", "other.key"],
            "cannot use the client's certificate: it does not belong to the key",
        ),
        (&["--client-key", "own.key"], "--client-cert <FILE>"),
    ] {
        let finished = project.run(&[&["run", "--plugin", "devstress", URL][..], args].concat());
        assert!(finished.expect_exit(2).stderr.contains(problem), "{args:?}: {}", finished.stderr);
        assert!(!finished.stderr.contains("BEGIN PRIVATE KEY"), "{}", finished.stderr);
    }
}

#[test]
fn reports_of_no_known_format() {
    assert_shown!(refused(&[URL, "--output-format", "html,pdf"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: unknown report format `pdf`: use text, json, html, junit or sarif
    "#);
    assert_shown!(refused(&[URL, "--report-file", "report.pdf"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: --report-file: `report.pdf` must end in .txt, .json, .html, .xml or .sarif
    "#);
}

#[test]
fn a_file_that_is_not_there() {
    assert_shown!(refused(&[URL, "--config", "none.yaml"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: cannot read `none.yaml`: No such file or directory (os error 2)
    "#);
    assert_shown!(refused(&[URL, "--body-file", "none.json"]), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: --body-file: cannot read `none.json`: No such file or directory (os error 2)
    "#);
}

#[test]
fn bytes_that_are_no_text() {
    let project = Project::default();
    let output = project.stresshost().arg("run").arg(OsStr::from_bytes(b"--out=\xff")).output().unwrap();
    assert_shown!(Finished::of(output), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: argument "--out=\xFF" is not UTF-8
    "#);
}

#[test]
fn the_machine_chooses_how_many_users_it_safely_holds() {
    let project = Project::default();
    let finished =
        project.run(&["plan", "--plugin", "devstress", "http://127.0.0.1:9/", "--vus", "auto", "--json"]);
    finished.expect_exit(0);
    let plan: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    let vus = plan["scenarios"][0]["executor"]["vus"].as_u64().unwrap();
    assert!((1..=1_000_000).contains(&vus), "{vus}");
    let note = plan["notes"].as_array().unwrap().iter().filter_map(|note| note.as_str());
    let said = note.filter(|note| note.starts_with(&format!("--vus auto: {vus}, as many"))).count();
    assert_eq!(said, 1, "{}", finished.stdout);
    let finished = project.run(&["plan", "--plugin", "devstress", "http://127.0.0.1:9/", "--vus", "many"]);
    finished.expect_exit(2);
    assert!(finished.stderr.contains("a whole number, or `auto`"), "{}", finished.stderr);
}

/// What the machine lacks is said before the load begins, with the command that helps.
#[test]
fn a_plan_that_the_machine_cannot_bear_is_refused() {
    let project = Project::default();
    let args = ["run", "--plugin", "devstress", "http://127.0.0.1:9/", "--vus", "900000", "--out", "out"];
    let finished = project.run(&args);
    finished.expect_exit(2);
    for words in ["ulimit -n 900064", "vm.max_map_count=5401000", "--ignore-capacity"] {
        assert!(finished.stderr.contains(words), "`{words}` is not in:\n{}", finished.stderr);
    }
    assert!(!project.path().join("out").exists());
}
