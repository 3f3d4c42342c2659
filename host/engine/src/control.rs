//! The part of a run that watches: readiness, ticks, faults, the stop, and the totals.

use std::collections::BTreeMap;

use stresshost_clock::{Clock, NS_PER_MS};
use stresshost_metrics::{Block, FaultSummary, Snapshot, Totals};
use stresshost_plan::Plan;
use tokio::sync::{mpsc, watch};

use crate::core::{FromCore, Report};
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
            Some(FromCore::Report(report)) => log.note(report, on_event),
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
    let mut interrupted = false;
    while ticks.cores_done < links.cores {
        tokio::select! {
            message = links.from_cores.recv() => match message {
                Some(FromCore::Block { core, tick, block, vus_busy, done_ns }) => {
                    ticks.take(core, tick, vus_busy, block, done_ns);
                    while let Some(snapshot) = ticks.next_snapshot() {
                        on_event(Event::Snapshot(&snapshot));
                    }
                }
                Some(FromCore::Report(report)) => {
                    log.note(report, on_event);
                    if log.fault_count() >= MAX_FAULTS {
                        links.stop.now();
                    }
                }
                Some(FromCore::Broken(error)) => return Err(error),
                Some(FromCore::Ready) => {}
                None => return Err(RunError::Os("a core ended without its last block".into())),
            },
            () = reached(&mut stop, Level::Draining), if !interrupted => {
                interrupted = true;
                on_event(Event::Draining);
            }
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
    /// The newest tick each core has handed over.
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
        self.newest[core] = tick;
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
        let first = self
            .pending
            .first_entry()
            .filter(|entry| *entry.key() <= complete && *entry.key() != u64::MAX)?;
        let (tick, (blocks, busy)) = first.remove_entry();
        self.absorb(blocks);
        Some(self.totals.tick(self.start_ns + tick * TICK_MS * NS_PER_MS, busy))
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
    fn note(&mut self, report: Report, on_event: &mut dyn FnMut(Event<'_>)) {
        match report {
            Report::Fault(fault) => self.note_fault(&fault, on_event),
            Report::Failure { code, message } => {
                if self.codes.len() < MAX_FAULT_TEXTS && !self.codes.contains(&code) {
                    on_event(Event::Failure { code: &code, message: &message });
                    self.codes.push(code);
                }
            }
        }
    }

    fn note_fault(&mut self, fault: &Fault, on_event: &mut dyn FnMut(Event<'_>)) {
        let same = |known: &&mut FaultSummary| known.during == fault.during && known.text == fault.text;
        if let Some(known) = self.faults.iter_mut().find(same) {
            known.count += 1;
        } else if self.faults.len() < MAX_FAULT_TEXTS {
            on_event(Event::Fault(fault));
            let (plugin, during, text) = (self.plugin.clone(), fault.during.to_owned(), fault.text.clone());
            self.faults.push(FaultSummary { plugin, during, count: 1, text });
        } else if let Some(last) = self.faults.last_mut() {
            last.count += 1;
        }
    }

    fn fault_count(&self) -> u64 {
        self.faults.iter().map(|fault| fault.count).sum()
    }
}
