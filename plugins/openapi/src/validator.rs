//! Holding values against schemas.

use std::fmt;

use serde_json::Value;

use crate::MAX_DEVIATIONS;

/// A schema, ready to hold values against it.
pub struct Validator {
    inner: jsonschema::Validator,
}

/// A schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schema cannot be used: {0}")]
pub struct ValidatorError(String);

/// Where a value is not what its schema says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// JSON pointer into the value.
    pub place: String,
    /// What does not hold, in a sentence.
    pub message: String,
    /// The keyword of the schema that does not hold, such as `required`.
    pub keyword: String,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.place.is_empty() { "/" } else { &self.place };
        write!(f, "{place}: {}", self.message)
    }
}

impl Validator {
    /// Compiles a schema that stands alone, as those of a [`Spec`](crate::Spec) do. Formats are checked.
    ///
    /// # Errors
    /// When it is no JSON Schema 2020-12, such as for a wrong regular expression.
    pub fn new(schema: &Value) -> Result<Self, ValidatorError> {
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        match options.build(schema) {
            Ok(inner) => Ok(Self { inner }),
            Err(error) => Err(ValidatorError(error.to_string())),
        }
    }

    /// Whether a value is what the schema says.
    pub fn is_valid(&self, value: &Value) -> bool {
        self.inner.is_valid(value)
    }

    /// Where it is not, the first few places.
    pub fn deviations(&self, value: &Value) -> Vec<Deviation> {
        let deviation = |error: jsonschema::ValidationError<'_>| Deviation {
            place: error.instance_path().to_string(),
            keyword: error.schema_path().to_string().rsplit('/').next().unwrap_or_default().to_owned(),
            message: error.masked().to_string(),
        };
        self.inner.iter_errors(value).take(MAX_DEVIATIONS).map(deviation).collect()
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validator").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_held_against_schemas() {
        let schema = json!({ "type": "object", "required": ["id"], "properties": {
            "id": { "type": "integer" }, "at": { "type": "string", "format": "date-time" } } });
        let validator = Validator::new(&schema).unwrap();
        assert!(validator.is_valid(&json!({ "id": 1, "at": "2026-01-02T03:04:05Z" })));
        let told = |value: Value| {
            let deviations = validator.deviations(&value);
            assert_eq!(deviations.is_empty(), validator.is_valid(&value));
            deviations.into_iter().map(|one| (one.place, one.keyword)).collect::<Vec<_>>()
        };
        let pair = |place: &str, keyword: &str| (place.to_owned(), keyword.to_owned());
        assert_eq!(told(json!({})), [pair("", "required")]);
        assert_eq!(told(json!({ "id": "secret value" })), [pair("/id", "type")]);
        assert_eq!(told(json!({ "id": 1, "at": "yesterday" })), [pair("/at", "format")]);
        let shown = validator.deviations(&json!({ "id": "secret value" }))[0].to_string();
        assert!(shown.starts_with("/id: ") && !shown.contains("secret"), "values are not repeated: {shown}");
    }

    #[test]
    fn many_deviations_are_cut() {
        let validator = Validator::new(&json!({ "items": { "type": "integer" } })).unwrap();
        assert_eq!(validator.deviations(&json!(vec!["x"; 1_000])).len(), MAX_DEVIATIONS);
    }

    #[test]
    fn a_schema_that_is_none_is_refused() {
        for schema in [json!({ "type": "text" }), json!({ "pattern": "(" }), json!({ "minimum": "1" })] {
            assert!(Validator::new(&schema).is_err(), "{schema}");
        }
    }
}
