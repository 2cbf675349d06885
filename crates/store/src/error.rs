//! What can go wrong with history.

use std::path::{Path, PathBuf};

/// Why the historian could not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is not what was written.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        why: String,
    },
    /// A file of a later version.
    #[error("{} was written by a newer Ironbridge (format {found}, this one knows {known}); start that version, or move the file away", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest known here.
        known: u32,
    },
    /// The Parquet library refused.
    #[error("parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The journal refused.
    #[error("journal: {0}")]
    Journal(String),
    /// Another process has the folder.
    #[error("{} is in use by another process", .0.display())]
    Locked(PathBuf),
}

impl StoreError {
    /// For `map_err`.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { path, source }
    }
}
