//! What the shop is started with, and why it may refuse to start.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::faults::{Faults, FieldProblem};
use crate::limits::{MAX_PRODUCTS, MAX_SEEDED_USERS};
use crate::weakness::Weaknesses;

/// What a shop is started with.
#[derive(Clone, Debug)]
pub struct ShopConfig {
    /// Where to listen; port 0 takes a free one.
    pub addr: SocketAddr,
    /// A Unix socket to listen on as well. The path must not exist; it is removed when the shop stops.
    pub unix_socket: Option<PathBuf>,
    /// Decides every product, token and fault draw.
    pub seed: u64,
    /// Products to generate, with ids from 1; at least 1.
    pub products: usize,
    /// Seeded users `user1`.. with the passwords `password1`..
    pub users: u64,
    /// Seconds until a token expires.
    pub token_ttl_s: u32,
    /// The faults to start with.
    pub faults: Faults,
    /// The weaknesses to start with.
    pub weaknesses: Weaknesses,
}

impl Default for ShopConfig {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            unix_socket: None,
            seed: 1,
            products: 1000,
            users: 1000,
            token_ttl_s: 3600,
            faults: Faults::default(),
            weaknesses: Weaknesses::NONE,
        }
    }
}

impl ShopConfig {
    pub(crate) fn validate(&self) -> Result<(), ShopError> {
        if !(1..=MAX_PRODUCTS).contains(&self.products) {
            return Err(ShopError::Products { asked: self.products });
        }
        if self.users > MAX_SEEDED_USERS {
            return Err(ShopError::Users { asked: self.users });
        }
        Ok(self.faults.validate()?)
    }
}

/// Why a shop did not start, or did not stop cleanly.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// The number of products is out of range.
    #[error("cannot generate {asked} products: choose 1 to {MAX_PRODUCTS}")]
    Products {
        /// The number asked for.
        asked: usize,
    },
    /// The number of seeded users is out of range.
    #[error("cannot seed {asked} users: choose 0 to {MAX_SEEDED_USERS}")]
    Users {
        /// The number asked for.
        asked: u64,
    },
    /// A fault is out of range.
    #[error("fault `{}` {}", .0.path, .0.message)]
    Fault(#[from] FieldProblem),
    /// The embedded database could not be filled.
    #[error("cannot fill the embedded database: {0}; generate fewer products if memory is short")]
    Database(rusqlite::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}: {source}; choose another port, or 0 for a free one")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The Unix socket cannot be listened on.
    #[error("cannot listen on the unix socket {}: {source}; choose a new path in a writable directory", path.display())]
    Unix {
        /// The path asked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The shop's own thread or runtime could not be started.
    #[error("cannot start the shop's thread: {0}; check the limits on threads and descriptors")]
    Thread(std::io::Error),
}
