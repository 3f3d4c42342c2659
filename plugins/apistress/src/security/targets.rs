//! The inputs of an operation that texts can be put into.

use stresshost_sdk::serde_json::Value;

use super::stage::Stage;
use super::words::is_secret;
use crate::case::{Case, Input};
use crate::client::Call;
use crate::document::Place;

/// An input that takes a text or a number.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) input: Input,
    pub(super) label: String,
    /// Rather than a number.
    pub(super) is_text: bool,
    /// What stands for a value where the usual request has none.
    stand_in: String,
}

impl Stage<'_, '_> {
    /// The inputs that take texts and numbers.
    pub(super) fn targets(&mut self) -> Vec<Target> {
        let case = self.case();
        let inputs = case.inputs();
        let mut targets: Vec<Target> = inputs.into_iter().filter_map(|input| target(&case, input)).collect();
        if self.checks_the_owner() {
            let all = targets.len();
            targets.retain(|target| !is_secret(&target.label));
            if targets.len() < all {
                self.note("inputs that hold a secret are left out: wrong ones could lock the account");
            }
        }
        targets
    }

    /// The usual request with a text for an input, in which `{x}` stands for its usual value; and that text.
    pub(super) fn injected(&mut self, target: &Target, template: &str) -> (Call, String) {
        let case = self.case();
        let value = match case.value(&target.input) {
            value if value.is_empty() => target.stand_in.clone(),
            value => value,
        };
        let payload = template.replace("{x}", &value);
        (self.call(&case.with(&target.input, payload.clone())), payload)
    }
}

fn target(case: &Case<'_>, input: Input) -> Option<Target> {
    let (is_text, stand_in) = match &input {
        Input::Parameter(index) => {
            let parameter = case.operation.parameters.get(*index)?;
            let ignored = ["accept", "content-type", "authorization"];
            if parameter.place == Place::Cookie
                || ignored.contains(&parameter.name.to_ascii_lowercase().as_str())
            {
                return None;
            }
            let is_text = takes_text(&parameter.schema, parameter.value.as_ref())?;
            (is_text, stand_in(&parameter.schema, is_text))
        }
        Input::Body(pointer) => match case.body.as_ref()?.pointer(pointer)? {
            Value::String(_) => (true, "a".to_owned()),
            Value::Number(_) => (false, "1".to_owned()),
            _ => return None,
        },
    };
    Some(Target { label: case.label(&input), input, is_text, stand_in })
}

/// Whether a schema takes texts rather than numbers; None: neither.
fn takes_text(schema: &Value, value: Option<&Value>) -> Option<bool> {
    let is = |name: &str| match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(|one| one == name),
        Some(one) => one == name,
        None => false,
    };
    if is("integer") || is("number") {
        return Some(false);
    }
    if is("boolean") || is("object") {
        return None;
    }
    Some(!value.is_some_and(Value::is_number))
}

fn stand_in(schema: &Value, is_text: bool) -> String {
    let given = ["example", "default", "/enum/0"].iter().find_map(|key| match key.starts_with('/') {
        true => schema.pointer(key),
        false => schema.get(*key),
    });
    match given {
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ if is_text => "a".to_owned(),
        _ => "1".to_owned(),
    }
}
