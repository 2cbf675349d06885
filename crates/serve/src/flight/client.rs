//! One connection: sessions of those who ask over it, and what they prepared.

use super::Shared;
use super::bearer::hex;
use crate::door::{Refused, Seat};
use model::Principal;
use parking_lot::Mutex;
use sql::postgres::{Identity, Statement, Text, numbered};
use sql::{Param, SqlError};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

/// Most prepared statements of a connection.
const MOST_STATEMENTS: usize = 1_000;
/// Most people and tokens that ask over one connection.
const MOST_SESSIONS: usize = 8;

/// The section of `ironbridge.toml`.
const SECTION: &str = "serve.flight";

/// One connection.
pub(super) struct Client {
    pub shared: Arc<Shared>,
    pub peer: SocketAddr,
    /// It is only told that.
    refused: Option<Refused>,
    known: AtomicBool,
    sessions: tokio::sync::Mutex<Vec<Arc<Session>>>,
    statements: Mutex<HashMap<String, Prepared>>,
}

/// A session of one who asks.
pub(super) struct Session {
    pub who: Principal,
    pub sql: sql::Session,
    _seat: Seat,
}

/// A prepared statement with the values that were given last.
#[derive(Clone)]
pub(super) struct Prepared {
    owner: String,
    pub text: Arc<Text>,
    pub query: Arc<sql::Prepared>,
    pub values: Vec<Param>,
}

impl Client {
    pub fn new(shared: Arc<Shared>, peer: SocketAddr, refused: Option<Refused>) -> Self {
        Self {
            shared,
            peer,
            refused,
            known: AtomicBool::new(false),
            sessions: tokio::sync::Mutex::default(),
            statements: Mutex::default(),
        }
    }

    /// Whether somebody signed in on it.
    pub fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }

    /// The words of a refusal, counted.
    pub fn refusal(&self, why: &Refused) -> Status {
        self.shared.door.count(why);
        let (message, hint) = why.words(SECTION);
        let code = match why {
            Refused::Full(_) | Refused::Seats(_) => Code::ResourceExhausted,
            Refused::SignIn(_) | Refused::Ended => Code::Unauthenticated,
            Refused::Internal => Code::Internal,
        };
        Status::new(code, format!("{message}; {hint}"))
    }

    /// The words of an error, counted.
    pub fn failure(&self, error: &SqlError) -> Status {
        self.shared.door.counters.failed.fetch_add(1, Ordering::Relaxed);
        status(error)
    }

    /// A bearer for the handshake.
    ///
    /// # Errors
    /// In words.
    pub async fn sign_in(&self, headers: &MetadataMap) -> Result<String, Status> {
        if let Some(why) = &self.refused {
            return Err(self.refusal(why));
        }
        let text = self.shared.sign_in(headers, self.peer).await.map_err(|why| self.refusal(&why))?;
        self.known.store(true, Ordering::Relaxed);
        Ok(text)
    }

    /// The session of who asks.
    ///
    /// # Errors
    /// Nobody, or too many.
    pub async fn session(&self, headers: &MetadataMap) -> Result<Arc<Session>, Status> {
        if let Some(why) = &self.refused {
            return Err(self.refusal(why));
        }
        let who = self.shared.who(headers).map_err(|why| self.refusal(&why))?;
        self.known.store(true, Ordering::Relaxed);
        let mut sessions = self.sessions.lock().await;
        if let Some(found) = sessions.iter().find(|one| one.who == who) {
            return Ok(Arc::clone(found));
        }
        // Rights that changed under the same name have a session of their own; the old one goes with its last answer.
        sessions.retain(|one| one.who.name != who.name);
        if sessions.len() >= MOST_SESSIONS {
            return Err(self.refusal(&Refused::Seats(MOST_SESSIONS)));
        }
        let user = who.name.split_once(':').map_or(who.name.as_str(), |(_, name)| name).to_owned();
        let opened = self.shared.door.session(&who, &Identity::new(user, 0)).await;
        let (seat, sql) = opened.map_err(|why| self.refusal(&why))?;
        let session = Arc::new(Session { who, sql, _seat: seat });
        sessions.push(Arc::clone(&session));
        Ok(session)
    }

    /// Understands a query.
    ///
    /// # Errors
    /// What is wrong with it, or with asking it here.
    pub async fn understand(&self, session: &Session, text: &str) -> Result<(Text, sql::Prepared), Status> {
        let text = session.sql.read(&numbered(text)).await.and_then(query);
        let text = text.map_err(|error| self.failure(&error))?;
        let prepared = session.sql.prepare(&text, &[]).await.map_err(|error| self.failure(&error))?;
        Ok((text, prepared))
    }

    /// Keeps a prepared statement; its handle.
    ///
    /// # Errors
    /// There are too many.
    pub fn keep(&self, session: &Session, text: Text, query: sql::Prepared) -> Result<String, Status> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| self.refusal(&Refused::Internal))?;
        let handle = hex("", &bytes);
        let mut all = self.statements.lock();
        if all.len() >= MOST_STATEMENTS {
            return Err(Status::resource_exhausted(format!(
                "a connection has at most {MOST_STATEMENTS} prepared statements; close some"
            )));
        }
        let prepared = Prepared {
            owner: session.who.name.clone(),
            text: Arc::new(text),
            query: Arc::new(query),
            values: Vec::new(),
        };
        all.insert(handle.clone(), prepared);
        Ok(handle)
    }

    /// A prepared statement by its handle.
    ///
    /// # Errors
    /// There is none of that name for who asks.
    pub fn prepared(&self, session: &Session, handle: &[u8]) -> Result<(String, Prepared), Status> {
        let unknown = || {
            Status::not_found(
                "this connection has no such prepared statement; prepare it again (after a new connection, once more)",
            )
        };
        let handle = std::str::from_utf8(handle).map_err(|_| unknown())?;
        let found = self.statements.lock().get(handle).cloned();
        let found = found.filter(|one| one.owner == session.who.name).ok_or_else(unknown)?;
        Ok((handle.to_owned(), found))
    }

    /// Gives a prepared statement values, as they were declared.
    pub fn bind(&self, handle: &str, query: sql::Prepared, values: Vec<Param>) {
        if let Some(found) = self.statements.lock().get_mut(handle) {
            found.query = Arc::new(query);
            found.values = values;
        }
    }

    /// Forgets a prepared statement.
    pub fn forget(&self, handle: &str) {
        self.statements.lock().remove(handle);
    }
}

/// The one query of the statements of a text.
fn query(mut all: Vec<Statement>) -> Result<Text, SqlError> {
    match (all.pop(), all.is_empty()) {
        (Some(Statement::Query(text)), true) => Ok(text),
        (None, _) => Err(SqlError::Query("the query is empty".into())),
        (_, false) => Err(SqlError::Query("send one statement at a time".into())),
        (Some(Statement::Copy(..)), _) => {
            Err(SqlError::Query("ask the SELECT itself: its rows come in columns here".into()))
        }
        _ => Err(SqlError::Query(
            "a query is asked here: settings, transactions and cursors belong to the PostgreSQL wire".into(),
        )),
    }
}

/// An error of the engine in the codes of gRPC.
pub(super) fn status(error: &SqlError) -> Status {
    use SqlError as E;
    let code = match error {
        E::Query(_) | E::ReadOnly(_) => Code::InvalidArgument,
        E::Time(_) => Code::DeadlineExceeded,
        E::Memory(_) | E::Crowd(_) | E::Rows(_) | E::TooMany(_) => Code::ResourceExhausted,
        E::Cancelled => Code::Cancelled,
        E::Busy(_) => Code::AlreadyExists,
        E::Store(_) => Code::Internal,
    };
    Status::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sql::postgres::read;

    #[test]
    fn one_query_is_asked() {
        for text in ["select 1", "select ? + 1", "explain select 1;", "table points"] {
            assert!(read(&numbered(text)).and_then(query).is_ok(), "{text}");
        }
        for (text, word) in [
            ("", "empty"),
            ("select 1; select 2", "one statement"),
            ("copy (select 1) to stdout", "SELECT itself"),
            ("set statement_timeout = 1", "PostgreSQL wire"),
            ("drop table samples", "would change something"),
        ] {
            let why = read(&numbered(text)).and_then(query).unwrap_err().to_string();
            assert!(why.contains(word), "{text}: {why}");
        }
    }
}
