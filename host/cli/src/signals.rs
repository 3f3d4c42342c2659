//! Ctrl-C and its relatives.
//!
//! Once: no new iterations, those in flight have the grace period, and the whole report is written. Twice: those in
//! flight are interrupted, and the report is written all the same.

use stresshost_engine::Stop;
use tokio::signal::unix::{SignalKind, signal};

/// Stops a run on SIGINT and SIGTERM from now on.
pub(crate) fn stop_on_signals(stop: Stop) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _entered = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let watch = async move {
        for request in [Stop::drain, Stop::now] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            request(&stop);
        }
    };
    std::thread::Builder::new().name("stresshost-signals".into()).spawn(move || runtime.block_on(watch))?;
    Ok(())
}
