//! Whether a summary is true: every number computed again from the raw record, and the laws all numbers must obey.

mod equality;
mod laws;
mod little;

use serde::Serialize;

use crate::Summary;
use crate::record::Rebuilt;

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Audit {
    /// What was looked at. Where something holds for many values there is one entry for all of them, where it does not
    /// there is one for each that differs, up to [`MAX_AUDIT_FINDINGS`](crate::MAX_AUDIT_FINDINGS).
    pub checks: Vec<AuditCheck>,
    /// Values that were computed again and compared.
    pub compared: u64,
    /// Failed checks that were too many to list.
    pub unlisted: u64,
    /// What was not computed again, and why.
    pub left_out: Vec<LeftOut>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditCheck {
    /// What.
    pub what: String,
    /// What it must be.
    pub expected: String,
    /// What the summary says.
    pub reported: String,
    /// Whether that is so.
    pub ok: bool,
}

/// A part of the summary that was not computed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Which part.
    pub what: String,
    /// Why.
    pub reason: String,
}

impl Audit {
    /// Whether everything that was looked at is as it must be.
    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|check| check.ok)
    }

    /// What is not as it must be.
    pub fn failed(&self) -> impl Iterator<Item = &AuditCheck> {
        self.checks.iter().filter(|check| !check.ok)
    }

    fn leave_out(&mut self, what: impl Into<String>, reason: impl Into<String>) {
        self.left_out.push(LeftOut { what: what.into(), reason: reason.into() });
    }

    /// Notes that something holds of `count` things, or each of those it does not hold of.
    fn law(&mut self, what: &str, count: usize, broken: Vec<AuditCheck>) {
        if broken.is_empty() && count > 0 {
            let (expected, reported) = (format!("{count} of {count}"), format!("{count} of {count}"));
            self.checks.push(AuditCheck { what: what.to_owned(), expected, reported, ok: true });
        }
        let listed = self.failed().count();
        let room = crate::MAX_AUDIT_FINDINGS.saturating_sub(listed);
        self.unlisted += broken.len().saturating_sub(room) as u64;
        self.checks.extend(broken.into_iter().take(room));
    }
}

/// Audits `summary` against the same run's summary computed from its log.
///
/// Counts must be equal; numbers with a fraction may differ by a billionth, because sums are taken in another order.
pub fn audit(summary: &Summary, rebuilt: &Rebuilt) -> Audit {
    let mut audit = Audit::default();
    equality::compare(&mut audit, summary, rebuilt);
    laws::check(&mut audit, summary, rebuilt.cut_short);
    little::check(&mut audit, summary);
    audit
}

#[cfg(test)]
mod tests;
