//! Wasmtime's configuration: two engines with the same compiled code, one for control and one for the load.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::{
    EPOCH_MS, FIBER_STACK_BYTES, LoadError, MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_MEMORY_BYTES,
    MAX_TABLE_ELEMENTS, MAX_TABLES, MAX_UNCHECKED_INSTANCES, MAX_WASM_STACK_BYTES,
};

/// Core instances, memories and tables reserved for each instance: what an SDK component needs, with room to spare.
const CORE_INSTANCES_EACH: u64 = 6;
const TABLES_EACH: u64 = 8;

/// An engine whose epochs pass while it is held.
pub(crate) struct TickingEngine {
    pub(crate) engine: Engine,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

/// The engine for `describe`, `plan` and `analyze`: one instance at a time, allocated on demand.
pub(crate) fn control_engine() -> Result<TickingEngine, LoadError> {
    TickingEngine::new(&base_config())
}

/// The engine for the load, with a pool for `instances` virtual users.
///
/// When the address space does not hold the pool, instances are allocated on demand: slower to make, otherwise the
/// same.
pub(crate) fn load_engine(instances: u64) -> Result<TickingEngine, LoadError> {
    let mut config = base_config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
    if instances > MAX_UNCHECKED_INSTANCES {
        config.memory_reservation(MAX_MEMORY_BYTES as u64);
    }
    TickingEngine::new(&config).or_else(|error| {
        tracing::warn!(
            "instances are allocated on demand, because a pool of {instances} does not fit: {error}"
        );
        TickingEngine::new(&base_config())
    })
}

fn base_config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // The contract is synchronous; leaving concurrency out makes every call three times cheaper.
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(MAX_WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .memory_init_cow(true);
    config
}

fn pool(instances: u64) -> PoolingAllocationConfig {
    // One for `setup` and `teardown`, and some for users that are restarted before the last one's slot is free.
    let slots = instances + 1 + instances / 10 + 8;
    let times = |each: u64| u32::try_from(slots.saturating_mul(each)).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(times(1))
        .total_core_instances(times(CORE_INSTANCES_EACH))
        .total_memories(times(1))
        .total_tables(times(TABLES_EACH))
        .total_stacks(times(1))
        .max_core_instances_per_component(MAX_CORE_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_tables_per_component(MAX_TABLES)
        .max_memory_size(MAX_MEMORY_BYTES)
        .table_elements(MAX_TABLE_ELEMENTS)
        // A restarted user finds its pages warm.
        .linear_memory_keep_resident(64 << 10)
        .table_keep_resident(8 << 10)
        .async_stack_keep_resident(16 << 10);
    pool
}

impl TickingEngine {
    fn new(config: &Config) -> Result<Self, LoadError> {
        let error = |error: &dyn std::fmt::Display| LoadError::Engine(error.to_string());
        let engine = Engine::new(config).map_err(|source| error(&format!("{source:#}")))?;
        let (stop, stopped) = channel();
        let ticked = engine.clone();
        let tick = move || {
            while stopped.recv_timeout(Duration::from_millis(EPOCH_MS)) == Err(RecvTimeoutError::Timeout) {
                ticked.increment_epoch();
            }
        };
        let thread = std::thread::Builder::new().name("stresshost-epochs".into()).spawn(tick);
        let thread = thread.map_err(|source| error(&source))?;
        Ok(Self { engine, ticker: Some((stop, thread)) })
    }
}

impl Drop for TickingEngine {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.ticker.take() {
            drop(stop);
            // The ticker does nothing that could panic; there is nobody to tell if it did.
            drop(thread.join());
        }
    }
}
