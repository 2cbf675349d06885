//! A log of JSON lines: declarations and events. Appended, synced with every flush, its torn end cut off at start.

use crate::error::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// An open log.
pub(crate) struct Lines {
    path: PathBuf,
    file: File,
    dirty: bool,
}

/// Reads all lines of `path`; lines that cannot be understood are counted, not fatal.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<(Vec<T>, u64), StoreError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(StoreError::io(path)(e)),
    };
    let (mut out, mut bad) = (Vec::new(), 0);
    for line in bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(item) => out.push(item),
            Err(_) => bad += 1,
        }
    }
    Ok((out, bad))
}

impl Lines {
    /// Opens for appending; an incomplete last line is cut off.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let io = |e| StoreError::io(path)(e);
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(io)?;
        let bytes = std::fs::read(path).map_err(io)?;
        if bytes.last().is_some_and(|b| *b != b'\n') {
            let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            file.set_len(whole as u64).map_err(io)?;
        }
        Ok(Self { path: path.to_path_buf(), file, dirty: false })
    }

    /// Appends one line.
    pub fn append<T: Serialize>(&mut self, item: &T) -> Result<(), StoreError> {
        let mut line = serde_json::to_vec(item).map_err(|e| StoreError::io(&self.path)(e.into()))?;
        line.push(b'\n');
        self.dirty = true;
        self.file.write_all(&line).map_err(StoreError::io(&self.path))
    }

    /// Makes what was appended durable.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        if self.dirty {
            self.file.sync_data().map_err(StoreError::io(&self.path))?;
            self.dirty = false;
        }
        Ok(())
    }
}
