//! Every rule a plan must obey; all problems are found at once.

use std::collections::HashSet;

use crate::{
    Executor, Feed, MAX_DURATION_MS, MAX_FEED_ROWS, MAX_FEEDS, MAX_RATE_PER_S, MAX_SCENARIOS, MAX_VUS,
    PLAN_SCHEMA, Plan, Problem, Scenario,
};

/// Features a plan may require of this host.
const FEATURES: &[&str] = &[];

impl Plan {
    /// Everything wrong with the plan; empty when it can run.
    pub fn validate(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.schema != PLAN_SCHEMA {
            let message = format!("the plan's schema is `{}`, this host reads `{PLAN_SCHEMA}`", self.schema);
            problems.push(Problem::new("/schema", message).hint("upgrade stresshost or rebuild the plugin"));
        }
        for feature in self.requires.iter().filter(|feature| !FEATURES.contains(&feature.as_str())) {
            let message = format!("the plan requires `{feature}`, which this host lacks");
            problems.push(Problem::new("/requires", message).hint("upgrade stresshost"));
        }
        if self.scenarios.is_empty() {
            problems.push(Problem::new("/scenarios", "the plan has no scenarios"));
        }
        too_many(&mut problems, "/scenarios", self.scenarios.len(), MAX_SCENARIOS);
        too_many(&mut problems, "/feeds", self.feeds.len(), MAX_FEEDS);
        unique(&mut problems, "/scenarios", self.scenarios.iter().map(|scenario| &scenario.name));
        unique(&mut problems, "/feeds", self.feeds.iter().map(|feed| &feed.name));
        for (index, scenario) in self.scenarios.iter().enumerate() {
            check_scenario(&mut problems, &format!("/scenarios/{index}"), scenario);
        }
        if self.vus() > MAX_VUS {
            let message = format!("{} virtual users in all, the most is {MAX_VUS}", self.vus());
            problems.push(Problem::new("/scenarios", message));
        }
        for (path, ms) in [("/warmup_ms", self.warmup_ms), ("/graceful_stop_ms", self.graceful_stop_ms)] {
            at_most(&mut problems, path.to_owned(), ms, MAX_DURATION_MS, "ms");
        }
        if self.warmup_ms > 0 && self.warmup_ms >= self.duration_ms() {
            let message =
                format!("a warm-up of {} ms leaves nothing of {} ms", self.warmup_ms, self.duration_ms());
            problems.push(Problem::new("/warmup_ms", message));
        }
        for (index, feed) in self.feeds.iter().enumerate() {
            check_feed(&mut problems, &format!("/feeds/{index}"), feed);
        }
        problems
    }
}

fn check_scenario(problems: &mut Vec<Problem>, path: &str, scenario: &Scenario) {
    at_most(problems, format!("{path}/start_ms"), scenario.start_ms, MAX_DURATION_MS, "ms");
    let executor = &scenario.executor;
    if executor.vus() == 0 {
        problems.push(Problem::new(format!("{path}/executor/vus"), "0 virtual users do nothing"));
    }
    at_most(problems, format!("{path}/executor/vus"), executor.vus(), MAX_VUS, "virtual users");
    if executor.duration_ms() == 0 {
        problems
            .push(Problem::new(format!("{path}/executor/duration_ms"), "a duration of 0 measures nothing"));
    }
    at_most(problems, format!("{path}/executor/duration_ms"), executor.duration_ms(), MAX_DURATION_MS, "ms");
    let ramp_up_ms = match executor {
        Executor::ConstantVus(config) => config.ramp_up_ms,
        Executor::ConstantArrivalRate(config) => {
            check_rate(problems, &format!("{path}/executor/rate_per_s"), config.rate_per_s);
            config.ramp_up_ms
        }
    };
    if ramp_up_ms > executor.duration_ms() {
        let message =
            format!("a ramp-up of {ramp_up_ms} ms is longer than the {} ms of load", executor.duration_ms());
        problems.push(Problem::new(format!("{path}/executor/ramp_up_ms"), message));
    }
}

fn check_rate(problems: &mut Vec<Problem>, path: &str, rate_per_s: f64) {
    if !(rate_per_s > 0.0 && rate_per_s.is_finite()) {
        problems.push(Problem::new(path, format!("a rate must be more than 0 per second, not {rate_per_s}")));
    } else if rate_per_s > MAX_RATE_PER_S {
        problems.push(Problem::new(path, format!("{rate_per_s} per second, the most is {MAX_RATE_PER_S}")));
    }
}

fn check_feed(problems: &mut Vec<Problem>, path: &str, feed: &Feed) {
    too_many(problems, &format!("{path}/rows"), feed.rows.len(), MAX_FEED_ROWS);
    if feed.rows.is_empty() {
        problems.push(Problem::new(format!("{path}/rows"), format!("feed `{}` has no rows", feed.name)));
    }
    if let Some(index) = feed.rows.iter().position(|row| row.len() != feed.columns.len()) {
        let (columns, values) = (feed.columns.len(), feed.rows[index].len());
        let message = format!("feed `{}` has {columns} columns but this row has {values} values", feed.name);
        problems.push(Problem::new(format!("{path}/rows/{index}"), message));
    }
}

fn too_many(problems: &mut Vec<Problem>, path: &str, count: usize, most: usize) {
    if count > most {
        problems.push(Problem::new(path, format!("{count} entries, the most is {most}")));
    }
}

fn at_most(problems: &mut Vec<Problem>, path: String, value: u64, most: u64, unit: &str) {
    if value > most {
        problems.push(Problem::new(path, format!("{value} {unit}, the most is {most}")));
    }
}

fn unique<'a>(problems: &mut Vec<Problem>, path: &str, names: impl Iterator<Item = &'a String>) {
    let mut seen = HashSet::new();
    for (index, name) in names.enumerate() {
        let at = format!("{path}/{index}/name");
        if name.is_empty() {
            problems.push(Problem::new(at, "the name is empty"));
        } else if !seen.insert(name) {
            problems.push(Problem::new(at, format!("the name `{name}` is taken")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConstantArrivalRate, ConstantVus, FeedOrder};

    fn plan(executor: Executor) -> Plan {
        let scenarios = vec![Scenario { name: "main".into(), start_ms: 0, executor }];
        Plan { schema: PLAN_SCHEMA.into(), name: "test".into(), scenarios, ..Plan::default() }
    }

    fn vus(vus: u64) -> Executor {
        Executor::ConstantVus(ConstantVus { vus, duration_ms: 1_000, ramp_up_ms: 0 })
    }

    fn paths(plan: &Plan) -> Vec<String> {
        plan.validate().into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn a_good_plan_has_no_problems() {
        assert_eq!(plan(vus(1)).validate(), []);
    }

    #[test]
    fn every_problem_is_found_at_once() {
        let bad = Executor::ConstantArrivalRate(ConstantArrivalRate {
            rate_per_s: f64::NAN,
            duration_ms: 0,
            ramp_up_ms: 5,
            vus: 0,
        });
        let mut bad = plan(bad);
        bad.scenarios.push(bad.scenarios[0].clone());
        bad.requires = vec!["time-travel".into()];
        bad.warmup_ms = 1;
        bad.feeds = vec![Feed {
            name: "f".into(),
            columns: vec!["a".into()],
            rows: vec![vec![]],
            order: FeedOrder::Unique,
        }];
        let first = "/scenarios/0/executor";
        let found = paths(&bad);
        for path in ["vus", "duration_ms", "rate_per_s", "ramp_up_ms"] {
            assert!(found.contains(&format!("{first}/{path}")), "{path} in {found:?}");
        }
        for path in ["/requires", "/scenarios/1/name", "/warmup_ms", "/feeds/0/rows/0"] {
            assert!(found.contains(&path.to_owned()), "{path} in {found:?}");
        }
    }

    #[test]
    fn absurd_numbers_are_refused() {
        assert_eq!(paths(&plan(vus(1_000_000_000))), ["/scenarios/0/executor/vus", "/scenarios"]);
        let long = Executor::ConstantVus(ConstantVus { vus: 1, duration_ms: u64::MAX, ramp_up_ms: 0 });
        assert_eq!(paths(&plan(long)), ["/scenarios/0/executor/duration_ms"]);
    }
}
