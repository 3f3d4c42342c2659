//! Values in and out, counts, failures, connections that are lost.

use serde_json::json;
use stresshost_io::http::HttpConfig;
use stresshost_io::mongo::{ReplyError, Value};
use stresshost_metrics::ErrorKind;
use stresshost_servers::Mongo;

use crate::{User, core, core_with, failure};

async fn user() -> User {
    let server = Mongo::shared();
    User::new(&server.url(&server.fresh())).await
}

#[tokio::test]
async fn values_of_any_kind_go_in_and_come_out() {
    let collection = Mongo::shared().fresh();
    let mut user = user().await;
    let insert = format!(r#"{{"insert": "{collection}", "documents": [{{"_id": "$1", "value": "$2"}}]}}"#);
    let insert = user.prepare(&insert);
    let find = user.prepare(&format!(r#"{{"find": "{collection}", "filter": {{"_id": "$1"}}, "limit": 1}}"#));
    let text = |text: &str| Value::Text(text.to_owned());
    for (index, (value, back)) in [
        (Value::Null, json!(null)),
        (Value::Boolean(true), json!(true)),
        (Value::Integer(-5_000_000_000), json!(-5_000_000_000_i64)),
        (Value::Real(0.5), json!(0.5)),
        (text("zażółć \"x\""), json!("zażółć \"x\"")),
        (text("$1"), json!("$1")),
        (Value::Json(r#"{"a": [1, {"b": null}]}"#.into()), json!({"a": [1, {"b": null}]})),
        (Value::Json("[]".into()), json!([])),
    ]
    .into_iter()
    .enumerate()
    {
        let id = Value::Integer(index as i64);
        let outcome = user.execute(&insert, &[id.clone(), value.clone()]).await;
        assert_eq!((outcome.error, outcome.count), (None, 1), "{value:?}: {outcome:?}");
        let outcome = user.execute(&find, &[id]).await;
        assert_eq!((outcome.error, outcome.count), (None, 1), "{value:?}: {outcome:?}");
        assert_eq!(user.reply()["cursor"]["firstBatch"][0]["value"], back, "{value:?}");
    }
    let outcome = user.execute(&insert, &[text("bytes"), Value::Bytes(vec![0, 255])]).await;
    assert_eq!(outcome.error, None, "{outcome:?}");
    user.execute(&find, &[text("bytes")]).await;
    assert!(user.reply().to_string().contains("AP8="), "{}", user.reply());
}

#[tokio::test]
async fn counts_are_what_the_server_did() {
    let collection = Mongo::shared().fresh();
    let mut user = user().await;
    for (command, count) in [
        (r#"{"insert": "C", "documents": [{"_id": 1, "a": 1}, {"_id": 2, "a": 1}, {"_id": 3, "a": 2}]}"#, 3),
        (r#"{"find": "C", "filter": {"a": 1}}"#, 2),
        (r#"{"find": "C", "filter": {"a": 9}}"#, 0),
        (r#"{"aggregate": "C", "pipeline": [{"$match": {"a": 1}}], "cursor": {}}"#, 2),
        (r#"{"update": "C", "updates": [{"q": {"a": 1}, "u": {"$set": {"a": 3}}, "multi": true}]}"#, 2),
        (r#"{"count": "C", "query": {"a": 3}}"#, 2),
        (r#"{"distinct": "C", "key": "a"}"#, 2),
        (r#"{"delete": "C", "deletes": [{"q": {"_id": 1}, "limit": 1}]}"#, 1),
        (r#"{"ping": 1}"#, 0),
    ] {
        let outcome = user.run(&command.replace('C', &collection)).await;
        assert_eq!((outcome.error, outcome.count), (None, count), "{command}: {outcome:?}");
        assert!(outcome.bytes_sent > 40 && outcome.bytes_received > 20, "{outcome:?}");
        let phases = outcome.phases;
        let all_ns = phases.write_ns + phases.wait_ns + phases.body_ns;
        assert_eq!(all_ns, outcome.done_ns - outcome.fired_ns, "{phases:?}");
    }
}

#[tokio::test]
async fn failures_are_counted_and_leave_the_connection_usable() {
    let collection = Mongo::shared().fresh();
    let mut user = user().await;
    let insert = format!(r#"{{"insert": "{collection}", "documents": [{{"_id": 1}}]}}"#);
    assert_eq!(user.run(&insert).await.error, None);
    let twice = user.run(&insert).await;
    // Not every server gives the code.
    assert!(matches!(twice.error, Some(ErrorKind::Constraint | ErrorKind::ServerError)), "{twice:?}");
    assert!(twice.error_text.is_some_and(|text| !text.is_empty()));
    let find = format!(r#"{{"find": "{collection}", "filter": {{"_id": "$1"}}}}"#);
    let wanted = user.prepare_with(&find, &[("expect", "documents")]);
    let outcome = user.execute(&wanted, &[Value::Integer(1)]).await;
    assert_eq!((outcome.error, outcome.count), (None, 1));
    let outcome = user.execute(&wanted, &[Value::Integer(7)]).await;
    assert_eq!(failure(&outcome), (ErrorKind::StatusUnexpected, None));
    for (values, told) in
        [(&[][..], "1 values and was given 0"), (&[Value::Json("{".into())], "$1: it is no JSON")]
    {
        let outcome = user.execute(&wanted, values).await;
        assert_eq!(failure(&outcome).0, ErrorKind::Invalid);
        assert!(outcome.error_text.unwrap().contains(told));
        assert_eq!(outcome.bytes_sent, 0, "nothing is sent");
    }
    assert!(user.session.is_connected(user.connection));
    assert_eq!(user.run(r#"{"ping": 1}"#).await.error, None);
}

#[tokio::test]
async fn facts_and_databases_are_the_targets() {
    let server = Mongo::shared();
    let (own, other) = (server.fresh(), server.fresh());
    let mut user = User::new(&server.url(&own)).await;
    let facts = user.session.server(user.connection).unwrap();
    assert_eq!((facts.engine, facts.database.as_str(), facts.primary), ("mongodb", own.as_str(), true));
    assert!(!facts.version.is_empty());
    let text = r#"{"insert": "things", "documents": [{"_id": 1}]}"#;
    let elsewhere = user.prepare_with(text, &[("database", &other)]);
    assert_eq!(user.execute(&elsewhere, &[]).await.error, None);
}

#[tokio::test]
async fn long_replies_are_read_and_shown_as_far_as_they_are_kept() {
    let collection = Mongo::shared().fresh();
    let config = HttpConfig { max_body_kept_bytes: 200_000, ..HttpConfig::default() };
    let server = Mongo::shared();
    let mut user = User::at(&core_with(config), &server.url(&server.fresh()), &[]);
    assert_eq!(user.connect().await.error, None);
    let document = |id: u32| format!(r#"{{"_id": {id}, "text": "{}"}}"#, "x".repeat(100_000));
    let documents = [document(1), document(2), document(3)].join(",");
    let insert = format!(r#"{{"insert": "{collection}", "documents": [{documents}]}}"#);
    assert_eq!(user.run(&insert).await.count, 3);
    let outcome = user.run(&format!(r#"{{"find": "{collection}", "limit": 1}}"#)).await;
    assert_eq!((outcome.error, outcome.count), (None, 1));
    assert_eq!(user.reply()["cursor"]["firstBatch"][0]["text"].as_str().map(str::len), Some(100_000));
    let outcome = user.run(&format!(r#"{{"find": "{collection}"}}"#)).await;
    assert_eq!((outcome.error, outcome.count), (None, 3), "it is counted all the same");
    assert!(outcome.bytes_received > 300_000);
    assert_eq!(user.session.reply(), Err(ReplyError::NotKept));
    user.session.release();
    assert_eq!(user.session.reply(), Err(ReplyError::Gone));
}

#[tokio::test]
async fn a_server_that_is_started_again_is_found_again() {
    let server = Mongo::start();
    let mut user = User::new(&server.url("shop")).await;
    let ping = user.prepare(r#"{"ping": 1}"#);
    assert_eq!(user.execute(&ping, &[]).await.error, None);
    server.stop();
    let lost = user.execute(&ping, &[]).await;
    assert!(matches!(failure(&lost).0, ErrorKind::Closed | ErrorKind::Reset | ErrorKind::Write), "{lost:?}");
    assert!(!user.session.is_connected(user.connection));
    assert_eq!(failure(&user.connect().await).0, ErrorKind::ConnectRefused);
    server.resume();
    assert_eq!(user.connect().await.error, None);
    assert_eq!(user.execute(&ping, &[]).await.error, None);
}

#[tokio::test]
async fn where_nobody_is_nothing_is_connected() {
    for (url, kind) in [
        ("mongodb://nowhere.invalid/x", ErrorKind::Lookup),
        ("mongodb://127.0.0.1:1/x", ErrorKind::ConnectRefused),
    ] {
        let mut user = User::at(&core(), url, &[]);
        let outcome = user.connect().await;
        assert_eq!(failure(&outcome), (kind, None), "{outcome:?}");
    }
    let encrypted = format!("{}?tls=true", Mongo::shared().url("x"));
    let mut user = User::at(&core(), &encrypted, &[("connect-timeout-ms", "3000")]);
    let outcome = user.connect().await;
    let kind = failure(&outcome).0;
    assert!(matches!(kind, ErrorKind::Tls | ErrorKind::Closed | ErrorKind::ConnectTimeout), "{outcome:?}");
}
