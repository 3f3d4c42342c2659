//! Sets of JSON types.

use std::fmt;
use std::ops::{BitAnd, BitOr, Sub};

use serde_json::Value;

/// A set of types. Numbers are two: whole ones and the others, so that `integer` is a part of `number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const NULL: Self = Self(1);
    pub(crate) const BOOLEAN: Self = Self(2);
    pub(crate) const OBJECT: Self = Self(4);
    pub(crate) const ARRAY: Self = Self(8);
    pub(crate) const INTEGER: Self = Self(16);
    pub(crate) const FRACTION: Self = Self(32);
    pub(crate) const STRING: Self = Self(64);
    pub(crate) const NUMBER: Self = Self(16 | 32);
    pub(crate) const ALL: Self = Self(127);

    /// The types that a `type` keyword names; of names that are none, nothing.
    pub(crate) fn named(keyword: &Value) -> Self {
        let one = |name: &Value| match name.as_str() {
            Some("null") => Self::NULL,
            Some("boolean") => Self::BOOLEAN,
            Some("object") => Self::OBJECT,
            Some("array") => Self::ARRAY,
            Some("integer") => Self::INTEGER,
            Some("number") => Self::NUMBER,
            Some("string") => Self::STRING,
            _ => Self::NONE,
        };
        match keyword {
            Value::Array(names) => names.iter().map(one).fold(Self::NONE, |all, kind| all | kind),
            name => one(name),
        }
    }

    /// The type of a value.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Object(_) => Self::OBJECT,
            Value::Array(_) => Self::ARRAY,
            Value::String(_) => Self::STRING,
            Value::Number(number) if number.is_f64() => {
                let is_whole = number.as_f64().is_some_and(|number| number.fract() == 0.0);
                if is_whole { Self::INTEGER } else { Self::FRACTION }
            }
            Value::Number(_) => Self::INTEGER,
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every type of the other is in this set.
    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitAnd for Kinds {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Sub for Kinds {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self | Self::NULL == Self::ALL {
            return f.write_str("anything");
        }
        let names = [
            (Self::OBJECT, "object"),
            (Self::ARRAY, "array"),
            (Self::STRING, "string"),
            (Self::NUMBER, "number"),
            (Self::BOOLEAN, "boolean"),
            (Self::NULL, "null"),
        ];
        let mut told: Vec<&str> =
            names.into_iter().filter(|(kind, _)| self.has(*kind)).map(|(_, name)| name).collect();
        if self.has(Self::INTEGER) && !self.has(Self::FRACTION) {
            told.push("integer");
        }
        if self.has(Self::FRACTION) && !self.has(Self::INTEGER) {
            told.push("fraction");
        }
        if told.is_empty() {
            return f.write_str("nothing");
        }
        f.write_str(&told.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_whole_number_is_a_number() {
        let (integer, number) = (Kinds::named(&json!("integer")), Kinds::named(&json!("number")));
        assert!(number.has(integer) && !integer.has(number));
        assert_eq!(Kinds::of(&json!(1.0)), integer);
        assert!(number.overlaps(Kinds::of(&json!(1.5))));
        assert_eq!((number - integer).to_string(), "fraction");
    }

    #[test]
    fn sets_are_told_in_words() {
        for (kinds, told) in [
            (Kinds::named(&json!(["null", "string"])), "string or null"),
            (Kinds::ALL, "anything"),
            (Kinds::ALL - Kinds::NULL, "anything"),
            (Kinds::named(&json!("integer")), "integer"),
            (Kinds::named(&json!(["integer", "number"])), "number"),
            (Kinds::named(&json!("text")), "nothing"),
        ] {
            assert_eq!(kinds.to_string(), told);
        }
    }
}
