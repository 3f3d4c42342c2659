//! The Redis engine against real servers, and against scripted ones that real servers never are.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use stresshost_clock::Clock;
use stresshost_io::http::{HttpConfig, HttpCore, HttpShared};
use stresshost_io::redis::{Call, Command, CommandSpec, Kind, Outcome, RedisCore, RedisSession, TargetSpec};
use stresshost_metrics::ErrorKind;
use stresshost_servers::{Redis, RedisCluster};
use support::{Server, Step, send};
use tokio::net::TcpListener;

struct Client {
    session: RedisSession,
    connection: usize,
}

fn session(config: HttpConfig) -> RedisSession {
    let shared = HttpShared::new(config, Arc::new(|_, _| true)).unwrap();
    RedisSession::new(RedisCore::new(HttpCore::new(shared, Clock::start())))
}

fn pairs(options: &[(&str, &str)]) -> Vec<(String, String)> {
    options.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

async fn try_open(url: &str, options: &[(&str, &str)]) -> (Client, Outcome) {
    let mut session = session(HttpConfig::default());
    let connection = session.open(&TargetSpec { url, options: &pairs(options) }).unwrap();
    let outcome = session.connect(connection, 0).await;
    (Client { session, connection }, outcome)
}

async fn open(url: &str, options: &[(&str, &str)]) -> Client {
    let (client, outcome) = try_open(url, options).await;
    assert_eq!(outcome.error, None, "{:?}", outcome.error_text);
    client
}

impl Client {
    fn command(&self, words: &[&[u8]], slots: &[&str], options: &[(&str, &str)]) -> Rc<Command> {
        let words: Vec<_> = words.iter().map(|word| word.to_vec()).collect();
        let slots: Vec<_> = slots.iter().map(|&slot| slot.to_owned()).collect();
        let spec = CommandSpec { words: &words, slots: &slots, options: &pairs(options) };
        self.session.prepare(self.connection, &spec).unwrap().unwrap()
    }

    /// Sends a command of words without spaces.
    async fn ask(&mut self, words: &str) -> Outcome {
        let words: Vec<_> = words.split(' ').map(str::as_bytes).collect();
        let command = self.command(&words, &[], &[]);
        self.send(&command, &[]).await
    }

    async fn send(&mut self, command: &Command, values: &[Vec<u8>]) -> Outcome {
        let node = self.session.node(self.connection, command, values);
        self.session.send(self.connection, node, command, values).await
    }

    fn json(&self) -> String {
        self.session.reply(0).unwrap().text().unwrap().json().unwrap()
    }

    fn is_connected(&mut self) -> bool {
        self.session.is_connected(self.connection, 0)
    }

    async fn reconnect(&mut self) -> Outcome {
        self.session.connect(self.connection, 0).await
    }
}

#[tokio::test]
async fn replies_of_every_kind_in_both_protocols() {
    let server = Redis::start(&[]);
    for (protocol, replies) in [
        (
            "2",
            [
                ("HGETALL h", Kind::Array, r#"["f","v"]"#),
                ("SMEMBERS s", Kind::Array, r#"["m"]"#),
                ("ZSCORE z m", Kind::Bulk, r#""1.5""#),
                ("GET none", Kind::Nil, "null"),
                ("BLPOP none 0.01", Kind::Nil, "null"),
            ],
        ),
        (
            "3",
            [
                ("HGETALL h", Kind::Map, r#"{"f":"v"}"#),
                ("SMEMBERS s", Kind::Set, r#"["m"]"#),
                ("ZSCORE z m", Kind::Double, "1.5"),
                ("GET none", Kind::Nil, "null"),
                ("BLPOP none 0.01", Kind::Nil, "null"),
            ],
        ),
    ] {
        let mut client = open(&server.url(), &[("protocol", protocol)]).await;
        let facts = client.session.server(client.connection).unwrap().clone();
        assert_eq!((facts.engine.as_str(), facts.mode.as_str()), ("redis", "standalone"));
        assert!(!facts.version.is_empty());
        for setup in ["FLUSHALL", "HSET h f v", "SADD s m", "ZADD z 1.5 m"] {
            assert_eq!(client.ask(setup).await.error, None, "{setup}");
        }
        for (words, kind, json) in replies {
            let outcome = client.ask(words).await;
            assert_eq!((outcome.error, outcome.kind), (None, kind), "{words} in RESP{protocol}");
            assert_eq!(client.json(), json, "{words} in RESP{protocol}");
        }
        assert_eq!((client.ask("SET k 41").await.kind, client.json().as_str()), (Kind::Simple, r#""OK""#));
        let outcome = client.ask("INCR k").await;
        assert_eq!((outcome.kind, client.json().as_str()), (Kind::Integer, "42"));
        assert!(outcome.fired_ns < outcome.done_ns);
        assert_eq!((outcome.bytes_sent, outcome.bytes_received), (21, 5));
        let nested = client.ask("COMMAND DOCS GET").await;
        assert_eq!(nested.error, None, "{:?}", nested.error_text);
        assert!(client.json().contains("summary"));
    }
}

#[tokio::test]
async fn values_are_any_bytes_of_any_length() {
    let server = Redis::start(&[]);
    let mut client = open(&server.url(), &[]).await;
    let set = client.command(&[b"SET", b"k:{{id}}", b"{{v}}"], &["id", "v"], &[]);
    let get = client.command(&[b"GET", b"k:{{id}}"], &["id"], &[("expect", "value")]);
    let id = b"\xff\r\n\0".to_vec();
    for length in [0, 1, 100, 16_384, 100_000, 3_000_000] {
        let value: Vec<u8> = (0..length).map(|at: usize| u8::try_from(at * 7 % 256).unwrap()).collect();
        let sent = client.send(&set, &[id.clone(), value.clone()]).await;
        assert_eq!(sent.error, None, "{length}");
        let got = client.send(&get, std::slice::from_ref(&id)).await;
        assert_eq!((got.error, got.kind), (None, Kind::Bulk), "{length}");
        assert!(got.bytes_received > length as u64, "{length}");
        let text = client.session.reply(0).unwrap().text();
        if length < 1_000_000 {
            assert_eq!(text.unwrap().bytes(), Some(value.as_slice()), "{length}");
        } else {
            assert!(text.is_err(), "more than is kept");
        }
    }
    assert!(client.is_connected());
    let none = client.send(&get, &[b"none".to_vec()]).await;
    assert_eq!((none.error, none.kind), (Some(ErrorKind::StatusUnexpected), Kind::Nil));
    let few = client.send(&set, &[id]).await;
    assert_eq!(few.error, Some(ErrorKind::Invalid));
    assert!(client.is_connected(), "nothing was sent");
}

#[tokio::test]
async fn error_replies_have_kinds_and_codes() {
    let server = Redis::start(&[]);
    let mut client = open(&server.url(), &[]).await;
    client.ask("LPUSH l 1").await;
    server.cli(&["ACL", "SETUSER", "reader", "on", ">pw", "~*", "+get"]);
    for (words, kind, code) in [
        ("NOSUCH x", ErrorKind::Statement, "ERR"),
        ("GET", ErrorKind::Statement, "ERR"),
        ("INCR l", ErrorKind::Statement, "WRONGTYPE"),
        ("AUTH reader wrong", ErrorKind::Permission, "WRONGPASS"),
        ("EVALSHA 0123456789012345678901234567890123456789 0", ErrorKind::Statement, "NOSCRIPT"),
        ("SET k v", ErrorKind::ServerError, "OOM"),
    ] {
        if code == "OOM" {
            server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
        }
        let outcome = client.ask(words).await;
        assert_eq!((outcome.error, outcome.kind), (Some(kind), Kind::Error), "{words}");
        assert_eq!(client.session.error_code(0), code, "{words}");
        assert!(outcome.error_text.unwrap().starts_with(code), "{words}");
    }
    let url = format!("redis://reader:pw@127.0.0.1:{}", server.port());
    let mut reader = open(&url, &[]).await;
    assert_eq!(reader.ask("GET k").await.error, None);
    assert_eq!(reader.ask("SET k v").await.error, Some(ErrorKind::Permission));
    assert!(client.is_connected(), "a refusal is a reply");
}

#[tokio::test]
async fn a_pipeline_is_answered_in_order() {
    let server = Redis::start(&[]);
    let mut client = open(&server.url(), &[]).await;
    let incr = client.command(&[b"INCR", b"n"], &[], &[]);
    let set = client.command(&[b"SET", b"s", b"{{v}}"], &["v"], &[]);
    let wrong = client.command(&[b"LPOP", b"s"], &[], &[]);
    let call = |command: &Rc<Command>, values: &[&[u8]]| Call {
        command: Rc::clone(command),
        values: values.iter().map(|value| value.to_vec()).collect(),
    };
    let calls = [call(&incr, &[]), call(&set, &[b"x"]), call(&wrong, &[]), call(&incr, &[])];
    let outcomes = client.session.pipeline(client.connection, &calls).await;
    let kinds: Vec<_> = outcomes.iter().map(|outcome| outcome.kind).collect();
    assert_eq!(kinds, [Kind::Integer, Kind::Simple, Kind::Error, Kind::Integer]);
    let integer = |index| client.session.reply(index).unwrap().text().unwrap().integer();
    assert_eq!((integer(0), integer(1), integer(3)), (Some(1), None, Some(2)));
    assert_eq!(
        (outcomes[2].error, client.session.error_code(2).as_str()),
        (Some(ErrorKind::Statement), "WRONGTYPE")
    );
    assert!(outcomes.iter().all(|outcome| outcome.fired_ns == outcomes[0].fired_ns));
    let many: Vec<_> = (0..1_000).map(|_| call(&incr, &[])).collect();
    let outcomes = client.session.pipeline(client.connection, &many).await;
    assert!(outcomes.iter().all(|outcome| outcome.error.is_none()));
    assert_eq!(client.session.reply(999).unwrap().text().unwrap().integer(), Some(1_002));
    let big = [call(&set, &[&vec![b'x'; 5_000_000]]), call(&incr, &[])];
    let outcomes = client.session.pipeline(client.connection, &big).await;
    assert!(outcomes.iter().all(|outcome| outcome.error.is_none()), "{outcomes:?}");
    let too_many: Vec<_> = (0..1_001).map(|_| call(&incr, &[])).collect();
    let outcomes = client.session.pipeline(client.connection, &too_many).await;
    assert!(outcomes.iter().all(|outcome| outcome.error == Some(ErrorKind::Invalid)));
    assert_eq!(outcomes.len(), 1_001);
}

#[tokio::test]
async fn credentials_and_database_go_with_the_handshake() {
    let server = Redis::start(&["--requirepass", "s3cret/word"]);
    let authority = format!("127.0.0.1:{}", server.port());
    for protocol in ["2", "3"] {
        let options = [("protocol", protocol)];
        let mut client = open(&format!("redis://:s3cret%2Fword@{authority}/3"), &options).await;
        assert_eq!(client.ask("SET k v").await.error, None);
        let list = client.ask("CLIENT LIST").await;
        assert_eq!(list.error, None);
        let json = client.json();
        assert!(json.contains("name=stresshost") && json.contains("db=3"), "{json}");
        for (url, kind) in [
            (format!("redis://:wr0ngword@{authority}"), ErrorKind::Permission),
            (format!("redis://{authority}"), ErrorKind::Permission),
            (format!("redis://:s3cret%2Fword@{authority}/99"), ErrorKind::Statement),
        ] {
            let (_, outcome) = try_open(&url, &options).await;
            let text = outcome.error_text.unwrap_or_default();
            assert_eq!(outcome.error, Some(kind), "{url}: {text}");
            assert!(!text.contains("wr0ngword") && !text.contains("s3cret"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_server_without_hello_is_greeted_as_before() {
    let unknown =
        "-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `pass1234`\r\n";
    let info = "redis_version:5.0.7\r\nredis_mode:standalone\r\n";
    let info = format!("${}\r\n{info}\r\n", info.len());
    let script = vec![
        Step::Read(b"stresshost\r\n".to_vec()),
        send(unknown),
        Step::Read(b"pass1234\r\n".to_vec()),
        send("+OK\r\n"),
        Step::Read(b"server\r\n".to_vec()),
        send(&info),
        Step::Hold,
    ];
    let server = Server::start(vec![script.clone(), script[..2].to_vec()]).await;
    let url = format!("redis://:pass1234@127.0.0.1:{}", server.port);
    let client = open(&url, &[]).await;
    assert_eq!(client.session.server(client.connection).unwrap().version, "5.0.7");
    drop(client);
    let (_, refused) = try_open(&url, &[("protocol", "3")]).await;
    assert_eq!(refused.error, Some(ErrorKind::Statement));
    let text = refused.error_text.unwrap();
    assert!(text.contains("HELLO") && !text.contains("pass1234"), "{text}");
}

#[tokio::test]
async fn a_late_reply_is_a_timeout_and_its_connection_is_made_again() {
    let server = Redis::start(&[]);
    let mut client = open(&server.url(), &[("timeout-ms", "60000")]).await;
    let block = client.command(&[b"BLPOP", b"none", b"0"], &[], &[("timeout-ms", "50")]);
    let late = client.send(&block, &[]).await;
    assert_eq!(late.error, Some(ErrorKind::Timeout));
    assert!((50_000_000..5_000_000_000).contains(&(late.done_ns - late.fired_ns)));
    assert!(!client.is_connected(), "its reply may still come");
    assert_eq!(client.reconnect().await.error, None);
    assert_eq!((client.ask("PING").await.error, client.json().as_str()), (None, r#""PONG""#));
    let slow = tokio::time::timeout(Duration::from_millis(20), client.send(&block, &[]));
    // A dropped future leaves the connection in the same state.
    assert!(slow.await.is_err() || !client.is_connected());
    assert!(!client.is_connected());
    assert_eq!(client.reconnect().await.error, None);
    assert_eq!(client.ask("PING").await.error, None);
}

#[tokio::test]
async fn a_killed_connection_is_noticed_before_the_next_command() {
    let server = Redis::start(&[]);
    let mut client = open(&server.url(), &[]).await;
    let mut other = open(&server.url(), &[]).await;
    client.ask("CLIENT ID").await;
    let id = client.json();
    let killed = other.ask(&format!("CLIENT KILL ID {id}")).await;
    assert_eq!(killed.error, None);
    while client.is_connected() {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.reconnect().await.error, None);
    assert_eq!(client.ask("PING").await.error, None);

    // In mid-command it is that command which fails.
    client.ask("CLIENT ID").await;
    let id = client.json();
    let block = client.command(&[b"BLPOP", b"none", b"0"], &[], &[]);
    let blocked = client.send(&block, &[]);
    let kill = async {
        while other.ask("CLIENT LIST").await.error.is_none() && !other.json().contains("cmd=blpop") {}
        other.ask(&format!("CLIENT KILL ID {id}")).await
    };
    let (blocked, killed) = tokio::join!(blocked, kill);
    assert_eq!(killed.error, None);
    assert!(matches!(blocked.error, Some(ErrorKind::Closed | ErrorKind::Reset)), "{blocked:?}");
    assert!(!client.is_connected());
}

#[tokio::test]
async fn a_server_may_end_and_come_back() {
    let server = Redis::start(&[]);
    let mut client = open(&server.url(), &[]).await;
    server.stop();
    while client.is_connected() {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.reconnect().await.error, Some(ErrorKind::ConnectRefused));
    assert!(!client.is_connected());
    server.start_again();
    assert_eq!(client.reconnect().await.error, None);
    assert_eq!(client.ask("PING").await.error, None);
}

#[tokio::test]
async fn a_full_server_is_unavailable() {
    let server = Redis::start(&["--maxclients", "2"]);
    let first = open(&server.url(), &[]).await;
    let second = open(&server.url(), &[]).await;
    let (_, third) = try_open(&server.url(), &[]).await;
    assert_eq!(third.error, Some(ErrorKind::Unavailable), "{:?}", third.error_text);
    drop((first, second));
}

#[tokio::test]
async fn targets_that_nobody_granted_are_not_connected_to() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = nobody.local_addr().unwrap().port();
    let shared = HttpShared::new(HttpConfig::default(), Arc::new(|_, address| address.is_none())).unwrap();
    let mut session = RedisSession::new(RedisCore::new(HttpCore::new(shared, Clock::start())));
    let url = format!("redis://127.0.0.1:{port}");
    let connection = session.open(&TargetSpec { url: &url, options: &[] }).unwrap();
    assert_eq!(
        session.connect(connection, 0).await.error,
        Some(ErrorKind::Denied),
        "its address is asked about too"
    );
    let shared = HttpShared::new(HttpConfig::default(), Arc::new(|_, _| false)).unwrap();
    let mut session = RedisSession::new(RedisCore::new(HttpCore::new(shared, Clock::start())));
    let connection = session.open(&TargetSpec { url: &url, options: &[] }).unwrap();
    let denied = session.connect(connection, 0).await;
    assert!(denied.error_text.unwrap().contains(&format!("`--allow {url}` grants it")));
    let waiting = tokio::time::timeout(Duration::from_millis(50), nobody.accept());
    assert!(waiting.await.is_err(), "the host connected all the same");
}

#[tokio::test]
async fn a_resolve_rule_leads_elsewhere() {
    let server = Redis::start(&[]);
    let rule = format!("cache.test:6379=127.0.0.1:{}", server.port());
    let mut session = session(HttpConfig { resolve: vec![rule.parse().unwrap()], ..HttpConfig::default() });
    let connection = session.open(&TargetSpec { url: "redis://cache.test", options: &[] }).unwrap();
    assert_eq!(session.connect(connection, 0).await.error, None);
}

/// What comes of a command whose reply is these bytes, and whether the connection can be used afterwards.
async fn answered(script: Vec<Step>, config: HttpConfig) -> (Outcome, bool) {
    let hello = send("%1\r\n+server\r\n+redis\r\n");
    let mut steps = vec![Step::Read(b"stresshost\r\n".to_vec()), hello, Step::Read(b"PING\r\n".to_vec())];
    steps.extend(script);
    let server = Server::start(vec![steps]).await;
    let mut session = session(config);
    let url = format!("redis://127.0.0.1:{}", server.port);
    let options = pairs(&[("timeout-ms", "300")]);
    let connection = session.open(&TargetSpec { url: &url, options: &options }).unwrap();
    assert_eq!(session.connect(connection, 0).await.error, None);
    let words = [b"PING".to_vec()];
    let spec = CommandSpec { words: &words, slots: &[], options: &[] };
    let command = session.prepare(connection, &spec).unwrap().unwrap();
    let outcome = session.send(connection, 0, &command, &[]).await;
    let usable = session.is_connected(connection, 0);
    (outcome, usable)
}

#[tokio::test]
async fn what_a_hostile_server_sends_is_an_error_within_limits() {
    for (text, kind) in [
        ("$99999999999999\r\n", ErrorKind::TooLarge),
        ("*99999999999999\r\n", ErrorKind::TooLarge),
        ("$-7\r\n", ErrorKind::Malformed),
        ("*-2\r\n", ErrorKind::Malformed),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", ErrorKind::Malformed),
        ("$3\r\nabcdef\r\n", ErrorKind::Malformed),
        ("$18446744073709551616\r\n", ErrorKind::Malformed),
    ] {
        let (outcome, usable) = answered(vec![send(text), Step::Hold], HttpConfig::default()).await;
        assert_eq!(outcome.error, Some(kind), "{text:?}: {:?}", outcome.error_text);
        assert!(!usable, "{text:?}");
    }
    let deep = "*1\r\n".repeat(100_000);
    let (outcome, _) = answered(vec![send(&deep), Step::Hold], HttpConfig::default()).await;
    assert_eq!(outcome.error, Some(ErrorKind::Malformed));
    let config = || HttpConfig { max_response_bytes: 1 << 20, ..HttpConfig::default() };
    for endless in [&b"x"[..], b":1\r\n"] {
        let head = if endless == b"x" { "+" } else { "*300000\r\n*0\r\n" };
        let script = vec![send(head), Step::SendForever(endless.repeat(1_000))];
        let (outcome, usable) = answered(script, config()).await;
        let kinds = [Some(ErrorKind::TooLarge), Some(ErrorKind::Malformed)];
        assert!(kinds.contains(&outcome.error), "{:?}", outcome.error);
        assert!(!usable);
    }
}

#[tokio::test]
async fn half_a_reply_is_told_apart_from_none() {
    for (script, kind) in [
        (vec![send("$10\r\nabc")], ErrorKind::Closed),
        (vec![], ErrorKind::Closed),
        (vec![Step::Reset], ErrorKind::Reset),
        (vec![send("$10\r\nabc"), Step::Hold], ErrorKind::Timeout),
        (vec![Step::Hold], ErrorKind::Timeout),
    ] {
        let (outcome, usable) = answered(script.clone(), HttpConfig::default()).await;
        assert_eq!(outcome.error, Some(kind), "{script:?}: {:?}", outcome.error_text);
        assert!(!usable && outcome.done_ns > outcome.fired_ns);
    }
}

#[tokio::test]
async fn what_comes_unasked_makes_a_connection_unusable() {
    let (outcome, usable) =
        answered(vec![send("+PONG\r\n+MORE\r\n"), Step::Hold], HttpConfig::default()).await;
    assert_eq!((outcome.error, usable), (None, false));
    let (outcome, usable) =
        answered(vec![send(">1\r\n+note\r\n+PONG\r\n"), Step::Hold], HttpConfig::default()).await;
    assert_eq!((outcome.error, usable), (None, true), "what is pushed is passed over");
}

/// Like a plugin's side of the host: connects to a node before the first command goes there.
async fn send_in_cluster(client: &mut Client, command: &Command, values: &[Vec<u8>]) -> Outcome {
    let node = client.session.node(client.connection, command, values);
    if !client.session.is_connected(client.connection, node) {
        let connected = client.session.connect(client.connection, node).await;
        assert_eq!(connected.error, None, "{:?}", connected.error_text);
    }
    client.session.send(client.connection, node, command, values).await
}

#[tokio::test]
async fn commands_of_a_cluster_go_to_the_node_of_their_key() {
    let cluster = RedisCluster::start();
    let mut client = open(&cluster.nodes[0].url(), &[("cluster", "true")]).await;
    assert_eq!(client.session.server(client.connection).unwrap().mode, "cluster");
    let set = client.command(&[b"SET", b"k{{id}}", b"{{id}}"], &["id"], &[]);
    let get = client.command(&[b"GET", b"k{{id}}"], &["id"], &[("expect", "value")]);
    let value = |id: u32| vec![id.to_string().into_bytes()];
    for id in 0..100 {
        let outcome = send_in_cluster(&mut client, &set, &value(id)).await;
        assert_eq!(outcome.error, None, "{:?}", outcome.error_text);
    }
    let keys: Vec<u32> = cluster.nodes.iter().map(|node| node.cli(&["DBSIZE"]).parse().unwrap()).collect();
    assert!(keys.iter().sum::<u32>() == 100 && keys.iter().all(|&keys| keys > 0), "{keys:?}");
    let moved = || -> u64 {
        let errors = |node: &Redis| -> u64 {
            let stats = node.cli(&["INFO", "errorstats"]);
            let line = stats.lines().find_map(|line| line.trim().strip_prefix("errorstat_MOVED:count="));
            line.map_or(0, |count| count.parse().unwrap())
        };
        cluster.nodes.iter().map(errors).sum()
    };
    assert_eq!(moved(), 0, "no command went to a wrong node");
    let calls: Vec<_> = (0..100).map(|id| Call { command: Rc::clone(&get), values: value(id) }).collect();
    let outcomes = client.session.pipeline(client.connection, &calls).await;
    for id in 0..100_u32 {
        assert_eq!(outcomes[id as usize].error, None);
        let text = client.session.reply(id as usize).unwrap().text().unwrap();
        assert_eq!(text.integer(), Some(i64::from(id)));
    }
    assert_eq!(moved(), 0);

    // A slot moves: the first command hears of it, the next knows.
    let slot = cluster.nodes[0].cli(&["CLUSTER", "KEYSLOT", "k1"]);
    let id = |node: &Redis| node.cli(&["CLUSTER", "MYID"]);
    let holds = |node: &&Redis| node.cli(&["CLUSTER", "COUNTKEYSINSLOT", &slot]) != "0";
    let from = cluster.nodes.iter().find(holds).unwrap();
    let to = cluster.nodes.iter().find(|node| node.port() != from.port()).unwrap();
    to.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(from)]);
    from.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(to)]);
    from.cli(&["MIGRATE", "127.0.0.1", &to.port().to_string(), "k1", "0", "5000"]);
    let asked = send_in_cluster(&mut client, &get, &value(1)).await;
    assert_eq!(asked.error, None, "ASK is followed: {:?}", asked.error_text);
    for node in [to, from] {
        node.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &id(to)]);
    }
    let before = moved();
    for _ in 0..3 {
        let got = send_in_cluster(&mut client, &get, &value(1)).await;
        assert_eq!((got.error, got.kind), (None, Kind::Bulk), "{:?}", got.error_text);
    }
    assert_eq!(moved() - before, 1, "MOVED is followed and remembered");

    let mut plain = open(&from.url(), &[]).await;
    let outcome = plain.ask("GET k1").await;
    assert_eq!(outcome.error, Some(ErrorKind::ServerError), "followed only where a cluster was asked for");
    assert_eq!(plain.session.error_code(0), "MOVED");
}
