//! Texts of several commands: documents of JSON one after the other, and what comments before one say of it.

use stresshost_sdk::serde_json::{self, Value as Json};

use crate::script::{Piece, annotation};

/// What lines of comments begin with.
const COMMENTS: [&str; 2] = ["//", "--"];

/// Splits a text into its commands. What is no JSON is a piece that reaches to the end, so that reading it tells why.
pub(crate) fn split(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut name, mut weight) = (None, None);
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let blanks = rest.len() - rest.trim_start().len();
        if blanks > 0 {
            at += blanks;
        } else if let Some(comment) = COMMENTS.iter().find_map(|mark| rest.strip_prefix(mark)) {
            let line = comment.lines().next().unwrap_or_default();
            name = annotation(line.trim(), "name").or(name);
            weight = annotation(line.trim(), "weight").or(weight);
            at += rest.find('\n').unwrap_or(rest.len());
        } else {
            let length = length(rest);
            let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
            pieces.push(Piece {
                text: rest.get(..length).unwrap_or(rest).trim_end().to_owned(),
                line: u32::try_from(line).unwrap_or(u32::MAX),
                name: name.take(),
                weight: weight.take(),
            });
            at += length;
        }
    }
    pieces
}

/// Bytes of the document that a text begins with; all of it when it begins with none.
fn length(text: &str) -> usize {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Json>();
    match documents.next() {
        Some(Ok(_)) => documents.byte_offset(),
        _ => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_commands_with_their_lines_and_names() {
        let text = "// name: one user\n// weight: 3\n{\"find\": \"users\"}\n\n{\n  \"ping\": 1\n} {\"ping\": 2}\n-- name: last\n{\"count\": \"a\"}";
        let pieces = split(text);
        let told: Vec<_> = pieces
            .iter()
            .map(|piece| (piece.line, piece.name.as_deref(), piece.weight.as_deref(), piece.text.len()))
            .collect();
        assert_eq!(
            told,
            [
                (3, Some("one user"), Some("3"), 17),
                (5, None, None, 15),
                (7, None, None, 11),
                (9, Some("last"), None, 14)
            ]
        );
        assert!(split(" // nothing\n").is_empty());
    }

    #[test]
    fn what_is_no_json_is_a_piece_of_its_own() {
        let pieces = split("{\"ping\": 1}\n{\"find\": }\n{\"ping\": 2}");
        assert_eq!(pieces.len(), 2);
        assert_eq!((pieces[1].line, pieces[1].text.as_str()), (2, "{\"find\": }\n{\"ping\": 2}"));
    }
}
