//! Every bound of this crate, with its reason. What a registry sends is a stranger's until it is verified.

use std::time::Duration;

/// Bytes of a plugin. A component with a whole interpreter inside is some tens of megabytes; the file is held in
/// memory and compiled, which takes several times its size.
pub const MAX_PLUGIN_BYTES: u64 = 256 << 20;

/// Bytes of a manifest, an index or a list of tags: what registries themselves refuse beyond (OCI distribution
/// specification, "Pushing Manifests": registries should take 4 MiB).
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// Bytes of a config blob: two lists of interface names.
pub const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Bytes of a signature file: four lines. A trusted comment may hold more than ours, but not a book.
pub const MAX_SIGNATURE_BYTES: u64 = 16 << 10;

/// Bytes of a key file: two lines.
pub const MAX_KEY_BYTES: u64 = 4 << 10;

/// Bytes of a token server's answer. Tokens with many claims are some kilobytes.
pub const MAX_TOKEN_BYTES: u64 = 256 << 10;

/// Bytes read of a registry's error message.
pub const MAX_ERROR_BYTES: u64 = 16 << 10;

/// Bytes of a lock file, a trust file, a list of registries or a docker config.
pub const MAX_DOCUMENT_BYTES: u64 = 4 << 20;

/// Pages of a list of tags or of a catalogue: with 100 a page, more versions than anything has.
pub const MAX_PAGES: usize = 100;

/// Versions of a plugin that are looked at.
pub const MAX_VERSIONS: usize = 10_000;

/// Versions whose details are asked for while one is chosen: that many newest ones yanked or built for other hosts in
/// a row are a broken registry, and each costs a request.
pub const MAX_TRIED: usize = 32;

/// Signatures of a plugin that are looked at.
pub const MAX_SIGNATURES: usize = 16;

/// Referrers of a manifest that are looked at: signatures, documents, bills of materials, other people's.
pub const MAX_REFERRERS: usize = 256;

/// Plugins of a directory registry, or of a catalogue, that a search looks at.
pub const MAX_PACKAGES: usize = 10_000;

/// Redirects of a request: a registry sends to its storage, which may send on once.
pub const MAX_REDIRECTS: usize = 5;

/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a registry may stay silent while something is expected of it.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How long anything but a plugin itself may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Attempts at a plugin's bytes, each going on where the last one broke.
pub const MAX_ATTEMPTS: u32 = 4;

/// Pause before the second attempt; it doubles.
pub const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// How long a credential helper may take: it may ask a key ring, not a person who is not there.
pub const HELPER_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes read of a credential helper's answer.
pub const MAX_HELPER_BYTES: u64 = 64 << 10;

/// Characters of a version. It becomes a part of a file's name.
pub const MAX_VERSION_BYTES: usize = 64;

/// Bytes of the documents published with a plugin, each.
pub const MAX_EXTRA_BYTES: u64 = 16 << 20;
