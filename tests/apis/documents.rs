//! Documents and flags that are wrong: one message says what and where, and nothing runs.

use serde_json::json;
use stresshost_tests::Project;

use crate::{contains, run};

fn refused(document: &str, args: &[&str]) -> String {
    let project = Project::default();
    project.write("api.json", document);
    let finished = run(&project, &[&["--schema-file", "api.json", "--iterations", "1"][..], args].concat());
    finished.expect_exit(2);
    assert!(!project.path().join("out").exists());
    finished.stderr
}

#[test]
fn what_is_no_document_is_named_for_what_it_is() {
    for (document, told) in [
        ("{\"swagger\": \"2.0\"}", "Swagger 2.0 is not read"),
        ("{\"openapi\": \"2.9\"}", "OpenAPI `2.9` is not read"),
        ("[]", "this is no OpenAPI document"),
        ("{\"openapi\": \"3.1.0\", \"paths\": {}}", "the document names no server"),
        ("{\"openapi\": ", "api.json"),
    ] {
        contains(&refused(document, &[]), &[told]);
    }
    let empty = json!({ "openapi": "3.1.0", "paths": {}, "servers": [{ "url": "http://127.0.0.1:9" }] });
    contains(&refused(&empty.to_string(), &[]), &["no operation of the document can be sent"]);
}

#[test]
fn parts_that_cannot_be_read_are_left_out_with_their_place() {
    let project = Project::default();
    let get = json!({ "get": { "responses": { "200": {} } } });
    let missing =
        json!({ "get": { "parameters": [{ "$ref": "#/components/parameters/None" }], "responses": {} } });
    let cycle = json!({ "$ref": "#/components/pathItems/A" });
    let document = json!({ "openapi": "3.1.0", "servers": [{ "url": "http://127.0.0.1:9" }],
        "components": { "pathItems": { "A": { "$ref": "#/components/pathItems/A" } } },
        "paths": { "/good": get, "/missing": missing, "/cycle": cycle } });
    project.write("api.json", &document.to_string());
    let component = stresshost_tests::plugin("apistress");
    let finished =
        project.run(&["plan", "--plugin", component.to_str().unwrap(), "--schema-file", "api.json"]);
    finished.expect_exit(0);
    contains(
        &finished.stdout,
        &[
            "1 operations in turn",
            "left out: /paths/~1missing/get/parameters/0: `#/components/parameters/None` refers to nothing",
            "left out: /paths/~1cycle: `#/components/pathItems/A` refers to itself",
        ],
    );
}

#[test]
fn a_document_over_several_files_is_one() {
    let project = Project::default();
    let document = json!({ "openapi": "3.1.0", "servers": [{ "url": "http://127.0.0.1:9" }],
        "paths": { "/pets": { "$ref": "paths/pets.yaml" } } });
    project.write("api.json", &document.to_string());
    std::fs::create_dir(project.path().join("paths")).unwrap();
    project.write("paths/pets.yaml", "get: { responses: { 200: { $ref: '../answers.yaml#/Pets' } } }");
    project.write("answers.yaml", "Pets: { description: Pets }");
    let component = stresshost_tests::plugin("apistress");
    let plan =
        || project.run(&["plan", "--plugin", component.to_str().unwrap(), "--schema-file", "api.json"]);
    let finished = plan();
    finished.expect_exit(0);
    contains(&finished.stdout, &["1 operations in turn"]);
    assert!(!finished.stdout.contains("left out"), "{}", finished.stdout);
    std::fs::remove_file(project.path().join("answers.yaml")).unwrap();
    let finished = plan();
    finished.expect_exit(2);
    contains(
        &finished.stderr,
        &["`../answers.yaml#/Pets` refers to the file `answers.yaml`, which is not there"],
    );
}

#[test]
fn wrong_flags_are_told_what_there_is() {
    let document = json!({ "openapi": "3.1.0", "servers": [{ "url": "http://127.0.0.1:9" }],
        "components": { "securitySchemes": { "key": { "type": "http", "scheme": "basic" } } },
        "paths": { "/a": { "get": { "responses": {} } } } })
    .to_string();
    for (args, told) in [
        (&["--validate", "half"][..], "--validate: write a share such as `10%`"),
        (&["--methods", "get,fetch"], "--methods: `FETCH` is no method"),
        (&["--auth", "token=x"], "the document has no security scheme `token` (it has key"),
        (&["--auth", "key={{secret:x}}"], "a basic scheme encodes its value"),
        (&["--header", "no colon"], "`no colon` is not 'NAME: VALUE'"),
    ] {
        let stderr = refused(&document, args);
        let plain = stderr.replace("\n  = hint: ", " (");
        assert!(plain.contains(told), "{args:?}: {stderr}");
    }
}
