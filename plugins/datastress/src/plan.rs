//! From flags and a config to a plan.

mod statements;
pub(crate) mod targets;

use stresshost_sdk::config::Found;
use stresshost_sdk::documents::{Iterations, Pause, Phase, Threshold};
use stresshost_sdk::load::GivenLoad;
use stresshost_sdk::prelude::*;
use stresshost_sdk::serde_json;

use crate::builtin::Builtin;
use crate::command::Command;
use crate::config::{self, Config, Query};
use crate::database::{Database, Kind};
use crate::document::{Doing, Invariant, Layout, Options, QueryType, Work, Workload};
use crate::limits::{DEFAULT_ROWS, SAMPLE_EVERY_MS, SWEEP_MS, SWEEP_SHARE, VERIFY_MS};
use crate::{mongo, script};
use statements::{Reader, read_statements};

/// Names of the phases of a run, and of the scenarios that are not the user's.
pub(crate) const LOAD: &str = "load";
pub(crate) const VERIFY: &str = "verify";
pub(crate) const MONITOR: &str = "monitor";

/// Makes the plan.
pub(crate) fn plan(input: &PlanInput) -> Result<Plan, Problems> {
    let mut found = Found::default();
    let command = Command::read(input, &mut found);
    let flags = GivenLoad::from_flags(input, &mut found);
    let config = match &input.config {
        serde_json::Value::Null => Config::default(),
        document => config::read(document, &mut found),
    };
    let database = config.database(command.url.as_ref(), &mut found);
    let Some(database) = database else { return Err(found.problems) };
    let mut maker = Maker { command, config, database, flags, found, workload: Workload::default() };
    let plan = maker.make();
    if maker.found.problems.is_empty() { Ok(plan) } else { Err(maker.found.problems) }
}

struct Maker {
    command: Command,
    config: Config,
    database: Database,
    flags: GivenLoad,
    found: Found,
    workload: Workload,
}

impl Maker {
    fn make(&mut self) -> Plan {
        let mut plan = Plan { name: self.database.name.clone(), ..Plan::default() };
        self.put_scenarios(&mut plan);
        self.workload.database = self.database.clone();
        // Built-in data may be made in a file that is not there yet.
        if self.database.kind == Kind::Sqlite
            && !self.workload.builtins.is_empty()
            && !self.database.url.contains('?')
        {
            self.workload.database.url.push_str("?mode=rwc");
        }
        self.put_invariants(&plan);
        self.put_options();
        self.refuse_writes();
        let connections: u64 = plan.scenarios.iter().map(|scenario| scenario.executor.vus()).sum();
        self.workload.options.connections = connections;
        let scenarios: Vec<(String, QueryType)> =
            self.workload.works.iter().map(|work| (work.name.clone(), work.query_type)).collect();
        targets::put(&mut plan, &self.config, &scenarios, self.database.kind.protocol(), &mut self.found);
        self.put_layout(&mut plan);
        plan.targets = vec![self.database.target.clone()];
        plan.feeds.extend(self.command.feed.clone());
        self.flags.shape.apply(&mut plan);
        plan.notes = std::mem::take(&mut self.found.notes);
        plan.workload = serde_json::to_value(&self.workload).unwrap_or_default();
        plan
    }

    /// The user's scenarios: those of the config, else one of the query file or of a built-in workload.
    fn put_scenarios(&mut self, plan: &mut Plan) {
        let from_file = self.command.query_file.clone();
        let is_own = from_file.is_none() && self.command.workload.is_none();
        let scenarios = if is_own { self.config.scenarios.clone() } else { Vec::new() };
        if scenarios.is_empty() {
            let mut scenario = config::Scenario { name: "queries".to_owned(), ..config::Scenario::default() };
            scenario.query_type = self.command.query_type;
            match from_file {
                Some(text) => scenario.queries = self.file(&text),
                None => {
                    let builtin = self.command.workload.unwrap_or(Builtin::Kv);
                    builtin.word().clone_into(&mut scenario.name);
                    scenario.workload = Some(builtin);
                }
            }
            self.put_scenario(plan, &scenario);
            return;
        }
        if self.command.query_type.is_some() {
            self.found.problem("--query-type", "the config's scenarios have query types of their own");
        }
        for scenario in &scenarios {
            self.put_scenario(plan, scenario);
        }
    }

    fn file(&mut self, text: &str) -> Vec<Query> {
        let pieces = match self.database.kind {
            Kind::Mongo => mongo::script::split(text),
            _ => script::split(text),
        };
        if pieces.is_empty() {
            self.found.problem("--query-file", "the file holds no statement");
        }
        let count = pieces.len();
        let mut query = |(number, piece): (usize, script::Piece)| {
            let weight = piece.weight.as_ref().and_then(|text| {
                let weight = text.parse().ok();
                if weight.is_none() {
                    let message = format!("query {number} of {count}: `{text}` is no weight");
                    self.found.problem("--query-file", message);
                }
                weight
            });
            let (path, label) = ("--query-file".to_owned(), format!("query {number} of {count}: "));
            Query { sql: piece.text, name: piece.name, weight, path, label, line: piece.line }
        };
        (1..).zip(pieces).map(&mut query).collect()
    }

    fn put_scenario(&mut self, plan: &mut Plan, scenario: &config::Scenario) {
        let prefix = if self.config.scenarios.is_empty() {
            String::new()
        } else {
            format!("scenario `{}`: ", scenario.name)
        };
        let load = self.flags.or(&scenario.load);
        load.check(&scenario.path, &mut self.found);
        let mut shape = load.shape.scenario(&scenario.name, &prefix, &mut self.found.notes);
        for (own, theirs) in self.flags.replaces(&scenario.load) {
            self.found.notes.push(format!("`{own}` replaces `{theirs}` of the config"));
        }
        shape.phase = LOAD.to_owned();
        let work = match scenario.workload {
            Some(builtin) => self.builtin(scenario, builtin),
            None => self.statements(scenario),
        };
        let Some(work) = work else { return };
        shape.own_index = u32::try_from(self.workload.works.len()).ok();
        self.workload.works.push(work);
        plan.scenarios.push(shape);
    }

    fn builtin(&mut self, scenario: &config::Scenario, builtin: Builtin) -> Option<Work> {
        let kind = self.database.kind;
        if !builtin.is_for(kind) {
            let path = if scenario.path.is_empty() { "--workload" } else { &scenario.path };
            self.found.problem(path, format!("`{}` is no workload for {}", builtin.word(), kind.name()));
            return None;
        }
        let query_type = scenario.query_type.unwrap_or(builtin.query_type());
        if builtin != Builtin::Kv && query_type != builtin.query_type() {
            let path = if scenario.path.is_empty() { "--query-type" } else { &scenario.path };
            let own = builtin.query_type().word();
            self.found.problem(path, format!("`{}` is `{own}` work and no other", builtin.word()));
        }
        let size = self.size(builtin);
        let doing = builtin.doing(kind, query_type, size);
        self.found.notes.push(format!(
            "built-in workload `{}`, {}: its data (`stresshost_*`) is made before the load and taken away after it, \
             unless it was there",
            builtin.word(),
            query_type.word()
        ));
        self.workload.builtin(builtin, size);
        Some(Work { name: scenario.name.clone(), query_type, doing })
    }

    fn size(&self, builtin: Builtin) -> u64 {
        match builtin {
            Builtin::TpcB | Builtin::TpcC => self.command.scale.unwrap_or(1),
            _ => self.command.rows.unwrap_or(DEFAULT_ROWS),
        }
    }

    fn statements(&mut self, scenario: &config::Scenario) -> Option<Work> {
        if self.database.kind == Kind::Redis {
            let path = if scenario.path.is_empty() { "--query-file" } else { &scenario.path };
            self.found.problem_with_hint(path, "Redis has no SQL", "choose a built-in one with --workload");
            return None;
        }
        let reader = Reader {
            kind: self.database.kind,
            declared: [&scenario.parameters, &self.command.parameters, &self.config.parameters],
            has_feed: self.command.feed.is_some(),
        };
        read_statements(scenario, &reader, &mut self.found)
    }

    fn put_invariants(&mut self, plan: &Plan) {
        let given = self.config.invariants.iter().chain(&self.command.invariants).cloned();
        let mut invariants: Vec<Invariant> = given.collect();
        if !self.database.kind.is_sql() && !invariants.is_empty() {
            let message = format!("invariants are SQL, which {} has not", self.database.kind.name());
            self.found.problem("", message);
            return;
        }
        for (number, invariant) in (1..).zip(&invariants) {
            let wrong = |message: String| format!("invariant {number} (`{}`): {message}", invariant.name);
            match crate::statement::read(&invariant.sql, self.database.kind) {
                Ok(read) if read.class != crate::statement::Class::Read => {
                    self.found.problem("", wrong("it changes data; an invariant only reads".to_owned()));
                }
                Ok(read) if !read.parameters.is_empty() => {
                    self.found.problem("", wrong("it has parameters, which nothing fills".to_owned()));
                }
                Ok(_) => {}
                Err(error) => self.found.problem("", wrong(error.message)),
            }
        }
        let builtins = self.workload.builtins.clone();
        invariants.extend(builtins.iter().flat_map(|(builtin, _)| builtin.invariants()));
        let is_asked = self.database.kind.is_sql() && !plan.scenarios.is_empty();
        if is_asked && invariants.is_empty() && self.workload.writes() {
            let note = "no invariants were given: nothing is said of the data's consistency";
            self.found.notes.push(note.to_owned());
        }
        self.workload.invariants = invariants;
    }

    fn put_options(&mut self) {
        if self.command.explain && self.database.kind == Kind::Redis {
            self.found.notes.push("--query-plan-analysis: Redis has no query plans".to_owned());
        }
        if self.database.kind == Kind::Mongo {
            self.check_options_of_mongo();
        }
        self.workload.options = Options {
            explain: self.command.explain,
            prove: self.command.prove,
            timeout_ms: self.command.timeout_ms.or(self.config.timeout_ms),
            may_write: self.may_write(),
            connections: 0,
        };
    }

    fn check_options_of_mongo(&mut self) {
        if self.command.prove {
            let hint = "--query-plan-analysis suggests indexes without measuring them";
            self.found.problem_with_hint("--prove", "indexes of MongoDB are not measured on a copy", hint);
        }
        if self.command.sweep {
            let message = "connections to MongoDB are not pooled here: each user has one of its own";
            self.found.problem_with_hint(
                "--connection-pool-optimization",
                message,
                "compare runs with different --connections",
            );
        }
        let has_commands =
            self.workload.works.iter().any(|work| matches!(work.doing, Doing::Statements { .. }));
        if self.command.explain && !has_commands {
            let note =
                "--query-plan-analysis: the built-in commands look up `_id`, which always has an index";
            self.found.notes.push(note.to_owned());
        }
    }

    fn may_write(&self) -> bool {
        let place = self.database.place();
        self.database.is_local || self.command.allow_writes.contains(&place)
    }

    /// A database of another machine is somebody's: it is written to only when that was said.
    fn refuse_writes(&mut self) {
        let makes_data = !self.workload.builtins.is_empty() || self.command.prove;
        if self.may_write() || !(self.workload.writes() || makes_data) {
            return;
        }
        let place = self.database.place();
        let message = format!("this run writes to `{place}`, which is not on this machine");
        let hint = format!(
            "add `--allow-writes {place}` if it may, or use only `read` scenarios with queries of your own"
        );
        self.found.problem_with_hint("--allow-writes", message, hint);
    }

    /// Puts the phases: pool sizes tried, the load with its monitor, and what is checked afterwards.
    fn put_layout(&mut self, plan: &mut Plan) {
        let load: Vec<Scenario> = plan.scenarios.clone();
        let mut before = self.put_sweep(plan, &load);
        self.put_monitor(plan, &load);
        let verify = self.put_work(VERIFY, Doing::Verify);
        let once = Iterations { vus: 1, iterations: 1, max_duration_ms: VERIFY_MS };
        plan.scenarios.push(own(VERIFY, VERIFY, verify, Executor::SharedIterations(once)));
        for name in [LOAD, VERIFY] {
            let warmup_ms = (name == VERIFY).then_some(0);
            plan.phases.push(Phase {
                depends_on: before.into_iter().collect(),
                warmup_ms,
                ..Phase::new(name)
            });
            before = Some(name.to_owned());
        }
        let users = |phase: &str| -> Vec<(usize, u64)> {
            let scenarios = plan.scenarios.iter().filter(|scenario| scenario.phase == phase);
            let index = |scenario: &Scenario| usize::try_from(scenario.own_index.unwrap_or(0)).unwrap_or(0);
            scenarios.map(|scenario| (index(scenario), scenario.executor.vus())).collect()
        };
        let phases = plan.phases.iter().map(|phase| (phase.name.clone(), sweep_size(&phase.name)));
        self.workload.layouts =
            phases.map(|(phase, pool)| Layout { users: users(&phase), phase, pool }).collect();
        if !self.workload.invariants.is_empty() {
            let expression = "checks{check=\"invariant *\"}.rate >= 100%";
            let label = "every invariant holds".to_owned();
            plan.thresholds.push(Threshold { label, ..Threshold::new(expression) });
        }
    }

    /// Puts the scenario that looks at the server for as long as the load lasts. A number of iterations ends when it ends,
    /// which nobody knows before.
    fn put_monitor(&mut self, plan: &mut Plan, load: &[Scenario]) {
        let is_timed = |one: &&Scenario| {
            !matches!(one.executor, Executor::SharedIterations(_) | Executor::PerVuIterations(_))
        };
        let ends =
            load.iter().filter(is_timed).map(|one| one.start_ms.saturating_add(one.executor.duration_ms()));
        let Some(duration_ms) = ends.max() else {
            let note = "the server's sessions are not sampled: a load of iterations has no length of its own";
            self.found.notes.push(note.to_owned());
            return;
        };
        let monitor = self.put_work(MONITOR, Doing::Monitor);
        let watched = ConstantVus { vus: 1, duration_ms, ramp_up_ms: 0 };
        plan.scenarios.push(Scenario {
            pause: Some(Pause::Pacing { interval_ms: SAMPLE_EVERY_MS }),
            ..own(MONITOR, LOAD, monitor, Executor::ConstantVus(watched))
        });
    }

    fn put_work(&mut self, name: &str, doing: Doing) -> usize {
        self.workload.works.push(Work { name: name.to_owned(), query_type: QueryType::Read, doing });
        self.workload.works.len() - 1
    }

    /// A phase for each pool size; the name of the last.
    fn put_sweep(&mut self, plan: &mut Plan, load: &[Scenario]) -> Option<String> {
        if !self.command.sweep {
            return None;
        }
        match self.database.kind {
            Kind::Redis => {
                let note = "--connection-pool-optimization: Redis connections are not pooled here";
                self.found.notes.push(note.to_owned());
                return None;
            }
            // It is a problem, which has been told.
            Kind::Mongo => return None,
            Kind::Postgresql | Kind::Mysql | Kind::Sqlite => {}
        }
        let users = load.iter().map(|scenario| scenario.executor.vus()).max().unwrap_or(1).max(1);
        let longest = load.iter().map(|scenario| scenario.executor.duration_ms()).max().unwrap_or(0);
        let duration_ms = (longest / SWEEP_SHARE).clamp(SWEEP_MS.0, SWEEP_MS.1);
        let mut before = None;
        for size in sizes(users) {
            let phase = sweep_phase(size);
            for scenario in load {
                let vus = scenario.executor.vus();
                let executor = Executor::ConstantVus(ConstantVus { vus, duration_ms, ramp_up_ms: 0 });
                let name = format!("{}, pool of {size}", scenario.name);
                let own_index = scenario.own_index;
                plan.scenarios.push(Scenario {
                    phase: phase.clone(),
                    own_index,
                    ..Scenario::new(name, executor)
                });
            }
            plan.phases.push(Phase {
                depends_on: before.into_iter().collect(),
                warmup_ms: Some(0),
                ..Phase::new(&phase)
            });
            before = Some(phase);
        }
        before
    }
}

/// A scenario that is not the user's.
fn own(name: &str, phase: &str, work: usize, executor: Executor) -> Scenario {
    let own_index = u32::try_from(work).ok();
    Scenario { phase: phase.to_owned(), own_index, ..Scenario::new(name, executor) }
}

/// Pool sizes that are tried for so many users: an eighth of them, doubled until there are more than users.
fn sizes(users: u64) -> Vec<u64> {
    let mut sizes: Vec<u64> = [8, 4, 2, 1].iter().map(|part| (users / part).max(1)).collect();
    sizes.push(users * 2);
    sizes.dedup();
    sizes
}

fn sweep_phase(size: u64) -> String {
    format!("pool-{size}")
}

/// The pool size of a phase, if it is one that tries some.
pub(crate) fn sweep_size(phase: &str) -> Option<u32> {
    phase.strip_prefix("pool-")?.parse().ok()
}

#[cfg(test)]
mod tests;
