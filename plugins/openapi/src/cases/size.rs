//! How simple a value is.

use serde_json::Value;

/// Digits beyond which numbers count as equally large, so that sums stay exact.
const LARGEST: f64 = 1e30;

/// The size of a value: its parts, then its texts, then its numbers. Each is a natural number, so that no value can become
/// smaller for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Size {
    parts: u64,
    texts: u64,
    numbers: u128,
}

impl Size {
    pub(super) fn of(value: &Value) -> Self {
        let mut size = Self::default();
        size.add(value);
        size
    }

    fn add(&mut self, value: &Value) {
        self.parts += 1;
        match value {
            Value::Null | Value::Bool(false) => {}
            Value::Bool(true) => self.numbers = self.numbers.saturating_add(1),
            Value::String(text) => self.texts += text.chars().map(weight).sum::<u64>(),
            Value::Number(number) => {
                let float = number.as_f64().unwrap_or_default();
                let exact = number.as_i64().map(|whole| u128::from(whole.unsigned_abs()));
                let whole = exact.or(number.as_u64().map(u128::from));
                let whole = whole.unwrap_or_else(|| float.abs().min(LARGEST) as u128);
                let signs = 2 * u128::from(float.fract() != 0.0) + u128::from(float < 0.0);
                self.numbers = self.numbers.saturating_add(whole.saturating_mul(4) + signs);
            }
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(map) => map.values().for_each(|item| self.add(item)),
        }
    }
}

/// Plain letters and digits are simpler than what may be escaped.
fn weight(character: char) -> u64 {
    if character.is_ascii_alphanumeric() { 1 } else { 2 }
}
