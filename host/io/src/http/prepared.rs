//! Requests compiled once and fired many times.

use std::sync::Arc;

use super::limits::{MAX_JOINED_BODY_BYTES, MAX_REQUEST_HEAD_BYTES};
use super::options::Options;
use super::template::{BadValue, Place, Slots, Template, is_header_value_byte};
use super::{HttpConfig, HttpSetupError, HttpVersion};
use crate::origin::{Origin, Scheme, UrlError};
use crate::secrets::{SecretError, Secrets};

/// A request as its author writes it. `{{name}}` in the path, the query, header values and the body is replaced,
/// for the names in `slots`, when the request is fired.
#[derive(Clone, Copy, Debug)]
pub struct RequestSpec<'a> {
    /// Method, such as `GET`.
    pub method: &'a str,
    /// Absolute URL; `http+unix://%2Frun%2Fapp.sock/path` for a unix socket.
    pub url: &'a str,
    /// Header names and values, sent in this order.
    pub headers: &'a [(String, String)],
    /// Body, if the request has one.
    pub body: Option<&'a [u8]>,
    /// Names of the placeholders, in the order of the values given when firing.
    pub slots: &'a [String],
    /// Options by name; the folder's README lists them.
    pub options: &'a [(String, String)],
}

/// A request that cannot be prepared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The method is no HTTP token, or one that a load test cannot send.
    #[error("method `{0}` cannot be sent: use a word such as GET or POST (CONNECT is not supported)")]
    Method(String),
    /// The URL cannot be used.
    #[error("url `{url}`: {error}")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong.
        error: UrlError,
    },
    /// A header cannot be sent.
    #[error("header `{name}`: {reason}")]
    Header {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// An option is unknown or has a wrong value.
    #[error("request option `{name}`: {reason}")]
    Option {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The declared slots are wrong.
    #[error("{0}")]
    Slots(String),
    /// Method, URL and headers are too long.
    #[error("method, url and headers take {0} bytes; at most {MAX_REQUEST_HEAD_BYTES} can be sent")]
    TooLong(usize),
    /// It names a secret that cannot stand there.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Setup(#[from] HttpSetupError),
}

/// A compiled request, shared by all virtual users of a core.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) origin: Arc<Origin>,
    pub(crate) options: Options,
    pub(crate) is_head: bool,
    /// Sending it twice does no harm (RFC 9110, 9.2.2).
    pub(crate) is_idempotent: bool,
    slots: Vec<String>,
    /// The HTTP/1.1 head, followed by the body when that is fixed and small.
    wire: Template,
    body: Body,
    /// Its parts, for a request that may be sent by HTTP/2 or to another place.
    pub(crate) source: Option<Box<Source>>,
}

#[derive(Debug)]
enum Body {
    /// None, or joined to the head.
    Joined,
    /// Too large to be copied next to the head.
    Apart(Vec<u8>),
    Rendered(Template),
}

/// The parts of a request.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) method: String,
    pub(crate) path: Template,
    /// All headers but those of one connection: no `host`, `connection` and `content-length`.
    pub(crate) headers: Vec<(String, Template)>,
    /// A `host` header of the author's own.
    pub(crate) host: Option<Template>,
    pub(crate) body: Option<Template>,
}

impl Prepared {
    /// Compiles a request whose options were read before. Without `secrets`, names of secrets in its texts are text.
    pub(crate) fn compile(
        config: &HttpConfig,
        secrets: Option<&Secrets>,
        spec: &RequestSpec<'_>,
        mut options: Options,
    ) -> Result<Self, PrepareError> {
        check_method(spec.method)?;
        let (origin, path) = split_url(spec.url)?;
        let slots = Slots::new(spec.slots, secrets, &origin).map_err(PrepareError::Slots)?;
        let path = compile_path(path, slots)?.map_err(|error| url_error(spec.url, error))?;
        let headers = Headers::compile(spec.headers, slots, &mut options)?;
        let body = spec.body.map(|bytes| {
            let mut body = Template::default();
            body.push_parsed(bytes, slots, Place::Body).map(|()| body)
        });
        let body = body.transpose()?;
        let source = Source {
            method: spec.method.to_owned(),
            path,
            headers: headers.with_defaults(config, &options),
            host: headers.host,
            body,
        };
        let (wire, body) = source.http1(&origin, &options)?;
        let may_be_http2 = match options.version {
            HttpVersion::Http1 => false,
            HttpVersion::Http2 => true,
            HttpVersion::Auto => origin.scheme == Scheme::Https,
        };
        let keeps_source = may_be_http2 || options.follow_redirects > 0;
        Ok(Self {
            origin: Arc::new(origin),
            is_head: spec.method == "HEAD",
            is_idempotent: matches!(spec.method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE"),
            slots: spec.slots.to_vec(),
            wire,
            body,
            source: keeps_source.then(|| Box::new(source)),
            options,
        })
    }

    /// Bytes of text and body that it holds.
    pub fn held_bytes(&self) -> u64 {
        let body = match &self.body {
            Body::Joined => 0,
            Body::Apart(body) => body.len(),
            Body::Rendered(body) => body.text().len(),
        };
        let source = self.source.as_ref().and_then(|source| source.body.as_ref());
        (self.wire.text().len() + body + source.map_or(0, |body| body.text().len())) as u64
    }

    /// Where the request goes.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The bytes to send, when they do not depend on values: head (and small body), and large body.
    pub(crate) fn fixed(&self) -> Option<(&[u8], &[u8])> {
        let wire = self.wire.fixed()?;
        match &self.body {
            Body::Joined => Some((wire, &[])),
            Body::Apart(body) => Some((wire, body)),
            Body::Rendered(_) => None,
        }
    }

    /// The large fixed body that follows what [`Self::render`] writes.
    pub(crate) fn apart(&self) -> &[u8] {
        if let Body::Apart(body) = &self.body { body } else { &[] }
    }

    /// Writes the bytes to send for these values; on failure the text says which value is wrong.
    pub(crate) fn render(&self, values: &[String], out: &mut Vec<u8>) -> Result<(), String> {
        self.check_count(values)?;
        let body_len = if let Body::Rendered(body) = &self.body { body.copied_len(values) } else { 0 };
        self.wire.render(values, body_len, out).map_err(|bad| self.explain(bad))?;
        if let Body::Rendered(body) = &self.body {
            body.render(values, body_len, out).map_err(|bad| self.explain(bad))?;
        }
        Ok(())
    }

    /// Whether the request can be sent with these values.
    pub(crate) fn check(&self, values: &[String]) -> Result<(), String> {
        self.check_count(values)?;
        self.wire.check(values).map_err(|bad| self.explain(bad))
    }

    fn check_count(&self, values: &[String]) -> Result<(), String> {
        let (have, want) = (values.len(), self.slots.len());
        if have == want { Ok(()) } else { Err(format!("{have} values for {want} slots")) }
    }

    fn explain(&self, bad: BadValue) -> String {
        let name = self.slots.get(bad.slot).map_or("?", String::as_str);
        format!("the value of slot `{name}` {}", bad.reason)
    }
}

impl Source {
    /// The HTTP/1.1 form of the request.
    fn http1(&self, origin: &Origin, options: &Options) -> Result<(Template, Body), PrepareError> {
        let mut wire = Template::default();
        wire.push_text(self.method.as_bytes());
        wire.push_text(b" ");
        wire.push_template(&self.path);
        wire.push_text(b" HTTP/1.1\r\nHost: ");
        match &self.host {
            Some(host) => wire.push_template(host),
            None => wire.push_text(origin.authority().as_bytes()),
        }
        wire.push_text(b"\r\n");
        for (name, value) in &self.headers {
            wire.push_text(name.as_bytes());
            wire.push_text(b": ");
            wire.push_template(value);
            wire.push_text(b"\r\n");
        }
        if !options.keep_alive {
            wire.push_text(b"Connection: close\r\n");
        }
        let body = self.http1_body(&mut wire);
        let head_len = wire.text().len();
        if head_len > MAX_REQUEST_HEAD_BYTES + MAX_JOINED_BODY_BYTES {
            return Err(PrepareError::TooLong(head_len));
        }
        Ok((wire, body))
    }

    /// Ends the head with the body's length, and joins the body where that is cheap.
    fn http1_body(&self, wire: &mut Template) -> Body {
        let Some(body) = &self.body else {
            // RFC 9110, 8.6: methods that define a meaning for a body say so when they have none.
            let says_zero = matches!(self.method.as_str(), "POST" | "PUT" | "PATCH");
            wire.push_text(if says_zero { b"Content-Length: 0\r\n\r\n" } else { b"\r\n" });
            return Body::Joined;
        };
        wire.push_text(b"Content-Length: ");
        let Some(fixed) = body.fixed() else {
            wire.push_body_length();
            wire.push_text(b"\r\n\r\n");
            return Body::Rendered(body.clone());
        };
        wire.push_text(fixed.len().to_string().as_bytes());
        wire.push_text(b"\r\n\r\n");
        if fixed.len() > MAX_JOINED_BODY_BYTES {
            return Body::Apart(fixed.to_vec());
        }
        wire.push_text(fixed);
        Body::Joined
    }
}

/// The author's headers.
struct Headers {
    list: Vec<(String, Template)>,
    host: Option<Template>,
}

impl Headers {
    fn compile(
        headers: &[(String, String)],
        slots: Slots<'_>,
        options: &mut Options,
    ) -> Result<Self, PrepareError> {
        let mut compiled = Self { list: Vec::new(), host: None };
        for (name, value) in headers {
            let refuse = |reason| PrepareError::Header { name: name.clone(), reason };
            if name.is_empty() || !name.bytes().all(is_token_byte) {
                return Err(refuse("this is not a header name: use letters, digits and `-`"));
            }
            let value = value.trim_matches([' ', '\t']);
            if !value.bytes().all(is_header_value_byte) {
                return Err(refuse("its value holds a control character such as a line break"));
            }
            let mut template = Template::default();
            template.push_parsed(value.as_bytes(), slots, Place::Header)?;
            match name.to_ascii_lowercase().as_str() {
                "host" if compiled.host.is_some() => return Err(refuse("it is given twice")),
                "host" => compiled.host = Some(template),
                "content-length" | "transfer-encoding" => {
                    return Err(refuse("it is set by the engine from the body: leave it out"));
                }
                "connection" if value.eq_ignore_ascii_case("keep-alive") => {}
                "connection" if value.eq_ignore_ascii_case("close") => options.keep_alive = false,
                "connection" | "upgrade" | "http2-settings" => {
                    return Err(refuse(
                        "the engine manages the connection: use the options keep-alive and \
                                       http-version",
                    ));
                }
                _ => compiled.list.push((name.clone(), template)),
            }
        }
        Ok(compiled)
    }

    /// The author's headers, and the usual ones that the author left out.
    fn with_defaults(&self, config: &HttpConfig, options: &Options) -> Vec<(String, Template)> {
        let mut list = self.list.clone();
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() && !list.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                let mut template = Template::default();
                template.push_text(value.as_bytes());
                list.push((name.to_owned(), template));
            }
        };
        add("User-Agent", &config.user_agent);
        add("Accept", "*/*");
        add("Accept-Encoding", if options.decompress { "gzip, deflate, br" } else { "" });
        list
    }
}

fn check_method(method: &str) -> Result<(), PrepareError> {
    if method.is_empty() || !method.bytes().all(is_token_byte) || method == "CONNECT" {
        return Err(PrepareError::Method(method.to_owned()));
    }
    Ok(())
}

fn split_url(url: &str) -> Result<(Origin, &str), PrepareError> {
    Origin::split_url(url).map_err(|error| url_error(url, error))
}

fn url_error(url: &str, error: UrlError) -> PrepareError {
    PrepareError::Url { url: url.to_owned(), error }
}

/// Path and query in origin form; non-ASCII text is percent-encoded as browsers do.
fn compile_path(path: &str, slots: Slots<'_>) -> Result<Result<Template, UrlError>, SecretError> {
    let mut encoded = Vec::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        encoded.push(b'/');
    }
    for character in path.chars() {
        if character.is_ascii() {
            encoded.push(u8::try_from(character).unwrap_or(b'?'));
        } else {
            super::template::percent_encode(character.encode_utf8(&mut [0; 4]).as_bytes(), &mut encoded);
        }
    }
    let mut template = Template::default();
    template.push_parsed(&encoded, slots, Place::Url)?;
    Ok(match template.text().iter().find(|&&b| b <= b' ' || b == 0x7f) {
        Some(&byte) => Err(UrlError::Character(char::from(byte))),
        None => Ok(template),
    })
}

/// Whether RFC 9110 allows the byte in a token.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(spec: RequestSpec<'_>) -> Result<Prepared, PrepareError> {
        let config = HttpConfig { user_agent: "t".into(), ..HttpConfig::default() };
        let options = Options::read(&config, spec.options).unwrap();
        Prepared::compile(&config, Some(&config.secrets), &spec, options)
    }

    fn get(url: &str) -> RequestSpec<'_> {
        RequestSpec { method: "GET", url, headers: &[], body: None, slots: &[], options: &[] }
    }

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|&s| s.to_owned()).collect()
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect()
    }

    #[test]
    fn a_request_without_slots_is_one_byte_string() {
        let prepared = compile(get("http://h:81/a?b#c")).unwrap();
        let (wire, apart) = prepared.fixed().unwrap();
        let expected = "GET /a?b HTTP/1.1\r\nHost: h:81\r\nUser-Agent: t\r\nAccept: */*\r\n\r\n";
        assert_eq!(std::str::from_utf8(wire).unwrap(), expected);
        assert!(apart.is_empty() && prepared.source.is_none());

        let headers = pairs(&[("host", "x"), ("accept", "a/b"), ("X", " 1 "), ("connection", "close")]);
        let spec = RequestSpec { method: "POST", headers: &headers, body: Some(b"hello"), ..get("http://h") };
        let prepared = compile(spec).unwrap();
        let (wire, _) = prepared.fixed().unwrap();
        let expected = "POST / HTTP/1.1\r\nHost: x\r\naccept: a/b\r\nX: 1\r\nUser-Agent: t\r\nConnection: close\r\n\
                        Content-Length: 5\r\n\r\nhello";
        assert_eq!(std::str::from_utf8(wire).unwrap(), expected);
    }

    #[test]
    fn slots_are_filled_everywhere_but_in_the_authority() {
        let slots = strings(&["id", "v"]);
        let headers = pairs(&[("x", "<{{v}}>")]);
        let spec = RequestSpec {
            method: "PUT",
            url: "http://h/{{id}}?q={{v}}&lit={{no}}",
            headers: &headers,
            body: Some(b"{\"v\":\"{{v}}\"}"),
            slots: &slots,
            options: &[],
        };
        let prepared = compile(spec).unwrap();
        assert!(prepared.fixed().is_none());
        let mut out = Vec::new();
        prepared.render(&strings(&["a/b", "ü"]), &mut out).unwrap();
        let expected = "PUT /a%2Fb?q=%C3%BC&lit={{no}} HTTP/1.1\r\nHost: h\r\nx: <ü>\r\nUser-Agent: t\r\n\
                        Accept: */*\r\nContent-Length: 10\r\n\r\n{\"v\":\"ü\"}";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let error = prepared.render(&strings(&["", "a\nb"]), &mut Vec::new()).unwrap_err();
        assert!(error.contains("slot `v`"), "{error}");
        assert!(
            prepared.render(&strings(&["1"]), &mut Vec::new()).unwrap_err().contains("1 values for 2 slots")
        );
    }

    #[test]
    fn a_large_body_is_not_copied() {
        let body = vec![b'x'; MAX_JOINED_BODY_BYTES + 1];
        let prepared = compile(RequestSpec { method: "POST", body: Some(&body), ..get("http://h") }).unwrap();
        let (wire, apart) = prepared.fixed().unwrap();
        assert!(wire.ends_with(b"Content-Length: 16385\r\n\r\n"));
        assert_eq!(apart, body);
        let empty = compile(RequestSpec { method: "POST", ..get("http://h") }).unwrap();
        assert!(empty.fixed().unwrap().0.ends_with(b"Content-Length: 0\r\n\r\n"));
    }

    #[test]
    fn injection_is_refused() {
        for (name, value) in [
            ("a b", "v"),
            ("", "v"),
            ("a:", "v"),
            ("a\r\nb", "v"),
            ("a", "v\r\nb: c"),
            ("a", "v\0"),
            ("Content-Length", "3"),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "upgrade"),
        ] {
            let headers = pairs(&[(name, value)]);
            let error = compile(RequestSpec { headers: &headers, ..get("http://h/") }).unwrap_err();
            assert!(matches!(error, PrepareError::Header { .. }), "{name}: {error}");
        }
        for url in ["http://h/a b", "http://h/\r\nx", "http://h/\u{7f}", "http://h/{{ undeclared }}"] {
            let error = compile(get(url)).unwrap_err();
            assert!(
                matches!(error, PrepareError::Url { error: UrlError::Character(_), .. }),
                "{url}: {error}"
            );
        }
        for method in ["", "G T", "GET\r\n", "CONNECT"] {
            let error = compile(RequestSpec { method, ..get("http://h/") }).unwrap_err();
            assert!(matches!(error, PrepareError::Method(_)), "{error}");
        }
        let long = "x".repeat(MAX_REQUEST_HEAD_BYTES * 2);
        assert!(matches!(compile(get(&format!("http://h/{long}"))), Err(PrepareError::TooLong(_))));
    }
}
