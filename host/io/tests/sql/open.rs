//! What keeps a connection from being made.

use std::net::TcpListener;
use std::sync::Arc;

use stresshost_clock::Clock;
use stresshost_io::Origin;
use stresshost_io::http::{HttpConfig, HttpCore, HttpShared};
use stresshost_io::sql::{MAX_CONNECTIONS, Refused, SqlCore, SqlError, SqlSession, SqlShared, TargetSpec};
use stresshost_metrics::ErrorKind;
use stresshost_servers::{MariaDb, Postgres};

use crate::{User, core, pairs};

pub(crate) async fn refused(core: &SqlCore, url: &str, options: &[(&str, &str)]) -> SqlError {
    let mut session = SqlSession::new(core.clone());
    session.open(&TargetSpec { url, options: &pairs(options) }).await.result.unwrap_err()
}

#[tokio::test]
async fn servers_say_why() {
    let (postgres, mariadb) = (Postgres::shared(), MariaDb::shared());
    let wrong = |url: String| url.replace(stresshost_servers::PASSWORD, "wrong-word");
    for (url, kind, code) in [
        (wrong(postgres.url("postgres")), ErrorKind::Permission, "28P01"),
        (postgres.url("nowhere"), ErrorKind::Statement, "3D000"),
        (wrong(mariadb.url("")), ErrorKind::Permission, "1045"),
        (mariadb.url("nowhere"), ErrorKind::Statement, "1049"),
    ] {
        let error = refused(&core(), &url, &[]).await;
        assert_eq!((error.kind, &*error.code), (kind, code), "{error}");
        assert!(!error.text.contains("wrong-word"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_full_is_unavailable() {
    let server =
        Postgres::start(&["max_connections=4", "superuser_reserved_connections=0", "max_wal_senders=0"])
            .unwrap();
    let url = server.url("postgres");
    let mut users = Vec::new();
    let error = loop {
        let mut session = SqlSession::new(core());
        match session.open(&TargetSpec { url: &url, options: &[] }).await.result {
            Ok(_) => users.push(session),
            Err(error) => break error,
        }
        assert!(users.len() <= 4);
    };
    assert_eq!((error.kind, &*error.code), (ErrorKind::Unavailable, "53300"));
}

#[tokio::test]
async fn where_nobody_listens_and_where_nobody_answers() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for scheme in ["postgresql", "mysql"] {
        let url = format!("{scheme}://a:b@127.0.0.1:{port}/x");
        assert_eq!(refused(&core(), &url, &[]).await.kind, ErrorKind::ConnectRefused);
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{scheme}://a:b@127.0.0.1:{}/x", silent.local_addr().unwrap().port());
        let error = refused(&core(), &url, &[("connect-timeout-ms", "100")]).await;
        assert_eq!(error.kind, ErrorKind::ConnectTimeout, "{error}");
    }
    let error = refused(&core(), "postgresql://a@nowhere.invalid/x", &[]).await;
    assert_eq!(error.kind, ErrorKind::Lookup, "{error}");
    let error = refused(&core(), "sqlite:/nowhere/x.db", &[]).await;
    assert_eq!(error.kind, ErrorKind::Connect, "{error}");
}

#[tokio::test]
async fn the_egress_rule_is_asked_by_name_and_by_address() {
    let server = Postgres::shared();
    let rule = |by_name: bool| {
        let egress = move |origin: &Origin, address: Option<std::net::IpAddr>| match address {
            None => by_name && origin.scheme.name() == "postgresql",
            Some(_) => false,
        };
        let http = HttpShared::new(HttpConfig::default(), Arc::new(egress)).unwrap();
        SqlCore::new(SqlShared::beside(&http), HttpCore::new(http, Clock::start()), 0, 1)
    };
    let origin = format!("postgresql://127.0.0.1:{}", server.port());
    for by_name in [false, true] {
        let error = refused(&rule(by_name), &server.url("postgres"), &[]).await;
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.text.contains(&format!("`--allow {origin}`")), "{error}");
    }
    let error = refused(&rule(true), "sqlite::memory:", &[]).await;
    assert_eq!(error.kind, ErrorKind::Denied, "{error}");
}

#[tokio::test]
async fn names_lead_where_a_resolve_rule_says() {
    let server = Postgres::shared();
    let rule = format!("db.test:5432=127.0.0.1:{}", server.port()).parse().unwrap();
    let config = HttpConfig { resolve: vec![rule], ..HttpConfig::default() };
    let http = HttpShared::new(config, Arc::new(|_, _| true)).unwrap();
    let core = SqlCore::new(SqlShared::beside(&http), HttpCore::new(http, Clock::start()), 0, 1);
    let url = server.url("postgres").replace(&format!("127.0.0.1:{}", server.port()), "db.test");
    User::with(&core, &url, &[]).await.must("SELECT 1").await;
}

#[tokio::test]
async fn a_user_has_so_many_connections_at_most() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}?mode=rwc", directory.path().join("x.db").display());
    let spec = TargetSpec { url: &url, options: &[] };
    let mut session = SqlSession::new(core());
    for _ in 0..MAX_CONNECTIONS {
        session.check(&spec).unwrap();
        session.open(&spec).await.result.unwrap();
    }
    assert_eq!(session.check(&spec), Err(Refused::Connections));
    session.close(3);
    assert!(session.check(&spec).is_ok() && !session.is_open(3));
    assert!(session.run(3, "SELECT 1").await.is_none(), "a stale handle");
}
