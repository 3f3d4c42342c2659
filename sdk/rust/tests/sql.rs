//! `sql`, against the fake host.

use std::time::Duration;

use stresshost_sdk::ErrorKind;
use stresshost_sdk::sql::{Cell, Engine, Server, Target, Value};
use stresshost_sdk::testing::{FakeHost, SqlReply};

fn target() -> Target {
    Target::new("postgresql://tester:secret-word@db.test/shop")
}

#[test]
fn a_target_goes_out_with_its_options() {
    let host = FakeHost::new();
    let target = target()
        .connect_timeout(Duration::from_secs(2))
        .statement_timeout(Duration::from_millis(500))
        .application_name("datastress")
        .read_only(true)
        .pool(4)
        .pool_timeout(Duration::from_secs(1));
    let pool = target.open().unwrap().pool().unwrap();
    assert_eq!((pool.size, pool.idle, pool.in_use), (4, 4, 0));
    let options: Vec<_> =
        host.sql_opened()[0].options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        options,
        [
            "connect-timeout-ms=2000",
            "statement-timeout-ms=500",
            "application-name=datastress",
            "read-only=true",
            "pool=4",
            "pool-timeout-ms=1000",
        ]
    );
    assert_eq!(Target::new("mariadb://h/x").open().unwrap().pool(), None);
}

#[test]
fn a_refused_connection_shows_no_credentials() {
    let host = FakeHost::new();
    host.sql_reply_once("connect", SqlReply::error(ErrorKind::Permission, "28P01", "wrong password"));
    let failure = target().open().unwrap_err();
    assert_eq!(failure.message, "database `postgresql://db.test/shop`: wrong password [28P01]");
    assert!(target().open().is_ok(), "once");
    assert!(Target::new("oracle://h").open().unwrap_err().message.contains("postgresql://"));
}

#[test]
fn statements_are_answered_by_the_script() {
    let host = FakeHost::new();
    let rows = [[Cell::Integer(1), Cell::Text("a".into())], [Cell::Integer(2), Cell::Null]];
    host.sql_reply("list", SqlReply::rows(&["id", "name"], rows.clone()));
    host.sql_reply_once("add", SqlReply::changed(3).after(Duration::from_millis(9)));
    host.sql_parameters("list", &["int8"]);
    let database = target().open().unwrap();
    let list = database.prepare("list", "SELECT id, name FROM t WHERE id > $1").unwrap();
    let add =
        database.prepare_with("add", "INSERT INTO t VALUES ($2, $1, $2)", &[("timeout-ms", "5")]).unwrap();
    assert_eq!(list.parameters(), ["int8"]);
    assert_eq!(add.parameters(), ["", ""]);

    let answer = list.query(&[0.into()]);
    assert_eq!((answer.ok(), answer.rows(), answer.columns()), (true, 2, vec!["id".into(), "name".into()]));
    assert_eq!(answer.all_rows(), rows.map(Vec::from));
    assert_eq!(answer.row(2), None);
    let counted = list.execute(&[0.into()]);
    assert_eq!((counted.rows(), counted.row(0)), (2, None), "`execute` keeps no rows");
    assert_eq!(answer.row(0), None, "a result is stale after the next operation");

    let added = add.execute(&["x".into(), Value::Null]);
    assert_eq!((added.rows(), added.duration()), (3, Duration::from_millis(9)));
    assert_eq!(add.execute(&[Value::Null, Value::Null]).rows(), 0, "without a script it changes nothing");
    let wrong = add.execute(&[Value::Null]);
    assert_eq!(
        (wrong.error(), wrong.error_text().as_str()),
        (Some(ErrorKind::Invalid), "2 parameters, 1 values")
    );
    let sent: Vec<_> = host.statements().into_iter().map(|sent| (sent.name, sent.values.len())).collect();
    assert_eq!(sent, [("list".into(), 1), ("list".into(), 1), ("add".into(), 2), ("add".into(), 2)]);
}

#[test]
fn transactions_and_failures() {
    let host = FakeHost::new();
    host.sql_reply("COMMIT", SqlReply::error(ErrorKind::Serialization, "40001", "could not serialize"));
    let database = target().open().unwrap();
    assert!(database.begin_with(&[("isolation", "serializable")]).ok());
    assert!(database.run("touch", "UPDATE t SET x = x").ok());
    let commit = database.commit();
    assert_eq!((commit.error_name().as_str(), commit.error_code().as_str()), ("serialization", "40001"));
    let failure = commit.check().unwrap_err();
    assert_eq!(failure.to_string(), "serialization: could not serialize [40001]");
    assert!(database.begin().ok() && database.rollback().check().is_ok());
    let texts: Vec<_> = host.statements().into_iter().map(|sent| sent.text).collect();
    assert_eq!(texts, ["BEGIN isolation=serializable", "UPDATE t SET x = x", "COMMIT", "BEGIN", "ROLLBACK"]);
}

#[test]
fn a_closed_connection_is_stale() {
    let host = FakeHost::new();
    let server = Server { engine: Engine::Mariadb, version: "10.11".into(), ..Server::default() };
    host.sql_server(server.clone());
    let database = target().open().unwrap();
    let statement = database.prepare("one", "SELECT 1").unwrap();
    assert_eq!(database.server(), server);
    database.close();
    assert_eq!(database.server(), Server::default());
    assert_eq!(statement.execute(&[]).error(), Some(ErrorKind::Invalid));
    assert_eq!(database.run("x", "SELECT 1").error(), Some(ErrorKind::Invalid));
    assert!(database.prepare("one", "SELECT 1").is_err());
    assert!(host.statements().is_empty());
}
