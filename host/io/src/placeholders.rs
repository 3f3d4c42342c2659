//! Placeholders in bytes: `{{slot}}` for a value that is given when they are sent, `{{secret:NAME}}` for a secret.

use crate::origin::Origin;
use crate::secrets::{SecretError, Secrets};

/// Stands before the name of a secret.
const SECRET: &[u8] = b"secret:";

/// A part of bytes with placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// As it is.
    Text(&'a [u8]),
    /// The value of a slot, by its place among the declared ones.
    Slot(usize),
}

/// The first name that is none, or that is declared twice.
pub(crate) fn wrong_slot(slots: &[String]) -> Option<&String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let mut declared = slots.iter().enumerate();
    let is_wrong = |(index, name): &(usize, &String)| {
        let is_twice = slots.iter().take(*index).any(|other| other == *name);
        name.is_empty() || !name.bytes().all(fits) || is_twice
    };
    declared.find(is_wrong).map(|(_, name)| name)
}

/// The fixed parts and placeholders of bytes that go to `origin`. What looks like a placeholder and names nothing declared
/// is text.
pub(crate) fn parts<'a>(
    bytes: &'a [u8],
    slots: &[String],
    secrets: &'a Secrets,
    origin: &Origin,
) -> Result<Vec<Part<'a>>, SecretError> {
    let mut parts = Vec::new();
    let (mut text, mut rest) = (bytes, bytes);
    while let Some(open) = memchr::memmem::find(rest, b"{{") {
        let from = rest.get(open..).unwrap_or_default();
        let inner = from.get(2..).unwrap_or_default();
        let close = memchr::memmem::find(inner, b"}}");
        let name = close.and_then(|close| inner.get(..close)).unwrap_or_default().trim_ascii();
        let part = match name.strip_prefix(SECRET) {
            Some(name) => Some(Part::Text(secrets.value(name.trim_ascii(), origin)?.as_bytes())),
            None => slots.iter().position(|slot| slot.as_bytes() == name).map(Part::Slot),
        };
        let (Some(part), Some(close)) = (part, close) else {
            // One brace only: in `{{{id}}` the placeholder starts at the second.
            rest = from.get(1..).unwrap_or_default();
            continue;
        };
        let before = text.len() - from.len();
        parts.extend(text.get(..before).filter(|text| !text.is_empty()).map(Part::Text));
        parts.push(part);
        rest = inner.get(close + 2..).unwrap_or_default();
        text = rest;
    }
    parts.extend(Some(text).filter(|text| !text.is_empty()).map(Part::Text));
    Ok(parts)
}

/// The value of a slot.
pub(crate) fn value(values: &[Vec<u8>], slot: usize) -> &[u8] {
    values.get(slot).map(Vec::as_slice).unwrap_or_default()
}
