//! Targets and the URLs below them.

use crate::config::template::{Piece, split};

/// Schemes that can be loaded, with their usual port.
const SCHEMES: [(&str, &str); 3] = [("http", ":80"), ("https", ":443"), ("http+unix", "")];

/// An absolute URL in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    /// `scheme://authority`.
    origin: String,
    /// `scheme://host:port`, with the port spelled out.
    pub(crate) target: String,
    /// Path and query; empty or beginning with `/` or `?`.
    pub(crate) path: String,
}

/// Why a text is no URL, and what to do.
pub(crate) type UrlProblem = (String, &'static str);

impl Url {
    /// Reads an absolute URL; its path and query may hold variables.
    pub(crate) fn parse(text: &str) -> Result<Self, UrlProblem> {
        const HINT: &str = "write a URL such as `http://localhost:8080/products`";
        let bad = |text: &str| text.chars().any(|c| c.is_whitespace() || c.is_control());
        if split(text).iter().any(|piece| matches!(piece, Piece::Text(text) if bad(text))) {
            let hint = "write `%20` for a space";
            return Err(("a URL cannot hold spaces or control characters".to_owned(), hint));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err((format!("`{text}` is not an absolute URL"), HINT));
        };
        let scheme = scheme.to_ascii_lowercase();
        let Some((_, port)) = SCHEMES.iter().find(|(known, _)| *known == scheme) else {
            let message = format!("`{scheme}` cannot be loaded, only http, https and http+unix can");
            return Err((message, HINT));
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        check_authority(authority)?;
        let path = path.split('#').next().unwrap_or_default();
        let port = if has_port(authority) { "" } else { port };
        Ok(Self {
            origin: format!("{scheme}://{authority}"),
            target: format!("{scheme}://{authority}{port}"),
            path: path.to_owned(),
        })
    }

    /// Reads the URL of a request: absolute, or below a base.
    pub(crate) fn below(base: Option<&Self>, text: &str) -> Result<Self, UrlProblem> {
        if !text.starts_with(['/', '?']) {
            let relative = !text.contains("://");
            return Self::parse(text).map_err(|(message, hint)| {
                (message, if relative { "begin it with `/` to have it below `target_url`" } else { hint })
            });
        }
        let Some(base) = base else {
            let message = format!("`{text}` needs a `target_url` to be below");
            return Err((message, "give `target_url` in the config or a URL on the command line"));
        };
        let above = base.path.split('?').next().unwrap_or_default().trim_end_matches('/');
        Self::parse(&format!("{}{above}{text}", base.origin))
    }

    /// The URL as it is requested.
    pub(crate) fn text(&self) -> String {
        let slash = if self.path.starts_with('/') { "" } else { "/" };
        format!("{}{slash}{}", self.origin, self.path)
    }

    /// The path without the query, for names.
    pub(crate) fn path_only(&self) -> &str {
        match self.path.split('?').next().unwrap_or_default() {
            "" => "/",
            path => path,
        }
    }
}

fn check_authority(authority: &str) -> Result<(), UrlProblem> {
    if split(authority).iter().any(|piece| matches!(piece, Piece::Variable { .. })) {
        let hint = "write the host out; what is loaded must be known before the run";
        return Err(("a URL's host cannot hold variables".to_owned(), hint));
    }
    if authority.contains('@') {
        let hint = "send an `authorization` header instead";
        return Err(("a URL cannot hold a user name or password".to_owned(), hint));
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if has_port(authority) => {
            if port.parse::<u16>().map_or(true, |port| port == 0) {
                return Err((format!("`{port}` is not a port"), "ports are 1 to 65535"));
            }
            host
        }
        _ => authority,
    };
    if host.is_empty() {
        return Err(("the URL names no host".to_owned(), "write a URL such as `http://localhost:8080/`"));
    }
    Ok(())
}

/// Whether an authority ends in a port; colons within `[::1]` are not one.
fn has_port(authority: &str) -> bool {
    authority.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_a_port_and_requests_keep_their_url() {
        for (text, target, requested) in [
            ("http://a", "http://a:80", "http://a/"),
            ("https://a/x?y=1#z", "https://a:443", "https://a/x?y=1"),
            ("HTTP://a:8080?q", "http://a:8080", "http://a:8080/?q"),
            ("http://[::1]/x", "http://[::1]:80", "http://[::1]/x"),
            ("http://[::1]:81/x", "http://[::1]:81", "http://[::1]:81/x"),
            ("http+unix://%2Frun%2Fa.sock/x", "http+unix://%2Frun%2Fa.sock", "http+unix://%2Frun%2Fa.sock/x"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!((url.target.as_str(), url.text().as_str()), (target, requested), "{text}");
        }
    }

    #[test]
    fn relative_urls_are_below_the_base() {
        let base = Url::parse("http://a/api/?x=1").unwrap();
        for (text, wanted) in [
            ("/products/{{ id }}", "http://a/api/products/{{ id }}"),
            ("?page=2", "http://a/api?page=2"),
            ("https://b/x", "https://b/x"),
        ] {
            assert_eq!(Url::below(Some(&base), text).unwrap().text(), wanted);
        }
        assert!(Url::below(None, "/x").unwrap_err().0.contains("target_url"));
        assert!(Url::below(Some(&base), "products").unwrap_err().1.contains("begin it with `/`"));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in [
            "",
            "localhost:8080",
            "ftp://a/",
            "http://",
            "http:///x",
            "http://a:b/",
            "http://a:0/",
            "http://a:70000/",
            "http://u:p@a/",
            "http://{{host}}/",
            "http://a/b c",
            "http://a/\n",
        ] {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }
}
