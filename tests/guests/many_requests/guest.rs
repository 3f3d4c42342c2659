//! Prepares the same request over and over, never letting go of a handle.

use stresshost_sdk::http::Request;

stresshost_guests::iterates!("many_requests", || {
    let request = Request::get("GET /", "http://127.0.0.1:9/");
    let prepared = (0..100_000).map_while(|_| request.prepare().ok()).count();
    let failure = request.prepare().err().map(|failure| failure.message).unwrap_or_default();
    stresshost_sdk::artifacts::write("prepared.txt", format!("{prepared}: {failure}").as_bytes())?;
    stresshost_sdk::pacing::sleep(std::time::Duration::from_secs(5));
    Ok(())
});
