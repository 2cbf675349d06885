//! A session: statements one after the other, what it remembers between them, and its answers.

use super::connection::{self, Gone, Line, failed};
use super::encode::{Columns, one_row};
use super::extended::{Portal, Prepared, Source};
use super::message::{MOST_MESSAGE, Message};
use super::reply::{Report, Told};
use super::server::{Key, Shared};
use super::startup::Ready;
use crate::door::{Refused, Seat};
use arrow::record_batch::RecordBatch;
use model::Principal;
use sql::postgres::{CopyFormat, SETTINGS, Statement, oid_of, setting};
use sql::{Param, Rows, SqlError};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Rows that are written before the next look at the client.
const STEP: usize = 1_024;

/// Why a statement did not do what it should.
pub(super) enum Stopped {
    /// The session goes on.
    Failed(Report),
    /// It does not.
    Gone(Gone),
}

impl From<Gone> for Stopped {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

impl From<SqlError> for Stopped {
    fn from(error: SqlError) -> Self {
        Self::Failed(failed(&error))
    }
}

impl From<arrow::error::ArrowError> for Stopped {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Failed(problem("22003", format!("a value has no place in PostgreSQL's type: {error}")))
    }
}

pub(super) fn problem(code: &'static str, message: impl Into<String>) -> Report {
    Report { severity: "ERROR", code, message: message.into(), hint: String::new() }
}

/// One signed-in client.
pub(super) struct Session {
    pub line: Line,
    pub shared: Arc<Shared>,
    pub who: Principal,
    pub sql: sql::Session,
    key: Key,
    _seat: Seat,
    pub settings: HashMap<String, String>,
    /// Those that the client began with, to which it comes back.
    pub begun: Vec<(String, String)>,
    /// `I` idle, `T` in a transaction, `E` in one that failed.
    pub status: u8,
    pub statements: HashMap<String, Arc<Prepared>>,
    pub portals: HashMap<String, Portal>,
    /// After an error nothing is done before the next Sync.
    pub skipping: bool,
}

/// How many rows are wanted, and whether they are shown.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub most: u64,
    pub shown: bool,
}

impl Wanted {
    pub const ALL: Self = Self { most: u64::MAX, shown: true };
}

impl Session {
    pub fn new(line: Line, ready: Ready) -> Self {
        let Ready { who, sql, key, seat, settings, shared } = ready;
        let mut session = Self {
            line,
            shared,
            who,
            sql,
            key,
            _seat: seat,
            settings: HashMap::new(),
            begun: Vec::new(),
            status: b'I',
            statements: HashMap::new(),
            portals: HashMap::new(),
            skipping: false,
        };
        for (name, value) in &settings {
            session.keep(name, Some(value.clone()));
        }
        session.begun = settings;
        session
    }

    /// Serves until the client goes, or must.
    pub async fn run(&mut self) -> Gone {
        loop {
            let message = match self.line.message(MOST_MESSAGE).await {
                Ok(message) => message,
                Err(gone) => return gone,
            };
            if let Err(gone) = self.one(message).await {
                return gone;
            }
        }
    }

    async fn one(&mut self, message: Message) -> Result<(), Gone> {
        let result = match message {
            Message::Terminate => return Err(Gone::Closed),
            Message::Sync => {
                self.skipping = false;
                if self.status == b'I' {
                    self.portals.clear();
                }
                self.line.out.ready(self.status);
                return self.line.flush().await;
            }
            Message::Flush => return self.line.flush().await,
            Message::Query(text) => {
                self.skipping = false;
                return self.simple(&text).await;
            }
            Message::Copy => return Ok(()),
            Message::Password(_) => {
                return Err(Gone::Refused(connection::Refused::Protocol("the sign-in is done already")));
            }
            _ if self.skipping => return Ok(()),
            Message::Parse { name, text, types } => self.parse(name, &text, types).await,
            Message::Bind { portal, statement, formats, values, results } => {
                self.bind(portal, &statement, &formats, &values, results)
            }
            Message::Describe { what, name } => self.describe(what, &name),
            Message::Execute { portal, most } => self.execute(&portal, most).await,
            Message::Close { what, name } => {
                self.close(what, &name);
                Ok(())
            }
        };
        match result {
            Ok(()) => self.line.drain().await,
            Err(Stopped::Gone(gone)) => Err(gone),
            Err(Stopped::Failed(report)) => {
                self.fail(&report);
                self.skipping = true;
                self.line.flush().await
            }
        }
    }

    fn fail(&mut self, report: &Report) {
        self.shared.door.counters.failed.fetch_add(1, Ordering::Relaxed);
        if self.status == b'T' {
            self.status = b'E';
        }
        self.line.out.report(report);
    }

    /// A text with statements, answered at once.
    async fn simple(&mut self, text: &str) -> Result<(), Gone> {
        self.portals.remove("");
        let done = match self.sql.read(text).await {
            Err(error) => Err(error.into()),
            Ok(all) if all.is_empty() => {
                self.line.out.nothing();
                Ok(())
            }
            Ok(all) => self.each(all).await,
        };
        match done {
            Ok(()) => {}
            Err(Stopped::Gone(gone)) => return Err(gone),
            Err(Stopped::Failed(report)) => self.fail(&report),
        }
        if self.status == b'I' {
            self.portals.clear();
        }
        self.line.out.ready(self.status);
        self.line.flush().await
    }

    async fn each(&mut self, all: Vec<Statement>) -> Result<(), Stopped> {
        for statement in all {
            self.allowed(&statement)?;
            match statement {
                Statement::Query(text) => {
                    let prepared = self.sql.prepare(&text, &[]).await?;
                    let mut source = self.start(&prepared, &[]).await?;
                    self.line.out.columns(&told(&prepared), |_| 0);
                    let count = self.rows(&mut source, &|_| 0, Wanted::ALL).await?;
                    self.line.out.complete(&tag(prepared.tag, count.0));
                }
                Statement::Copy(text, format) => {
                    let prepared = self.sql.prepare(&text, &[]).await?;
                    self.copy(&prepared, &format).await?;
                }
                other => {
                    if let Some((batch, _)) = self.shown(&other)? {
                        self.line.out.columns(&told_of(&batch), |_| 0);
                    }
                    self.command(&other, &|_| 0).await?;
                }
            }
        }
        Ok(())
    }

    /// Whether a statement may run now.
    pub fn allowed(&mut self, statement: &Statement) -> Result<(), Stopped> {
        if !self.shared.door.access.still(&self.who) {
            return Err(Stopped::Gone(Refused::Ended.into()));
        }
        let ends = matches!(statement, Statement::Rollback | Statement::Commit | Statement::RollbackTo);
        if self.status == b'E' && !ends {
            let text = "the transaction failed before; nothing is done until ROLLBACK";
            return Err(Stopped::Failed(problem("25P02", text)));
        }
        self.shared.door.counters.queries.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The row that `SHOW` gives, with its tag.
    pub fn shown(&self, statement: &Statement) -> Result<Option<(RecordBatch, &'static str)>, Stopped> {
        let Statement::Show(name) = statement else { return Ok(None) };
        let unknown = || problem("42704", format!("there is no setting `{name}`"));
        if name == "all" {
            let names: Vec<String> = SETTINGS.iter().map(|one| one.name.to_owned()).collect();
            let values: Vec<String> =
                SETTINGS.iter().map(|one| self.setting(one.name).unwrap_or_default()).collect();
            let column = |all: Vec<String>| -> arrow::array::ArrayRef {
                Arc::new(arrow::array::StringArray::from(all))
            };
            let columns = [("name", column(names)), ("setting", column(values))];
            return Ok(Some((RecordBatch::try_from_iter(columns)?, "SHOW")));
        }
        let value = self.setting(name).ok_or_else(|| Stopped::Failed(unknown()))?;
        let name = setting(name).map_or(name.as_str(), |one| one.name);
        Ok(Some((one_row(&[name], &[value])?, "SHOW")))
    }

    pub fn setting(&self, name: &str) -> Option<String> {
        if name.eq_ignore_ascii_case("search_path") {
            return Some(self.sql.path().text());
        }
        let kept = self.settings.get(&name.to_lowercase()).cloned();
        kept.or_else(|| setting(name).map(|one| one.value.to_owned()))
    }

    /// Begins a query; its rows come by [`Session::rows`].
    pub async fn start(&mut self, prepared: &sql::Prepared, values: &[Param]) -> Result<Source, Stopped> {
        let rows = self.sql.rows(prepared, values).await?;
        Ok(Source::new(rows))
    }

    /// The next rows of the engine; ends early when the client goes away, or somebody stops the query.
    async fn batch(&mut self, rows: &mut Rows) -> Result<Option<RecordBatch>, Stopped> {
        *self.key.stopper.lock() = Some(Box::new(rows.stopper()));
        let next = tokio::select! {
            next = rows.next() => Ok(next),
            gone = self.line.closed() => Err(gone),
        };
        *self.key.stopper.lock() = None;
        Ok(next?.transpose()?)
    }

    /// Writes rows, as many as wanted; how many, and whether there are more.
    pub async fn rows(
        &mut self,
        source: &mut Source,
        format: &(dyn Fn(usize) -> i16 + Sync),
        wanted: Wanted,
    ) -> Result<(u64, bool), Stopped> {
        let mut done = 0;
        while done < wanted.most {
            let Some(batch) = self.ready(source).await? else { return Ok((done, false)) };
            let left = usize::try_from(wanted.most - done).unwrap_or(usize::MAX);
            let count = batch.num_rows().saturating_sub(source.at).min(left);
            let (from, to) = (source.at, source.at + count);
            source.at = to;
            done += count as u64;
            if wanted.shown {
                let columns = Columns::new(&batch, format)?;
                let mut at = from;
                while at < to {
                    let end = to.min(at + STEP);
                    self.line.out.rows(&columns, at, end);
                    self.line.drain().await?;
                    at = end;
                }
            }
        }
        self.shared.door.counters.rows.fetch_add(done, Ordering::Relaxed);
        Ok((done, true))
    }

    /// The batch whose rows are next; `None` at the end.
    async fn ready(&mut self, source: &mut Source) -> Result<Option<RecordBatch>, Stopped> {
        loop {
            if let Some(batch) = source.batch.as_ref().filter(|b| source.at < b.num_rows()) {
                return Ok(Some(batch.clone()));
            }
            source.at = 0;
            source.batch = match &mut source.rows {
                Some(rows) => self.batch(rows).await?,
                None => None,
            };
            if source.batch.is_none() {
                source.rows = None;
                return Ok(None);
            }
        }
    }

    /// `COPY (...) TO STDOUT`.
    pub async fn copy(&mut self, prepared: &sql::Prepared, format: &CopyFormat) -> Result<(), Stopped> {
        let mut source = self.start(prepared, &[]).await?;
        let binary = *format == CopyFormat::Binary;
        self.line.out.copy_begins(prepared.names.len(), binary);
        match format {
            CopyFormat::Csv { header: true } => self.line.out.copy_data(|out| {
                for (at, name) in prepared.names.iter().enumerate() {
                    if at > 0 {
                        out.extend_from_slice(b",");
                    }
                    super::encode::csv_field(name.as_bytes(), true, out);
                }
                out.extend_from_slice(b"\n");
            }),
            _ => {}
        }
        // In the same message as the first row, as PostgreSQL has it: ADBC's driver reads nothing else.
        let mut head: &[u8] = if binary { b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0" } else { b"" };
        let mut count = 0_u64;
        while let Some(batch) = self.ready(&mut source).await? {
            source.at = batch.num_rows();
            count += batch.num_rows() as u64;
            let columns = Columns::new(&batch, |_| i16::from(binary))?;
            for row in 0..batch.num_rows() {
                self.line.out.copy_data(|out| {
                    out.extend_from_slice(std::mem::take(&mut head));
                    match format {
                        CopyFormat::Text => columns.line(row, out),
                        CopyFormat::Csv { .. } => columns.csv(row, out),
                        CopyFormat::Binary => columns.row(row, out),
                    }
                });
                if row % STEP == 0 {
                    self.line.drain().await?;
                }
            }
            self.line.drain().await?;
        }
        if binary {
            self.line.out.copy_data(|out| out.extend_from_slice(&[head, b"\xff\xff"].concat()));
        }
        self.line.out.copy_ends();
        self.line.out.complete(&format!("COPY {count}"));
        Ok(())
    }
}

/// The tag of a statement with rows.
pub(super) fn tag(word: &str, rows: u64) -> String {
    if word == "EXPLAIN" { word.to_owned() } else { format!("{word} {rows}") }
}

/// Columns as a client is told.
pub(super) fn told(prepared: &sql::Prepared) -> Vec<Told> {
    let columns = prepared.names.iter().zip(prepared.schema.fields());
    columns.map(|(name, field)| Told { name: name.clone(), oid: oid_of(field.data_type()) }).collect()
}

/// The same of rows that are there already.
pub(super) fn told_of(batch: &RecordBatch) -> Vec<Told> {
    let told = |field: &Arc<arrow::datatypes::Field>| Told {
        name: field.name().clone(),
        oid: oid_of(field.data_type()),
    };
    batch.schema().fields().iter().map(told).collect()
}
