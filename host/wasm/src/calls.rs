//! What every call into a guest has in common: limits before, and an explanation after.

use stresshost_engine::Fault;
use wasmtime::{Engine, Store, StoreContextMut, Trap, UpdateDeadline};

use crate::state::VuState;
use crate::{EPOCH_MS, MAX_COMPONENT_HANDLES, MAX_HOSTCALL_BYTES};

/// A store with every limit set.
pub(crate) fn store(engine: &Engine, state: VuState) -> Store<VuState> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limits);
    store.set_hostcall_fuel(MAX_HOSTCALL_BYTES);
    store.set_max_component_handles(MAX_COMPONENT_HANDLES);
    store.epoch_deadline_callback(on_epoch);
    store.set_epoch_deadline(1);
    store
}

/// Looks at a guest that computes. A first epoch often has passed while the guest waited for the host, so only the
/// second in a row makes it give way to the others on its core.
fn on_epoch(mut context: StoreContextMut<'_, VuState>) -> wasmtime::Result<UpdateDeadline> {
    let state = context.data_mut();
    state.epochs += 1;
    if state.epochs > state.epochs_max {
        let seconds = state.epochs_max * EPOCH_MS / 1_000;
        return Err(wasmtime::format_err!("computed for more than {seconds} s without waiting for anything"));
    }
    Ok(if state.epochs > 1 { UpdateDeadline::Yield(1) } else { UpdateDeadline::Continue(1) })
}

/// Says what broke a guest: its own panic text first, then wasmtime's words with the guest's backtrace.
pub(crate) fn fault(during: &'static str, state: &VuState, error: &wasmtime::Error) -> Fault {
    let reason = match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => "panicked or reached unreachable code".to_owned(),
        Some(Trap::StackOverflow) => "overflowed its stack".to_owned(),
        Some(Trap::OutOfFuel | Trap::Interrupt) => "was interrupted".to_owned(),
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    let panic = state.stderr.take();
    let mut text = if panic.is_empty() { reason } else { format!("{panic}\n({reason})") };
    if let Some(backtrace) = error.downcast_ref::<wasmtime::WasmBacktrace>() {
        text.push_str(&format!("\n{backtrace}"));
    }
    Fault::new(during, text)
}
