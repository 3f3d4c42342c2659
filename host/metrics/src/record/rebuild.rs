//! The summary of a run, computed again from its records.

use std::io::BufRead;
use std::sync::{Mutex, PoisonError};

use stresshost_plan::Plan;

use super::{
    EndRecord, FaultRecord, FaultText, IntervalRecord, RecordError, RecordEvent, RecordReader, RunEndRecord,
};
use crate::{
    FaultSummary, MAX_FOREIGN_PROTOCOLS, MAX_NAME_BYTES, Names, PhaseEnd, RunEnd, RunInfo, Summary,
    TickFacts, Totals, VerdictStatus,
};

/// The summary of a run computed from its log, and what to know of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rebuilt {
    /// The summary.
    pub summary: Summary,
    /// Whether the log ends before the run did: it was killed.
    pub cut_short: bool,
    /// Whether intervals of the log were merged: what was judged tick by tick can then not be judged again.
    pub merged: bool,
    /// Number of records.
    pub records: u64,
}

/// Computes the summary of a run from its records, in order and from the first on.
///
/// `plan` and `plugin` are what the run began with; `run` says which run it was, its length and whether it was
/// interrupted are found in the records. A run that was cut short is at best inconclusive. Records must be those of a
/// run or of a [`RecordReader`], which refuses counts and times that no run could reach.
///
/// # Errors
/// When the plan cannot be used, or a record refers to what is neither in it nor in the records before.
pub fn rebuild(
    plan: &Plan,
    plugin: &str,
    run: RunInfo,
    records: impl Iterator<Item = IntervalRecord>,
) -> Result<Summary, RecordError> {
    let mut replay = Replay::new(plan, plugin)?;
    for record in records {
        replay.take(&record)?;
    }
    Ok(replay.summary(run, None))
}

/// [`rebuild`] straight from a log, in memory that does not grow with its length.
///
/// # Errors
/// As [`rebuild`], and when the log cannot be read. A torn last line is no error but a note in the summary.
pub fn rebuild_log(
    plan: &Plan,
    plugin: &str,
    run: RunInfo,
    log: impl BufRead,
) -> Result<Rebuilt, RecordError> {
    let mut replay = Replay::new(plan, plugin)?;
    let mut reader = RecordReader::new(log);
    for record in reader.by_ref() {
        replay.take(&record?)?;
    }
    let (cut_short, merged, records) = (replay.end.is_none(), replay.merged, replay.line);
    Ok(Rebuilt { summary: replay.summary(run, reader.note()), cut_short, merged, records })
}

/// Totals driven by records instead of cores.
struct Replay {
    totals: Totals,
    names: Names,
    faults: Vec<FaultSummary>,
    scenarios: usize,
    parts: usize,
    phases: usize,
    line: u64,
    merged: bool,
    last_ns: u64,
    cpu_ns: u64,
    /// When the first warm-up ended.
    warmup_end_ns: Option<u64>,
    end: Option<RunEndRecord>,
}

impl Replay {
    fn new(plan: &Plan, plugin: &str) -> Result<Self, RecordError> {
        let totals = Totals::new(plan, plugin, 0).map_err(|problems| {
            let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
            RecordError::Plan(said.join("; "))
        })?;
        Ok(Self {
            totals,
            names: Names::default(),
            faults: Vec::new(),
            scenarios: plan.scenarios.len(),
            parts: plan.parts.len().max(1),
            phases: plan.schedule().phases.len(),
            line: 0,
            merged: false,
            last_ns: 0,
            cpu_ns: 0,
            warmup_end_ns: None,
            end: None,
        })
    }

    fn take(&mut self, record: &IntervalRecord) -> Result<(), RecordError> {
        self.line += 1;
        self.merged |= record.ticks > 1;
        let line = self.line;
        self.name(record).map_err(|what| RecordError::Damaged { line, what })?;
        if let Some(what) = record.dangling(&self.names, self.scenarios, self.parts, self.phases) {
            return Err(RecordError::Dangling { line, what });
        }
        for fault in &record.faults {
            self.fault(fault)?;
        }
        // What begins in an interval is known before its measurements are judged, what ends after they were taken.
        for event in &record.events {
            self.begin(event);
        }
        self.totals.absorb(&mut record.to_block(self.scenarios));
        for event in &record.events {
            self.finish(event);
        }
        self.last_ns = record.to_ns;
        self.cpu_ns = record.cores_cpu_ns.iter().fold(self.cpu_ns, |sum, ns| sum.saturating_add(*ns));
        if record.ticks > 0 {
            let facts = TickFacts {
                now_ns: record.to_ns,
                vus_busy: record.vus_busy,
                cores_cpu_ns: &record.cores_cpu_ns,
                rss_bytes: record.rss_bytes,
                faults: &self.faults,
            };
            self.totals.tick(&facts, &self.names);
        }
        Ok(())
    }

    /// Gives new names the ids they had. What is wrong with them: one that was there before has another id.
    fn name(&mut self, record: &IntervalRecord) -> Result<(), String> {
        let twice = |name: &str| format!("it introduces `{name}`, which has an id already");
        for op in &record.new_ops {
            let protocol = protocol(&op.protocol)?;
            let next = self.names.ops().len();
            let id = self.names.op(&op.name, protocol).map_err(|error| error.to_string())?;
            if id.0 as usize != next {
                return Err(twice(&op.name));
            }
        }
        for check in &record.new_checks {
            let next = self.names.checks().len();
            if self.names.check(check).map_err(|error| error.to_string())?.0 as usize != next {
                return Err(twice(check));
            }
        }
        for metric in &record.new_metrics {
            let next = self.names.metrics().count();
            let id = self.names.metric(&metric.name, metric.kind, &metric.unit);
            if id.map_err(|error| error.to_string())?.0 as usize != next {
                return Err(twice(&metric.name));
            }
        }
        Ok(())
    }

    fn fault(&mut self, record: &FaultRecord) -> Result<(), RecordError> {
        let (index, next) = (record.index as usize, self.faults.len());
        match (&record.fault, self.faults.get_mut(index)) {
            (None, Some(known)) => known.count = record.count,
            (Some(fault), Some(known)) => *known = fault.counted(record.count),
            (Some(fault), None) if index == next => self.faults.push(fault.counted(record.count)),
            (_, None) => {
                return Err(RecordError::Dangling {
                    line: self.line,
                    what: format!("fault {index} of {next}"),
                });
            }
        }
        Ok(())
    }

    fn begin(&mut self, event: &RecordEvent) {
        match *event {
            RecordEvent::ScenarioSpan { scenario, from_ns, until_ns, warmup_end_ns } => {
                self.totals.scenario_span(scenario as usize, from_ns, until_ns, warmup_end_ns);
                let first = self.warmup_end_ns.map_or(warmup_end_ns, |first| first.min(warmup_end_ns));
                self.warmup_end_ns = Some(first);
            }
            RecordEvent::PhaseBegan { phase, at_ns } => self.totals.phase_began(phase as usize, at_ns),
            RecordEvent::PhaseEnded { .. } | RecordEvent::PhaseSkipped { .. } | RecordEvent::RunEnded(_) => {}
        }
    }

    fn finish(&mut self, event: &RecordEvent) {
        match event {
            RecordEvent::PhaseEnded { phase, at_ns, end, .. } => {
                let end = match end {
                    EndRecord::Completed => PhaseEnd::Completed,
                    EndRecord::Stopped => PhaseEnd::Stopped,
                    EndRecord::Broken(why) => PhaseEnd::Broken(why.clone()),
                };
                self.totals.phase_ended(*phase as usize, *at_ns, end, &self.names);
            }
            RecordEvent::PhaseSkipped { phase, reason } => {
                self.totals.phase_skipped(*phase as usize, reason.clone());
            }
            RecordEvent::RunEnded(end) => self.end = Some(end.clone()),
            RecordEvent::ScenarioSpan { .. } | RecordEvent::PhaseBegan { .. } => {}
        }
    }

    fn summary(self, run: RunInfo, torn: Option<&str>) -> Summary {
        let cut_short = self.end.is_none();
        let end = self.end.unwrap_or_else(|| RunEndRecord {
            at_ns: self.last_ns,
            duration_s: self.last_ns.saturating_sub(self.warmup_end_ns.unwrap_or(0)) as f64 / 1e9,
            interrupted: true,
            cpu_s: self.cpu_ns as f64 / 1e9,
            rss_max_bytes: 0,
            notes: Vec::new(),
        });
        let run = RunInfo { duration_s: end.duration_s, interrupted: end.interrupted, ..run };
        let mut notes = end.notes;
        notes.extend(torn.map(str::to_owned));
        let end = RunEnd {
            run,
            end_ns: end.at_ns,
            cpu_s: end.cpu_s,
            rss_max_bytes: end.rss_max_bytes,
            notes,
            ..RunEnd::default()
        };
        let mut summary = self.totals.summary(&self.names, &end);
        if cut_short {
            let verdict = &mut summary.verdict;
            if verdict.status == VerdictStatus::Pass {
                verdict.status = VerdictStatus::Inconclusive;
            }
            verdict.reasons.push(format!("the run was cut short after {:.1} s", self.last_ns as f64 / 1e9));
        }
        summary
    }
}

impl FaultText {
    fn counted(&self, count: u64) -> FaultSummary {
        let Self { plugin, during, text } = self.clone();
        FaultSummary { plugin, during, count, text }
    }
}

/// The protocol of this name. Names hold protocols that live as long as the process, because the engines' do; those no
/// engine of this host speaks are kept for good, a bounded number of them.
fn protocol(name: &str) -> Result<&'static str, String> {
    static FOREIGN: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    const SPOKEN: [&str; 6] = ["http", "sql", "redis", "mongo", "sse", "tcp"];
    let mut foreign = FOREIGN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = SPOKEN.iter().chain(foreign.iter()).find(|known| **known == name) {
        return Ok(known);
    }
    if name.len() > MAX_NAME_BYTES || foreign.len() >= MAX_FOREIGN_PROTOCOLS {
        return Err(format!("protocol `{}` is unknown", &name[..name.floor_char_boundary(MAX_NAME_BYTES)]));
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    foreign.push(kept);
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{TICK_NS, live, run_info, up_to};
    use super::*;
    use crate::record::{IterationRecord, compact};
    use crate::{FaultSummary, IterationsSummary, PhaseStatus, PluginUsage};

    fn again(plan: &Plan, records: Vec<IntervalRecord>) -> Result<Summary, RecordError> {
        rebuild(plan, "plugin", run_info(), records.into_iter())
    }

    fn text(records: &[IntervalRecord]) -> String {
        records.iter().map(|record| record.to_line() + "\n").collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_run_is_rebuilt_to_the_last_digit(intervals in prop::collection::vec(up_to(12), 2..9)) {
            let live = live(&intervals, 77 * TICK_NS);
            prop_assert_eq!(&again(&live.plan, live.records.clone()).unwrap(), &live.summary);
            let log = text(&live.records);
            let rebuilt = rebuild_log(&live.plan, "plugin", run_info(), log.as_bytes()).unwrap();
            let records = intervals.len() as u64 + 1;
            let expected = Rebuilt { summary: live.summary, cut_short: false, merged: false, records };
            prop_assert_eq!(rebuilt, expected);
        }

        #[test]
        fn a_merged_log_keeps_every_total(
            intervals in prop::collection::vec(up_to(12), 4..12),
            most in 2_usize..5,
        ) {
            let live = live(&intervals, 0);
            let rebuilt = again(&live.plan, compact(live.records, most)).unwrap();
            prop_assert_eq!(&rebuilt.scenarios, &live.summary.scenarios);
            prop_assert_eq!(&rebuilt.operations, &live.summary.operations);
            prop_assert_eq!(&rebuilt.overall, &live.summary.overall);
            prop_assert_eq!(&rebuilt.checks, &live.summary.checks);
            prop_assert_eq!(&rebuilt.metrics, &live.summary.metrics);
            prop_assert_eq!(&rebuilt.generator, &live.summary.generator);
            prop_assert_eq!(&rebuilt.faults, &live.summary.faults);
            prop_assert_eq!(&rebuilt.limits, &live.summary.limits);
        }

        #[test]
        fn a_run_killed_anywhere_has_a_summary(
            intervals in prop::collection::vec(up_to(6), 2..9),
            cut: prop::sample::Index,
        ) {
            let live = live(&intervals, 0);
            let log = text(&live.records);
            let cut = cut.index(log.len());
            let rebuilt = rebuild_log(&live.plan, "plugin", run_info(), &log.as_bytes()[..cut]).unwrap();
            let torn = !log[..cut].is_empty() && !log[..cut].ends_with('\n') && !log[cut..].starts_with('\n');
            prop_assert_eq!(rebuilt.summary.notes.iter().any(|note| note.contains("was cut off")), torn);
            if rebuilt.cut_short {
                let verdict = &rebuilt.summary.verdict;
                prop_assert_ne!(verdict.status, VerdictStatus::Pass);
                let seconds = log[..cut].matches('\n').count().max(rebuilt.records as usize);
                let reason = format!("the run was cut short after {seconds}.0 s");
                prop_assert!(verdict.reasons.contains(&reason), "{:?} {reason}", verdict.reasons);
                let due = rebuilt.summary.scenarios.iter().map(|s| s.iterations.due).sum::<u64>();
                prop_assert!(due <= live.summary.scenarios.iter().map(|s| s.iterations.due).sum());
            } else {
                prop_assert_eq!(rebuilt.summary, live.summary);
            }
        }

        #[test]
        fn hostile_lines_never_panic(
            intervals in prop::collection::vec(up_to(6), 2..4),
            damage in prop::collection::vec((any::<prop::sample::Index>(), b'0'..=b'9'), 1..6),
        ) {
            let live = live(&intervals, 0);
            let mut log = text(&live.records).into_bytes();
            let digits: Vec<usize> = (0..log.len()).filter(|&at| log[at].is_ascii_digit()).collect();
            for (at, digit) in damage {
                log[digits[at.index(digits.len())]] = digit;
            }
            // Digits are changed, so most lines can be read and say something else than they did.
            if let Ok(rebuilt) = rebuild_log(&live.plan, "plugin", run_info(), &log[..]) {
                prop_assert!(rebuilt.records <= live.records.len() as u64);
            }
        }
    }

    #[test]
    fn what_goes_on_when_a_run_is_killed_is_running() {
        let live = live(&vec![Vec::new(); 6], 0);
        let statuses = |records: usize| -> Vec<PhaseStatus> {
            let rebuilt = again(&live.plan, live.records[..records].to_vec()).unwrap();
            rebuilt.phases.iter().map(|phase| phase.status).collect()
        };
        assert_eq!(statuses(1), [PhaseStatus::Running, PhaseStatus::Skipped]);
        assert_eq!(statuses(4), [PhaseStatus::Inconclusive, PhaseStatus::Running]);
        assert_eq!(statuses(7), [PhaseStatus::Inconclusive, PhaseStatus::Stopped]);
        let killed = again(&live.plan, live.records[..4].to_vec()).unwrap();
        assert_eq!(
            (killed.run.duration_s, killed.run.interrupted),
            (3.0, true),
            "a second of warm-up, three of load"
        );
        let text = |f: &FaultSummary| (f.count, f.text.clone());
        assert_eq!(killed.faults.iter().map(text).collect::<Vec<_>>(), [(2, "boom".to_owned())]);
    }

    #[test]
    fn what_would_have_passed_is_inconclusive_when_killed() {
        let plan = crate::testing::simple(&[]);
        let counts = IterationsSummary { due: 3, started: 3, finished: 3, ..IterationsSummary::default() };
        let iterations = vec![IterationRecord { counts, ..IterationRecord::default() }];
        let (to_ns, ticks) = (TICK_NS, 1);
        let tick = IntervalRecord { to_ns, ticks, iterations, ..IntervalRecord::default() };
        let end = IntervalRecord::ended(TICK_NS, RunEndRecord { at_ns: TICK_NS, ..RunEndRecord::default() });
        let whole = again(&plan, vec![tick.clone(), end]).unwrap();
        assert_eq!(whole.verdict.status, VerdictStatus::Pass);
        let killed = again(&plan, vec![tick]).unwrap();
        assert_eq!(killed.verdict.status, VerdictStatus::Inconclusive);
        assert_eq!(killed.verdict.reasons, ["the run was cut short after 1.0 s"]);
    }

    #[test]
    fn a_record_of_a_sum_only_gives_what_it_tells() {
        let line = r#"{"from_ns":0,"to_ns":1000000000,"ticks":1,"guest_cpu_ns":250000000}"#;
        let old: IntervalRecord = serde_json::from_str(line).unwrap();
        let of_one = again(&crate::testing::simple(&[]), vec![old.clone()]).unwrap().generator;
        let only = PluginUsage { name: "plugin".into(), guest_cpu_s: 0.25, core_share: 0.25 };
        assert_eq!((of_one.guest_cpu_s, of_one.plugins), (0.25, vec![only]));
        let two = crate::testing::two_phases(&[], &[], &[]);
        let of_two = again(&two, vec![old.clone()]).unwrap().generator;
        assert_eq!((of_two.guest_cpu_s, of_two.plugins), (0.25, Vec::new()), "whose it was nobody knows");
        let new = IntervalRecord { parts_guest_cpu_ns: vec![0, 250_000_000], ..old.clone() };
        let of_two = again(&two, vec![new]).unwrap().generator;
        let told: Vec<_> =
            of_two.plugins.iter().map(|plugin| (&plugin.name[..], plugin.guest_cpu_s)).collect();
        assert_eq!((of_two.guest_cpu_s, told), (0.25, vec![("web", 0.0), ("db", 0.25)]));
    }

    #[test]
    fn limits_of_a_newer_version_and_of_an_older_record_are_not_there() {
        let line = r#"{"from_ns":0,"to_ns":1000000000,"ticks":1,"limits":[
            {"part":0,"limit":"moons","count":9},{"part":0,"limit":"log-lines","count":2},
            {"part":0,"limit":"log-lines","count":3}]}"#;
        let newer: IntervalRecord = serde_json::from_str(line).unwrap();
        let plan = crate::testing::simple(&[]);
        let told = |record: IntervalRecord| -> Vec<(String, u64)> {
            let limits = again(&plan, vec![record]).unwrap().limits;
            limits.into_iter().map(|reached| (reached.limit, reached.count)).collect()
        };
        assert_eq!(told(newer), [("log-lines".to_owned(), 5)]);
        let older: IntervalRecord =
            serde_json::from_str(r#"{"from_ns":0,"to_ns":1000000000,"ticks":1}"#).unwrap();
        assert!(!older.to_line().contains("limits"));
        assert_eq!(told(older), []);
    }

    #[test]
    fn refuses_what_refers_to_nothing() {
        let live = live(&vec![Vec::new(); 2], 0);
        let log = text(&live.records[..1]);
        let next = |rest: &str| {
            format!(r#"{log}{{"from_ns":1000000000,"to_ns":2000000000,"ticks":1,{rest}}}"#) + "\n"
        };
        let cases = [
            (r#""ops":[{"op":9,"scenario":0,"fired":1,"done":1}]"#, "operation 9 of 4"),
            (r#""ops":[{"op":0,"scenario":3,"fired":1,"done":1}]"#, "scenario 3 of 3"),
            (r#""checks":[{"check":4,"scenario":0,"passed":1,"failed":1}]"#, "check 4 of 4"),
            (r#""metrics":[{"metric":0,"scenario":0,"value":{"rate":{"hits":1,"total":1}}}]"#, "metric 0"),
            (r#""guest_cpu_ns":1,"parts_guest_cpu_ns":[0,0,0,1]"#, "part 3 of 3"),
            (r#""limits":[{"part":3,"limit":"shots","count":1}]"#, "part 3 of 3"),
            (r#""events":[{"type":"phase_began","phase":2,"at_ns":0}]"#, "phase 2 of 2"),
            (
                r#""events":[{"type":"scenario_span","scenario":3,"from_ns":0,"until_ns":0,"warmup_end_ns":0}]"#,
                "scenario 3",
            ),
            (r#""faults":[{"index":1,"count":1}]"#, "fault 1 of 1"),
            (r#""new_ops":[{"name":"GET /0","protocol":"http"}]"#, "`GET /0`, which has an id already"),
            (r#""new_checks":[""]"#, "a name of 0 bytes"),
        ];
        for (rest, expected) in cases {
            let error = rebuild_log(&live.plan, "plugin", run_info(), next(rest).as_bytes()).expect_err(rest);
            let said = error.to_string();
            assert!(said.starts_with("line 2 of") && said.contains(expected), "{rest}: {said}");
        }
        let plan = Plan { thresholds: vec![stresshost_plan::Threshold::new("moon > 3")], ..live.plan };
        assert!(matches!(again(&plan, Vec::new()), Err(RecordError::Plan(_))));
    }
}
