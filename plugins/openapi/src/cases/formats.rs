//! Texts of the formats that JSON Schema knows.

/// A format, texts that it allows, and texts that it does not.
type Format = (&'static str, &'static [&'static str], &'static [&'static str]);

const FORMATS: [Format; 16] = [
    (
        "date-time",
        &["2026-01-02T03:04:05Z", "2024-02-29T23:59:59.999+14:00", "1970-01-01T00:00:00Z"],
        &["2026-13-01T00:00:00Z", "2026-01-02 03:04", "2026-01-02"],
    ),
    ("date", &["2026-01-02", "2024-02-29", "1970-01-01"], &["2026-02-30", "02/01/2026", "2026-1-2"]),
    ("time", &["03:04:05Z", "23:59:59.5+01:00"], &["25:00:00Z", "3 pm"]),
    ("duration", &["P1D", "PT0S", "P1Y2M3DT4H5M6S"], &["1 day", "P"]),
    ("email", &["user@example.com", "first.last+tag@sub.example.com"], &["user", "user@", "@example.com"]),
    ("idn-email", &["user@example.com"], &[]),
    ("hostname", &["example.com", "localhost", "a-1.example"], &["-a.example", "a b", "example..com"]),
    ("ipv4", &["192.0.2.1", "0.0.0.0", "255.255.255.255"], &["256.0.0.1", "1.2.3", "192.0.2.01"]),
    ("ipv6", &["2001:db8::1", "::", "::ffff:192.0.2.1"], &["2001:db8::g", "1::2::3", "12345::"]),
    ("uri", &["https://example.com/", "urn:isbn:0451450523"], &["example.com", "http://a b", "//"]),
    ("uri-reference", &["/a/b?c=d#e", "https://example.com/"], &["http://a b", "\\\\a"]),
    (
        "uuid",
        &["6ba7b810-9dad-41d1-80b4-00c04fd430c8", "00000000-0000-0000-0000-000000000000"],
        &["6ba7b810-9dad-41d1-80b4-00c04fd430c", "6ba7b810-9dad-41d1-80b4-00c04fd430cg", "1"],
    ),
    ("uri-template", &["/a/{b}"], &["/a/{b"]),
    ("json-pointer", &["/a/0", ""], &["a/0", "/~2"]),
    ("regex", &["^a+$"], &["("]),
    ("byte", &["dGV4dA==", ""], &[]),
];

fn find(format: &str) -> Option<&'static Format> {
    let known = match format {
        "iri" => "uri",
        "iri-reference" => "uri-reference",
        "idn-hostname" => "hostname",
        other => other,
    };
    FORMATS.iter().find(|(name, ..)| *name == known)
}

/// Texts of a format; none when it is not known.
pub(super) fn allowed(format: &str) -> &'static [&'static str] {
    find(format).map_or(&[], |(_, allowed, _)| allowed)
}

/// Texts that are just not of a format.
pub(super) fn broken(format: &str) -> &'static [&'static str] {
    find(format).map_or(&[], |(.., broken)| broken)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Validator;

    #[test]
    fn the_validator_agrees_on_every_text() {
        for (format, allowed, broken) in FORMATS {
            let validator = Validator::new(&json!({ "format": format })).unwrap();
            for text in allowed {
                assert!(validator.is_valid(&json!(text)), "{format}: {text}");
            }
            for text in broken {
                assert!(!validator.is_valid(&json!(text)), "{format}: {text}");
            }
        }
    }
}
