//! One session with a database.

use super::config::Server;
use super::rows::{COLUMNS, HEAD, Key, Rows, TAIL};
use super::schema::{in_schema, prepare, unchanged};
use super::words::{fault, refused};
use crate::north::{Feed, Found, Samples};
use crate::postgres::connect;
use bytes::Bytes;
use futures_util::SinkExt;
use model::{Access, Declaration, Event, Fault, PointId, Position, Status, Time};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::{Duration, SystemTime};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

/// How long one transaction may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the answer to a small question may take.
const ANSWER: Duration = Duration::from_secs(15);
/// How often it is kept on our disk how far the database is.
const REMEMBER: Duration = Duration::from_secs(2);
/// What is written at once to the connection.
const CHUNK: usize = 64 * 1024;
/// Remembered in the destination's own file: how far the database had acknowledged.
const DELIVERED: &str = "postgres delivered";

/// What the database did not take.
pub(super) enum Refused {
    /// The session has ended.
    Session(Fault),
    /// A row of this key is there already.
    Exists,
    /// A row that it will never take; the reason.
    Data(String),
}

impl Refused {
    /// The reason, if it is one of the data.
    pub(super) fn reason(self) -> Result<String, Fault> {
        match self {
            Self::Session(fault) => Err(fault),
            Self::Exists => Ok("its key exists already".into()),
            Self::Data(reason) => Ok(reason),
        }
    }
}

/// See the module.
pub(super) struct Session {
    client: Client,
    ended: oneshot::Receiver<Fault>,
    server: Server,
    /// Far numbers of points.
    points: HashMap<PointId, i32>,
    statuses: HashSet<Status>,
    declare: Statement,
    event: Statement,
    /// Whether rows that may have been there already were, when they were last stored.
    met: bool,
    /// When it was last kept on our disk how far the database is.
    remembered: Option<Instant>,
}

impl Session {
    /// Signs in, makes or checks the tables.
    pub(super) async fn open(server: &Server) -> Result<Self, Fault> {
        let whole = async {
            let (client, ended, _) = connect(&server.database).await?;
            prepare(&client, &server.schema).await?;
            let sql = |text: &str| in_schema(text, &server.schema);
            let prepared = "preparing to store";
            let declare = client.prepare(&sql(DECLARE)).await.map_err(|e| fault(&e, prepared))?;
            let event = client.prepare(&sql(EVENT)).await.map_err(|e| fault(&e, prepared))?;
            // Fails here, with the column's name, if somebody changed the table.
            unchanged(&client, &server.schema).await?;
            Ok(Self {
                client,
                ended,
                server: server.clone(),
                points: HashMap::new(),
                statuses: HashSet::new(),
                declare,
                event,
                met: false,
                remembered: None,
            })
        };
        let slow = || Fault::Timeout { timeout_ms: u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX) };
        timeout(PATIENCE, whole).await.map_err(|_| slow())?
    }

    /// Compares how far the database says we are with how far we know we were. A database that was put back to an older
    /// state gets what it lost once more, as far as the journal still has it.
    pub(super) async fn compare(&self, feed: &mut Feed, known: Position) -> Result<(), Fault> {
        let sql = in_schema("SELECT seq FROM {s}.delivery WHERE gateway = $1", &self.server.schema);
        let row = self.client.query_opt(&sql, &[&self.server.gateway]).await;
        let row = row.map_err(|e| fault(&e, "asking how far the database is"))?;
        let far = row.map(|row| Position(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default()));
        let had = feed.recall(DELIVERED).map(Position).max(Some(known).filter(|at| *at > Position::START));
        match (far, had) {
            (Some(far), Some(had)) if far < had => self.forgot(feed, Some(far)),
            (None, Some(_)) => self.forgot(feed, None),
            _ => {}
        }
        Ok(())
    }

    fn forgot(&self, feed: &mut Feed, far: Option<Position>) {
        let text = match far {
            Some(_) => {
                "The database was put back to an older state. What the journal still holds of it is sent again."
            }
            None => {
                "The database knows nothing of this gateway any more: it was emptied, or it is another one. What the journal still holds is sent again."
            }
        };
        let next = "Look at the database, and at who put it back. What is older than the journal stands in the history: read it there with SQL and load it.";
        feed.forgot("data", text, next, far.unwrap_or(Position::START));
    }

    /// Completes when the connection is lost.
    pub(super) async fn ended(&mut self) -> Fault {
        (&mut self.ended).await.unwrap_or(Fault::Lost("the database closed the connection".into()))
    }

    /// Far numbers of all points that are known.
    pub(super) fn points(&self) -> &HashMap<PointId, i32> {
        &self.points
    }

    /// Learns the numbers of all points of a batch.
    pub(super) async fn number(&mut self, feed: &Feed, samples: &Samples) -> Result<(), Fault> {
        for n in 0..samples.len() {
            let Some((point, ..)) = samples.get(n) else { continue };
            if !self.points.contains_key(&point)
                && let Some(declaration) = feed.meta(point)
            {
                self.learn(point, &declaration).await?;
            }
        }
        Ok(())
    }

    /// A point was declared: what holds now stands in `points`, what held from which position on in `declarations`.
    pub(super) async fn declare(
        &mut self,
        feed: &Feed,
        point: PointId,
        declaration: &Declaration,
        position: Position,
    ) -> Result<(), Fault> {
        let now = feed.meta(point);
        let number = self.learn(point, now.as_deref().unwrap_or(declaration)).await?;
        let sql = in_schema(DECLARED, &self.server.schema);
        let (low, high) = declaration.range.unzip();
        let (kind, states) = (declaration.value_type.name(), states(declaration));
        self.client
            .execute(&sql, &[&number, &position.as_i64(), &kind, &declaration.unit, &low, &high, &states])
            .await
            .map_err(|e| fault(&e, "storing what is declared"))?;
        Ok(())
    }

    async fn learn(&mut self, point: PointId, declaration: &Declaration) -> Result<i32, Fault> {
        let path = declaration.path.as_str();
        let doing = "storing the points";
        if !declaration.was.is_empty() {
            let was: Vec<&str> = declaration.was.iter().map(model::Path::as_str).collect();
            let sql = in_schema(RENAME, &self.server.schema);
            self.client.execute(&sql, &[&path, &was]).await.map_err(|e| fault(&e, doing))?;
        }
        let (low, high) = declaration.range.unzip();
        let scan = Some(declaration.scan.as_secs_f64()).filter(|seconds| *seconds > 0.0);
        let row = self
            .client
            .query_one(
                &self.declare,
                &[
                    &path,
                    &clean(declaration.display_name()),
                    &declaration.value_type.name(),
                    &clean(&declaration.unit),
                    &clean(&declaration.description),
                    &low,
                    &high,
                    &states(declaration),
                    &declaration.connection,
                    &declaration.device,
                    &clean(&declaration.source),
                    &scan,
                    &matches!(declaration.access, Access::Write(_)),
                ],
            )
            .await
            .map_err(|e| fault(&e, doing))?;
        let number: i32 = row.get(0);
        self.points.insert(point, number);
        Ok(number)
    }

    /// Names of the status codes that the rows bring.
    pub(super) async fn statuses(&mut self, rows: &Rows) -> Result<(), Fault> {
        let sql =
            in_schema("INSERT INTO {s}.quality VALUES ($1, $2) ON CONFLICT DO NOTHING", &self.server.schema);
        for status in rows.statuses() {
            if !self.statuses.contains(&status) {
                let inserted = self.client.execute(&sql, &[&i64::from(status.0), &status.name()]).await;
                inserted.map_err(|e| fault(&e, "storing the names of qualities"))?;
                self.statuses.insert(status);
            }
        }
        Ok(())
    }

    /// Stores an event; a later revision replaces an earlier one.
    pub(super) async fn event(&mut self, event: &Event) -> Result<(), Refused> {
        let word = |json: Result<serde_json::Value, serde_json::Error>| -> String {
            json.ok().and_then(|json| json.as_str().map(str::to_owned)).unwrap_or_default()
        };
        let kind = word(serde_json::to_value(event.kind));
        let state = word(serde_json::to_value(event.state));
        let refs: Vec<String> = event.refs.iter().map(|text| clean(text)).collect();
        let revision = i32::try_from(event.revision).unwrap_or(i32::MAX);
        let stored = self
            .client
            .execute(
                &self.event,
                &[
                    &self.server.site,
                    &clean(&event.id),
                    &revision,
                    &kind,
                    &clean(&event.source),
                    &system(event.start),
                    &event.end.map(system),
                    &i32::from(event.severity),
                    &state,
                    &clean(&event.title),
                    &clean(&event.text),
                    &clean(&event.next),
                    &refs,
                ],
            )
            .await;
        stored.map(|_| ()).map_err(|e| refused(&e, "storing an event"))
    }

    /// Whether rows that may be there already are to be stored as such. COPY into the table itself takes half the time and
    /// finds out: after an outage a few rows at its end are there, in a replay all of them.
    pub(super) const fn met(&self) -> bool {
        self.met
    }

    /// Stores rows and how far we are, in one transaction. `again`: some may be there already.
    pub(super) async fn store(
        &mut self,
        rows: &Rows,
        part: Range<usize>,
        again: bool,
        newest: Position,
    ) -> Result<(), Refused> {
        let work = transaction(&mut self.client, &self.server, rows, part, again, newest);
        match timeout(PATIENCE, work).await {
            Ok(Ok(met)) => {
                self.met = met.unwrap_or(self.met);
                Ok(())
            }
            Ok(Err(refused)) => {
                self.met |= matches!(refused, Refused::Exists);
                Err(refused)
            }
            Err(_) => Err(Refused::Session(Fault::Timeout { timeout_ms: PATIENCE.as_millis() as u64 })),
        }
    }

    /// The database has taken everything up to `position`. Kept on our disk from time to time, so that its forgetting
    /// is noticed.
    pub(super) async fn remember(&mut self, feed: &mut Feed, position: Position) -> Result<(), Fault> {
        if self.remembered.is_some_and(|at| at.elapsed() < REMEMBER) {
            return Ok(());
        }
        self.remembered = Some(Instant::now());
        feed.remember(DELIVERED, position.0).await
    }

    /// Whether the table is still as it was made.
    ///
    /// # Errors
    /// What somebody changed, and what to do about it.
    pub(super) async fn unchanged(&self) -> Result<(), Fault> {
        unchanged(&self.client, &self.server.schema).await
    }

    /// Whether the database has a sample that it took, as it was.
    pub(super) async fn has(&self, key: &Key) -> Result<Found, Fault> {
        let sql = in_schema(HAS, &self.server.schema);
        let Key { number, time, nanos, seq, value, status } = key;
        let time = system(*time);
        let parameters: [&(dyn ToSql + Sync); 6] = [number, &time, nanos, seq, value, status];
        let asking = self.client.query_opt(&sql, &parameters);
        let slow = Fault::Timeout { timeout_ms: u64::try_from(ANSWER.as_millis()).unwrap_or(u64::MAX) };
        let row = match timeout(ANSWER, asking).await.map_err(|_| slow)? {
            Ok(row) => row,
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                let why =
                    format!("the user may not read {}.sample: `GRANT SELECT` lets it", self.server.schema);
                return Ok(Found::Unsaid(why));
            }
            Err(error) => return Err(fault(&error, "asking for a sample that was stored")),
        };
        let table = &self.server.schema;
        Ok(match row.map(|row| row.get::<_, bool>(0)) {
            Some(true) => Found::There,
            Some(false) => Found::Gone(format!("{table}.sample has another value there now")),
            None => Found::Gone(format!("{table}.sample has no such row any more")),
        })
    }

    /// Ends the session as the protocol wants it.
    pub(super) async fn close(self) {
        let Self { client, ended, .. } = self;
        drop(client);
        let _ = timeout(Duration::from_secs(2), ended).await;
    }
}

/// With `again`: whether some rows were there already.
async fn transaction(
    client: &mut Client,
    server: &Server,
    rows: &Rows,
    part: Range<usize>,
    again: bool,
    newest: Position,
) -> Result<Option<bool>, Refused> {
    let mut met = None;
    let doing = "storing samples";
    let wrong = |e: tokio_postgres::Error| refused(&e, doing);
    let transaction = client.transaction().await.map_err(wrong)?;
    if !part.is_empty() {
        let table = if again { "ironbridge_staging".into() } else { format!("{}.sample", server.schema) };
        let copy = format!("COPY {table} ({COLUMNS}) FROM STDIN (FORMAT binary)");
        let sink = transaction.copy_in::<_, Bytes>(&copy).await.map_err(wrong)?;
        let mut sink = std::pin::pin!(sink);
        sink.feed(Bytes::from_static(HEAD)).await.map_err(wrong)?;
        for chunk in rows.bytes(&part).chunks(CHUNK) {
            sink.feed(Bytes::copy_from_slice(chunk)).await.map_err(wrong)?;
        }
        sink.feed(Bytes::from_static(TAIL)).await.map_err(wrong)?;
        sink.finish().await.map_err(wrong)?;
        if again {
            let moved = transaction.execute(&in_schema(MOVE, &server.schema), &[]).await.map_err(wrong)?;
            met = Some(moved < part.len() as u64);
        }
        if again && rows.intervals() {
            transaction.execute(&in_schema(RENEW, &server.schema), &[]).await.map_err(wrong)?;
        }
    }
    let far = in_schema(FAR, &server.schema);
    transaction.execute(&far, &[&server.gateway, &newest.as_i64()]).await.map_err(wrong)?;
    transaction.commit().await.map_err(wrong)?;
    Ok(met)
}

const FAR: &str = "INSERT INTO {s}.delivery VALUES ($1, $2, now()) ON CONFLICT (gateway)
    DO UPDATE SET seq = greatest(delivery.seq, excluded.seq), updated = excluded.updated";
const DECLARE: &str =
    "INSERT INTO {s}.points (path, name, type, unit, description, range_low, range_high, states,
        connection, device, source, scan_seconds, writable)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, $9, $10, $11, $12, $13)
    ON CONFLICT (path) DO UPDATE SET name = excluded.name, type = excluded.type, unit = excluded.unit,
        description = excluded.description, range_low = excluded.range_low, range_high = excluded.range_high,
        states = excluded.states, connection = excluded.connection, device = excluded.device,
        source = excluded.source, scan_seconds = excluded.scan_seconds, writable = excluded.writable
    RETURNING point";
const DECLARED: &str = "INSERT INTO {s}.declarations (point, seq, type, unit, range_low, range_high, states)
    VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb) ON CONFLICT DO NOTHING";
const RENAME: &str = "UPDATE {s}.points SET path = $1 WHERE path = ANY($2)
    AND NOT EXISTS (SELECT 1 FROM {s}.points WHERE path = $1)";
const EVENT: &str = "INSERT INTO {s}.events AS e (site, id, revision, kind, source, start, ended, severity, state, title,
        text, next, refs) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
    ON CONFLICT (site, id) DO UPDATE SET revision = excluded.revision, kind = excluded.kind, source = excluded.source,
        start = excluded.start, ended = excluded.ended, severity = excluded.severity, state = excluded.state,
        title = excluded.title, text = excluded.text, next = excluded.next, refs = excluded.refs
    WHERE excluded.revision >= e.revision";
const HAS: &str = "SELECT value IS NOT DISTINCT FROM $5 AND status = $6 FROM {s}.sample
    WHERE point = $1 AND time = $2 AND nanos = $3 AND seq = $4";
const MOVE: &str = "INSERT INTO {s}.sample (point, time, nanos, seq, received, value, value_int, value_text, status, historical)
    SELECT point, time, nanos, seq, received, value, value_int, value_text, status, historical
    FROM ironbridge_staging ON CONFLICT DO NOTHING";
/// The value of an interval (its `seq` is 0) is what was made of it last.
const RENEW: &str = "UPDATE {s}.sample t SET received = s.received, value = s.value, value_int = s.value_int,
        value_text = s.value_text, status = s.status, historical = s.historical
    FROM ironbridge_staging s
    WHERE s.seq = 0 AND t.point = s.point AND t.time = s.time AND t.nanos = s.nanos AND t.seq = s.seq";

fn states(declaration: &Declaration) -> String {
    let texts = declaration.states.iter().map(|(value, text)| (value.to_string(), clean(text).into()));
    serde_json::Value::Object(texts.collect()).to_string()
}

/// PostgreSQL's texts cannot hold NUL; in words for people a sign stands for it.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{2400}")
}

fn system(time: Time) -> SystemTime {
    let span = Duration::from_nanos(time.0.unsigned_abs());
    if time.0 >= 0 { SystemTime::UNIX_EPOCH + span } else { SystemTime::UNIX_EPOCH - span }
}
