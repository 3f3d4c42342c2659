//! Bearer tokens.
//!
//! A token is its serial number and a check value, both functions of the seed, so that runs repeat exactly. Anyone
//! who knows the seed can forge one: this shop guards nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Bounded, SHARDS, Shards};
use crate::limits::MAX_TOKENS;
use crate::rng;

/// Stream of the check values.
const TOKEN_STREAM: u64 = 200;

/// Characters of a token: two 64-bit numbers in hexadecimal.
const TOKEN_CHARS: usize = 32;

/// The tokens issued and not yet forgotten.
pub(crate) struct Tokens {
    seed: u64,
    issued: AtomicU64,
    shards: Shards<Bounded<u64, Grant>>,
}

#[derive(Clone, Copy)]
struct Grant {
    user: u64,
    expires_ns: u64,
}

impl Tokens {
    pub(crate) fn new(seed: u64) -> Self {
        let shards = Shards::new(|| Bounded::new(MAX_TOKENS / SHARDS));
        Self { seed, issued: AtomicU64::new(0), shards }
    }

    /// A new token for `user`.
    pub(crate) fn issue(&self, user: u64, expires_ns: u64) -> String {
        let serial = self.issued.fetch_add(1, Ordering::Relaxed);
        self.shards.lock(serial).insert(serial, Grant { user, expires_ns });
        format!("{serial:016x}{:016x}", self.check(serial))
    }

    /// The user a token was issued to, while it is valid.
    pub(crate) fn user(&self, token: &str, now_ns: u64) -> Option<u64> {
        if token.len() != TOKEN_CHARS {
            return None;
        }
        let serial = u64::from_str_radix(token.get(..16)?, 16).ok()?;
        let check = u64::from_str_radix(token.get(16..)?, 16).ok()?;
        if check != self.check(serial) {
            return None;
        }
        let grant = self.shards.lock(serial).get(&serial).copied()?;
        (now_ns < grant.expires_ns).then_some(grant.user)
    }

    fn check(&self, serial: u64) -> u64 {
        rng::at(self.seed, TOKEN_STREAM, serial).next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_user_until_it_expires() {
        let tokens = Tokens::new(1);
        let token = tokens.issue(7, 100);
        assert_eq!(tokens.user(&token, 99), Some(7));
        assert_eq!(tokens.user(&token, 100), None);
        assert_eq!(token, Tokens::new(1).issue(8, 100));
        assert_ne!(token, Tokens::new(2).issue(7, 100));
    }

    #[test]
    fn refuses_what_it_did_not_issue() {
        let tokens = Tokens::new(1);
        let token = tokens.issue(7, 100);
        let unissued = Tokens::new(1);
        for forged in ["", "x", &token[1..], &format!("{token}0"), &"0".repeat(32), &"é".repeat(16)] {
            assert_eq!(tokens.user(forged, 0), None, "{forged}");
        }
        assert_eq!(unissued.user(&token, 0), None);
    }

    #[test]
    fn at_the_bound_the_oldest_is_forgotten() {
        let tokens = Tokens::new(1);
        let issued: Vec<String> =
            (0..MAX_TOKENS as u64 + 3).map(|user| tokens.issue(user, u64::MAX)).collect();
        let valid: Vec<bool> = issued.iter().map(|token| tokens.user(token, 0).is_some()).collect();
        assert!(valid[..3].iter().all(|valid| !valid));
        assert!(valid[3..].iter().all(|valid| *valid));
    }
}
