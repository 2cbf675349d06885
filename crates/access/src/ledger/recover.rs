//! What stands at the end of the file after a power cut, and after worse.

use super::{GENESIS, MAX_LINE, Record};
use crate::{AccessError, files};
use model::Time;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// How much of the end is looked at. Damage beyond that is no torn tail.
const WINDOW: u64 = 1 << 20;

/// The newest record as remembered beside the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) seq: u64,
    pub(super) hash: String,
}

impl Head {
    fn path(ledger: &Path) -> PathBuf {
        ledger.with_extension("head")
    }

    /// `None` when there is none, or it is damaged: it is a help, not a part of the chain.
    pub(super) fn load(ledger: &Path) -> Option<Self> {
        let bytes = files::read(&Self::path(ledger)).ok().flatten()?;
        serde_json::from_slice::<Self>(&bytes).ok().filter(|head| head.hash.len() == GENESIS.len())
    }

    pub(super) fn save(&self, ledger: &Path) -> Result<(), AccessError> {
        let path = Self::path(ledger);
        let text = serde_json::to_vec(self).map_err(|error| AccessError::Corrupt {
            path: path.clone(),
            why: format!("cannot be written: {error}"),
        })?;
        files::replace(&path, &text)
    }
}

/// Where to go on.
pub(super) struct Tail {
    pub(super) length: u64,
    pub(super) seq: u64,
    pub(super) hash: String,
    /// Number of the record that the head beside the ledger remembers, if it is the last one; else 0.
    pub(super) head_seq: u64,
    /// What was found, to be recorded first.
    pub(super) notices: Vec<String>,
}

/// Finds the last whole record; what stands behind it is set aside, never deleted.
pub(super) fn recover(path: &Path, now: Time) -> io::Result<Tail> {
    let head = Head::load(path);
    let mut tail = Tail { length: 0, seq: 0, hash: GENESIS.into(), head_seq: 0, notices: Vec::new() };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(meta) if meta.len() > 0 => {
            std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
            find_last(path, meta.len(), now, &mut tail)?;
        }
        Ok(_) => {}
    }
    if head.as_ref().is_some_and(|head| head.seq == tail.seq && head.hash == tail.hash) {
        tail.head_seq = tail.seq;
    }
    if let Some(head) = head.filter(|head| head.seq > tail.seq) {
        let found = tail.seq;
        tail.notices.push(format!(
            "records {} to {} were written once and are missing; the newest of them had the hash {}",
            found + 1,
            head.seq,
            head.hash
        ));
        // Numbers are never used twice.
        if found == 0 {
            tail.seq = head.seq;
            tail.hash = head.hash;
        }
    }
    Ok(tail)
}

fn find_last(path: &Path, length: u64, now: Time, tail: &mut Tail) -> io::Result<()> {
    let start = length.saturating_sub(WINDOW);
    let end = read_from(path, start)?;
    let mut at = 0;
    let mut good_until = None;
    for (number, line) in end.split_inclusive(|byte| *byte == b'\n').enumerate() {
        at += line.len() as u64;
        // The first line of the window may be cut at its front.
        let whole =
            line.strip_suffix(b"\n").filter(|line| line.len() <= MAX_LINE && (start == 0 || number > 0));
        if let Some(record) = whole.and_then(|line| Record::parse(line).ok()) {
            good_until = Some(start + at);
            tail.seq = record.seq;
            tail.hash = record.hash;
        }
    }
    let Some(good) = good_until else {
        let aside = aside(path, now);
        std::fs::rename(path, &aside)?;
        files::sync_parent(path)?;
        tail.notices.push(format!("the ledger was unreadable as a whole; it is kept as {}", name_of(&aside)));
        return Ok(());
    };
    tail.length = good;
    if good < length {
        let aside = aside(path, now);
        let damaged = end.get(usize::try_from(good - start).unwrap_or(usize::MAX)..).unwrap_or_default();
        std::fs::write(&aside, damaged)?;
        std::fs::set_permissions(&aside, Permissions::from_mode(0o600))?;
        File::open(&aside)?.sync_all()?;
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(good)?;
        file.sync_all()?;
        files::sync_parent(path)?;
        tail.notices.push(format!(
            "{} bytes behind record {} were torn or damaged; they are kept as {}",
            length - good,
            tail.seq,
            name_of(&aside)
        ));
    }
    Ok(())
}

fn read_from(path: &Path, start: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut end = Vec::new();
    file.take(WINDOW).read_to_end(&mut end)?;
    Ok(end)
}

/// A name that is free.
fn aside(path: &Path, now: Time) -> PathBuf {
    let name = |n: u32| path.with_extension(format!("damaged-{}-{n}", now.millis()));
    (0..1_000).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(1_000))
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
