//! The word somebody probably meant.

/// Longest word that is compared, in characters: the comparison takes the product of two lengths, and nobody mistypes
/// one letter of something longer.
const MAX_WORD_CHARS: usize = 100;

/// The entry of `known` that differs least from `word`, when it is near enough to be what was meant: at most a third of
/// the word's characters, but at least one, are changed, missing, added or swapped with their neighbour. Capitals do
/// not count. Of equally near ones the first.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = letters(word)?;
    let most = (word.len() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let Some(other) = letters(candidate) else { continue };
        // The lengths alone already differ by this much.
        if word.len().abs_diff(other.len()) > most {
            continue;
        }
        let distance = distance(&word, &other);
        if distance <= most && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn letters(word: &str) -> Option<Vec<char>> {
    let letters: Vec<char> = word.chars().take(MAX_WORD_CHARS + 1).flat_map(char::to_lowercase).collect();
    (!letters.is_empty() && letters.len() <= MAX_WORD_CHARS).then_some(letters)
}

/// Damerau-Levenshtein distance in which no part is edited twice (optimal string alignment).
fn distance(left: &[char], right: &[char]) -> usize {
    let mut two_above = vec![0; right.len() + 1];
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut current = vec![row + 1; right.len() + 1];
        for (column, b) in right.iter().enumerate() {
            let replaced = above[column] + usize::from(a != b);
            let mut least = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *a == right[column - 1] && left[row - 1] == *b {
                least = least.min(two_above[column - 1] + 1);
            }
            current[column + 1] = least;
        }
        two_above = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slips_are_understood_and_other_words_are_not() {
        let known = ["response_us", "service_us", "p95", "p99", "errors"];
        let cases = [
            ("respons_us", Some("response_us")),
            ("rseponse_us", Some("response_us")),
            ("servce_us", Some("service_us")),
            ("p96", Some("p95")),
            ("Errors", Some("errors")),
            ("error", Some("errors")),
            ("latency", None),
            ("", None),
            ("x", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }

    #[test]
    fn a_swap_of_neighbours_is_one_slip() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        for (left, right, expected) in
            [("ab", "ba", 1), ("abc", "abc", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("ca", "abc", 3)]
        {
            assert_eq!(distance(&chars(left), &chars(right)), expected, "{left} {right}");
        }
    }

    #[test]
    fn endless_words_cost_nothing() {
        let long = "a".repeat(1 << 20);
        assert_eq!(nearest(&long, [long.as_str()]), None);
        assert_eq!(nearest("a", [long.as_str()]), None);
    }

    proptest! {
        #[test]
        fn a_known_word_is_nearest_to_itself(word in "[a-z]{1,20}", other in "[a-z]{1,20}") {
            prop_assert_eq!(nearest(&word, [other.as_str(), word.as_str()]), Some(word.as_str()));
        }

        #[test]
        fn the_distance_is_symmetric(left in "\\PC{0,12}", right in "\\PC{0,12}") {
            let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
            prop_assert_eq!(distance(&left, &right), distance(&right, &left));
        }
    }
}
