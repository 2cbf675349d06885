//! A small table in memory and on disk, changed copy-on-write: ledger first, then the file, then memory.

use crate::{AccessError, LedgerFile, files};
use namespace::Entry;
use parking_lot::{Mutex, RwLock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Version of all state files of this room.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Stored<'a, T> {
    version: u32,
    data: &'a T,
}

#[derive(Deserialize)]
struct Loaded<T> {
    data: T,
}

#[derive(Deserialize)]
struct JustVersion {
    version: u32,
}

/// Reads the table at `path`; `None` if there is no file.
pub(crate) fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, AccessError> {
    let Some(bytes) = files::read(path)? else { return Ok(None) };
    let corrupt = |why: String| AccessError::Corrupt { path: path.to_owned(), why };
    let JustVersion { version } = serde_json::from_slice(&bytes).map_err(|error| corrupt(damaged(&error)))?;
    if version > VERSION {
        return Err(corrupt(format!(
            "was written by a newer Ironbridge (version {version}, this one reads up to {VERSION}); use that one"
        )));
    }
    let loaded: Loaded<T> = serde_json::from_slice(&bytes).map_err(|error| corrupt(damaged(&error)))?;
    Ok(Some(loaded.data))
}

fn damaged(error: &serde_json::Error) -> String {
    format!(
        "is damaged ({error}). Restore it from a backup (`ironbridge restore`), or move it aside: Ironbridge then \
         starts without what it held, and prints a one-time link if no user is left"
    )
}

/// Writes the table at `path`, durably.
pub(crate) fn save<T: Serialize>(path: &Path, data: &T) -> Result<(), AccessError> {
    let text = serde_json::to_vec_pretty(&Stored { version: VERSION, data }).map_err(|error| {
        AccessError::Corrupt { path: path.to_owned(), why: format!("cannot be written: {error}") }
    })?;
    files::replace(path, &text)
}

/// One table.
pub(crate) struct Table<T> {
    path: PathBuf,
    now: RwLock<Arc<T>>,
    changing: Mutex<()>,
    /// Why the file could not be used: the table is then empty and stays as it is.
    locked: Option<String>,
}

impl<T: Clone + Default + Serialize + DeserializeOwned> Table<T> {
    /// Opens the table. A file that cannot be used, or that `check` refuses, goes to `problems` and locks the table:
    /// it is empty, and nothing overwrites the file.
    pub(crate) fn open(
        path: PathBuf,
        problems: &mut Vec<AccessError>,
        check: impl FnOnce(&T, &Path) -> Result<(), AccessError>,
    ) -> Self {
        let loaded = load::<T>(&path).map(Option::unwrap_or_default);
        let loaded = loaded.and_then(|data| check(&data, &path).map(|()| data));
        let (data, locked) = match loaded {
            Ok(data) => (data, None),
            Err(error) => {
                let why = error.to_string();
                problems.push(error);
                (T::default(), Some(why))
            }
        };
        Self { path, now: RwLock::new(Arc::new(data)), changing: Mutex::new(()), locked }
    }

    /// Why the file could not be used, if so.
    pub(crate) fn locked(&self) -> Option<&str> {
        self.locked.as_deref()
    }

    fn refuse_if_locked(&self) -> Result<(), AccessError> {
        match &self.locked {
            None => Ok(()),
            Some(why) => Err(AccessError::Corrupt { path: self.path.clone(), why: why.clone() }),
        }
    }

    /// What is in force.
    pub(crate) fn get(&self) -> Arc<T> {
        self.now.read().clone()
    }

    /// Makes one change. It is in force once it is in the ledger and on disk, or not at all.
    pub(crate) fn change<R>(
        &self,
        ledger: &LedgerFile,
        edit: impl FnOnce(&mut T) -> Result<(R, Entry), AccessError>,
    ) -> Result<R, AccessError> {
        self.refuse_if_locked()?;
        let _one_at_a_time = self.changing.lock();
        let mut next = T::clone(&self.get());
        let (result, entry) = edit(&mut next)?;
        ledger.append(&entry).map_err(AccessError::Ledger)?;
        if let Err(error) = save(&self.path, &next) {
            tracing::error!(%error, "a change could not be saved and was not made");
            let undone = Entry {
                outcome: "failed".into(),
                detail: "could not be saved; not in force".into(),
                ..entry
            };
            // The ledger took the line before a moment ago; if it fails now, its own state says so.
            let _ = ledger.append(&undone);
            return Err(error);
        }
        *self.now.write() = Arc::new(next);
        Ok(result)
    }

    /// Notes something that is no decision of a person (last use); `edit` says whether anything changed.
    pub(crate) fn note(&self, edit: impl FnOnce(&mut T) -> bool) -> Result<(), AccessError> {
        self.refuse_if_locked()?;
        let _one_at_a_time = self.changing.lock();
        let mut next = T::clone(&self.get());
        if !edit(&mut next) {
            return Ok(());
        }
        // In force even if it cannot be saved: it carries no right.
        let saved = save(&self.path, &next);
        *self.now.write() = Arc::new(next);
        saved
    }
}
