//! Servers that do not keep to the protocol, or do not answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bson::doc;
use stresshost_io::http::HttpConfig;
use stresshost_io::mongo::ReplyError;
use stresshost_metrics::ErrorKind;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::scripted::{greeted, reply, server};
use crate::{User, core, core_with, failure};

/// What comes of a command that is answered with some bytes, in which `ID` is the command's id.
async fn answered(
    make: impl Fn(i32) -> Option<Vec<u8>> + Send + 'static,
) -> (User, stresshost_io::mongo::Outcome) {
    let place = server(move |asked| greeted(&asked).or_else(|| make(asked.id))).await;
    let mut user = User::new(&format!("mongodb://{place}/x")).await;
    let outcome = user.run(r#"{"ping": 1}"#).await;
    (user, outcome)
}

#[tokio::test]
async fn an_answer_that_is_none_ends_the_connection() {
    let good = |id: i32| reply(id, &doc! {"ok": 1.0});
    let with = |at: usize, byte: u8| {
        move |id: i32| {
            let mut bytes = good(id);
            bytes[at] = byte;
            Some(bytes)
        }
    };
    type Make = Box<dyn Fn(i32) -> Option<Vec<u8>> + Send>;
    let cases: Vec<(Make, ErrorKind)> = vec![
        (Box::new(with(3, 0xff)), ErrorKind::Malformed),
        (Box::new(with(3, 0x7f)), ErrorKind::TooLarge),
        (Box::new(with(0, 3)), ErrorKind::Malformed),
        (Box::new(with(8, 0xee)), ErrorKind::Malformed),
        (Box::new(with(12, 1)), ErrorKind::Malformed),
        (Box::new(with(16, 2)), ErrorKind::Malformed),
        (Box::new(with(20, 1)), ErrorKind::Malformed),
        (Box::new(with(21, 99)), ErrorKind::Malformed),
        (Box::new(|id| Some(reply(id, &doc! {"n": 1}))), ErrorKind::Malformed),
        (Box::new(|_| Some(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())), ErrorKind::TooLarge),
        (Box::new(move |id| Some(good(id)[..20].to_vec())), ErrorKind::Timeout),
        (Box::new(|_| None), ErrorKind::Closed),
    ];
    for (index, (make, kind)) in cases.into_iter().enumerate() {
        let place = server(move |asked| greeted(&asked).or_else(|| make(asked.id))).await;
        let mut user = User::at(&core(), &format!("mongodb://{place}/x"), &[]);
        assert_eq!(user.connect().await.error, None, "{index}");
        let ping = user.prepare_with(r#"{"ping": 1}"#, &[("timeout-ms", "200")]);
        let outcome = user.execute(&ping, &[]).await;
        assert_eq!(failure(&outcome), (kind, None), "{index}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_nobody_asked_for_makes_a_connection_unusable() {
    let twice = |id: i32| Some([reply(id, &doc! {"ok": 1.0}), reply(id, &doc! {"ok": 1.0})].concat());
    let (mut user, outcome) = answered(twice).await;
    assert_eq!(outcome.error, None, "the answer itself is one");
    assert!(!user.session.is_connected(user.connection));
}

#[tokio::test]
async fn replies_that_nest_too_deep_are_counted_and_not_shown() {
    let nested = (0..10_000).fold(vec![5, 0, 0, 0, 0], |inner: Vec<u8>, _| {
        let length = i32::try_from(inner.len() + 8).unwrap().to_le_bytes();
        [&length, b"\x03a\0".as_slice(), &inner, b"\0"].concat()
    });
    let deep = move |id: i32| {
        let mut body = b"\0\0\0\0\x10ok\0\x01\0\0\0\x03a\0".to_vec();
        body.extend_from_slice(&nested);
        body.push(0);
        let length = i32::try_from(body.len()).unwrap().to_le_bytes();
        body[..4].copy_from_slice(&length);
        let mut out = reply(id, &doc! {});
        out.truncate(21);
        out.extend_from_slice(&body);
        let length = i32::try_from(out.len()).unwrap().to_le_bytes();
        out[..4].copy_from_slice(&length);
        Some(out)
    };
    let (user, outcome) = answered(deep).await;
    assert_eq!(outcome.error, None, "{outcome:?}");
    let error = user.session.reply().unwrap_err();
    assert!(matches!(&error, ReplyError::Unreadable(text) if text.contains("levels")), "{error}");
}

#[tokio::test]
async fn replies_past_the_limit_are_not_read() {
    let place = server(|asked| {
        greeted(&asked).or_else(|| Some(reply(asked.id, &doc! {"text": "x".repeat(50_000), "ok": 1.0})))
    })
    .await;
    let config = HttpConfig { max_response_bytes: 40_000, ..HttpConfig::default() };
    let mut user = User::at(&core_with(config), &format!("mongodb://{place}/x"), &[]);
    assert_eq!(user.connect().await.error, None);
    assert_eq!(failure(&user.run(r#"{"ping": 1}"#).await), (ErrorKind::TooLarge, None));
}

#[tokio::test]
async fn the_servers_own_words_are_the_failures() {
    let refusal = doc! {"ok": 0.0, "errmsg": "not primary", "code": 10_107, "codeName": "NotWritablePrimary"};
    let (mut user, outcome) = answered(move |id| Some(reply(id, &refusal))).await;
    assert_eq!(failure(&outcome), (ErrorKind::Unavailable, Some(10_107)));
    assert_eq!(outcome.error_text.as_deref(), Some("not primary"));
    assert!(user.session.is_connected(user.connection));
    let facts = user.session.server(user.connection).unwrap();
    assert_eq!((facts.version.as_str(), facts.set.as_str()), ("8.0.1", "rs0"));
}

#[tokio::test]
async fn who_does_not_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mongodb://{}/x", listener.local_addr().unwrap());
    let mut user = User::at(&core(), &url, &[("connect-timeout-ms", "100")]);
    assert_eq!(failure(&user.connect().await).0, ErrorKind::ConnectTimeout);

    let asked_for = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked_for);
    let place = server(move |asked| {
        greeted(&asked).or_else(|| {
            let limit = asked.command.get_i64("maxTimeMS").unwrap();
            counted.store(usize::try_from(limit).unwrap(), Ordering::Relaxed);
            Some(Vec::new())
        })
    })
    .await;
    let mut user = User::at(&core(), &format!("mongodb://{place}/x"), &[("timeout-ms", "60")]);
    assert_eq!(user.connect().await.error, None);
    let outcome = user.run(r#"{"find": "c"}"#).await;
    assert_eq!(failure(&outcome), (ErrorKind::Timeout, None));
    assert!(outcome.done_ns - outcome.fired_ns >= 300_000_000, "the server has its own time to end it");
    assert_eq!(asked_for.load(Ordering::Relaxed), 60);
    assert!(!user.session.is_connected(user.connection), "its answer may still come");
}

#[tokio::test]
async fn a_greeting_without_end_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("mongodb://{}/x", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = [40_000_000_i32, 1, 1, 2013].map(i32::to_le_bytes).concat();
        drop(stream.write_all(&head).await);
        while stream.write_all(&[0; 65_536]).await.is_ok() {}
    });
    let mut user = User::at(&core(), &url, &[("connect-timeout-ms", "300")]);
    let kind = failure(&user.connect().await).0;
    assert!(
        matches!(kind, ErrorKind::ConnectTimeout | ErrorKind::Malformed | ErrorKind::TooLarge),
        "{kind:?}"
    );
}
