//! The part of a run that watches: readiness, ticks, faults, the stop, and the totals.

use std::collections::BTreeMap;

use stresshost_clock::{Clock, NS_PER_MS};
use stresshost_metrics::{Block, FaultSummary, Snapshot, Totals};
use stresshost_plan::Plan;
use tokio::sync::{mpsc, watch};

use crate::core::FromCore;
use crate::report::{Failure, News};
use crate::stop::{Level, Stop, reached};
use crate::usage::{Usage, usage};
use crate::{Fault, MAX_FAULT_TEXTS, MAX_FAULTS, RunError, START_LEAD_MS, TICK_MS};

/// What a run tells its caller while it goes on.
#[derive(Debug)]
pub enum Event<'a> {
    /// Virtual users are being made.
    Preparing,
    /// The load begins now.
    Started,
    /// A second has passed.
    Snapshot(&'a Snapshot),
    /// The run was asked to stop and is draining.
    Draining,
    /// An iteration failed, in the plugin's words. Told for the first of each code only.
    Failure {
        /// The plugin's code.
        code: &'a str,
        /// The plugin's words.
        message: &'a str,
    },
    /// The plugin broke. Told for the first of each text only.
    Fault(&'a Fault),
}

/// What came of the load.
pub(crate) struct Loaded {
    pub(crate) totals: Totals,
    pub(crate) faults: Vec<FaultSummary>,
    pub(crate) start_ns: u64,
    pub(crate) started_unix_ms: u64,
    pub(crate) end_ns: u64,
    pub(crate) used: Usage,
    pub(crate) interrupted: bool,
}

/// The ends of the channels between control and the cores.
pub(crate) struct Links {
    pub(crate) cores: usize,
    pub(crate) from_cores: mpsc::Receiver<FromCore>,
    pub(crate) begin: watch::Sender<Option<u64>>,
    pub(crate) stop: Stop,
}

/// Watches a run from the making of the virtual users to the last block.
pub(crate) async fn control(
    plan: &Plan,
    plugin: &str,
    clock: Clock,
    mut links: Links,
    on_event: &mut dyn FnMut(Event<'_>),
) -> Result<Loaded, RunError> {
    on_event(Event::Preparing);
    let mut log = Log { plugin: plugin.to_owned(), faults: Vec::new(), codes: Vec::new() };
    let mut ready = 0;
    while ready < links.cores {
        match links.from_cores.recv().await {
            Some(FromCore::Ready) => ready += 1,
            Some(FromCore::Broken(error)) => return Err(error),
            Some(FromCore::News(news)) => log.note(news, on_event),
            Some(FromCore::Block { .. }) => {}
            None => return Err(RunError::Os("a core ended before it was ready".into())),
        }
    }
    let start_ns = clock.now_ns() + START_LEAD_MS * NS_PER_MS;
    if links.begin.send(Some(start_ns)).is_err() {
        return Err(RunError::Os("every core ended before the load began".into()));
    }
    let (before, started_unix_ms) = (usage(), stresshost_clock::wall_unix_ms());
    on_event(Event::Started);
    let names = plan.scenarios.iter().map(|scenario| scenario.name.clone()).collect();
    let mut ticks = Ticks::new(Totals::new(names, start_ns), links.cores, start_ns);
    let mut stop = links.stop.watch();
    let (mut interrupted, mut given_up) = (false, false);
    while ticks.cores_done < links.cores {
        tokio::select! {
            biased;
            () = reached(&mut stop, Level::Draining), if !interrupted && !given_up => {
                interrupted = true;
                on_event(Event::Draining);
            }
            message = links.from_cores.recv() => match message {
                Some(FromCore::Block { core, tick, block, vus_busy, done_ns }) => {
                    ticks.take(core, tick, vus_busy, block, done_ns);
                    while let Some(snapshot) = ticks.next_snapshot() {
                        on_event(Event::Snapshot(&snapshot));
                    }
                }
                Some(FromCore::News(news)) => {
                    log.note(news, on_event);
                    if log.fault_count() >= MAX_FAULTS {
                        given_up = true;
                        links.stop.now();
                    }
                }
                Some(FromCore::Broken(error)) => return Err(error),
                Some(FromCore::Ready) => {}
                None => return Err(RunError::Os("a core ended without its last block".into())),
            },
        }
    }
    let after = usage();
    let used = Usage { cpu_s: after.cpu_s - before.cpu_s, rss_max_bytes: after.rss_max_bytes };
    let end_ns = ticks.done_ns;
    let totals = ticks.finish(on_event);
    Ok(Loaded { totals, faults: log.faults, start_ns, started_unix_ms, end_ns, used, interrupted })
}

/// Orders the cores' blocks by tick: a snapshot is due when every core has handed over its part.
struct Ticks {
    totals: Totals,
    start_ns: u64,
    /// The newest tick each core has handed over; `u64::MAX` once it is done.
    newest: Vec<u64>,
    pending: BTreeMap<u64, (Vec<Block>, u64)>,
    cores_done: usize,
    done_ns: u64,
}

impl Ticks {
    fn new(totals: Totals, cores: usize, start_ns: u64) -> Self {
        let newest = vec![0; cores];
        Self { totals, start_ns, newest, pending: BTreeMap::new(), cores_done: 0, done_ns: start_ns }
    }

    fn take(&mut self, core: usize, tick: u64, vus_busy: u64, block: Block, done_ns: Option<u64>) {
        self.newest[core] = if done_ns.is_some() { u64::MAX } else { tick };
        let (blocks, busy) = self.pending.entry(tick).or_default();
        blocks.push(block);
        *busy += vus_busy;
        if let Some(done_ns) = done_ns {
            self.cores_done += 1;
            self.done_ns = self.done_ns.max(done_ns);
        }
    }

    fn next_snapshot(&mut self) -> Option<Snapshot> {
        let complete = self.newest.iter().copied().min().unwrap_or(0);
        let first = self.pending.first_entry().filter(|entry| *entry.key() <= complete)?;
        let at_ns = self.start_ns + first.key() * TICK_MS * NS_PER_MS;
        if self.cores_done == self.newest.len() && at_ns > self.done_ns {
            // The run was over before this tick: `finish` folds it.
            return None;
        }
        let (blocks, busy) = first.remove();
        self.absorb(blocks);
        Some(self.totals.tick(at_ns, busy))
    }

    fn absorb(&mut self, blocks: Vec<Block>) {
        for mut block in blocks {
            self.totals.absorb(&mut block);
        }
    }

    /// Folds the last blocks, which end between two ticks.
    fn finish(mut self, on_event: &mut dyn FnMut(Event<'_>)) -> Totals {
        for (_, (blocks, _)) in std::mem::take(&mut self.pending) {
            self.absorb(blocks);
        }
        let snapshot = self.totals.tick(self.done_ns, 0);
        on_event(Event::Snapshot(&snapshot));
        self.totals
    }
}

/// Faults by their text, and the failure codes already told.
struct Log {
    plugin: String,
    faults: Vec<FaultSummary>,
    codes: Vec<String>,
}

impl Log {
    fn note(&mut self, news: News, on_event: &mut dyn FnMut(Event<'_>)) {
        for (fault, count) in &news.faults {
            self.note_fault(fault, *count, on_event);
        }
        for Failure { code, message } in news.failures {
            if self.codes.len() < MAX_FAULT_TEXTS && !self.codes.contains(&code) {
                on_event(Event::Failure { code: &code, message: &message });
                self.codes.push(code);
            }
        }
    }

    fn note_fault(&mut self, fault: &Fault, count: u64, on_event: &mut dyn FnMut(Event<'_>)) {
        let same = |known: &&mut FaultSummary| known.during == fault.during && known.text == fault.text;
        if let Some(known) = self.faults.iter_mut().find(same) {
            known.count += count;
        } else if self.faults.len() < MAX_FAULT_TEXTS {
            on_event(Event::Fault(fault));
            let (plugin, during, text) = (self.plugin.clone(), fault.during.to_owned(), fault.text.clone());
            self.faults.push(FaultSummary { plugin, during, count, text });
        } else if let Some(last) = self.faults.last_mut() {
            last.count += count;
        }
    }

    fn fault_count(&self) -> u64 {
        self.faults.iter().map(|fault| fault.count).sum()
    }
}

#[cfg(test)]
mod tests {
    use stresshost_clock::NS_PER_S;
    use stresshost_metrics::{Recorder, Window};

    use super::*;

    const START_NS: u64 = 7 * NS_PER_MS;

    /// A block of one core with `due` iterations due.
    fn block(due: u64) -> Block {
        let mut recorder = Recorder::new(1);
        recorder.iterations_due(0, Window::Measured, due);
        recorder.take()
    }

    fn ticks(cores: usize) -> Ticks {
        Ticks::new(Totals::new(vec!["main".into()], START_NS), cores, START_NS)
    }

    /// Every snapshot that is complete: its second, users busy, and iterations due so far.
    fn complete(ticks: &mut Ticks) -> Vec<(f64, u64, u64)> {
        let seen = |snapshot: Snapshot| (snapshot.t_s, snapshot.vus_busy, snapshot.scenarios[0].due);
        std::iter::from_fn(|| ticks.next_snapshot()).map(seen).collect()
    }

    fn last(ticks: Ticks) -> (f64, u64) {
        let mut seen = Vec::new();
        let totals = ticks.finish(&mut |event| {
            if let Event::Snapshot(snapshot) = event {
                seen.push(snapshot.t_s);
            }
        });
        assert_eq!(seen.len(), 1);
        (seen[0], totals.counts(0).due)
    }

    #[test]
    fn a_snapshot_waits_for_every_core() {
        let mut ticks = ticks(2);
        ticks.take(0, 1, 3, block(1), None);
        ticks.take(0, 2, 4, block(2), None);
        assert_eq!(complete(&mut ticks), []);
        ticks.take(1, 1, 5, block(10), None);
        assert_eq!(complete(&mut ticks), [(1.0, 8, 11)]);
        ticks.take(1, 2, 6, block(20), None);
        assert_eq!(complete(&mut ticks), [(2.0, 10, 33)]);
    }

    #[test]
    fn a_tick_that_a_core_left_out_loses_nothing() {
        let mut ticks = ticks(2);
        ticks.take(0, 1, 1, block(1), None);
        ticks.take(1, 3, 1, block(10), None);
        assert_eq!(complete(&mut ticks), [(1.0, 1, 1)]);
        ticks.take(0, 3, 1, block(2), None);
        assert_eq!(complete(&mut ticks), [(3.0, 2, 13)]);
    }

    #[test]
    fn a_core_that_is_done_holds_nobody_up() {
        let mut ticks = ticks(2);
        ticks.take(0, 2, 0, block(1), Some(START_NS + NS_PER_S + NS_PER_S / 2));
        ticks.take(1, 1, 1, block(10), None);
        assert_eq!(complete(&mut ticks), [(1.0, 1, 10)]);
        ticks.take(1, 2, 1, block(20), None);
        assert_eq!(
            complete(&mut ticks),
            [(2.0, 1, 31)],
            "what a core did last is in the second it was done in"
        );
        ticks.take(1, 3, 0, block(40), Some(START_NS + 2 * NS_PER_S + NS_PER_S / 4));
        assert_eq!(complete(&mut ticks), [], "the third second was never over");
        assert_eq!(last(ticks), (2.25, 71));
    }

    #[test]
    fn a_run_that_ends_on_a_tick_ends_once() {
        let mut ticks = ticks(1);
        ticks.take(0, 1, 1, block(1), None);
        ticks.take(0, 2, 0, block(2), Some(START_NS + NS_PER_S));
        assert_eq!(complete(&mut ticks), [(1.0, 1, 1)]);
        assert_eq!(last(ticks), (1.0, 3));
    }

    #[test]
    fn faults_are_told_once_a_text_and_counted_always() {
        let mut log = Log { plugin: "p".into(), faults: Vec::new(), codes: Vec::new() };
        let mut told = 0;
        for number in 0..2 * MAX_FAULT_TEXTS {
            let faults =
                vec![(Fault::new("iterate", number.to_string()), 3), (Fault::new("start", "same"), 2)];
            log.note(News { faults, failures: Vec::new() }, &mut |_| told += 1);
        }
        assert_eq!((told, log.faults.len()), (MAX_FAULT_TEXTS, MAX_FAULT_TEXTS));
        assert_eq!(log.fault_count(), 5 * 2 * MAX_FAULT_TEXTS as u64);
    }
}
