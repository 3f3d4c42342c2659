//! Servers that do not keep to PostgreSQL's protocol.

use stresshost_io::sql::SqlError;
use stresshost_metrics::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::open::refused;
use crate::{User, core, failure};

const READY: &[u8] = b"Z\0\0\0\x05I";

/// Lets in whoever comes, and says who it is.
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x02Z\0\0\0\x05I";
const FACTS: &[u8] =
    b"D\0\0\0\x1a\0\x04\0\0\0\x019\0\0\0\x01x\0\0\0\x01y\0\0\0\x017C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I";

/// A server that answers each read with the next of its answers, and ends; its URL.
async fn server(answers: &[&[u8]]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgresql://a@{}/x?sslmode=disable", listener.local_addr().unwrap());
    let answers: Vec<Vec<u8>> = answers.iter().map(|answer| answer.to_vec()).collect();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        // Nobody else is let in.
        drop(listener);
        serve(stream, answers).await;
    });
    url
}

async fn serve(mut stream: TcpStream, answers: Vec<Vec<u8>>) {
    for answer in answers {
        if stream.read(&mut [0; 4096]).await.is_ok_and(|count| count > 0) {
            drop(stream.write_all(&answer).await);
        }
    }
    // What the client says last is read, so that it is not answered with a reset.
    drop(stream.shutdown().await);
    while stream.read(&mut [0; 4096]).await.is_ok_and(|count| count > 0) {}
}

async fn login(answer: &[u8]) -> SqlError {
    refused(&core(), &server(&[answer]).await, &[("connect-timeout-ms", "2000")]).await
}

#[tokio::test]
async fn what_is_no_log_in_is_refused() {
    for (answer, kind, reason) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], ErrorKind::TooLarge, "message `H`"),
        (b"R\0\0\0\x02", ErrorKind::Malformed, "2 bytes"),
        (b"R\0\0\0\x08\0\0\0\x07", ErrorKind::Permission, "Kerberos"),
        (b"R\0\0\0\x0b\0\0\0\x0aX\0\0", ErrorKind::Permission, "SCRAM-SHA-256"),
        (b"R\0\0\0\x09\0\0\0\x0bx", ErrorKind::Malformed, "log-in"),
        (b"R\0\0\0\x08\0\0\0\x63", ErrorKind::Malformed, ""),
        (READY, ErrorKind::Malformed, "log-in"),
        (b"E\0\0\0\x05\0", ErrorKind::ServerError, "no reason"),
        (b"E\0\0\0\x07SXX", ErrorKind::Malformed, ""),
        (b"", ErrorKind::Closed, "closed the connection"),
        (b"R\0\0\0", ErrorKind::Closed, "closed the connection"),
    ] {
        let error = login(answer).await;
        assert!(error.kind == kind && error.text.contains(reason), "{answer:?}: {error:?}");
    }
    let error = refused(&core(), &server(&[b"?"]).await.replace("disable", "prefer"), &[]).await;
    assert!(error.kind == ErrorKind::Malformed && error.text.contains("neither yes nor no"), "{error}");
}

#[tokio::test]
async fn news_without_end_are_no_log_in() {
    let news = b"N\0\0\0\x05\0".repeat(1_000);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgresql://a@{}/x?sslmode=disable", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        while stream.write_all(&news).await.is_ok() {}
    });
    let error = refused(&core(), &url, &[("connect-timeout-ms", "200")]).await;
    assert_eq!(error.kind, ErrorKind::ConnectTimeout, "{error}");
}

#[tokio::test]
async fn an_answer_that_is_none_ends_the_connection() {
    for (answer, kind) in [
        (&b"D\xff\xff\xff\xff"[..], ErrorKind::Malformed),
        (b"T\0\0\0\x06\0\x01", ErrorKind::Malformed),
        (b"C\0\0\0\x0dSELECT 1\0", ErrorKind::Closed),
        (b"D\0\0\x40\0\0\x01", ErrorKind::Closed),
    ] {
        let mut user = User::new(&server(&[WELCOME, FACTS, answer]).await).await;
        let outcome = user.run("SELECT 1").await;
        assert_eq!(failure(&outcome), (kind, ""), "{answer:?}");
        assert_eq!(failure(&user.run("SELECT 1").await).0, ErrorKind::ConnectRefused, "it was dropped");
    }
}

#[tokio::test]
async fn rows_that_say_less_than_they_hold_are_kept_as_far_as_they_go() {
    let answer =
        [b"D\0\0\0\x0b\0\x02\0\0\0\x01z".as_slice(), b"D\0\0\0\x05\0C\0\0\0\x0dSELECT 2\0", READY].concat();
    let mut user = User::new(&server(&[WELCOME, FACTS, &answer]).await).await;
    assert_eq!(user.must("SELECT 1").await, 2);
    assert_eq!(user.rows(), [vec![crate::text("z")], vec![]]);
}
