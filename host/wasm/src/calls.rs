//! What every call into a guest has in common: limits before, and an explanation after.

use std::time::Duration;

use stresshost_engine::Fault;
use stresshost_metrics::SandboxLimit;
use wasmtime::{Engine, Store, StoreContextMut, Trap, UpdateDeadline};

use crate::memory_budget::Limiter;
use crate::state::{Computing, VuState};
use crate::{EPOCH_MS, GuestLimits, MAX_COMPONENT_HANDLES};

/// A store with every limit set.
pub(crate) fn store(engine: &Engine, limits: &GuestLimits, state: VuState) -> Store<VuState> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limits);
    store.set_hostcall_fuel(usize::try_from(limits.hostcall_bytes).unwrap_or(usize::MAX));
    store.set_max_component_handles(MAX_COMPONENT_HANDLES);
    store.epoch_deadline_callback(on_epoch);
    store.set_epoch_deadline(1);
    store
}

/// Looks at a guest that computes: past its limit it is broken, past its share of the core it is held back, and after
/// an epoch at a stretch it gives way to the others on its core.
fn on_epoch(mut context: StoreContextMut<'_, VuState>) -> wasmtime::Result<UpdateDeadline> {
    let state = context.data_mut();
    let passed = state.look();
    let Computing { epochs, most, .. } = state.computing;
    if epochs > most {
        let text = format!(
            "computed for more than {} ms without waiting for anything; `--guest-limit` has `compute` and `control-compute`",
            most * EPOCH_MS
        );
        state.reached(SandboxLimit::ComputeTime);
        return Err(wasmtime::Error::msg(text));
    }
    let held_back_ns = state.charge(passed);
    if passed > 0
        && let Some(profile) = state.profile()
    {
        profile.sample(&context);
    }
    Ok(match (held_back_ns, epochs) {
        (0, 0 | 1) => UpdateDeadline::Continue(1),
        (0, _) => UpdateDeadline::Yield(1),
        (ns, _) => UpdateDeadline::YieldCustom(1, Box::pin(tokio::time::sleep(Duration::from_nanos(ns)))),
    })
}

/// Says what broke a guest: its own panic text first, then wasmtime's words with the guest's backtrace.
pub(crate) fn fault(during: &'static str, state: &VuState, error: &wasmtime::Error) -> Fault {
    let (panic, is_cut) = state.stderr.take();
    if is_cut {
        state.reached(SandboxLimit::PanicBytes);
    }
    let panic = without_advice(&panic);
    let reason = match error.downcast_ref::<Trap>() {
        // The words of Rust's standard library; other languages' are shown as they are.
        Some(Trap::UnreachableCodeReached) if panic.starts_with("memory allocation of") => {
            out_of_memory(&state.limits)
        }
        Some(Trap::UnreachableCodeReached) => "panicked or reached unreachable code".to_owned(),
        Some(Trap::StackOverflow) => "overflowed its stack".to_owned(),
        // Languages that keep their stack in linear memory run out of it at address 0.
        Some(trap @ Trap::MemoryOutOfBounds) => format!("{trap}; a stack that overflowed looks like this"),
        Some(Trap::OutOfFuel | Trap::Interrupt) => "was interrupted".to_owned(),
        Some(trap) => trap.to_string(),
        None => explained(state, error),
    };
    let mut text = if panic.is_empty() { reason } else { format!("{panic}\n({reason})") };
    if let Some(backtrace) = error.downcast_ref::<wasmtime::WasmBacktrace>() {
        text.push_str(&format!("\n{}", without_runtime(&backtrace.to_string())));
    }
    if let Some(live) = state.granted() {
        text = live.core.run.secrets.redact(&text).into_owned();
    }
    Fault::new(during, state.part(), text)
}

fn out_of_memory(limits: &Limiter) -> String {
    if limits.budget_ran_out() {
        "the memory that all virtual users together may have is used up; `--guest-limit total-memory=` raises it".to_owned()
    } else {
        "the memory it may have is used up; `--guest-limit memory=` raises it".to_owned()
    }
}

/// What is no trap, with what to do about it.
fn explained(state: &VuState, error: &wasmtime::Error) -> String {
    if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        return format!("ended its process with status {}; a plugin returns instead", exit.0);
    }
    let text = error.root_cause().to_string();
    if text.contains("fuel allocated for hostcalls") {
        state.reached(SandboxLimit::HostCallBytes);
        return "handed the host too much in one call; `--guest-limit host-call-bytes=` raises the limit"
            .to_owned();
    }
    if text.contains("handle limit exceeded") {
        state.reached(SandboxLimit::Handles);
        return format!(
            "held more handles than it may: {MAX_COMPONENT_HANDLES} of streams, timers and the like"
        );
    }
    text
}

/// A panic text without Rust's advice to set a variable, which no guest can see.
fn without_advice(panic: &str) -> String {
    let lines = panic.lines().filter(|line| !line.starts_with("note: run with `RUST_BACKTRACE=1`"));
    lines.collect::<Vec<_>>().join("\n")
}

/// A backtrace without the innermost frames in which a language's own libraries only carry a panic to its end: what a
/// plugin's author looks for comes first then, and first is what fits a report. Lines that follow a frame say where in the
/// sources it is, and stay with it.
fn without_runtime(backtrace: &str) -> String {
    let (mut head, mut frames) = (Vec::new(), Vec::<Vec<&str>>::new());
    // What wasmtime advises is no setting of this host's.
    for line in backtrace.lines().filter(|line| !line.starts_with("note: using the `WASMTIME_")) {
        match frames.last_mut() {
            _ if frame_name(line).is_some() => frames.push(vec![line]),
            Some(frame) => frame.push(line),
            None => head.push(line),
        }
    }
    let carries = |frame: &&Vec<&str>| {
        let name = frame.first().and_then(|line| frame_name(line)).unwrap_or_default();
        let root = name.split(['[', ':']).next().unwrap_or(name);
        ["abort", "alloc", "core", "std", "__rustc", "rust_panic", "rust_begin_unwind"].contains(&root)
    };
    let carriers = frames.iter().take_while(carries).count();
    let kept = if carriers == frames.len() { &frames[..] } else { &frames[carriers..] };
    [head, kept.concat()].concat().join("\n")
}

/// The function of a frame's line, as in `0: 0x1f - plugin.wasm!run`; the module is left out where lines are known. None:
/// the line is not that of a frame.
fn frame_name(line: &str) -> Option<&str> {
    let (number, rest) = line.trim_start().split_once(':')?;
    let is_frame = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let (_, name) = rest.trim_start().strip_prefix("0x").filter(|_| is_frame)?.split_once(" - ")?;
    Some(name.split_once('!').map_or(name, |(_, function)| function))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backtrace_begins_with_the_plugins_own_code() {
        let head = "error while executing at wasm backtrace:";
        let runtime = "    0:  0x1 - p.wasm!abort\n    1:  0x2 - p.wasm!std[d1]::process::abort\n    \
                       2:  0x3 - p.wasm!core::panicking::panic_fmt";
        let own = "    3:  0x4 - p.wasm!shop::pay\n    4:  0x5 - p.wasm!core[1]::ops::call";
        assert_eq!(without_runtime(&format!("{head}\n{runtime}\n{own}")), format!("{head}\n{own}"));
        let only = format!("{head}\n{runtime}");
        assert_eq!(without_runtime(&only), only, "something is better than nothing");
        assert_eq!(without_runtime(""), "");
        let lined = format!("{head}\n    0: 0x7 - abort\n    1: 0x8 - run\n           at ./app.c:12:3");
        assert_eq!(without_runtime(&lined), format!("{head}\n    1: 0x8 - run\n           at ./app.c:12:3"));
        let named = "    0:  0x1 - libc.so!abort\n   12: 0x7 - <unknown>!guest#iterate\n               at ./app.c:12:3";
        let kept = without_runtime(&format!("{head}\nnote: using the `WASMTIME_X=1` variable\n{named}"));
        assert_eq!(
            kept,
            format!("{head}\n   12: 0x7 - <unknown>!guest#iterate\n               at ./app.c:12:3")
        );
    }

    #[test]
    fn advice_that_nobody_can_take_is_left_out() {
        let panic = "boom\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace";
        assert_eq!(without_advice(panic), "boom");
        assert_eq!(without_advice("line\n\nother"), "line\n\nother");
    }
}
