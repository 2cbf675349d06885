//! Statements that are no query: settings, transactions, cursors by name.

use super::encode::Columns;
use super::extended::Portal;
use super::reply::Report;
use super::session::{Session, Stopped, Wanted, problem, tag, told};
use sql::postgres::{Count, Statement};
use std::time::Duration;

/// Settings of its own that a session keeps.
const MOST_SETTINGS: usize = 100;

impl Session {
    /// A statement that is no query.
    pub async fn command(
        &mut self,
        statement: &Statement,
        format: &(dyn Fn(usize) -> i16 + Sync),
    ) -> Result<(), Stopped> {
        match statement {
            Statement::Show(_) => {
                if let Some((batch, tag)) = self.shown(statement)? {
                    self.line.out.rows(&Columns::new(&batch, format)?, 0, batch.num_rows());
                    self.line.out.complete(tag);
                }
            }
            Statement::Set { name, value } => {
                let tag = if value.is_some() { "SET" } else { "RESET" };
                self.change(name, value.clone())?;
                self.line.out.complete(tag);
            }
            Statement::Begin => {
                self.status = b'T';
                self.line.out.complete("BEGIN");
            }
            Statement::Commit | Statement::Rollback => {
                let failed = self.status == b'E' || matches!(statement, Statement::Rollback);
                self.status = b'I';
                self.portals.clear();
                self.line.out.complete(if failed { "ROLLBACK" } else { "COMMIT" });
            }
            Statement::RollbackTo => {
                if self.status == b'E' {
                    self.status = b'T';
                }
                self.line.out.complete("ROLLBACK");
            }
            Statement::Savepoint(tag) | Statement::Done(tag) => self.line.out.complete(tag),
            Statement::Discard => {
                self.statements.clear();
                self.portals.clear();
                self.change("all", None)?;
                self.line.out.complete("DISCARD ALL");
            }
            Statement::Deallocate(None) => {
                self.statements.clear();
                self.line.out.complete("DEALLOCATE ALL");
            }
            Statement::Deallocate(Some(name)) => {
                self.statements.remove(name);
                self.line.out.complete("DEALLOCATE");
            }
            Statement::Close(name) => {
                match name {
                    Some(name) => drop(self.portals.remove(name)),
                    None => self.portals.clear(),
                }
                self.line.out.complete("CLOSE CURSOR");
            }
            Statement::Declare(name, text) => self.declare(name, text).await?,
            Statement::Fetch(name, count, skip) => self.fetch(name, *count, *skip, None).await?,
            Statement::Query(_) | Statement::Copy(..) => {}
        }
        Ok(())
    }

    fn change(&mut self, name: &str, value: Option<String>) -> Result<(), Stopped> {
        if name == "client_encoding" && value.as_ref().is_some_and(|v| !is_utf8(v)) {
            let report = problem("22023", "texts are in UTF-8 here; set client_encoding to UTF8");
            return Err(Stopped::Failed(report));
        }
        let zone = name == "timezone"
            && value.as_ref().is_some_and(|v| {
                !matches!(v.to_ascii_uppercase().as_str(), "UTC" | "GMT" | "ETC/UTC" | "Z" | "0")
            });
        if zone {
            self.line.out.report(&Report {
                severity: "NOTICE",
                code: "00000",
                message: "times stay in UTC, with their offset".into(),
                hint: "your tool can show them in your zone".into(),
            });
            return Ok(());
        }
        if name == "all" {
            self.keep(name, None);
            for (name, value) in self.begun.clone() {
                self.keep(&name, Some(value));
            }
            return Ok(());
        }
        let begun = || self.begun.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let value = value.or_else(begun);
        self.keep(name, value);
        if name == "application_name" {
            let value = self.setting(name).unwrap_or_default();
            self.line.out.parameter("application_name", &value);
        }
        Ok(())
    }

    /// Keeps a setting, up to a bound.
    pub fn keep(&mut self, name: &str, value: Option<String>) {
        // What the engine does is not for settings to change.
        if matches!(
            name,
            "client_encoding" | "timezone" | "datestyle" | "server_version" | "session_authorization"
        ) {
            return;
        }
        if name == "statement_timeout" || name == "all" {
            let time = value.as_deref().and_then(milliseconds).unwrap_or(0);
            self.sql.shorten((time > 0).then(|| Duration::from_millis(time)));
        }
        if name == "search_path" || name == "all" {
            self.sql.path().set(value.as_deref());
        }
        match value {
            _ if name == "all" => self.settings.clear(),
            None => drop(self.settings.remove(name)),
            Some(value) if self.settings.len() < MOST_SETTINGS || self.settings.contains_key(name) => {
                self.settings.insert(name.to_owned(), value.chars().take(1_000).collect());
            }
            Some(_) => {}
        }
    }

    async fn declare(&mut self, name: &str, text: &sql::postgres::Text) -> Result<(), Stopped> {
        if self.status == b'I' {
            return Err(Stopped::Failed(problem(
                "25P01",
                "a cursor lives in a transaction: write BEGIN first",
            )));
        }
        let prepared = self.sql.prepare(text, &[]).await?;
        let source = self.start(&prepared, &[]).await?;
        let portal = Portal::cursor(prepared, source);
        self.put(name.to_owned(), portal)?;
        self.line.out.complete("DECLARE CURSOR");
        Ok(())
    }

    /// `FETCH` or `MOVE`; the simple protocol describes the columns here.
    pub async fn fetch(
        &mut self,
        name: &str,
        count: Count,
        skip: bool,
        format: Option<&(dyn Fn(usize) -> i16 + Sync)>,
    ) -> Result<(), Stopped> {
        let unknown = || Stopped::Failed(problem("34000", format!("there is no cursor `{name}`")));
        let mut cursor = self.portals.remove(name).ok_or_else(unknown)?;
        let Some((prepared, source)) = cursor.open() else { return Err(unknown()) };
        if !skip && format.is_none() {
            self.line.out.columns(&told(prepared), |_| 0);
        }
        let most = match count {
            Count::All => u64::MAX,
            Count::Rows(rows) => rows,
        };
        let (done, _) = self.rows(source, format.unwrap_or(&|_| 0), Wanted { most, shown: !skip }).await?;
        self.portals.insert(name.to_owned(), cursor);
        self.line.out.complete(&tag(if skip { "MOVE" } else { "FETCH" }, done));
        Ok(())
    }
}

fn is_utf8(name: &str) -> bool {
    matches!(name.to_ascii_lowercase().replace('-', "").as_str(), "utf8" | "unicode")
}

/// `5000`, `5s`, `5min`.
fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim().trim_matches('\'');
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let factor = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_settings() {
        for (text, want) in
            [("5000", Some(5_000)), ("5s", Some(5_000)), ("2 min", Some(120_000)), ("x", None), ("-1", None)]
        {
            assert_eq!(milliseconds(text), want, "{text}");
        }
    }
}
