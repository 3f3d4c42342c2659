//! Reading what follows the limit: the window and the options.

use super::ExpressionFault;
use super::parse::{Parser, Result, is_digit};
use super::words::OPTIONS;
use crate::{MAX_DURATION_MS, MAX_WEIGHT, MAX_WINDOW_MS, parse_duration_ms};

const OPTIONS_HINT: &str = "`over 30s`, `abort`, `abort after 10s`, `warn`, `key` or `weight 2`";

/// What follows the limit.
#[derive(Default)]
pub(super) struct Options {
    pub(super) window_ms: Option<u64>,
    pub(super) abort_after_ms: Option<u64>,
    pub(super) warn: bool,
    pub(super) key: bool,
    pub(super) weight: Option<f64>,
}

impl<'a> Parser<'a> {
    pub(super) fn options(&mut self) -> Result<Options> {
        let mut options = Options::default();
        let mut seen = Vec::new();
        loop {
            self.space();
            if self.rest().is_empty() {
                break;
            }
            let is_window = seen.is_empty() && self.rest().starts_with("over");
            if !is_window && !self.take(",") {
                return Err(self.unexpected("`,` and an option, or the end", Some(OPTIONS_HINT)));
            }
            self.space();
            let start = self.at;
            let word = self.word();
            if seen.contains(&word) {
                return Err(self.error(start, ExpressionFault::Twice(word.to_owned()), None));
            }
            seen.push(word);
            match word {
                "over" => options.window_ms = Some(self.window()?),
                "abort" => options.abort_after_ms = Some(self.abort()?),
                "warn" => options.warn = true,
                "key" => options.key = true,
                "weight" => options.weight = Some(self.weight()?),
                "" => return Err(self.unexpected("an option", Some(OPTIONS_HINT))),
                word if word.starts_with(is_digit) => {
                    return Err(self.error(
                        start,
                        ExpressionFault::Unknown { what: "option", word: word.to_owned() },
                        Some("write numbers without separators and with a point".to_owned()),
                    ));
                }
                word => return Err(self.unknown(start, "option", word, OPTIONS.iter().copied())),
            }
        }
        let others = [
            ("abort", options.abort_after_ms.is_some()),
            ("key", options.key),
            ("weight", options.weight.is_some()),
        ];
        match others.into_iter().find(|(_, is_set)| options.warn && *is_set) {
            None => Ok(options),
            Some((option, _)) => {
                let hint = Some("leave one of the two out".to_owned());
                Err(self.error(self.text.len(), ExpressionFault::Contradiction { option }, hint))
            }
        }
    }

    /// A duration in milliseconds and its text.
    fn duration(&mut self) -> Result<(u64, &'a str)> {
        self.space();
        let start = self.at;
        let text = self.run(|c| c.is_ascii_alphanumeric() || c == '.');
        if text.is_empty() {
            return Err(self.unexpected("a duration such as `30s`", None));
        }
        let ms = parse_duration_ms(text)
            .map_err(|error| self.error(start, ExpressionFault::Duration(error.to_string()), None))?;
        Ok((ms, text))
    }

    fn window(&mut self) -> Result<u64> {
        self.space();
        let start = self.at;
        let (ms, text) = self.duration()?;
        if (1_000..=MAX_WINDOW_MS).contains(&ms) && ms % 1_000 == 0 {
            return Ok(ms);
        }
        let hint = (ms > MAX_WINDOW_MS).then(|| "leave it out to judge the whole run".to_owned());
        Err(self.error(start, ExpressionFault::Window(text.to_owned()), hint))
    }

    fn abort(&mut self) -> Result<u64> {
        let before = self.at;
        self.space();
        let start = self.at;
        match self.word() {
            "after" => {}
            "" => {
                self.at = before;
                return Ok(0);
            }
            word => return Err(self.unknown(start, "word", word, ["after"])),
        }
        self.space();
        let start = self.at;
        let (ms, text) = self.duration()?;
        if ms <= MAX_DURATION_MS {
            return Ok(ms);
        }
        let message = format!("`{text}` is longer than a run can be");
        Err(self.error(start, ExpressionFault::Duration(message), None))
    }

    fn weight(&mut self) -> Result<f64> {
        self.space();
        let start = self.at;
        let text = self.run(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
        let is_plain = text.starts_with(is_digit) && text.chars().all(|c| is_digit(c) || c == '.');
        let weight = text.parse::<f64>().ok().filter(|weight| *weight > 0.0 && *weight <= MAX_WEIGHT);
        match weight {
            Some(weight) if is_plain => Ok(weight),
            _ => Err(self.error(start, ExpressionFault::Weight(text.to_owned()), None)),
        }
    }
}
