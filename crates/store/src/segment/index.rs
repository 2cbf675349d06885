//! What stands where in a segment. Kept in the file's own metadata, so that a read of one point touches only the
//! pages of that point.

use crate::codec::Damaged;
use crate::codec::decode::Bytes;
use crate::codec::encode::{varint, zigzag};

/// Most row groups, runs and pages that a sound index has.
const MOST: usize = 1 << 24;

/// One page of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// First row within the row group.
    pub start: u32,
    /// Rows.
    pub rows: u32,
    /// Where its compressed body begins in the file.
    pub offset: u64,
    /// Compressed bytes.
    pub len: u32,
    /// Bytes when decompressed.
    pub raw: u32,
    /// How the values are encoded.
    pub encoding: Encoding,
}

/// Encodings that segments use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Encoding {
    Plain,
    Delta,
    Split,
    Dictionary,
}

impl Encoding {
    const ALL: [Self; 4] = [Self::Plain, Self::Delta, Self::Split, Self::Dictionary];
}

/// One column of a row group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Dictionary page: `rows` are its entries.
    pub dictionary: Option<Page>,
    /// Data pages in order.
    pub pages: Vec<Page>,
}

/// How a nullable column is filled within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Filled {
    None,
    All,
    Some,
}

impl Filled {
    const fn code(self) -> u64 {
        match self {
            Self::None => 0,
            Self::All => 1,
            Self::Some => 2,
        }
    }

    const fn from_code(code: u64) -> Self {
        match code {
            0 => Self::None,
            1 => Self::All,
            _ => Self::Some,
        }
    }
}

/// Consecutive rows of one point in a row group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunInfo {
    /// The point.
    pub point: u32,
    /// Scan group: runs of a group share their times.
    pub group: u64,
    /// First row within the row group.
    pub start: u32,
    /// Rows.
    pub rows: u32,
    /// Run (of this row group) with the same times, at most this one.
    pub leader: u32,
    /// Earliest time, ns.
    pub from: i64,
    /// Latest time, ns.
    pub to: i64,
    /// `number` column.
    pub number: Filled,
    /// `real` column.
    pub real: Filled,
    /// `text` and `bytes` columns.
    pub texts: Filled,
    /// `received` column (of the leader).
    pub received: Filled,
    /// The one kind; `None` if they differ.
    pub kind: Option<u8>,
    /// The one scale.
    pub scale: Option<u8>,
    /// The one status.
    pub status: Option<u32>,
    /// The one flags byte.
    pub flags: Option<u8>,
}

/// One row group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Rows.
    pub rows: u32,
    /// Runs in row order.
    pub runs: Vec<RunInfo>,
    /// One per column of the schema.
    pub columns: Vec<Column>,
}

/// The index of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Row groups in file order.
    pub groups: Vec<Group>,
}

impl Index {
    /// Bytes in memory, about.
    pub fn bytes(&self) -> usize {
        let pages = |g: &Group| g.columns.iter().map(|c| c.pages.len() * 32 + 64).sum::<usize>();
        self.groups.iter().map(|g| g.runs.len() * size_of::<RunInfo>() + pages(g) + 64).sum()
    }

    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        varint(&mut out, self.groups.len() as u64);
        for group in &self.groups {
            encode_group(group, &mut out);
        }
        out
    }

    /// From bytes.
    ///
    /// # Errors
    /// The bytes are damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut from = Bytes(bytes);
        let count = from.length(MOST)?;
        let mut groups = Vec::new();
        for _ in 0..count {
            groups.push(decode_group(&mut from)?);
        }
        Ok(Self { groups })
    }
}

fn optional(out: &mut Vec<u8>, value: Option<u64>) {
    varint(out, value.map_or(0, |v| v + 1));
}

fn encode_group(group: &Group, out: &mut Vec<u8>) {
    varint(out, group.runs.len() as u64);
    let (mut point, mut hash) = (0i64, 0u64);
    for (at, run) in group.runs.iter().enumerate() {
        varint(out, zigzag(i64::from(run.point) - point));
        point = i64::from(run.point);
        varint(out, u64::from(run.group != hash));
        if run.group != hash {
            out.extend_from_slice(&run.group.to_le_bytes());
            hash = run.group;
        }
        varint(out, at as u64 - u64::from(run.leader));
        if run.leader as usize == at {
            varint(out, u64::from(run.rows));
            varint(out, zigzag(run.from));
            varint(out, (run.to - run.from) as u64);
            varint(out, run.received.code());
            optional(out, run.flags.map(u64::from));
        }
        varint(out, run.number.code() | run.real.code() << 2 | run.texts.code() << 4);
        optional(out, run.kind.map(u64::from));
        optional(out, run.scale.map(u64::from));
        optional(out, run.status.map(u64::from));
    }
    let mut offset = 0u64;
    for column in &group.columns {
        varint(out, u64::from(column.dictionary.is_some()));
        varint(out, column.pages.len() as u64);
        for page in column.dictionary.iter().chain(&column.pages) {
            varint(out, page.offset - offset);
            offset = page.offset + u64::from(page.len);
            varint(out, u64::from(page.rows));
            varint(out, u64::from(page.len));
            varint(out, u64::from(page.raw));
            varint(out, page.encoding as u64);
        }
    }
}

fn narrow(v: u64) -> Result<u32, Damaged> {
    u32::try_from(v).map_err(|_| Damaged("number too large"))
}

fn decode_run(
    from: &mut Bytes<'_>,
    before: &[RunInfo],
    point: &mut i64,
    hash: &mut u64,
    start: u32,
) -> Result<RunInfo, Damaged> {
    *point = point.wrapping_add(from.zigzag()?);
    if from.varint()? != 0 {
        let raw = from.take(8)?;
        *hash = raw.iter().rev().fold(0, |acc, b| acc << 8 | u64::from(*b));
    }
    let back = from.length(before.len())?;
    let mut run = if back == 0 {
        let rows = narrow(from.varint()?)?;
        let first = from.zigzag()?;
        let span = i64::try_from(from.varint()?).map_err(|_| Damaged("time span"))?;
        let received = Filled::from_code(from.varint()?);
        let flags = from.varint()?.checked_sub(1).map(|v| v as u8);
        RunInfo {
            point: 0,
            group: 0,
            start,
            rows,
            leader: before.len() as u32,
            from: first,
            to: first.checked_add(span).ok_or(Damaged("time span"))?,
            number: Filled::None,
            real: Filled::None,
            texts: Filled::None,
            received,
            kind: None,
            scale: None,
            status: None,
            flags,
        }
    } else {
        let leader = before.len() - back;
        let like = before.get(leader).ok_or(Damaged("leader"))?;
        RunInfo { start, leader: leader as u32, ..*like }
    };
    run.point = u32::try_from(*point).map_err(|_| Damaged("point"))?;
    run.group = *hash;
    let filled = from.varint()?;
    run.number = Filled::from_code(filled & 3);
    run.real = Filled::from_code(filled >> 2 & 3);
    run.texts = Filled::from_code(filled >> 4 & 3);
    run.kind = from.varint()?.checked_sub(1).map(|v| v as u8);
    run.scale = from.varint()?.checked_sub(1).map(|v| v as u8);
    run.status = from.varint()?.checked_sub(1).map(narrow).transpose()?;
    Ok(run)
}

fn decode_group(from: &mut Bytes<'_>) -> Result<Group, Damaged> {
    let count = from.length(MOST)?;
    let mut group = Group::default();
    let (mut point, mut hash) = (0i64, 0u64);
    for _ in 0..count {
        let run = decode_run(from, &group.runs, &mut point, &mut hash, group.rows)?;
        group.rows = group.rows.checked_add(run.rows).ok_or(Damaged("rows"))?;
        group.runs.push(run);
    }
    let mut offset = 0u64;
    for _ in 0..super::Col::ALL.len() {
        let mut column = Column::default();
        let has_dictionary = from.varint()? != 0;
        let pages = from.length(MOST)?;
        let mut start = 0u32;
        for at in 0..pages + usize::from(has_dictionary) {
            let begin = offset.checked_add(from.varint()?).ok_or(Damaged("offset"))?;
            let rows = narrow(from.varint()?)?;
            let len = narrow(from.varint()?)?;
            let raw = narrow(from.varint()?)?;
            let code = from.length(Encoding::ALL.len() - 1)?;
            let encoding = Encoding::ALL.get(code).copied().ok_or(Damaged("encoding"))?;
            offset = begin + u64::from(len);
            let is_dictionary = has_dictionary && at == 0;
            let page = Page {
                start: if is_dictionary { 0 } else { start },
                rows,
                offset: begin,
                len,
                raw,
                encoding,
            };
            if is_dictionary {
                column.dictionary = Some(page);
            } else {
                start = start.checked_add(rows).ok_or(Damaged("rows"))?;
                column.pages.push(page);
            }
        }
        group.columns.push(column);
    }
    Ok(group)
}
