//! Why a plugin cannot be had.

use std::path::PathBuf;

use crate::digest::Digest;
use crate::package::PackageName;
use crate::read::ReadError;
use crate::reference::ReferenceError;
use crate::resolve::ResolveError;

/// What kind of failure it is: the command's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A reference, a file or an option is wrong.
    Usage,
    /// A registry cannot be reached or does not keep to its protocol, or the disk fails.
    Unreachable,
    /// More is asked for than was granted.
    Denied,
    /// Bytes, a signature or a version are not what they must be.
    NotVerified,
}

/// Any failure of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text names no plugin.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// No plugin directory has it.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A plugin's file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Wrong options, names or files; the message says which.
    #[error("{0}")]
    Usage(String),
    /// A document of the user's cannot be read.
    #[error("cannot read {}: {reason}", .path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        reason: String,
    },
    /// A registry does not answer, or not as the protocol says.
    #[error("registry {registry}: {reason}")]
    Registry {
        /// Its address.
        registry: String,
        /// What happened, and what to do.
        reason: String,
    },
    /// The disk.
    #[error("cannot {what} {}: {source}", .path.display())]
    Disk {
        /// What was being done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The network would be needed.
    #[error(
        "{package} {version} is not in the store, and --offline forbids to fetch it; run once without --offline"
    )]
    Offline {
        /// The plugin.
        package: PackageName,
        /// Its version.
        version: semver::Version,
    },
    /// Bytes are others than those that were promised.
    #[error("{what} is not what it must be: expected {expected}, found {found}; {advice}")]
    Digest {
        /// Which bytes.
        what: String,
        /// The promise.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
        /// What it means and what to do.
        advice: &'static str,
    },
    /// A signature is missing, wrong, or of a key that is not trusted.
    #[error("{package} {version}: {reason}")]
    NotTrusted {
        /// The plugin.
        package: PackageName,
        /// Its version.
        version: semver::Version,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Anything else that must hold and does not.
    #[error("{0}")]
    NotVerified(String),
    /// The new version asks for more than the recorded one.
    #[error(
        "{package} {version} asks for more than was granted: {}; run `stresshost plugin update {package} --accept` if it \
         shall have that",
        .added.join(", ")
    )]
    MoreCapabilities {
        /// The plugin.
        package: PackageName,
        /// The version that asks.
        version: semver::Version,
        /// What is new.
        added: Vec<String>,
    },
}

impl Error {
    /// What kind of failure it is.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Reference(_)
            | Self::Resolve(_)
            | Self::Read(_)
            | Self::Usage(_)
            | Self::Document { .. } => ErrorKind::Usage,
            Self::Registry { .. } | Self::Disk { .. } | Self::Offline { .. } => ErrorKind::Unreachable,
            Self::Digest { .. } | Self::NotTrusted { .. } | Self::NotVerified(_) => ErrorKind::NotVerified,
            Self::MoreCapabilities { .. } => ErrorKind::Denied,
        }
    }

    pub(crate) fn disk(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Disk { what, path, source }
    }
}

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;
