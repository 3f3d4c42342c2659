//! What names and paths say of operations and inputs.

use crate::document::Operation;

/// Words of a path that say that credentials are checked or messages sent.
const CREDENTIAL_WORDS: [&str; 10] =
    ["login", "token", "signin", "auth", "authenticate", "password", "forgot", "otp", "reset", "verify"];

/// Segments that end the session of the caller, with which everything else is tested.
const ENDS_SESSIONS: [&str; 5] = ["logout", "signout", "log-out", "sign-out", "revoke"];

/// Words in the name of an input that hold a secret of the caller.
const SECRET_WORDS: [&str; 4] = ["password", "passwd", "pwd", "secret"];

/// Names of such inputs that are part of other words, too.
const SECRET_NAMES: [&str; 3] = ["otp", "code", "pin"];

/// Segments of a path that are no parameters, in lower case.
pub(super) fn segments(path: &str) -> impl Iterator<Item = String> + '_ {
    path.split('/')
        .filter(|segment| !segment.is_empty() && !segment.starts_with('{'))
        .map(str::to_ascii_lowercase)
}

pub(super) fn ends_session(operation: &Operation) -> bool {
    segments(&operation.path).any(|segment| ENDS_SESSIONS.contains(&segment.as_str()))
}

/// Whether an operation looks as if it checks credentials or sends messages.
pub(super) fn checks_credentials(operation: &Operation) -> bool {
    if !matches!(operation.method.as_str(), "POST" | "PUT" | "PATCH") || ends_session(operation) {
        return false;
    }
    segments(&operation.path).any(|segment| {
        let whole = segment.replace(['-', '_', '.'], "");
        segment.split(['-', '_', '.']).chain([whole.as_str()]).any(|word| CREDENTIAL_WORDS.contains(&word))
    }) && segments(&operation.path).all(|segment| !makes_accounts(&segment))
}

fn makes_accounts(segment: &str) -> bool {
    let segment = segment.replace(['-', '_'], "");
    segment.contains("regist") || segment.contains("signup")
}

/// Whether an input's name says that it holds a secret.
pub(super) fn is_secret(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    let mut words = label.split(|c: char| !c.is_ascii_alphanumeric());
    SECRET_WORDS.iter().any(|word| label.contains(word)) || words.any(|word| SECRET_NAMES.contains(&word))
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use super::*;
    use crate::security::testing::body;

    #[test]
    fn paths_and_names_are_read_by_whole_words() {
        for (path, expected) in [
            ("/auth/login", true),
            ("/users/sign-in", true),
            ("/users/{id}/reset_password", true),
            ("/auth/logout", false),
            ("/auth/sign-up", false),
            ("/auth/signup", false),
            ("/authors", false),
            ("/{login}", false),
        ] {
            assert_eq!(checks_credentials(&body(path, json!({}))), expected, "{path}");
        }
        for (label, expected) in [
            ("body field `/newPassword`", true),
            ("body field `/otp`", true),
            ("body field `/user/pin`", true),
            ("body field `/shipping`", false),
            ("body field `/postcode`", false),
        ] {
            assert_eq!(is_secret(label), expected, "{label}");
        }
    }
}
