//! The name somebody may have meant.

/// The known name with the least edits from `name`, when it is near enough to be a typing error.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    /// Longer names are no typing errors and would cost quadratic time.
    const MAX_CHARS: usize = 40;
    let name: Vec<char> = name.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect();
    if name.len() > MAX_CHARS {
        return None;
    }
    let near = |candidate: &&&str| edits(&name, candidate) <= 1 + candidate.len() / 4;
    known.iter().filter(near).min_by_key(|candidate| edits(&name, candidate)).copied()
}

/// Insertions, deletions and replacements between two names.
fn edits(from: &[char], to: &str) -> usize {
    let mut row: Vec<usize> = (0..=from.len()).collect();
    for (above, wanted) in to.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (index, &given) in from.iter().enumerate() {
            let replaced = diagonal + usize::from(given != wanted);
            diagonal = row[index + 1];
            row[index + 1] = replaced.min(row[index] + 1).min(diagonal + 1);
        }
    }
    row[from.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_typing_errors_only() {
        let known = ["users", "duration", "ramp_up", "target_url"];
        for (given, wanted) in [
            ("user", Some("users")),
            ("duratoin", Some("duration")),
            ("ramp-up", Some("ramp_up")),
            ("targeturl", Some("target_url")),
            ("Users", Some("users")),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, &known), wanted, "{given}");
        }
    }
}
