//! Values of parameters: how each is drawn.
//!
//! | module | job |
//! |---|---|
//! | `fake` | texts that look like names, addresses and so on |
//! | `read` | how people write generators |
//! | `zipf` | the popularity of few and the rarity of many |

pub(crate) mod fake;
pub(crate) mod read;
pub(crate) mod zipf;

use stresshost_sdk::data::Feed;
use stresshost_sdk::prelude::Failure;
use stresshost_sdk::random;
use stresshost_sdk::serde::{Deserialize, Serialize};
use stresshost_sdk::serde_json::Value as Json;
use stresshost_sdk::sql::Cell;

use fake::Fake;
use zipf::Zipf;

/// How the values of a parameter are drawn. Every draw is of the run's seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde", tag = "draw", rename_all = "lowercase")]
pub(crate) enum Generator {
    /// Whole numbers, each as likely.
    Uniform { min: i64, max: i64 },
    /// Numbers with so many decimals, each as likely.
    Decimal { min: f64, max: f64, decimals: usize },
    /// Whole numbers of which few are drawn often.
    Zipf {
        min: i64,
        max: i64,
        exponent: f64,
        #[serde(default)]
        scrambled: bool,
    },
    /// Whole numbers around a mean.
    Gaussian { mean: f64, deviation: f64 },
    /// `start`, `start + 1`, ...: the number of the iteration is added, so that none is drawn twice.
    Sequence { start: i64 },
    /// One of these, each as likely; with an exponent the first most often.
    Values {
        values: Vec<Json>,
        #[serde(default)]
        exponent: Option<f64>,
    },
    /// A column of the parameter file, the next row each time.
    Feed { column: String },
    /// A text that looks like something.
    Fake { of: Fake },
    /// Always the same.
    Constant { value: Json },
    /// Values of a column, which are read when the run begins.
    Column { table: String, column: String },
    /// What another parameter of the statement was given, and up to `span` more.
    Above { parameter: usize, span: f64 },
    /// What an earlier statement of the iteration returned in this column.
    Returned { statement: usize, column: usize },
    /// What was drawn for this name in the iteration, whichever statement asked first.
    Shared { name: String, by: Box<Self> },
}

impl Generator {
    /// In a few words, for people.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Uniform { min, max } => format!("uniform {min}..{max}"),
            Self::Decimal { min, max, decimals } => format!("uniform {min:.decimals$}..{max:.decimals$}"),
            Self::Zipf { min, max, exponent, .. } => format!("zipf {min}..{max}, exponent {exponent}"),
            Self::Gaussian { mean, deviation } => format!("gaussian around {mean}, deviation {deviation}"),
            Self::Sequence { start } => format!("sequence from {start}"),
            Self::Values { values, exponent: None } => format!("one of {} values", values.len()),
            Self::Values { values, exponent: Some(exponent) } => {
                format!("one of {} values, zipf with exponent {exponent}", values.len())
            }
            Self::Feed { column } => format!("column `{column}` of the parameter file"),
            Self::Fake { of } => format!("made-up {}", of.name()),
            Self::Constant { value } => format!("always {value}"),
            Self::Column { table, column } => format!("values of {table}.{column}"),
            Self::Above { parameter, span } => format!("${parameter} and up to {span:.2} more"),
            Self::Returned { statement, .. } => format!("returned by statement {}", statement + 1),
            Self::Shared { name, by } => format!("`{name}`, once an iteration: {}", by.describe()),
        }
    }
}

/// How a server takes a parameter's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "stresshost_sdk::serde", rename_all = "lowercase")]
pub(crate) enum Wire {
    /// As it is.
    #[default]
    Natural,
    Integer,
    Real,
    Boolean,
    /// In the server's notation.
    Text,
}

impl Wire {
    /// Of the server's name of a type; without a name values go as they are.
    pub(crate) fn of_type(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let has = |word: &str| name.contains(word);
        match name.as_str() {
            "" | "null" | "unknown" => Self::Natural,
            "interval" | "point" => Self::Text,
            _ if name.ends_with("[]") || has("range") => Self::Text,
            _ if has("bool") => Self::Boolean,
            _ if has("int") || has("serial") || name == "oid" || name == "year" => Self::Integer,
            _ if has("float") || has("double") || has("real") => Self::Real,
            _ => Self::Text,
        }
    }

    /// The value in this form; one that has no such form stays as it is, and the server says what it thinks of it.
    pub(crate) fn cast(self, cell: Cell) -> Cell {
        let text = |cell: &Cell| match cell {
            Cell::Boolean(value) => Some(value.to_string()),
            Cell::Integer(value) => Some(value.to_string()),
            Cell::Real(value) => Some(value.to_string()),
            Cell::Text(value) => Some(value.clone()),
            Cell::Null | Cell::Bytes(_) => None,
        };
        let cast = match (self, &cell) {
            (Self::Integer, Cell::Real(value)) => Some(Cell::Integer(whole(*value))),
            (Self::Integer, Cell::Text(text)) => text.trim().parse().ok().map(Cell::Integer),
            (Self::Integer, Cell::Boolean(value)) => Some(Cell::Integer(i64::from(*value))),
            (Self::Real, Cell::Integer(value)) => Some(Cell::Real(*value as f64)),
            (Self::Real, Cell::Text(text)) => text.trim().parse().ok().map(Cell::Real),
            (Self::Boolean, Cell::Integer(value)) => Some(Cell::Boolean(*value != 0)),
            (Self::Boolean, Cell::Text(text)) => {
                Some(Cell::Boolean(matches!(text.as_str(), "t" | "true" | "1")))
            }
            (Self::Text, other) => text(other).map(Cell::Text),
            _ => None,
        };
        cast.unwrap_or(cell)
    }
}

/// The nearest whole number; beyond the range of 64 bits its end.
#[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates")]
pub(crate) fn whole(value: f64) -> i64 {
    value.round() as i64
}

/// A value of a document as a cell.
pub(crate) fn cell(value: &Json) -> Cell {
    match value {
        Json::Null => Cell::Null,
        Json::Bool(value) => Cell::Boolean(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Cell::Integer(value),
            None => Cell::Real(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Cell::Text(text.clone()),
        other => Cell::Text(other.to_string()),
    }
}

/// A generator made ready for draws.
#[derive(Debug)]
pub(crate) struct Source {
    kind: Ready,
    wire: Wire,
}

#[derive(Debug)]
enum Ready {
    Drawn(Generator),
    Zipf { zipf: Zipf, min: i64, scrambled: bool },
    Values { cells: Vec<Cell>, zipf: Option<Zipf> },
    Feed { feed: Feed, column: usize },
    Shared { name: String, by: Box<Source> },
}

/// What an iteration has drawn and heard so far.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    /// Number of the iteration.
    pub(crate) number: u64,
    /// First row that each statement returned; empty where it returned none.
    pub(crate) returned: Vec<Vec<Cell>>,
    /// Values of the statement so far, `$1` first.
    pub(crate) values: Vec<Cell>,
    /// Values that the iteration's statements share.
    pub(crate) shared: Vec<(String, Cell)>,
}

impl Source {
    /// Makes a generator ready.
    ///
    /// # Errors
    /// When the feed or its column is not there.
    pub(crate) fn new(generator: &Generator, wire: Wire) -> Result<Self, Failure> {
        let kind = match generator {
            Generator::Zipf { min, max, exponent, scrambled } => {
                let count = max.saturating_sub(*min).unsigned_abs().saturating_add(1);
                Ready::Zipf { zipf: Zipf::new(count, *exponent), min: *min, scrambled: *scrambled }
            }
            Generator::Values { values, exponent } => Ready::Values {
                cells: values.iter().map(cell).collect(),
                zipf: exponent.map(|exponent| Zipf::new(values.len() as u64, exponent)),
            },
            Generator::Feed { column } => {
                let feed = Feed::open(read::FEED)?;
                let place = feed.columns().iter().position(|name| name == column);
                let missing = || Failure::setup(format!("the parameter file has no column `{column}`"));
                Ready::Feed { feed, column: place.ok_or_else(missing)? }
            }
            Generator::Shared { name, by } => {
                Ready::Shared { name: name.clone(), by: Box::new(Self::new(by, wire)?) }
            }
            other => Ready::Drawn(other.clone()),
        };
        Ok(Self { kind, wire })
    }

    /// The next value.
    pub(crate) fn draw(&self, drawn: &mut Drawn) -> Cell {
        let cell = match &self.kind {
            Ready::Drawn(generator) => simple(generator, drawn),
            Ready::Zipf { zipf, min, scrambled } => {
                let rank = if *scrambled { zipf.scrambled() } else { zipf.draw() };
                Cell::Integer(min.saturating_add_unsigned(rank))
            }
            Ready::Values { cells, zipf } => {
                let place = zipf.as_ref().map_or_else(|| random::below(cells.len() as u64), Zipf::draw);
                usize::try_from(place).ok().and_then(|place| cells.get(place)).cloned().unwrap_or(Cell::Null)
            }
            Ready::Feed { feed, column } => {
                let row = feed.next().unwrap_or_default();
                row.get(*column).map_or(Cell::Null, |text| Cell::Text(text.clone()))
            }
            Ready::Shared { name, by } => {
                if let Some((_, cell)) = drawn.shared.iter().find(|(known, _)| known == name) {
                    return cell.clone();
                }
                let cell = by.draw(drawn);
                drawn.shared.push((name.clone(), cell.clone()));
                cell
            }
        };
        self.wire.cast(cell)
    }
}

fn simple(generator: &Generator, drawn: &Drawn) -> Cell {
    match generator {
        Generator::Uniform { min, max } => {
            let span = max.saturating_sub(*min).unsigned_abs();
            Cell::Integer(min.saturating_add_unsigned(random::between(0, span)))
        }
        Generator::Decimal { min, max, decimals } => {
            Cell::Text(format!("{:.decimals$}", min + (max - min) * unit()))
        }
        Generator::Gaussian { mean, deviation } => Cell::Integer(whole(mean + deviation * normal())),
        Generator::Sequence { start } => Cell::Integer(start.saturating_add_unsigned(drawn.number)),
        Generator::Fake { of } => Cell::Text(of.draw()),
        Generator::Constant { value } => cell(value),
        Generator::Above { parameter, span } => {
            let below = parameter.checked_sub(1).and_then(|place| drawn.values.get(place));
            match below {
                Some(Cell::Integer(low)) => Cell::Integer(low.saturating_add(whole(span * unit()))),
                Some(Cell::Real(low)) => Cell::Real(low + span * unit()),
                Some(Cell::Text(low)) => match low.parse::<f64>() {
                    Ok(number) => Cell::Text(format!("{:.2}", number + span * unit())),
                    Err(_) => Cell::Text(low.clone()),
                },
                other => other.cloned().unwrap_or(Cell::Null),
            }
        }
        Generator::Returned { statement, column } => {
            let row = drawn.returned.get(*statement);
            row.and_then(|row| row.get(*column)).cloned().unwrap_or(Cell::Null)
        }
        _ => Cell::Null,
    }
}

/// A number from 0 up to but not including 1, of 53 random bits.
pub(crate) fn unit() -> f64 {
    (random::next() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A number of the standard normal distribution (Box and Muller).
fn normal() -> f64 {
    (-2.0 * (1.0 - unit()).ln()).sqrt() * (std::f64::consts::TAU * unit()).cos()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use stresshost_sdk::serde_json::json;
    use stresshost_sdk::testing::FakeHost;

    use super::*;

    fn draws(generator: &Generator, wire: Wire, count: u64) -> Vec<Cell> {
        let source = Source::new(generator, wire).unwrap();
        (0..count).map(|number| source.draw(&mut Drawn { number, ..Drawn::default() })).collect()
    }

    proptest! {
        #[test]
        fn draws_stay_within_their_bounds(seed: u64, min in -1_000_i64..1_000, span in 0_i64..1_000) {
            let _host = FakeHost::with_seed(seed);
            let max = min + span;
            for generator in [Generator::Uniform { min, max }, Generator::Zipf { min, max, exponent: 0.99, scrambled: false },
                Generator::Zipf { min, max, exponent: 0.5, scrambled: true }] {
                for cell in draws(&generator, Wire::Natural, 50) {
                    let value = cell.as_i64().unwrap();
                    prop_assert!((min..=max).contains(&value), "{generator:?}: {value}");
                }
            }
            let decimal = Generator::Decimal { min: min as f64, max: max as f64, decimals: 2 };
            for cell in draws(&decimal, Wire::Real, 20) {
                let value = cell.as_f64().unwrap();
                prop_assert!(value >= min as f64 && value <= max as f64, "{value}");
            }
        }

        #[test]
        fn the_seed_decides(seed: u64) {
            let generator = Generator::Uniform { min: 0, max: i64::MAX };
            let _host = FakeHost::with_seed(seed);
            let first = draws(&generator, Wire::Natural, 5);
            let _host = FakeHost::with_seed(seed);
            prop_assert_eq!(first, draws(&generator, Wire::Natural, 5));
        }
    }

    #[test]
    fn a_gaussian_has_its_mean_and_deviation() {
        let _host = FakeHost::new();
        let values: Vec<f64> =
            draws(&Generator::Gaussian { mean: 500.0, deviation: 50.0 }, Wire::Natural, 20_000)
                .iter()
                .map(|cell| cell.as_f64().unwrap())
                .collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let deviation =
            (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
        assert!((mean - 500.0).abs() < 2.0 && (deviation - 50.0).abs() < 2.0, "{mean} {deviation}");
    }

    #[test]
    fn sequences_constants_ranges_and_what_was_returned() {
        let _host = FakeHost::new();
        assert_eq!(draws(&Generator::Sequence { start: 10 }, Wire::Text, 3)[2], Cell::Text("12".into()));
        assert_eq!(
            draws(&Generator::Constant { value: json!("a") }, Wire::Natural, 1)[0],
            Cell::Text("a".into())
        );
        let mut drawn = Drawn {
            values: vec![Cell::Integer(5)],
            returned: vec![vec![Cell::Integer(77)]],
            ..Drawn::default()
        };
        let above = Source::new(&Generator::Above { parameter: 1, span: 3.0 }, Wire::Integer).unwrap();
        let value = above.draw(&mut drawn).as_i64().unwrap();
        assert!((5..=8).contains(&value));
        let returned = Source::new(&Generator::Returned { statement: 0, column: 0 }, Wire::Integer).unwrap();
        assert_eq!(returned.draw(&mut drawn), Cell::Integer(77));
        let by = Box::new(Generator::Uniform { min: 0, max: i64::MAX });
        let shared = Source::new(&Generator::Shared { name: "a".into(), by }, Wire::Natural).unwrap();
        assert_eq!(shared.draw(&mut drawn), shared.draw(&mut drawn), "drawn once an iteration");
    }

    #[test]
    fn types_of_servers_decide_the_form() {
        for (name, wire) in [
            ("INT4", Wire::Integer),
            ("BIGINT UNSIGNED", Wire::Integer),
            ("NUMERIC", Wire::Text),
            ("FLOAT8", Wire::Real),
            ("BOOL", Wire::Boolean),
            ("TIMESTAMPTZ", Wire::Text),
            ("INTERVAL", Wire::Text),
            ("", Wire::Natural),
            ("INT4[]", Wire::Text),
        ] {
            assert_eq!(Wire::of_type(name), wire, "{name}");
        }
        assert_eq!(Wire::Text.cast(Cell::Integer(5)), Cell::Text("5".into()));
        assert_eq!(Wire::Integer.cast(Cell::Text("5".into())), Cell::Integer(5));
        assert_eq!(Wire::Integer.cast(Cell::Text("five".into())), Cell::Text("five".into()));
    }
}
