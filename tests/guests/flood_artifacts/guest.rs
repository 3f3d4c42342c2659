//! Writes artifacts until it is refused, first many and then much.

use stresshost_sdk::artifacts;

stresshost_guests::iterates!("flood_artifacts", || {
    let files = (0..100).map_while(|number| artifacts::write(&format!("{number}.txt"), b"x").ok()).count();
    let chunk = [0; 1 << 10];
    let chunks = (0..100).map_while(|_| artifacts::append("0.txt", &chunk).ok()).count();
    stresshost_sdk::warn!("{files} files and {chunks} chunks");
    Ok(())
});
