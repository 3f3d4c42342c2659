//! The name somebody probably meant.

/// Edits by which a name may differ from the one meant: more, and the suggestion confuses.
const MAX_EDITS: usize = 3;

/// The candidate closest to `name`, when it is close enough; the first of equals.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.chars().count() / 2).min(MAX_EDITS);
    candidates
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements of characters (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (row_number, from_char) in from.chars().enumerate() {
        let mut diagonal = row_number;
        let mut left = row_number + 1;
        for (cell, to_char) in row.iter_mut().skip(1).zip(&to) {
            let replaced = diagonal + usize::from(from_char != *to_char);
            diagonal = *cell;
            left = replaced.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = row_number + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (from, to, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("ä", "a", 1),
        ] {
            assert_eq!(distance(from, to), edits, "{from} {to}");
        }
    }

    #[test]
    fn only_close_names_are_suggested() {
        let names = ["apistress", "datastress", "devstress"];
        let nearest = |name| nearest(name, names.into_iter());
        assert_eq!(nearest("apistres"), Some("apistress"));
        assert_eq!(nearest("devstres"), Some("devstress"));
        assert_eq!(nearest("postgres"), None);
        assert_eq!(nearest("x"), None);
    }
}
