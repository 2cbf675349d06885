//! Files: header, names, the list of those that exist.
//!
//! ```text
//!   header, 64 bytes
//!   | magic 8 | version 2 | kind 2 | epoch 4 | number 8 | previous 8 | created 8 | samples before 8 |
//!   | last 8 | samples 4 | crc32c 4 |        (last and samples: sealed files only, else 0)
//! ```
//! Everything in a file stands behind `previous`. The first 12 bytes and the checksum keep their place in every
//! version, so that an older program can say in words that it is too old.

use crate::bytes::Take;
use crate::disk::DiskFile;
use crate::types::JournalError;
use model::{Position, Time};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) const MAGIC: &[u8; 8] = b"IRNBRDGJ";
/// Version of the file format that this program writes.
pub(crate) const VERSION: u16 = 1;
pub(crate) const HEADER: usize = 64;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Raw,
    Sealed,
    /// Last values and events, in sealed blocks.
    Last,
    /// Declarations, in sealed blocks.
    Declared,
}

impl Kind {
    const fn code(self) -> u16 {
        match self {
            Self::Raw => 1,
            Self::Sealed => 2,
            Self::Last => 3,
            Self::Declared => 4,
        }
    }

    fn of(code: u16) -> Option<Self> {
        [Self::Raw, Self::Sealed, Self::Last, Self::Declared].into_iter().find(|kind| kind.code() == code)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub kind: Kind,
    /// The newest epoch that may stand in the file.
    pub epoch: u32,
    pub number: u64,
    pub previous: Position,
    pub created: Time,
    pub samples_before: u64,
    /// Sealed files: last position in it.
    pub last: Position,
    /// Sealed files: samples in it.
    pub samples: u32,
}

pub(crate) enum HeaderError {
    Damaged(&'static str),
    Newer(u16),
}

impl Header {
    /// The bytes, and the salt of the frames' checksums.
    pub fn encode(&self) -> ([u8; HEADER], u32) {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.kind.code().to_le_bytes());
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.previous.0.to_le_bytes());
        bytes.extend_from_slice(&self.created.0.to_le_bytes());
        bytes.extend_from_slice(&self.samples_before.to_le_bytes());
        bytes.extend_from_slice(&self.last.0.to_le_bytes());
        bytes.extend_from_slice(&self.samples.to_le_bytes());
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        let mut header = [0; HEADER];
        header.copy_from_slice(&bytes);
        (header, crc)
    }

    pub fn decode(bytes: &[u8]) -> Result<(Self, u32), HeaderError> {
        let damaged = |_| HeaderError::Damaged("the header is damaged");
        let head = bytes.get(..HEADER).ok_or(HeaderError::Damaged("shorter than a header"))?;
        let (body, crc) = head.split_at(HEADER - 4);
        let crc = Take(crc).u32().map_err(damaged)?;
        let mut from = Take(body);
        if from.bytes(MAGIC.len()).map_err(damaged)? != MAGIC {
            return Err(HeaderError::Damaged("not a journal file"));
        }
        if crc != crc32c::crc32c(body) {
            return Err(HeaderError::Damaged("the header's checksum is wrong"));
        }
        let version = from.u16().map_err(damaged)?;
        if version > VERSION {
            return Err(HeaderError::Newer(version));
        }
        let kind =
            Kind::of(from.u16().map_err(damaged)?).ok_or(HeaderError::Damaged("unknown kind of file"))?;
        let epoch = from.u32().map_err(damaged)?;
        let number = from.u64().map_err(damaged)?;
        let previous = Position(from.u64().map_err(damaged)?);
        let created = Time(from.u64().map_err(damaged)? as i64);
        let samples_before = from.u64().map_err(damaged)?;
        let last = Position(from.u64().map_err(damaged)?);
        let samples = from.u32().map_err(damaged)?;
        Ok((Self { kind, epoch, number, previous, created, samples_before, last, samples }, crc))
    }

    pub fn read(file: &dyn DiskFile, path: &Path) -> Result<Result<(Self, u32), &'static str>, JournalError> {
        let mut bytes = [0; HEADER];
        let n = file.read_at(&mut bytes, 0).map_err(|e| JournalError::io("read", path, &e))?;
        match Self::decode(bytes.get(..n).unwrap_or_default()) {
            Ok(good) => Ok(Ok(good)),
            Err(HeaderError::Damaged(why)) => Ok(Err(why)),
            Err(HeaderError::Newer(found)) => {
                Err(JournalError::NewerFormat { file: path.display().to_string(), found, known: VERSION })
            }
        }
    }
}

/// `0000000000000042.raw`, `.zst` once sealed.
pub(crate) fn file_name(number: u64, sealed: bool) -> String {
    format!("{number:016}.{}", if sealed { "zst" } else { "raw" })
}

/// The number in a file's name, and whether it is sealed.
pub(crate) fn parse_name(name: &str) -> Option<(u64, bool)> {
    let (number, suffix) = name.split_once('.')?;
    let sealed = match suffix {
        "raw" => false,
        "zst" => true,
        _ => return None,
    };
    (number.len() == 16).then(|| number.parse().ok()).flatten().map(|n| (n, sealed))
}

/// A block's beginning: everything in it stands behind the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub previous: Position,
    pub offset: u64,
}

/// One file of the journal.
#[derive(Clone, Debug)]
pub(crate) struct FileInfo {
    pub number: u64,
    pub epoch: u32,
    pub path: PathBuf,
    pub sealed: bool,
    pub salt: u32,
    pub previous: Position,
    pub last: Position,
    /// End of what may be read.
    pub len: u64,
    pub samples_before: u64,
    pub samples: u64,
    pub created: Time,
    pub blocks: Arc<Vec<Block>>,
    /// The file that is written now.
    pub live: bool,
    /// A part could not be read; said once.
    pub damaged: bool,
}

impl FileInfo {
    /// Where to begin in order to read what follows `position`.
    pub fn block_for(&self, position: Position) -> u64 {
        let at = self.blocks.partition_point(|b| b.previous <= position);
        self.blocks.get(at.saturating_sub(1)).map_or(HEADER as u64, |b| b.offset)
    }
}

/// All files, oldest first.
#[derive(Default)]
pub(crate) struct Catalogue {
    pub files: Vec<FileInfo>,
    pub next_number: u64,
    /// Raw and sealed bytes of the files compressed so far.
    pub compressed: (u64, u64),
}

impl Catalogue {
    /// The first file that holds something behind `position`.
    pub fn after(&self, position: Position) -> Option<FileInfo> {
        self.files.iter().find(|f| f.last > position).cloned()
    }

    pub fn get(&self, number: u64) -> Option<&FileInfo> {
        self.files.iter().find(|f| f.number == number)
    }

    pub fn get_mut(&mut self, number: u64) -> Option<&mut FileInfo> {
        self.files.iter_mut().find(|f| f.number == number)
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.len).sum()
    }

    pub fn oldest(&self) -> Position {
        self.files.first().map_or(Position::START, |f| f.previous)
    }

    /// Records behind `position` up to and with `head`. Each epoch counts its records from 1 on, and ends where the last
    /// file does that ends in it.
    pub fn between(&self, position: Position, head: Position) -> u64 {
        let from = |epoch: u32| if epoch == position.epoch() { position.seq() } else { 0 };
        let mut files = self.files.iter().map(|f| f.last).filter(|last| *last > position).peekable();
        let mut records = head.seq().saturating_sub(from(head.epoch()));
        while let Some(last) = files.next() {
            let ends = files.peek().is_none_or(|next| next.epoch() > last.epoch());
            if ends && last.epoch() < head.epoch() {
                records += last.seq().saturating_sub(from(last.epoch()));
            }
        }
        records
    }

    pub fn take_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }
}

/// Reads exactly `len` bytes at `offset`, or what there is.
pub(crate) fn read_up_to(file: &dyn DiskFile, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let n = file.read_at(&mut bytes, offset)?;
    bytes.truncate(n);
    Ok(bytes)
}
