//! Questions and their answers, for programs.

mod parameters;
mod query;
mod series;
mod sql;

pub(super) use parameters::Parameters;
pub(super) use query::query;
pub(super) use series::series;
pub(super) use sql::{asked as sql_asked, sent as sql_sent};

use super::answer::Refusal;
use crate::export::ExportError;
use crate::query::QueryError;
use crate::store::{StoreError, StoreErrorKind};
use axum::http::StatusCode;

/// What failed, in words for a client; the path is not its business.
pub(super) fn of_store(error: &StoreError) -> Refusal {
    let text = match error.kind() {
        StoreErrorKind::Missing => "the database is not there yet",
        StoreErrorKind::Damaged => "the database is damaged: `nodebook check` says what is lost",
        _ => "the database cannot be read now",
    };
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text)
}

pub(super) fn of_query(error: &QueryError) -> Refusal {
    match error {
        QueryError::Store(error) => of_store(error),
        QueryError::Remote(_) => Refusal::new(StatusCode::BAD_GATEWAY, "the engine does not answer"),
    }
}

fn of_export(error: &ExportError) -> Refusal {
    match error {
        ExportError::Query(error) => of_query(error),
        ExportError::Write(_) => Refusal::failed("the client has gone"),
        error => Refusal::bad(error.to_string()),
    }
}
