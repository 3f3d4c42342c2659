//! Fairness between the plugins that share a core.
//!
//! A guest that computes holds its core until it waits for the host or is made to give way. Where users of several
//! plugins live on a core, no plugin may take more than its share with code that computes: time beyond it is owed, and
//! a plugin that owes too much is held back until the debt is worked off. Computing long at a stretch is charged
//! several times over, because nobody else on the core could run meanwhile. A core with users of one plugin charges
//! nothing: then there is nobody to be fair to.

use std::cell::RefCell;
use std::rc::Rc;

use crate::{EPOCH_MS, LONG_COMPUTE_WEIGHT, MAX_COMPUTE_DEBT_NS};

const EPOCH_NS: u64 = EPOCH_MS * 1_000_000;

/// What the plugins on one core owe.
#[derive(Debug, Default)]
pub(crate) struct ComputeShares {
    parts: RefCell<Vec<Account>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// Virtual users on this core.
    alive: u32,
    debt_ns: u64,
    /// When the debt was as much.
    at_ns: u64,
}

impl ComputeShares {
    /// A virtual user of a plugin begins to live on the core, and does as long as what is returned.
    pub(crate) fn enter(self: &Rc<Self>, part: u16) -> Alive {
        let mut parts = self.parts.borrow_mut();
        let index = usize::from(part);
        if parts.len() <= index {
            parts.resize(index + 1, Account::default());
        }
        parts[index].alive += 1;
        Alive { shares: Rc::clone(self), part: index }
    }

    /// Charges a plugin for epochs in which one of its guests computed; how long that guest is held back, in
    /// nanoseconds. `is_long`: it had been computing before.
    pub(crate) fn charge(&self, part: u16, epochs: u64, is_long: bool, now_ns: u64) -> u64 {
        let mut parts = self.parts.borrow_mut();
        let rivals = parts.iter().filter(|account| account.alive > 0).count() as u64;
        let Some(account) = parts.get_mut(usize::from(part)).filter(|_| rivals > 1) else { return 0 };
        let worked_off_ns = now_ns.saturating_sub(account.at_ns) / rivals;
        let weight = if is_long { LONG_COMPUTE_WEIGHT } else { 1 };
        let charged_ns = epochs.saturating_mul(EPOCH_NS).saturating_mul(weight);
        account.debt_ns = account.debt_ns.saturating_sub(worked_off_ns).saturating_add(charged_ns);
        account.at_ns = now_ns;
        account.debt_ns.saturating_sub(MAX_COMPUTE_DEBT_NS).saturating_mul(rivals)
    }
}

/// The life of a virtual user on a core.
#[derive(Debug)]
pub(crate) struct Alive {
    shares: Rc<ComputeShares>,
    part: usize,
}

impl Drop for Alive {
    fn drop(&mut self) {
        if let Some(account) = self.shares.parts.borrow_mut().get_mut(self.part) {
            account.alive -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nanoseconds a guest that never waits gets to compute within `total_ns`.
    fn computed_ns(shares: &ComputeShares, part: u16, is_long: bool, total_ns: u64) -> u64 {
        let (mut now_ns, mut computed_ns) = (0, 0);
        while now_ns < total_ns {
            now_ns += EPOCH_NS;
            computed_ns += EPOCH_NS;
            now_ns += shares.charge(part, 1, is_long, now_ns);
        }
        computed_ns
    }

    #[test]
    fn a_plugin_alone_is_never_held_back() {
        let shares = Rc::new(ComputeShares::default());
        let _users = [shares.enter(0), shares.enter(0)];
        assert_eq!(computed_ns(&shares, 0, true, 1_000_000_000), 1_000_000_000);
    }

    #[test]
    fn beside_another_it_gets_its_share_and_a_fraction_of_it_when_it_computes_long() {
        let shares = Rc::new(ComputeShares::default());
        let _users = [shares.enter(0), shares.enter(1)];
        let total_ns = 100 * 1_000_000_000;
        let share = |computed_ns: u64| computed_ns as f64 / total_ns as f64;
        let short = share(computed_ns(&shares, 0, false, total_ns));
        assert!((0.45..0.55).contains(&short), "{short}");
        let long = share(computed_ns(&shares, 1, true, total_ns));
        assert!((0.04..0.06).contains(&long), "{long}");
    }

    #[test]
    fn a_plugin_whose_users_are_gone_is_no_rival() {
        let shares = Rc::new(ComputeShares::default());
        let _user = shares.enter(0);
        drop(shares.enter(3));
        assert_eq!(shares.charge(0, 100, true, 0), 0);
        let _rival = shares.enter(3);
        assert!(shares.charge(0, 100, true, 0) > 0);
        assert_eq!(shares.charge(9, 100, true, 0), 0, "a plugin without users computes nothing");
    }

    #[test]
    fn a_short_burst_is_free() {
        let shares = Rc::new(ComputeShares::default());
        let _users = [shares.enter(0), shares.enter(1)];
        assert_eq!(shares.charge(0, 3, false, 0), 0);
        assert_eq!(shares.charge(0, 3, false, 1_000_000_000), 0, "debts are worked off");
    }
}
