//! Stages: lines that a number of users or a rate follows.

use stresshost_plan::{
    MAX_DURATION_MS, MAX_RATE_PER_S, MAX_STAGES, MAX_VUS, RateStage, VuStage, format_duration_ms,
    parse_duration_ms, parse_rate,
};

/// How stages are written, for hints.
pub(crate) const EXAMPLE: &str = "write LENGTH:TARGET, such as `30s:50,1m:100,30s:0` for users or \
                                  `30s:100/s,1m:500/s` for rates";

/// Lines that follow one another, all of the same kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Stages {
    /// Of numbers of virtual users.
    Users(Vec<VuStage>),
    /// Of iterations per second.
    Rate(Vec<RateStage>),
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stage {
    Users(VuStage),
    Rate(RateStage),
}

impl Stages {
    /// Reads stages such as `30s:50,1m:100,30s:0`, users at the end of each, or `30s:100/s,1m:500/s`, a rate at the end
    /// of each.
    ///
    /// # Errors
    /// What is wrong with which stage.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("there are no stages".to_owned());
        }
        let stages: Result<Vec<Stage>, String> = text
            .split(',')
            .enumerate()
            .take(MAX_STAGES + 1)
            .map(|(index, stage)| {
                Stage::parse(stage).map_err(|reason| format!("stage {}: {reason}", index + 1))
            })
            .collect();
        Self::of(&stages?).map_err(|(index, reason)| format!("stage {}: {reason}", index + 1))
    }

    /// Stages of one kind; else the index of the first that is of the other, and the reason.
    pub(crate) fn of(stages: &[Stage]) -> Result<Self, (usize, String)> {
        let first = stages.first().ok_or_else(|| (0, "there are no stages".to_owned()))?;
        let odd = |reason: &str| {
            let differs = |stage: &Stage| std::mem::discriminant(stage) != std::mem::discriminant(first);
            (stages.iter().position(differs).unwrap_or(0), reason.to_owned())
        };
        match first {
            Stage::Users(_) => stages
                .iter()
                .map(|stage| if let Stage::Users(stage) = stage { Some(*stage) } else { None })
                .collect::<Option<_>>()
                .map(Self::Users)
                .ok_or_else(|| odd("it leads to a rate, the first to a number of users")),
            Stage::Rate(_) => stages
                .iter()
                .map(|stage| if let Stage::Rate(stage) = stage { Some(*stage) } else { None })
                .collect::<Option<_>>()
                .map(Self::Rate)
                .ok_or_else(|| odd("it leads to a number of users, the first to a rate")),
        }
    }

    /// What is wrong with the stages as a whole or with one of them, when they begin at `start` users or iterations
    /// per second.
    pub(crate) fn fault(&self, start: f64) -> Option<String> {
        let lines: Vec<(u64, f64)> = match self {
            Self::Users(stages) => stages.iter().map(|stage| (stage.duration_ms, stage.vus as f64)).collect(),
            Self::Rate(stages) => stages.iter().map(|stage| (stage.duration_ms, stage.rate_per_s)).collect(),
        };
        let (most, unit) = match self {
            Self::Users(_) => (MAX_VUS as f64, "virtual users"),
            Self::Rate(_) => (MAX_RATE_PER_S, "per second"),
        };
        if lines.len() > MAX_STAGES {
            return Some(format!("more than {MAX_STAGES} stages"));
        }
        let over = |(_, (_, target)): &(usize, &(u64, f64))| !(0.0..=most).contains(target);
        if let Some((index, (_, target))) = lines.iter().enumerate().find(over) {
            return Some(format!("stage {}: {target} {unit}; the most is {most}", index + 1));
        }
        let length_ms = lines.iter().map(|(ms, _)| *ms).fold(0, u64::saturating_add);
        if length_ms == 0 {
            return Some("the stages have a length of 0 and measure nothing".to_owned());
        }
        if length_ms > MAX_DURATION_MS {
            let (given, most) = (format_duration_ms(length_ms), format_duration_ms(MAX_DURATION_MS));
            return Some(format!("the stages last {given}; the most is {most}"));
        }
        // A start that the first stage jumps away from at once loads nothing.
        let (mut from, mut loads) = (start, false);
        for (ms, to) in lines {
            loads |= ms > 0 && (from > 0.0 || to > 0.0);
            from = to;
        }
        (!loads).then(|| format!("the stages never have more than 0 {unit}"))
    }
}

impl Stage {
    /// Reads `30s:50` or `30s:100/s`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let Some((length, target)) = text.split_once(':') else {
            return Err(format!("`{text}` is not a length and a target"));
        };
        let (length, target) = (length.trim(), target.trim());
        let duration_ms = parse_duration_ms(length).map_err(|error| error.to_string())?;
        if target.contains('/') {
            let rate_per_s = parse_rate(target).map_err(|error| error.to_string())?;
            return Ok(Self::Rate(RateStage { duration_ms, rate_per_s }));
        }
        match target.parse() {
            Ok(vus) => Ok(Self::Users(VuStage { duration_ms, vus })),
            Err(_) => Err(format!("`{target}` is neither a number of users nor a rate such as `100/s`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn users(stages: &[(u64, u64)]) -> Stages {
        Stages::Users(stages.iter().map(|&(duration_ms, vus)| VuStage { duration_ms, vus }).collect())
    }

    fn rates(stages: &[(u64, f64)]) -> Stages {
        let stage = |&(duration_ms, rate_per_s): &(u64, f64)| RateStage { duration_ms, rate_per_s };
        Stages::Rate(stages.iter().map(stage).collect())
    }

    #[test]
    fn texts_become_stages() {
        for (text, stages) in [
            ("30s:50,1m:100,30s:0", users(&[(30_000, 50), (60_000, 100), (30_000, 0)])),
            (" 5 : 1 , 0s:7", users(&[(5_000, 1), (0, 7)])),
            ("30s:100/s,1m:30000/m", rates(&[(30_000, 100.0), (60_000, 500.0)])),
            ("250ms:0.5/s", rates(&[(250, 0.5)])),
        ] {
            assert_eq!(Stages::parse(text), Ok(stages), "{text}");
        }
    }

    #[test]
    fn what_is_no_stage_is_named() {
        for (text, message) in [
            ("", "there are no stages"),
            (" ", "there are no stages"),
            ("30s", "stage 1: `30s` is not a length and a target"),
            ("30s:1,", "stage 2: `` is not a length and a target"),
            ("30s:1,x:2", "stage 2: `x` is not a duration"),
            ("30s:-1", "stage 1: `-1` is neither a number of users nor a rate such as `100/s`"),
            ("30s:1.5", "stage 1: `1.5` is neither"),
            ("30s:", "stage 1: `` is neither"),
            ("30s:x/s", "stage 1: `x/s` is not a rate"),
            ("30s:1/day", "stage 1: `1/day` is not a rate"),
            ("30s:1,1m:1,5s:1/s", "stage 3: it leads to a rate, the first to a number of users"),
            ("30s:1/s,1m:1", "stage 2: it leads to a number of users, the first to a rate"),
        ] {
            let given = Stages::parse(text).unwrap_err();
            assert!(given.starts_with(message), "{text}: {given}");
        }
    }

    #[test]
    fn stages_that_make_no_load_are_named() {
        let century = 101 * 24 * 3_600_000;
        for (stages, start, message) in [
            (users(&[(0, 5)]), 0.0, "a length of 0"),
            (users(&[(5, 0), (5, 0)]), 0.0, "never have more than 0 virtual users"),
            (users(&[(0, 0), (5, 0)]), 9.0, "never have more than 0 virtual users"),
            (users(&[(5, 0), (0, 9)]), 0.0, "never have more than 0 virtual users"),
            (rates(&[(5, 0.0)]), 0.0, "never have more than 0 per second"),
            (users(&[(5, 1), (5, 1_000_001)]), 0.0, "stage 2: 1000001 virtual users; the most is 1000000"),
            (rates(&[(5, 2e7)]), 0.0, "stage 1: 20000000 per second; the most is 10000000"),
            (rates(&[(5, f64::NAN)]), 0.0, "stage 1: NaN"),
            (users(&[(century, 1)]), 0.0, "the stages last 101d; the most is 100d"),
            (users(&[(1, 1); 1_001]), 0.0, "more than 1000 stages"),
        ] {
            let given = stages.fault(start).unwrap_or_default();
            assert!(given.contains(message), "{stages:?}: {given}");
        }
        for (stages, start) in
            [(users(&[(5, 1)]), 0.0), (users(&[(5, 0)]), 1.0), (users(&[(0, 5), (5, 0)]), 0.0)]
        {
            assert_eq!(stages.fault(start), None, "{stages:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9smh:/, .-]{0,20}") {
            if let Ok(stages) = Stages::parse(&text) {
                let _ = stages.fault(0.0);
            }
        }
    }
}
