//! What a registry asks for when it refuses: `WWW-Authenticate`, RFC 9110 section 11.6.1.

/// A way to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password with every request.
    Basic,
    /// A token from a token server: distribution specification, "Token Authentication".
    Bearer {
        /// URL of the token server.
        realm: String,
        /// Who the token is for.
        service: Option<String>,
        /// What the token is for.
        scope: Option<String>,
    },
}

/// The first challenge of a header that is known here.
pub(super) fn parse(header: &str) -> Option<Challenge> {
    let mut rest = header.trim();
    while !rest.is_empty() {
        let (scheme, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let (parameters, after) = parameters(after);
        let get = |name: &str| {
            let found = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Challenge::Bearer {
                realm: get("realm")?,
                service: get("service"),
                scope: get("scope"),
            });
        }
        rest = after;
    }
    None
}

/// `key=value` or `key="value"`, separated by commas, up to what is no parameter: the next scheme.
fn parameters(text: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches([' ', ',']);
    while let Some((key, after)) = rest.split_once('=') {
        // A space within the key: it is the next scheme and its first parameter.
        if key.contains([' ', ',', '"']) {
            break;
        }
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = after.find([',', ' ']).unwrap_or(after.len());
                (after[..end].to_owned(), &after[end..])
            }
        };
        found.push((key.to_owned(), value));
        rest = after.trim_start_matches([' ', ',']);
    }
    (found, rest)
}

/// A quoted string after its first quote, and what follows it.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer {
            realm: realm.into(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        })
    }

    #[test]
    fn challenges_are_parsed() {
        for (header, expected) in [
            ("Basic realm=\"Registry\"", Some(Challenge::Basic)),
            ("basic", Some(Challenge::Basic)),
            (
                "Bearer realm=\"https://auth.example/token\",service=\"reg.example\",scope=\"repository:a/b:pull,push\"",
                bearer("https://auth.example/token", Some("reg.example"), Some("repository:a/b:pull,push")),
            ),
            ("Bearer realm=https://a/t, service=x", bearer("https://a/t", Some("x"), None)),
            ("Negotiate, Basic realm=\"x\"", Some(Challenge::Basic)),
            ("Digest realm=\"a, b\", nonce=\"1\", Bearer realm=\"t\\\"x\"", bearer("t\"x", None, None)),
            ("Bearer service=\"x\"", None),
            ("Digest realm=\"x\"", None),
            ("", None),
        ] {
            assert_eq!(parse(header), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics_or_hangs(header in "(Basic|Bearer|[a-z]*)?[ ,=\"\\\\a-zé]{0,40}|\\PC*") {
            let _parsed = parse(&header);
        }
    }
}
