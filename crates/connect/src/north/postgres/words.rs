//! What a database says, in the words of whoever has to act.

use super::session::Refused;
use model::Fault;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// What an error means for the session.
pub(super) fn fault(error: &Error, doing: &str) -> Fault {
    let Some(said) = error.as_db_error() else {
        return Fault::Lost(format!("{doing}: {}", cause(error)).into());
    };
    let text = said.message();
    let code = said.code();
    match code.code().get(..2).unwrap_or_default() {
        "28" => Fault::Security(format!("the database does not let us in: {text}").into()),
        _ if *code == SqlState::INSUFFICIENT_PRIVILEGE => Fault::Security(
            format!("{doing}: {text}. Give the user the right to create the schema once, or create it as the documentation of `postgres` says").into(),
        ),
        _ if *code == SqlState::INVALID_CATALOG_NAME => {
            Fault::Config(format!("{text}: create it, or change the end of `url`").into())
        }
        _ if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
            Fault::Connect("this database only reads (a standby?): `url` must name the one that takes writes".into())
        }
        "42" => Fault::Config(
            format!("{doing}: {text}. Somebody changed the tables: put them back, or name another `schema`").into(),
        ),
        "53" | "58" => Fault::Lost(format!("the database has no room or no memory: {text}").into()),
        "57" => Fault::Lost(format!("the database is going down or starting: {text}").into()),
        _ => Fault::Protocol(format!("{doing}: {text} ({})", code.code()).into()),
    }
}

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

/// The cause beneath a library's words.
fn cause(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        let source_text = source.to_string();
        if !text.contains(&source_text) {
            text = format!("{text}: {source_text}");
        }
        next = source.source();
    }
    text
}
