//! Scrapes targets: many side by side on one thread, each at its own even phase, which a target that hangs does not move for the others.
//!
//! [`target`] is what is scraped and whose its samples are, [`phase`] where in its interval (pure), [`page`] makes batches of pages and marks the end of
//! series that are gone, [`health`] finds what is news, [`scraper`] keeps them all going and hands what it gets to the [inbox](super::inbox). The client
//! is that of [`net`](crate::net).
//!
//! What it never does: make up a sample of a scrape that failed (it is a gap, and `up` is 0), say the same twice, follow a redirect to another host, let a
//! page be larger than its limits.

mod content;
mod health;
mod lateness;
mod own_series;
mod page;
mod phase;
mod scraper;
mod target;
mod watch;

pub use health::News;
pub use lateness::Lateness;
pub use scraper::{Scraper, Voice};
pub use target::{Owner, Target, TwiceError, address_of, owners};
