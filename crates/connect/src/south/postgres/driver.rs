//! Reads new rows as long as the connection runs.

use super::config::{File, Start};
use crate::disk;
use crate::endless::endless;
use crate::kind::{Context, Secrets};
use crate::postgres::{Database, connect, fault};
use crate::south::messages::{Came, Intake};
use crate::south::{Driver, Layout, Link};
use futures_util::future::{BoxFuture, join_all};
use model::Fault;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout};
use tokio_postgres::{Client, Row};

/// Rows that are read at once.
const TOGETHER: i64 = 200;
/// How long the database may take for one answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// What rows asked for is waited for so long before the cursor moves on.
const ASKING: Duration = Duration::from_secs(10);
/// Longest row, as JSON.
const LONGEST: usize = 1_048_576;

const SLOW: Fault = Fault::Timeout { timeout_ms: 30_000 };
const GONE: &str = "the database closed the connection";
/// Type of a column, and what its table is.
const COLUMN: &str = "SELECT format_type(a.atttypid, a.atttypmod), c.relkind::text FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid WHERE a.attrelid = to_regclass($1) AND a.attname = $2";

/// What is read.
pub struct Table {
    name: String,
    cursor: String,
    poll: Duration,
    notify: Option<String>,
    start: Start,
}

impl Table {
    pub fn new(file: &File) -> Self {
        Self {
            name: file.table.clone(),
            cursor: file.cursor.clone(),
            poll: file.poll.0,
            notify: file.notify.clone(),
            start: file.start,
        }
    }

    /// The table, quoted: names are checked when the file is read.
    fn quoted(&self) -> String {
        self.name.split('.').map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(".")
    }

    /// Rows behind `$1`, each with its cursor as text. Only rows whose transaction and all before it have ended: a number is
    /// given before its row can be seen.
    fn rows(&self, kind: &str) -> String {
        let (table, cursor) = (self.quoted(), format!("t.\"{}\"", self.cursor));
        format!(
            "SELECT {cursor}::text, left(row_to_json(t)::text, {most}) FROM {table} AS t \
             WHERE ($1::text IS NULL OR {cursor} > $1::text::{kind}) \
             AND age(t.xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid) \
             ORDER BY {cursor} LIMIT {TOGETHER}",
            most = LONGEST + 1
        )
    }
}

/// See the module.
pub struct Watch {
    database: Database,
    table: Table,
    secrets: Arc<dyn Secrets>,
    name: String,
    intake: Intake,
    layout: Layout,
}

/// What lives as long as one session.
struct Talk {
    client: Client,
    ended: oneshot::Receiver<Fault>,
    /// Says that there may be new rows.
    bell: Arc<Notify>,
    rows: String,
    /// The newest value of the cursor that counts as read; `None` before the first.
    at: Option<String>,
    look_at: Instant,
}

impl Watch {
    pub fn new(context: &Context, database: Database, table: Table, intake: Intake, layout: Layout) -> Self {
        let (secrets, name) = (context.secrets.clone(), context.name.clone());
        Self { database, table, secrets, name, intake, layout }
    }

    fn file(&self) -> Option<PathBuf> {
        Some(self.secrets.data()?.join("postgres").join(format!("{}.cursor", self.name)))
    }

    async fn open(&mut self) -> Result<Talk, Fault> {
        let (client, ended, bell) = connect(&self.database).await?;
        let wrong = |e: tokio_postgres::Error| fault(&e, &format!("reading {}", self.table.name));
        let known = client.query_opt(COLUMN, &[&self.table.quoted(), &self.table.cursor]).await;
        let Some(known) = known.map_err(wrong)? else {
            let (table, cursor) = (&self.table.name, &self.table.cursor);
            let why =
                format!("there is no table {table} with a column {cursor}: compare `table` and `cursor`");
            return Err(Fault::Config(why.into()));
        };
        let (kind, relation): (String, String) = (known.get(0), known.get(1));
        if !matches!(relation.as_str(), "r" | "p") {
            let table = &self.table.name;
            let why = format!(
                "{table} is no table, and a view does not say which of its rows are new: name the table behind it"
            );
            return Err(Fault::Config(why.into()));
        }
        if let Some(channel) = &self.table.notify {
            client.batch_execute(&format!("LISTEN \"{channel}\"")).await.map_err(wrong)?;
        }
        let at = match kept(self.file()).await? {
            Some(kept) => Some(kept).filter(|kept| !kept.is_empty()),
            None if self.table.start == Start::Oldest => None,
            None => {
                let (cursor, table) = (&self.table.cursor, self.table.quoted());
                let sql = format!("SELECT max(t.\"{cursor}\")::text FROM {table} AS t");
                client.query_one(&sql, &[]).await.map_err(wrong)?.get(0)
            }
        };
        keep(self.file(), at.as_deref()).await?;
        Ok(Talk { client, ended, bell, rows: self.table.rows(&kind), at, look_at: Instant::now() })
    }

    async fn run(&mut self, link: &mut Link) -> Result<Infallible, Fault> {
        let opening = async { timeout(PATIENCE, self.open()).await.map_err(|_| SLOW)? };
        let mut talk = link.open(opening).await?;
        link.speaking();
        self.intake.recall(link).await?;
        for device in 0..self.intake.devices() {
            link.alive(device);
        }
        // The table keeps what comes while nobody is here.
        self.intake.settle(Instant::now(), true, link);
        loop {
            // Nothing is scanned or probed, and no point can be written.
            while link.take().is_some() {}
            self.intake.sweep(link);
            // The rows of a paused device stay where they are.
            let heard = (0..self.intake.devices()).all(|device| link.is_active(device));
            if talk.look_at <= Instant::now() {
                let more = heard && self.look(&mut talk, link).await?;
                talk.look_at = Instant::now() + if more { Duration::ZERO } else { self.table.poll };
                continue;
            }
            let until = self.intake.sweep_at().into_iter().chain([talk.look_at]).min();
            tokio::select! {
                biased;
                fault = &mut talk.ended => return Err(fault.unwrap_or(Fault::Lost(GONE.into()))),
                () = talk.bell.notified() => talk.look_at = Instant::now(),
                ended = self.intake.ended() => drop(self.intake.concluded(ended, link)),
                () = link.wait(until) => {}
            }
        }
    }

    /// Takes the rows behind the cursor. Whether there may be more.
    async fn look(&mut self, talk: &mut Talk, link: &mut Link) -> Result<bool, Fault> {
        link.sent(0);
        let asked = link.during(timeout(PATIENCE, talk.client.query(&talk.rows, &[&talk.at]))).await;
        let rows =
            asked.map_err(|_| SLOW)?.map_err(|e| fault(&e, &format!("reading {}", self.table.name)))?;
        // Orders are carried out one after the other, in the order of the rows.
        let together = if self.intake.asks() { 1 } else { rows.len().max(1) };
        for some in rows.chunks(together) {
            self.take(some, talk, link).await?;
        }
        Ok(rows.len() >= usize::try_from(TOGETHER).unwrap_or(usize::MAX))
    }

    /// Takes some rows; the cursor moves on when their values are on disk and what they asked for has ended.
    async fn take(&mut self, rows: &[Row], talk: &mut Talk, link: &mut Link) -> Result<(), Fault> {
        let Some(newest) = rows.last().map(|row| row.get::<_, String>(0)) else { return Ok(()) };
        let texts: Vec<String> = rows.iter().map(|row| row.get(1)).collect();
        let now = link.clock().now();
        let came = texts.iter().map(|text| Came {
            topic: &self.table.name,
            payload: text.as_bytes(),
            retained: false,
            stored: None,
            now,
            cut: None,
        });
        let done = self.intake.take(&came.collect::<Vec<_>>(), link).await?;
        let journal = link.namespace().journal().clone();
        let ends = join_all(done.commands.into_iter().map(|command| command.end(ASKING)));
        let kept = link.during(async {
            ends.await;
            journal.hurry();
            journal.wait_synced(done.position.unwrap_or_else(|| journal.synced())).await
        });
        kept.await.map_err(|why| {
            Fault::Lost(format!("rows could not be kept, and are read again: {why}").into())
        })?;
        keep(self.file(), Some(&newest)).await?;
        talk.at = Some(newest);
        Ok(())
    }
}

impl Driver for Watch {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
        endless(self.run(link))
    }
}

/// The cursor as it was kept; `None` before the first start.
async fn kept(file: Option<PathBuf>) -> Result<Option<String>, Fault> {
    let Some(file) = file else { return Ok(None) };
    match tokio::fs::read_to_string(&file).await {
        Ok(kept) => Ok(Some(kept)),
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(None),
        Err(why) => Err(Fault::Connect(format!("{}: {why}", file.display()).into())),
    }
}

/// Keeps it; durable on return.
async fn keep(file: Option<PathBuf>, at: Option<&str>) -> Result<(), Fault> {
    let Some(file) = file else { return Ok(()) };
    let text = at.unwrap_or_default().to_owned();
    let written = tokio::task::spawn_blocking(move || disk::replace(&file, text.as_bytes())).await;
    match written {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => Err(Fault::Connect(format!("how far we have read could not be kept: {why}").into())),
        Err(panic) => Err(Fault::Connect(panic.to_string().into())),
    }
}
