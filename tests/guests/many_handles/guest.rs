//! Holds on to a million handles of WASI, and asks a million times for a name it has.

use stresshost_sdk::checks::Check;

stresshost_guests::iterates!("many_handles", || {
    for _ in 0..1_000_000 {
        Check::register("the same")?.mark(true);
    }
    stresshost_sdk::info!("a million marks");
    let mut held = Vec::new();
    for _ in 0..1_000_000 {
        held.push(wasip2::clocks::monotonic_clock::subscribe_duration(1_000_000_000));
    }
    stresshost_sdk::info!("a million handles: {}", held.len());
    Ok(())
});
