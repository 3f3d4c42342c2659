//! The typed wrappers, against the fake host.

use std::time::Duration;

use stresshost_sdk::checks::Check;
use stresshost_sdk::data::Feed;
use stresshost_sdk::http::{self, Request};
use stresshost_sdk::metrics::{Counter, Distribution, Gauge, Rate};
use stresshost_sdk::mongo;
use stresshost_sdk::prelude::*;
use stresshost_sdk::redis;
use stresshost_sdk::serde_json::json;
use stresshost_sdk::tcp::{self, LengthField, ReadError};
use stresshost_sdk::testing::{FakeHost, MongoReply, RedisReply, Reply, TcpReply};
use stresshost_sdk::{artifacts, pacing, random};

#[test]
fn a_request_goes_out_with_its_slots_filled() {
    let host = FakeHost::new();
    let request = Request::new("PUT", "put", "http://a/{{id}}?x={{&id}}")
        .header("x-id", "{{id}}")
        .body("{{id}} {{other}}")
        .slot("id")
        .timeout(Duration::from_secs(2))
        .connect_timeout(Duration::from_millis(5))
        .follow_redirects(3)
        .decompress(true)
        .keep_alive(false)
        .http_version("2");
    request.prepare().unwrap().fire(&["a/b"]);
    let sent = &host.requests()[0];
    assert_eq!((sent.method.as_str(), sent.url.as_str()), ("PUT", "http://a/a%2Fb?x=a/b"));
    assert_eq!(sent.header("X-Id"), Some("a/b"));
    assert_eq!(sent.text(), "a/b {{other}}");
    let options: Vec<_> = sent.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        options,
        [
            "timeout-ms=2000",
            "connect-timeout-ms=5",
            "follow-redirects=3",
            "decompress=true",
            "keep-alive=false",
            "http-version=2",
        ]
    );
    for url in ["/x", "ftp://a/", "http:///", "http://{{id}}/"] {
        assert!(Request::get("x", url).prepare().unwrap_err().message.contains("request `x`"), "{url}");
    }
}

#[test]
fn responses_are_read_until_the_next_request() {
    let host = FakeHost::new();
    let reply =
        Reply::json(201, r#"{"a": {"b": "c"}, "n": 1.5}"#).header("X-Y", "z").after(Duration::from_millis(7));
    host.reply_once("r", reply);
    let request = Request::post("r", "http://a/").json(&[1]).unwrap().prepare().unwrap();
    let first = request.fire(&[]);
    assert_eq!((first.status(), first.ok(), first.error()), (201, true, None));
    assert_eq!((first.duration(), first.body_bytes()), (Duration::from_millis(7), 27));
    assert_eq!(first.json("/a/b").as_deref(), Some("c"));
    assert_eq!(first.json("/n").as_deref(), Some("1.5"));
    assert_eq!(first.json("/x"), None);
    assert_eq!(first.header("x-y").as_deref(), Some("z"));
    assert_eq!(first.headers().len(), 2);
    assert_eq!(first.parse::<serde_json::Value>().unwrap()["n"], 1.5);
    assert_eq!(first.parse::<u64>().unwrap_err().code, "body");
    assert_eq!(pacing::now(), Duration::from_millis(7));
    request.fire(&[]);
    assert_eq!((first.header("x-y"), first.json("/n"), first.body().is_err()), (None, None, true));
    assert_eq!(host.requests()[0].text(), "[1]");
}

#[test]
fn statuses_and_transport_errors_are_told_apart() {
    let host = FakeHost::new();
    for (reply, expect, error) in [
        (Reply::status(399), None, None),
        (Reply::status(404), None, Some(ErrorKind::Status4xx)),
        (Reply::status(503), None, Some(ErrorKind::Status5xx)),
        (Reply::status(404), Some("200-299, 404"), None),
        (Reply::status(301), Some("200"), Some(ErrorKind::StatusUnexpected)),
        (Reply::error(ErrorKind::Timeout), None, Some(ErrorKind::Timeout)),
    ] {
        host.reply_once("r", reply.clone());
        let mut request = Request::get("r", "http://a/");
        if let Some(statuses) = expect {
            request = request.expect_status(statuses);
        }
        let response = request.prepare().unwrap().fire(&[]);
        assert_eq!(response.error(), error, "{reply:?} {expect:?}");
        assert_eq!(response.error_name(), error.map_or("", ErrorKind::name));
        assert_eq!(response.error_text().is_empty(), error.is_none());
    }
}

#[test]
fn requests_sent_together_are_answered_in_order() {
    let host = FakeHost::new();
    host.reply_to("slow", Reply::text(200, "slow").after(Duration::from_secs(1)));
    host.reply_to("fast", Reply::text(201, "fast"));
    let prepare = |name: &str| Request::get(name, "http://a/{{x}}").slot("x").prepare().unwrap();
    let (slow, fast) = (prepare("slow"), prepare("fast"));
    let responses = http::send_all(&[slow.shot(&["1"]), fast.shot(&["2"]), slow.shot(&[])]);
    assert_eq!(responses[0].text().as_deref(), Ok("slow"));
    assert_eq!(responses[1].text().as_deref(), Ok("fast"));
    assert_eq!(responses[2].error(), Some(ErrorKind::Invalid), "a slot has no value");
    assert_eq!(host.now(), Duration::from_secs(1), "they are sent at the same time");
}

#[test]
fn metrics_and_checks_are_registered_once() {
    let host = FakeHost::new();
    let counter = Counter::register("c", "").unwrap();
    assert_eq!(Counter::register("c", "").unwrap(), counter);
    assert!(Gauge::register("c", "").unwrap_err().message.contains("taken by a counter"));
    counter.add(2.0);
    counter.add(3.0);
    Gauge::register("g", "").unwrap().set(-1.0);
    let rate = Rate::register("r", "").unwrap();
    rate.observe(true);
    rate.observe(false);
    Distribution::register("d", "ms").unwrap().record(4.5);
    let recorded = [host.metric("c"), host.metric("g"), host.metric("r"), host.metric("d")];
    assert_eq!(recorded, [vec![2.0, 3.0], vec![-1.0], vec![1.0, 0.0], vec![4.5]]);
    let check = Check::register("k").unwrap();
    assert_eq!(Check::register("k").unwrap(), check);
    assert!(check.mark(true));
    assert!(!check.mark(false));
    assert_eq!(host.check("k"), (1, 1));
}

#[test]
fn feeds_are_used_up() {
    let host = FakeHost::new();
    host.feed("f", &["a", "b"], &[&["1", "2"], &["3", "4"]]);
    let feed = Feed::open("f").unwrap();
    assert_eq!((feed.columns(), feed.rows()), (vec!["a".to_owned(), "b".to_owned()], 2));
    assert_eq!(feed.next().unwrap(), ["1", "2"]);
    assert_eq!(feed.row(0).unwrap(), ["1", "2"]);
    assert_eq!(feed.next().unwrap(), ["3", "4"]);
    assert_eq!((feed.next(), feed.row(2)), (None, None));
    assert!(Feed::open("g").unwrap_err().message.contains("feed `g`"));
}

#[test]
fn rate_limits_are_waited_for() {
    let host = FakeHost::new();
    host.limit("quota", 10.0, 3);
    let quota = pacing::limiter("quota").unwrap();
    assert_eq!(pacing::limiter("quota").unwrap(), quota);
    let ms = Duration::from_millis;
    assert_eq!((quota.acquire(2), quota.acquire(1), quota.acquire(1)), (ms(0), ms(0), ms(100)));
    pacing::sleep(Duration::from_secs(9));
    assert_eq!((quota.acquire(5), quota.acquire(0), quota.acquire(1)), (ms(200), ms(0), ms(100)));
    assert_eq!(host.now(), ms(9_400));
    let missing = pacing::limiter("quotas").unwrap_err();
    assert_eq!(missing.to_string(), "setup: rate limit `quotas`: the plan has none of that name");
}

#[test]
fn random_numbers_are_the_seeds() {
    let draw = |seed| {
        let _host = FakeHost::with_seed(seed);
        (0..1_000).map(|_| random::between(5, 7)).collect::<Vec<_>>()
    };
    let numbers = draw(1);
    assert!(numbers.iter().all(|number| (5..=7).contains(number)));
    assert!([5, 6, 7].iter().all(|number| numbers.contains(number)));
    assert_eq!(numbers, draw(1));
    assert_ne!(numbers, draw(2));
    let _host = FakeHost::new();
    assert_eq!((random::below(0), random::below(1), random::between(9, 2)), (0, 0, 9));
    assert_ne!(random::between(0, u64::MAX), random::next());
}

#[test]
fn uuids_are_of_version_4() {
    let _host = FakeHost::new();
    for _ in 0..100 {
        let uuid = random::uuid();
        let parts: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{uuid}");
        assert_eq!(uuid.as_bytes()[14], b'4', "{uuid}");
        assert!(b"89ab".contains(&uuid.as_bytes()[19]), "{uuid}");
    }
    assert_ne!(random::uuid(), random::uuid());
}

#[test]
fn artifacts_stay_in_their_directory() {
    let host = FakeHost::new();
    artifacts::write("a/b.txt", b"1").unwrap();
    artifacts::append("a/b.txt", b"2").unwrap();
    assert_eq!(host.artifact("a/b.txt").as_deref(), Some(b"12".as_slice()));
    for name in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a\\b"] {
        assert!(artifacts::write(name, b"").is_err(), "{name}");
    }
}

#[test]
fn redis_commands_are_prepared_sent_and_answered() {
    let host = FakeHost::new();
    host.redis_server(redis::Server {
        engine: "redis".into(),
        version: "7.0.15".into(),
        mode: "standalone".into(),
    });
    host.redis_reply("GET", RedisReply::bulk("41").after(Duration::from_millis(7)));
    host.redis_reply_once("GET", RedisReply::nil());
    host.redis_reply("LPUSH", RedisReply::error(ErrorKind::Statement, "WRONGTYPE not a list"));
    let target = redis::Target::new("redis://u:p@c.test/0").timeout(Duration::from_secs(2)).protocol(3);
    let cache = target.connect_timeout(Duration::from_secs(1)).cluster(false).open().unwrap();
    let options = &host.redis_targets()[0].1;
    let options: Vec<_> = options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(options, ["timeout-ms=2000", "protocol=3", "connect-timeout-ms=1000", "cluster=false"]);
    assert_eq!((cache.server().engine.as_str(), cache.server().mode.as_str()), ("redis", "standalone"));

    let get = cache
        .command("GET")
        .words(["GET", "a:{{id}}:{{other}}"])
        .slot("id")
        .expect_value()
        .prepare()
        .unwrap();
    let nil = get.send(&[b"{{id}}\xff"]);
    assert_eq!(
        (nil.kind(), nil.error(), nil.bytes()),
        (redis::Kind::Nil, Some(ErrorKind::StatusUnexpected), None)
    );
    assert_eq!(host.commands()[0].words[1], b"a:{{id}}\xff:{{other}}", "values are not looked at again");
    let push = cache.command("LPUSH").words(["LPUSH", "k", "v"]).prepare().unwrap();
    let before = host.now();
    let replies = redis::pipeline(&[get.call(&[b"1"]), push.call(&[]), get.call(&[])]);
    assert_eq!(host.now() - before, Duration::from_millis(7), "they are sent at once");
    assert_eq!((replies[0].integer(), replies[0].text().as_deref()), (Some(41), Some("41")));
    assert_eq!(replies[0].duration(), Duration::from_millis(7));
    assert_eq!((replies[1].kind(), replies[1].error_code()), (redis::Kind::Error, "WRONGTYPE".to_owned()));
    assert_eq!(replies[1].check().unwrap_err().to_string(), "statement: WRONGTYPE not a list");
    assert_eq!(replies[1].value().unwrap()["error"], "WRONGTYPE not a list");
    assert_eq!(replies[2].error(), Some(ErrorKind::Invalid), "a slot has no value");
    push.send(&[]);
    assert_eq!((replies[0].bytes(), replies[0].value().is_err()), (None, true), "stale");
    cache.close();
    assert_eq!(get.send(&[b"1"]).error(), Some(ErrorKind::Invalid));
    assert!(cache.command("x").word("PING").prepare().is_err());
    host.redis_refuse("no connection");
    let refused = redis::Target::new("redis://u:secret@c.test/0").open().unwrap_err();
    assert_eq!(refused.message, "redis `redis://c.test/0`: no connection");
}

#[test]
fn mongo_commands_are_prepared_executed_and_answered() {
    let host = FakeHost::new();
    host.mongo_server(mongo::Server {
        engine: "mongodb".into(),
        version: "7.0.15".into(),
        database: "shop".into(),
        set: "rs0".into(),
        primary: true,
    });
    let users = [json!({ "_id": 1 }), json!({ "_id": 2 })];
    host.mongo_reply("find", MongoReply::documents(users.clone()).after(Duration::from_millis(7)));
    host.mongo_reply("insert", MongoReply::error(ErrorKind::Constraint, "11000", "E11000 duplicate key"));
    host.mongo_reply("delete", MongoReply::count(70_000));
    let target = mongo::Target::new("mongodb://u:p@d.test/shop").timeout(Duration::from_secs(2));
    let database = target.connect_timeout(Duration::from_secs(1)).option("a", "b").open().unwrap();
    let written = |options: &[(String, String)]| -> Vec<String> {
        options.iter().map(|(name, value)| format!("{name}={value}")).collect()
    };
    let options = &host.mongo_targets()[0].1;
    assert_eq!(written(options), ["timeout-ms=2000", "connect-timeout-ms=1000", "a=b"]);
    let server = database.server();
    assert_eq!((server.set.as_str(), server.primary, server.database.as_str()), ("rs0", true, "shop"));

    let text = r#"{"find": "users", "filter": {"_id": {"$in": "$1"}}, "limit": "$2"}"#;
    let find = database.command("find", text).timeout(Duration::from_millis(5)).database("other");
    let find = find.expect_documents().option("c", "d").prepare().unwrap();
    let found = find.execute(&[mongo::Value::Json("[1, 2]"), 2_u32.into()]);
    assert_eq!((found.is_ok(), found.count(), found.duration()), (true, 2, Duration::from_millis(7)));
    assert_eq!(found.documents().unwrap(), users);
    assert_eq!(found.value().unwrap()["ok"], 1);
    assert_eq!((found.error_name(), found.check()), (String::new(), Ok(())));
    let sent = &host.mongo_commands()[0];
    assert_eq!((sent.name.as_str(), sent.text.as_str()), ("find", text));
    assert_eq!(sent.filled, r#"{"find": "users", "filter": {"_id": {"$in": [1, 2]}}, "limit": 2}"#);
    assert_eq!(sent.document()["limit"], 2);
    assert_eq!(written(&sent.options), ["timeout-ms=5", "database=other", "expect=documents", "c=d"]);
    host.mongo_reply_once("find", MongoReply::documents([]));
    let none = find.execute(&["x".into(), None::<i64>.into()]);
    assert_eq!((none.error(), none.count()), (Some(ErrorKind::StatusUnexpected), 0));
    assert!(found.value().is_err(), "stale");
    assert_eq!(find.execute(&[]).error(), Some(ErrorKind::Invalid), "values are missing");
    assert_eq!(host.mongo_commands().len(), 2, "it was not sent");

    let refused = database.run("insert", r#"{"insert": "users", "documents": [{}]}"#);
    assert_eq!(refused.check().unwrap_err().to_string(), "constraint: E11000 duplicate key [11000]");
    assert_eq!(
        (refused.error_code().as_str(), refused.value().unwrap()["code"].as_i64()),
        ("11000", Some(11_000))
    );
    assert_eq!(database.run("delete", r#"{"delete": "users"}"#).count(), 70_000);
    let other = database.run("ping", r#"{"ping": 1}"#);
    assert_eq!((other.is_ok(), other.documents()), (true, Ok(Vec::new())));
    for (text, told) in [("[]", "no document"), (r#"{"find": "$2"}"#, "it has $2 but no $1")] {
        assert_eq!(database.run("x", text).error(), Some(ErrorKind::Invalid), "{text}");
        let refused = database.command("x", text).prepare().unwrap_err();
        assert!(refused.message.contains(told), "{refused}");
    }
    database.close();
    assert_eq!(find.execute(&[1.into(), 2.into()]).error(), Some(ErrorKind::Invalid));
    assert!(database.command("x", r#"{"ping": 1}"#).prepare().is_err());
    host.mongo_refuse("no connection");
    let refused = mongo::Target::new("mongodb://u:secret@d.test/shop").open().unwrap_err();
    assert_eq!(refused.message, "mongodb `mongodb://d.test/shop`: no connection");
}

#[test]
fn exchanges_are_prepared_sent_and_read() {
    let host = FakeHost::new();
    host.tcp_server(|sent| TcpReply::bytes(format!("echo {}", sent.text())));
    let target = tcp::Target::new("tcp://c.test:1").timeout(Duration::from_secs(2)).tls(true);
    let target = target.connect_timeout(Duration::from_secs(1)).server_name("s.test").max_reply_bytes(9);
    let connection = target.reconnect(false).open().unwrap();
    let written = |options: &[(String, String)]| -> Vec<String> {
        options.iter().map(|(name, value)| format!("{name}={value}")).collect()
    };
    assert_eq!(
        written(&host.tcp_targets()[0].1),
        [
            "timeout-ms=2000",
            "tls=true",
            "connect-timeout-ms=1000",
            "server-name=s.test",
            "max-reply-bytes=9",
            "reconnect=false"
        ]
    );

    let echo = connection.exchange("echo", "{{a}}{{b}}\n").slot("a").until(b"\\\n\xff").prepare().unwrap();
    let reply = echo.send(&[b"{{b}}"]);
    assert_eq!((reply.text().as_deref(), reply.reply_bytes()), (Some("echo {{b}}{{b}}\n"), 16));
    assert_eq!(written(&host.exchanges()[0].options), ["reply=until", "delimiter=\\\\\\x0a\\xff"]);
    let field = LengthField { bytes: 2, little_endian: true, offset: 1, adjustment: -2 };
    let exchange = connection.exchange("echo", "x");
    for (exchange, options) in [
        (
            exchange.clone().exactly(3).timeout(Duration::from_millis(5)),
            "reply=exactly length=3 timeout-ms=5",
        ),
        (exchange.clone().no_reply(), "reply=none"),
        (
            exchange.clone().length_prefixed(field),
            "reply=prefix length-bytes=2 length-endian=little length-offset=1 length-adjustment=-2",
        ),
    ] {
        exchange.prepare().unwrap().send(&[]);
        assert_eq!(written(&host.exchanges().pop().unwrap().options).join(" "), options);
    }
    let other = exchange.clone().until("\n").expect_start("a\n").prepare().unwrap().send(&[]);
    assert_eq!(other.error(), Some(ErrorKind::StatusUnexpected));
    assert_eq!(exchange.prepare().unwrap().send(&[]).error(), Some(ErrorKind::Invalid), "no end is told");
    assert!(tcp::Target::new("c.test").open().unwrap_err().message.contains("host:port"));
}

#[test]
fn replies_are_read_in_pieces() {
    let host = FakeHost::new();
    host.tcp_reply("get", TcpReply::bytes("5\r\nhello").after(Duration::from_millis(7)));
    let connection = tcp::Target::new("c.test:1").open().unwrap();
    let get = connection.exchange("get", "get\n").prepare().unwrap();
    let before = host.now();
    let (reply, value) = get.send_and_read(&[], |reading| {
        reading.write(b"more\n")?;
        reading.read_until(b"\r\n", 10)?;
        reading.skip(1)?;
        reading.read(4)
    });
    assert_eq!((reply.ok(), value.as_deref(), reply.reply_bytes()), (true, Some(&b"ello"[..]), 8));
    assert_eq!((host.now() - before, reply.duration()), (Duration::from_millis(7), Duration::from_millis(7)));
    assert_eq!(host.exchanges().pop().unwrap().text(), "get\nmore\n");
    let (first, _) = get.send_and_read(&[], |reading| reading.read(100));
    assert_eq!((first.error(), first.error_text().is_empty()), (Some(ErrorKind::Closed), false), "no more");
    let (reply, nothing) = get.send_and_read(&[], |_| Err::<(), _>(ReadError::unexpected("no")));
    assert_eq!(reply.check().unwrap_err().to_string(), "status_unexpected: no");
    assert_eq!((nothing, host.exchanges().pop().unwrap().error), (None, Some("status_unexpected")));
    assert!(first.error_text().is_empty(), "stale");
    let (reply, _) = get.send_and_read(&[], |reading| reading.read_until(b"\r\n", 2));
    assert_eq!(reply.error(), Some(ErrorKind::TooLarge));
    host.tcp_reply_once("get", TcpReply::error(ErrorKind::Timeout, "no reply"));
    let (reply, _) = get.send_and_read(&[], |reading| reading.read(1));
    assert_eq!(reply.check().unwrap_err().to_string(), "timeout: no reply");

    let _left_open = get.begin(&[]);
    assert!(get.begin(&[]).end().ok());
    let sent = host.exchanges();
    assert_eq!(sent[sent.len() - 2].error, Some("invalid"), "another was begun");
    connection.close();
    assert_eq!(get.send_and_read(&[], |reading| reading.read(1)).0.error(), Some(ErrorKind::Invalid));
    assert!(connection.exchange("x", "").prepare().is_err());
    host.tcp_refuse("no connection");
    let refused = tcp::Target::new("c.test:1").open().unwrap_err();
    assert_eq!(refused.message, "tcp `c.test:1`: no connection");
}
