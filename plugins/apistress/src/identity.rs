//! Who sends: accounts, their tokens, and the objects that belong to them.

use stresshost_sdk::serde_json::{self, Value};

use crate::case::Case;
use crate::client::{Client, Heard};
use crate::document::{Session, Variables, Workload};

/// Where a token stands in an answer, the likeliest first.
const TOKEN_POINTERS: [&str; 8] = [
    "/access_token",
    "/token",
    "/accessToken",
    "/id_token",
    "/jwt",
    "/data/token",
    "/data/access_token",
    "/auth/token",
];

/// Where the number of a new account stands in an answer.
const ID_POINTERS: [&str; 6] = ["/id", "/user_id", "/userId", "/user/id", "/data/id", "/uuid"];

/// Somebody who calls the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// User name, password, token and the numbers of objects, by the names under which requests refer to them.
    pub(crate) variables: Variables,
    /// Whether the account was made.
    is_registered: bool,
    /// When a new token is needed, in microseconds of the load's clock; None: never.
    pub(crate) renew_at_us: Option<u64>,
}

/// Why somebody has no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) operation: String,
    pub(crate) why: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` {}", self.operation, self.why)
    }
}

impl Identity {
    /// Somebody with a name of their own, who has no account yet.
    pub(crate) fn named(workload: &Workload, name: &str) -> Self {
        let mut variables = Variables::default();
        for (name, value) in &workload.defaults {
            variables.set(name, value);
        }
        variables.set("unique", name);
        variables.set("username", name);
        variables.set("email", format!("{name}@example.com"));
        variables.set("password", format!("Pw-{name}-9x"));
        Self { variables, is_registered: false, renew_at_us: None }
    }

    /// The account with this index, as the session gives it: one that is there already, or a new one.
    pub(crate) fn of_session(workload: &Workload, index: u64, name: &str) -> Self {
        let mut identity = Self::named(workload, name);
        let callers = workload.callers.len() as u64;
        let caller =
            index.checked_rem(callers).and_then(|place| workload.callers.get(usize::try_from(place).ok()?));
        for (name, value) in caller.into_iter().flatten() {
            identity.variables.set(name, value);
        }
        let users = workload.session.as_ref().map(|session| session.users.as_slice()).unwrap_or_default();
        let place = usize::try_from(index).unwrap_or(0).checked_rem(users.len()).unwrap_or(0);
        if let Some((username, password)) = users.get(place) {
            identity.variables.set("username", username);
            identity.variables.set("password", password);
        }
        identity
    }

    /// Makes the account where the session can, and gets a token where there is one to get.
    pub(crate) fn log_in(
        &mut self,
        client: &mut dyn Client,
        workload: &Workload,
        now_us: u64,
    ) -> Result<(), Refused> {
        let Some(session) = &workload.session else { return Ok(()) };
        self.register(client, workload, session)?;
        self.renew(client, workload, now_us)
    }

    fn register(
        &mut self,
        client: &mut dyn Client,
        workload: &Workload,
        session: &Session,
    ) -> Result<(), Refused> {
        let operation = session.register.and_then(|index| workload.operations.get(index));
        let Some(operation) = operation.filter(|_| session.users.is_empty()) else { return Ok(()) };
        if self.is_registered {
            return Ok(());
        }
        let heard = client.send(&Case::usual(operation, &self.variables).call(Some(&self.variables)));
        // An account of the same name is this one, from an earlier part of the run.
        if !heard.succeeded() && heard.status != 409 {
            return Err(refused(&operation.name, &heard));
        }
        self.is_registered = true;
        if let Some(id) = found(&heard.body, &ID_POINTERS) {
            self.variables.set("user_id", id);
        }
        Ok(())
    }

    /// Gets a new token.
    pub(crate) fn renew(
        &mut self,
        client: &mut dyn Client,
        workload: &Workload,
        now_us: u64,
    ) -> Result<(), Refused> {
        let token = workload.session.as_ref().and_then(|session| session.token);
        let Some(operation) = token.and_then(|index| workload.operations.get(index)) else { return Ok(()) };
        let heard = client.send(&Case::usual(operation, &self.variables).call(None));
        if !heard.succeeded() {
            return Err(refused(&operation.name, &heard));
        }
        let Some(token) = found(&heard.body, &TOKEN_POINTERS) else {
            let why = format!("answers {} without a token: {}", heard.status, beginning(&heard));
            return Err(Refused { operation: operation.name.clone(), why });
        };
        self.variables.set("token", token);
        if let Some(id) = found(&heard.body, &["/user_id", "/userId", "/user/id"]) {
            self.variables.set("user_id", id);
        }
        let lifetime_s =
            found(&heard.body, &["/expires_in", "/expiresIn"]).and_then(|text| text.parse::<f64>().ok());
        // A token is renewed after nine tenths of its life, so that none expires on its way.
        self.renew_at_us = lifetime_s
            .filter(|lifetime_s| *lifetime_s > 0.0)
            .map(|lifetime_s| now_us.saturating_add((lifetime_s * 0.9e6) as u64));
        Ok(())
    }

    /// Whether the token is about to expire.
    pub(crate) fn needs_renewal(&self, now_us: u64) -> bool {
        self.renew_at_us.is_some_and(|at_us| now_us >= at_us)
    }
}

fn refused(operation: &str, heard: &Heard) -> Refused {
    let why = match heard.status {
        0 => format!("has no answer: {}", heard.error),
        status => format!("answers {status}: {}", beginning(heard)),
    };
    Refused { operation: operation.to_owned(), why }
}

/// The beginning of a body, for messages.
pub(crate) fn beginning(heard: &Heard) -> String {
    match heard.body.trim() {
        "" => "an empty body".to_owned(),
        text => stresshost_sdk::config::short(text),
    }
}

/// The first value there is at any of the pointers, as text.
pub(crate) fn found(body: &str, pointers: &[&str]) -> Option<String> {
    let value: Value = serde_json::from_str(body).ok()?;
    pointers.iter().find_map(|pointer| match value.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use super::*;
    use crate::client::fake::{FakeClient, json};
    use crate::document::{Body, Operation};

    fn workload() -> Workload {
        let operation = |name: &str, path: &str, value| Operation {
            name: name.into(),
            method: "POST".into(),
            path: path.into(),
            body: Some(Body { media_type: "application/json".into(), schema: None, value }),
            ..Operation::default()
        };
        Workload {
            operations: vec![
                operation("POST /r", "/r", json!({ "username": "{{username}}", "password": "{{password}}" })),
                operation("POST /t", "/t", json!({ "username": "{{username}}", "password": "{{password}}" })),
            ],
            session: Some(Session { register: Some(0), token: Some(1), users: Vec::new() }),
            ..Workload::default()
        }
    }

    #[test]
    fn an_account_is_made_once_and_its_token_renewed_in_time() {
        let workload = workload();
        let mut client = FakeClient::new(|call: &crate::client::Call| match call.target.as_str() {
            "/r" => json(201, r#"{"id": 12}"#),
            _ => json(200, r#"{"access_token": "abc", "expires_in": 100}"#),
        });
        let mut user = Identity::of_session(&workload, 0, "u1");
        user.log_in(&mut client, &workload, 1_000_000).unwrap();
        assert_eq!((user.variables.get("user_id"), user.variables.get("token")), (Some("12"), Some("abc")));
        assert!(!user.needs_renewal(90_999_999) && user.needs_renewal(91_000_000));
        user.log_in(&mut client, &workload, 91_000_000).unwrap();
        let targets: Vec<&str> = client.sent.iter().map(|call| call.target.as_str()).collect();
        assert_eq!(targets, ["/r", "/t", "/t"]);
        assert!(client.sent[1].body.as_deref().unwrap().contains(r#""username":"u1""#));
    }

    #[test]
    fn what_refuses_is_named() {
        let workload = workload();
        for (answer, told) in [
            (json(503, "down"), "`POST /r` answers 503: down"),
            (
                Heard { error: "connection_refused".into(), ..Heard::default() },
                "`POST /r` has no answer: connection_refused",
            ),
        ] {
            let mut client = FakeClient::new(|_: &crate::client::Call| answer.clone());
            let mut user = Identity::of_session(&workload, 0, "u1");
            assert_eq!(user.log_in(&mut client, &workload, 0).unwrap_err().to_string(), told);
        }
        let mut client = FakeClient::new(|_: &crate::client::Call| json(200, "<html>"));
        let refused = Identity::of_session(&workload, 0, "u1").log_in(&mut client, &workload, 0).unwrap_err();
        assert_eq!(refused.to_string(), "`POST /t` answers 200 without a token: <html>");
    }

    #[test]
    fn given_accounts_are_used_in_turn() {
        let mut workload = workload();
        let users = vec![("a".to_owned(), "x".to_owned()), ("b".to_owned(), "y".to_owned())];
        workload.session = Some(Session { users, ..workload.session.unwrap() });
        let name =
            |index| Identity::of_session(&workload, index, "u").variables.get("username").map(str::to_owned);
        assert_eq!([name(0), name(1), name(2)], ["a", "b", "a"].map(|name| Some(name.to_owned())));
    }
}
