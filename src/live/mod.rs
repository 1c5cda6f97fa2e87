//! Floor 5: answers over HTTP.
//!
//! [`Server`] takes an address and [`Running`] answers there, on one thread, until it is stopped; what takes long (a question, a page) is done by a few
//! others. [`Face`] says what is answered, and whether what is pushed is taken ([`Intake`]). Every request goes through the `gate` first: host, rate, token, site.
//!
//! What holds:
//! - The address is this machine's own, or a token is needed.
//! - Nothing a client sends, or does not send, costs more than its share: connections, heads, bodies, what bodies unpack to, turns and
//!   answers are limited, in size and in time (`limits`).
//! - No GET changes anything.
//! - What is pushed is answered with 2xx when its commit has returned.
//!
//! What this floor never does: write samples itself (the recorder's inbox takes them), keep a page's words or numbers (it has [`report`](crate::report)), run SQL of its own.

mod answer;
mod api;
mod connection;
mod error;
mod face;
mod figures;
mod gate;
mod health;
mod limits;
mod metrics;
mod page;
mod piped;
mod push;
mod rate;
mod secret;
mod server;
mod slots;
mod sources;
mod tally;
mod timed;
mod tls;
mod turn;

pub use error::LiveError;
pub use face::Face;
pub use figures::{Figure, Figures};
pub use limits::CONNECTIONS_MAX;
pub use push::Intake;
pub use secret::Token;
pub use server::{Access, Running, Server};
pub use tls::TlsFiles;
