//! The command line: what it offers and what was given.

use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json::{self, Value};

use crate::config::{Http, Located, check_header};
use stresshost_sdk::config::{Found, short};

/// What the command line gives beside the shape of the load.
#[derive(Debug, Default)]
pub(crate) struct Command {
    /// The URL.
    pub(crate) url: Option<String>,
    method: Option<String>,
    body: Option<(String, &'static str)>,
    expect_status: Option<String>,
    headers: Vec<(String, String)>,
    timeout_ms: Option<u64>,
    connect_timeout_ms: Option<u64>,
    version: Option<String>,
    no_keep_alive: bool,
    follow_redirects: Option<u64>,
    decompress: bool,
}

impl Command {
    /// Reads the arguments and flags.
    pub(crate) fn read(input: &PlanInput, found: &mut Found) -> Self {
        let text = |name: &str| input.flags.get(name).and_then(Value::as_str).map(str::to_owned);
        let whole = |name: &str| input.flags.get(name).and_then(Value::as_u64);
        let switch = |name: &str| input.flags.get(name).and_then(Value::as_bool).unwrap_or(false);
        if let Some(extra) = input.args.get(1) {
            let hint = "requests of several URLs are written in a config";
            found.problem_with_hint(
                "URL",
                format!("one URL is taken, and `{}` is another", short(extra)),
                hint,
            );
        }
        let body = text("body").map(|body| (body, "--body"));
        let file = text("body-file").map(|body| (body, "--body-file"));
        if body.is_some() && file.is_some() {
            found.problem("--body-file", "`--body` and `--body-file` cannot both be given");
        }
        for name in ["timeout", "connect-timeout"] {
            if whole(name) == Some(0) {
                found.problem(&format!("--{name}"), "a limit of 0 lets nothing through");
            }
        }
        if let Some(most) = whole("follow-redirects").filter(|&most| most > crate::config::MAX_REDIRECTS) {
            let message = format!("{most} redirects; the most is {}", crate::config::MAX_REDIRECTS);
            found.problem("--follow-redirects", message);
        }
        Self {
            url: input.args.first().cloned(),
            method: text("method"),
            body: body.or(file),
            expect_status: text("expect-status"),
            headers: headers(input, found),
            timeout_ms: whole("timeout"),
            connect_timeout_ms: whole("connect-timeout"),
            version: text("http-version"),
            no_keep_alive: switch("no-keep-alive"),
            follow_redirects: whole("follow-redirects"),
            decompress: switch("decompress"),
        }
    }

    /// Puts the flags over the config's settings of HTTP.
    pub(crate) fn apply(&self, http: &mut Http) {
        for (name, value) in &self.headers {
            http.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
            let located = Located { text: value.clone(), path: "--header".to_owned() };
            http.headers.push((name.clone(), located));
        }
        let options = &mut http.options;
        options.request_timeout_ms = self.timeout_ms.or(options.request_timeout_ms);
        options.connect_timeout_ms = self.connect_timeout_ms.or(options.connect_timeout_ms);
        options.version = self.version.clone().or(options.version.take());
        if self.no_keep_alive {
            options.keep_alive = Some(false);
        }
        http.request.follow_redirects = self.follow_redirects.or(http.request.follow_redirects);
        if self.decompress {
            http.request.decompress = Some(true);
        }
    }

    /// The one request of a scenario that has none of its own, as a config would have it.
    pub(crate) fn request(&self, url: &str) -> Value {
        let mut request = serde_json::Map::new();
        request.insert("url".to_owned(), url.into());
        if let Some(method) = &self.method {
            request.insert("method".to_owned(), method.as_str().into());
        }
        if let Some((body, _)) = &self.body {
            request.insert("body".to_owned(), body.as_str().into());
        }
        if let Some(statuses) = &self.expect_status {
            request.insert("check".to_owned(), serde_json::json!({ "status": statuses }));
        }
        Value::Object(request)
    }

    /// The flags given that only concern the one request.
    pub(crate) fn request_flags(&self) -> Vec<String> {
        let method = self.method.is_some().then_some("--method");
        let status = self.expect_status.is_some().then_some("--expect-status");
        let body = self.body.as_ref().map(|(_, flag)| *flag);
        [method, body, status].into_iter().flatten().map(str::to_owned).collect()
    }
}

/// Reads `--header 'name: value'`.
fn headers(input: &PlanInput, found: &mut Found) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    let given = input.flags.get("header").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for header in given.iter().filter_map(Value::as_str) {
        let Some((name, value)) = header.split_once(':') else {
            let message = format!("`{}` is not a header", short(header));
            found.problem_with_hint("--header", message, "write `--header 'accept: text/html'`");
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        match check_header(name, value) {
            Ok(()) => headers.push((name.to_owned(), value.to_owned())),
            Err(message) => found.problem("--header", message),
        }
    }
    headers
}

/// What the plugin says of itself.
pub(crate) fn descriptor() -> Descriptor {
    let example = |args: &str, about: &str| Example { args: args.to_owned(), about: about.to_owned() };
    let url = Positional {
        name: "URL".to_owned(),
        help: "What to load; with a config, what its URLs are below".to_owned(),
        required: false,
        target: true,
    };
    let mut flags = LoadFlags::flags();
    flags.extend(own_flags());
    Descriptor {
        name: "devstress".to_owned(),
        summary: "Load HTTP services: one URL, or journeys of requests with extraction and checks".to_owned(),
        description: "Without a config, GETs the URL. A config, given by --config or --scenarios, has scenarios of \
                      weighted journeys, whose requests can pass values on and check what comes back, and may have phases, \
                      thresholds and rate limits. Flags win over the config and replace what contradicts them in it; a \
                      scenario's settings win over those of the top level."
            .to_owned(),
        positionals: vec![url],
        flags,
        asks: Asks { secrets: vec!["*".to_owned()], ..Asks::default() },
        config_schema: serde_json::from_str(include_str!("../config.schema.json")).ok(),
        examples: vec![
            example("http://localhost:8080/ --users 50 --duration 30s", "50 users, each as fast as it can"),
            example("http://localhost:8080/ --rate 500/s --warmup 5s", "500 requests a second, come what may"),
            example("http://localhost:8080/ --stages 1m:100,2m:100,30s:0", "up to 100 users, level, and down"),
            example("http://localhost:8080/orders -X POST -d '{\"id\": 1}' --expect-status 201", "one POST"),
            example("--config shop.yaml", "the scenarios of a config"),
        ],
        ..Descriptor::empty()
    }
}

fn own_flags() -> Vec<Flag> {
    let flag = |name: &str, short: Option<char>, kind: ValueKind, value_name: &str, help: &str| Flag {
        name: name.to_owned(),
        aliases: Vec::new(),
        short,
        kind,
        value_name: value_name.to_owned(),
        help: help.to_owned(),
        repeated: name == "header",
        default: None,
    };
    let text = || ValueKind::Text;
    let versions = ValueKind::Choice(["auto", "1", "2"].map(str::to_owned).to_vec());
    vec![
        flag("method", Some('X'), text(), "METHOD", "Method; GET, or POST with a body"),
        flag("header", Some('H'), text(), "'NAME: VALUE'", "Header of every request; may be repeated"),
        flag("body", Some('d'), text(), "TEXT", "Body of the request to the URL"),
        flag("body-file", None, ValueKind::TextFile, "FILE", "Body of the request to the URL, from a file"),
        flag(
            "expect-status",
            None,
            text(),
            "STATUSES",
            "Statuses that are no failure, such as 200,404 or 2xx",
        ),
        flag("think-time", None, ValueKind::Duration, "DURATION", "Pause after each request"),
        flag("scenarios", None, ValueKind::Document, "FILE", "Scenarios: a config, or a list of scenarios"),
        flag("timeout", None, ValueKind::Duration, "DURATION", "Limit for a whole request"),
        flag("connect-timeout", None, ValueKind::Duration, "DURATION", "Limit for making a connection"),
        flag("http-version", None, versions, "VERSION", "auto, 1, or 2 (for http:// without negotiation)"),
        flag("no-keep-alive", None, ValueKind::Switch, "", "Make a new connection for every request"),
        flag("follow-redirects", None, ValueKind::Integer, "N", "Follow up to N redirects; by default none"),
        flag(
            "decompress",
            None,
            ValueKind::Switch,
            "",
            "Ask for compressed bodies and decompress what is read",
        ),
    ]
}
