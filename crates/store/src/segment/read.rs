//! Reading a segment: footer once, then only the pages of the points asked for. `read_at`, no memory map: an IO error
//! must be an error, not a signal.

use super::index::{Column, Encoding, Filled, Group, Index, Page, RunInfo};
use super::{ABOUT_KEY, Col, FORMAT, FORMAT_KEY, INDEX_KEY, kind};
use crate::codec::{Damaged, decode, split};
use crate::error::StoreError;
use crate::run::{Few, HISTORICAL, Run, SYNCHRONISED, Stamps, Values};
use base64::Engine as _;
use model::Value;
use parquet::file::metadata::ParquetMetaDataReader;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest page that a sound segment has, decompressed.
const MOST_RAW: u32 = 256 << 20;
/// Largest index, decompressed.
const MOST_INDEX: usize = 1 << 30;

/// An open segment.
#[derive(Debug)]
pub struct Segment {
    path: PathBuf,
    file: File,
    index: Index,
    about: String,
    /// (point, row group, run), sorted.
    places: Vec<(u32, u32, u32)>,
}

impl Segment {
    /// Opens `path` and reads its index.
    ///
    /// # Errors
    /// Cannot be read, is damaged, or was written by a newer Ironbridge.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let damaged = |why: String| StoreError::Damaged { path: path.to_path_buf(), why };
        let file = File::open(path).map_err(StoreError::io(path))?;
        let meta = ParquetMetaDataReader::new().parse_and_finish(&file).map_err(|e| match e {
            parquet::errors::ParquetError::External(e) => damaged(e.to_string()),
            e => damaged(e.to_string()),
        })?;
        let pairs = meta.file_metadata().key_value_metadata();
        let get = |key: &str| {
            pairs.and_then(|all| all.iter().find(|kv| kv.key == key)).and_then(|kv| kv.value.clone())
        };
        let format = get(FORMAT_KEY)
            .and_then(|v| v.parse::<u32>().ok())
            .ok_or_else(|| damaged("no format version".into()))?;
        if format > FORMAT {
            return Err(StoreError::Newer { path: path.to_path_buf(), found: format, known: FORMAT });
        }
        let text = get(INDEX_KEY).ok_or_else(|| damaged("no index".into()))?;
        let packed =
            base64::engine::general_purpose::STANDARD.decode(text).map_err(|e| damaged(e.to_string()))?;
        let raw = decompress(&packed, MOST_INDEX).map_err(|e| damaged(e.to_string()))?;
        let index = Index::decode(&raw).map_err(|e| damaged(e.to_string()))?;
        let mut places = Vec::new();
        for (g, group) in index.groups.iter().enumerate() {
            places.extend(group.runs.iter().enumerate().map(|(r, run)| (run.point, g as u32, r as u32)));
        }
        places.sort_unstable();
        Ok(Self { path: path.to_path_buf(), file, index, about: get(ABOUT_KEY).unwrap_or_default(), places })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its index.
    pub const fn index(&self) -> &Index {
        &self.index
    }

    /// The JSON description.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Bytes in memory, about.
    pub fn bytes(&self) -> usize {
        self.index.bytes() + self.places.len() * 12 + 256
    }

    /// The runs of `point`: (row group, run).
    pub fn places(&self, point: u32) -> impl Iterator<Item = (usize, usize)> + '_ {
        let from = self.places.partition_point(|p| p.0 < point);
        self.places.iter().skip(from).take_while(move |p| p.0 == point).map(|p| (p.1 as usize, p.2 as usize))
    }

    /// Numbers of the points in it, ascending.
    pub fn points(&self) -> Vec<u32> {
        let mut points: Vec<u32> = self.places.iter().map(|p| p.0).collect();
        points.dedup();
        points
    }

    /// What the index says about a run.
    pub fn info(&self, group: usize, run: usize) -> Option<&RunInfo> {
        self.index.groups.get(group)?.runs.get(run)
    }

    /// Reads from one row group; pages are decoded once per reader.
    ///
    /// # Errors
    /// There is no such row group.
    pub fn group(&self, group: usize) -> Result<GroupReader<'_>, StoreError> {
        let group = self.index.groups.get(group).ok_or_else(|| self.damaged("row group"))?;
        Ok(GroupReader { segment: self, group, memo: HashMap::new(), stamps: HashMap::new() })
    }

    fn damaged(&self, why: impl Into<String>) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), why: why.into() }
    }

    fn page(&self, page: &Page) -> Result<Vec<u8>, StoreError> {
        if page.raw > MOST_RAW || page.len > MOST_RAW {
            return Err(self.damaged("page too large"));
        }
        let mut packed = vec![0; page.len as usize];
        self.file.read_exact_at(&mut packed, page.offset).map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => self.damaged("too short"),
            _ => StoreError::io(&self.path)(e),
        })?;
        let raw = decompress(&packed, page.raw as usize).map_err(|e| self.damaged(e.to_string()))?;
        if raw.len() == page.raw as usize { Ok(raw) } else { Err(self.damaged("page length")) }
    }
}

fn decompress(packed: &[u8], most: usize) -> std::io::Result<Vec<u8>> {
    let size = zstd::bulk::Decompressor::<'static>::upper_bound(packed).unwrap_or(most).min(most);
    zstd::bulk::decompress(packed, size)
}

/// A decoded page.
enum Decoded {
    /// Which rows have a value (`None`: all), and the values there are.
    Ints(Option<Vec<u32>>, Vec<i64>),
    Reals(Option<Vec<u32>>, Vec<f64>),
    Texts(Vec<Option<Box<[u8]>>>),
    Small(Vec<u32>),
}

/// Reads runs of one row group.
pub struct GroupReader<'a> {
    segment: &'a Segment,
    group: &'a Group,
    memo: HashMap<(usize, u32), Arc<Decoded>>,
    stamps: HashMap<u32, Arc<Stamps>>,
}

/// Which rows have a value (`None`: all), how many do, and the bytes of the values.
type Levels<'a> = (Option<Vec<u32>>, usize, &'a [u8]);

/// Splits a nullable page into levels (`None`: all present), present values and the value bytes.
fn levels(raw: &[u8], rows: usize) -> Result<Levels<'_>, Damaged> {
    let mut from = decode::Bytes(raw);
    let head = from.take(4)?;
    let len = head.iter().rev().fold(0usize, |acc, b| acc << 8 | usize::from(*b));
    let levels = decode::hybrid(from.take(len)?, 1, rows)?;
    let present = levels.iter().filter(|l| **l == 1).count();
    Ok((if present == rows { None } else { Some(levels) }, present, from.0))
}

fn texts(raw: &[u8], rows: usize) -> Result<Decoded, Damaged> {
    let (levels, _, rest) = levels(raw, rows)?;
    let mut from = decode::Bytes(rest);
    let mut out = Vec::with_capacity(rows);
    for row in 0..rows {
        if levels.as_ref().is_some_and(|l| l.get(row) != Some(&1)) {
            out.push(None);
            continue;
        }
        let head = from.take(4)?;
        let len = head.iter().rev().fold(0usize, |acc, b| acc << 8 | usize::from(*b));
        out.push(Some(from.take(len)?.into()));
    }
    Ok(Decoded::Texts(out))
}

fn booleans(raw: &[u8], rows: usize) -> Decoded {
    let bit = |row: usize| raw.get(row / 8).map_or(0, |b| u32::from(b >> (row % 8) & 1));
    Decoded::Small((0..rows).map(bit).collect())
}

fn ints(encoding: Encoding, raw: &[u8], limit: usize) -> Result<Vec<i64>, Damaged> {
    let values = match encoding {
        Encoding::Plain => decode::plain_i64(raw, limit),
        _ => decode::delta(raw, limit)?,
    };
    if values.len() == limit { Ok(values) } else { Err(Damaged("too few values")) }
}

impl GroupReader<'_> {
    /// What the index says.
    pub const fn group(&self) -> &Group {
        self.group
    }

    fn column(&self, col: Col) -> Result<&Column, StoreError> {
        self.group.columns.get(col as usize).ok_or_else(|| self.segment.damaged("column"))
    }

    fn decoded(
        &mut self,
        col: Col,
        page: &Page,
        dictionary: Option<&Page>,
        limit: usize,
    ) -> Result<Arc<Decoded>, StoreError> {
        let key = (col as usize, page.start);
        if let Some(found) = self.memo.get(&key) {
            return Ok(Arc::clone(found));
        }
        let raw = self.segment.page(page)?;
        let rows = page.rows as usize;
        let bad = |e: Damaged| self.segment.damaged(e.0);
        let decoded = match col {
            Col::Time | Col::Seq => Decoded::Ints(None, ints(page.encoding, &raw, limit).map_err(bad)?),
            Col::Received | Col::Number => {
                let (levels, present, rest) = levels(&raw, rows).map_err(bad)?;
                Decoded::Ints(levels, ints(page.encoding, rest, present).map_err(bad)?)
            }
            Col::Real => {
                let (levels, present, rest) = levels(&raw, rows).map_err(bad)?;
                Decoded::Reals(levels, decode::byte_stream_split(rest, present).map_err(bad)?)
            }
            Col::Text | Col::Bytes => texts(&raw, rows).map_err(bad)?,
            Col::Historical | Col::Synchronised => booleans(&raw, rows),
            Col::Point | Col::Kind | Col::Scale | Col::Status => {
                let entries =
                    self.segment.page(dictionary.ok_or_else(|| self.segment.damaged("dictionary"))?)?;
                let entries: Vec<u32> =
                    entries.as_chunks::<4>().0.iter().map(|c| u32::from_le_bytes(*c)).collect();
                let (width, rest) =
                    raw.split_first().ok_or_else(|| self.segment.damaged("dictionary width"))?;
                let indices = decode::hybrid(rest, u32::from(*width), rows).map_err(bad)?;
                let pick = |i: u32| {
                    entries.get(i as usize).copied().ok_or_else(|| self.segment.damaged("dictionary index"))
                };
                Decoded::Small(indices.into_iter().map(pick).collect::<Result<_, _>>()?)
            }
        };
        let decoded = Arc::new(decoded);
        // A stamp page may be decoded in part; then it is not kept.
        if limit >= rows {
            self.memo.insert(key, Arc::clone(&decoded));
        }
        Ok(decoded)
    }

    /// Calls `visit(page, first row within it, rows)` for the pages of `col` over rows from `start`.
    fn each(
        &mut self,
        col: Col,
        start: u32,
        rows: u32,
        mut visit: impl FnMut(&Decoded, usize, usize) -> Result<(), Damaged>,
    ) -> Result<(), StoreError> {
        let column = self.column(col)?;
        let dictionary = column.dictionary;
        let end = start + rows;
        let first = column.pages.partition_point(|p| p.start + p.rows <= start);
        let pages: Vec<Page> =
            column.pages.iter().skip(first).take_while(|p| p.start < end).copied().collect();
        let mut seen = 0;
        for page in pages {
            let from = start.max(page.start) - page.start;
            let to = end.min(page.start + page.rows) - page.start;
            let decoded = self.decoded(col, &page, dictionary.as_ref(), to as usize)?;
            visit(&decoded, from as usize, (to - from) as usize).map_err(|e| self.segment.damaged(e.0))?;
            seen += to - from;
        }
        if seen == rows { Ok(()) } else { Err(self.segment.damaged("rows without a page")) }
    }

    fn integers(&mut self, col: Col, start: u32, rows: u32) -> Result<Vec<i64>, StoreError> {
        let mut out = Vec::with_capacity(rows as usize);
        self.each(col, start, rows, |page, from, count| {
            let Decoded::Ints(levels, values) = page else { return Err(Damaged("column type")) };
            let skip = present(levels.as_deref(), from);
            let part = values.get(skip..skip + count).ok_or(Damaged("values"))?;
            out.extend_from_slice(part);
            Ok(())
        })?;
        Ok(out)
    }

    fn small(&mut self, col: Col, start: u32, rows: u32) -> Result<Vec<u32>, StoreError> {
        let mut out = Vec::with_capacity(rows as usize);
        self.each(col, start, rows, |page, from, count| {
            let Decoded::Small(values) = page else { return Err(Damaged("column type")) };
            out.extend_from_slice(values.get(from..from + count).ok_or(Damaged("values"))?);
            Ok(())
        })?;
        Ok(out)
    }

    /// The stamps of a run; the same for all runs with one leader.
    ///
    /// # Errors
    /// As [`GroupReader::run`].
    pub fn stamps(&mut self, run: &RunInfo) -> Result<Arc<Stamps>, StoreError> {
        if let Some(found) = self.stamps.get(&run.leader) {
            return Ok(Arc::clone(found));
        }
        let leader =
            *self.group.runs.get(run.leader as usize).ok_or_else(|| self.segment.damaged("leader"))?;
        let (start, rows) = (leader.start, leader.rows);
        let time = self.integers(Col::Time, start, rows)?;
        let seq = self.integers(Col::Seq, start, rows)?;
        let received = match leader.received {
            Filled::None => None,
            _ => Some(self.integers(Col::Received, start, rows)?),
        };
        let flags = match leader.flags {
            Some(one) => Few::All(one),
            None => {
                let historical = self.small(Col::Historical, start, rows)?;
                let synchronised = self.small(Col::Synchronised, start, rows)?;
                let both = |(h, s): (&u32, &u32)| (*h as u8 * HISTORICAL) | (*s as u8 * SYNCHRONISED);
                Few::Rows(historical.iter().zip(&synchronised).map(both).collect())
            }
        };
        let stamps = Arc::new(Stamps { time, received, seq, flags });
        self.stamps.insert(run.leader, Arc::clone(&stamps));
        Ok(stamps)
    }

    /// Uses stamps that are decoded already.
    pub fn know_stamps(&mut self, leader: u32, stamps: Arc<Stamps>) {
        self.stamps.insert(leader, stamps);
    }

    /// All samples of run number `at`.
    ///
    /// # Errors
    /// The file cannot be read or is damaged.
    pub fn run(&mut self, at: usize) -> Result<Run, StoreError> {
        let run = *self.group.runs.get(at).ok_or_else(|| self.segment.damaged("run"))?;
        let stamps = self.stamps(&run)?;
        let values = self.values(&run)?;
        if values.len() != stamps.len() {
            return Err(self.segment.damaged("run length"));
        }
        let status = match run.status {
            Some(one) => Few::All(one),
            None => Few::Rows(self.small(Col::Status, run.start, run.rows)?),
        };
        Ok(Run { point: run.point, stamps, values, status })
    }

    fn values(&mut self, run: &RunInfo) -> Result<Values, StoreError> {
        let (start, rows) = (run.start, run.rows);
        match (run.kind, run.number, run.real) {
            (Some(kind::F64), Filled::All, _) if run.scale.is_some() => {
                let power = split::power(run.scale.unwrap_or(0));
                Ok(Values::F64(
                    self.integers(Col::Number, start, rows)?.into_iter().map(|n| n as f64 / power).collect(),
                ))
            }
            (Some(kind::F64), Filled::None, Filled::All) => {
                let mut out = Vec::with_capacity(rows as usize);
                self.each(Col::Real, start, rows, |page, from, count| {
                    let Decoded::Reals(levels, values) = page else { return Err(Damaged("column type")) };
                    let skip = present(levels.as_deref(), from);
                    out.extend_from_slice(values.get(skip..skip + count).ok_or(Damaged("values"))?);
                    Ok(())
                })?;
                Ok(Values::F64(out))
            }
            (Some(kind::I64), Filled::All, _) => Ok(Values::I64(self.integers(Col::Number, start, rows)?)),
            (Some(kind::U64), Filled::All, _) => Ok(Values::U64(
                self.integers(Col::Number, start, rows)?.into_iter().map(|n| n as u64).collect(),
            )),
            (Some(kind::BOOL), Filled::All, _) => Ok(Values::Bool(
                self.integers(Col::Number, start, rows)?.into_iter().map(|n| n != 0).collect(),
            )),
            _ => self.mixed(run),
        }
    }

    fn mixed(&mut self, run: &RunInfo) -> Result<Values, StoreError> {
        let (start, rows) = (run.start, run.rows);
        let kinds = self.small(Col::Kind, start, rows)?;
        let scales = self.small(Col::Scale, start, rows)?;
        let mut numbers: Vec<Option<i64>> = Vec::with_capacity(rows as usize);
        self.each(Col::Number, start, rows, |page, from, count| {
            let Decoded::Ints(levels, values) = page else { return Err(Damaged("column type")) };
            sparse(levels.as_deref(), values, from, count, &mut numbers);
            Ok(())
        })?;
        let mut reals: Vec<Option<f64>> = Vec::with_capacity(rows as usize);
        self.each(Col::Real, start, rows, |page, from, count| {
            let Decoded::Reals(levels, values) = page else { return Err(Damaged("column type")) };
            sparse(levels.as_deref(), values, from, count, &mut reals);
            Ok(())
        })?;
        let text = self.strings(Col::Text, run)?;
        let bytes = self.strings(Col::Bytes, run)?;
        let mut values = Values::default();
        for row in 0..rows as usize {
            let number = numbers.get(row).copied().flatten();
            let string = |all: &Vec<Option<Box<[u8]>>>| all.get(row).cloned().flatten();
            let value = match kinds.get(row).copied().unwrap_or(0) as u8 {
                kind::BOOL => number.map(|n| Value::Bool(n != 0)),
                kind::I64 => number.map(Value::I64),
                kind::U64 => number.map(|n| Value::U64(n as u64)),
                kind::F64 => match number {
                    Some(n) => {
                        Some(Value::F64(n as f64 / split::power(scales.get(row).copied().unwrap_or(0) as u8)))
                    }
                    None => reals.get(row).copied().flatten().map(Value::F64),
                },
                kind::TEXT => string(&text)
                    .and_then(|t| String::from_utf8(t.into()).ok())
                    .map(|t| Value::Text(t.into())),
                kind::BYTES => string(&bytes).map(|b| Value::Bytes(b.into())),
                _ => Some(Value::None),
            };
            values.push(&value.ok_or_else(|| self.segment.damaged("value missing"))?);
        }
        Ok(values)
    }

    fn strings(&mut self, col: Col, run: &RunInfo) -> Result<Vec<Option<Box<[u8]>>>, StoreError> {
        let mut out = Vec::new();
        if run.texts == Filled::None {
            return Ok(out);
        }
        self.each(col, run.start, run.rows, |page, from, count| {
            let Decoded::Texts(values) = page else { return Err(Damaged("column type")) };
            out.extend_from_slice(values.get(from..from + count).ok_or(Damaged("values"))?);
            Ok(())
        })?;
        Ok(out)
    }
}

/// Values present in the first `rows` rows.
fn present(levels: Option<&[u32]>, rows: usize) -> usize {
    levels.map_or(rows, |l| l.iter().take(rows).filter(|l| **l == 1).count())
}

fn sparse<T: Copy>(
    levels: Option<&[u32]>,
    values: &[T],
    from: usize,
    count: usize,
    out: &mut Vec<Option<T>>,
) {
    let mut next = values.iter().skip(present(levels, from)).copied();
    for row in from..from + count {
        let there = levels.is_none_or(|l| l.get(row) == Some(&1));
        out.push(if there { next.next() } else { None });
    }
}
