//! Faults as clients meet them. Times are checked from below only: a busy machine is slow, never fast.

use std::collections::BTreeMap;
use std::time::Duration;

use stresshost_clock::{Clock, NS_PER_MS};
use stresshost_shop::{Faults, Latency, ShopThread};

use crate::client::{Client, start_with, until};

const SEED: u64 = 1;

/// Milliseconds that a request takes.
fn took_ms(client: &mut Client, path: &str) -> u64 {
    let clock = Clock::start();
    assert_eq!(client.get(path).status, 200);
    clock.now_ns() / NS_PER_MS
}

fn answered(shop: &ShopThread, n: usize) -> Vec<u16> {
    let mut client = Client::connect(shop.addr());
    (0..n).map(|_| client.get("/products/1").status).collect()
}

#[test]
fn errors_are_exactly_those_foretold() {
    let faults = Faults { error_rate: 0.25, ..Faults::default() };
    let shop = start_with(faults.clone());
    let foretold: Vec<u16> = (1..=400).map(|n| faults.outcome(SEED, n).error.unwrap_or(200)).collect();
    assert_eq!(answered(&shop, 400), foretold);
    let mut statuses = BTreeMap::new();
    foretold.iter().for_each(|status| *statuses.entry(*status).or_insert(0) += 1);
    assert_eq!(shop.counts().statuses, statuses);
    assert!(statuses[&500] > 0 && statuses[&503] > 0);
}

#[test]
fn injected_errors_leave_no_effect_and_keep_the_connection() {
    let shop = start_with(Faults { error_rate: 1.0, ..Faults::default() });
    let mut client = Client::connect(shop.addr());
    let bob = r#"{"username":"bob","email":"bob@shop.example","password":"long enough"}"#;
    for _ in 0..3 {
        assert_eq!(client.post("/users", bob).problem(), "injected");
    }
    shop.set_faults(Faults::default()).unwrap();
    assert_eq!(client.post("/users", bob).status, 201);
    assert_eq!(shop.counts().connections, 1);
}

#[test]
fn latency_delays_every_business_route_and_no_other() {
    let shop = start_with(Faults { latency: Latency::Constant { ms: 60_000.0 }, ..Faults::default() });
    let mut client = Client::connect(shop.addr());
    // These would outlast the client's time-out.
    assert_eq!(client.get("/health").status, 200);
    assert_eq!(client.get("/_faults").status, 200);
    shop.set_faults(Faults { latency: Latency::Constant { ms: 40.0 }, ..Faults::default() }).unwrap();
    for path in ["/products/1", "/bytes/1", "/openapi.json"] {
        assert!(took_ms(&mut client, path) >= 40, "{path}");
    }
    shop.set_faults(Faults { slow_ratio: 1.0, slow_ms: 50.0, ..Faults::default() }).unwrap();
    assert!(took_ms(&mut client, "/products/1") >= 50);
}

#[test]
fn a_stall_holds_all_requests_those_under_way_included() {
    const STALL_MS: u64 = 400;
    let shop = start_with(Faults { latency: Latency::Constant { ms: 100.0 }, ..Faults::default() });
    let mut early = Client::connect(shop.addr());
    early.send("GET", "/products/1", &[], None);
    until("the early request is under way", || shop.counts().requests == 1);
    let clock = Clock::start();
    let mut control = Client::connect(shop.addr());
    assert_eq!(control.call("POST", &format!("/_stall?ms={STALL_MS}"), &[], None).status, 202);
    shop.set_faults(Faults::default()).unwrap();
    let mut late: Vec<Client> = (0..8).map(|_| Client::connect(shop.addr())).collect();
    late.iter_mut().for_each(|client| client.send("GET", "/products/2", &[], None));
    assert_eq!(control.get("/health").status, 200);
    // Each reply is timed on a thread of its own: read in turn, the first would hide how early the others came.
    std::thread::scope(|scope| {
        for client in late.iter_mut().chain([&mut early]) {
            scope.spawn(|| {
                assert_eq!(client.receive("GET").status, 200);
                let at_ms = clock.now_ns() / NS_PER_MS;
                assert!(at_ms >= STALL_MS, "answered after {at_ms} ms");
            });
        }
    });
    for ms in ["-1", "x", "NaN", "1e9"] {
        assert_eq!(control.call("POST", &format!("/_stall?ms={ms}"), &[], None).status, 400, "{ms}");
    }
}

#[test]
fn a_stall_holds_refusals_too() {
    const STALL_MS: u64 = 300;
    let shop = start_with(Faults::default());
    let mut buyer = Client::user(shop.addr(), 1);
    let handle = shop.handle();
    // One request a second: the second is refused.
    shop.set_faults(Faults { rate_limit: Some(1), ..Faults::default() }).unwrap();
    let mut refused = Client::connect(shop.addr());
    let clock = Clock::start();
    shop.stall(Duration::from_millis(STALL_MS));
    let before = handle.counts().requests;
    buyer.send("POST", "/cart/items", &[], Some(r#"{"product_id":1,"quantity":1}"#));
    until("the first request is under way", || handle.counts().requests == before + 1);
    refused.send("GET", "/products/1", &[], None);
    assert_eq!(refused.receive("GET").status, 429);
    assert!(clock.now_ns() >= STALL_MS * NS_PER_MS);
    assert_eq!(buyer.receive("POST").status, 201);
}

#[test]
fn the_nth_request_stalls_once() {
    let shop = start_with(Faults { stall_at_request: Some(3), stall_ms: 300.0, ..Faults::default() });
    let mut client = Client::connect(shop.addr());
    let clock = Clock::start();
    let mut at_ms = Vec::new();
    for _ in 0..3 {
        client.get("/health");
        assert_eq!(client.get("/products/1").status, 200);
        at_ms.push(clock.now_ns() / NS_PER_MS);
    }
    assert!(at_ms[2] - at_ms[1] >= 299, "{at_ms:?}");
    shop.stall(Duration::ZERO);
    assert_eq!(answered(&shop, 50), [200; 50]);
}

#[test]
fn a_rate_limit_answers_the_excess_with_429() {
    let shop = start_with(Faults { rate_limit: Some(5), ..Faults::default() });
    let clock = Clock::start();
    let mut client = Client::connect(shop.addr());
    let mut limited = 0;
    for _ in 0..100 {
        let reply = client.get("/products/1");
        if reply.status == 429 {
            assert_eq!(reply.problem(), "rate-limited");
            assert_eq!(reply.header("retry-after"), Some("1"));
            limited += 1;
        }
    }
    let refilled = 5 * clock.now_ns().div_ceil(NS_PER_MS * 1000);
    assert!((95 - refilled..=95).contains(&limited), "{limited}");
    assert_eq!(shop.counts().statuses[&429], limited);
    assert_eq!(client.get("/health").status, 200);
}

#[test]
fn a_share_of_responses_closes_its_connection() {
    let faults = Faults { close_rate: 0.3, ..Faults::default() };
    let shop = start_with(faults.clone());
    let mut client = Client::connect(shop.addr());
    let mut connections = 1;
    for number in 1..=60 {
        let reply = client.get("/products/1");
        assert_eq!(reply.header("connection") == Some("close"), faults.outcome(SEED, number).close);
        if reply.header("connection").is_some() {
            assert!(client.closed());
            client = Client::connect(shop.addr());
            connections += 1;
        }
    }
    assert_eq!(client.get("/health").status, 200);
    assert_eq!(shop.counts().connections, connections);
}

#[test]
fn faults_are_read_and_replaced_live() {
    let shop = start_with(Faults::default());
    let mut client = Client::connect(shop.addr());
    let put = |client: &mut Client, json: &str| client.call("PUT", "/_faults", &[], Some(json));
    let reply =
        put(&mut client, r#"{"latency":{"kind":"lognormal","median_ms":2,"sigma":0.5},"error_rate":0.5}"#);
    assert_eq!(reply.status, 200);
    let latency = Latency::LogNormal { median_ms: 2.0, sigma: 0.5 };
    assert_eq!(shop.faults(), Faults { latency, error_rate: 0.5, ..Faults::default() });
    let kept = shop.faults();
    for wrong in [
        r#"{"error_rate":2}"#,
        r#"{"latency":{"kind":"gamma"}}"#,
        r#"{"laten":1}"#,
        r#"{"rate_limit":0}"#,
        r#"{"latency":{"kind":"uniform","min_ms":5,"max_ms":1}}"#,
        r#"{"latency":{"kind":"constant"}}"#,
    ] {
        let reply = put(&mut client, wrong);
        assert_eq!((reply.status, reply.problem().as_str()), (422, "validation"), "{wrong}");
    }
    assert!(shop.set_faults(Faults { error_rate: 2.0, ..Faults::default() }).is_err());
    assert_eq!(shop.faults(), kept);
    assert_eq!(client.get("/_faults").json()["error_rate"], 0.5);
    assert_eq!(put(&mut client, "{}").status, 200);
    assert_eq!(shop.faults(), Faults::default());
}
