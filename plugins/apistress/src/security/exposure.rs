//! Fields of answers that hold what nobody should read.

use stresshost_sdk::serde_json::{self, Value};

use super::stage::{Shown, Stage};
use crate::document::Operation;

/// Names of fields in lower case without separators, and how grave it is to show them.
const FIELDS: [(&str, &str); 26] = [
    ("password", "high"),
    ("passwd", "high"),
    ("pwd", "high"),
    ("passwordhash", "high"),
    ("hashedpassword", "high"),
    ("passwordsalt", "high"),
    ("passworddigest", "high"),
    ("encryptedpassword", "high"),
    ("privatekey", "high"),
    ("secretkey", "high"),
    ("secret", "medium"),
    ("clientsecret", "high"),
    ("totpsecret", "high"),
    ("mfasecret", "high"),
    ("apikey", "medium"),
    ("apisecret", "high"),
    ("tokenhash", "medium"),
    ("resettoken", "high"),
    ("refreshtoken", "medium"),
    ("cvv", "high"),
    ("cvc", "high"),
    ("ssn", "high"),
    ("socialsecuritynumber", "high"),
    ("cardnumber", "high"),
    ("creditcardnumber", "high"),
    ("creditcard", "high"),
];

/// Digits of a card's number that may be shown (PCI DSS 3.4).
const SHOWN_DIGITS: usize = 10;

pub(super) fn applies(operation: &Operation) -> bool {
    operation.method == "GET"
}

pub(super) fn run(stage: &mut Stage<'_, '_>) -> Option<()> {
    let heard = stage.baseline()?;
    stage.tested.inputs += 1;
    let Ok(body) = serde_json::from_str::<Value>(&heard.body) else {
        stage.note("the answer is no JSON: no field was looked at");
        return None;
    };
    if ["openapi", "swagger", "$schema"].iter().any(|key| body.get(key).is_some()) {
        stage.note("the answer describes data, such as by examples, and holds none");
        return None;
    }
    let mut found = Vec::new();
    collect(&body, "", &mut found);
    let case = stage.case();
    let call = stage.call(&case);
    for field in found {
        stage.report(Shown {
            severity: field.severity,
            is_confirmed: true,
            message: format!("The answer holds the field `{}`.", field.name),
            // The value itself would only be exposed once more.
            evidence: format!(
                "status {}, `{}` with a text of {} characters",
                heard.status, field.pointer, field.length
            ),
            remedy: "Name the fields that an answer holds, and leave this one out.",
            call: &call,
        });
    }
    Some(())
}

/// A field that nobody should read.
struct Field {
    name: String,
    /// Where it stands first.
    pointer: String,
    length: usize,
    severity: &'static str,
}

/// Collects fields, each name once.
fn collect(value: &Value, pointer: &str, found: &mut Vec<Field>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                if let Some((length, severity)) = exposed(name, value)
                    && !found.iter().any(|field| field.name == *name)
                {
                    found.push(Field { name: name.clone(), pointer: pointer.clone(), length, severity });
                }
                collect(value, &pointer, found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// Length and graveness of a value that its field gives away; None: it is none, or hidden.
fn exposed(name: &str, value: &Value) -> Option<(usize, &'static str)> {
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let (known, severity) = FIELDS.iter().find(|(known, _)| *known == name)?;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let is_hidden = text.trim().is_empty()
        || text.contains("**")
        || text.contains("••")
        || ["redacted", "hidden", "masked"].iter().any(|word| text.to_ascii_lowercase().contains(word))
        || text.to_ascii_lowercase().starts_with("xxx");
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let is_part_of_card = known.contains("card") && digits <= SHOWN_DIGITS;
    (!is_hidden && !is_part_of_card).then(|| (text.chars().count(), *severity))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_description_of_data_holds_none() {
        let operation = crate::security::testing::get("/openapi.json", &[]);
        let (tested, _) =
            crate::security::testing::probe("data_exposure", operation, |_: &crate::client::Call| {
                crate::client::fake::json(200, r#"{"openapi": "3.1.0", "example": {"password": "abc"}}"#)
            });
        assert_eq!((tested.findings.len(), tested.notes.len()), (0, 1));
    }

    use stresshost_sdk::serde_json::json;

    use crate::client::Call;
    use crate::client::fake::json as answer;
    use crate::security::testing::{get, probe, typed};

    #[test]
    fn secrets_are_found_once_and_not_repeated() {
        let users = json!({ "users": [
            { "id": 1, "password_hash": "$2b$10$abcdefgh", "apiKey": "" },
            { "id": 2, "password_hash": "$2b$10$ijklmnop", "apiKey": "k-12345" },
        ] });
        let (tested, _) =
            probe("excessive_data", get("/users", &[]), |_: &Call| answer(200, &users.to_string()));
        let messages: Vec<&str> = tested.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            messages,
            ["The answer holds the field `password_hash`.", "The answer holds the field `apiKey`."]
        );
        assert!(
            tested.findings[1]
                .evidence
                .starts_with("status 200, `/users/1/apiKey` with a text of 7 characters; curl")
        );
        assert!(tested.findings.iter().all(|finding| !finding.evidence.contains("$2b")));
    }

    #[test]
    fn what_is_hidden_or_harmless_is_no_finding() {
        let user = json!({
            "password": "********", "secret": null, "ssn": "[redacted]", "card_number": "4242", "has_password": true,
            "password_changed_at": "2026-01-01", "pwd": false, "credit_card": "xxxx-4242", "cvv": "",
        });
        let (tested, _) = probe("data_exposure", get("/me", &[]), |_: &Call| answer(200, &user.to_string()));
        assert!(tested.findings.is_empty(), "{:?}", tested.findings);
        let (tested, _) =
            probe("data_exposure", get("/me", &[]), |_: &Call| typed(200, "text/plain", "password=1"));
        assert!(tested.findings.is_empty() && tested.notes.len() == 1);
    }
}
