//! The lock of an account against guessing its password.

use stresshost_clock::NS_PER_S;

use crate::limits::{LOCK_S, MAX_FAILED_LOGINS};

/// The failed logins of one account.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failures {
    in_a_row: u8,
    /// Zero while the account is not locked.
    locked_until_ns: u64,
}

impl Failures {
    /// Whole seconds until the account opens again, while it is locked.
    pub(super) fn locked_s(self, now_ns: u64) -> Option<u64> {
        let left_ns = self.locked_until_ns.saturating_sub(now_ns);
        (left_ns > 0).then(|| left_ns.div_ceil(NS_PER_S))
    }

    /// Counts a login on an account that is not locked.
    pub(super) fn count(&mut self, right: bool, now_ns: u64) {
        if right {
            *self = Self::default();
            return;
        }
        self.in_a_row += 1;
        if self.in_a_row >= MAX_FAILED_LOGINS {
            *self = Self { in_a_row: 0, locked_until_ns: now_ns.saturating_add(LOCK_S * NS_PER_S) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_after_failures_in_a_row_and_opens_again() {
        let mut failures = Failures::default();
        let fail = |failures: &mut Failures, times, now_ns| {
            for _ in 0..times {
                assert_eq!(failures.locked_s(now_ns), None);
                failures.count(false, now_ns);
            }
        };
        fail(&mut failures, 4, 0);
        failures.count(true, 0);
        fail(&mut failures, 5, NS_PER_S);
        assert_eq!(failures.locked_s(NS_PER_S), Some(LOCK_S));
        let opens_ns = (LOCK_S + 1) * NS_PER_S;
        assert_eq!(failures.locked_s(opens_ns - 1), Some(1));
        fail(&mut failures, 5, opens_ns);
        assert!(failures.locked_s(opens_ns).is_some());
    }
}
