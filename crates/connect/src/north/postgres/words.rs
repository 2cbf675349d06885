//! What a database says of rows that it does not take.

use super::session::Refused;
pub(super) use crate::postgres::fault;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// What an error while storing means: for the rows, or for the session.
pub(super) fn refused(error: &Error, doing: &str) -> Refused {
    let Some(said) = error.as_db_error() else { return Refused::Session(fault(error, doing)) };
    if *said.code() == SqlState::UNIQUE_VIOLATION {
        return Refused::Exists;
    }
    let of_data = ["22", "23", "54", "P0"].iter().any(|class| said.code().code().starts_with(class));
    if of_data {
        let detail = said.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        return Refused::Data(format!("{}{detail}", said.message()));
    }
    Refused::Session(fault(error, doing))
}
