//! Accounts and names that a test uses up.

use super::Stage;
use crate::client::{Call, Client, Heard};
use crate::identity::Identity;
use crate::security::words::checks_credentials;

impl Stage<'_, '_> {
    /// Whether the same request succeeds only once, as with one that makes an account of the caller's name.
    pub(super) fn find_out_whether_names_collide(&mut self) -> Option<()> {
        let names = ["{{username}}", "{{email}}"];
        let body = self.operation.body.as_ref().map(|body| body.value.to_string()).unwrap_or_default();
        let may = names.iter().any(|name| body.contains(name)) && !checks_credentials(self.operation);
        if may && !self.needs_fresh {
            let case = self.case();
            self.needs_fresh = !self.send(&self.call(&case))?.succeeded();
        }
        Some(())
    }

    /// Makes an account for this test, so that wrong credentials lock none that is needed; whether there is one.
    pub(in crate::security) fn call_as_somebody_new(&mut self) -> bool {
        if !self.can_register() {
            return false;
        }
        let mut somebody = Identity::named(self.workload, &self.name());
        let mut client = Counted { client: &mut *self.client, requests: 0 };
        let made = somebody.log_in(&mut client, self.workload, 0);
        self.tested.requests += client.requests;
        if let Err(refused) = made {
            self.note(format!("no account of its own could be made for this test: {refused}"));
            return false;
        }
        self.caller = somebody.variables;
        true
    }

    pub(in crate::security) fn can_register(&self) -> bool {
        let session = self.workload.session.as_ref();
        session.is_some_and(|session| session.register.is_some() && session.users.is_empty())
    }

    /// Uses the names of somebody who has no account.
    pub(in crate::security) fn pretend_to_be(&mut self, name: &str) {
        self.caller = Identity::named(self.workload, name).variables;
    }
}

/// Counts what others send.
struct Counted<'c> {
    client: &'c mut dyn Client,
    requests: u64,
}

impl Client for Counted<'_> {
    fn send(&mut self, call: &Call) -> Heard {
        self.requests += 1;
        self.client.send(call)
    }

    fn send_all(&mut self, calls: &[Call]) -> Vec<Heard> {
        self.requests += calls.len() as u64;
        self.client.send_all(calls)
    }

    fn draw(&mut self, bound: u64) -> u64 {
        self.client.draw(bound)
    }

    fn base_url(&self) -> &str {
        self.client.base_url()
    }
}

#[cfg(test)]
mod tests {
    use stresshost_sdk::serde_json::json;

    use crate::client::Call;
    use crate::client::fake::json as answer;
    use crate::document::{Operation, Session, Workload};
    use crate::security::testing::{body, probe, probe_in, value, with_token, workload};

    fn accounts() -> Operation {
        body("/members", json!({ "username": "{{username}}", "note": "x" }))
    }

    #[test]
    fn requests_that_make_accounts_do_not_collide() {
        for already in [vec!["alice".to_owned()], Vec::new()] {
            let (mut known, mut collided) = (already, 0);
            let (tested, _) = probe("error_handling", accounts(), |call: &Call| {
                let name = value(call, "/username");
                if known.contains(&name) {
                    // Malformed bodies hold no name.
                    collided += usize::from(!name.is_empty());
                    return answer(409, "{}");
                }
                known.push(name);
                answer(201, "{}")
            });
            assert!(tested.inputs == 3 && tested.notes.is_empty(), "{:?}", tested.notes);
            assert_eq!(collided, 1, "that is when it is noticed");
        }
    }

    #[test]
    fn what_would_disturb_other_tests_is_left_out() {
        let delete = Operation { method: "DELETE".into(), ..accounts() };
        let (tested, sent) = probe("sql_injection", delete, |_: &Call| answer(204, ""));
        assert_eq!((sent.len(), tested.notes.len()), (0, 1));
        let (tested, sent) =
            probe("sql_injection", with_token(body("/logout", json!({ "a": "b" }))), |_: &Call| {
                answer(204, "")
            });
        assert_eq!((sent.len(), tested.notes.len()), (0, 1));
        let fields = json!({ "username": "{{username}}", "password": "{{password}}" });
        let login = body("/login", fields.clone());
        let (tested, sent) = probe("xss", login.clone(), |_: &Call| answer(200, "{}"));
        assert!(tested.notes[0].contains("could lock the account"), "{:?}", tested.notes);
        assert!(sent.iter().all(|call| value(call, "/password") == "Pw-alice-9x"));
        let session = Some(Session { register: Some(1), token: Some(0), users: Vec::new() });
        let workload = Workload { session, ..workload(vec![login, body("/register", fields)]) };
        let (tested, sent) = probe_in("xss", &workload, &[], |_: &Call| answer(200, r#"{"token":"t"}"#));
        assert_eq!((tested.inputs, tested.notes.len()), (2, 0));
        assert!(
            sent.iter().all(|call| value(call, "/username") != "alice"),
            "an account of its own takes the blows"
        );
    }
}
