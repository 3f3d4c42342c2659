//! Registers more checks, metrics and operations than a run can tell apart, and counts how many it gets.

use stresshost_sdk::checks::Check;
use stresshost_sdk::http::Request;
use stresshost_sdk::metrics::Counter;

stresshost_guests::iterates!("flood_names", || {
    let mut refused = [0_u32; 3];
    for number in 0..3_000 {
        let name = format!("name {number}");
        refused[0] += u32::from(Check::register(&name).is_err());
        refused[1] += u32::from(Counter::register(&name, "").is_err());
        refused[2] += u32::from(Request::get(&name, "http://127.0.0.1:9/").prepare().is_err());
    }
    stresshost_sdk::artifacts::write("refused.txt", format!("{refused:?}").as_bytes())?;
    stresshost_sdk::pacing::sleep(std::time::Duration::from_secs(5));
    Ok(())
});
