//! Whether two answers are alike, as far as a test can tell.

use stresshost_sdk::serde_json::{self, Value};

use crate::case::encoded;
use crate::client::Heard;

/// Items of a list whose form is kept: further ones are of the same forms.
const MAX_ITEMS: usize = 50;

/// Bytes of a form: a longer one says no more.
const MAX_FORM: usize = 16_384;

/// Bytes by which bodies of the same kind differ: numbers and times in them have more or fewer digits.
const SLACK: usize = 4;

/// What of an answer stays the same while nothing changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) status: u16,
    /// Names, types and truth values of JSON, without texts and numbers.
    form: String,
    /// Items of all lists.
    items: usize,
    /// Length of the body as it is, and without the text that was sent.
    lengths: [usize; 2],
}

impl Shape {
    pub(super) fn of(heard: &Heard, sent: &str) -> Self {
        let (mut form, mut items) = (String::new(), 0);
        if let Ok(value) = serde_json::from_str::<Value>(&heard.body) {
            describe(&value, &mut form, &mut items);
        }
        Self {
            status: heard.status,
            form,
            items,
            lengths: [heard.body.len(), without(&heard.body, sent).len()],
        }
    }

    pub(super) fn is_like(&self, other: &Self) -> bool {
        let close = |a: usize, b: usize| a.abs_diff(b) <= SLACK + a.max(b) / 100;
        let lengths = self.lengths.iter().flat_map(|a| other.lengths.iter().map(move |b| (*a, *b)));
        self.status == other.status
            && self.form == other.form
            && lengths.into_iter().any(|(a, b)| close(a, b))
    }

    /// What reports say of it.
    pub(super) fn told(&self) -> String {
        format!("status {}, {} bytes, {} items", self.status, self.lengths[0], self.items)
    }

    /// Whether there is more in this answer: items, or a success in the place of none.
    pub(super) fn has_more_than(&self, other: &Self) -> bool {
        let succeeded = |status: u16| (200..300).contains(&status);
        succeeded(self.status) && (self.items > other.items || !succeeded(other.status))
    }
}

fn describe(value: &Value, form: &mut String, items: &mut usize) {
    if form.len() > MAX_FORM {
        return;
    }
    match value {
        Value::Null => form.push('0'),
        Value::Bool(true) => form.push('t'),
        Value::Bool(false) => form.push('f'),
        Value::Number(_) => form.push('n'),
        Value::String(_) => form.push('s'),
        Value::Array(list) => {
            *items += list.len();
            form.push_str(&format!("[{}", list.len()));
            list.iter().take(MAX_ITEMS).for_each(|value| describe(value, form, items));
            form.push(']');
        }
        Value::Object(map) => {
            form.push('{');
            for (key, value) in map {
                form.push_str(key);
                form.push(':');
                describe(value, form, items);
            }
            form.push('}');
        }
    }
}

/// A body without a text, in the forms in which servers repeat it.
fn without(body: &str, text: &str) -> String {
    if text.is_empty() {
        return body.to_owned();
    }
    let json = Value::String(text.to_owned()).to_string();
    let json = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned();
    let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let quotes = ["&#39;", "&#x27;", "&#039;", "&apos;"].map(|quote| html.replace('\'', quote));
    let mut forms: Vec<String> =
        vec![text.to_owned(), json, encoded(text), encoded(text).replace("%20", "+")];
    forms.extend(quotes);
    forms.push(html);
    forms.iter().fold(body.to_owned(), |body, form| body.replace(form.as_str(), ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::fake::json;

    #[test]
    fn answers_are_compared_by_what_stays_the_same() {
        let shape = |body: &str, sent: &str| Shape::of(&json(200, body), sent);
        for (a, b, alike) in [
            (r#"[{"id": 1}]"#, r#"[{"id": 20}]"#, true),
            (r#"[{"id": 1}]"#, "[]", false),
            (r#"{"known": true}"#, r#"{"known": false}"#, false),
            ("welcome", "no such user", false),
            ("at 12:00:01.5", "at 12:00:01.51", true),
        ] {
            assert_eq!(shape(a, "").is_like(&shape(b, "")), alike, "{a} {b}");
        }
        let long = "' OR 'something'='something";
        for reflected in
            ["none for ' OR 'something'='something", "none for &#39; OR &#39;something&#39;=&#39;something"]
        {
            assert!(shape("none for ", "x").is_like(&shape(reflected, long)), "{reflected}");
        }
        assert!(!Shape::of(&json(404, "[]"), "").is_like(&shape("[]", "")));
        assert!(shape("[1,2]", "").has_more_than(&shape("[1]", "")));
        assert!(!shape("[1]", "").has_more_than(&shape("[1]", "")));
    }
}
