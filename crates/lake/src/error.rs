//! What goes wrong with a table, in words for whoever runs the store.

use object_store::Error as StoreError;

/// Why a table could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The store does not answer, or broke off: try again.
    #[error("{0}")]
    Unreachable(String),
    /// The store refuses us.
    #[error("{0}")]
    Refused(String),
    /// The table is not what it was a moment ago: open it anew.
    #[error("{0}")]
    Gone(String),
    /// The table, or the store, is not one that can be used.
    #[error("{0}")]
    Unfit(String),
}

impl LakeError {
    /// Of a store, while doing something.
    pub(crate) fn store(error: StoreError, doing: &str) -> Self {
        let text = format!("{doing}: {}", cause(&error));
        match error {
            StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => Self::Refused(text),
            StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => Self::Unfit(text),
            StoreError::NotFound { .. } => Self::Gone(text),
            _ if text.contains("NoSuchBucket") => Self::Unfit(text),
            _ => Self::Unreachable(text),
        }
    }

    /// Of the tables' own files.
    pub(crate) fn table(error: &iceberg::Error, doing: &str) -> Self {
        Self::Unfit(format!("{doing}: {}", error.message()))
    }
}

/// The innermost words, in one line of bounded length.
fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = source.source();
    }
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect();
    line
}
