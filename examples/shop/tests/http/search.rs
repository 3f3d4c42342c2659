//! The search that SQLite answers, its page, and the newsletter.

use serde_json::{Value, json};
use stresshost_shop::ShopConfig;
use stresshost_shop::limits::MAX_QUERY_CHARS;

use crate::client::{Client, start};

const HTML: &[(&str, &str)] = &[("Accept", "text/html,*/*;q=0.8")];

fn total(client: &mut Client, query: &str) -> u64 {
    client.get(&format!("/products/search?q={query}")).json()["total_count"].as_u64().unwrap()
}

#[test]
fn products_are_found_by_name_category_and_price() {
    let shop = start(ShopConfig::default());
    let mut client = Client::connect(shop.addr());
    let all = client.get("/products/search").json();
    assert_eq!(
        (&all["total_count"], &all["items"]),
        (&json!(1000), &client.get("/products").json()["items"])
    );
    for word in ["lantern", "KITCHEN", "Quiet%20Brass"] {
        let found = client.get(&format!("/products/search?q={word}&page=2&per_page=3")).json();
        let listed = client.get(&format!("/products?search={word}&page=2&per_page=3")).json();
        assert_eq!((&found["items"], &found["total_count"]), (&listed["items"], &listed["total"]));
        assert_eq!((&found["page"], &found["per_page"]), (&json!(2), &json!(3)));
    }
    let narrow = client
        .get("/products/search?q=lantern&category=garden&min_price=5000&max_price=20000&per_page=100")
        .json();
    let prices: Vec<u64> = narrow["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["price_cents"].as_u64().unwrap())
        .collect();
    assert!(!prices.is_empty() && prices.iter().all(|price| (5000..=20_000).contains(price)));
    assert!((prices.len() as u64) < total(&mut client, "lantern"));
    for none in ["q=lantern&category=toys", "min_price=2&max_price=1", "page=18446744073709551615"] {
        assert_eq!(client.get(&format!("/products/search?{none}")).json()["items"], json!([]), "{none}");
    }
}

#[test]
fn wildcards_and_quotes_in_a_query_are_text() {
    let shop = start(ShopConfig::default());
    let mut client = Client::connect(shop.addr());
    for text in ["%25", "_", "la_tern", "l%25n", "%5C", "'", "x'%20OR%201=1--%20", "%00", "oak%00"] {
        assert_eq!(total(&mut client, text), 0, "{text}");
    }
    assert!(total(&mut client, "yo-yo") > 0);
}

#[test]
fn malformed_searches_are_refused() {
    let shop = start(ShopConfig::default());
    let mut client = Client::connect(shop.addr());
    let long = |length: usize| format!("q={}", "%C3%A9".repeat(length));
    assert_eq!(client.get(&format!("/products/search?{}", long(MAX_QUERY_CHARS))).status, 200);
    for query in [
        &long(MAX_QUERY_CHARS + 1),
        "min_price=x",
        "max_price=-1",
        "max_price=1.5",
        "min_price=",
        "page=0",
        "per_page=101",
        &format!("category={}", "x".repeat(65)),
    ] {
        let reply = client.get(&format!("/products/search?{query}"));
        assert_eq!((reply.status, reply.problem().as_str()), (400, "about:blank"), "{query}");
    }
}

#[test]
fn the_page_escapes_the_query() {
    let shop = start(ShopConfig::default());
    let mut client = Client::connect(shop.addr());
    let page = client.call("GET", "/products/search?q=%3Cscript%3Ealert(%22x%22)%3C/script%3E", HTML, None);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("content-security-policy"), Some("default-src 'none'"));
    let escaped = "Results for &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;</h1>";
    assert!(page.text().contains(escaped) && !page.text().contains("<script>"), "{}", page.text());
    let hits = client.call("GET", "/products/search?q=lantern&per_page=2", HTML, None);
    assert_eq!(hits.text().matches("<li><a href=\"/products/").count(), 2);
    assert!(hits.text().contains("Lantern</a>"));
    let json = client.call("GET", "/products/search", &[("Accept", "application/json, text/html")], None);
    assert_eq!(json.header("content-type"), Some("application/json"));
}

#[test]
fn the_newsletter_accepts_addresses() {
    let shop = start(ShopConfig::default());
    let mut client = Client::connect(shop.addr());
    for email in ["a@shop.example", "o'hara@shop.example", "a@b'||sleep(5)||'"] {
        let reply = client.post("/newsletter", &json!({ "email": email }).to_string());
        assert_eq!((reply.status, reply.json()), (202, json!({ "accepted": true })));
    }
    let long = format!("{}@shop.example", "x".repeat(256));
    for email in [json!("a@"), json!("nobody"), json!(long), json!(1), Value::Null] {
        assert_eq!(client.post("/newsletter", &json!({ "email": email }).to_string()).status, 422, "{email}");
    }
    assert_eq!(client.post("/newsletter", r#"{"email":"a@b.example","x":1}"#).status, 422);
    assert_eq!(client.post("/newsletter", "{").status, 400);
}
