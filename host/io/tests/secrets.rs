//! Secrets over real sockets: on the wire where they were given for, and nowhere else.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic as the tests do")]

mod support;

use stresshost_io::http::{HttpConfig, PrepareError, RequestSpec};
use stresshost_io::{Secret, SecretError, Secrets};
use stresshost_metrics::ErrorKind;
use support::{Client, Server, Step, ok, pairs, send};

fn client(secrets: &[(&str, &str)]) -> Client {
    let secret = |&(name, value): &(&str, &str)| {
        Secret::new(name.into(), value.into(), Box::new(|origin| &*origin.host == "127.0.0.1"))
    };
    let secrets: Secrets = secrets.iter().map(secret).collect();
    Client::with(HttpConfig { secrets, ..HttpConfig::default() })
}

fn moved(location: &str) -> Step {
    send(&format!("HTTP/1.1 307 Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"))
}

#[tokio::test]
async fn values_stand_where_their_names_stood() {
    let server = Server::start(vec![vec![Step::Request, ok("")]]).await;
    let mut client = client(&[("key", "a b/{{id}}"), ("token", "tok-1")]);
    let headers = pairs(&[("X-Key", "<{{ secret:key }}>")]);
    let url = server.url("/?k={{secret:key}}&raw={{&secret:key}}&i={{id}}");
    let spec = RequestSpec {
        method: "POST",
        url: &url,
        headers: &headers,
        body: Some(b"{\"t\":\"{{secret:token}}\"}"),
        slots: &support::strings(&["id"]),
        options: &[],
    };
    let request = client.core.prepare(&spec).unwrap();
    assert!(!format!("{request:?}").contains("tok-1"), "not for logs");
    // A value is data: neither a secret's nor a slot's is looked through for names again.
    let outcome = client.session.fire(&request, &support::strings(&["{{secret:token}}"])).await;
    assert_eq!((outcome.status, outcome.error), (200, None), "{outcome:?}");
    let sent = server.requests().await.remove(0);
    let line =
        "POST /?k=a%20b%2F%7B%7Bid%7D%7D&raw=a%20b%2F%7B%7Bid%7D%7D&i=%7B%7Bsecret%3Atoken%7D%7D HTTP/1.1";
    assert!(sent.starts_with(line) && sent.contains("X-Key: <a b/{{id}}>\r\n"), "{sent}");
    assert!(sent.ends_with("\r\n\r\n{\"t\":\"tok-1\"}"), "{sent}");
}

#[tokio::test]
async fn what_cannot_stand_there_is_refused() {
    let client = client(&[("key", "line\nbreak")]);
    let error = |url: &str, header: &str| {
        let headers = pairs(&[("X", header)]);
        let spec =
            RequestSpec { method: "GET", url, headers: &headers, body: None, slots: &[], options: &[] };
        match client.core.prepare(&spec) {
            Err(PrepareError::Secret(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(error("http://127.0.0.1/", "{{secret:key}}"), SecretError::Header("key".into()));
    assert_eq!(error("http://127.0.0.1/{{secret:other}}", ""), SecretError::Unknown("other".into()));
    assert!(matches!(error("http://127.0.0.2/{{secret:key}}", ""), SecretError::Elsewhere { .. }));
}

#[tokio::test]
async fn a_redirect_takes_no_secret_along() {
    for (header, body, followed) in [
        ("Authorization", "", true),
        ("X-Key", "", false),
        ("Accept", "{{secret:key}}", false),
        ("Accept", "plain", true),
    ] {
        let other = Server::start(vec![vec![Step::Request, ok("")]]).await;
        let script = vec![Step::Request, moved("/same"), Step::Request, moved(&other.url("/other"))];
        let server = Server::start(vec![script]).await;
        let mut client = client(&[("key", "hidden-value")]);
        let value = if header == "Accept" { "a/b" } else { "{{secret:key}}" };
        let headers = pairs(&[(header, value)]);
        let options = pairs(&[("follow-redirects", "5")]);
        let spec = RequestSpec {
            method: "PUT",
            url: &server.url("/"),
            headers: &headers,
            body: Some(body.as_bytes()),
            slots: &[],
            options: &options,
        };
        let request = client.core.prepare(&spec).unwrap();
        let outcome = client.session.fire(&request, &[]).await;
        let same = server.requests().await.remove(1);
        assert_eq!(same.contains("hidden-value"), value.contains("secret") || body.contains("secret"));
        if followed {
            assert_eq!((outcome.status, outcome.error), (200, None), "{header}: {outcome:?}");
            assert!(!other.requests().await.remove(0).contains("hidden-value"));
        } else {
            assert_eq!(outcome.error, Some(ErrorKind::Denied), "{header}: {outcome:?}");
            assert!(outcome.error_text.unwrap().contains("would carry a secret there"));
        }
    }
}

#[tokio::test]
async fn a_server_cannot_ask_for_a_secret() {
    let script = vec![Step::Request, moved("/{{secret:key}}"), Step::Request, ok("")];
    let server = Server::start(vec![script]).await;
    let mut client = client(&[("key", "hidden-value")]);
    let outcome = client.get(&server.url("/"), &[("follow-redirects", "1")]).await;
    assert_eq!(outcome.error, None, "{outcome:?}");
    let sent = server.requests().await.remove(1);
    assert!(sent.starts_with("GET /{{secret:key}} HTTP/1.1"), "{sent}");
}
