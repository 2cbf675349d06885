//! What goes wrong with a query, in words for whoever wrote it.

use datafusion::error::DataFusionError;
use std::time::Duration;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The text is not SQL, or names what does not exist.
    #[error("{0}")]
    Query(String),
    /// It would change something.
    #[error("only reading is allowed here: {0}")]
    ReadOnly(String),
    /// It took too long.
    #[error("the query was stopped after {} s; ask for a shorter time or fewer points", .0.as_secs_f64())]
    Time(Duration),
    /// It needs too much memory.
    #[error("the query needs more than its {} MiB of memory; ask for fewer points, a shorter time, or aggregate first", .0 / 1_048_576)]
    Memory(usize),
    /// All queries together need too much memory.
    #[error("all queries together have {} MiB of memory, and others hold most of it; try again in a moment, or ask for less", .0 / 1_048_576)]
    Crowd(usize),
    /// Someone cancelled it.
    #[error("the query was cancelled")]
    Cancelled,
    /// A query with this id runs already.
    #[error("a query with the id `{0}` is running; choose another id")]
    Busy(String),
    /// Too many at once.
    #[error("{0} queries are waiting already; try again in a moment")]
    TooMany(usize),
    /// The answer is larger than the role may have.
    #[error(
        "the answer has more than {0} rows, the most that your role may have; aggregate first, or ask for a shorter time"
    )]
    Rows(usize),
    /// History or the disk refused.
    #[error("{0}")]
    Store(String),
}

impl SqlError {
    /// From the parser's.
    pub(crate) fn from_parser(error: &dyn std::fmt::Display) -> Self {
        let text = tidy(&error.to_string());
        let text = text.strip_prefix("sql parser error: ").unwrap_or(&text);
        Self::Query(format!("this is not SQL that can be read: {text}"))
    }

    /// From DataFusion's, without its inner names.
    pub(crate) fn from_engine(error: DataFusionError, memory: usize) -> Self {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => Self::Memory(memory),
            DataFusionError::Execution(text) if text == CANCELLED => Self::Cancelled,
            DataFusionError::Plan(text) if REFUSALS.iter().any(|r| text.contains(r)) => {
                Self::ReadOnly(tidy(text))
            }
            DataFusionError::SQL(e, _) => Self::from_parser(e),
            DataFusionError::SchemaError(e, _) => Self::Query(tidy(&e.to_string())),
            DataFusionError::IoError(e) => Self::Store(e.to_string()),
            DataFusionError::External(e) => Self::Store(e.to_string()),
            DataFusionError::Diagnostic(d, e) => {
                let inner = Self::from_engine(DataFusionError::Plan(e.strip_backtrace()), memory);
                let _ = d;
                inner
            }
            other => Self::Query(tidy(&other.strip_backtrace())),
        }
    }
}

/// Text of the error by which a scan says that it was cancelled.
pub(crate) const CANCELLED: &str = "cancelled";
const REFUSALS: [&str; 4] =
    ["DDL not supported", "DML not supported", "Statement not supported", "Modifying"];

fn tidy(text: &str) -> String {
    const PREFIXES: [&str; 9] = [
        "Error during planning: ",
        "SQL error: ",
        "ParserError(\"",
        "TokenizerError(\"",
        "Schema error: ",
        "Execution error: ",
        "Arrow error: ",
        "Optimizer rule",
        "External error: ",
    ];
    let mut text = text.trim();
    while let Some(rest) = PREFIXES.iter().find_map(|p| text.strip_prefix(p)) {
        text = rest.trim();
    }
    let mut text = text.trim_end_matches("\")").to_owned();
    for inner in ["datafusion.public.", "ironbridge.public.", "ironbridge.search_path."] {
        text = text.replace(inner, "");
    }
    text
}
