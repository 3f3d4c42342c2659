//! Python's own `http.client` and `urllib.request`: the host sends and measures what they do.

use crate::project::{Author, NAME, shop};

#[test]
fn requests_of_pythons_own_modules_are_sent_and_measured() {
    let author = Author::new("python");
    author.take("app.py", "tests/sdk/apps/stdlib.py");
    let component = author.build();
    let shop = shop();
    let (url, secure) = (format!("http://{}", shop.addr()), format!("https://{}", shop.addr()));
    let grants = ["--allow", &secure, "--allow", "http://127.0.0.1:1"];
    let load = ["--vus", "1", "--iterations", "2", "--no-progress", "--out", "out"];
    let command = ["run", "--plugin", component.to_str().unwrap(), &url];
    author.stresshost(&[&command[..], &grants, &load].concat()).expect_exit(0);

    let summary = author.home.summary(&format!("{NAME}/out"));
    let passed: Vec<(&str, u64, u64)> =
        summary.checks.iter().map(|check| (check.name.as_str(), check.passed, check.failed)).collect();
    let names = [
        "read",
        "query",
        "chunked answer",
        "redirected",
        "status",
        "bytes",
        "head",
        "chunked request",
        "refused",
        "tls",
        "secure",
    ];
    assert_eq!(passed, names.map(|name| (name, 2, 0)));
    let counted = |name: &str| {
        let found = summary.operations.iter().find(|operation| operation.name == name);
        found.map(|operation| (operation.count, operation.statuses.values().sum::<u64>()))
    };
    assert_eq!(counted("GET /products"), Some((2, 2)));
    assert_eq!(counted("GET /products/{id}"), Some((2, 2)));
    assert_eq!(counted("POST /auth/token"), Some((6, 6)));
    assert_eq!(counted("HEAD /bytes/{id}"), Some((2, 2)));
}
