//! Calls itself until its stack is full.

stresshost_guests::iterates!("recurse", || {
    deeper(0);
    Ok(())
});

/// Needs its frame after the call, so that no compiler makes a loop of it.
#[expect(unconditional_recursion, reason = "that is what this guest does")]
fn deeper(level: u64) -> u64 {
    let frame = std::hint::black_box([level; 64]);
    deeper(level + 1) + frame[(level % 64) as usize]
}
