//! How callers are let in.

use stresshost_sdk::config::{Found, Node};

use crate::document::Place;

/// Accounts that a config may list.
const MAX_USERS: usize = 100_000;

/// How callers are let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Auth {
    pub(crate) kind: Kind,
    /// Where tokens are given.
    pub(crate) token_endpoint: Option<String>,
    /// Where accounts are made; found by its name when absent.
    pub(crate) register_endpoint: Option<String>,
    /// Accounts that are there.
    pub(crate) users: Vec<(String, String)>,
    /// A fixed token or key, of one caller and of another one.
    pub(crate) fixed: Vec<String>,
    /// For the client credentials flow.
    pub(crate) client: Option<(String, String)>,
    pub(crate) scope: Option<String>,
}

/// What a caller shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    None,
    /// `Authorization: Bearer`.
    Bearer,
    /// `Authorization: Basic` with the account's name and password.
    Basic,
    /// A key under a name.
    ApiKey(Place, String),
    /// A token of the client credentials flow (RFC 6749, 4.4).
    ClientCredentials,
}

const TYPES: [&str; 7] =
    ["bearer_token", "bearer", "basic", "api_key", "oauth2", "oauth2_client_credentials", "none"];

pub(crate) fn read(node: &Node<'_>, found: &mut Found) -> Option<Auth> {
    let known = [
        "type",
        "token_endpoint",
        "register_endpoint",
        "username",
        "password",
        "users",
        "token",
        "second_token",
        "key",
        "second_key",
        "name",
        "header",
        "in",
        "client_id",
        "client_secret",
        "scope",
    ];
    let fields = node.fields(found, "a mapping with `type`", &known)?;
    let Some(kind) = fields.get("type") else {
        found.problem_with_hint(
            &node.path,
            "the authentication has no `type`",
            format!("one of {}", TYPES.join(", ")),
        );
        return None;
    };
    let kind = kind.choice(found, &TYPES)?;
    let text = |key: &str, found: &mut Found| fields.get(key).and_then(|node| node.text(found, "a text"));
    let name =
        text("name", found).or_else(|| text("header", found)).unwrap_or_else(|| "X-API-Key".to_owned());
    let place = fields.get("in").and_then(|node| node.choice(found, &["header", "query", "cookie"]));
    let place = match place.as_deref() {
        Some("query") => Place::Query,
        Some("cookie") => Place::Cookie,
        _ => Place::Header,
    };
    let kind = match kind.as_str() {
        "basic" => Kind::Basic,
        "api_key" => Kind::ApiKey(place, name),
        "oauth2" | "oauth2_client_credentials" => Kind::ClientCredentials,
        "none" => Kind::None,
        _ => Kind::Bearer,
    };
    let keys = ["token", "key", "second_token", "second_key"];
    let fixed: Vec<String> = keys.into_iter().filter_map(|key| text(key, found)).collect();
    let mut users = accounts(fields.get("users"), found);
    if let (Some(username), Some(password)) = (text("username", found), text("password", found)) {
        users.insert(0, (username, password));
    }
    let client = text("client_id", found).zip(text("client_secret", found));
    let auth = Auth {
        kind,
        token_endpoint: text("token_endpoint", found),
        register_endpoint: text("register_endpoint", found),
        users,
        fixed,
        client,
        scope: text("scope", found),
    };
    if let Some(lacks) = lacks(&auth) {
        found.problem(&node.path, lacks);
    }
    Some(auth)
}

/// What a kind needs and does not have.
fn lacks(auth: &Auth) -> Option<&'static str> {
    match auth.kind {
        Kind::Bearer if auth.token_endpoint.is_none() && auth.fixed.is_empty() => {
            Some("a bearer token needs a `token_endpoint` or a `token`")
        }
        Kind::ApiKey(..) if auth.fixed.is_empty() => Some("an API key needs a `key`"),
        Kind::Basic if auth.users.is_empty() => Some("basic authentication needs `username` and `password`"),
        Kind::ClientCredentials if auth.token_endpoint.is_none() || auth.client.is_none() => {
            Some("client credentials need `token_endpoint`, `client_id` and `client_secret`")
        }
        _ => None,
    }
}

fn accounts(node: Option<&Node<'_>>, found: &mut Found) -> Vec<(String, String)> {
    let mut accounts = Vec::new();
    let items = node.map(|node| node.items(found, "a list of accounts", MAX_USERS)).unwrap_or_default();
    for item in items {
        let Some(fields) = item.fields(found, "`username` and `password`", &["username", "password"]) else {
            continue;
        };
        let text =
            |key: &str, found: &mut Found| fields.get(key).and_then(|node| node.scalar(found, "a text"));
        match (text("username", found), text("password", found)) {
            (Some(username), Some(password)) => accounts.push((username, password)),
            _ => found.problem(&item.path, "an account has `username` and `password`"),
        }
    }
    accounts
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use super::*;

    #[test]
    fn each_kind_says_what_it_lacks() {
        for (value, told) in [
            (json!({ "type": "bearer_token", "token_endpoint": "/auth/token" }), ""),
            (json!({ "type": "bearer", "token": "{{secret:t}}", "second_token": "b" }), ""),
            (json!({ "type": "bearer_token" }), "needs a `token_endpoint`"),
            (json!({ "type": "api_key" }), "needs a `key`"),
            (json!({ "type": "api_key", "in": "query", "name": "k", "key": "1" }), ""),
            (json!({ "type": "basic", "username": "u" }), "needs `username` and `password`"),
            (json!({ "type": "basic", "users": [{ "username": "u", "password": 5 }] }), ""),
            (json!({ "type": "basic", "users": [{ "username": "u" }] }), "an account has"),
            (json!({ "type": "oauth2", "token_endpoint": "/t" }), "`client_id` and `client_secret`"),
            (json!({}), "has no `type`"),
        ] {
            let mut found = Found::default();
            read(&Node::new(&value, "/a"), &mut found);
            let text: String = found.problems.iter().map(ToString::to_string).collect();
            assert!(if told.is_empty() { text.is_empty() } else { text.contains(told) }, "{value}: {text}");
        }
    }
}
