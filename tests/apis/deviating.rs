//! Servers that are not as their documents say.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use serde_json::json;
use stresshost_tests::Project;

use crate::{contains, run};

/// A server that answers each path with what `answers` has for it, until the test ends.
fn server(answers: &'static [(&'static str, &'static str)]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while stream.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                    if head.ends_with(b"\r\n\r\n") {
                        let text = String::from_utf8_lossy(&head).into_owned();
                        let path = text.split(' ').nth(1).unwrap_or_default();
                        let known = answers.iter().find(|(known, _)| *known == path);
                        let answer =
                            known.map_or("404 Not Found\r\nContent-Length: 0\r\n\r\n", |(_, answer)| answer);
                        if stream.write_all(format!("HTTP/1.1 {answer}").as_bytes()).is_err() {
                            return;
                        }
                        head.clear();
                    }
                }
            });
        }
    });
    address
}

const ANSWERS: &[(&str, &str)] = &[
    (
        "/good",
        "200 OK\r\nContent-Type: application/json\r\nX-Trace: 1\r\nContent-Length: 8\r\n\r\n{\"id\":1}",
    ),
    (
        "/schema",
        "200 OK\r\nContent-Type: application/json\r\nX-Trace: 1\r\nContent-Length: 10\r\n\r\n{\"id\":\"x\"}",
    ),
    ("/html", "200 OK\r\nContent-Type: text/html\r\nX-Trace: 1\r\nContent-Length: 6\r\n\r\n<html>"),
    ("/broken", "200 OK\r\nContent-Type: application/json\r\nX-Trace: 1\r\nContent-Length: 5\r\n\r\n{\"id\""),
    ("/header", "200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{\"id\":1}"),
    ("/status", "418 Teapot\r\nContent-Length: 0\r\n\r\n"),
    ("/error", "500 Oops\r\nContent-Length: 0\r\n\r\n"),
];

#[test]
fn each_deviation_is_found_once_with_what_shows_it() {
    let address = server(ANSWERS);
    let answer = json!({ "responses": { "200": {
        "headers": { "X-Trace": { "required": true, "schema": { "type": "string" } } },
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } } } });
    let paths: serde_json::Map<_, _> =
        ANSWERS.iter().map(|(path, _)| ((*path).to_owned(), json!({ "get": answer }))).collect();
    let document = json!({ "openapi": "3.0.3", "info": { "title": "Odd", "version": "1" }, "paths": paths,
        "components": { "schemas": { "Thing": { "type": "object", "required": ["id"],
            "properties": { "id": { "type": "integer" } } } } } });
    let project = Project::default();
    project.write("odd.json", &document.to_string());
    let url = format!("http://{address}");
    let load = ["--schema-file", "odd.json", "--validate", "all", "--vus", "2", "--iterations", "70"];
    let finished = run(&project, &[&[url.as_str()][..], &load].concat());
    finished.expect_exit(10);
    let summary = project.summary("out");
    let text = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let mut found: Vec<_> = summary
        .findings
        .iter()
        .map(|one| {
            (text(one, "location"), text(one, "rule"), text(one, "message"), one["count"].as_u64().unwrap())
        })
        .collect();
    found.sort();
    let expected = [
        ("GET /broken", "response_schema_conformance", "the body is no JSON"),
        ("GET /error", "not_a_server_error", "answers with status 500"),
        ("GET /error", "status_code_conformance", "answers with status 500, which is not documented"),
        ("GET /header", "response_headers_conformance", "the header X-Trace is missing"),
        ("GET /html", "content_type_conformance", "answers status 200 with content type text/html"),
        ("GET /schema", "response_schema_conformance", "the body is not as documented: `type` at /id"),
        ("GET /status", "status_code_conformance", "answers with status 418, which is not documented"),
    ];
    let expected =
        expected.map(|(location, rule, message)| (location.into(), rule.into(), message.into(), 10));
    assert_eq!(found, expected, "{}", finished.stdout);
    let curl = format!("curl -X GET 'http://{address}/html'");
    contains(&finished.stdout, &["Findings", "10 times; documented: application/json", &curl]);
}
