//! What clients of PostgreSQL expect to find beside the tables: its statements, its catalogue, its functions and the
//! types it numbers. The catalogue tables are small and made when they are asked for; those that describe what
//! Ironbridge does not have (indexes, constraints, triggers) are always empty.

mod array;
mod casts;
mod functions;
mod information;
mod keywords;
mod kind;
mod names;
mod privileges;
mod rewrite;
mod routines;
mod search;
mod settings;
mod statement;
pub(crate) mod tables;

pub(crate) use functions::register;
pub use kind::{PgType, TEXT, TYPES, by_oid, column_of, oid_of};
pub use names::output_names;
pub(crate) use names::told;
pub(crate) use rewrite::rewrite;
pub use search::SearchPath;
pub use settings::{SETTINGS, Setting, VERSION, setting};
pub use statement::{CopyFormat, Count, Statement, Text, numbered, read};

/// What a session says about itself.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Name of the user or token.
    pub user: String,
    /// Number by which queries of the connection are cancelled.
    pub process: i32,
    /// Where names without a schema are looked for.
    pub path: SearchPath,
}

impl Default for Identity {
    fn default() -> Self {
        Self::new("ironbridge", 0)
    }
}

impl Identity {
    /// At the start of a session.
    pub fn new(user: impl Into<String>, process: i32) -> Self {
        Self { user: user.into(), process, path: SearchPath::default() }
    }
}
