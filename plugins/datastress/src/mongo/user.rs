//! A virtual user that executes commands: one an iteration, by its weight.

use stresshost_sdk::mongo::{Connection, Prepared, Value};
use stresshost_sdk::prelude::Failure;
use stresshost_sdk::random;
use stresshost_sdk::serde_json::{self, Value as Json};
use stresshost_sdk::sql::Cell;

use crate::document::{Filled, Step};
use crate::generator::{Drawn, Generator, Source, Wire};

/// A virtual user.
#[derive(Debug)]
pub(crate) struct Commands {
    ready: Vec<Ready>,
    weights: u64,
    drawn: Drawn,
}

#[derive(Debug)]
struct Ready {
    name: String,
    command: Prepared,
    sources: Vec<Source>,
    /// Whether the value of a place is of a file, which knows no types.
    fed: Vec<bool>,
    weight: u64,
}

impl Commands {
    pub(crate) fn new(connection: Connection, steps: &[Step]) -> Result<Self, Failure> {
        let ready = steps.iter().map(|step| Ready::new(connection, step)).collect::<Result<Vec<_>, _>>()?;
        let weights = ready.iter().map(|ready| ready.weight).sum();
        Ok(Self { ready, weights, drawn: Drawn::default() })
    }

    pub(crate) fn iterate(&mut self, number: u64) -> Result<(), Failure> {
        self.drawn.number = number;
        self.drawn.shared.clear();
        let mut left = random::below(self.weights);
        let chosen = self.ready.iter().find(|one| {
            let is_it = left < one.weight;
            left = left.saturating_sub(one.weight);
            is_it
        });
        chosen.map_or(Ok(()), |ready| ready.execute(&mut self.drawn))
    }
}

impl Ready {
    fn new(connection: Connection, step: &Step) -> Result<Self, Failure> {
        let is_fed = |filled: &Filled| matches!(filled.by, Some(Generator::Feed { .. }));
        Ok(Self {
            name: step.name.clone(),
            command: connection.command(&step.name, &step.text).prepare()?,
            sources: sources(step)?,
            fed: step.parameters.iter().map(is_fed).collect(),
            weight: step.weight,
        })
    }

    fn execute(&self, drawn: &mut Drawn) -> Result<(), Failure> {
        draw(&self.sources, &self.fed, drawn);
        let values: Vec<Value<'_>> = drawn.values.iter().map(value).collect();
        let reply = self.command.execute(&values);
        reply
            .check()
            .map_err(|failure| Failure::new(failure.code, format!("`{}`: {}", self.name, failure.message)))
    }
}

/// What draws the values of a command.
fn sources(step: &Step) -> Result<Vec<Source>, Failure> {
    let source = |(number, filled): (usize, &Filled)| {
        let unknown = || Failure::setup(format!("`{}`: nothing fills ${number}", step.name));
        let by = filled.by.as_ref().ok_or_else(unknown)?;
        // Decimals are drawn as texts, which SQL servers read as exact numbers.
        let wire = if matches!(by, Generator::Decimal { .. }) { Wire::Real } else { Wire::Natural };
        Source::new(by, wire)
    };
    (1..).zip(&step.parameters).map(source).collect()
}

fn draw(sources: &[Source], fed: &[bool], drawn: &mut Drawn) {
    drawn.values.clear();
    for (source, fed) in sources.iter().zip(fed) {
        let cell = source.draw(drawn);
        drawn.values.push(if *fed { typed(cell) } else { cell });
    }
}

/// Values of a command's parameters for a look at its plan.
pub(super) fn samples(step: &Step) -> Result<Vec<Cell>, Failure> {
    let mut drawn = Drawn::default();
    let fed = vec![false; step.parameters.len()];
    draw(&sources(step)?, &fed, &mut drawn);
    Ok(drawn.values)
}

/// A value of a file: a number where it is written as one is.
fn typed(cell: Cell) -> Cell {
    let Cell::Text(text) = &cell else { return cell };
    let whole = text.parse::<i64>().ok().filter(|number| number.to_string() == *text);
    let real = || text.parse::<f64>().ok().filter(|number| number.to_string() == *text);
    match whole {
        Some(number) => Cell::Integer(number),
        None => real().map_or(cell, Cell::Real),
    }
}

/// A value as the contract has it. A text that is a document or an array of JSON stands for what it says, so that ids of
/// objects, dates and whole documents can be values.
pub(super) fn value(cell: &Cell) -> Value<'_> {
    match cell {
        Cell::Null => Value::Null,
        Cell::Boolean(value) => Value::Boolean(*value),
        Cell::Integer(value) => Value::Integer(*value),
        Cell::Real(value) => Value::Real(*value),
        Cell::Text(text) if text.starts_with(['{', '[']) && serde_json::from_str::<Json>(text).is_ok() => {
            Value::Json(text)
        }
        Cell::Text(text) => Value::Text(text),
        Cell::Bytes(bytes) => Value::Bytes(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_files_have_the_types_they_are_written_in() {
        let text = |text: &str| Cell::Text(text.to_owned());
        for (given, expected) in [
            ("5", Cell::Integer(5)),
            ("-5", Cell::Integer(-5)),
            ("0.5", Cell::Real(0.5)),
            ("05", text("05")),
            ("1.50", text("1.50")),
            ("x", text("x")),
        ] {
            assert_eq!(typed(text(given)), expected, "{given}");
        }
    }

    #[test]
    fn texts_that_are_documents_are_values_of_json() {
        let text = |text: &str| Cell::Text(text.to_owned());
        let object = text(r#"{"$oid": "0123456789abcdef01234567"}"#);
        assert_eq!(value(&object), Value::Json(r#"{"$oid": "0123456789abcdef01234567"}"#));
        assert_eq!(value(&text("[1]")), Value::Json("[1]"));
        assert_eq!(value(&text("{x")), Value::Text("{x"));
        assert_eq!(value(&Cell::Integer(7)), Value::Integer(7));
    }
}
