//! What the web interface must be able to ask of the whole, beyond namespace, store and access. The binary
//! implements it.

use crate::Discover;
use crate::inbox::Door;
use crate::monitor::{Monitor, NoMonitor};
use crate::shapes::{
    AppliedShape, Certificate, Certificates, ClockHealth, Connection, Destination, DestinationRef,
    DestinationSchema, FileFormat, Mode, PlanShape, QueryAsk, QueryResult, QueryTables, Reject, Replay, Site,
};
use crate::sheet::{Column, Sheet};
use futures_util::future::BoxFuture;
use model::{Path, Principal, Time};
use std::path::PathBuf;
use std::sync::Arc;

/// The whole plant, as the pages need it. Calls without a future are short and never wait for a device or a disk.
pub trait Plant: Send + Sync + 'static {
    /// What does not change while it runs.
    fn facts(&self) -> Facts;

    /// READ-ONLY, LIVE or SIMULATED, now.
    fn mode(&self) -> Mode;

    /// Every connection with its present state, by name.
    fn connections(&self) -> Vec<Connection>;

    /// Every destination with its present state, by name.
    fn destinations(&self) -> Vec<Destination>;

    /// The destinations whose selection holds `path`.
    fn destinations_of(&self, path: &Path) -> Vec<DestinationRef>;

    /// What a destination refused, newest first, at most `most`; `None` if there is no such destination.
    fn rejects(&self, destination: &str, most: usize) -> Option<Vec<Reject>>;

    /// The assets, by path. Given again unchanged (same `Arc`) as long as the configuration is.
    fn assets(&self) -> Arc<[Asset]>;

    /// Offset and soundness of the gateway's clock.
    fn clock(&self) -> ClockHealth;

    /// The monitor of the network.
    fn monitor(&self) -> &dyn Monitor {
        &NoMonitor
    }

    /// Free bytes of the disk of the data folder; `None` takes what the journal sees.
    fn free_bytes(&self) -> Option<u64> {
        None
    }

    /// Certificates of servers that connections talk to. Reads files.
    fn certificates(&self) -> Certificates {
        Certificates::default()
    }

    /// Trusts or rejects the certificate whose thumbprint begins so. The caller has checked the role and written the
    /// audit record. Writes files.
    ///
    /// # Errors
    /// A [`Problem`]: none fits, or several do.
    fn set_certificate(&self, thumbprint: &str, trusted: bool) -> Result<Certificate, Problem> {
        let _ = trusted;
        Err(Problem::not_found(format_args!("certificate {thumbprint}")))
    }

    /// Names of the connections and destinations that use a secret.
    fn secret_users(&self, secret: &str) -> Vec<String>;

    /// Where posts for the connection `name` go in, for whoever shows its token. Compares in a time that tells nothing.
    fn door(&self, name: &str, token: &str) -> Option<Arc<dyn Door>> {
        let _ = (name, token);
        None
    }

    /// Pauses or resumes. The caller has checked the role and writes the audit record.
    ///
    /// # Errors
    /// A [`Problem`]: not found, or why it cannot be done now.
    fn pause<'a>(
        &'a self,
        who: &'a Principal,
        what: Pausable<'a>,
        pause: bool,
    ) -> BoxFuture<'a, Result<(), Problem>>;

    /// Sends again what history holds from `from` until before `to` (`None`: now). The caller has checked the role and
    /// writes the audit record.
    ///
    /// # Errors
    /// A [`Problem`]: not found, or why there is nothing to send.
    fn replay<'a>(
        &'a self,
        destination: &'a str,
        from: Time,
        to: Option<Time>,
    ) -> BoxFuture<'a, Result<Replay, Problem>> {
        let _ = (from, to);
        Box::pin(std::future::ready(Err(Problem::not_found(format!("destination {destination}")))))
    }

    /// Ends sending again.
    ///
    /// # Errors
    /// A [`Problem`]: not found, or nothing is being sent again.
    fn stop_replay<'a>(&'a self, destination: &'a str) -> BoxFuture<'a, Result<Replay, Problem>> {
        Box::pin(std::future::ready(Err(Problem::not_found(format!("destination {destination}")))))
    }

    /// Exactly what a destination sends, in the version that holds now or in an earlier one.
    ///
    /// # Errors
    /// A [`Problem`]: there is no such destination or version.
    fn schema<'a>(
        &'a self,
        destination: &'a str,
        version: Option<u32>,
    ) -> BoxFuture<'a, Result<DestinationSchema, Problem>> {
        let _ = version;
        Box::pin(std::future::ready(Err(Problem::not_found(format!("destination {destination}")))))
    }

    /// Has dead letters sent again (`resend`) or drops them; `ids` are their numbers, `None` all. Returns how many.
    ///
    /// # Errors
    /// A [`Problem`]: not found.
    fn letters<'a>(
        &'a self,
        destination: &'a str,
        ids: Option<Vec<u64>>,
        resend: bool,
    ) -> BoxFuture<'a, Result<u64, Problem>> {
        let _ = (ids, resend);
        Box::pin(std::future::ready(Err(Problem::not_found(format!("destination {destination}")))))
    }

    /// Finding devices, and tag lists of other programs.
    fn discover(&self) -> &dyn Discover;

    /// What an apply of the plant folder would do now.
    ///
    /// # Errors
    /// A [`Problem`]: it cannot be compared. Mistakes in the folder are part of the answer.
    fn plan(&self) -> BoxFuture<'_, Result<PlanShape, Problem>>;

    /// Brings what runs in line with the plant folder. It writes its own audit records, goes on if the asker goes away,
    /// and never turns writes on.
    ///
    /// # Errors
    /// A [`Problem`]; then nothing was touched.
    fn apply<'a>(&'a self, who: &'a Principal) -> BoxFuture<'a, Result<AppliedShape, Problem>>;

    /// Whether everything that must run runs; for `/readyz`.
    ///
    /// # Errors
    /// What is missing, in words that may be shown to anybody.
    fn ready(&self) -> Result<(), String>;

    /// More lines for `/metrics` in Prometheus text format; may be empty.
    fn metrics(&self) -> String {
        String::new()
    }
}

/// What can be paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pausable<'a> {
    /// A connection, or one device of it.
    Connection {
        /// Name of its file.
        name: &'a str,
        /// The device; `None` for all.
        device: Option<&'a str>,
    },
    /// A destination.
    Destination {
        /// Name of its file.
        name: &'a str,
    },
}

/// What does not change while the program runs.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Version of Ironbridge.
    pub version: String,
    /// Enterprise and site.
    pub site: Site,
    /// When it was started.
    pub started: Time,
    /// Where the data lie.
    pub data_dir: PathBuf,
    /// Where the configuration lies.
    pub plant_dir: PathBuf,
    /// Addresses that it listens on, in words.
    pub listeners: Vec<String>,
    /// First part of one-time links, e.g. `http://127.0.0.1:8080`, without a slash at the end.
    pub address: String,
}

/// One asset.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// Where it stands.
    pub path: Path,
    /// Display name; empty for the last segment.
    pub name: String,
    /// Type, e.g. `Filler`.
    pub asset_type: String,
    /// ISA-95 level, e.g. `line`, `work-unit`.
    pub level: String,
    /// Who answers for it on the plant side; empty for nobody.
    pub owner_ot: String,
    /// Who answers for it on the IT side; empty for nobody.
    pub owner_it: String,
    /// Security zone; empty for none.
    pub zone: String,
    /// The point that tells its state. `None`: the point `state` right below it, if it is an enumeration.
    pub state: Option<Path>,
    /// Its type, if that is a contract and not only a word.
    pub of: Option<Arc<AssetType>>,
}

/// What every asset of a type has, with what it inherits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssetType {
    /// What such a thing is.
    pub description: String,
    /// The types that it extends, nearest first.
    pub extends: Vec<String>,
    /// Its points.
    pub points: Vec<TypePoint>,
    /// What stands below it.
    pub parts: Vec<TypePart>,
}

/// A point of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypePoint {
    /// Its name.
    pub name: String,
    /// What it must be, in words: `a number in bar`.
    pub wanted: String,
    /// Whether an asset must have it.
    pub required: bool,
}

/// A part of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypePart {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Whether an asset must have it.
    pub required: bool,
}

impl Asset {
    /// The display name.
    pub fn display_name(&self) -> &str {
        if self.name.is_empty() { self.path.last() } else { &self.name }
    }
}

/// Why something that was asked of the plant cannot be done, in the three parts of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What sort; decides the HTTP status.
    pub kind: ProblemKind,
    /// What happened.
    pub title: String,
    /// What it means for the plant.
    pub meaning: String,
    /// The next step.
    pub next: String,
}

/// The sort of a [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// 404
    NotFound,
    /// 400: the request itself is wrong, e.g. SQL that does not parse.
    Invalid,
    /// 409: not now, or not this way.
    Refused,
    /// 422: a limit on time, rows or memory.
    TooMuch,
    /// 503
    Unavailable,
    /// 500: the title goes to the log only.
    Internal,
}

impl Problem {
    /// A problem with its parts.
    pub fn new(
        kind: ProblemKind,
        title: impl Into<String>,
        meaning: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self { kind, title: title.into(), meaning: meaning.into(), next: next.into() }
    }

    /// There is no such thing.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        let title = format!("There is no {what}.");
        Self::new(
            ProblemKind::NotFound,
            title,
            "Nothing was changed.",
            "Check the spelling, or look at the list.",
        )
    }

    /// Something inside failed; the cause goes to the log only.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::new(ProblemKind::Internal, cause.to_string(), "", "")
    }
}

/// SQL over history. Behind a trait so that the SQL engine is made on first use, and the pages build without it.
pub trait Query: Send + Sync + 'static {
    /// Tables and views that `who` sees, functions and examples.
    fn tables(&self, who: &Principal) -> QueryTables;

    /// Runs one query for `who` (who sees only points under their prefix). Dropping the future cancels the query.
    ///
    /// # Errors
    /// A [`Problem`] in the words of the person who wrote the SQL.
    fn run<'a>(&'a self, ask: QueryAsk, who: &'a Principal) -> BoxFuture<'a, Result<QueryResult, Problem>>;

    /// Cancels the query with this id, if it is one of `who`'s. Whether there was one.
    fn cancel(&self, id: &str, who: &Principal) -> bool;

    /// Writes the whole answer to a new file; the caller removes it. In CSV, text that a spreadsheet would take for a
    /// formula starts with an apostrophe (see [`model::csv::field`]).
    ///
    /// # Errors
    /// As [`Query::run`].
    fn export<'a>(
        &'a self,
        sql: &'a str,
        format: FileFormat,
        who: &'a Principal,
    ) -> BoxFuture<'a, Result<PathBuf, Problem>>;

    /// A Parquet file in the making.
    ///
    /// # Errors
    /// A [`Problem`] when no file can be made of these columns.
    fn parquet(&self, columns: &'static [Column]) -> Result<Box<dyn Sheet>, Problem>;
}
