//! Wasmtime's configuration: two engines with the same compiled code, one for control and one for the load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::{Config, Engine, WasmBacktraceDetails};

use crate::{
    DENSE_RESERVATION_BYTES, EPOCH_MS, FIBER_STACK_BYTES, LoadError, MAX_UNCHECKED_INSTANCES,
    MAX_WASM_STACK_BYTES,
};

/// An engine whose epochs pass while it is held.
pub(crate) struct TickingEngine {
    pub(crate) engine: Engine,
    pub(crate) epoch: Epoch,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

/// The number of epochs that have passed, which wasmtime keeps to itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Epoch {
    count: Arc<AtomicU64>,
}

impl Epoch {
    pub(crate) fn now(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn pass(&self, epochs: u64) {
        self.count.fetch_add(epochs, Ordering::Relaxed);
    }
}

/// The engine for `describe`, `plan` and `analyze`: one instance at a time, allocated on demand.
pub(crate) fn control_engine() -> Result<TickingEngine, LoadError> {
    TickingEngine::new(&base_config())
}

/// The engine for the load of `instances` virtual users.
///
/// Instances are allocated one by one, not from a pool: they are made once a run, and a pool gives each of their tables
/// and stacks pages of its own, which with thousands of users is memory and cache misses.
pub(crate) fn load_engine(instances: u64) -> Result<TickingEngine, LoadError> {
    let mut config = base_config();
    if instances > MAX_UNCHECKED_INSTANCES {
        config
            .memory_reservation(DENSE_RESERVATION_BYTES)
            .memory_reservation_for_growth(DENSE_RESERVATION_BYTES)
            .memory_guard_size(0);
    }
    TickingEngine::new(&config)
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
        .guard_before_linear_memory(false)
        .memory_init_cow(true)
        // Files and lines in backtraces, where a component has them.
        .wasm_backtrace_details(WasmBacktraceDetails::Enable);
    config
}

impl TickingEngine {
    fn new(config: &Config) -> Result<Self, LoadError> {
        let error = |error: &dyn std::fmt::Display| LoadError::Engine(error.to_string());
        let engine = Engine::new(config).map_err(|source| error(&format!("{source:#}")))?;
        let (stop, stopped) = channel();
        let epoch = Epoch::default();
        let (ticked, counted) = (engine.clone(), epoch.clone());
        let tick = move || {
            while stopped.recv_timeout(Duration::from_millis(EPOCH_MS)) == Err(RecvTimeoutError::Timeout) {
                counted.pass(1);
                ticked.increment_epoch();
            }
        };
        let thread = std::thread::Builder::new().name("stresshost-epochs".into()).spawn(tick);
        let thread = thread.map_err(|source| error(&source))?;
        Ok(Self { engine, epoch, ticker: Some((stop, thread)) })
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
