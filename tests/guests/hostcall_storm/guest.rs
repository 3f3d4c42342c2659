//! Calls the host for ever and never waits.

stresshost_guests::iterates!("hostcall_storm", || loop {
    std::hint::black_box(stresshost_sdk::random::next());
});
