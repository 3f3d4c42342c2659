//! Parts of a plan in one line, for people.

use crate::{Executor, LimitScope, Mix, Pause, Phase, RateLimit, Spacing, format_duration_ms as time};

/// Stages that are written out; a line with more is no longer read.
const SHOWN_STAGES: usize = 6;

impl Executor {
    /// The load in one line, such as `50 virtual users for 10s`.
    pub fn describe(&self) -> String {
        match self {
            Self::ConstantVus(c) => {
                format!("{} for {}{}", users(c.vus), time(c.duration_ms), ramp_up(c.ramp_up_ms))
            }
            Self::RampingVus(c) => {
                let stages = c.stages.iter().map(|stage| (stage.duration_ms, stage.vus as f64));
                format!("from {} {}", users(c.start_vus), lines(c.start_vus as f64, stages, ""))
            }
            Self::SharedIterations(c) => {
                let iterations = plural(c.iterations, "iteration");
                format!("{iterations} shared by {}, within {}", users(c.vus), time(c.max_duration_ms))
            }
            Self::PerVuIterations(c) => {
                let iterations = plural(c.iterations, "iteration");
                format!("{iterations} by each of {}, within {}", users(c.vus), time(c.max_duration_ms))
            }
            Self::ConstantArrivalRate(c) => {
                let load = format!("{}/s for {}{}", c.rate_per_s, time(c.duration_ms), ramp_up(c.ramp_up_ms));
                format!("{load}{}, up to {} at once", spacing(c.spacing), c.vus)
            }
            Self::RampingArrivalRate(c) => {
                let stages = c.stages.iter().map(|stage| (stage.duration_ms, stage.rate_per_s));
                let load =
                    format!("from {}/s {}", c.start_rate_per_s, lines(c.start_rate_per_s, stages, "/s"));
                format!("{load}{}, up to {} at once", spacing(c.spacing), c.vus)
            }
            Self::ExternallyControlled(c) => {
                let load = match c.rate_per_s {
                    Some(rate) => format!("{rate}/s for {}, up to {} at once", time(c.duration_ms), c.vus),
                    None => format!("{} for {}", users(c.vus), time(c.duration_ms)),
                };
                let most = users(c.vus.max(c.max_vus));
                format!("{load}, to be changed by `stresshost ctl scale` up to {most}")
            }
            Self::MixShare(share) => format!("share {} of mix `{}`", share.weight, share.mix),
        }
    }
}

impl Pause {
    /// The pause in one line, such as `thinks for 1s to 3s`.
    pub fn describe(&self) -> String {
        match *self {
            Self::ThinkTime { min_ms, max_ms } if min_ms == max_ms => format!("thinks for {}", time(min_ms)),
            Self::ThinkTime { min_ms, max_ms } => format!("thinks for {} to {}", time(min_ms), time(max_ms)),
            Self::Pacing { interval_ms } => format!("one iteration every {}", time(interval_ms)),
        }
    }
}

impl Mix {
    /// The mix in one line, without its name, such as `100/s for 1m, up to 50 at once, from 10s on`.
    pub fn describe(&self) -> String {
        let start = match self.start_ms {
            0 => String::new(),
            start_ms => format!(", from {} on", time(start_ms)),
        };
        let pause = self.pause.map(|pause| format!(", {}", pause.describe())).unwrap_or_default();
        format!("{}{start}{pause}", self.executor.describe())
    }
}

impl RateLimit {
    /// The limit in one line, without its name, such as `at most 100/s to https://api.example:443, bursts of 10`.
    pub fn describe(&self) -> String {
        let scope = match &self.scope {
            LimitScope::Named => "where a plugin asks for it".to_owned(),
            LimitScope::Global => "for every operation".to_owned(),
            LimitScope::Scenario(name) => format!("in scenario `{name}`"),
            LimitScope::Target(pattern) => format!("to {pattern}"),
        };
        let burst = if self.burst > 1 { format!(", bursts of {}", self.burst) } else { String::new() };
        format!("at most {}/s {scope}{burst}", self.rate_per_s)
    }
}

impl Phase {
    /// The phase in one line, without its name and load, such as `after base, 3 times the load, cut at 15m,
    /// 2 criteria`. Empty when there is nothing to say.
    pub fn describe(&self) -> String {
        let mut parts = Vec::new();
        if !self.depends_on.is_empty() {
            parts.push(format!("after {}", self.depends_on.join(" and ")));
        }
        #[expect(clippy::float_cmp, reason = "1 is the default, written and read exactly")]
        if self.load_multiplier != 1.0 {
            parts.push(format!("{} times the load", self.load_multiplier));
        }
        let times =
            [("cut at", self.duration_ms), ("warm-up", self.warmup_ms), ("grace", self.graceful_stop_ms)];
        for (word, ms) in times {
            parts.extend(ms.map(|ms| format!("{word} {}", time(ms))));
        }
        if !self.workloads.is_empty() {
            let plugins: Vec<&str> = self.workloads.iter().map(|workload| workload.plugin.as_str()).collect();
            parts.push(format!("with {}", plugins.join(", ")));
        }
        match self.criteria.len() {
            0 => {}
            1 => parts.push("1 criterion".to_owned()),
            count => parts.push(format!("{count} criteria")),
        }
        parts.join(", ")
    }
}

fn plural(count: u64, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

fn users(vus: u64) -> String {
    plural(vus, "virtual user")
}

fn ramp_up(ms: u64) -> String {
    if ms > 0 { format!(", ramp-up {}", time(ms)) } else { String::new() }
}

const fn spacing(spacing: Spacing) -> &'static str {
    match spacing {
        Spacing::Even => "",
        Spacing::Poisson => ", Poisson",
    }
}

/// Straight lines, such as `to 50/s in 10s, hold 1m, jump to 10/s`.
fn lines(start: f64, stages: impl ExactSizeIterator<Item = (u64, f64)>, unit: &str) -> String {
    let count = stages.len();
    let (mut from, mut text) = (start, Vec::new());
    for (duration_ms, to) in stages.take(SHOWN_STAGES) {
        #[expect(clippy::float_cmp, reason = "a line is level when its ends are the same number")]
        let is_level = from == to;
        text.push(match duration_ms {
            0 => format!("jump to {to}{unit}"),
            ms if is_level => format!("hold {}", time(ms)),
            ms => format!("to {to}{unit} in {}", time(ms)),
        });
        from = to;
    }
    if count > SHOWN_STAGES {
        text.push(format!("and {} more", count - SHOWN_STAGES));
    }
    text.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ConstantArrivalRate, ConstantVus, ExternallyControlled, Iterations, MixShare, PhaseWorkload,
        RampingArrivalRate, RampingVus, RateStage, Threshold, VuStage,
    };

    #[test]
    fn loads_are_described() {
        let stages = |count: usize| RampingVus {
            start_vus: 1,
            stages: vec![VuStage { duration_ms: 1_000, vus: 5 }; count],
        };
        let rates = RampingArrivalRate {
            start_rate_per_s: 0.0,
            stages: [(10_000, 50.0), (60_000, 50.0), (0, 2.5)]
                .map(|(duration_ms, rate_per_s)| RateStage { duration_ms, rate_per_s })
                .to_vec(),
            vus: 20,
            spacing: Spacing::Poisson,
        };
        let rate = ConstantArrivalRate {
            rate_per_s: 100.0,
            duration_ms: 90_000,
            ramp_up_ms: 5_000,
            vus: 50,
            spacing: Spacing::Even,
        };
        let counted = |vus, iterations| Iterations { vus, iterations, max_duration_ms: 600_000 };
        let external =
            |rate_per_s| ExternallyControlled { vus: 5, max_vus: 20, rate_per_s, duration_ms: 60_000 };
        let cases = [
            (
                Executor::ConstantVus(ConstantVus { vus: 1, duration_ms: 10_000, ramp_up_ms: 0 }),
                "1 virtual user for 10s",
            ),
            (
                Executor::ConstantVus(ConstantVus { vus: 50, duration_ms: 10_000, ramp_up_ms: 500 }),
                "50 virtual users for 10s, ramp-up 500ms",
            ),
            (Executor::RampingVus(stages(2)), "from 1 virtual user to 5 in 1s, hold 1s"),
            (
                Executor::RampingVus(stages(8)),
                "from 1 virtual user to 5 in 1s, hold 1s, hold 1s, hold 1s, hold 1s, hold 1s, and 2 more",
            ),
            (
                Executor::SharedIterations(counted(3, 100)),
                "100 iterations shared by 3 virtual users, within 10m",
            ),
            (Executor::PerVuIterations(counted(3, 1)), "1 iteration by each of 3 virtual users, within 10m"),
            (Executor::ConstantArrivalRate(rate), "100/s for 1m30s, ramp-up 5s, up to 50 at once"),
            (
                Executor::RampingArrivalRate(rates),
                "from 0/s to 50/s in 10s, hold 1m, jump to 2.5/s, Poisson, up to 20 at once",
            ),
            (
                Executor::ExternallyControlled(external(None)),
                "5 virtual users for 1m, to be changed by `stresshost ctl scale` up to 20 virtual users",
            ),
            (
                Executor::ExternallyControlled(external(Some(7.0))),
                "7/s for 1m, up to 5 at once, to be changed by `stresshost ctl scale` up to 20 virtual users",
            ),
            (Executor::MixShare(MixShare { mix: "shop".into(), weight: 3 }), "share 3 of mix `shop`"),
        ];
        for (executor, expected) in cases {
            assert_eq!(executor.describe(), expected);
        }
    }

    #[test]
    fn the_other_parts_are_described() {
        assert_eq!(Pause::ThinkTime { min_ms: 5, max_ms: 5 }.describe(), "thinks for 5ms");
        let pause = Pause::ThinkTime { min_ms: 1_000, max_ms: 3_000 };
        assert_eq!(pause.describe(), "thinks for 1s to 3s");
        assert_eq!(Pause::Pacing { interval_ms: 500 }.describe(), "one iteration every 500ms");
        let mix = Mix {
            name: "shop".into(),
            phase: String::new(),
            start_ms: 10_000,
            executor: Executor::ConstantVus(ConstantVus { vus: 2, duration_ms: 1_000, ramp_up_ms: 0 }),
            pause: Some(pause),
            part: 0,
        };
        assert_eq!(mix.describe(), "2 virtual users for 1s, from 10s on, thinks for 1s to 3s");
        let limit = |scope, burst| RateLimit { name: "x".into(), rate_per_s: 2.5, burst, scope }.describe();
        assert_eq!(limit(LimitScope::Named, 1), "at most 2.5/s where a plugin asks for it");
        assert_eq!(limit(LimitScope::Global, 10), "at most 2.5/s for every operation, bursts of 10");
        assert_eq!(limit(LimitScope::Scenario("buy".into()), 1), "at most 2.5/s in scenario `buy`");
        assert_eq!(limit(LimitScope::Target("http://*:*".into()), 1), "at most 2.5/s to http://*:*");
    }

    #[test]
    fn phases_are_described() {
        assert_eq!(Phase::new("base").describe(), "");
        let full = Phase {
            depends_on: vec!["base".into(), "api".into()],
            load_multiplier: 3.0,
            duration_ms: Some(900_000),
            warmup_ms: Some(10_000),
            graceful_stop_ms: Some(0),
            workloads: vec![PhaseWorkload { plugin: "devstress".into(), ..PhaseWorkload::default() }],
            criteria: vec![Threshold::new("errors < 1%"), Threshold::new("p95 < 1s")],
            ..Phase::new("peak")
        };
        assert_eq!(
            full.describe(),
            "after base and api, 3 times the load, cut at 15m, warm-up 10s, grace 0s, with devstress, 2 criteria"
        );
        let one = Phase { criteria: vec![Threshold::new("errors < 1%")], ..Phase::new("a") };
        assert_eq!(one.describe(), "1 criterion");
    }
}
