//! Texts that a regular expression matches.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::{MAX_CASE_TEXT, MAX_PATTERN_REPEAT};

/// A regular expression of a schema. Those of ECMA-262 that are no regular language, such as with look-ahead, are none.
pub(super) struct Pattern(Hir);

impl Pattern {
    pub(super) fn new(pattern: &str) -> Option<Self> {
        ParserBuilder::new().build().parse(pattern).ok().map(Self)
    }

    /// A drawn text; what may be repeated is repeated at least `least` times where that is allowed. None when it would
    /// be too long.
    pub(super) fn text(&self, least: u32, draw: &mut dyn FnMut(u64) -> u64) -> Option<String> {
        let mut out = String::new();
        write(&self.0, least, draw, &mut out)?;
        Some(out)
    }
}

fn write(hir: &Hir, least: u32, draw: &mut dyn FnMut(u64) -> u64, out: &mut String) -> Option<()> {
    if out.len() > MAX_CASE_TEXT {
        return None;
    }
    match hir.kind() {
        // What an assertion asks of its neighbours is checked later.
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => out.push(character(class, draw)?),
        HirKind::Capture(capture) => write(&capture.sub, least, draw, out)?,
        HirKind::Concat(parts) => {
            for part in parts {
                write(part, least, draw, out)?;
            }
        }
        HirKind::Alternation(branches) => {
            let index = usize::try_from(draw(u64::try_from(branches.len()).ok()?)).ok()?;
            write(branches.get(index)?, least, draw, out)?;
        }
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            let from = repetition.min.max(least).min(most);
            // With a length in mind there is nothing to draw.
            let spare = if least > 0 { 0 } else { (most - from).min(MAX_PATTERN_REPEAT) };
            let times = from.saturating_add(u32::try_from(draw(u64::from(spare) + 1)).ok()?);
            for _ in 0..times {
                let before = out.len();
                write(&repetition.sub, least, draw, out)?;
                if out.len() == before {
                    break;
                }
            }
        }
    }
    Some(())
}

/// A drawn character of a class: a printable one of ASCII where there is one.
fn character(class: &Class, draw: &mut dyn FnMut(u64) -> u64) -> Option<char> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
        Class::Bytes(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
    };
    let within = |low: u32, high: u32| -> Vec<(u32, u32)> {
        let cut = ranges.iter().map(|(from, to)| (*from.max(&low), *to.min(&high)));
        cut.filter(|(from, to)| from <= to).collect()
    };
    let mut choices = within(0x21, 0x7e);
    if choices.is_empty() {
        choices = within(0x20, u32::MAX);
    }
    if choices.is_empty() {
        choices = ranges;
    }
    let total: u64 = choices.iter().map(|(from, to)| u64::from(to - from) + 1).sum();
    let mut index = if total == 0 { return None } else { draw(total) };
    for (from, to) in choices {
        let width = u64::from(to - from) + 1;
        if index < width {
            return char::from_u32(from + u32::try_from(index).ok()?);
        }
        index -= width;
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Validator;

    #[test]
    fn texts_match_their_pattern() {
        let mut state = 1_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for pattern in [
            "^[a-z]{3,5}$",
            "^(cus|pm)_[A-Za-z0-9]{8}$",
            r"^\d{4}-\d{2}$",
            "^a*b+c?$",
            r"^[^\s/]+\/[^\s/]+$",
            r"^\p{Lu}\w*$",
            "x",
            "",
            "^(a|b|cd)*$",
        ] {
            let validator = Validator::new(&json!({ "pattern": pattern })).unwrap();
            for least in [0, 1, 7] {
                let text = Pattern::new(pattern).unwrap().text(least, &mut draw).unwrap();
                assert!(validator.is_valid(&json!(text)), "{pattern}: {text}");
            }
        }
        assert!(Pattern::new("^(?=a)a$").is_none());
        assert_eq!(Pattern::new("((a{100}){100}){100}").unwrap().text(0, &mut draw), None);
        assert_eq!(Pattern::new("^a+$").unwrap().text(5, &mut draw).unwrap(), "aaaaa");
    }
}
