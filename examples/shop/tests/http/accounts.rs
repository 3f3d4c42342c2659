//! Customers: registration, login and its lock, profiles, the administrator's list.

use serde_json::{Value, json};
use stresshost_shop::{ShopConfig, ShopThread};

use crate::client::{Client, Reply, start};

pub(crate) const ALICE: &str =
    r#"{"username":"alice","email":"alice@shop.example","password":"correct horse"}"#;

fn shop() -> ShopThread {
    start(ShopConfig::default())
}

fn paths(reply: &Reply) -> Vec<String> {
    let errors = reply.json();
    let errors = errors["errors"].as_array().unwrap().iter();
    errors.map(|error| error["path"].as_str().unwrap().to_owned()).collect()
}

/// The status of a login at `path`.
fn log_in(client: &mut Client, path: &str, username: &str, password: &str) -> u16 {
    client.post(path, &json!({ "username": username, "password": password }).to_string()).status
}

#[test]
fn customers_register_and_log_in() {
    let shop = shop();
    let mut client = Client::connect(shop.addr());
    let registered = client.post("/users/register", ALICE);
    let expected =
        json!({ "id": 1001, "username": "alice", "email": "alice@shop.example", "role": "customer" });
    assert_eq!((registered.status, registered.json()), (201, expected));
    let again = client.post("/users/register", ALICE);
    assert_eq!((again.status, again.problem().as_str()), (409, "username-taken"));
    let admin = ALICE.replace("alice", "admin");
    assert_eq!(client.post("/users/register", &admin).status, 409);
    let login = r#"{"username":"alice","password":"correct horse"}"#;
    let token = client.post("/users/login", login);
    assert_eq!((token.status, token.header("cache-control")), (200, Some("no-store")));
    client.set_token(token.json()["access_token"].as_str().unwrap());
    assert_eq!(client.get("/users/me").json()["id"], 1001);
    assert_eq!(log_in(&mut client, "/users/login", "alice", "wrong"), 401);
}

#[test]
fn a_registration_with_unknown_fields_is_refused() {
    let shop = shop();
    let mut client = Client::connect(shop.addr());
    let extended = ALICE.replace('}', r#","role":"admin","is_admin":true}"#);
    let refused = client.post("/users/register", &extended);
    assert_eq!((refused.status, refused.problem().as_str()), (422, "validation"));
    assert_eq!(paths(&refused), ["role", "is_admin"]);
    let wrong =
        client.post("/users/register", r#"{"username":"A","email":"nobody","password":"short","x":1}"#);
    assert_eq!(paths(&wrong), ["x", "username", "username", "email", "password"]);
    for body in ["{}", "[]", r#"{"username":1,"email":"a@b","password":"long enough"}"#] {
        assert_eq!(client.post("/users/register", body).status, 422, "{body}");
    }
    assert_eq!(client.post("/users/register", "{").status, 400);
    assert_eq!(client.post("/users/register", ALICE).status, 201);
}

#[test]
fn failures_in_a_row_lock_a_registered_account() {
    let shop = shop();
    let mut client = Client::connect(shop.addr());
    for username in ["alice", "bella"] {
        let registration = ALICE.replace("\"alice\"", &format!("\"{username}\""));
        assert_eq!(client.post("/users/register", &registration).status, 201);
    }
    // Both logins count the same failures, and a right password begins anew.
    for _ in 0..2 {
        for path in ["/users/login", "/auth/token", "/users/login", "/auth/token"] {
            assert_eq!(log_in(&mut client, path, "alice", "wrong"), 401);
        }
        assert_eq!(log_in(&mut client, "/users/login", "alice", "correct horse"), 200);
    }
    for _ in 0..5 {
        assert_eq!(log_in(&mut client, "/users/login", "alice", "wrong"), 401);
    }
    for path in ["/users/login", "/auth/token"] {
        let locked = client.post(path, r#"{"username":"alice","password":"correct horse"}"#);
        assert_eq!((locked.status, locked.problem().as_str()), (423, "account-locked"));
        let retry_after: u64 = locked.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=900).contains(&retry_after));
    }
    assert_eq!(log_in(&mut client, "/users/login", "bella", "correct horse"), 200);
}

#[test]
fn seeded_users_are_never_locked() {
    let shop = shop();
    let mut client = Client::connect(shop.addr());
    for username in ["user1", "admin", "nobody"] {
        for _ in 0..7 {
            assert_eq!(log_in(&mut client, "/users/login", username, "wrong"), 401);
        }
    }
    assert_eq!(log_in(&mut client, "/users/login", "user1", "password1"), 200);
    assert_eq!(log_in(&mut client, "/auth/token", "admin", "admin-password"), 200);
}

#[test]
fn profiles_are_shown_and_changed_by_their_owner() {
    let shop = shop();
    let mut client = Client::user(shop.addr(), 7);
    let mut expected = json!({
        "id": 7, "username": "user7", "email": "user7@shop.example", "role": "customer", "display_name": "user7",
    });
    assert_eq!(client.get("/users/7/profile").json(), expected);
    let change = r#"{"email":"seven@shop.example","display_name":"Seven"}"#;
    expected["email"] = "seven@shop.example".into();
    expected["display_name"] = "Seven".into();
    assert_eq!(client.call("PATCH", "/users/7/profile", &[], Some(change)).json(), expected);
    assert_eq!(client.call("PATCH", "/users/7/profile", &[], Some("{}")).json(), expected);
    assert_eq!(client.get("/users/7/profile").json(), expected);
    assert_eq!(client.get("/users/me").json()["email"], "seven@shop.example");
    for (body, path) in [
        (r#"{"role":"admin"}"#, "role"),
        (r#"{"display_name":""}"#, "display_name"),
        (r#"{"email":"nobody"}"#, "email"),
    ] {
        let refused = client.call("PATCH", "/users/7/profile", &[], Some(body));
        assert_eq!((refused.status, paths(&refused)), (422, vec![path.to_owned()]));
    }
    let null = client.call("PATCH", "/users/7/profile", &[], Some(r#"{"email":null}"#));
    assert_eq!(null.status, 422);
    assert_eq!(client.get("/users/7/profile").json(), expected);
}

#[test]
fn profiles_are_nobody_elses() {
    let shop = shop();
    let mut client = Client::user(shop.addr(), 7);
    let mut anonymous = Client::connect(shop.addr());
    let body = Some(r#"{"display_name":"x"}"#);
    for (path, status) in
        [("/users/8/profile", 403), ("/users/99999/profile", 403), ("/users/x/profile", 400)]
    {
        assert_eq!(client.get(path).status, status, "{path}");
        assert_eq!(client.call("PATCH", path, &[], body).status, status, "{path}");
        assert_eq!(anonymous.get(path).status, 401, "{path}");
        assert_eq!(anonymous.call("PATCH", path, &[], body).status, 401, "{path}");
    }
}

#[test]
fn only_the_administrator_sees_all_users() {
    let shop = start(ShopConfig { users: 150, ..ShopConfig::default() });
    assert_eq!(Client::connect(shop.addr()).get("/admin/users").status, 401);
    assert_eq!(Client::user(shop.addr(), 1).get("/admin/users").status, 403);
    let mut admin = Client::logged_in(shop.addr(), "admin", "admin-password");
    let list = admin.get("/admin/users").json();
    let names: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|item| &item["username"]).collect();
    assert_eq!((names.len(), names[0], names[99]), (100, &json!("admin"), &json!("user99")));
    assert_eq!((&list["total"], &list["items"][0]["role"]), (&json!(151), &json!("admin")));
    assert_eq!(admin.get("/users/me").json()["username"], "admin");
}
