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
use crate::query::remote::RemoteError;
use crate::query::{Asked, MaterialiseError, QueryError};
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
    let text = match error {
        QueryError::Store(error) => return of_store(error),
        QueryError::Remote(RemoteError::TooMany { series, limit, .. }) => {
            let text =
                format!("the engine has {series} series in that time, the limit is {limit}: take a shorter range");
            return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text);
        }
        QueryError::Remote(RemoteError::Refused { status, .. }) => format!("the engine answers {status}"),
        QueryError::Remote(_) => "the engine does not answer".to_owned(),
    };
    Refusal::new(StatusCode::BAD_GATEWAY, text)
}

/// A program that reads numbers does not read words beside them: of an answer that is partial it gets nothing, or no end.
fn expect_whole(asked: &Asked) -> Result<(), Refusal> {
    match asked.missing().first() {
        None => Ok(()),
        Some(told) => Err(Refusal::new(StatusCode::BAD_GATEWAY, format!("the engine's answer is partial: {told}"))),
    }
}

fn of_materialised(error: &MaterialiseError) -> Refusal {
    match error {
        MaterialiseError::Query(error) => of_query(error),
        MaterialiseError::Store(_) | MaterialiseError::Temporary(_) => {
            Refusal::failed("the engine's samples could not be put into a database")
        }
    }
}

fn of_export(error: &ExportError) -> Refusal {
    match error {
        ExportError::Query(error) => of_query(error),
        ExportError::Write(_) => Refusal::failed("the client has gone"),
        error => Refusal::bad(error.to_string()),
    }
}
