//! Products, users, cart, checkout, orders.

use serde_json::json;
use stresshost_shop::limits::{MAX_BODY_BYTES, MAX_CART_ITEMS, MAX_IDEMPOTENCY_KEY_BYTES, MAX_PAGE_SIZE};
use stresshost_shop::{ShopConfig, ShopThread};

use crate::client::{Client, Reply, start};

fn shop() -> ShopThread {
    start(ShopConfig::default())
}

fn add(client: &mut Client, product: u64, quantity: u64) -> Reply {
    client.post("/cart/items", &json!({ "product_id": product, "quantity": quantity }).to_string())
}

const PAYMENT: &str = r#"{"card":"4242","address":"1 Main Street"}"#;

#[test]
fn products_are_listed_searched_and_shown() {
    let shop = shop();
    let mut client = Client::connect(shop.addr());
    let first = client.get("/products").json();
    assert_eq!((first["total"].as_u64(), first["items"].as_array().unwrap().len()), (Some(1000), 20));
    assert_eq!(first["items"][4], client.get("/products/5").json());
    let second = client.get("/products?page=2&per_page=3").json();
    assert_eq!(second["items"][0]["id"], 4);
    let found = client.get("/products?search=teapot&per_page=100").json();
    let items = found["items"].as_array().unwrap();
    assert!(!items.is_empty() && items.iter().all(|item| item["name"].as_str().unwrap().contains("Teapot")));
    assert_eq!(client.get("/products?search=no%20such%20thing").json()["total"], 0);
    assert_eq!(client.get("/products/7/stock").json()["product_id"], 7);
}

#[test]
fn wrong_product_requests_are_told_apart() {
    let shop = shop();
    let mut client = Client::connect(shop.addr());
    let over = format!("/products?per_page={}", MAX_PAGE_SIZE + 1);
    let long = format!("/products?search={}", "x".repeat(65));
    for (path, status) in [
        ("/products/0", 404),
        ("/products/1001", 404),
        ("/products/x", 400),
        ("/products/-1", 400),
        ("/products/+1", 400),
        ("/products/99999999999999999999", 400),
        ("/products/1001/stock", 404),
        ("/products/%FF", 400),
        ("/products?page=0", 400),
        ("/products?page=x", 400),
        ("/products?per_page=0", 400),
        (&over, 400),
        (&long, 400),
    ] {
        let reply = client.get(path);
        assert_eq!(reply.status, status, "{path}");
        assert_eq!(reply.problem(), "about:blank");
    }
}

#[test]
fn the_same_seed_serves_the_same_bytes() {
    let page = |seed| {
        let shop = start(ShopConfig { seed, ..ShopConfig::default() });
        let token = Client::connect(shop.addr())
            .post("/auth/token", r#"{"username":"user1","password":"password1"}"#);
        (Client::connect(shop.addr()).get("/products?per_page=100").body, token.body)
    };
    assert_eq!(page(5), page(5));
    assert_ne!(page(5), page(6));
}

#[test]
fn users_register_log_in_and_see_themselves() {
    let shop = shop();
    let mut client = Client::connect(shop.addr());
    let alice = r#"{"username":"alice","email":"alice@shop.example","password":"correct horse"}"#;
    let registered = client.post("/users", alice);
    assert_eq!(registered.status, 201);
    assert!(!String::from_utf8_lossy(&registered.body).contains("horse"));
    let again = client.post("/users", alice);
    assert_eq!((again.status, again.problem().as_str()), (409, "username-taken"));
    let token = client.post("/auth/token", r#"{"username":"alice","password":"correct horse"}"#).json();
    assert_eq!(token["expires_in"], 3600);
    client.set_token(token["access_token"].as_str().unwrap());
    assert_eq!(client.get("/users/me").json(), registered.json());
    assert_eq!(Client::user(shop.addr(), 17).get("/users/me").json()["username"], "user17");
}

#[test]
fn every_wrong_field_of_a_registration_is_named() {
    let shop = shop();
    let mut client = Client::connect(shop.addr());
    let reply = client.post("/users", r#"{"username":"A","email":"nobody","password":"short"}"#);
    assert_eq!((reply.status, reply.problem().as_str()), (422, "validation"));
    let errors = reply.json();
    let paths = errors["errors"].as_array().unwrap().iter().map(|error| error["path"].as_str().unwrap());
    assert_eq!(paths.collect::<Vec<_>>(), ["username", "username", "email", "password"]);
}

#[test]
fn wrong_bodies_are_told_apart() {
    let shop = shop();
    let mut client = Client::connect(shop.addr());
    let login = r#"{"username":"user1","password":"password1"}"#;
    let text: &[(&str, &str)] = &[("Content-Type", "text/plain")];
    let json: &[(&str, &str)] = &[];
    for (headers, body, status) in [
        (json, "{", 400),
        (json, "", 400),
        (json, "[]", 422),
        (json, "{}", 422),
        (json, r#"{"username":"user1","password":1}"#, 422),
        (json, r#"{"username":"user1","password":"password1","x":1}"#, 422),
        (text, login, 415),
        (json, r#"{"username":"user1","password":"wrong"}"#, 401),
        (json, r#"{"username":"nobody","password":"password"}"#, 401),
    ] {
        let reply = client.call("POST", "/auth/token", headers, Some(body));
        assert_eq!(reply.status, status, "{body}");
        reply.problem();
    }
    let largest = format!("{login}{}", " ".repeat(MAX_BODY_BYTES - login.len()));
    assert_eq!(client.post("/auth/token", &largest).status, 200);
    let reply = client.post("/auth/token", &format!("{largest} "));
    assert_eq!((reply.status, reply.header("connection")), (413, Some("close")));
}

#[test]
fn the_callers_routes_need_a_valid_token() {
    let shop = start(ShopConfig { token_ttl_s: 0, ..ShopConfig::default() });
    let mut expired = Client::user(shop.addr(), 1);
    let mut forged = Client::connect(shop.addr());
    forged.set_token("00000000000000000000000000000000");
    let mut anonymous = Client::connect(shop.addr());
    for (method, path, body) in [
        ("GET", "/users/me", None),
        ("GET", "/cart", None),
        ("POST", "/cart/items", Some(r#"{"product_id":1,"quantity":1}"#)),
        ("DELETE", "/cart/items/1", None),
        ("POST", "/checkout", Some(PAYMENT)),
        ("GET", "/orders/1", None),
    ] {
        for client in [&mut expired, &mut forged, &mut anonymous] {
            let reply = client.call(method, path, &[], body);
            assert_eq!(reply.status, 401, "{method} {path}");
            reply.problem();
        }
    }
    let basic = anonymous.call("GET", "/cart", &[("Authorization", "Basic dXNlcjE6")], None);
    assert_eq!(basic.status, 401);
}

#[test]
fn a_cart_fills_and_empties() {
    let shop = shop();
    let mut client = Client::user(shop.addr(), 1);
    assert_eq!(client.get("/cart").json()["items"], json!([]));
    let price = client.get("/products/3").json()["price_cents"].as_u64().unwrap();
    let line = add(&mut client, 3, 2);
    assert_eq!(line.status, 201);
    assert_eq!(line.json()["total_cents"], 2 * price);
    assert_eq!(add(&mut client, 3, 1).json()["quantity"], 3);
    assert_eq!(client.get("/cart").json()["total_cents"], 3 * price);
    assert_eq!(Client::user(shop.addr(), 2).get("/cart").json()["items"], json!([]));
    assert_eq!(client.call("DELETE", "/cart/items/1", &[], None).status, 204);
    assert_eq!(client.call("DELETE", "/cart/items/1", &[], None).status, 404);
    for (product, quantity, path) in
        [(0, 1, "product_id"), (1001, 1, "product_id"), (1, 0, "quantity"), (1, 101, "quantity")]
    {
        let reply = add(&mut client, product, quantity);
        assert_eq!(reply.status, 422);
        assert_eq!(reply.json()["errors"][0]["path"], path);
    }
    add(&mut client, 1, 100);
    assert_eq!(add(&mut client, 1, 1).json()["errors"][0]["path"], "quantity");
}

#[test]
fn a_full_cart_refuses_another_product() {
    let shop = shop();
    let mut client = Client::user(shop.addr(), 1);
    for product in 1..=MAX_CART_ITEMS as u64 {
        assert_eq!(add(&mut client, product, 1).status, 201);
    }
    let reply = add(&mut client, 500, 1);
    assert_eq!((reply.status, reply.problem().as_str()), (409, "cart-full"));
    assert_eq!(add(&mut client, 1, 1).status, 201);
}

#[test]
fn checkout_buys_the_cart() {
    let shop = shop();
    let mut client = Client::user(shop.addr(), 1);
    let empty = client.post("/checkout", PAYMENT);
    assert_eq!((empty.status, empty.problem().as_str()), (409, "cart-empty"));
    add(&mut client, 1, 2);
    let stock = |client: &mut Client, id| {
        client.get(&format!("/products/{id}/stock")).json()["available"].as_u64().unwrap()
    };
    let before = stock(&mut client, 1);
    let declined = client.post("/checkout", r#"{"card":"declined","address":"x"}"#);
    assert_eq!((declined.status, declined.problem().as_str()), (402, "card-declined"));
    assert_eq!(
        client.post("/checkout", r#"{"card":"","address":""}"#).json()["errors"].as_array().unwrap().len(),
        2
    );
    assert_eq!(stock(&mut client, 1), before);
    let order = client.post("/checkout", PAYMENT);
    assert_eq!(order.status, 201);
    assert_eq!(stock(&mut client, 1), before - 2);
    assert_eq!(client.get("/cart").json()["items"], json!([]));
    let location = order.header("location").unwrap().to_owned();
    assert_eq!(client.get(&location).json(), order.json());
    assert_eq!(Client::user(shop.addr(), 2).get(&location).status, 404);
    assert_eq!(client.get("/orders/999").status, 404);
    assert_eq!(client.get("/orders/x").status, 400);
}

#[test]
fn the_second_way_to_buy_is_like_the_first() {
    let shop = shop();
    let mut client = Client::user(shop.addr(), 1);
    let (refused, empty) = (client.post("/cart/checkout", "{}"), client.post("/cart/checkout", PAYMENT));
    assert_eq!((refused.status, empty.status, empty.problem().as_str()), (422, 409, "cart-empty"));
    let line = client.post("/cart/add", r#"{"product_id":1,"quantity":2}"#);
    assert_eq!((line.status, &line.json()["quantity"]), (201, &json!(2)));
    for card in ["declined", "4000000000000002"] {
        for path in ["/checkout", "/cart/checkout"] {
            let payment = json!({ "card": card, "address": "x" }).to_string();
            let declined = client.post(path, &payment);
            assert_eq!((declined.status, declined.problem().as_str()), (402, "card-declined"));
        }
    }
    let key: &[(&str, &str)] = &[("Idempotency-Key", "order-1")];
    let order = client.call("POST", "/cart/checkout", key, Some(PAYMENT));
    assert_eq!((order.status, order.header("location")), (200, Some("/orders/1")));
    assert_eq!(client.get("/orders/1").json(), order.json());
    assert_eq!(client.call("POST", "/cart/checkout", key, Some(PAYMENT)).body, order.body);
    let mut anonymous = Client::connect(shop.addr());
    for path in ["/cart/add", "/cart/checkout"] {
        assert_eq!(anonymous.post(path, "{}").status, 401);
    }
}

#[test]
fn every_answer_forbids_sniffing() {
    let shop = shop();
    let mut client = Client::connect(shop.addr());
    for path in ["/products/1", "/products/0", "/products/x", "/cart", "/html", "/bytes/3", "/nothing"] {
        assert_eq!(client.get(path).header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    assert_eq!(client.get("/html").header("content-security-policy"), Some("default-src 'none'"));
}

#[test]
fn a_scarce_product_runs_out() {
    let shop = shop();
    let mut client = Client::user(shop.addr(), 1);
    let available = client.get("/products/10/stock").json()["available"].as_u64().unwrap();
    assert!((1..=10).contains(&available));
    add(&mut client, 10, available + 1);
    let refused = client.post("/checkout", PAYMENT);
    assert_eq!((refused.status, refused.problem().as_str()), (409, "out-of-stock"));
    assert_eq!(client.get("/products/10/stock").json()["available"], available);
    client.call("DELETE", "/cart/items/1", &[], None);
    add(&mut client, 10, available);
    assert_eq!(client.post("/checkout", PAYMENT).status, 201);
    assert_eq!(client.get("/products/10/stock").json()["available"], 0);
}

#[test]
fn an_idempotency_key_buys_once() {
    let shop = shop();
    let mut client = Client::user(shop.addr(), 1);
    add(&mut client, 1, 1);
    let key: &[(&str, &str)] = &[("Idempotency-Key", "order-1")];
    let first = client.call("POST", "/checkout", key, Some(PAYMENT));
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, None));
    let again = client.call("POST", "/checkout", key, Some(PAYMENT));
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!(again.body, first.body);
    let other = client.call("POST", "/checkout", key, Some(r#"{"card":"1","address":"x"}"#));
    assert_eq!((other.status, other.problem().as_str()), (422, "idempotency-key-reused"));
    let long = "k".repeat(MAX_IDEMPOTENCY_KEY_BYTES + 1);
    for key in ["", &long] {
        let reply = client.call("POST", "/checkout", &[("Idempotency-Key", key)], Some(PAYMENT));
        assert_eq!(reply.status, 400);
    }
}
