//! Puts line ends and zero bytes where they would make two requests of one.

use stresshost_sdk::checks::Check;
use stresshost_sdk::http::Request;

stresshost_guests::iterates!("bad_bytes", || {
    let url = stresshost_sdk::http::Request::get("plain", "http://127.0.0.1:9/");
    let refused = [
        ("header value", url.clone().header("x-a", "1\r\nx-b: 2").prepare().is_err()),
        ("header name", url.clone().header("x-a: 1\r\nx-b", "2").prepare().is_err()),
        ("zero byte", url.clone().header("x-a", "1\0").prepare().is_err()),
        ("url", Request::get("url", "http://127.0.0.1:9/ HTTP/1.1\r\nx-b: 2\r\n\r\n").prepare().is_err()),
        ("host", Request::get("host", "http://127.0.0.1\r\nx-b:9/").prepare().is_err()),
        (
            "method",
            Request::new("GET / HTTP/1.1\r\nx-b: 2\r\n\r\nGET", "method", "http://127.0.0.1:9/")
                .prepare()
                .is_err(),
        ),
        ("huge header", url.clone().header("x-a", "1".repeat(10 << 20)).prepare().is_err()),
        (
            "huge url",
            Request::get("huge", format!("http://127.0.0.1:9/{}", "a".repeat(10 << 20))).prepare().is_err(),
        ),
    ];
    for (what, is_refused) in refused {
        Check::register(&format!("{what} is refused"))?.mark(is_refused);
    }
    stresshost_sdk::pacing::sleep(std::time::Duration::from_millis(20));
    Ok(())
});
