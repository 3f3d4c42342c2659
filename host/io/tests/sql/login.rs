//! How PostgreSQL wants to be logged in to: methods, passwords, TLS.

use std::sync::Arc;

use stresshost_clock::Clock;
use stresshost_io::http::{ClientCertificate, HttpConfig, HttpCore, HttpShared, TlsConfig};
use stresshost_io::sql::{SqlCore, SqlSession, SqlShared, TargetSpec, Value};
use stresshost_metrics::ErrorKind;
use stresshost_servers::{MariaDb, Postgres};

use crate::open::refused;
use crate::{User, await_that, core, failure, pairs, text};

/// A server with a file in its directory of data.
fn put(server: &Postgres, file: &str, content: &str) {
    // Written by the server, whose own it has to be.
    let program = format!("umask 077; cat > {file}");
    let quoted = |text: &str| text.replace('\'', "''");
    let lines = content.lines().map(|line| format!("('{}')", quoted(line))).collect::<Vec<_>>().join(",");
    server.sql("postgres", &format!("COPY (VALUES {lines}) TO PROGRAM '{}'", quoted(&program)));
}

/// Lets everybody in by one method, users of the tests by others.
fn set_methods(server: &Postgres) {
    let rules = ["host all plain 127.0.0.1/32 password", "host all old 127.0.0.1/32 md5"];
    let rest = [
        "local all all trust",
        "host all open 127.0.0.1/32 trust",
        "host all all 127.0.0.1/32 scram-sha-256",
    ];
    put(server, "pg_hba.conf", &[rules.as_slice(), rest.as_slice()].concat().join("\n"));
    server.sql("postgres", "SELECT pg_reload_conf()");
}

fn url_of(server: &Postgres, user: &str) -> String {
    format!("postgresql://{user}@127.0.0.1:{}/postgres", server.port())
}

#[tokio::test]
async fn passwords_are_shown_as_the_server_asks() {
    let server = Postgres::start(&[]).unwrap();
    server.sql(
        "postgres",
        "SET password_encryption = 'md5'; CREATE USER old PASSWORD 'wörd'; CREATE USER plain PASSWORD 'wörd'; \
         SET password_encryption = 'scram-sha-256'; CREATE USER new PASSWORD 'wörd'; CREATE USER open",
    );
    set_methods(&server);
    await_that("the methods are in force", || {
        server.sql("postgres", "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method = 'md5'") == "1"
    })
    .await;
    for user in ["plain:w%C3%B6rd", "old:w%C3%B6rd", "new:w%C3%B6rd", "open"] {
        let mut user = User::new(&url_of(&server, user)).await;
        assert_eq!(user.must("SELECT 1").await, 1);
    }
    for user in ["plain", "old", "new"] {
        let error = refused(&core(), &url_of(&server, &format!("{user}:w")), &[]).await;
        assert_eq!((error.kind, &*error.code), (ErrorKind::Permission, "28P01"), "{error}");
        let error = refused(&core(), &url_of(&server, user), &[]).await;
        assert!(error.kind == ErrorKind::Permission && error.text.contains("`user:password@`"), "{error}");
    }
}

/// The engine that trusts an authority, and finds a name at the server's address.
fn trusting(authority: &str, name: &str, port: u16) -> SqlCore {
    let tls = TlsConfig { ca_pem: vec![authority.as_bytes().to_vec()], ..TlsConfig::default() };
    let rule = format!("{name}:5432=127.0.0.1:{port}").parse().unwrap();
    engine(HttpConfig { tls, resolve: vec![rule], ..HttpConfig::default() })
}

fn engine(config: HttpConfig) -> SqlCore {
    let http = HttpShared::new(config, Arc::new(|_, _| true)).unwrap();
    SqlCore::new(SqlShared::beside(&http), HttpCore::new(http, Clock::start()), 0, 1)
}

type Made = rcgen::CertifiedKey<rcgen::KeyPair>;

/// Lets a server speak TLS, with a certificate of its own.
async fn turn_tls_on(server: &Postgres, own: &Made) {
    put(server, "server.crt", &own.cert.pem());
    put(server, "server.key", &own.signing_key.serialize_pem());
    server.sql("postgres", "ALTER SYSTEM SET ssl = on");
    server.sql("postgres", "SELECT pg_reload_conf()");
    await_that("TLS is on", || server.sql("postgres", "SHOW ssl") == "on").await;
}

#[tokio::test]
async fn tls_is_as_strict_as_the_target_says() {
    let server = Postgres::start(&[]).unwrap();
    let direct = server.url("postgres");
    let error = refused(&core(), &direct, &[("tls", "require")]).await;
    assert!(error.kind == ErrorKind::Tls && error.text.contains("does not offer TLS"), "{error}");
    User::with(&core(), &direct, &[("tls", "prefer")]).await.must("SELECT 1").await;

    let made = rcgen::generate_simple_self_signed(vec!["db.test".to_owned()]).unwrap();
    let authority = made.cert.pem();
    turn_tls_on(&server, &made).await;

    let at = |name: &str| direct.replace(&format!("127.0.0.1:{}", server.port()), name);
    let trusting = |name: &str| trusting(&authority, name, server.port());
    for (core, url, tls, encrypted) in [
        (core(), direct.clone(), "disable", false),
        (core(), direct.clone(), "prefer", true),
        (core(), direct.clone(), "require", true),
        (trusting("db.test"), at("db.test"), "verify-full", true),
    ] {
        let mut user = User::with(&core, &url, &[("tls", tls)]).await;
        let shown = user.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await;
        assert_eq!(shown, [[Value::Boolean(encrypted)]], "{tls}");
    }
    for (core, url) in [(trusting("other.test"), at("other.test")), (core(), direct.clone())] {
        let error = refused(&core, &url, &[("tls", "verify-full")]).await;
        assert!(error.kind == ErrorKind::Tls && error.text.contains("certificate"), "{error}");
    }

    let mut user = User::with(&core(), &direct, &[("tls", "require")]).await;
    let rows = user.query("SELECT repeat('x', 100000) FROM generate_series(1, 20)", &[]).await;
    assert_eq!(rows, vec![[text(&"x".repeat(100_000))]; 20], "records of TLS end anywhere");
    let slow = user.prepare_with("SELECT pg_sleep($1)", &[("timeout-ms", "100")]).await;
    assert_eq!(failure(&user.execute(slow, &[Value::Real(60.0)]).await), (ErrorKind::Timeout, ""));
    let running =
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'";
    await_that("the server has ended it", || server.sql("postgres", running) == "0").await;
}

/// The engine that shows a certificate to those who ask.
fn showing(made: &Made) -> SqlCore {
    let (chain_pem, key_pem) = (made.cert.pem().into_bytes(), made.signing_key.serialize_pem().into_bytes());
    let client = Some(ClientCertificate { chain_pem, key_pem });
    engine(HttpConfig { tls: TlsConfig { client, ..TlsConfig::default() }, ..HttpConfig::default() })
}

/// A certificate of this name that is its own authority.
fn made_for(name: &str) -> Made {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    rcgen::CertifiedKey { cert: params.self_signed(&key).unwrap(), signing_key: key }
}

#[tokio::test]
async fn postgresql_is_shown_the_clients_certificate() {
    let server = Postgres::start(&[]).unwrap();
    let (own, anna, other) = (made_for("db.test"), made_for("anna"), made_for("other"));
    server.sql("postgres", "CREATE USER anna");
    put(&server, "clients.crt", &format!("{}{}", anna.cert.pem(), other.cert.pem()));
    put(&server, "pg_hba.conf", "local all all trust\nhostssl all anna 127.0.0.1/32 cert");
    server.sql("postgres", "ALTER SYSTEM SET ssl_ca_file = 'clients.crt'");
    turn_tls_on(&server, &own).await;

    let url = url_of(&server, "anna");
    let mut user = User::with(&showing(&anna), &url, &[("tls", "require")]).await;
    let shown = user.query("SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await;
    assert_eq!(shown, [[text("/CN=anna")]]);
    for core in [showing(&other), core()] {
        let error = refused(&core, &url, &[("tls", "require")]).await;
        assert_eq!((error.kind, &*error.code), (ErrorKind::Permission, "28000"), "{error}");
    }
}

#[tokio::test]
async fn mariadb_is_shown_the_clients_certificate() {
    let files = tempfile::tempdir().unwrap();
    let (own, anna, other) = (made_for("db.test"), made_for("anna"), made_for("other"));
    let file = |name: &str, content: String| {
        let path = files.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let server = MariaDb::start(&[
        &format!("--ssl-cert={}", file("server.crt", own.cert.pem())),
        &format!("--ssl-key={}", file("server.key", own.signing_key.serialize_pem())),
        &format!("--ssl-ca={}", file("clients.crt", anna.cert.pem())),
    ])
    .unwrap();
    let database = server.database("");
    server.sql(&database, &format!("CREATE USER anna REQUIRE X509; GRANT ALL ON {database}.* TO anna"));
    let url = format!("mysql://anna@127.0.0.1:{}/{database}", server.port());
    let mut user = User::with(&showing(&anna), &url, &[("tls", "require")]).await;
    assert_eq!(user.must("SELECT 1").await, 1);
    let error = refused(&core(), &url, &[("tls", "require")]).await;
    assert_eq!((error.kind, &*error.code), (ErrorKind::Permission, "1045"), "{error}");
    let error = refused(&showing(&other), &url, &[("tls", "require")]).await;
    assert_eq!(error.kind, ErrorKind::Tls, "{error}");
}

#[tokio::test]
async fn connecting_says_where_the_time_went() {
    let server = Postgres::shared();
    let mut session = SqlSession::new(core());
    let url = server.url("postgres");
    let opened = session.open(&TargetSpec { url: &url, options: &pairs(&[("tls", "disable")]) }).await;
    let phases = opened.timing.unwrap().phases;
    assert!(phases.connect_ns > 0 && phases.wait_ns > phases.connect_ns, "scram takes longer: {phases:?}");
    assert_eq!(phases.write_ns + phases.body_ns, 0);
}
