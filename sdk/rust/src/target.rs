//! What targets of every protocol have in common.

/// Options as the contract takes them.
pub(crate) fn pairs(list: &[(String, String)]) -> Vec<(&str, &str)> {
    list.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// A URL as messages show it: a password is nobody's to read.
pub(crate) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    // A password may hold a `/` or an `@` that nobody encoded: rather too much is left out than too little.
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_left_out() {
        for (url, shown) in [
            ("redis://h:1/0", "redis://h:1/0"),
            ("redis://user:secret@h:1/0", "redis://h:1/0"),
            ("redis://:a@b@h", "redis://h"),
            ("redis://:a/b@h/0", "redis://h/0"),
            ("sqlite:a@b.db", "sqlite:a@b.db"),
        ] {
            assert_eq!(without_credentials(url), shown, "{url}");
        }
    }
}
