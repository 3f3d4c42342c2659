//! Flags, and what they mean.

use stresshost_sdk::config::Found;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::Value;

/// One answer in so many is held against the document when nothing else is asked for.
const DEFAULT_ONE_IN: u64 = 10;

/// What the command line asks for, beside the load.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Command {
    /// Where the API is; the document's first server when absent.
    pub(crate) base_url: Option<String>,
    /// The OpenAPI document.
    pub(crate) document: Option<Value>,
    /// The flag it came by.
    pub(crate) document_flag: &'static str,
    /// Upper-case methods of the operations that are sent.
    pub(crate) methods: Vec<String>,
    /// Of how many answers one is held against the document; 0: of none.
    pub(crate) one_in: u64,
    /// Credentials by the name of the scheme.
    pub(crate) auth: Vec<(String, String)>,
    /// Headers of every request.
    pub(crate) headers: Vec<(String, String)>,
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
    flags.extend(own_flags());
    Descriptor {
        name: "apistress".to_owned(),
        summary: "Load an API as its OpenAPI document describes it, and hold its answers against it".to_owned(),
        description: "Sends the operations of an OpenAPI 3.0 or 3.1 document in turn, with the examples it gives or \
                      values that its schemas allow. A share of the answers is held against the document while the load \
                      goes on: status, content type, headers and body. What deviates is a finding, once, with how often \
                      it happened and a command line that shows it. Only GET and HEAD are sent unless --methods says \
                      more."
            .to_owned(),
        positionals: vec![url],
        flags,
        asks: Asks { secrets: vec!["*".to_owned()], ..Asks::default() },
        examples: vec![
            example("http://localhost:8080 --schema-file openapi.json --users 20 --duration 30s", "load and a tenth of the answers"),
            example("--schema-file api.yaml --validate all --iterations 100", "every answer of a hundred requests"),
            example("--schema-file api.yaml --auth 'token={{secret:token}}'", "operations that need a token, too"),
        ],
        ..Descriptor::empty()
    }
}

fn own_flags() -> Vec<Flag> {
    let flag = |name: &str, kind: ValueKind, value_name: &str, help: &str, repeated: bool| Flag {
        name: name.to_owned(),
        aliases: Vec::new(),
        short: None,
        kind,
        value_name: value_name.to_owned(),
        help: help.to_owned(),
        repeated,
        default: None,
    };
    let mut schema =
        flag("schema-file", ValueKind::Document, "FILE", "The OpenAPI document, YAML or JSON", false);
    schema.aliases.push("endpoints-file".to_owned());
    vec![
        schema,
        flag(
            "methods",
            ValueKind::Text,
            "LIST",
            "Methods that are sent, such as get,post [default: get,head]",
            false,
        ),
        flag(
            "validate",
            ValueKind::Text,
            "SHARE",
            "Answers that are held against the document: a share such as 10%, all or none [default: 10%]",
            false,
        ),
        flag(
            "auth",
            ValueKind::Text,
            "SCHEME=VALUE",
            "Credentials of a security scheme of the document: a token, a key, or USER:PASSWORD",
            true,
        ),
        flag("header", ValueKind::Text, "'N: V'", "Header of every request", true),
    ]
}

impl Command {
    pub(crate) fn read(input: &PlanInput, found: &mut Found) -> Self {
        let text = |name: &str| input.flags.get(name).and_then(Value::as_str);
        let texts = |name: &str| -> Vec<String> {
            let list = input.flags.get(name).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let flag = input.flags.get("schema-file");
        let config = (!input.config.is_null()).then_some(&input.config);
        let (document, document_flag) = match (flag, config) {
            (Some(document), _) => (Some(document.clone()), "--schema-file"),
            (None, document) => (document.cloned(), ""),
        };
        Self {
            base_url: input.args.first().cloned(),
            document,
            document_flag,
            methods: methods(text("methods").unwrap_or("get,head"), found),
            one_in: text("validate").map_or(Some(DEFAULT_ONE_IN), one_in).unwrap_or_else(|| {
                found.problem("--validate", "write a share such as `10%`, `all` or `none`");
                0
            }),
            auth: pairs(&texts("auth"), '=', "--auth", "SCHEME=VALUE", found),
            headers: pairs(&texts("header"), ':', "--header", "'NAME: VALUE'", found),
        }
    }
}

fn methods(list: &str, found: &mut Found) -> Vec<String> {
    const KNOWN: [&str; 8] = ["GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE"];
    let methods: Vec<String> = list.split(',').map(|method| method.trim().to_ascii_uppercase()).collect();
    for method in methods.iter().filter(|method| !KNOWN.contains(&method.as_str())) {
        let message = format!("`{}` is no method of OpenAPI", stresshost_sdk::config::short(method));
        found.problem_with_hint("--methods", message, "write a list such as get,post");
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
    between: char,
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
            _ => found.problem(flag, format!("`{}` is not {form}", stresshost_sdk::config::short(text))),
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
}
