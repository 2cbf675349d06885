//! A log of JSON lines: declarations and events. Written and synced with every flush, when the journal has them on its
//! disk, too: nothing stands here that a crash takes from everybody else. The torn end is cut off at start.

use crate::error::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Bytes that wait for a flush. More are written before it: the journal is long ahead of the first of them.
const PENDING: usize = 4 << 20;

/// An open log.
pub(crate) struct Lines {
    path: PathBuf,
    file: File,
    pending: Vec<u8>,
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
        Ok(Self { path: path.to_path_buf(), file, pending: Vec::new(), dirty: false })
    }

    /// Appends one line; it is written with the next [`Lines::sync`].
    pub fn append<T: Serialize>(&mut self, item: &T) -> Result<(), StoreError> {
        serde_json::to_writer(&mut self.pending, item).map_err(|e| StoreError::io(&self.path)(e.into()))?;
        self.pending.push(b'\n');
        if self.pending.len() > PENDING { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let before = self.file.metadata().map_err(StoreError::io(&self.path))?.len();
        if let Err(error) = self.file.write_all(&self.pending) {
            // What was written in part is taken back: it is tried again as a whole.
            let _ = self.file.set_len(before);
            return Err(StoreError::io(&self.path)(error));
        }
        self.pending.clear();
        self.dirty = true;
        Ok(())
    }

    /// Makes what was appended durable.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.write()?;
        if self.dirty {
            self.file.sync_data().map_err(StoreError::io(&self.path))?;
            self.dirty = false;
        }
        Ok(())
    }
}
