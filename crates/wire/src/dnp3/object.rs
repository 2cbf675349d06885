//! Object headers: which points, and where their data stand (clause 4.2.2.7).

use super::fragment::Problem;
use super::table::{self, Size};

/// Which objects a header means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// All.
    All,
    /// From index to index, both included.
    Indexes(u32, u32),
    /// So many, each with an index or a size in front, or none.
    Count(u32),
}

/// One header and its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Group.
    pub group: u8,
    /// Variation.
    pub variation: u8,
    /// Which objects.
    pub range: Range,
    /// Bytes of the index in front of each object, 0 if there is none.
    pub index_bytes: usize,
    /// Bytes of one object, where all are equally long.
    pub stride: Option<usize>,
    /// Data of all objects, with what stands in front of each.
    pub data: &'a [u8],
}

/// Most indexes that [`Header::indexes`] gives.
const MAX_INDEXES: usize = 4_096;

impl<'a> Header<'a> {
    /// Indexes in front of the objects, if they have one.
    pub fn indexes(&self) -> impl Iterator<Item = u32> + use<'a> {
        let step = self.stride.map(|stride| stride + self.index_bytes).filter(|_| self.index_bytes > 0);
        let width = self.index_bytes;
        self.data.chunks_exact(step.unwrap_or(usize::MAX).max(1)).take(MAX_INDEXES).filter_map(
            move |object| {
                let bytes = object.get(..width)?;
                Some(bytes.iter().rev().fold(0u32, |value, byte| value << 8 | u32::from(*byte)))
            },
        )
    }
}

/// The headers of a fragment, one after the other; ends at the first problem.
#[derive(Debug, Clone)]
pub struct Headers<'a> {
    rest: &'a [u8],
    /// Whether data follow the headers.
    data: bool,
    ended: bool,
}

impl<'a> Headers<'a> {
    pub(super) const fn new(rest: &'a [u8], data: bool) -> Self {
        Self { rest, data, ended: false }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(count)?;
        self.rest = tail;
        Some(head)
    }

    fn number(&mut self, width: usize) -> Result<u32, Problem> {
        let bytes = self.take(width).ok_or(Problem::ShortHeader)?;
        Ok(bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    fn read(&mut self) -> Result<Header<'a>, Problem> {
        let Some([group, variation, qualifier]) = self.take(3) else { return Err(Problem::ShortHeader) };
        let (group, variation) = (*group, *variation);
        let size = table::size(group, variation).ok_or(Problem::Object(group, variation))?;
        let prefix = qualifier >> 4 & 7;
        let (range, count) = match qualifier & 15 {
            code @ 0..=2 => {
                let width = 1 << code;
                let (start, stop) = (self.number(width)?, self.number(width)?);
                let span = stop.checked_sub(start).ok_or(Problem::Range(start, stop))?;
                (Range::Indexes(start, stop), u64::from(span) + 1)
            }
            6 => (Range::All, 0),
            code @ 7..=9 => {
                let count = self.number(1 << (code - 7))?;
                (Range::Count(count), count.into())
            }
            0xB => {
                let count = self.number(1)?;
                (Range::Count(count), count.into())
            }
            _ => return Err(Problem::Qualifier(*qualifier)),
        };
        let (index_bytes, size_bytes) = match prefix {
            0 => (0, 0),
            1..=3 => (1usize << (prefix - 1), 0),
            4..=6 => (0, 1usize << (prefix - 4)),
            _ => return Err(Problem::Qualifier(*qualifier)),
        };
        let all = self.rest;
        let stride = if size_bytes > 0 {
            self.sized(count, size_bytes)?;
            None
        } else {
            self.objects(size, variation, count, index_bytes)?
        };
        let data = all.get(..all.len() - self.rest.len()).unwrap_or_default();
        Ok(Header { group, variation, range, index_bytes, stride, data })
    }

    /// Skips objects with their own size in front.
    fn sized(&mut self, count: u64, width: usize) -> Result<(), Problem> {
        for _ in 0..count {
            let length = self.number(width).map_err(|_| Problem::ShortData)?;
            self.take(length as usize).ok_or(Problem::ShortData)?;
        }
        Ok(())
    }

    /// Skips objects of one size, or their indexes alone in a request without data. Bytes of one object.
    fn objects(
        &mut self,
        size: Size,
        variation: u8,
        count: u64,
        index_bytes: usize,
    ) -> Result<Option<usize>, Problem> {
        let stride = match size {
            _ if !self.data => 0,
            Size::Empty => 0,
            Size::Bytes(bytes) => bytes.into(),
            Size::Variation => variation.into(),
            Size::Bits(bits) if index_bytes == 0 => {
                let bytes = count.saturating_mul(bits.into()).div_ceil(8);
                let bytes = usize::try_from(bytes).map_err(|_| Problem::ShortData)?;
                self.take(bytes).ok_or(Problem::ShortData)?;
                return Ok(None);
            }
            Size::Bits(_) => 1,
            Size::Attribute => {
                for _ in 0..count {
                    self.take(index_bytes + 1).ok_or(Problem::ShortData)?;
                    let length = self.number(1).map_err(|_| Problem::ShortData)?;
                    self.take(length as usize).ok_or(Problem::ShortData)?;
                }
                return Ok(None);
            }
            Size::Prefixed => return Err(Problem::Qualifier(0)),
        };
        let bytes = count.saturating_mul((stride + index_bytes) as u64);
        self.take(usize::try_from(bytes).map_err(|_| Problem::ShortData)?).ok_or(Problem::ShortData)?;
        Ok(Some(stride))
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<Header<'a>, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended || self.rest.is_empty() {
            return None;
        }
        let read = self.read();
        self.ended = read.is_err();
        Some(read)
    }
}
