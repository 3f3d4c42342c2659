//! Bodies, codings, statuses, redirects, and what no route matches.

use stresshost_shop::ShopConfig;
use stresshost_shop::limits::{MAX_PROBE_BYTES, MAX_REDIRECTS};

use crate::client::{Client, start};

fn expected(length: usize) -> Vec<u8> {
    b"0123456789abcdef".iter().copied().cycle().take(length).collect()
}

#[test]
fn bodies_come_in_each_coding() {
    let shop = start(ShopConfig::default());
    let mut client = Client::connect(shop.addr());
    for length in [0, 1, 100, 65_537, 1_000_000] {
        let sized = client.get(&format!("/bytes/{length}"));
        assert_eq!(sized.header("content-length"), Some(length.to_string().as_str()));
        assert!(sized.body == expected(length));
        let chunked = client.get(&format!("/chunked/{length}"));
        assert!(chunked.chunks.is_some_and(|chunks| chunks >= length.min(4)), "{length}");
        assert!(chunked.body == expected(length));
        let mut once = Client::connect(shop.addr());
        let closing = once.get(&format!("/close/{length}"));
        assert_eq!(closing.header("connection"), Some("close"));
        assert!(closing.body == expected(length) && once.closed());
    }
    // The other client kept its one connection all along.
    assert_eq!(shop.counts().connections, 6);
    let over = MAX_PROBE_BYTES + 1;
    for path in
        [format!("/bytes/{over}"), format!("/chunked/{over}"), format!("/close/{over}"), "/bytes/x".into()]
    {
        assert_eq!(client.get(&path).status, 400);
    }
}

#[test]
fn statuses_are_as_asked_for() {
    let shop = start(ShopConfig::default());
    let mut client = Client::connect(shop.addr());
    for code in [200, 201, 204, 205, 299, 300, 304, 307, 400, 418, 451, 499, 500, 511, 599] {
        assert_eq!(client.get(&format!("/status/{code}")).status, code);
    }
    for path in ["/status/100", "/status/199", "/status/600", "/status/65736", "/status/x"] {
        assert_eq!(client.get(path).status, 400, "{path}");
    }
}

#[test]
fn redirects_count_down() {
    let shop = start(ShopConfig::default());
    let mut client = Client::connect(shop.addr());
    let mut path = "/redirect/3".to_owned();
    let mut hops = 0;
    while let Some(next) = client.get(&path).header("location") {
        path = next.to_owned();
        hops += 1;
    }
    assert_eq!((hops, path.as_str()), (3, "/redirect/0"));
    assert_eq!(client.get(&format!("/redirect/{}", MAX_REDIRECTS + 1)).status, 400);
}

#[test]
fn documents_are_served() {
    let shop = start(ShopConfig::default());
    let mut client = Client::connect(shop.addr());
    assert_eq!(client.get("/openapi.json").body, stresshost_shop::OPENAPI.as_bytes());
    assert!(client.get("/html").body.starts_with(b"<!doctype html>"));
    assert_eq!(client.get("/health").json()["status"], "ok");
    let head = client.call("HEAD", "/bytes/100", &[], None);
    assert_eq!((head.status, head.header("content-length")), (200, Some("100")));
}

#[test]
fn what_no_route_matches_is_a_problem() {
    let shop = start(ShopConfig::default());
    let mut client = Client::connect(shop.addr());
    for path in ["/", "/nothing", "/products/", "/products/1/x", "/bytes"] {
        let reply = client.get(path);
        assert_eq!((reply.status, reply.problem().as_str()), (404, "about:blank"), "{path}");
    }
    let reply = client.call("POST", "/products", &[], Some("{}"));
    assert_eq!(reply.status, 405);
    assert_eq!(reply.header("allow"), Some("GET,HEAD"));
    let allow = client.call("PATCH", "/_faults", &[], None).header("allow").unwrap().to_owned();
    assert!(["GET", "PUT"].iter().all(|method| allow.contains(method)), "{allow}");
    assert_eq!(shop.counts().routes["unmatched"].responses, 7);
}

#[test]
fn an_unread_body_does_not_cost_the_connection() {
    let shop = start(ShopConfig::default());
    let mut client = Client::connect(shop.addr());
    for path in ["/checkout", "/nothing", "/products/1"] {
        // The body leaves after the head has been handled, when the answer needs none of it.
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
        );
        let before = shop.counts().requests;
        client.write(head.as_bytes());
        crate::client::until("the head is read", || shop.counts().requests > before);
        client.write(b"{}");
        assert!(client.receive("POST").status >= 400);
    }
    assert_eq!(client.get("/health").status, 200);
    assert_eq!(shop.counts().connections, 1);
}
