//! How people write generators, in a config or after `--parameter`.

use stresshost_sdk::config::{Found, Node, short};
use stresshost_sdk::documents::nearest;
use stresshost_sdk::serde_json::{Value as Json, json};

use super::Generator;
use super::fake::Fake;

/// Name of the feed that holds the rows of the parameter file.
pub(crate) const FEED: &str = "parameters";

/// Exponent of YCSB's zipf distribution, which is taken when none is given.
pub(crate) const EXPONENT: f64 = 0.99;

/// First words.
const WORDS: [&str; 8] = ["uniform", "zipf", "gaussian", "sequence", "column", "feed", "fake", "constant"];

/// Forms, for messages.
const FORMS: &str = "write `uniform 1..100`, `zipf 1..1000 0.99`, `gaussian 50 10`, `sequence 1`, `column users.id`, \
                     `feed COLUMN`, `fake email`, `constant x`, or a list of values";

/// Reads a generator of a config: a text, a list of values, or a number or truth value that is always the same.
pub(crate) fn node(node: &Node<'_>, found: &mut Found) -> Option<Generator> {
    match node.value {
        Json::String(text) => match self::text(text) {
            Ok(generator) => Some(generator),
            Err(message) => {
                found.problem_with_hint(&node.path, message, FORMS);
                None
            }
        },
        Json::Array(values) if !values.is_empty() && values.len() <= crate::limits::MAX_SAMPLES => {
            Some(Generator::Values { values: values.clone(), exponent: None })
        }
        Json::Number(_) | Json::Bool(_) => Some(Generator::Constant { value: node.value.clone() }),
        _ => {
            node.wrong(found, "a generator");
            None
        }
    }
}

/// Reads a generator written as a text.
///
/// # Errors
/// One sentence.
pub(crate) fn text(text: &str) -> Result<Generator, String> {
    let (word, rest) = text.trim().split_once(char::is_whitespace).unwrap_or((text.trim(), ""));
    let rest = rest.trim();
    let number =
        |text: &str| text.trim().parse::<f64>().map_err(|_| format!("`{}` is no number", short(text)));
    match word {
        "uniform" => uniform(rest),
        "zipf" => {
            let (range, exponent) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            let exponent = if exponent.is_empty() { EXPONENT } else { number(exponent)? };
            if !(0.0..1.0).contains(&exponent) {
                return Err(format!("an exponent lies between 0 and 1, not at {exponent}"));
            }
            let (min, max) = self::range(range)?;
            Ok(Generator::Zipf { min, max, exponent, scrambled: false })
        }
        "gaussian" => {
            let (mean, deviation) =
                rest.split_once(char::is_whitespace).ok_or("a mean and a deviation are wanted")?;
            Ok(Generator::Gaussian { mean: number(mean)?, deviation: number(deviation)?.abs() })
        }
        "sequence" if rest.is_empty() => Ok(Generator::Sequence { start: 1 }),
        "sequence" => {
            let start = rest.parse().map_err(|_| format!("`{}` is no whole number", short(rest)))?;
            Ok(Generator::Sequence { start })
        }
        "column" => match rest.rsplit_once('.') {
            Some((table, column)) => {
                Ok(Generator::Column { table: table.to_owned(), column: column.to_owned() })
            }
            None => Err("a column is written TABLE.COLUMN".to_owned()),
        },
        "feed" if !rest.is_empty() => Ok(Generator::Feed { column: rest.to_owned() }),
        "fake" => match Fake::of_word(rest) {
            Some(of) => Ok(Generator::Fake { of }),
            None => {
                let words: Vec<&str> = Fake::words().collect();
                Err(format!("`{}` is none of {}", short(rest), words.join(", ")))
            }
        },
        "constant" => Ok(Generator::Constant { value: json!(rest) }),
        word => Err(match nearest(word, WORDS) {
            Some(near) => format!("`{}` is no generator; did you mean `{near}`?", short(word)),
            None => format!("`{}` is no generator", short(word)),
        }),
    }
}

fn range(text: &str) -> Result<(i64, i64), String> {
    let error = || format!("`{}` is no range of whole numbers such as 1..100", short(text));
    let (min, max) = text.split_once("..").ok_or_else(error)?;
    let (min, max) = (min.trim().parse().map_err(|_| error())?, max.trim().parse().map_err(|_| error())?);
    if min > max { Err(format!("{min} is more than {max}")) } else { Ok((min, max)) }
}

fn uniform(text: &str) -> Result<Generator, String> {
    if let Ok((min, max)) = range(text) {
        return Ok(Generator::Uniform { min, max });
    }
    let error = || format!("`{}` is no range such as 1..100 or 0.50..99.99", short(text));
    let (min, max) = text.split_once("..").ok_or_else(error)?;
    let decimals = |text: &str| text.trim().split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let decimals = decimals(min).max(decimals(max)).min(9);
    let (min, max): (f64, f64) =
        (min.trim().parse().map_err(|_| error())?, max.trim().parse().map_err(|_| error())?);
    if min <= max {
        Ok(Generator::Decimal { min, max, decimals })
    } else {
        Err(format!("{min} is more than {max}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generators_are_read() {
        for (given, told) in [
            ("uniform 1..100", "uniform 1..100"),
            ("uniform 0.5..99.99", "uniform 0.50..99.99"),
            ("zipf 1..1000", "zipf 1..1000, exponent 0.99"),
            ("zipf -5..5 0.5", "zipf -5..5, exponent 0.5"),
            ("gaussian 50 10", "gaussian around 50, deviation 10"),
            ("sequence", "sequence from 1"),
            ("column users.id", "values of users.id"),
            ("feed email", "column `email` of the parameter file"),
            ("fake email", "made-up email"),
            ("constant a b", "always \"a b\""),
        ] {
            assert_eq!(text(given).unwrap().describe(), told);
        }
    }

    #[test]
    fn what_is_no_generator_is_told() {
        for (given, told) in [
            ("uniforme 1..2", "did you mean `uniform`?"),
            ("uniform 5..1", "5 is more than 1"),
            ("zipf 5..1", "5 is more than 1"),
            ("zipf 1..9 1.5", "lies between 0 and 1"),
            ("gaussian 5", "a mean and a deviation"),
            ("column users", "TABLE.COLUMN"),
            ("fake news", "is none of name, email"),
            ("", "is no generator"),
        ] {
            let error = text(given).unwrap_err();
            assert!(error.contains(told), "{given}: {error}");
        }
    }
}
