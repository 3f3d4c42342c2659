//! Numbers that make no load.

use stresshost_plan::{
    MAX_DURATION_MS, MAX_ITERATIONS, MAX_RATE_PER_S, MAX_VUS, Problem, format_duration_ms,
};

use super::{DEFAULT_DURATION_MS, DEFAULT_VUS, LoadFlags, stages};
use crate::Problems;

impl LoadFlags {
    /// Adds a problem for each part that makes no load, and for parts that cannot be together. `path` turns a part's
    /// name, such as `ramp_up`, into a problem's path.
    pub fn check(&self, path: impl Fn(&str) -> String, problems: &mut Problems) {
        self.check_together(&path, problems);
        let mut refuse = |part: &str, message: String| problems.push(Problem::new(path(part), message));
        self.check_numbers(&mut refuse);
        self.check_lengths(&mut refuse);
        let start = self.start_rate_per_s.unwrap_or(self.start_vus.unwrap_or(0) as f64);
        if let Some(message) = self.stages.as_ref().and_then(|stages| stages.fault(start)) {
            problems.push(Problem::new(path("stages"), message).hint(stages::EXAMPLE));
        }
    }

    fn check_numbers(&self, refuse: &mut impl FnMut(&str, String)) {
        let start_is_too_high = |vus: &u64| *vus > MAX_VUS;
        if let Some(vus) = self.start_vus.filter(start_is_too_high) {
            refuse("start_vus", format!("{vus} virtual users; the most is {MAX_VUS}"));
        }
        for (part, vus) in [("vus", self.vus), ("max_vus", self.max_vus)] {
            match vus {
                Some(0) => refuse(part, "0 virtual users do nothing".to_owned()),
                Some(vus) if vus > MAX_VUS => {
                    refuse(part, format!("{vus} virtual users; the most is {MAX_VUS}"));
                }
                _ => {}
            }
        }
        let beginning = self.vus.unwrap_or(DEFAULT_VUS);
        // The users of a rate that are not given are derived from it.
        let fits =
            |most: &u64| self.controlled != Some(true) || self.rate_per_s.is_some() || *most >= beginning;
        if let Some(most) = self.max_vus.filter(|most| *most > 0 && !fits(most)) {
            refuse(
                "max_vus",
                format!("{most} virtual users at most are fewer than the {beginning} to begin with"),
            );
        }
        match self.rate_per_s {
            Some(rate) if !(rate > 0.0 && rate.is_finite()) => {
                refuse("rate", format!("a rate must be more than 0 per second, not {rate}"));
            }
            Some(rate) if rate > MAX_RATE_PER_S => {
                refuse("rate", format!("{rate} per second; the most is {MAX_RATE_PER_S}"));
            }
            _ => {}
        }
        if let Some(rate) = self.start_rate_per_s.filter(|rate| !(0.0..=MAX_RATE_PER_S).contains(rate)) {
            refuse("start_rate", format!("{rate} per second; a start rate is 0 to {MAX_RATE_PER_S}"));
        }
        let users = if self.per_user == Some(true) { beginning } else { 1 };
        match self.iterations {
            Some(0) => refuse("iterations", "0 iterations do nothing".to_owned()),
            Some(iterations) if iterations.saturating_mul(users) > MAX_ITERATIONS => {
                refuse(
                    "iterations",
                    format!("{iterations} iterations; the most of all users is {MAX_ITERATIONS}"),
                );
            }
            _ => {}
        }
    }

    fn check_lengths(&self, refuse: &mut impl FnMut(&str, String)) {
        let lengths = [
            ("duration", self.duration_ms),
            ("ramp_up", self.ramp_up_ms),
            ("max_duration", self.max_duration_ms),
            ("pacing", self.pacing_ms),
            ("warmup", self.warmup_ms),
            ("graceful_stop", self.graceful_stop_ms),
        ];
        for (part, length_ms) in lengths {
            match length_ms {
                Some(0) if matches!(part, "duration" | "max_duration") => {
                    refuse(part, "a duration of 0 measures nothing".to_owned());
                }
                Some(0) if part == "pacing" => {
                    refuse(
                        part,
                        "an interval of 0 is none; leave it out to iterate without a pause".to_owned(),
                    );
                }
                Some(ms) if ms > MAX_DURATION_MS => {
                    let (given, most) = (format_duration_ms(ms), format_duration_ms(MAX_DURATION_MS));
                    refuse(part, format!("{given} is too long; the most is {most}"));
                }
                _ => {}
            }
        }
        // With stages or iterations the ramp is refused for another reason.
        let has_length = self.stages.is_none() && self.iterations.is_none();
        let duration_ms = self.duration_ms.unwrap_or(DEFAULT_DURATION_MS);
        if let Some(ramp_ms) = self.ramp_up_ms.filter(|&ramp_ms| has_length && ramp_ms > duration_ms) {
            let (ramp, whole) = (format_duration_ms(ramp_ms), format_duration_ms(duration_ms));
            refuse("ramp_up", format!("a ramp-up of {ramp} is longer than the {whole} of load"));
        }
    }
}
