//! What a run tells of faults and failures: each text once.

use stresshost_metrics::FaultSummary;

use super::Event;
use crate::report::{Failure, News};
use crate::{Fault, MAX_FAULT_TEXTS};

/// Faults by their text, and the failure codes already told.
pub(super) struct Log {
    /// By part.
    pub(super) plugins: Vec<String>,
    /// Faults by part.
    pub(super) part_faults: Vec<u64>,
    pub(super) faults: Vec<FaultSummary>,
    codes: Vec<String>,
}

impl Log {
    pub(super) fn new(plugins: Vec<String>) -> Self {
        Self { part_faults: vec![0; plugins.len()], plugins, faults: Vec::new(), codes: Vec::new() }
    }

    pub(super) fn note(&mut self, news: News, on_event: &mut dyn FnMut(Event<'_>)) {
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

    pub(super) fn note_fault(&mut self, fault: &Fault, count: u64, on_event: &mut dyn FnMut(Event<'_>)) {
        if let Some(faults) = self.part_faults.get_mut(usize::from(fault.part)) {
            *faults += count;
        }
        let plugin = self.plugins.get(usize::from(fault.part)).cloned().unwrap_or_default();
        let same = |known: &&mut FaultSummary| {
            known.plugin == plugin && known.during == fault.during && known.text == fault.text
        };
        if let Some(known) = self.faults.iter_mut().find(same) {
            known.count += count;
        } else if self.faults.len() < MAX_FAULT_TEXTS {
            on_event(Event::Fault(fault));
            let (during, text) = (fault.during.to_owned(), fault.text.clone());
            self.faults.push(FaultSummary { plugin, during, count, text });
        } else if let Some(last) = self.faults.last_mut() {
            last.count += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_once_a_text_and_counted_always() {
        let mut log = Log::new(vec!["p".into()]);
        let mut told = 0;
        for number in 0..2 * MAX_FAULT_TEXTS {
            let faults =
                vec![(Fault::new("iterate", 0, number.to_string()), 3), (Fault::new("start", 0, "same"), 2)];
            log.note(News { faults, failures: Vec::new() }, &mut |_| told += 1);
        }
        assert_eq!((told, log.faults.len()), (MAX_FAULT_TEXTS, MAX_FAULT_TEXTS));
        let counted: u64 = log.faults.iter().map(|fault| fault.count).sum();
        assert_eq!((counted, log.part_faults[0]), (10 * MAX_FAULT_TEXTS as u64, counted));
    }
}
