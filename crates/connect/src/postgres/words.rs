//! What a database says, in the words of whoever has to act.

use model::Fault;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// What an error means for the session.
pub fn fault(error: &Error, doing: &str) -> Fault {
    let Some(said) = error.as_db_error() else {
        return Fault::Lost(format!("{doing}: {}", cause(error)).into());
    };
    let text = said.message();
    let code = said.code();
    match code.code().get(..2).unwrap_or_default() {
        "28" => Fault::Security(format!("the database does not let us in: {text}").into()),
        _ if *code == SqlState::INSUFFICIENT_PRIVILEGE => Fault::Security(
            format!("{doing}: {text}. Give the user the right to it: a connection needs `GRANT SELECT` on its table; a destination makes its schema once, or somebody creates it as the documentation of `postgres` says").into(),
        ),
        _ if *code == SqlState::INVALID_CATALOG_NAME => {
            Fault::Config(format!("{text}: create it, or change the end of `url`").into())
        }
        _ if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
            Fault::Connect("this database only reads (a standby?): `url` must name the one that takes writes".into())
        }
        "42" => Fault::Config(
            format!("{doing}: {text}. Somebody changed the tables: put them back, or name others in the configuration").into(),
        ),
        "53" | "58" => Fault::Lost(format!("the database has no room or no memory: {text}").into()),
        "57" => Fault::Lost(format!("the database is going down or starting: {text}").into()),
        _ => Fault::Protocol(format!("{doing}: {text} ({})", code.code()).into()),
    }
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
