//! Where a redirect leads, and what is sent there (RFC 9110, 15.4).

use std::sync::Arc;

use stresshost_metrics::ErrorKind;

use super::options::Options;
use super::prepared::{Prepared, RequestSpec, Source};
use super::response::Response;
use super::shared::HttpShared;
use super::template::{Template, percent_encode};
use crate::failure::Failure;
use crate::origin::{Origin, Scheme};

/// Headers that are not sent to another origin: they were meant for the first one.
const ORIGIN_BOUND: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// The request that follows `response`; `None` when it is no redirect.
pub(crate) fn follow(
    shared: &HttpShared,
    request: &Prepared,
    values: &[String],
    response: &Response,
) -> Result<Option<Arc<Prepared>>, Failure> {
    let status = response.status();
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let failed = |text: String| Failure::new(ErrorKind::Redirect, text);
    let Some(source) = request.source.as_deref() else { return Ok(None) };
    let Some(location) = response.header("location") else {
        return Err(failed(format!("status {status} without a location")));
    };
    let path = render(&source.path, values)?;
    let url = resolve(&request.origin, &path, location);
    let (target, _) =
        Origin::split_url(&url).map_err(|error| failed(format!("location `{url}`: {error}")))?;
    let same_origin = target == *request.origin;
    let to_get = status == 303 || (matches!(status, 301 | 302) && source.method == "POST");
    let to_get = to_get && source.method != "HEAD";
    let headers = headers(source, values, (same_origin, &target), to_get)?;
    let body = match &source.body {
        Some(body) if !to_get => {
            keep_secret(body, same_origin, &target)?;
            Some(render_bytes(body, values)?)
        }
        _ => None,
    };
    let spec = RequestSpec {
        method: if to_get { "GET" } else { &source.method },
        url: &url,
        headers: &headers,
        body: body.as_deref(),
        slots: &[],
        options: &[],
    };
    let options: Options = request.options.clone();
    let version = options.version;
    let hop = Prepared::compile(shared.config(), None, &spec, options);
    let mut hop = hop.map_err(|error| failed(format!("location `{url}`: {error}")))?;
    mark_secrets(source, &mut hop);
    shared.warm_up(&hop.origin, version).map_err(|error| Failure::new(ErrorKind::Tls, error.to_string()))?;
    Ok(Some(Arc::new(hop)))
}

fn headers(
    source: &Source,
    values: &[String],
    (same_origin, target): (bool, &Origin),
    to_get: bool,
) -> Result<Vec<(String, String)>, Failure> {
    let mut headers = Vec::with_capacity(source.headers.len() + 1);
    for (name, value) in &source.headers {
        let lower = name.to_ascii_lowercase();
        let origin_bound = !same_origin && ORIGIN_BOUND.contains(&lower.as_str());
        let body_bound = to_get && lower.starts_with("content-");
        if !origin_bound && !body_bound {
            keep_secret(value, same_origin, target)?;
            headers.push((name.clone(), render(value, values)?));
        }
    }
    if let (true, Some(host)) = (same_origin, &source.host) {
        headers.push(("Host".to_owned(), render(host, values)?));
    }
    Ok(headers)
}

/// Refuses to carry a secret to another origin, whose name a server chose.
fn keep_secret(part: &Template, same_origin: bool, target: &Origin) -> Result<(), Failure> {
    if same_origin || !part.has_secret() {
        return Ok(());
    }
    let text = format!("a redirect to {target} would carry a secret there");
    Err(Failure::new(ErrorKind::Denied, text))
}

/// The parts of the next request are plain text; those that came of secrets are said to be.
fn mark_secrets(source: &Source, hop: &mut Prepared) {
    let Some(next) = hop.source.as_deref_mut() else { return };
    for (name, value) in &mut next.headers {
        if source.headers.iter().any(|(other, template)| other == name && template.has_secret()) {
            value.mark_secret();
        }
    }
    if let Some(body) = &mut next.body
        && source.body.as_ref().is_some_and(Template::has_secret)
    {
        body.mark_secret();
    }
}

fn render_bytes(template: &Template, values: &[String]) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    let rendered = template.render(values, 0, &mut out);
    rendered.map_err(|bad| Failure::new(ErrorKind::Invalid, format!("a value {}", bad.reason)))?;
    Ok(out)
}

fn render(template: &Template, values: &[String]) -> Result<String, Failure> {
    let text = String::from_utf8(render_bytes(template, values)?);
    text.map_err(|_| Failure::new(ErrorKind::Invalid, "a header or URL is not text"))
}

/// The absolute URL of a location (RFC 3986, 5.2).
fn resolve(base: &Origin, base_path: &str, location: &[u8]) -> String {
    let location = clean(location);
    let location = location.split('#').next().unwrap_or_default();
    if has_scheme(location) {
        return location.to_owned();
    }
    if let Some(rest) = location.strip_prefix("//") {
        let scheme = if base.scheme == Scheme::Https { "https" } else { "http" };
        return format!("{scheme}://{rest}");
    }
    let path_only = base_path.split('?').next().unwrap_or_default();
    let reference = if location.is_empty() {
        base_path.to_owned()
    } else if location.starts_with('?') {
        format!("{path_only}{location}")
    } else if location.starts_with('/') {
        location.to_owned()
    } else {
        let folder = path_only.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{location}")
    };
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference.as_str(), None),
    };
    let path = remove_dot_segments(path);
    match query {
        Some(query) => format!("{base}{path}?{query}"),
        None => format!("{base}{path}"),
    }
}

/// Servers send spaces and non-ASCII text raw; encode them as browsers do.
fn clean(location: &[u8]) -> String {
    let mut cleaned = Vec::with_capacity(location.len());
    for byte in location.trim_ascii() {
        if byte.is_ascii_graphic() {
            cleaned.push(*byte);
        } else {
            percent_encode(&[*byte], &mut cleaned);
        }
    }
    String::from_utf8(cleaned).unwrap_or_default()
}

fn has_scheme(location: &str) -> bool {
    let scheme = location.split([':', '/', '?']).next().unwrap_or_default();
    let is_scheme = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    is_scheme
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && location[scheme.len()..].starts_with(':')
}

fn remove_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn resolved(base: &str, location: &str) -> String {
        let (origin, path) = Origin::split_url(base).unwrap();
        resolve(&origin, path, location.as_bytes())
    }

    #[test]
    fn resolves_as_the_rfc_says() {
        let base = "http://a/b/c/d?q";
        for (location, url) in [
            ("http://x/y", "http://x/y"),
            ("HTTPS://x/y", "HTTPS://x/y"),
            ("mailto:a@b", "mailto:a@b"),
            ("//g", "http://g"),
            ("/g", "http://a/g"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("g?y", "http://a/b/c/g?y"),
            ("?y", "http://a/b/c/d?y"),
            ("", "http://a/b/c/d?q"),
            ("#s", "http://a/b/c/d?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../../g", "http://a/g"),
            ("/./g/../h", "http://a/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("/a:b", "http://a/a:b"),
            (" /ü b ", "http://a/%C3%BC%20b"),
        ] {
            assert_eq!(resolved(base, location), url, "{location:?}");
        }
        assert_eq!(resolved("https://a:444/x", "//g/y"), "https://g/y");
        assert_eq!(resolved("http+unix://%2Fs/x", "y"), "http+unix://%2Fs/y");
    }

    proptest! {
        #[test]
        fn never_panics_nor_breaks_lines(location: Vec<u8>) {
            let (origin, _) = Origin::split_url("http://a/").unwrap();
            let url = resolve(&origin, "/b", &location);
            prop_assert!(url.bytes().all(|b| b > b' ' && b < 0x7f));
        }
    }
}
