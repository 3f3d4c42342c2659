//! Prepares bodies: as many as it may have, and one that is larger than what it may hand over.

use stresshost_sdk::http::Request;

stresshost_guests::iterates!("huge_body", || {
    let prepare = |bytes: usize, fill: u8| {
        Request::post("upload", "http://127.0.0.1:9/").body(vec![fill; bytes]).prepare().map(|_| ())
    };
    let mut kept = 0;
    let refused = loop {
        match prepare(8 << 20, kept) {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    stresshost_sdk::artifacts::write("kept.txt", format!("{kept}: {}", refused.message).as_bytes())?;
    prepare(24 << 20, 0)
});
