//! Where the parts of a value come from: a tree of the same shape as the value.

use serde_json::Value;

use super::Position;

/// Where a part comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The document's text.
    Source(Position),
    /// The `--set` argument of this number.
    Override(u32),
}

/// The origin of one value. `children` has one mark for each entry or item of the value, in the value's order.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// The key of a map entry; the value itself elsewhere.
    pub(super) entry: Place,
    /// The value itself; the key where the value is empty.
    pub(super) value: Place,
    /// Whether it is a scalar without quotes.
    pub(super) plain: bool,
    pub(super) children: Vec<Self>,
}

impl Mark {
    pub(super) fn scalar(place: Place, plain: bool) -> Self {
        Self { entry: place, value: place, plain, children: Vec::new() }
    }

    /// Marks for a whole value that comes from one place.
    pub(super) fn uniform(value: &Value, place: Place, plain: bool) -> Self {
        let children = match value {
            Value::Array(items) => items.iter().map(|item| Self::uniform(item, place, plain)).collect(),
            Value::Object(map) => map.values().map(|item| Self::uniform(item, place, plain)).collect(),
            _ => Vec::new(),
        };
        Self { children, ..Self::scalar(place, plain) }
    }

    /// The mark and value at `pointer`, or at its nearest ancestor that exists. `None` when it is no JSON pointer.
    pub(super) fn find<'a>(&'a self, value: &'a Value, pointer: &str) -> Option<(&'a Self, &'a Value)> {
        let (mut mark, mut value) = (self, value);
        if pointer.is_empty() {
            return Some((mark, value));
        }
        for token in pointer.strip_prefix('/')?.split('/') {
            let token = token.replace("~1", "/").replace("~0", "~");
            let child = match value {
                Value::Object(map) => map.iter().zip(&mark.children).find(|((key, _), _)| **key == token),
                Value::Array(items) => {
                    let index = token.parse::<usize>().ok();
                    let item = index.and_then(|index| Some((items.get(index)?, mark.children.get(index)?)));
                    (value, mark) = match item {
                        Some(item) => item,
                        None => break,
                    };
                    continue;
                }
                _ => None,
            };
            let Some(((_, next), next_mark)) = child else { break };
            (value, mark) = (next, next_mark);
        }
        Some((mark, value))
    }
}

/// `pointer` with one more token.
pub(crate) fn push_token(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", token.replace('~', "~0").replace('/', "~1"))
}
