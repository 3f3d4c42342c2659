//! Every bound on what the shop holds or accepts, with what happens there.

/// Products generated at start. One is about 1 KiB with its rendered JSON, so this is about 100 MiB, and
/// a quarter of that once more in SQLite. A configuration that asks for more is refused.
pub const MAX_PRODUCTS: usize = 100_000;

/// Seeded users (`user1`..). They are computed, not stored; the bound keeps ids short.
/// A configuration that asks for more is refused.
pub const MAX_SEEDED_USERS: u64 = 10_000_000;

/// Registered users kept, at most about 25 MiB. The next registration forgets the oldest registered user.
pub const MAX_REGISTERED_USERS: usize = 50_000;

/// Tokens kept, about 100 bytes each. The next token makes the oldest invalid, so clients see a 401 and log in again.
pub const MAX_TOKENS: usize = 65_536;

/// Carts kept, each of at most [`MAX_CART_ITEMS`] lines of 24 bytes. The next user's cart empties the oldest one.
pub const MAX_CARTS: usize = 16_384;

/// Lines in one cart: more than a person buys, few enough to render at once. The next line is answered 409.
pub const MAX_CART_ITEMS: usize = 100;

/// Units of one product in one cart; keeps every total far from overflow. More is answered 422.
pub const MAX_QUANTITY: u32 = 100;

/// Orders kept. The next order forgets the oldest, which is then answered 404.
pub const MAX_ORDERS: usize = 16_384;

/// Idempotency keys kept, each with its order. The next key forgets the oldest, which then buys again.
pub const MAX_IDEMPOTENCY_KEYS: usize = 16_384;

/// Bytes of one idempotency key: room for any UUID or digest. A longer one is answered 400.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 128;

/// Bytes of one request body; every document of this API is far smaller. A longer one is answered 413.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Products on one page, so that a reply stays under about 64 KiB. More is answered 400.
pub const MAX_PAGE_SIZE: u64 = 100;

/// Characters of a search; longer than every product name. More is answered 400.
pub const MAX_SEARCH_CHARS: usize = 64;

/// Bytes `/bytes`, `/chunked` and `/close` send: enough to test a client against an endless body. They are streamed
/// from one shared block, so the size costs no memory. More is answered 400.
pub const MAX_PROBE_BYTES: u64 = 16 << 30;

/// Hops of `/redirect`: beyond the patience of any client. More is answered 400.
pub const MAX_REDIRECTS: u64 = 100;

/// Longest latency or stall, ten minutes: beyond any client's time-out. More is refused.
pub const MAX_DELAY_MS: f64 = 600_000.0;

/// Open connections. At the bound the shop stops accepting until one closes; the kernel's backlog holds the rest.
pub const MAX_CONNECTIONS: usize = 32_768;

/// Seconds a graceful stop waits for responses under way before it cuts them off.
pub const STOP_GRACE_S: u64 = 5;

/// Changed profiles of seeded users kept. The next change makes the oldest profile what it was at the start.
pub const MAX_CHANGED_PROFILES: usize = 16_384;

/// Users on the administrator's list, which tells the total beside them; the rest is not shown.
pub const MAX_LISTED_USERS: usize = 100;

/// Failed logins in a row until an account is locked, which is then answered 423.
pub const MAX_FAILED_LOGINS: u8 = 5;

/// Seconds an account stays locked: fifteen minutes, the usual advice against guessing.
pub const LOCK_S: u64 = 15 * 60;

/// Characters of the query of `/products/search`: room for any probe. More is answered 400.
pub const MAX_QUERY_CHARS: usize = 200;

/// Connections that search the catalogue at the same time; a search takes about a millisecond. More of them wait.
pub const MAX_SEARCH_CONNECTIONS: usize = 4;

/// Connections to the newsletter, each of which may sleep at the same time. More additions wait.
pub const MAX_NEWSLETTER_CONNECTIONS: usize = 64;

/// Addresses the newsletter keeps, spread evenly over its connections. The next one forgets the oldest.
pub const MAX_NEWSLETTER_ROWS: usize = 10_000;

/// Pages of 4 KiB that one connection's part of the newsletter may take; an addition beyond fails in silence.
pub const MAX_NEWSLETTER_PAGES: usize = 256;

/// Milliseconds one statement may sleep in all. Beyond, `sleep` returns at once.
pub const MAX_SQL_SLEEP_MS: u64 = 10_000;

/// Instructions SQLite runs for one request, about a second's worth, and many times what a search of the largest
/// catalogue needs. Beyond, the statement is interrupted, which only an injected one meets.
pub const MAX_SQL_INSTRUCTIONS: u32 = 100_000_000;

/// Bytes of one value or statement in SQLite; a request body is no longer. More is an error of SQLite's.
pub const MAX_SQL_VALUE_BYTES: i32 = 64 * 1024;
