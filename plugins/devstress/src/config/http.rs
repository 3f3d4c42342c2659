//! Settings of HTTP, for all requests and for one.

use stresshost_sdk::documents::HttpOptions;

use stresshost_sdk::config::{Fields, Found, Node};

/// Headers of one place; requests carry those of all places.
const MAX_HEADERS: usize = 100;

/// Redirects a request may follow; the host's own limit.
pub(crate) const MAX_REDIRECTS: u64 = 50;

/// Settings of all requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Http {
    /// What the host applies.
    pub(crate) options: HttpOptions,
    /// What each request carries.
    pub(crate) headers: Vec<(String, Located)>,
    /// Settings a request can change.
    pub(crate) request: RequestHttp,
}

/// A text with its place, for later problems.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) text: String,
    pub(crate) path: String,
}

/// Settings that a request can change.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RequestHttp {
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) follow_redirects: Option<u64>,
    pub(crate) decompress: Option<bool>,
}

impl RequestHttp {
    /// Keys read by [`RequestHttp::read`].
    pub(crate) const KEYS: [&'static str; 3] = ["timeout", "follow_redirects", "decompress"];

    pub(crate) fn read(fields: &Fields<'_>, found: &mut Found) -> Self {
        Self {
            timeout_ms: fields.get("timeout").and_then(|node| node.timeout_ms(found)),
            follow_redirects: fields.get("follow_redirects").and_then(|node| redirects(node, found)),
            decompress: fields.get("decompress").and_then(|node| node.boolean(found)),
        }
    }

    /// Options of a request by their names in the contract; `all` are the settings of all requests, of which the host
    /// applies the time limit itself.
    pub(crate) fn options(self, all: &Self) -> Vec<(String, String)> {
        let option = |name: &str, value: Option<String>| value.map(|value| (name.to_owned(), value));
        let redirects = self.follow_redirects.or(all.follow_redirects);
        let decompress = self.decompress.or(all.decompress);
        [
            option("timeout-ms", self.timeout_ms.map(|ms| ms.to_string())),
            option("follow-redirects", redirects.map(|most| most.to_string())),
            option("decompress", decompress.map(|yes| yes.to_string())),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Http {
    pub(crate) fn read(node: &Node<'_>, found: &mut Found) -> Self {
        let own = ["connect_timeout", "keep_alive", "version", "headers", "max_body_kept", "max_response"];
        let known = [own.as_slice(), &RequestHttp::KEYS].concat();
        let Some(fields) = node.fields(found, "a mapping of HTTP settings", &known) else {
            return Self::default();
        };
        let request = RequestHttp::read(&fields, found);
        let options = HttpOptions {
            connect_timeout_ms: fields.get("connect_timeout").and_then(|node| node.timeout_ms(found)),
            request_timeout_ms: request.timeout_ms,
            keep_alive: fields.get("keep_alive").and_then(|node| node.boolean(found)),
            version: fields.get("version").and_then(|node| node.choice(found, &["auto", "1", "2"])),
            max_body_kept_bytes: fields.get("max_body_kept").and_then(|node| node.bytes(found)),
            max_response_bytes: fields.get("max_response").and_then(|node| node.bytes(found)),
        };
        let headers = fields.get("headers").map(|node| headers(node, found)).unwrap_or_default();
        Self { options, headers, request }
    }
}

/// Reads a mapping of header names to values.
pub(crate) fn headers(node: &Node<'_>, found: &mut Found) -> Vec<(String, Located)> {
    let entries = node.entries(found, "a mapping of header names to values").unwrap_or_default();
    if entries.len() > MAX_HEADERS {
        found.problem(&node.path, format!("{} headers; the most is {MAX_HEADERS}", entries.len()));
        return Vec::new();
    }
    let mut headers = Vec::with_capacity(entries.len());
    for (name, value) in entries {
        let Some(text) = value.scalar(found, "the value of a header") else { continue };
        if let Err(message) = check_header(&name, &text) {
            found.problem(&value.path, message);
            continue;
        }
        headers.push((name, Located { text, path: value.path }));
    }
    headers
}

/// Checks that a header can be sent.
pub(crate) fn check_header(name: &str, value: &str) -> Result<(), String> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(format!("`{}` is not the name of a header", stresshost_sdk::config::short(name)));
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(format!("the value of `{name}` holds a line break or control character"));
    }
    Ok(())
}

fn redirects(node: &Node<'_>, found: &mut Found) -> Option<u64> {
    let most = node.whole(found, "a number of redirects")?;
    if most > MAX_REDIRECTS {
        found.problem(&node.path, format!("{most} redirects; the most is {MAX_REDIRECTS}"));
        return None;
    }
    Some(most)
}
