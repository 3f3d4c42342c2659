//! Sleeps far beyond the end of any run.

stresshost_guests::iterates!("sleep_past_end", || {
    stresshost_sdk::pacing::sleep(std::time::Duration::from_secs(3_600));
    Ok(())
});
