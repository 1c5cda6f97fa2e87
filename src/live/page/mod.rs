//! Pages for people: the report's own views, kept up to date, and the reports that were made.
//!
//! What a page shows is computed once for all who look at it, when there is something new, and never so often that it takes more than a share of one
//! processor (`studio`). Pages are told by server-sent events (`events`), fetch the parts that have changed, and take them in.

mod asked;
mod events;
mod made;
mod show;
mod studio;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::face::Hall;
pub(super) use studio::Studio;

/// The paths of pages.
pub(super) fn routes() -> Router<Arc<Hall>> {
    Router::new()
        .route("/", get(show::live))
        .route("/findings", get(show::findings))
        .route("/report", get(show::report))
        .route("/api/page", get(show::parts))
        .route("/api/events", get(events::events))
        .route("/reports", get(made::shelf))
        .route("/reports/{file}", get(made::report))
}
