//! What shows whose an object is.

use stresshost_sdk::serde_json::{self, Value};

use crate::client::{Call, Heard};
use crate::document::Variables;

/// Shortest text that is taken for a sign of its owner wherever it stands.
const MIN_SIGN: usize = 5;

/// Parts of the names of fields that say whose an object is.
const OWNERS: [&str; 6] = ["user", "owner", "account", "customer", "author", "createdby"];

/// What shows that an answer is about the owner's object.
pub(super) fn found(
    owner: &Variables,
    other: &Variables,
    heard: &Heard,
    own: &Heard,
    call: &Call,
) -> Option<String> {
    if !heard.succeeded() {
        return None;
    }
    let known = ["username", "email", "unique"];
    let sent = format!("{} {}", call.target, call.body.as_deref().unwrap_or_default());
    for name in known {
        let Some(text) = owner.get(name).filter(|text| text.len() >= MIN_SIGN) else {
            continue;
        };
        // A name may be the beginning of the other's.
        let is_others = known.iter().any(|name| other.get(name).is_some_and(|own| own.contains(text)));
        if heard.body.contains(text) && !sent.contains(text) && !is_others {
            return Some(format!("the owner's `{text}` in it"));
        }
    }
    if let (Some(id), Ok(body)) = (owner.get("user_id"), serde_json::from_str::<Value>(&heard.body))
        && belongs_to(&body, id)
    {
        return Some(format!("the owner's number {id} in it"));
    }
    let is_same = !own.body.trim().is_empty() && heard.body.trim() == own.body.trim();
    is_same.then(|| "the same body as the owner gets".to_owned())
}

/// Whether a field that says whose something is holds a number.
fn belongs_to(value: &Value, id: &str) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| {
            let key = key.to_ascii_lowercase().replace('_', "");
            (OWNERS.iter().any(|owner| key.contains(owner))
                && is_scalar(value)
                && crate::case::text(value) == id)
                || belongs_to(value, id)
        }),
        Value::Array(items) => items.iter().any(|value| belongs_to(value, id)),
        _ => false,
    }
}

const fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_))
}

/// A number or name of the same form that no object has.
pub(super) fn made_up(id: &str) -> String {
    if !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()) {
        return "987654321".to_owned();
    }
    let turned = |c: char| match c {
        '0'..='8' | 'a'..='e' => char::from_u32(c as u32 + 1).unwrap_or(c),
        '9' => '0',
        'f' => 'a',
        other => other,
    };
    let turned: String = id.chars().map(turned).collect();
    if turned == id { format!("{id}0") } else { turned }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::fake::json as answer;
    use crate::document::Workload;
    use crate::identity::Identity;

    #[test]
    fn signs_are_those_of_the_owner_alone() {
        let (mut owner, other) = (
            Identity::named(&Workload::default(), "user-1"),
            Identity::named(&Workload::default(), "user-12"),
        );
        owner.variables.set("user_id", "41");
        let own = answer(200, "{\"id\":7}");
        let call = Call { target: "/orders/7".into(), ..Call::default() };
        let sign = |status: u16, body: &str| {
            found(&owner.variables, &other.variables, &answer(status, body), &own, &call)
        };
        for (body, expected) in [
            (r#"{"email":"user-1@example.com"}"#, true),
            (r#"{"by":"user-12"}"#, false),
            (r#"{"owner_id":41}"#, true),
            (r#"[{"createdBy":"41"}]"#, true),
            (r#"{"owner_id":410,"count":41}"#, false),
            (r#"{"id":7}"#, true),
            ("", false),
        ] {
            assert_eq!(sign(200, body).is_some(), expected, "{body}");
            assert_eq!(sign(403, body), None);
        }
    }

    #[test]
    fn numbers_are_made_up_in_the_same_form() {
        for (id, expected) in [("7", "987654321"), ("0f-9a", "1a-0b"), ("zz", "zz0"), ("", "0")] {
            assert_eq!(made_up(id), expected);
        }
    }
}
