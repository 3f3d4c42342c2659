//! Each weakness: the vulnerable twin shows it, and the patched twin, the same shop with it switched off, does not.

use serde_json::{Value, json};
use stresshost_clock::{Clock, NS_PER_MS};
use stresshost_shop::{ShopConfig, ShopThread, Weakness, Weaknesses};

use crate::accounts::ALICE;
use crate::client::{Client, Reply, start};

/// Holds `shows` against a shop with the weakness, and against the same shop after it is patched.
#[track_caller]
fn twins(weakness: Weakness, shows: impl Fn(&ShopThread) -> bool) {
    let shop = start(ShopConfig { weaknesses: weakness.into(), ..ShopConfig::default() });
    assert!(shows(&shop), "{weakness} does not show");
    shop.set_weaknesses(Weaknesses::NONE);
    assert!(!shows(&shop), "{weakness} shows although it is patched");
    // Nor does it show while every other weakness is on.
    let others = Weakness::ALL.into_iter().filter(|other| *other != weakness && !overlaps(*other, weakness));
    shop.set_weaknesses(others.collect::<Weaknesses>());
    assert!(!shows(&shop), "{weakness} shows in the place of another");
}

/// What is served to anybody is served to any caller as well.
fn overlaps(one: Weakness, other: Weakness) -> bool {
    matches!((one, other), (Weakness::MissingAuth, Weakness::Bola))
}

fn get(shop: &ShopThread, path: &str) -> Reply {
    Client::connect(shop.addr()).raw("GET", path, &[], None)
}

fn post(shop: &ShopThread, path: &str, body: &str) -> Reply {
    Client::connect(shop.addr()).raw("POST", path, &[], Some(body))
}

/// A registration of a name not used before.
fn registration(shop: &ShopThread) -> String {
    ALICE.replace("alice", &format!("alice{}", shop.counts().connections))
}

/// Milliseconds that `work` takes.
fn took_ms<T>(work: impl FnOnce() -> T) -> u64 {
    let clock = Clock::start();
    work();
    clock.now_ns() / NS_PER_MS
}

#[test]
fn sql_injection_by_error() {
    twins(Weakness::SqlInjection, |shop| {
        let broken = get(shop, "/products/search?q=x'%20y");
        if broken.status == 500 {
            assert_eq!(broken.problem(), "about:blank");
            assert_eq!(broken.json()["detail"], "near \"y\": syntax error");
            let lone = get(shop, "/products/search?q='");
            assert!(lone.json()["detail"].as_str().unwrap().contains("unrecognized token"));
        }
        broken.status == 500
    });
}

#[test]
fn sql_injection_by_condition_and_union() {
    twins(Weakness::SqlInjection, |shop| {
        let found = |q: &str| get(shop, &format!("/products/search?q={q}&per_page=7")).json();
        let count = |q: &str| found(q)["items"].as_array().unwrap().len();
        let (all, none) = (count("x'%20OR%201=1--%20"), count("x'%20OR%201=2--%20"));
        assert_eq!((none, count("lantern")), (0, 7));
        if all > 0 {
            assert_eq!(all, 7);
            assert!(count("n'%20AND%20'1%25'='1") > 0 && count("n'%20AND%20'1%25'='2") == 0);
            let union = "x'%20UNION%20SELECT%201,'a',sqlite_version(),'d','e',1,'EUR',1--%20";
            assert!(found(union)["items"][0]["name"].as_str().unwrap().starts_with("3."));
        }
        all > 0
    });
}

#[test]
fn blind_sql_injection() {
    twins(Weakness::BlindSqlInjection, |shop| {
        let sent = |email: &str| post(shop, "/newsletter", &json!({ "email": email }).to_string());
        let broken = sent("x'''");
        let slow = took_ms(|| sent("a@x'||sleep(0.6)||'")) >= 600;
        if slow {
            assert_eq!((broken.status, broken.json()), (202, json!({ "accepted": true })));
            assert!(took_ms(|| sent("x'||sleep(0.3)||'")) >= 300);
        } else {
            assert_eq!(broken.status, 422);
        }
        slow
    });
}

#[test]
fn a_sleeping_statement_holds_nobody_up() {
    let shop = start(ShopConfig { weaknesses: Weakness::BlindSqlInjection.into(), ..ShopConfig::default() });
    let mut sleepers: Vec<Client> = (0..8).map(|_| Client::connect(shop.addr())).collect();
    let stop_ms = took_ms(|| {
        let sleep_ms = took_ms(|| {
            for sleeper in &mut sleepers {
                sleeper.send("POST", "/newsletter", &[], Some(r#"{"email":"x'||sleep(9)||'"}"#));
            }
            crate::client::until("all sleep", || shop.counts().requests == 8);
            for path in ["/products/1", "/products/search?q=oak"] {
                assert_eq!(get(&shop, path).status, 200);
            }
            assert_eq!(post(&shop, "/newsletter", r#"{"email":"a@shop.example"}"#).status, 202);
        });
        assert!(sleep_ms < 9000, "{sleep_ms}");
        drop(shop);
    });
    assert!(stop_ms < 9000, "{stop_ms}");
}

#[test]
fn reflected_xss() {
    twins(Weakness::ReflectedXss, |shop| {
        let html = [("Accept", "text/html")];
        let path = "/products/search?q=%3Cimg%20src=x%20onerror=alert(1)%3E";
        let page = Client::connect(shop.addr()).raw("GET", path, &html, None);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        page.text().contains("<img src=x onerror=alert(1)>")
    });
}

/// The path of a new order of user 1.
fn order(shop: &ShopThread) -> String {
    let mut owner = Client::user(shop.addr(), 1);
    owner.post("/cart/items", r#"{"product_id":1,"quantity":1}"#);
    let order = owner.post("/checkout", r#"{"card":"4242","address":"x"}"#);
    order.header("location").unwrap().to_owned()
}

#[test]
fn bola() {
    twins(Weakness::Bola, |shop| {
        let order = order(shop);
        let mut other = Client::user(shop.addr(), 2);
        let change = Some(r#"{"display_name":"x"}"#);
        let statuses = [
            other.raw("GET", &order, &[], None).status,
            other.raw("GET", "/users/1/profile", &[], None).status,
            other.raw("PATCH", "/users/1/profile", &[], change).status,
        ];
        assert!(statuses == [200; 3] || statuses == [404, 403, 403], "{statuses:?}");
        let mut anonymous = Client::connect(shop.addr());
        assert_eq!(anonymous.raw("PATCH", "/users/1/profile", &[], change).status, 401);
        statuses[0] == 200
    });
}

#[test]
fn bfla() {
    twins(Weakness::Bfla, |shop| {
        assert_eq!(get(shop, "/admin/users").status, 401);
        Client::user(shop.addr(), 1).raw("GET", "/admin/users", &[], None).status == 200
    });
}

#[test]
fn missing_auth() {
    twins(Weakness::MissingAuth, |shop| {
        let order = order(shop);
        let mut forged = Client::connect(shop.addr());
        forged.set_token("forged");
        let statuses = [
            get(shop, &order).status,
            get(shop, "/users/1/profile").status,
            forged.raw("GET", &order, &[], None).status,
            forged.raw("GET", "/users/1/profile", &[], None).status,
        ];
        assert!(statuses == [200; 4] || statuses == [401; 4], "{statuses:?}");
        assert_eq!(get(shop, "/users/me").status, 401);
        statuses[0] == 200
    });
}

#[test]
fn missing_rate_limit() {
    twins(Weakness::MissingRateLimit, |shop| {
        let registration = registration(shop);
        post(shop, "/users/register", &registration);
        let mut login: Value = serde_json::from_str(&registration).unwrap();
        login.as_object_mut().unwrap().remove("email");
        let right = login.to_string();
        login["password"] = "wrong".into();
        for _ in 0..6 {
            post(shop, "/users/login", &login.to_string());
        }
        let (first, second) = (post(shop, "/users/login", &right), post(shop, "/auth/token", &right));
        assert_eq!(first.status, second.status);
        first.status == 200
    });
}

#[test]
fn mass_assignment_at_registration() {
    twins(Weakness::MassAssignment, |shop| {
        let registration = registration(shop).replace('}', r#","role":"admin","is_admin":true}"#);
        let registered = post(shop, "/users/register", &registration);
        if registered.status == 422 {
            return false;
        }
        assert_eq!(registered.json()["role"], "admin");
        let username = registered.json()["username"].as_str().unwrap().to_owned();
        let mut client = Client::logged_in(shop.addr(), &username, "correct horse");
        let profile = format!("/users/{}/profile", registered.json()["id"]);
        assert_eq!(client.get(&profile).json()["role"], "admin");
        client.get("/admin/users").status == 200
    });
}

#[test]
fn mass_assignment_of_a_profile() {
    twins(Weakness::MassAssignment, |shop| {
        let mut client = Client::user(shop.addr(), 3);
        let change = Some(r#"{"display_name":"x","role":"admin","balance":1}"#);
        let changed = client.raw("PATCH", "/users/3/profile", &[], change);
        changed.status == 200 && client.get("/users/3/profile").json()["role"] == "admin"
    });
}

#[test]
fn schema_deviation() {
    twins(Weakness::SchemaDeviation, |shop| {
        assert!(get(shop, "/products/search?q=oak").json()["total_count"].is_u64());
        let total = get(shop, "/products/search?page=2").json()["total_count"].is_string();
        let price = get(shop, "/products/3").json()["price_cents"].is_string();
        assert_eq!((price, get(shop, "/products/0").status), (total, 404));
        price
    });
}

#[test]
fn wrong_status() {
    twins(Weakness::WrongStatus, |shop| {
        let status = post(shop, "/users/register", &registration(shop)).status;
        assert!(status == 200 || status == 201);
        status == 200
    });
}

#[test]
fn stack_trace() {
    twins(Weakness::StackTrace, |shop| {
        let replies = [
            post(shop, "/users/login", "{"),
            post(shop, "/users/register", ""),
            post(shop, "/newsletter", "nonsense"),
            get(shop, "/products/x"),
            get(shop, "/products/search?min_price=x"),
            get(shop, "/products?page=-1"),
        ];
        for reply in &replies {
            assert_eq!(reply.status, replies[0].status);
            if reply.status == 500 {
                assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
                let text = reply.text();
                let start = "thread 'tokio-runtime-worker' panicked at src/routes/request.rs:57:9:\n";
                assert!(
                    text.starts_with(start) && text.contains("\nstack backtrace:\n   0: rust_begin_unwind")
                );
            } else {
                assert_eq!((reply.status, reply.problem().as_str()), (400, "about:blank"));
            }
        }
        assert_eq!(Client::connect(shop.addr()).raw("PUT", "/_weaknesses", &[], Some("[")).status, 400);
        replies[0].status == 500
    });
}

#[test]
fn slow_endpoint() {
    // A busy machine is slow as well: the fastest of a few requests tells.
    twins(Weakness::SlowEndpoint, |shop| {
        let fastest = (0..4).map(|_| took_ms(|| get(shop, "/products/search?q=oak"))).min();
        fastest >= Some(400)
    });
}

#[test]
fn cors_reflection() {
    twins(Weakness::CorsReflection, |shop| {
        let origin = [("Origin", "https://evil.example")];
        let mut client = Client::connect(shop.addr());
        let shown = ["/products/1", "/cart", "/nothing"].map(|path| {
            let reply = client.raw("GET", path, &origin, None);
            let allowed = reply.header("access-control-allow-origin") == Some("https://evil.example");
            assert_eq!(allowed, reply.header("access-control-allow-credentials") == Some("true"));
            allowed
        });
        assert_eq!(get(shop, "/products/1").header("access-control-allow-origin"), None);
        assert!(shown == [true; 3] || shown == [false; 3]);
        shown[0]
    });
}

#[test]
fn trace_method() {
    twins(Weakness::TraceMethod, |shop| {
        let mut client = Client::connect(shop.addr());
        let secret = [("X-Secret", "42")];
        let reply = client.raw("TRACE", "/products/1?x=1", &secret, None);
        if reply.status == 200 {
            assert_eq!(reply.header("content-type"), Some("message/http"));
            assert!(reply.text().starts_with("TRACE /products/1?x=1 HTTP/1.1\r\n"));
            assert!(reply.text().contains("x-secret: 42\r\n"));
            assert_eq!(client.raw("TRACE", "/", &secret, None).status, 200);
        } else {
            assert_eq!((reply.status, client.raw("TRACE", "/", &secret, None).status), (405, 404));
        }
        reply.status == 200
    });
}

#[test]
fn verbose_server() {
    twins(Weakness::VerboseServer, |shop| {
        let reply = get(shop, "/products/1");
        let server = reply.header("server");
        assert_eq!(server.is_some(), reply.header("x-powered-by") == Some("axum"));
        server == Some("shop/0.1 (axum 0.8; sqlite 3.45)")
    });
}

#[test]
fn undocumented_field() {
    twins(Weakness::UndocumentedField, |shop| {
        let mut client = Client::user(shop.addr(), 4);
        client.raw("GET", "/users/4/profile", &[], None).json()["password"] == "password4"
    });
}

#[test]
fn weaknesses_are_read_and_replaced_live() {
    let shop = start(ShopConfig::default());
    let mut client = Client::connect(shop.addr());
    assert_eq!(client.get("/_weaknesses").json(), json!([]));
    let put = client.call("PUT", "/_weaknesses", &[], Some(r#"["bola","sql_injection"]"#));
    assert_eq!((put.status, put.json()), (200, json!(["sql_injection", "bola"])));
    assert_eq!(shop.weaknesses(), [Weakness::SqlInjection, Weakness::Bola].into_iter().collect());
    for wrong in [r#"["bolt"]"#, "{}", "null"] {
        assert_eq!(client.call("PUT", "/_weaknesses", &[], Some(wrong)).status, 422, "{wrong}");
    }
    assert_eq!(client.get("/_weaknesses").json(), json!(["sql_injection", "bola"]));
    assert_eq!(client.call("PUT", "/_weaknesses", &[], Some("[]")).json(), json!([]));
    assert!(shop.weaknesses().is_empty());
}
