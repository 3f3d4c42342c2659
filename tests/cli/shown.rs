//! A finished command as text, and what is redacted in it.

use stresshost_shop::{Shop, ShopConfig, ShopThread};
use stresshost_tests::{Finished, program};

/// A load that is over soon.
pub(crate) const SHORT: [&str; 7] =
    ["--vus", "1", "--duration", "200ms", "--graceful-stop", "200ms", "--no-progress"];

/// Patterns of what differs between runs, and what stands for them.
pub(crate) const FILTERS: [(&str, &str); 7] = [
    (r"(descriptors|mappings) (\d+) of \d+", "$1 $2 of [MOST]"),
    (r"MiB of \d+ MiB", "MiB of [MEMORY]"),
    (r"127\.0\.0\.1:\d{5}", "127.0.0.1:[PORT]"),
    (r"\d{8}-\d{6}-[0-9a-f]{4}", "[RUN]"),
    (r"\(seed \d+\)", "(seed [SEED])"),
    (r"sha256:[0-9a-f]{64}", "sha256:[DIGEST]"),
    (r"size        \d+ bytes", "size        [SIZE] bytes"),
];

/// Exit code and both streams, with the build's directory named as such.
pub(crate) fn shown(finished: &Finished) -> String {
    let program = program("stresshost").canonicalize().unwrap();
    let build = program.parent().unwrap().to_str().unwrap();
    let exit = finished.exit.map_or_else(|| "by a signal".to_owned(), |exit| exit.to_string());
    let (stdout, stderr) = (&finished.stdout, &finished.stderr);
    format!("exit: {exit}\n--- stdout\n{stdout}--- stderr\n{stderr}").replace(build, "[BUILD]")
}

/// A run's notes and verdict: its tables hold what was measured and differ every time.
pub(crate) fn without_tables(finished: Finished) -> Finished {
    let head = finished.stdout.split("\n\n").next().unwrap_or_default();
    let stdout = if head.is_empty() { String::new() } else { format!("{head}\n") };
    Finished { stdout, ..finished }
}

/// A shop and the URL of one of its products.
pub(crate) fn shop() -> (ShopThread, String) {
    let shop = Shop::start_in_thread(ShopConfig::default()).unwrap();
    let url = format!("http://{}/products/1", shop.addr());
    (shop, url)
}

/// Asserts that a run was done. Where other tests keep the machine busy its verdict may be that the generator was the
/// bottleneck, which is no concern of tests about something else.
#[track_caller]
pub(crate) fn expect_done(finished: &Finished) -> &Finished {
    finished.expect_exit(if finished.exit == Some(12) { 12 } else { 0 })
}
