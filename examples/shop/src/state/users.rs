//! Seeded users, which are computed, and registered ones, which are kept.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use serde::Serialize;

use super::lock;
use crate::limits::MAX_REGISTERED_USERS;

/// A user as clients see one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) username: Arc<str>,
    pub(crate) email: Arc<str>,
}

/// Why a user cannot be registered.
#[derive(Debug, PartialEq)]
pub(crate) enum RegisterError {
    UsernameTaken,
}

/// All users.
pub(crate) struct Users {
    seeded: u64,
    registered: Mutex<Registered>,
}

#[derive(Default)]
struct Registered {
    /// Users forgotten so far, which is the offset of ids in `records`.
    forgotten: u64,
    records: VecDeque<Record>,
    ids: HashMap<Arc<str>, u64>,
}

struct Record {
    user: User,
    /// As given: hashing it properly would make the shop a benchmark of that hash.
    password: String,
}

impl Users {
    /// Users `user1` to `user<seeded>`.
    pub(crate) fn new(seeded: u64) -> Self {
        Self { seeded, registered: Mutex::default() }
    }

    /// Adds a user; at the bound, the user registered first is forgotten.
    pub(crate) fn register(
        &self,
        username: &str,
        email: &str,
        password: String,
    ) -> Result<User, RegisterError> {
        if self.seeded_id(username).is_some() {
            return Err(RegisterError::UsernameTaken);
        }
        let mut registered = lock(&self.registered);
        if registered.ids.contains_key(username) {
            return Err(RegisterError::UsernameTaken);
        }
        if registered.records.len() >= MAX_REGISTERED_USERS
            && let Some(oldest) = registered.records.pop_front()
        {
            registered.ids.remove(&oldest.user.username);
            registered.forgotten += 1;
        }
        let id = self.seeded + registered.forgotten + registered.records.len() as u64 + 1;
        let user = User { id, username: username.into(), email: email.into() };
        registered.ids.insert(Arc::clone(&user.username), id);
        registered.records.push_back(Record { user: user.clone(), password });
        Ok(user)
    }

    /// The id of the user with these credentials.
    pub(crate) fn log_in(&self, username: &str, password: &str) -> Option<u64> {
        if let Some(id) = self.seeded_id(username) {
            return (password.strip_prefix("password") == username.strip_prefix("user")).then_some(id);
        }
        let registered = lock(&self.registered);
        let id = *registered.ids.get(username)?;
        let record = registered.record(self.seeded, id)?;
        (record.password == password).then_some(id)
    }

    pub(crate) fn get(&self, id: u64) -> Option<User> {
        if (1..=self.seeded).contains(&id) {
            let (username, email) = (format!("user{id}"), format!("user{id}@shop.example"));
            return Some(User { id, username: username.into(), email: email.into() });
        }
        lock(&self.registered).record(self.seeded, id).map(|record| record.user.clone())
    }

    /// The id of a seeded user's name; `user007` is not one.
    fn seeded_id(&self, username: &str) -> Option<u64> {
        let digits = username.strip_prefix("user")?;
        if digits.starts_with(['0', '+']) {
            return None;
        }
        digits.parse().ok().filter(|id| (1..=self.seeded).contains(id))
    }
}

impl Registered {
    fn record(&self, seeded: u64, id: u64) -> Option<&Record> {
        let index = id.checked_sub(seeded + self.forgotten + 1)?;
        self.records.get(usize::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_users_exist_by_rule() {
        let users = Users::new(10);
        assert_eq!(users.log_in("user10", "password10"), Some(10));
        assert_eq!(&*users.get(10).unwrap().username, "user10");
        for (username, password) in [
            ("user1", "password2"),
            ("user1", "1"),
            ("user1", ""),
            ("user0", "password0"),
            ("user11", "password11"),
            ("user01", "password01"),
            ("user+1", "password+1"),
            ("user", "password"),
            ("", ""),
            ("bob", "bob"),
        ] {
            assert_eq!(users.log_in(username, password), None, "{username} {password}");
        }
        assert_eq!(users.get(0), None);
        assert_eq!(users.get(11), None);
    }

    #[test]
    fn registered_users_follow_the_seeded() {
        let users = Users::new(10);
        let alice = users.register("alice", "a@shop.example", "secret-1".into()).unwrap();
        let late = users.register("user11", "b@shop.example", "secret-2".into()).unwrap();
        assert_eq!((alice.id, late.id), (11, 12));
        assert_eq!(users.log_in("alice", "secret-1"), Some(11));
        assert_eq!(users.log_in("alice", "secret-2"), None);
        assert_eq!(users.get(11), Some(alice));
        for taken in ["alice", "user3"] {
            let again = users.register(taken, "c@shop.example", "secret-3".into());
            assert_eq!(again, Err(RegisterError::UsernameTaken));
        }
    }

    #[test]
    fn at_the_bound_the_first_registered_is_forgotten() {
        let users = Users::new(5);
        let register =
            |n: usize| users.register(&format!("guest{n}"), "g@shop.example", "p".into()).unwrap().id;
        let ids: Vec<u64> = (0..MAX_REGISTERED_USERS + 2).map(register).collect();
        assert_eq!(ids[0], 6);
        assert_eq!(lock(&users.registered).records.len(), MAX_REGISTERED_USERS);
        assert_eq!(lock(&users.registered).ids.len(), MAX_REGISTERED_USERS);
        assert_eq!((users.get(ids[0]), users.get(ids[1])), (None, None));
        assert_eq!(users.log_in("guest1", "p"), None);
        assert_eq!(users.log_in("guest2", "p"), Some(ids[2]));
        assert_eq!(&*users.get(*ids.last().unwrap()).unwrap().username, format!("guest{}", ids.len() - 1));
        assert_eq!(users.log_in("user5", "password5"), Some(5));
        assert_eq!(register(0), ids.last().unwrap() + 1);
    }
}
