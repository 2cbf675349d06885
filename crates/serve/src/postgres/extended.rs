//! The extended protocol: parse, bind, describe, execute, close.

use super::message::What;
use super::param::param;
use super::reply::Told;
use super::session::{Session, Stopped, Wanted, problem, tag, told, told_of};
use arrow::record_batch::RecordBatch;
use sql::postgres::{Statement, column_of, oid_of};
use sql::{Param, Rows};
use std::sync::Arc;

/// Most prepared statements of a session.
const MOST_STATEMENTS: usize = 1_000;
/// Most text of the prepared statements of a session, bytes: what the planner keeps of it is much larger.
const MOST_TEXT: usize = 2 << 20;
/// Most values of the portals of a session, bytes.
const MOST_VALUES: usize = 8 << 20;
/// Most portals of a session.
const MOST_PORTALS: usize = 16;

/// A prepared statement.
pub(super) struct Prepared {
    /// `None` for an empty one.
    statement: Option<Statement>,
    query: Option<sql::Prepared>,
    /// Numbers of the types of its parameters.
    types: Vec<u32>,
    /// Bytes of its text.
    length: usize,
}

/// Rows on their way.
pub(super) struct Source {
    pub rows: Option<Rows>,
    pub batch: Option<RecordBatch>,
    /// The next row of `batch`.
    pub at: usize,
}

impl Source {
    pub const fn new(rows: Rows) -> Self {
        Self { rows: Some(rows), batch: None, at: 0 }
    }
}

/// A statement with its values.
pub(super) struct Portal {
    prepared: Arc<Prepared>,
    values: Vec<Param>,
    /// Bytes of the values as they came.
    length: usize,
    results: Vec<i16>,
    source: Option<Source>,
    /// Nothing more comes.
    done: bool,
}

impl Portal {
    /// A cursor that `DECLARE` made.
    pub fn cursor(query: sql::Prepared, source: Source) -> Self {
        let prepared = Prepared { statement: None, query: Some(query), types: Vec::new(), length: 0 };
        Self {
            prepared: Arc::new(prepared),
            values: Vec::new(),
            length: 0,
            results: Vec::new(),
            source: Some(source),
            done: false,
        }
    }

    /// The query and its rows, where it is a cursor.
    pub fn open(&mut self) -> Option<(&sql::Prepared, &mut Source)> {
        Some((self.prepared.query.as_ref()?, self.source.as_mut()?))
    }
}

/// The format of column `at`: none for all text, one for all, or one each.
fn format_of(formats: &[i16], at: usize) -> i16 {
    match formats {
        [] => 0,
        [one] => *one,
        many => many.get(at).copied().unwrap_or(0),
    }
}

impl Session {
    /// Keeps a portal as long as there is room.
    pub fn put(&mut self, name: String, portal: Portal) -> Result<(), Stopped> {
        if !name.is_empty() && self.portals.contains_key(&name) {
            return Err(Stopped::Failed(problem("42P03", format!("the cursor `{name}` is there already"))));
        }
        if self.portals.len() >= MOST_PORTALS && !self.portals.contains_key(&name) {
            let text = format!("a session has at most {MOST_PORTALS} open cursors; close some");
            return Err(Stopped::Failed(problem("53000", text)));
        }
        self.portals.insert(name, portal);
        Ok(())
    }

    pub async fn parse(&mut self, name: String, text: &str, types: Vec<u32>) -> Result<(), Stopped> {
        if !name.is_empty() && self.statements.contains_key(&name) {
            let text = format!("the prepared statement `{name}` is there already");
            return Err(Stopped::Failed(problem("42P05", text)));
        }
        if self.statements.len() >= MOST_STATEMENTS && !self.statements.contains_key(&name) {
            let text = format!("a session has at most {MOST_STATEMENTS} prepared statements; close some");
            return Err(Stopped::Failed(problem("53000", text)));
        }
        let others = self.statements.iter().filter(|(known, _)| **known != name);
        if others.map(|(_, one)| one.length).sum::<usize>() + text.len() > MOST_TEXT {
            let text = format!(
                "the prepared statements of a session have at most {MOST_TEXT} bytes together; close some"
            );
            return Err(Stopped::Failed(problem("53000", text)));
        }
        let mut all = self.sql.read(text).await?;
        let statement = all.pop();
        if !all.is_empty() {
            return Err(Stopped::Failed(problem("42601", "a prepared statement is one statement")));
        }
        let query = match &statement {
            Some(Statement::Query(text) | Statement::Copy(text, _)) => {
                let declared: Vec<_> = types.iter().map(|oid| column_of(*oid)).collect();
                Some(self.sql.prepare(text, &declared).await?)
            }
            _ => None,
        };
        let params = query.as_ref().map(|query| query.params.as_slice()).unwrap_or_default();
        let number =
            |(at, kind)| types.get(at).copied().filter(|oid| *oid != 0).unwrap_or_else(|| oid_of(kind));
        let types = params.iter().enumerate().map(number).collect();
        self.statements.insert(name, Arc::new(Prepared { statement, query, types, length: text.len() }));
        self.line.out.parsed();
        Ok(())
    }

    pub fn bind(
        &mut self,
        portal: String,
        statement: &str,
        formats: &[i16],
        values: &[Option<Vec<u8>>],
        results: Vec<i16>,
    ) -> Result<(), Stopped> {
        let prepared = self.statement(statement)?;
        let kinds = prepared.query.as_ref().map(|query| query.params.as_slice()).unwrap_or_default();
        if values.len() != kinds.len() {
            let text =
                format!("the statement has {} parameters, and {} values came", kinds.len(), values.len());
            return Err(Stopped::Failed(problem("08P01", text)));
        }
        let mut read = Vec::with_capacity(values.len());
        for (at, ((value, kind), oid)) in values.iter().zip(kinds).zip(&prepared.types).enumerate() {
            let one = param(value.as_deref(), format_of(formats, at) == 1, *oid, kind);
            read.push(
                one.map_err(|e| Stopped::Failed(problem("22P02", format!("parameter ${}: {e}", at + 1))))?,
            );
        }
        if portal.is_empty() {
            self.portals.remove("");
        }
        let length = values.iter().flatten().map(Vec::len).sum();
        if self.portals.values().map(|one| one.length).sum::<usize>() + length > MOST_VALUES {
            let text = format!(
                "the open cursors of a session have at most {MOST_VALUES} bytes of values; close some"
            );
            return Err(Stopped::Failed(problem("53000", text)));
        }
        self.put(portal, Portal { prepared, values: read, length, results, source: None, done: false })?;
        self.line.out.bound();
        Ok(())
    }

    fn statement(&self, name: &str) -> Result<Arc<Prepared>, Stopped> {
        let unknown =
            || Stopped::Failed(problem("26000", format!("there is no prepared statement `{name}`")));
        self.statements.get(name).cloned().ok_or_else(unknown)
    }

    /// Columns of what a statement answers with; none for a command.
    fn columns(&self, prepared: &Prepared) -> Result<Option<Vec<Told>>, Stopped> {
        Ok(match (&prepared.statement, &prepared.query) {
            (None | Some(Statement::Query(_)), Some(query)) => Some(told(query)),
            (Some(show @ Statement::Show(_)), _) => self.shown(show)?.map(|(batch, _)| told_of(&batch)),
            (Some(Statement::Fetch(name, _, false)), _) => {
                self.portals.get(name).and_then(|portal| portal.prepared.query.as_ref()).map(told)
            }
            _ => None,
        })
    }

    pub fn describe(&mut self, what: What, name: &str) -> Result<(), Stopped> {
        let (prepared, formats) = match what {
            What::Statement => {
                let prepared = self.statement(name)?;
                self.line.out.parameters(&prepared.types);
                (prepared, Vec::new())
            }
            What::Portal => {
                let unknown = || Stopped::Failed(problem("34000", format!("there is no portal `{name}`")));
                let portal = self.portals.get(name).ok_or_else(unknown)?;
                (Arc::clone(&portal.prepared), portal.results.clone())
            }
        };
        match self.columns(&prepared)? {
            Some(columns) => self.line.out.columns(&columns, |at| format_of(&formats, at)),
            None => self.line.out.no_data(),
        }
        Ok(())
    }

    pub async fn execute(&mut self, name: &str, most: u32) -> Result<(), Stopped> {
        let unknown = || Stopped::Failed(problem("34000", format!("there is no portal `{name}`")));
        let mut portal = self.portals.remove(name).ok_or_else(unknown)?;
        let done = self.run_portal(&mut portal, most).await;
        // A command may have ended the transaction and its portals with it.
        if portal.source.is_some() || portal.done {
            self.portals.insert(name.to_owned(), portal);
        }
        done
    }

    async fn run_portal(&mut self, portal: &mut Portal, most: u32) -> Result<(), Stopped> {
        let prepared = Arc::clone(&portal.prepared);
        if portal.done {
            self.line.out.complete(&tag("SELECT", 0));
            return Ok(());
        }
        if let Some(statement) = &prepared.statement {
            self.allowed(statement)?;
        }
        let results = portal.results.clone();
        let format = move |at: usize| format_of(&results, at);
        match (&prepared.statement, &prepared.query) {
            (None, None) => {
                self.line.out.nothing();
                Ok(())
            }
            (None | Some(Statement::Query(_)), Some(query)) => {
                let mut source = match portal.source.take() {
                    Some(source) => source,
                    None => self.start(query, &portal.values).await?,
                };
                let most = if most == 0 { u64::MAX } else { u64::from(most) };
                let (count, more) = self.rows(&mut source, &format, Wanted { most, shown: true }).await?;
                if more {
                    portal.source = Some(source);
                    self.line.out.suspended();
                } else {
                    portal.done = true;
                    self.line.out.complete(&tag(query.tag, count));
                }
                Ok(())
            }
            (Some(Statement::Copy(_, copy)), Some(query)) => self.copy(query, copy).await,
            (Some(Statement::Fetch(name, count, skip)), _) => {
                self.fetch(name, *count, *skip, Some(&format)).await
            }
            (Some(other), _) => self.command(other, &format).await,
        }
    }

    pub fn close(&mut self, what: What, name: &str) {
        match what {
            What::Statement => drop(self.statements.remove(name)),
            What::Portal => drop(self.portals.remove(name)),
        }
        self.line.out.closed();
    }
}
