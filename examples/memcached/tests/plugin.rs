//! Natively, a fake host answers: no component, no server.

use std::collections::HashMap;

use plugin::Plugin;
use stresshost_sdk::serde_json::{Value, json};
use stresshost_sdk::testing::{self, FakeHost, TcpReply, TcpSent};
use stresshost_sdk::{ErrorKind, Workload};

/// As much of a memcached as the plugin talks to.
fn memcached() -> impl FnMut(&TcpSent) -> TcpReply {
    let mut values: HashMap<String, String> = HashMap::new();
    move |sent| {
        let text = sent.text();
        let words: Vec<&str> = text.split([' ', '\r']).collect();
        match words[0] {
            "set" => {
                let value = text.split("\r\n").nth(1).unwrap();
                values.insert(words[1].to_owned(), value.to_owned());
                TcpReply::bytes("STORED\r\n")
            }
            "get" => {
                let found = words[1..].iter().filter_map(|key| values.get_key_value(*key));
                let blocks =
                    found.map(|(key, value)| format!("VALUE {key} 0 {}\r\n{value}\r\n", value.len()));
                TcpReply::bytes(blocks.collect::<String>() + "END\r\n")
            }
            _ => TcpReply::bytes("ERROR\r\n"),
        }
    }
}

fn start(flags: Value) -> Plugin {
    let plan = Plugin::plan(testing::input(&["tcp://cache.test:11211"], flags, ())).unwrap();
    testing::start(&plan, 0).unwrap()
}

#[test]
fn what_was_set_before_is_a_hit() {
    let host = FakeHost::new();
    host.tcp_server(memcached());
    let mut user = start(json!({"keys": 100, "prefill": 0.5, "sets": 0, "popularity": "uniform"}));
    for _ in 0..1_000 {
        user.iterate(Default::default()).unwrap();
    }
    let sent = host.exchanges();
    assert_eq!(sent.iter().filter(|one| one.name == "set").count(), 50);
    assert_eq!(sent.iter().filter(|one| one.name == "get").count(), 1_000);
    let hits = host.metric("hit ratio").iter().filter(|&&hit| hit == 1.0).count();
    assert!((400..600).contains(&hits), "{hits}");
    assert_eq!(host.check("a value is that of its key"), (hits as u64, 0));
}

#[test]
fn several_keys_are_asked_for_at_once() {
    let host = FakeHost::new();
    host.tcp_server(memcached());
    let mut user = start(json!({"keys": 5, "multi-gets": 1, "sets": 0, "batch": 3, "value-bytes": 4}));
    user.iterate(Default::default()).unwrap();
    let last = host.exchanges().pop().unwrap();
    assert_eq!((last.name.as_str(), last.text().split(' ').count()), ("multi-get", 4));
    assert_eq!(host.metric("hit ratio").len(), 3);
}

#[test]
fn a_wrong_value_fails_its_check_and_a_wrong_answer_the_operation() {
    let host = FakeHost::new();
    host.tcp_server(memcached());
    let mut user = start(json!({"keys": 1, "sets": 0}));
    host.tcp_reply_once("get", TcpReply::bytes("VALUE stresshost:0 0 5\r\nwrong\r\nEND\r\n"));
    user.iterate(Default::default()).unwrap();
    assert_eq!(host.check("a value is that of its key"), (0, 1));
    for (answer, error) in [
        ("SERVER_ERROR out of memory\r\n", ErrorKind::ServerError),
        ("ERROR\r\n", ErrorKind::Statement),
        ("HTTP/1.1 400 Bad Request\r\n", ErrorKind::Malformed),
        ("VALUE stresshost:0 0 2\r\nlong\r\nEND\r\n", ErrorKind::Malformed),
        ("VALUE stresshost:0 0 99999999\r\n", ErrorKind::Malformed),
        ("VALUE stresshost:0", ErrorKind::Closed),
    ] {
        host.tcp_reply_once("get", TcpReply::bytes(answer));
        assert_eq!(user.iterate(Default::default()).unwrap_err().code, error.name(), "{answer}");
        assert_eq!(host.exchanges().pop().unwrap().error, Some(error.name()), "{answer}");
    }
    assert_eq!(host.metric("hit ratio").len(), 1, "what failed is neither hit nor miss");
}

#[test]
fn what_makes_no_load_is_said_all_at_once() {
    let flags = json!({"keys": 0, "sets": 0.7, "multi-gets": 0.7, "prefill": 2});
    let problems = Plugin::plan(testing::input(&[], flags, ())).unwrap_err();
    let places: Vec<&str> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(places, ["TARGET", "--keys", "--prefill", "--multi-gets"]);
}
