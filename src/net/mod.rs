//! Floor 1: one HTTP/1.1 client for all that nodebook asks or tells over the network: targets, engines, webhooks.
//!
//! ```no_run
//! # async fn scrape() -> Result<(), nodebook::net::NetError> {
//! use nodebook::net::{Address, Client, Limits, Redirects, Request, Trust};
//!
//! let target: Address = "http://ops:secret@db-1:9100/metrics".parse()?;
//! let client = Client::new(&target, &Trust::system(None)?)?; // logs in as `ops`; keep it, and it keeps its connections
//! let request = Request::get(&target).header("Accept", "text/plain;version=0.0.4").packed().following(Redirects::SameHost);
//! let response = client.send(&request, &Limits::default()).await?; // any status is an answer; `response.body` is unpacked
//! assert!(response.is_success());
//! # Ok(())
//! # }
//! ```
//!
//! A [`Client`] talks to one host and keeps its connections to it; it may be cloned, and used by many tasks at once, of one tokio runtime. Who has none takes
//! [`Blocking`]. Every answer is bounded in time and in size, packed and unpacked ([`Limits`]). What a server says is not trusted, and who is asked is: a
//! certificate of the system's authorities or of one's own ([`Trust`]); a [`Secret`] cannot be printed, and an [`Address`] is shown without login and query.
//!
//! What this floor never does: retry but on a kept connection that had died, read the environment's proxies, keep cookies, follow a redirect to another host, know
//! what a body means.

mod address;
mod authority;
mod blocking;
mod body;
mod client;
mod connection;
mod error;
mod message;
mod secret;
mod small_file;
#[cfg(test)]
mod tests;

pub use address::Address;
pub(crate) use address::without_secrets;
pub use authority::Trust;
pub use blocking::Blocking;
pub use client::Client;
pub use error::NetError;
pub use message::{Limits, Login, Redirects, Request, Response};
pub use secret::Secret;
pub(crate) use small_file::{CERTIFICATES_BYTES_MAX, read_small, read_small_text, read_text_at_most};
