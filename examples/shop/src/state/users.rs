//! Seeded users and the administrator, which are computed, and registered users, which are kept.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;

use super::logins::Failures;
use super::{Bounded, SHARDS, Shards, lock};
use crate::limits::{MAX_CHANGED_PROFILES, MAX_REGISTERED_USERS};

/// The administrator's id: the largest that every JSON reader takes exactly, which no counting reaches.
const ADMIN_ID: u64 = (1 << 53) - 1;
const ADMIN_NAME: &str = "admin";
const ADMIN_PASSWORD: &str = "admin-password";

/// The role of everybody but the administrator.
pub(crate) const CUSTOMER: &str = "customer";
/// The role that sees all users.
pub(crate) const ADMIN: &str = "admin";

/// A user as most routes show one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) username: Arc<str>,
    pub(crate) email: Arc<str>,
}

/// All that is known of a user but the password.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Profile {
    #[serde(flatten)]
    pub(crate) user: User,
    pub(crate) role: Cow<'static, str>,
    pub(crate) display_name: Arc<str>,
}

impl Profile {
    fn new(id: u64, username: &str, email: &str, role: Cow<'static, str>) -> Self {
        let user = User { id, username: username.into(), email: email.into() };
        Self { display_name: Arc::clone(&user.username), user, role }
    }

    fn change(&mut self, changes: Changes) {
        if let Some(email) = changes.email {
            self.user.email = email.into();
        }
        if let Some(display_name) = changes.display_name {
            self.display_name = display_name.into();
        }
        if let Some(role) = changes.role {
            self.role = role.into();
        }
    }
}

/// What changes in a profile; `None` stays as it is.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) email: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) role: Option<String>,
}

/// Why a user cannot be registered.
#[derive(Debug, PartialEq)]
pub(crate) enum RegisterError {
    UsernameTaken,
}

/// Why a user cannot log in.
#[derive(Debug, PartialEq)]
pub(crate) enum LogInError {
    WrongCredentials,
    /// After too many failures in a row; seconds until the account opens again.
    Locked {
        retry_after_s: u64,
    },
}

/// All users.
pub(crate) struct Users {
    seeded: u64,
    registered: Mutex<Registered>,
    /// False while no profile of a computed user was changed, so that reading one takes no lock.
    changed: AtomicBool,
    changes: Shards<Bounded<u64, Profile>>,
}

#[derive(Default)]
struct Registered {
    /// Users forgotten so far, which is the offset of ids in `records`.
    forgotten: u64,
    records: VecDeque<Record>,
    ids: HashMap<Arc<str>, u64>,
}

struct Record {
    profile: Profile,
    /// As given: hashing it properly would make the shop a benchmark of that hash.
    password: String,
    failures: Failures,
}

impl Users {
    /// The administrator, and users `user1` to `user<seeded>`.
    pub(crate) fn new(seeded: u64) -> Self {
        let changes = Shards::new(|| Bounded::new(MAX_CHANGED_PROFILES / SHARDS));
        Self { seeded, registered: Mutex::default(), changed: AtomicBool::new(false), changes }
    }

    /// Adds a user; at the bound, the user registered first is forgotten.
    pub(crate) fn register(
        &self,
        username: &str,
        email: &str,
        password: String,
        role: Cow<'static, str>,
    ) -> Result<Profile, RegisterError> {
        if self.computed_id(username).is_some() {
            return Err(RegisterError::UsernameTaken);
        }
        let mut registered = lock(&self.registered);
        if registered.ids.contains_key(username) {
            return Err(RegisterError::UsernameTaken);
        }
        if registered.records.len() >= MAX_REGISTERED_USERS
            && let Some(oldest) = registered.records.pop_front()
        {
            registered.ids.remove(&oldest.profile.user.username);
            registered.forgotten += 1;
        }
        let id = self.seeded + registered.forgotten + registered.records.len() as u64 + 1;
        let profile = Profile::new(id, username, email, role);
        registered.ids.insert(Arc::clone(&profile.user.username), id);
        let record = Record { profile: profile.clone(), password, failures: Failures::default() };
        registered.records.push_back(record);
        Ok(profile)
    }

    /// The id of the user with these credentials. With `locking`, failures in a row lock a registered account.
    pub(crate) fn log_in(
        &self,
        username: &str,
        password: &str,
        now_ns: u64,
        locking: bool,
    ) -> Result<u64, LogInError> {
        if let Some(id) = self.computed_id(username) {
            let right = match id {
                ADMIN_ID => password == ADMIN_PASSWORD,
                _ => password.strip_prefix("password") == username.strip_prefix("user"),
            };
            return if right { Ok(id) } else { Err(LogInError::WrongCredentials) };
        }
        let mut registered = lock(&self.registered);
        let id = *registered.ids.get(username).ok_or(LogInError::WrongCredentials)?;
        let record = registered.record(self.seeded, id).ok_or(LogInError::WrongCredentials)?;
        let right = record.password == password;
        if locking {
            if let Some(retry_after_s) = record.failures.locked_s(now_ns) {
                return Err(LogInError::Locked { retry_after_s });
            }
            record.failures.count(right, now_ns);
        }
        if right { Ok(id) } else { Err(LogInError::WrongCredentials) }
    }

    pub(crate) fn get(&self, id: u64) -> Option<User> {
        self.profile(id).map(|profile| profile.user)
    }

    pub(crate) fn profile(&self, id: u64) -> Option<Profile> {
        if !self.is_computed(id) {
            return lock(&self.registered).record(self.seeded, id).map(|record| record.profile.clone());
        }
        if self.changed.load(Ordering::Acquire)
            && let Some(changed) = self.changes.lock(id).get(&id)
        {
            return Some(changed.clone());
        }
        Some(computed(id))
    }

    /// The profile after the changes, if there is such a user.
    pub(crate) fn change(&self, id: u64, changes: Changes) -> Option<Profile> {
        if !self.is_computed(id) {
            let mut registered = lock(&self.registered);
            let profile = &mut registered.record(self.seeded, id)?.profile;
            profile.change(changes);
            return Some(profile.clone());
        }
        let mut shard = self.changes.lock(id);
        let mut profile = shard.get(&id).cloned().unwrap_or_else(|| computed(id));
        profile.change(changes);
        shard.insert(id, profile.clone());
        self.changed.store(true, Ordering::Release);
        Some(profile)
    }

    pub(crate) fn password(&self, id: u64) -> Option<String> {
        match id {
            ADMIN_ID => Some(ADMIN_PASSWORD.to_owned()),
            _ if self.is_computed(id) => Some(format!("password{id}")),
            _ => lock(&self.registered).record(self.seeded, id).map(|record| record.password.clone()),
        }
    }

    /// The administrator and the users with the lowest ids, at most `most` in all, and the number of all users.
    pub(crate) fn list(&self, most: usize) -> (Vec<Profile>, u64) {
        let (forgotten, kept) = {
            let registered = lock(&self.registered);
            (registered.forgotten, registered.records.len() as u64)
        };
        let first = self.seeded + forgotten + 1;
        let ids = [ADMIN_ID].into_iter().chain(1..=self.seeded).chain(first..first + kept);
        (ids.take(most).filter_map(|id| self.profile(id)).collect(), 1 + self.seeded + kept)
    }

    /// The id of a seeded user's name or the administrator's; `user007` is neither.
    fn computed_id(&self, username: &str) -> Option<u64> {
        if username == ADMIN_NAME {
            return Some(ADMIN_ID);
        }
        let digits = username.strip_prefix("user")?;
        if digits.starts_with(['0', '+']) {
            return None;
        }
        digits.parse().ok().filter(|id| (1..=self.seeded).contains(id))
    }

    fn is_computed(&self, id: u64) -> bool {
        id == ADMIN_ID || (1..=self.seeded).contains(&id)
    }
}

/// The profile of the administrator or a seeded user as it is at the start.
fn computed(id: u64) -> Profile {
    if id == ADMIN_ID {
        return Profile::new(id, ADMIN_NAME, "admin@shop.example", ADMIN.into());
    }
    Profile::new(id, &format!("user{id}"), &format!("user{id}@shop.example"), CUSTOMER.into())
}

impl Registered {
    fn record(&mut self, seeded: u64, id: u64) -> Option<&mut Record> {
        let index = id.checked_sub(seeded + self.forgotten + 1)?;
        self.records.get_mut(usize::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_in(users: &Users, username: &str, password: &str) -> Option<u64> {
        users.log_in(username, password, 0, true).ok()
    }

    fn register(users: &Users, username: &str, password: &str) -> Result<Profile, RegisterError> {
        users.register(username, "a@shop.example", password.to_owned(), CUSTOMER.into())
    }

    #[test]
    fn seeded_users_exist_by_rule() {
        let users = Users::new(10);
        assert_eq!(log_in(&users, "user10", "password10"), Some(10));
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
            assert_eq!(log_in(&users, username, password), None, "{username} {password}");
        }
        assert_eq!(users.get(0), None);
        assert_eq!(users.get(11), None);
    }

    #[test]
    fn registered_users_follow_the_seeded() {
        let users = Users::new(10);
        let alice = register(&users, "alice", "secret-1").unwrap().user;
        let late = register(&users, "user11", "secret-2").unwrap().user;
        assert_eq!((alice.id, late.id), (11, 12));
        assert_eq!(log_in(&users, "alice", "secret-1"), Some(11));
        assert_eq!(log_in(&users, "alice", "secret-2"), None);
        assert_eq!(users.get(11), Some(alice));
        for taken in ["alice", "user3", "admin"] {
            assert_eq!(register(&users, taken, "secret-3"), Err(RegisterError::UsernameTaken));
        }
    }

    #[test]
    fn at_the_bound_the_first_registered_is_forgotten() {
        let users = Users::new(5);
        let register = |n: usize| register(&users, &format!("guest{n}"), "p").unwrap().user.id;
        let ids: Vec<u64> = (0..MAX_REGISTERED_USERS + 2).map(register).collect();
        assert_eq!(ids[0], 6);
        assert_eq!(lock(&users.registered).records.len(), MAX_REGISTERED_USERS);
        assert_eq!(lock(&users.registered).ids.len(), MAX_REGISTERED_USERS);
        assert_eq!((users.get(ids[0]), users.get(ids[1])), (None, None));
        assert_eq!(log_in(&users, "guest1", "p"), None);
        assert_eq!(log_in(&users, "guest2", "p"), Some(ids[2]));
        assert_eq!(&*users.get(*ids.last().unwrap()).unwrap().username, format!("guest{}", ids.len() - 1));
        assert_eq!(log_in(&users, "user5", "password5"), Some(5));
        assert_eq!(register(0), ids.last().unwrap() + 1);
    }

    #[test]
    fn the_administrator_is_beside_the_others() {
        let users = Users::new(3);
        assert_eq!(log_in(&users, "admin", "admin-password"), Some(ADMIN_ID));
        assert_eq!(log_in(&users, "admin", "password"), None);
        assert_eq!(users.profile(ADMIN_ID).unwrap().role, ADMIN);
        let alice = register(&users, "alice", "secret-1").unwrap();
        assert_eq!((alice.user.id, &*alice.role), (4, CUSTOMER));
        let ids = |most| users.list(most).0.iter().map(|profile| profile.user.id).collect::<Vec<_>>();
        assert_eq!(ids(9), [ADMIN_ID, 1, 2, 3, 4]);
        assert_eq!((ids(2), users.list(2).1), (vec![ADMIN_ID, 1], 5));
    }

    #[test]
    fn profiles_change_in_part() {
        let users = Users::new(3);
        let alice = register(&users, "alice", "secret-1").unwrap().user.id;
        for id in [2, alice, ADMIN_ID] {
            let before = users.profile(id).unwrap();
            let name = Changes { display_name: Some("Ann".into()), ..Changes::default() };
            users.change(id, name).unwrap();
            let email = Changes { email: Some("n@shop.example".into()), ..Changes::default() };
            let after = users.change(id, email).unwrap();
            assert_eq!((&*after.display_name, &*after.user.email), ("Ann", "n@shop.example"));
            assert_eq!((&after.user.username, &after.role), (&before.user.username, &before.role));
            assert_eq!(users.profile(id), Some(after));
        }
        assert_eq!(users.change(9, Changes::default()), None);
        assert_eq!(&*users.profile(1).unwrap().display_name, "user1");
    }

    #[test]
    fn guessing_locks_a_registered_account_only() {
        let users = Users::new(3);
        register(&users, "alice", "secret-1").unwrap();
        for username in ["alice", "user1", "admin", "nobody"] {
            for _ in 0..5 {
                let wrong = users.log_in(username, "wrong", 0, true);
                assert_eq!(wrong, Err(LogInError::WrongCredentials));
            }
        }
        assert!(matches!(users.log_in("alice", "secret-1", 0, true), Err(LogInError::Locked { .. })));
        assert_eq!(users.log_in("alice", "secret-1", 0, false), Ok(4));
        assert_eq!(log_in(&users, "user1", "password1"), Some(1));
        assert_eq!(users.log_in("alice", "secret-1", 900_000_000_000, true), Ok(4));
    }
}
