//! Writes thousands of log lines, and one of a megabyte.

stresshost_guests::iterates!("flood_log", || {
    for number in 0..5_000 {
        stresshost_sdk::warn!("line {number}");
    }
    stresshost_sdk::warn!("{}", "x".repeat(1 << 20));
    Ok(())
});
