//! What a store may grow to, and all stores of a run together.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stresshost_metrics::SandboxLimit;
use wasmtime::{ResourceLimiter, StoreLimits, StoreLimitsBuilder};

use crate::{GuestLimits, MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLES};

/// Linear memory that all virtual users of a run may have together.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    left: AtomicU64,
}

impl MemoryBudget {
    pub(crate) fn new(bytes: u64) -> Self {
        Self { left: AtomicU64::new(bytes) }
    }

    pub(crate) fn take(&self, bytes: u64) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    pub(crate) fn give_back(&self, bytes: u64) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Bytes taken from a budget, until nobody holds them.
#[derive(Debug)]
pub(crate) struct Held {
    bytes: u64,
    budget: Arc<MemoryBudget>,
}

impl Held {
    /// Takes bytes; `None` when there are not so many.
    pub(crate) fn take(budget: &Arc<MemoryBudget>, bytes: u64) -> Option<Self> {
        budget.take(bytes).then(|| Self { bytes, budget: Arc::clone(budget) })
    }

    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

/// The limits of one store.
pub(crate) struct Limiter {
    own: StoreLimits,
    budget: Option<Arc<MemoryBudget>>,
    held_bytes: u64,
    growing_bytes: u64,
    budget_ran_out: bool,
    /// How often growth was refused, by [`REFUSALS`].
    refused: [u64; REFUSALS.len()],
    any_refused: bool,
}

/// What growth is refused for.
const REFUSALS: [SandboxLimit; 3] = [SandboxLimit::Memory, SandboxLimit::TotalMemory, SandboxLimit::Table];

impl Limiter {
    /// Limits of a store with `memory_bytes` of memory, which it takes from `budget` where there is one.
    pub(crate) fn new(limits: &GuestLimits, memory_bytes: u64, budget: Option<Arc<MemoryBudget>>) -> Self {
        let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let own = StoreLimitsBuilder::new()
            .memory_size(size(memory_bytes))
            .table_elements(size(limits.table_elements))
            .instances(MAX_CORE_INSTANCES)
            .memories(MAX_MEMORIES)
            .tables(MAX_TABLES)
            .build();
        Self {
            own,
            budget,
            held_bytes: 0,
            growing_bytes: 0,
            budget_ran_out: false,
            refused: [0; REFUSALS.len()],
            any_refused: false,
        }
    }

    /// How often growth was refused since the last time, by the limit; `None` when it was not.
    pub(crate) fn take_refused(&mut self) -> Option<impl Iterator<Item = (SandboxLimit, u64)> + use<>> {
        if !std::mem::take(&mut self.any_refused) {
            return None;
        }
        let counts = std::mem::take(&mut self.refused);
        Some(REFUSALS.into_iter().zip(counts).filter(|&(_, count)| count > 0))
    }

    fn refuse(&mut self, limit: SandboxLimit) {
        self.any_refused = true;
        for (known, count) in REFUSALS.iter().zip(&mut self.refused) {
            *count += u64::from(*known == limit);
        }
    }

    /// Whether growth was refused because all stores together have grown too far.
    pub(crate) const fn budget_ran_out(&self) -> bool {
        self.budget_ran_out
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.growing_bytes = 0;
        if !self.own.memory_growing(current, desired, maximum)? {
            self.refuse(SandboxLimit::Memory);
            return Ok(false);
        }
        let more = desired.saturating_sub(current) as u64;
        if let Some(budget) = &self.budget {
            if !budget.take(more) {
                self.budget_ran_out = true;
                self.refuse(SandboxLimit::TotalMemory);
                return Ok(false);
            }
            self.held_bytes += more;
            self.growing_bytes = more;
        }
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // Also told of growth that was refused here, of which nothing is held.
        let taken = std::mem::take(&mut self.growing_bytes);
        if let Some(budget) = &self.budget {
            budget.give_back(taken);
            self.held_bytes -= taken;
        }
        self.own.memory_grow_failed(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let grows = self.own.table_growing(current, desired, maximum)?;
        if !grows {
            self.refuse(SandboxLimit::Table);
        }
        Ok(grows)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.own.table_grow_failed(error)
    }

    fn instances(&self) -> usize {
        self.own.instances()
    }

    fn tables(&self) -> usize {
        self.own.tables()
    }

    fn memories(&self) -> usize {
        self.own.memories()
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            budget.give_back(self.held_bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: GuestLimits = GuestLimits {
        memory_bytes: 100,
        total_memory_bytes: 150,
        control_memory_bytes: 100,
        table_elements: 10,
        compute_ms: 1,
        control_compute_ms: 1,
        hostcall_bytes: 1,
        log_lines: 1,
        log_line_bytes: 1,
        prepared: 1,
        prepared_bytes: 1,
        kept_bodies_bytes: 1,
        artifacts: 1,
        artifact_bytes: 1,
    };

    #[test]
    fn growth_is_refused_past_the_own_and_past_the_common_limit() {
        let budget = Arc::new(MemoryBudget::new(150));
        let mut first = Limiter::new(&LIMITS, 100, Some(Arc::clone(&budget)));
        let mut second = Limiter::new(&LIMITS, 100, Some(Arc::clone(&budget)));
        assert!(first.memory_growing(0, 90, None).unwrap());
        assert!(!first.memory_growing(90, 101, None).unwrap());
        assert!(!first.budget_ran_out());
        assert!(!second.memory_growing(0, 61, None).unwrap());
        assert!(second.budget_ran_out());
        assert!(second.memory_growing(0, 60, None).unwrap());
        drop(first);
        assert!(second.memory_growing(60, 100, None).unwrap(), "what was held is free again");
        let refused: Vec<_> = second.take_refused().unwrap().collect();
        assert_eq!(refused, [(SandboxLimit::TotalMemory, 1)]);
        assert!(second.take_refused().is_none(), "counted once");
    }

    #[test]
    fn what_could_not_be_had_is_given_back() {
        let budget = Arc::new(MemoryBudget::new(100));
        let mut limiter = Limiter::new(&LIMITS, 100, Some(Arc::clone(&budget)));
        assert!(limiter.memory_growing(0, 80, None).unwrap());
        limiter.memory_grow_failed(wasmtime::Error::msg("the system has none")).unwrap();
        assert_eq!(budget.left.load(Ordering::Relaxed), 100);
        // Told again of a growth that was refused.
        limiter.memory_grow_failed(wasmtime::Error::msg("refused")).unwrap();
        drop(limiter);
        assert_eq!(budget.left.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn tables_are_bounded() {
        let mut limiter = Limiter::new(&LIMITS, 100, None);
        assert!(limiter.table_growing(0, 10, None).unwrap());
        assert!(!limiter.table_growing(10, 11, None).unwrap());
        assert!(!limiter.memory_growing(0, 101, None).unwrap());
        let refused: Vec<_> = limiter.take_refused().unwrap().collect();
        assert_eq!(refused, [(SandboxLimit::Memory, 1), (SandboxLimit::Table, 1)]);
    }
}
