//! PostgreSQL and TimescaleDB: samples, points and events as tables that look like Ironbridge's own SQL.
//!
//! ```text
//! feed.gather() ─▶ rows ─▶ BEGIN, COPY (binary), how far we are, COMMIT ─▶ feed.ack_all(positions)
//!                            └─ key exists already: again, by way of a staging table and ON CONFLICT DO NOTHING
//! ```
//! Rationale: what was never sent goes straight into the table, which is as fast as the database's own loader. Only what
//! may be there already (the window that was not acknowledged before a cut, a replay) pays for the staging table. How far
//! we are stands in the same transaction as the data, so a database that was put back to an older state is noticed.

mod config;
mod rows;
mod schema;
mod session;
mod words;

use super::contract::{Contract, Language, Message, Telling};
use super::{Asks, Delivery, Feed, Gathered, Proof, Proofs, Reject, Sink};
use crate::endless::endless;
use crate::kind::Kind;
use config::Server;
use futures_util::future::BoxFuture;
use model::{Fault, Position};
use rows::{Key, Rows};
use session::{Refused, Session};
use std::time::Duration;

/// How PostgreSQL enters the product.
pub const KIND: Kind<dyn Sink> = Kind {
    name: "postgres",
    title: "PostgreSQL, TimescaleDB",
    schema: config::schema,
    build: config::build,
    sample: include_str!("sample.toml"),
};

/// Most samples of one transaction, about.
const MAX_ROWS: usize = 50_000;
/// How long samples wait for more before they are sent.
const LINGER: Duration = Duration::from_millis(200);

/// See the module.
struct Postgres {
    server: Server,
    /// The newest position that the database acknowledged since the start.
    delivered: Position,
    proofs: Proofs<Key>,
}

impl Sink for Postgres {
    fn asks(&self) -> Asks {
        Asks::Usually
    }

    fn serve<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Fault> {
        endless(self.run(feed))
    }

    fn contract(&self) -> Telling {
        let name = self.server.schema.clone();
        Telling::new(move |_| {
            let tables = Message {
                of: "sample and event".into(),
                place: format!("schema {name}"),
                key: "sample: point, time, nanos, seq; event: site, id".into(),
                media: "application/sql".into(),
                language: Language::Sql,
                schema: schema::told(&name),
                note: "value, value_int and value_text are NULL where the quality is Bad.".into(),
            };
            Contract::new("tables", vec![tables])
        })
    }
}

impl Postgres {
    async fn run(&mut self, feed: &mut Feed) -> Result<std::convert::Infallible, Fault> {
        let mut session = tokio::select! {
            session = Session::open(&self.server) => session?,
            () = feed.stopping() => return Err(Fault::Stopped),
        };
        session.compare(feed, self.delivered).await?;
        feed.secured(self.server.database.security());
        feed.connected().await;
        self.proofs.begin(feed);
        let mut gathered = Gathered::default();
        loop {
            tokio::select! {
                biased;
                fault = session.ended() => return Err(fault),
                () = feed.gather(&mut gathered, MAX_ROWS, LINGER) => {}
                () = self.proofs.due() => {}
            }
            let stop = gathered.stop;
            let done = deliver(&mut session, feed, std::mem::take(&mut gathered), &mut self.proofs).await?;
            if let Some(newest) = done {
                self.delivered = self.delivered.max(newest);
                session.remember(feed, self.delivered).await?;
            }
            if stop {
                session.close().await;
                return Err(Fault::Stopped);
            }
            self.prove(&session, feed).await?;
        }
    }

    /// Asks for what was stored, when it is time.
    async fn prove(&mut self, session: &Session, feed: &mut Feed) -> Result<(), Fault> {
        let due = self.proofs.take_due();
        if !due.is_empty() {
            session.unchanged().await?;
        }
        for proof in due {
            let found = session.has(&proof.key).await?;
            self.proofs.answered(feed, &proof, found);
        }
        Ok(())
    }
}

/// Stores what was gathered; returns the newest position that the database has now.
async fn deliver(
    session: &mut Session,
    feed: &mut Feed,
    gathered: Gathered,
    proofs: &mut Proofs<Key>,
) -> Result<Option<Position>, Fault> {
    let positions = gathered.positions();
    let Some(newest) = positions.iter().max().copied() else { return Ok(None) };
    let mut rows = Rows::default();
    for delivery in &gathered.deliveries {
        match delivery {
            Delivery::Declare { position, points, .. } => {
                for (point, declaration) in points {
                    session.declare(feed, *point, declaration, *position).await?;
                }
            }
            Delivery::Samples(samples) => {
                session.number(feed, samples).await?;
                rows.add(samples, session.points(), feed);
            }
            Delivery::Event { position, event, .. } => {
                if let Err(refused) = session.event(event).await {
                    rows.refuse(Reject {
                        position: *position,
                        path: event.id.clone(),
                        reason: refused.reason()?,
                        time: feed.now(),
                    });
                }
            }
            Delivery::Stop => {}
        }
    }
    session.statuses(&rows).await?;
    // What stands before the session's beginning may have been sent, but not acknowledged, by the one before.
    let again = session.met() && positions.iter().any(|position| *position <= feed.live_from());
    let mut rejects = rows.take_refused();
    store(session, feed, &rows, again, newest, &mut rejects).await?;
    // What was refused is not there, and which of them that is is not worth a search.
    proofs.took(|| {
        let (point, time, key) = rows.last().filter(|_| rejects.is_empty())?.clone();
        Some(Proof { key, what: feed.meta(point)?.path.to_string(), time })
    });
    feed.ack_all(&positions, rejects);
    Ok(Some(newest))
}

/// Stores the rows; what the database will never take is found by halving.
async fn store(
    session: &mut Session,
    feed: &Feed,
    rows: &Rows,
    again: bool,
    newest: Position,
    rejects: &mut Vec<Reject>,
) -> Result<(), Fault> {
    let mut looked = false;
    let mut parts = vec![(0..rows.len(), again)];
    while let Some((part, again)) = parts.pop() {
        match session.store(rows, part.clone(), again, newest).await {
            Ok(()) => {}
            Err(Refused::Session(fault)) => return Err(fault),
            Err(Refused::Exists) => parts.push((part, true)),
            Err(Refused::Data(_)) if !std::mem::replace(&mut looked, true) => {
                // Is it the row, or did somebody change the table?
                session.unchanged().await?;
                parts.push((part, again));
            }
            Err(Refused::Data(reason)) if part.len() <= 1 => {
                rejects.extend(rows.reject(part.start, feed, reason));
            }
            Err(Refused::Data(_)) => {
                let middle = part.start + part.len() / 2;
                // The older half first.
                parts.push((middle..part.end, again));
                parts.push((part.start..middle, again));
            }
        }
    }
    Ok(())
}
