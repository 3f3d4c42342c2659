//! The values of a journey's variables.

use std::fmt::Write as _;

use stresshost_sdk::data::Feed;
use stresshost_sdk::{Failure, random};

use crate::config::form_encode;
use crate::document::{Encoding, Slot, Source};

/// What the variables of the journey under way stand for.
#[derive(Debug, Default)]
pub(crate) struct Values {
    vu: u64,
    iteration: u64,
    feeds: Vec<Feed>,
    /// The journey's row of each feed in use; other rows may be of earlier journeys.
    rows: Vec<Vec<String>>,
    extracted: Vec<Option<String>>,
    /// Kept between requests for its memory.
    rendered: Vec<String>,
}

impl Values {
    pub(crate) fn new(vu: u64, feeds: Vec<Feed>) -> Self {
        let rows = feeds.iter().map(|_| Vec::new()).collect();
        Self { vu, feeds, rows, ..Self::default() }
    }

    /// Forgets the last journey and takes the feeds' next rows.
    pub(crate) fn begin(&mut self, iteration: u64, variables: usize, feeds: &[usize]) -> Result<(), Failure> {
        self.iteration = iteration;
        self.extracted.clear();
        self.extracted.resize(variables, None);
        for &index in feeds {
            let next = self.feeds.get(index).and_then(|feed| feed.next());
            let Some(row) = next else {
                return Err(Failure::new("feed", "the feed has no more rows"));
            };
            self.rows[index] = row;
        }
        Ok(())
    }

    /// Sets an extracted variable; `None` when it was not found.
    pub(crate) fn set(&mut self, index: usize, value: Option<String>) {
        if let Some(variable) = self.extracted.get_mut(index) {
            *variable = value;
        }
    }

    /// The values of a request's slots.
    pub(crate) fn render(&mut self, slots: &[Slot], request: &str) -> Result<&[String], Failure> {
        self.rendered.resize_with(slots.len(), String::new);
        let mut rendered = std::mem::take(&mut self.rendered);
        let missing = slots.iter().zip(&mut rendered).find_map(|(slot, text)| {
            text.clear();
            self.write(slot, text).err()
        });
        self.rendered = rendered;
        match missing {
            None => Ok(&self.rendered),
            Some(variable) => {
                let message = format!("`{request}` was not sent: the variable `{variable}` has no value");
                Err(Failure::new("extract", message))
            }
        }
    }

    /// Appends the value of a slot; the name of a variable without one.
    fn write<'a>(&self, slot: &'a Slot, text: &mut String) -> Result<(), &'a str> {
        match &slot.source {
            Source::Vu => number(text, self.vu),
            Source::Iteration => number(text, self.iteration),
            Source::Random { min, max } => number(text, random::between(*min, *max)),
            Source::Uuid => text.push_str(&random::uuid()),
            Source::Extracted { index, name } => match self.extracted.get(*index) {
                Some(Some(value)) => encode(value, slot.encoding, text),
                _ => return Err(name),
            },
            Source::Feed { feed, column } => match self.rows.get(*feed).and_then(|row| row.get(*column)) {
                Some(value) => encode(value, slot.encoding, text),
                None => return Err("of a feed's column"),
            },
        }
        Ok(())
    }
}

fn number(text: &mut String, number: u64) {
    // Writing to a string cannot fail.
    if write!(text, "{number}").is_err() {
        text.clear();
    }
}

fn encode(value: &str, encoding: Encoding, text: &mut String) {
    match encoding {
        Encoding::Plain => text.push_str(value),
        Encoding::Form => text.push_str(&form_encode(value)),
        Encoding::Json => {
            let quoted = stresshost_sdk::serde_json::Value::from(value).to_string();
            text.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
        }
    }
}
