//! Passwords in the URLs of databases that the user writes on the command line or in a config.
//!
//! A plugin needs no password: it is given the URL with a secret in its place, which the host fills in when it connects.
//! So the password stands in no plan, record or report.

use std::fmt;

use serde_json::Value;
use stresshost_io::{Origin, Secret, percent_decode};
use stresshost_plan::PlanInput;

/// How the names of these secrets begin; a number follows.
pub(crate) const PREFIX: &str = "url-password-";

/// A password that was taken out of a URL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct UrlPassword {
    name: String,
    value: String,
    origin: Origin,
}

impl fmt::Debug for UrlPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UrlPassword")
            .field("name", &self.name)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl UrlPassword {
    /// The secret that stands for it: it goes to the URL's own place only.
    pub(crate) fn secret(&self) -> Secret {
        let origin = self.origin.clone();
        Secret::new(self.name.clone(), self.value.clone(), Box::new(move |other| *other == origin))
    }
}

/// Puts secrets in the place of the passwords of URLs.
pub(crate) fn hide(input: &mut PlanInput) -> Vec<UrlPassword> {
    let mut found = Vec::new();
    input.args.iter_mut().for_each(|arg| hide_in(arg, &mut found));
    input.flags.values_mut().for_each(|value| hide_below(value, &mut found));
    hide_below(&mut input.config, &mut found);
    found
}

fn hide_below(value: &mut Value, found: &mut Vec<UrlPassword>) {
    match value {
        Value::String(text) => hide_in(text, found),
        Value::Array(list) => list.iter_mut().for_each(|value| hide_below(value, found)),
        Value::Object(map) => map.values_mut().for_each(|value| hide_below(value, found)),
        _ => {}
    }
}

fn hide_in(text: &mut String, found: &mut Vec<UrlPassword>) {
    let Some((before, password, after)) = split(text) else { return };
    let Ok(origin) = Origin::of_url(text) else { return };
    // Shorter ones cannot be kept out of reports, and another placeholder is no password.
    let Some(value) =
        percent_decode(password).filter(|value| value.len() >= Secret::MIN_BYTES && !value.contains("{{"))
    else {
        return;
    };
    let known = found.iter().find(|other| other.value == value && other.origin == origin);
    let name = known.map_or_else(|| format!("{PREFIX}{}", found.len() + 1), |known| known.name.clone());
    let hidden = format!("{before}{{{{secret:{name}}}}}{after}");
    if known.is_none() {
        found.push(UrlPassword { name, value, origin });
    }
    *text = hidden;
}

/// A URL of a database before, in and after its password.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let schemes = ["postgresql", "postgres", "mysql", "mariadb", "redis", "rediss", "mongodb"];
    if !schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let (credentials, _) = authority.rsplit_once('@')?;
    let (user, password) = credentials.split_once(':')?;
    let start = scheme.len() + "://".len() + user.len() + 1;
    Some((&url[..start], password, &url[start + password.len()..]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn passwords_are_taken_out_of_every_url() {
        let mut input = PlanInput {
            args: vec![
                "postgresql://me:word%40s@h:5433/x?sslmode=disable".to_owned(),
                "mysql://me@h/x".to_owned(),
            ],
            config: json!({ "database": { "url": "postgres://me:word%40s@h:5433/y", "cache": ["redis://:long-word@h"] },
                            "text": "http://me:password@h/" }),
            ..stresshost_plan::PlanInput::default()
        };
        let found = hide(&mut input);
        assert_eq!(input.args[0], "postgresql://me:{{secret:url-password-1}}@h:5433/x?sslmode=disable");
        assert_eq!(input.args[1], "mysql://me@h/x");
        assert_eq!(input.config["database"]["url"], "postgres://me:{{secret:url-password-1}}@h:5433/y");
        assert_eq!(input.config["database"]["cache"][0], "redis://:{{secret:url-password-2}}@h");
        assert_eq!(input.config["text"], "http://me:password@h/");
        let values: Vec<&str> = found.iter().map(|password| password.value.as_str()).collect();
        assert_eq!(values, ["word@s", "long-word"]);
        assert!(!format!("{found:?}").contains("word@s"));
    }

    #[test]
    fn what_is_no_password_is_left_as_it_is() {
        for url in [
            "postgresql://me:{{secret:pw}}@h/x",
            "postgresql://me:abc@h/x",
            "postgresql://me:%zzzzz@h/x",
            "a:b@c",
        ] {
            let mut text = url.to_owned();
            let mut found = Vec::new();
            hide_in(&mut text, &mut found);
            assert_eq!((text.as_str(), found.len()), (url, 0));
        }
    }
}
