//! What a core tells control besides measurements: gathered first, so that no fault is lost and no flood gets through.

use std::cell::RefCell;

use tokio::sync::Notify;

use crate::{Fault, MAX_FAULT_TEXT_BYTES, MAX_FAULT_TEXTS};

/// A failure in the plugin's words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// News of a core since control last heard from it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Faults and how often each came; at most [`MAX_FAULT_TEXTS`] different ones, further ones count with the last.
    pub(crate) faults: Vec<(Fault, u64)>,
    /// The first failure of each code.
    pub(crate) failures: Vec<Failure>,
}

/// Gathers the news of one core.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    news: RefCell<News>,
    /// Failure codes already told; at most [`MAX_FAULT_TEXTS`].
    told: RefCell<Vec<String>>,
    raised: Notify,
}

impl Reports {
    /// Counts a fault. None is lost, however many come before control hears of them.
    pub(crate) fn fault(&self, fault: Fault) {
        let faults = &mut self.news.borrow_mut().faults;
        if let Some((_, count)) = faults.iter_mut().find(|(known, _)| *known == fault) {
            *count += 1;
        } else if faults.len() < MAX_FAULT_TEXTS {
            faults.push((fault, 1));
        } else if let Some((_, count)) = faults.last_mut() {
            *count += 1;
        }
        self.raised.notify_one();
    }

    /// Keeps a failure if it is the first of its code. How many there are, the recorder counts.
    pub(crate) fn failure(&self, mut code: String, mut message: String) {
        code.truncate(code.floor_char_boundary(MAX_FAULT_TEXT_BYTES));
        let mut told = self.told.borrow_mut();
        if told.len() < MAX_FAULT_TEXTS && !told.contains(&code) {
            told.push(code.clone());
            message.truncate(message.floor_char_boundary(MAX_FAULT_TEXT_BYTES));
            self.news.borrow_mut().failures.push(Failure { code, message });
            self.raised.notify_one();
        }
    }

    /// Waits until there is something to tell.
    pub(crate) async fn raised(&self) {
        self.raised.notified().await;
    }

    /// What there is to tell, if anything.
    pub(crate) fn take(&self) -> Option<News> {
        let news = self.news.take();
        (news != News::default()).then_some(news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted_beyond_the_texts_that_are_kept() {
        let reports = Reports::default();
        for number in 0..3 * MAX_FAULT_TEXTS {
            reports.fault(Fault::new("iterate", 0, number.to_string()));
            reports.fault(Fault::new("iterate", 0, number.to_string()));
        }
        let news = reports.take().expect("there is news");
        assert_eq!(news.faults.len(), MAX_FAULT_TEXTS);
        assert_eq!(news.faults.iter().map(|(_, count)| count).sum::<u64>(), 6 * MAX_FAULT_TEXTS as u64);
        assert_eq!(reports.take(), None);
    }

    #[test]
    fn a_failure_is_told_once_a_code() {
        let reports = Reports::default();
        for code in ["a", "b", "a"] {
            reports.failure(code.into(), "é".repeat(MAX_FAULT_TEXT_BYTES));
        }
        let failures = reports.take().expect("there is news").failures;
        assert_eq!(failures.iter().map(|failure| failure.code.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(failures[0].message.len() <= MAX_FAULT_TEXT_BYTES);
        reports.failure("b".into(), String::new());
        for number in 0..2 * MAX_FAULT_TEXTS {
            reports.failure(number.to_string(), String::new());
        }
        assert_eq!(reports.take().expect("there is news").failures.len(), MAX_FAULT_TEXTS - 2);
    }
}
