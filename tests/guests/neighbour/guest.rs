//! A well-behaved guest: five milliseconds of waiting an iteration.

stresshost_guests::iterates!("neighbour", || {
    stresshost_sdk::pacing::sleep(std::time::Duration::from_millis(5));
    Ok(())
});
