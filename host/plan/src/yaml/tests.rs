//! Behaviour of a whole [`Document`].

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

fn parse(text: &str) -> Document {
    match Document::parse("load.yaml", text) {
        Ok(document) => document,
        Err(error) => panic!("{}", error.render()),
    }
}

fn fault(text: &str) -> Fault {
    Document::parse("load.yaml", text).unwrap_err().fault().clone()
}

fn rendered(text: &str) -> String {
    Document::parse("load.yaml", text).unwrap_err().render().to_owned()
}

#[test]
fn documents_of_every_style_are_read() {
    let table = [
        ("", json!(null)),
        ("# only a comment\n", json!(null)),
        ("---\n", json!(null)),
        ("---\na: 1\n...\n", json!({"a": 1})),
        ("\u{feff}a: 1\r\nb: 2\r\n", json!({"a": 1, "b": 2})),
        ("a: \"1\"\nb: '2'\nc: \"\\u00e4\\n\"", json!({"a": "1", "b": "2", "c": "ä\n"})),
        ("a:\nb: ~", json!({"a": null, "b": null})),
        ("a: x\n  y\nb: |\n  1\n  2\nc: >-\n  1\n  2\n", json!({"a": "x y", "b": "1\n2\n", "c": "1 2"})),
        (
            "1: a\ntrue: b\n~: c\n0x1F: d\n\"\": e",
            json!({"1": "a", "true": "b", "~": "c", "0x1F": "d", "": "e"}),
        ),
        ("- a\n-  - b\n- c: d\n  e: f\n", json!(["a", ["b"], {"c": "d", "e": "f"}])),
        ("[a, {b: c, d}, [], {}, e: f]", json!(["a", {"b": "c", "d": null}, [], {}, {"e": "f"}])),
        ("a: !!str 1\nb: !!int \"2\"\nc: !!map {}\nd: !!seq []", json!({"a": "1", "b": 2, "c": {}, "d": []})),
        ("!!str a: &x b\n*x : c", json!({"a": "b", "b": "c"})),
        (
            "{\"a\":\"\\ud83d\\ude00\\/\",\"b\":[1,-0.5e1,true,null]}",
            json!({"a": "😀/", "b": [1, -5.0, true, null]}),
        ),
        ("{\n\t\"a\": [1, 2,], # YAML\n\t\"b\": 2,\n}", json!({"a": [1, 2], "b": 2})),
    ];
    for (text, value) in table {
        assert_eq!(*parse(text).value(), value, "{text}");
    }
}

#[test]
fn anchors_and_merge_keys_are_resolved() {
    let document = parse(concat!(
        "base: &base {a: 1, b: 2}\n",
        "other: &other\n  b: 3\n  c: 4\n",
        "one:\n  <<: *base\n  b: 9\n",
        "two:\n  x: 0\n  <<: [*base, *other]\n",
        "text:\n  \"<<\": plain\n",
        "list: [*base, *base]\n",
    ));
    assert_eq!(document.value()["one"], json!({"b": 9, "a": 1}));
    assert_eq!(document.value()["two"], json!({"x": 0, "a": 1, "b": 2, "c": 4}));
    assert_eq!(document.value()["text"], json!({"<<": "plain"}));
    assert_eq!(document.value()["list"], json!([{"a": 1, "b": 2}, {"a": 1, "b": 2}]));
    assert_eq!(document.position("/two/c"), Some(Position { line: 4, column: 3 }));
    assert_eq!(document.position("/list/1"), Some(Position { line: 13, column: 15 }));
    assert_eq!(document.position("/list/1/b"), Some(Position { line: 1, column: 20 }));
    assert_eq!(fault("a: &x [*x]"), Fault::RecursiveAlias);
    assert_eq!(fault("<<: 1"), Fault::BadMerge);
    assert_eq!(
        fault("a: &a {}\nb:\n  <<: *a\n  <<: *a\n"),
        Fault::DuplicateKey { key: "<<".into(), first: Position { line: 3, column: 3 } }
    );
}

#[test]
fn positions_are_those_of_keys_and_items() {
    let yaml = parse("scenarios:\n  - name: x\n    requests:\n    - {url: /a, \"b/c~d\": 1}\n  - y\nlast:\n");
    let json = parse("{\r\n\t\"scenarios\": [\n  {\"näme\": \"x\", \"n\": 1}, 2\n]}");
    let table = [
        (&yaml, "", 1, 1),
        (&yaml, "/scenarios", 1, 1),
        (&yaml, "/scenarios/0", 2, 5),
        (&yaml, "/scenarios/0/name", 2, 5),
        (&yaml, "/scenarios/0/requests/0/url", 4, 8),
        (&yaml, "/scenarios/0/requests/0/b~1c~0d", 4, 17),
        (&yaml, "/scenarios/1", 5, 5),
        (&yaml, "/last", 6, 1),
        (&yaml, "/scenarios/0/absent/deeper", 2, 5),
        (&yaml, "/scenarios/7", 1, 1),
        (&yaml, "/scenarios/x", 1, 1),
        (&yaml, "/absent", 1, 1),
        (&yaml, "/last/x", 6, 1),
        (&json, "", 1, 1),
        (&json, "/scenarios", 2, 2),
        (&json, "/scenarios/0/näme", 3, 4),
        (&json, "/scenarios/0/n", 3, 17),
        (&json, "/scenarios/1", 3, 26),
    ];
    for (document, pointer, line, column) in table {
        assert_eq!(document.position(pointer), Some(Position { line, column }), "{pointer}");
    }
    assert_eq!(yaml.position("--duration"), None);
}

#[test]
fn problems_show_their_line() {
    let mut document = parse(
        "scenarios:\n  - name: x\n    duration: 5 parsecs\n    rps:\n\tü: [1]\n"
            .replace('\t', "    ")
            .as_str(),
    );
    let problem = Problem::new("/scenarios/0/duration", "`5 parsecs` is not a duration")
        .hint("write seconds or units, such as `300`");
    assert_snapshot!(document.render_problem(&problem), @r"
    error: `5 parsecs` is not a duration
      --> load.yaml:3:15
       |
     3 |     duration: 5 parsecs
       |               ^
       = hint: write seconds or units, such as `300`
    ");
    assert_snapshot!(document.render_problem(&Problem::new("/scenarios/0/rps", "missing")), @r"
    error: missing
      --> load.yaml:4:5
       |
     4 |     rps:
       |     ^
    ");
    assert_snapshot!(document.render_problem(&Problem::new("/scenarios/0/ü", "must not\u{1b}[31m be\na list")), @r"
    error: must not\u{1b}[31m be\u{a}a list
      --> load.yaml:5:5
       |
     5 |     ü: [1]
       |     ^
    ");
    assert_snapshot!(document.render_problem(&Problem::new("", "no target").hint("name one")), @r"
    error: no target
      --> load.yaml
       = hint: name one
    ");
    assert_snapshot!(document.render_problem(&Problem::new("--duration", "too long")), @r"
    error: too long
      --> --duration
    ");
    document.set("scenarios[0].users", "-3").unwrap();
    assert_snapshot!(document.render_problem(&Problem::new("/scenarios/0/users", "must be positive")), @r"
    error: must be positive
      --> --set scenarios[0].users=-3
    ");
    assert_eq!(document.position("/scenarios/0/users"), None);
    assert_eq!(document.position("/scenarios/0/duration"), Some(Position { line: 3, column: 5 }));
}

#[test]
fn a_set_value_keeps_the_places_of_its_neighbours() {
    let mut document = parse("a: {b: 1, c: 2}\nd: 3\n");
    document.set("a.x.y", "[1, {z: 2}]").unwrap();
    document.set("a.b", "5").unwrap();
    assert_eq!(document.value(), &json!({"a": {"b": 5, "c": 2, "x": {"y": [1, {"z": 2}]}}, "d": 3}));
    assert_eq!(document.position("/a/c"), Some(Position { line: 1, column: 11 }));
    for pointer in ["/a/b", "/a/x", "/a/x/y/1/z"] {
        assert_eq!(document.position(pointer), None, "{pointer}");
    }
    document.set("d", "${N}").unwrap();
    assert_eq!(document.expand_env(&|_| Some("4".into())), []);
    assert_eq!(document.value()["d"], json!(4));
}

#[test]
fn syntax_errors_show_the_cause() {
    assert_snapshot!(rendered("load:\n  users: 5\n\tduration: 3\n"), @r"
    error: a tab is used for indentation
      --> load.yaml:3:1
       |
     3 |     duration: 3
       | ^
       = hint: indent with spaces
    ");
    assert_snapshot!(rendered("a: 'unclosed\n\n"), @r#"
    error: the quoted text that begins here has no closing quote
      --> load.yaml:1:4
       |
     1 | a: 'unclosed
       |    ^
       = hint: close it; within double quotes write `\"` for a quote, within single quotes `''`
    "#);
    assert_snapshot!(rendered("a:\n  b: [1, 2\n"), @r"
    error: the `[` that begins here is not closed
      --> load.yaml:2:6
       |
     2 |   b: [1, 2
       |      ^
       = hint: close it with `]`, or put commas between its parts
    ");
    assert_snapshot!(rendered("{\n \"a\": 1\n \"b\": 2\n}\n"), @r"
    error: the `{` that begins here is not closed before line 3, column 5, or a comma is missing there
      --> load.yaml:1:1
       |
     1 | {
       | ^
       = hint: close it with `}`, or put commas between its parts
    ");
    assert_snapshot!(rendered("a:\n    b: 1\n  c: 2\n"), @r"
    error: this line does not fit the map it belongs to
      --> load.yaml:3:3
       |
     3 |   c: 2
       |   ^
       = hint: indent it like the map's other keys, and write keys as `key: value`
    ");
    assert_snapshot!(rendered("a: 1\nusers:2\n\nc: 3\n"), @r"
    error: a space is missing after `:`
      --> load.yaml:2:6
       |
     2 | users:2
       |      ^
       = hint: write `key: value`
    ");
    assert_snapshot!(rendered("a: 1\nb\n# c\nd: 3\n"), @r"
    error: this line is not of the form `key: value`
      --> load.yaml:2:1
       |
     2 | b
       | ^
       = hint: write `key: value`, with a space after the colon
    ");
    assert_snapshot!(rendered("a: {b: ${PORT}}\n"), @r#"
    error: a reference inside brackets needs quotes
      --> load.yaml:1:8
       |
     1 | a: {b: ${PORT}}
       |        ^
       = hint: write "${NAME}"
    "#);
}

#[test]
fn faults_of_meaning_show_the_place() {
    assert_snapshot!(rendered("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n"), @r"
    error: the key `c` is given twice
      --> load.yaml:5:3
       |
     5 |   c: 3
       |   ^
       = note: it was first given at line 3, column 3
       = hint: remove one of them
    ");
    assert_snapshot!(rendered("{\"a\": 1,\n \"a\": 2}"), @r#"
    error: the key `a` is given twice
      --> load.yaml:2:2
       |
     2 |  "a": 2}
       |  ^
       = note: it was first given at line 1, column 2
       = hint: remove one of them
    "#);
    assert_snapshot!(rendered("a: 1\n---\nb: 2\n"), @r"
    error: the file has more than one document
      --> load.yaml:2:1
       |
     2 | ---
       | ^
       = hint: remove the `---` line, or split the file
    ");
    assert_snapshot!(rendered("\n\n\n\n\n\n\n\n\nid: 123456789012345678901234567890\n"), @r#"
    error: the number `123456789012345678901234567890` does not fit into 64 bits
       --> load.yaml:10:5
        |
     10 | id: 123456789012345678901234567890
        |     ^
        = hint: quote it to make it a text: "123456789012345678901234567890"
    "#);
    assert_snapshot!(rendered("a: \u{1b}[31m\n"), @r#"
    error: the character U+001B is not allowed in a document
      --> load.yaml:1:4
       |
     1 | a: \u{1b}[31m
       |    ^
       = hint: write it as an escape such as "\x1b" in double quotes
    "#);
    let error = Document::parse("load.yaml", "a: !Ref x").unwrap_err();
    assert_eq!(
        error.to_string(),
        "load.yaml:1:4: the tag `!Ref` is not known (quote the text if `!Ref` belongs to it; tags are not used here)"
    );
    for (text, expected) in [
        ("? [a]\n: b", Fault::ComplexKey),
        ("a: {{ host }}", Fault::ComplexKey),
        ("a: &x [1]\n? *x\n: b", Fault::ComplexKey),
        ("a: .nan", Fault::NotFinite(".nan".into())),
        ("[1, 1e999]", Fault::NumberTooLarge("1e999".into())),
        ("a: !!int x", Fault::WrongTag("!!int".into())),
        ("a: !!set {x}", Fault::UnknownTag("!!set".into())),
        ("a: \"x\u{0}\"", Fault::ControlCharacter('\0')),
    ] {
        assert_eq!(fault(text), expected, "{text}");
    }
    assert!(matches!(fault("[\"\\ud800\"]"), Fault::Syntax { .. }));
}

#[test]
fn budgets_hold() {
    let mut laughs = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..30 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        laughs.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    assert_eq!(fault(&laughs), Fault::TooManyNodes);
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 100].join(", "));
    assert_eq!(fault(&long), Fault::TooMuchText);
    assert_eq!(
        fault(&"x".repeat(MAX_DOCUMENT_TEXT_BYTES + 1)),
        Fault::TooLarge { bytes: MAX_DOCUMENT_TEXT_BYTES + 1 }
    );
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
        let nested = |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
        if open != "? " {
            assert!(Document::parse("t", &nested(MAX_DEPTH)).is_ok(), "{open}");
            assert_eq!(fault(&nested(MAX_DEPTH + 1)), Fault::TooDeep, "{open}");
        }
        assert!(Document::parse("t", &nested(100_000)).is_err(), "{open}");
    }
    let deep_alias =
        format!("a: &a {}{}\nb: {}*a{}", "[".repeat(60), "]".repeat(60), "[".repeat(60), "]".repeat(60));
    assert_eq!(fault(&deep_alias), Fault::TooDeep);
    for flow in ["[1,", "[[],", "{a: b,", "[a: "] {
        let text = format!("x: y\n{flow}{}", flow.get(1..).unwrap().repeat(2_000_000));
        assert_eq!(fault(&text), Fault::LongFlow, "{flow}");
    }
    let rows = "- [1, 2, {a: b}]\n".repeat(100_000);
    assert_eq!(parse(&rows).value().as_array().unwrap().len(), 100_000);
    let many = format!("[{}]", vec!["1"; MAX_NODES].join(","));
    assert_eq!(fault(&many), Fault::TooManyNodes);
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = || prop_oneof!["\\PC{0,12}", "[\\x00-\\x7f]{0,8}", any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::vec((text(), inner), 0..8)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn json_is_read_as_it_was_written(value in any_json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert_eq!(parse(&text).into_value(), value);
    }

    #[test]
    fn no_text_panics(text in "(\\PC|[-\\[\\]{}:,?&*!|>'\"%@`#~ \t\r\n\u{0}a1<.\u{feff}\u{1f600}\\\\$]){0,60}") {
        match Document::parse("t", &text) {
            Ok(mut document) => {
                let before = document.value().clone();
                let is_set = document.set("a[0].b", &text).is_ok();
                prop_assert!(is_set || *document.value() == before);
                let problems = document.expand_env(&|_| None);
                prop_assert!(problems.iter().all(|problem| document.position(&problem.path).is_some()
                    || document.render_problem(problem).contains("--set")));
            }
            Err(error) => prop_assert!(error.render().starts_with("error: ") && error.position().is_some()),
        }
    }
}
