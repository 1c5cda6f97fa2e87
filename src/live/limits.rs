//! Limits of what is answered and taken, each with its reason.

use std::time::Duration;

/// Connections that are open at once. One more takes the place of the one that has kept us waiting longest, see [`super::slots`].
pub const CONNECTIONS_MAX: usize = 256;
/// Bytes of a request's head: the largest real ones carry a cookie of 8 KiB.
pub const HEAD_BYTES_MAX: usize = 16 << 10;
/// How long a client may take for the head of a request, and stay silent between two.
pub const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a client may take for a TLS handshake.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long a client may take nothing of an answer.
pub const WRITE_TIME: Duration = Duration::from_secs(20);
/// How long a client may take for the next 64 KiB of an answer that is made while it is sent: others wait for its turn.
pub const PIECE_TIME: Duration = Duration::from_secs(10);
/// How long such an answer may take as a whole: half a gigabyte over a slow line.
pub const ANSWER_TIME: Duration = Duration::from_secs(600);
/// How long open connections, and those who work for them, are given when the server stops.
pub const STOP_TIME: Duration = Duration::from_millis(500);
/// Pause after an accept that failed: no descriptor is free, and asking again at once would not free one.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Requests a second that one address may make in the long run: Prometheus with 200 shards makes fewer.
pub const REQUESTS_A_SECOND: f64 = 500.0;
/// Requests that one address may make at once.
pub const REQUESTS_AT_ONCE: f64 = 1_000.0;
/// Wrong tokens of one address before it has to wait: a person mistypes thrice.
pub const WRONG_TOKENS_AT_ONCE: f64 = 10.0;
/// Wrong tokens a second of one address after that: 2^128 at this rate outlast the sun.
pub const WRONG_TOKENS_A_SECOND: f64 = 0.2;
/// Addresses that are remembered; beyond it those that have been quiet are forgotten.
pub const ADDRESSES_MAX: usize = 4_096;

/// Questions that are answered at once; further ones wait.
pub const QUESTIONS_AT_ONCE: usize = 2;
/// Looks at the database (`/healthz`, `/metrics`) at once; further ones wait. No question keeps them waiting: who looks wants to know just then.
pub const LOOKS_AT_ONCE: usize = 2;
/// SQL queries that run at once; further ones wait.
pub const QUERIES_AT_ONCE: usize = 2;
/// How long a question waits for its turn before it is told to come again.
pub const TURN_TIME: Duration = Duration::from_secs(5);
/// How long a query may run, whatever it asks for.
pub const QUERY_TIME: Duration = Duration::from_secs(30);
/// Buckets that one answer may have, times the aggregates of each: half a gigabyte of JSON.
pub const BUCKETS_MAX: usize = 5_000_000;
/// Bytes of SQL in the body of a request: what SQLite takes.
pub const SQL_BYTES_MAX: usize = 64 << 10;
/// Samples of an engine that a query is asked of: they are fetched into a file of a hundred megabytes, in a few seconds.
pub const SQL_SAMPLES_MAX: u64 = 5_000_000;
/// How long a client may take for the body of a request.
pub const BODY_TIME: Duration = Duration::from_secs(30);

/// Requests that are unpacked and parsed at once; further ones wait.
pub const PUSHES_AT_ONCE: usize = 2;
/// Largest body that is pushed, as it is sent: vmagent's largest is 8 MiB before it is packed.
pub const PUSH_BODY_BYTES_MAX: usize = 8 << 20;
/// Bytes of pushed bodies that are here at once, in all.
pub const PUSH_BYTES_AT_ONCE: usize = 24 << 20;

/// How often is looked whether there is something new, as long as a live page is open.
pub const LIVE_LOOK: Duration = Duration::from_millis(500);
/// Nothing tells when an engine has something new: it is taken to have, as often as this.
pub const LIVE_ENGINE_LOOK: Duration = Duration::from_secs(5);
/// Least time between two makings of a live page.
pub const LIVE_PAUSE: Duration = Duration::from_millis(900);
/// A live page is made again when so many times what the last making of any took has passed: pages together take a fifth of a processor at most.
pub const LIVE_SHARE: u32 = 4;
/// Live pages that are kept, of different times, nodes and metrics: about a megabyte each.
pub const LIVE_PAGES_MAX: usize = 32;
/// How often a live page is sent something where there is nothing new.
pub const LIVE_HEARTBEAT: Duration = Duration::from_secs(15);
