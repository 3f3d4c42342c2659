//! Counting, starting and stopping.

use std::net::TcpStream;

use stresshost_shop::limits::{MAX_PRODUCTS, MAX_SEEDED_USERS};
use stresshost_shop::{Counts, Faults, Latency, RouteCounts, Shop, ShopConfig, ShopError};

use crate::client::{Client, start, start_with, until};

#[test]
fn counts_equal_the_requests_sent() {
    const CLIENTS: u64 = 4;
    const ROUNDS: u64 = 50;
    let shop = start(ShopConfig::default());
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = Client::connect(shop.addr());
                for _ in 0..ROUNDS {
                    for path in ["/products/1", "/chunked/1000", "/status/503", "/nothing", "/_faults"] {
                        client.get(path);
                    }
                    Client::connect(shop.addr()).get("/close/10");
                }
            });
        }
    });
    let counts = shop.counts();
    let each = CLIENTS * ROUNDS;
    assert_eq!((counts.requests, counts.responses), (5 * each, 5 * each));
    for route in [
        "GET /products/{id}",
        "GET /chunked/{n}",
        "GET /status/{code}",
        "GET /close/{n}",
        "unmatched",
        "GET /_faults",
    ] {
        assert_eq!(counts.routes[route], RouteCounts { requests: each, responses: each }, "{route}");
    }
    assert_eq!(counts.statuses, [(200, 3 * each), (404, each), (503, each)].into());
    assert_eq!(counts.connections, CLIENTS + each);
    let served: Counts = serde_json::from_slice(&Client::connect(shop.addr()).get("/_counts").body).unwrap();
    assert_eq!((served.requests, served.statuses), (counts.requests, counts.statuses));
}

#[test]
fn a_response_cut_short_is_not_counted() {
    let shop = start(ShopConfig::default());
    let mut client = Client::connect(shop.addr());
    client.send("GET", "/bytes/1000000000", &[], None);
    until("the request is under way", || shop.counts().requests == 1);
    drop(client);
    assert_eq!(Client::connect(shop.addr()).get("/html").status, 200);
    let counts = shop.counts();
    assert_eq!((counts.requests, counts.responses), (2, 1));
}

#[test]
fn a_graceful_stop_finishes_what_is_under_way() {
    let shop = start_with(Faults { latency: Latency::Constant { ms: 200.0 }, ..Faults::default() });
    let (addr, handle) = (shop.addr(), shop.handle());
    let mut idle = Client::connect(addr);
    assert_eq!(idle.get("/health").status, 200);
    let mut busy = Client::connect(addr);
    busy.send("GET", "/products/1", &[], None);
    until("the request is under way", || handle.counts().requests == 2);
    shop.stop();
    assert_eq!(busy.receive("GET").status, 200);
    assert!(busy.closed() && idle.closed());
    assert!(TcpStream::connect(addr).is_err());
    assert_eq!(handle.counts().responses, 2);
}

#[test]
fn dropping_cuts_connections_at_once() {
    let shop = start_with(Faults { latency: Latency::Constant { ms: 600_000.0 }, ..Faults::default() });
    let handle = shop.handle();
    let mut client = Client::connect(shop.addr());
    client.send("GET", "/products/1", &[], None);
    until("the request is under way", || handle.counts().requests == 1);
    drop(shop);
    assert!(client.closed());
    assert_eq!(handle.counts().responses, 0);
}

#[tokio::test]
async fn serves_on_the_current_runtime() {
    let shop = Shop::start(ShopConfig::default()).await.unwrap();
    let addr = shop.addr();
    let call = move || Client::connect(addr).get("/health").status;
    assert_eq!(tokio::task::spawn_blocking(call).await.unwrap(), 200);
    assert_eq!(shop.counts().responses, 1);
    shop.stop().await;
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn a_shop_that_cannot_start_says_why() {
    let taken = start(ShopConfig::default());
    let refused = |config| Shop::start_in_thread(config).err().unwrap();
    let bind = refused(ShopConfig { addr: taken.addr(), ..ShopConfig::default() });
    assert!(matches!(bind, ShopError::Bind { addr, .. } if addr == taken.addr()));
    for products in [0, MAX_PRODUCTS + 1] {
        let error = refused(ShopConfig { products, ..ShopConfig::default() });
        assert!(matches!(error, ShopError::Products { asked } if asked == products));
    }
    let users = refused(ShopConfig { users: MAX_SEEDED_USERS + 1, ..ShopConfig::default() });
    assert!(matches!(users, ShopError::Users { .. }));
    let faults = Faults { error_rate: -1.0, ..Faults::default() };
    let fault = refused(ShopConfig { faults, ..ShopConfig::default() });
    assert_eq!(fault.to_string(), "fault `error_rate` is -1, but must be a share from 0 to 1");
}

#[cfg(unix)]
#[test]
fn serves_a_unix_socket_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.sock");
    let config = ShopConfig { unix_socket: Some(path.clone()), ..ShopConfig::default() };
    let shop = start(config.clone());
    let stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    assert_eq!(Client::over(stream).get("/products/1").status, 200);
    assert_eq!(Client::connect(shop.addr()).get("/products/1").status, 200);
    assert_eq!(shop.counts().connections, 2);
    let second = Shop::start_in_thread(config).err().unwrap();
    assert!(matches!(second, ShopError::Unix { .. }));
    assert!(path.exists());
    shop.stop();
    assert!(!path.exists());
}
