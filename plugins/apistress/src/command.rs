//! Flags, and what they mean.

use stresshost_openapi::bundle;
use stresshost_sdk::config::{Found, short};
use stresshost_sdk::documents::nearest;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::Value;

use crate::config::testing::{DEPTHS, depth_of, security_test};
use crate::document::Depth;

/// One answer in so many is held against the document when nothing else is asked for.
const DEFAULT_ONE_IN: u64 = 10;

/// Users that probe when nothing else is asked for.
const DEFAULT_THREADS: u64 = 4;

/// A kind of test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Requests under load.
    Load,
    /// Answers held against their schemas.
    Schema,
    /// Generated inputs, named scenarios and everything else that the document promises.
    Contract,
    /// Probes for weaknesses.
    Security,
}

const KINDS: [(&str, Kind); 4] = [
    ("load", Kind::Load),
    ("schema", Kind::Schema),
    ("contract", Kind::Contract),
    ("security", Kind::Security),
];

/// A document and the flag it came by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Given {
    pub(crate) value: Value,
    /// Place of its problems: the flag, or nothing for `--config`.
    pub(crate) flag: &'static str,
}

/// What the command line asks for, beside the load.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Command {
    /// Where the API is; the document's first server when absent.
    pub(crate) base_url: Option<String>,
    /// OpenAPI documents and configs, in any order.
    pub(crate) documents: Vec<Given>,
    /// An older version of the document.
    pub(crate) baseline: Option<Value>,
    /// What is tested, in this order; None: what the documents ask for.
    pub(crate) kinds: Option<Vec<Kind>>,
    /// Names of security tests; None: those of the config, or all.
    pub(crate) security_tests: Option<Vec<String>>,
    pub(crate) depth: Option<Depth>,
    pub(crate) destructive: bool,
    /// Users that probe.
    pub(crate) threads: u64,
    /// Upper-case methods of the operations that are sent; None: as the documents say.
    pub(crate) methods: Option<Vec<String>>,
    /// Patterns of the operations that are tested; none: all.
    pub(crate) only: Vec<String>,
    /// Patterns of operations that are left alone.
    pub(crate) skip: Vec<String>,
    /// Of how many answers one is held against the document; 0: of none.
    pub(crate) one_in: u64,
    /// Credentials by the name of the scheme: of the caller, and of another one.
    pub(crate) auth: [Vec<(String, String)>; 2],
    pub(crate) token_endpoint: Option<String>,
    pub(crate) register_endpoint: Option<String>,
    /// Accounts that are there.
    pub(crate) accounts: Vec<(String, String)>,
    /// Headers of every request.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) max_response_ms: Option<u64>,
}

/// What the plugin says of itself.
pub(crate) fn descriptor() -> Descriptor {
    let example = |args: &str, about: &str| Example { args: args.to_owned(), about: about.to_owned() };
    let url = Positional {
        name: "URL".to_owned(),
        help: "Where the API is [default: the first server of the document]".to_owned(),
        required: false,
        target: true,
    };
    let mut flags = LoadFlags::flags();
    if let Some(users) = flags.iter_mut().find(|flag| flag.name == "vus") {
        users.aliases.push("concurrent-users".to_owned());
    }
    flags.extend(own_flags());
    Descriptor {
        name: "apistress".to_owned(),
        summary: "Test an API by its document: load, schemas, contract and security".to_owned(),
        description: "One document drives every kind of test: an OpenAPI 3.0 or 3.1 document, a config of services and \
                      endpoints, or both. `load` sends operations in turn, or the journeys of the config's user \
                      scenarios. `schema` holds a share of the answers against the document while the load goes on. \
                      `contract` sends generated inputs and the named scenarios, and compares with --baseline-spec. \
                      `security` probes for weaknesses: what it calls confirmed was reproduced by a control. What \
                      deviates is a finding, once, with how often it happened and a command line that shows it. Of a \
                      bare OpenAPI document only GET and HEAD are sent unless --methods says more."
            .to_owned(),
        positionals: vec![url],
        flags,
        asks: Asks { secrets: vec!["*".to_owned()], ..Asks::default() },
        examples: vec![
            example("http://localhost:8080 --schema-file openapi.json --users 20 --duration 30s", "load and a tenth of the answers"),
            example("--config services.yaml --test-types load,security,contract", "every kind of test of a config"),
            example("--schema-file api.yaml --test-types contract --methods get,post", "generated inputs, no load"),
            example("--schema-file api.yaml --auth 'token={{secret:token}}'", "operations that need a token, too"),
        ],
        ..Descriptor::empty()
    }
}

fn own_flags() -> Vec<Flag> {
    let flag = |name: &str, kind: ValueKind, value_name: &str, help: &str| Flag {
        name: name.to_owned(),
        aliases: Vec::new(),
        short: None,
        kind,
        value_name: value_name.to_owned(),
        help: help.to_owned(),
        repeated: false,
        default: None,
    };
    let repeated = |flag: Flag| Flag { repeated: true, ..flag };
    let text = || ValueKind::Text;
    let depths = ValueKind::Choice(DEPTHS.map(str::to_owned).to_vec());
    vec![
        flag("schema-file", ValueKind::Document, "FILE", "The OpenAPI document, YAML or JSON"),
        flag("endpoints-file", ValueKind::Document, "FILE", "An OpenAPI document, or a config of services"),
        flag("baseline-spec", ValueKind::Document, "FILE", "An older OpenAPI document to compare with"),
        flag(
            "test-types",
            text(),
            "LIST",
            "What is tested, in this order: load, schema, contract, security [default: as the config says, else load,schema]",
        ),
        flag(
            "security-tests",
            text(),
            "LIST",
            "Security tests by name, such as injection,auth,xss [default: all]",
        ),
        flag("security-scan-depth", depths, "DEPTH", "How thorough probes are [default: standard]"),
        flag("destructive", ValueKind::Switch, "", "Also send what may delete or change data for good"),
        flag("threads", ValueKind::Integer, "N", "Users that probe side by side [default: 4]"),
        flag(
            "methods",
            text(),
            "LIST",
            "Methods that are sent, such as get,post [default: get,head; all of a config's endpoints]",
        ),
        repeated(flag("only", text(), "PATTERN", "Operations that are tested, such as 'GET /products*'")),
        repeated(flag("skip", text(), "PATTERN", "Operations that are left alone, such as '/admin/*'")),
        flag(
            "validate",
            text(),
            "SHARE",
            "Answers that are held against the document: a share such as 10%, all or none [default: 10%]",
        ),
        repeated(flag(
            "auth",
            text(),
            "SCHEME=VALUE",
            "Credentials of a security scheme of the document: a token, a key, USER:PASSWORD, or ID:SECRET of a client",
        )),
        repeated(flag(
            "second-auth",
            text(),
            "SCHEME=VALUE",
            "Credentials of somebody else, for tests of authorization",
        )),
        flag("token-endpoint", text(), "PATH", "Where users exchange name and password for a token"),
        flag("register-endpoint", text(), "PATH", "Where accounts are made [default: found by its name]"),
        repeated(flag("account", text(), "USER:PASSWORD", "An account that is there, instead of new ones")),
        flag(
            "accounts-file",
            ValueKind::TextFile,
            "FILE",
            "Accounts, one USER:PASSWORD or USER,PASSWORD a line",
        ),
        repeated(flag("header", text(), "'N: V'", "Header of every request")),
        flag(
            "max-response-time",
            ValueKind::Duration,
            "DURATION",
            "Longest acceptable answer to a generated input",
        ),
        flag(
            "real-time-dashboard",
            ValueKind::Switch,
            "",
            "Show progress while it runs, as is done on a terminal anyhow",
        ),
    ]
}

/// A document with the files that it refers to put into it.
fn bundled(input: &PlanInput, name: &str, flag: &str, value: &Value, found: &mut Found) -> Value {
    let Some(given) = input.files.get(name) else { return value.clone() };
    let (whole, problems) = bundle(value.clone(), &given.name, &given.files);
    for problem in problems {
        let path = format!("{flag}{}", problem.path);
        found.add(Problem { path, ..problem });
    }
    whole
}

impl Command {
    pub(crate) fn read(input: &PlanInput, found: &mut Found) -> Self {
        let value = |name: &str| input.flags.get(name);
        let text = |name: &str| value(name).and_then(Value::as_str);
        let texts = |name: &str| -> Vec<String> {
            let list = value(name).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut documents = Vec::new();
        for (name, flag) in [("schema-file", "--schema-file"), ("endpoints-file", "--endpoints-file")] {
            let whole = value(name).map(|value| bundled(input, name, flag, value, found));
            documents.extend(whole.map(|value| Given { value, flag }));
        }
        if !input.config.is_null() {
            documents.push(Given { value: bundled(input, "", "", &input.config, found), flag: "" });
        }
        let mut accounts = pairs(&texts("account"), &[':'], "--account", "USER:PASSWORD", found);
        let lines: Vec<String> =
            text("accounts-file").unwrap_or_default().lines().map(str::to_owned).collect();
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.trim().is_empty()).collect();
        accounts.extend(pairs(&lines, &[':', ','], "--accounts-file", "USER:PASSWORD", found));
        let threads = value("threads").and_then(Value::as_u64).unwrap_or(DEFAULT_THREADS);
        if threads == 0 {
            found.problem("--threads", "nobody would probe");
        }
        Self {
            base_url: input.args.first().cloned(),
            documents,
            baseline: value("baseline-spec")
                .map(|value| bundled(input, "baseline-spec", "--baseline-spec", value, found)),
            kinds: text("test-types").map(|list| kinds(list, found)),
            security_tests: text("security-tests").map(|list| security_tests(list, found)),
            depth: text("security-scan-depth").and_then(depth_of),
            destructive: value("destructive").and_then(Value::as_bool).unwrap_or(false),
            threads: threads.max(1),
            methods: text("methods").map(|list| methods(list, found)),
            only: texts("only"),
            skip: texts("skip"),
            one_in: text("validate").map_or(Some(DEFAULT_ONE_IN), one_in).unwrap_or_else(|| {
                found.problem("--validate", "write a share such as `10%`, `all` or `none`");
                0
            }),
            auth: ["auth", "second-auth"]
                .map(|name| pairs(&texts(name), &['='], &format!("--{name}"), "SCHEME=VALUE", found)),
            token_endpoint: path(text("token-endpoint"), "--token-endpoint", found),
            register_endpoint: path(text("register-endpoint"), "--register-endpoint", found),
            accounts,
            headers: pairs(&texts("header"), &[':'], "--header", "'NAME: VALUE'", found),
            max_response_ms: value("max-response-time").and_then(Value::as_u64),
        }
    }
}

impl Command {
    /// Whether an operation is among those that are tested.
    pub(crate) fn is_wanted(&self, method: &str, path: &str) -> bool {
        let fits = |pattern: &String| match pattern.trim().split_once(' ') {
            Some((wanted, pattern)) => wanted.eq_ignore_ascii_case(method) && matches(pattern.trim(), path),
            None => matches(pattern.trim(), path),
        };
        (self.only.is_empty() || self.only.iter().any(fits)) && !self.skip.iter().any(fits)
    }
}

/// Whether a pattern, in which `*` stands for any text, is the whole of a path.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((before, rest)) => path.strip_prefix(before).is_some_and(|path| {
            (0..=path.len()).any(|at| path.get(at..).is_some_and(|path| matches(rest, path)))
        }),
    }
}

fn path(text: Option<&str>, flag: &str, found: &mut Found) -> Option<String> {
    let text = text?;
    if !text.starts_with('/') && !text.starts_with("http") {
        found.problem(flag, format!("`{}` is no path such as `/auth/token`", short(text)));
    }
    Some(text.to_owned())
}

/// Names of a list with commas.
fn listed(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

fn kinds(list: &str, found: &mut Found) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for name in listed(list) {
        match KINDS.iter().find(|(known, _)| *known == name) {
            Some((_, kind)) if kinds.contains(kind) => {}
            Some((_, kind)) => kinds.push(*kind),
            None => {
                let names = || KINDS.iter().map(|(known, _)| *known);
                let hint = match nearest(name, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
                };
                found.problem_with_hint(
                    "--test-types",
                    format!("there is no test type `{}`", short(name)),
                    hint,
                );
            }
        }
    }
    if kinds.is_empty() && found.problems.is_empty() {
        found.problem("--test-types", "nothing would be tested");
    }
    kinds
}

fn security_tests(list: &str, found: &mut Found) -> Vec<String> {
    for name in listed(list) {
        if let Err((message, hint)) = security_test(name) {
            found.problem_with_hint("--security-tests", message, hint);
        }
    }
    listed(list).map(str::to_owned).collect()
}

fn methods(list: &str, found: &mut Found) -> Vec<String> {
    const KNOWN: [&str; 8] = ["GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE"];
    if list.trim() == "all" {
        return KNOWN.map(str::to_owned).to_vec();
    }
    let methods: Vec<String> = list.split(',').map(|method| method.trim().to_ascii_uppercase()).collect();
    for method in methods.iter().filter(|method| !KNOWN.contains(&method.as_str())) {
        let message = format!("`{}` is no method of OpenAPI", short(method));
        found.problem_with_hint("--methods", message, "write a list such as get,post, or all");
    }
    methods
}

/// Of how many one is taken, for a share.
fn one_in(text: &str) -> Option<u64> {
    match text {
        "all" => return Some(1),
        "none" => return Some(0),
        _ => {}
    }
    let percent: f64 = text.strip_suffix('%')?.trim().parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between 1 and a million"
    )]
    ((0.0001..=100.0).contains(&percent)).then(|| (100.0 / percent).round() as u64)
}

fn pairs(
    texts: &[String],
    between: &[char],
    flag: &str,
    form: &str,
    found: &mut Found,
) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for text in texts {
        match text.split_once(between) {
            Some((name, value)) if !name.trim().is_empty() => {
                pairs.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            _ => found.problem(flag, format!("`{}` is not {form}", short(text))),
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_become_one_in_so_many() {
        for (text, expected) in [
            ("all", Some(1)),
            ("none", Some(0)),
            ("10%", Some(10)),
            ("100 %", Some(1)),
            ("33.3%", Some(3)),
            ("0.1%", Some(1_000)),
            ("0%", None),
            ("101%", None),
            ("half", None),
            ("-1%", None),
        ] {
            assert_eq!(one_in(text), expected, "{text}");
        }
    }

    #[test]
    fn operations_are_chosen_by_patterns() {
        for (pattern, path, expected) in [
            ("/a", "/a", true),
            ("/a", "/ab", false),
            ("/a/*", "/a/b/c", true),
            ("*/c", "/a/b/c", true),
            ("/a*c", "/a/b", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
        let input = stresshost_sdk::testing::input(
            &[],
            stresshost_sdk::serde_json::json!({ "only": ["GET /a*", "/b"], "skip": ["/a/secret"] }),
            (),
        );
        let command = Command::read(&input, &mut Found::default());
        let wanted = |method: &str, path: &str| command.is_wanted(method, path);
        assert!(wanted("GET", "/a/x") && wanted("POST", "/b"));
        assert!(!wanted("POST", "/a/x") && !wanted("GET", "/a/secret") && !wanted("GET", "/c"));
    }

    #[test]
    fn kinds_keep_their_order_and_wrong_ones_are_told() {
        let mut found = Found::default();
        assert_eq!(kinds("security, load,security", &mut found), [Kind::Security, Kind::Load]);
        assert!(found.problems.is_empty());
        kinds("loads", &mut found);
        assert!(found.problems[0].to_string().contains("did you mean `load`?"), "{:?}", found.problems);
    }
}
