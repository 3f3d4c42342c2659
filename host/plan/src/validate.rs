//! Every rule a plan must obey; all problems are found at once.

mod executor;
mod limit;
mod metric;
mod mix;
mod phase;
#[cfg(test)]
mod tests;
mod threshold;

use std::collections::HashSet;
use std::hash::Hash;

use crate::{
    Executor, Feed, MAX_DECLARED_METRICS, MAX_DURATION_MS, MAX_FEED_ROWS, MAX_FEEDS, MAX_MIXES, MAX_PHASES,
    MAX_RATE_LIMITS, MAX_SCENARIOS, MAX_THRESHOLDS, MAX_VUS, MAX_WORKLOADS, PLAN_SCHEMA, Plan, Problem,
    Scenario, ScheduledPhase, format_duration_ms, nearest,
};

/// Features a plan may require of this host.
const FEATURES: &[&str] = &["phases", "mixes", "thresholds", "limits", "pause"];

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
        for (index, feed) in self.feeds.iter().enumerate() {
            check_feed(&mut problems, &format!("/feeds/{index}"), feed);
        }
        if self.check_sizes(&mut problems) {
            self.check_parts(&mut problems);
        }
        problems
    }

    /// Whether every list is short enough. The other checks compare lists with each other, so that their time is the
    /// product of the lengths.
    fn check_sizes(&self, problems: &mut Vec<Problem>) -> bool {
        let workloads = self.phases.iter().map(|phase| phase.workloads.len()).sum();
        let criteria: usize = self.phases.iter().map(|phase| phase.criteria.len()).sum();
        let dependencies = self.phases.iter().map(|phase| phase.depends_on.len()).max().unwrap_or(0);
        let before = problems.len();
        for (path, count, most) in [
            ("/scenarios", self.scenarios.len(), MAX_SCENARIOS),
            ("/mixes", self.mixes.len(), MAX_MIXES),
            ("/phases", self.phases.len(), MAX_PHASES),
            ("/phases", dependencies, MAX_PHASES),
            ("/phases", workloads, MAX_WORKLOADS),
            ("/thresholds", self.thresholds.len() + criteria, MAX_THRESHOLDS),
            ("/limits", self.limits.len(), MAX_RATE_LIMITS),
            ("/metrics", self.metrics.len(), MAX_DECLARED_METRICS),
            ("/feeds", self.feeds.len(), MAX_FEEDS),
        ] {
            too_many(problems, path, count, most);
        }
        problems.len() == before
    }

    fn check_parts(&self, problems: &mut Vec<Problem>) {
        if self.scenarios.is_empty() && self.phases.iter().all(|phase| phase.workloads.is_empty()) {
            problems.push(Problem::new("/scenarios", "the plan has no scenarios"));
        }
        let scenario_keys = self.scenarios.iter().map(|one| (&one.phase, one.part, one.name.as_str()));
        unique(problems, "/scenarios", scenario_keys);
        unique(problems, "/mixes", self.mixes.iter().map(|one| (&one.phase, one.part, one.name.as_str())));
        unique(problems, "/feeds", self.feeds.iter().map(|feed| ((), (), feed.name.as_str())));
        for (index, scenario) in self.scenarios.iter().enumerate() {
            let path = format!("/scenarios/{index}");
            self.check_scenario(problems, &path, scenario);
            self.check_place(problems, &path, &scenario.phase, scenario.start_ms, scenario.part);
        }
        mix::check(problems, self);
        phase::check(problems, self);
        limit::check(problems, self);
        metric::check(problems, self);
        threshold::check(problems, self);
        for (path, ms) in [("/warmup_ms", self.warmup_ms), ("/graceful_stop_ms", self.graceful_stop_ms)] {
            at_most_ms(problems, path, ms);
        }
        self.check_whole(problems);
    }

    fn check_scenario(&self, problems: &mut Vec<Problem>, path: &str, scenario: &Scenario) {
        if let Executor::MixShare(share) = &scenario.executor {
            mix::check_share(problems, self, path, scenario, share);
        } else {
            executor::check(problems, &format!("{path}/executor"), &scenario.executor);
            executor::check_pause(problems, path, &scenario.executor, scenario.pause);
        }
    }

    /// Phase, start and part of a scenario or mix.
    fn check_place(&self, problems: &mut Vec<Problem>, path: &str, phase: &str, start_ms: u64, part: u16) {
        at_most_ms(problems, &format!("{path}/start_ms"), start_ms);
        phase::check_place(problems, self, path, phase, start_ms);
        if usize::from(part) >= self.parts.len().max(1) {
            let message = format!("part {part} of a plan with {} parts", self.parts.len());
            let problem = Problem::new(format!("{path}/part"), message);
            problems.push(problem.hint("leave it out; the host sets it"));
        }
    }

    /// What only the schedule shows: the users of phases that overlap, warm-ups and the length.
    fn check_whole(&self, problems: &mut Vec<Problem>) {
        let schedule = self.schedule();
        let root = if self.phases.is_empty() { "/scenarios" } else { "/phases" };
        // What is too much alone has its problem already; here it is about sums.
        let largest =
            schedule.phases.iter().flat_map(|phase| &phase.streams).map(|stream| stream.executor.vus());
        let peak = schedule.peak_vus();
        if peak > MAX_VUS && largest.max().unwrap_or(0) <= MAX_VUS {
            let message = format!("{peak} virtual users at once, the most is {MAX_VUS}");
            problems.push(Problem::new(root, message));
        }
        let longest = schedule.phases.iter().map(ScheduledPhase::duration_ms).max().unwrap_or(0);
        if schedule.duration_ms() > MAX_DURATION_MS && longest <= MAX_DURATION_MS {
            let length = format_duration_ms(schedule.duration_ms());
            let message = format!("{length} in all, the most is {}", format_duration_ms(MAX_DURATION_MS));
            problems.push(Problem::new(root, message));
        }
        for (index, phase) in schedule.phases.iter().enumerate() {
            let own = self.phases.get(index);
            let length_ms = match own {
                // How long other plugins will take is not known before they have planned.
                Some(own) if self.is_unresolved() && !own.workloads.is_empty() => {
                    own.duration_ms.unwrap_or(u64::MAX)
                }
                _ => phase.duration_ms(),
            };
            if phase.warmup_ms == 0 || phase.warmup_ms < length_ms {
                continue;
            }
            let path = match own {
                Some(own) if own.warmup_ms.is_some() => format!("/phases/{index}/warmup_ms"),
                _ => "/warmup_ms".to_owned(),
            };
            let (warmup, length) = (format_duration_ms(phase.warmup_ms), format_duration_ms(length_ms));
            let of =
                if phase.name.is_empty() { String::new() } else { format!(" of phase `{}`", phase.name) };
            problems.push(Problem::new(
                path,
                format!("a warm-up of {warmup} leaves nothing{of}: it lasts {length}"),
            ));
        }
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

fn at_most(problems: &mut Vec<Problem>, path: impl Into<String>, value: u64, most: u64, unit: &str) {
    if value > most {
        problems.push(Problem::new(path, format!("{value} {unit}, the most is {most}")));
    }
}

fn at_most_ms(problems: &mut Vec<Problem>, path: &str, ms: u64) {
    at_most(problems, path, ms, MAX_DURATION_MS, "ms");
}

/// Reports empty and repeated names; two of the same name may live in different scopes.
fn unique<'a, A: Hash + Eq, B: Hash + Eq>(
    problems: &mut Vec<Problem>,
    path: &str,
    names: impl Iterator<Item = (A, B, &'a str)>,
) {
    let mut seen = HashSet::new();
    for (index, key) in names.enumerate() {
        let (at, name) = (format!("{path}/{index}/name"), key.2);
        if name.is_empty() {
            problems.push(Problem::new(at, "the name is empty"));
        } else if !seen.insert(key) {
            problems.push(Problem::new(at, format!("the name `{name}` is taken")));
        }
    }
}

/// A problem about a name that leads nowhere, with the nearest that leads somewhere.
fn no_such<'a>(
    path: impl Into<String>,
    message: String,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Problem {
    let problem = Problem::new(path, message);
    match nearest(name, known.clone()) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => {
            let mut seen = HashSet::new();
            let all: Vec<String> =
                known.filter(|name| seen.insert(*name)).map(|name| format!("`{name}`")).collect();
            // More names than this are no help.
            if all.is_empty() || all.len() > 10 {
                problem
            } else {
                problem.hint(format!("there is {}", all.join(", ")))
            }
        }
    }
}
