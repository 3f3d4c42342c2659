//! What a person sees while a run goes on: a live line on a terminal, a line every ten seconds elsewhere.

use std::time::Duration;

use stresshost_engine::Event;
use stresshost_metrics::Snapshot;
use stresshost_report::text;

use crate::printer::Printer;

/// Seconds between lines where there is no terminal.
const LINE_EVERY_S: f64 = 10.0;

/// Shows a run's progress.
pub(crate) struct Progress<'a> {
    printer: &'a Printer,
    shown: bool,
    total: Duration,
    next_line_s: f64,
}

impl<'a> Progress<'a> {
    /// Progress of a run of length `total`; `shown` false shows only what went wrong.
    pub(crate) const fn new(printer: &'a Printer, shown: bool, total: Duration) -> Self {
        Self { printer, shown, total, next_line_s: LINE_EVERY_S }
    }

    /// Takes an event of the run.
    pub(crate) fn on_event(&mut self, event: &Event<'_>) {
        match event {
            // Findings stand in the report.
            Event::Preparing | Event::Started | Event::Finding(_) => {}
            Event::Tick(tick) => self.on_snapshot(&tick.snapshot),
            Event::PhaseBegan { name } => self.printer.note(&format!("phase `{name}` begins")),
            Event::PhaseEnded { name, status, reason } => {
                let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                self.printer.note(&format!("phase `{name}` {}{why}", status.label()));
            }
            Event::Aborting { reason } => self.printer.warn(&format!("ending the run: {reason}")),
            Event::Paused(true) => self.printer.note("paused"),
            Event::Paused(false) => self.printer.note("resumed"),
            Event::Draining => {
                self.printer.note("stopping: waiting for iterations in flight; once more to stop now")
            }
            Event::Failure { code, message } => {
                self.printer.warn(&format!("an iteration failed: {message} [{code}]"));
            }
            Event::PluginStopped { plugin, faults } => self.printer.warn(&format!(
                "plugin `{plugin}` broke {faults} times and is stopped; --on-fault decides when"
            )),
            Event::Fault(fault) => {
                self.printer.warn(&format!("the plugin broke in `{}`: {}", fault.during, fault.text));
            }
        }
    }

    fn on_snapshot(&mut self, snapshot: &Snapshot) {
        if !self.shown {
            return;
        }
        let elapsed = Duration::from_secs_f64(snapshot.t_s.max(0.0));
        let line = text::live_line(snapshot, elapsed, Some(self.total), self.printer.columns());
        if self.printer.is_live() {
            self.printer.live(Some(&line));
        } else if snapshot.t_s >= self.next_line_s {
            self.next_line_s += LINE_EVERY_S;
            self.printer.note(&line);
        }
    }

    /// Removes the live line.
    pub(crate) fn finish(&self) {
        if self.shown {
            self.printer.live(None);
        }
    }
}
