//! From runs to pages: the encodings of each column.

use super::index::{Encoding, Filled};
use super::kind;
use crate::codec::encode::{self, Runs};
use crate::codec::split::{Split, split};
use crate::run::{Few, HISTORICAL, Run, SYNCHRONISED, Values};
use model::Value;
use std::sync::Arc;

/// Value pages end with a point once they have this many rows ...
const PAGE_ROWS: usize = 8 * 1024;
/// ... and within a point at this many.
const PAGE_MOST: usize = 16 * 1024;
/// Stamp pages end with a group once they have this many rows.
const STAMP_PAGE_ROWS: usize = 2 * 1024;

/// A part of a run that goes into a row group.
#[derive(Clone)]
pub(crate) struct Piece {
    pub run: Arc<Run>,
    pub from: usize,
    pub to: usize,
    pub group: u64,
}

impl Piece {
    pub const fn rows(&self) -> usize {
        self.to - self.from
    }

    pub fn same_stamps(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.run.stamps, &other.run.stamps) && (self.from, self.to) == (other.from, other.to)
    }
}

/// A nullable column of one piece.
pub(crate) enum Opt<T> {
    None,
    All(Vec<T>),
    Some(Vec<Option<T>>),
}

impl<T> Opt<T> {
    pub const fn filled(&self) -> Filled {
        match self {
            Self::None => Filled::None,
            Self::All(_) => Filled::All,
            Self::Some(_) => Filled::Some,
        }
    }

    fn from_rows(rows: Vec<Option<T>>) -> Self {
        if rows.iter().all(Option::is_none) { Self::None } else { Self::Some(rows) }
    }
}

/// The values of a piece as the file keeps them.
pub(crate) struct Cells {
    pub kind: Few<u8>,
    pub scale: Few<u8>,
    pub number: Opt<i64>,
    pub real: Opt<f64>,
    /// Rows with text or bytes; `None` if there is none.
    pub texts: Option<Vec<Value>>,
}

impl Cells {
    const fn plain(kind: u8, number: Opt<i64>) -> Self {
        Self { kind: Few::All(kind), scale: Few::All(0), number, real: Opt::None, texts: None }
    }

    pub fn of(piece: &Piece) -> Self {
        let (from, to) = (piece.from, piece.to);
        match &piece.run.values {
            Values::Bool(v) => {
                Self::plain(kind::BOOL, Opt::All(part(v, from, to).iter().map(|b| i64::from(*b)).collect()))
            }
            Values::I64(v) => Self::plain(kind::I64, Opt::All(part(v, from, to).to_vec())),
            Values::U64(v) => {
                Self::plain(kind::U64, Opt::All(part(v, from, to).iter().map(|u| *u as i64).collect()))
            }
            Values::F64(v) => Self::doubles(part(v, from, to)),
            Values::Mixed(v) => Self::mixed(part(v, from, to)),
        }
    }

    fn doubles(values: &[f64]) -> Self {
        let cells = Self::plain(kind::F64, Opt::None);
        match split(values) {
            Split::Decimal(scale, number) => {
                Self { scale: Few::All(scale), number: Opt::All(number), ..cells }
            }
            Split::Real => Self { real: Opt::All(values.to_vec()), ..cells },
            Split::Mixed(scale, number) => {
                let real = values.iter().zip(&number).map(|(v, n)| n.is_none().then_some(*v)).collect();
                let scales = number.iter().map(|n| if n.is_some() { scale } else { 0 }).collect();
                Self {
                    scale: Few::Rows(scales),
                    number: Opt::Some(number),
                    real: Opt::from_rows(real),
                    ..cells
                }
            }
        }
    }

    fn mixed(values: &[Value]) -> Self {
        let floats: Vec<f64> =
            values.iter().filter_map(|v| if let Value::F64(x) = v { Some(*x) } else { None }).collect();
        let split = split(&floats);
        let mut next = 0;
        let (mut number, mut real) = (Vec::with_capacity(values.len()), Vec::with_capacity(values.len()));
        let (mut kinds, mut scales) = (Few::All(0), Few::All(0));
        let mut texts = false;
        for (row, value) in values.iter().enumerate() {
            let (mut n, mut r, mut scale) = (None, None, 0);
            match value {
                Value::None => {}
                Value::Bool(v) => n = Some(i64::from(*v)),
                Value::I64(v) => n = Some(*v),
                Value::U64(v) => n = Some(*v as i64),
                Value::F64(v) => {
                    (n, scale) = match &split {
                        Split::Decimal(scale, all) => (all.get(next).copied(), *scale),
                        Split::Mixed(scale, some) => (some.get(next).copied().flatten(), *scale),
                        Split::Real => (None, 0),
                    };
                    next += 1;
                    if n.is_none() {
                        (r, scale) = (Some(*v), 0);
                    }
                }
                Value::Text(_) | Value::Bytes(_) => texts = true,
            }
            number.push(n);
            real.push(r);
            kinds.push(row, kind::of(value));
            scales.push(row, scale);
        }
        Self {
            kind: kinds,
            scale: scales,
            number: Opt::from_rows(number),
            real: Opt::from_rows(real),
            texts: texts.then(|| values.to_vec()),
        }
    }
}

fn part<T>(v: &[T], from: usize, to: usize) -> &[T] {
    v.get(from..to).unwrap_or_default()
}

/// An uncompressed data page.
pub(crate) struct Body {
    pub rows: usize,
    /// Values that are there.
    pub values: usize,
    pub encoding: Encoding,
    pub bytes: Vec<u8>,
}

/// A column before compression.
#[derive(Default)]
pub(crate) struct Pages {
    /// Entries and PLAIN bytes.
    pub dictionary: Option<(usize, Vec<u8>)>,
    pub pages: Vec<Body>,
}

/// Rows of a page: which part of which piece.
pub(crate) type Span = Vec<(usize, usize, usize)>;

fn put_levels(levels: &Runs, out: &mut Vec<u8>) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    encode::hybrid(levels, 1, out);
    let len = (out.len() - at - 4) as u32;
    if let Some(slot) = out.get_mut(at..at + 4) {
        slot.copy_from_slice(&len.to_le_bytes());
    }
}

/// A nullable column, its values written by `write`.
pub(crate) fn optional<'a, T: Copy + 'a>(
    spans: &[Span],
    column: impl Fn(usize) -> &'a Opt<T>,
    encoding: Encoding,
    write: impl Fn(&[T], &mut Vec<u8>),
) -> Pages {
    let mut pages = Pages::default();
    for span in spans {
        let (mut levels, mut values, mut rows) = (Runs::default(), Vec::new(), 0);
        for (piece, from, to) in span {
            rows += to - from;
            match column(*piece) {
                Opt::None => levels.push(0, to - from),
                Opt::All(v) => {
                    levels.push(1, to - from);
                    values.extend_from_slice(part(v, *from, *to));
                }
                Opt::Some(v) => {
                    for cell in part(v, *from, *to) {
                        levels.push(u32::from(cell.is_some()), 1);
                        values.extend(cell);
                    }
                }
            }
        }
        let mut bytes = Vec::new();
        put_levels(&levels, &mut bytes);
        write(&values, &mut bytes);
        pages.pages.push(Body { rows, values: values.len(), encoding, bytes });
    }
    pages
}

/// Texts (`want` = text) or byte strings, PLAIN.
pub(crate) fn texts(spans: &[Span], cells: &[Cells], want: u8) -> Pages {
    let mut pages = Pages::default();
    for span in spans {
        let (mut levels, mut values, mut rows) = (Runs::default(), Vec::new(), 0);
        for (piece, from, to) in span {
            rows += to - from;
            let Some(all) = cells.get(*piece).and_then(|c| c.texts.as_ref()) else {
                levels.push(0, to - from);
                continue;
            };
            for value in part(all, *from, *to) {
                let raw: Option<&[u8]> = match value {
                    Value::Text(t) if want == kind::TEXT => Some(t.as_bytes()),
                    Value::Bytes(b) if want == kind::BYTES => Some(b),
                    _ => None,
                };
                levels.push(u32::from(raw.is_some()), 1);
                if let Some(raw) = raw {
                    values.extend_from_slice(&(raw.len() as u32).to_le_bytes());
                    values.extend_from_slice(raw);
                }
            }
        }
        let mut bytes = Vec::new();
        put_levels(&levels, &mut bytes);
        bytes.extend_from_slice(&values);
        pages.pages.push(Body { rows, values: rows, encoding: Encoding::Plain, bytes });
    }
    pages
}

/// A required column of few distinct 32-bit values: dictionary and runs.
pub(crate) fn dictionary(runs: &Runs) -> Pages {
    let mut entries: Vec<u32> = runs.0.iter().map(|r| r.0).collect();
    entries.sort_unstable();
    entries.dedup();
    let width = encode::index_width(entries.len());
    let mut indices = Runs::default();
    for (value, count) in &runs.0 {
        indices.push(entries.binary_search(value).unwrap_or(0) as u32, *count);
    }
    let mut bytes = vec![width as u8];
    encode::hybrid(&indices, width, &mut bytes);
    let plain = entries.iter().flat_map(|e| e.to_le_bytes()).collect();
    let page = Body { rows: runs.len(), values: runs.len(), encoding: Encoding::Dictionary, bytes };
    Pages { dictionary: Some((entries.len(), plain)), pages: vec![page] }
}

/// A required boolean column, PLAIN: one bit a row.
pub(crate) fn booleans(runs: &Runs) -> Pages {
    let mut bytes = vec![0u8; runs.len().div_ceil(8)];
    let mut at = 0;
    for (value, count) in &runs.0 {
        if *value != 0 {
            for row in at..at + count {
                if let Some(byte) = bytes.get_mut(row / 8) {
                    *byte |= 1 << (row % 8);
                }
            }
        }
        at += count;
    }
    Pages { dictionary: None, pages: vec![Body { rows: at, values: at, encoding: Encoding::Plain, bytes }] }
}

/// Runs of a column that is few values per piece.
pub(crate) fn runs_of<T: Copy + PartialEq>(
    pieces: &[Piece],
    of: impl Fn(usize) -> Few<T>,
    as_u32: impl Fn(T) -> u32,
) -> Runs {
    let mut runs = Runs::default();
    for (at, piece) in pieces.iter().enumerate() {
        match of(at) {
            Few::All(one) => runs.push(as_u32(one), piece.rows()),
            Few::Rows(rows) => rows.into_iter().for_each(|v| runs.push(as_u32(v), 1)),
        }
    }
    runs
}

/// The status column of a piece.
pub(crate) fn status(piece: &Piece) -> Few<u32> {
    piece.run.status.slice(piece.from, piece.to)
}

/// One bit of the flags of a piece.
pub(crate) fn flag(piece: &Piece, historical: bool) -> Few<bool> {
    let bit = if historical { HISTORICAL } else { SYNCHRONISED };
    match piece.run.stamps.flags.slice(piece.from, piece.to) {
        Few::All(f) => Few::All(f & bit != 0),
        Few::Rows(rows) => Few::Rows(rows.into_iter().map(|f| f & bit != 0).collect()),
    }
}

/// Which stamp column.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Stamp {
    Time,
    Received,
    Seq,
}

/// Times or sequence numbers: pages that hold whole groups, so that the vector shared by its points compresses to
/// one copy.
pub(crate) fn stamps(pieces: &[Piece], spans: &[(usize, usize)], which: Stamp) -> Pages {
    let mut pages = Pages::default();
    for (first, last) in spans {
        let span = part(pieces, *first, *last);
        let mut bytes = Vec::new();
        let mut levels = Runs::default();
        let mut vectors: Vec<&[i64]> = Vec::with_capacity(span.len());
        for piece in span {
            let stamps = &piece.run.stamps;
            let column = match which {
                Stamp::Time => Some(&stamps.time),
                Stamp::Seq => Some(&stamps.seq),
                Stamp::Received => stamps.received.as_ref(),
            };
            levels.push(u32::from(column.is_some()), piece.rows());
            vectors.extend(column.map(|c| part(c, piece.from, piece.to)));
        }
        if which == Stamp::Received {
            put_levels(&levels, &mut bytes);
        }
        let changes = 1 + vectors.windows(2).filter(|w| !matches!(w, [a, b] if std::ptr::eq(*a, *b))).count();
        let aligned =
            vectors.first().is_none_or(|v| v.len().is_multiple_of(crate::codec::STAMP_BLOCK)) && changes == 1;
        let encoding = if aligned || changes * 2 > vectors.len() { Encoding::Delta } else { Encoding::Plain };
        if encoding == Encoding::Delta {
            encode::delta_stamps(&vectors, &mut bytes);
        } else {
            vectors.iter().for_each(|v| encode::plain_i64(v, &mut bytes));
        }
        pages.pages.push(Body { rows: levels.len(), values: levels.len(), encoding, bytes });
    }
    pages
}

/// Value pages: whole points until there are enough rows; long points in parts.
pub(crate) fn value_spans(pieces: &[Piece]) -> Vec<Span> {
    let mut spans = Vec::new();
    let (mut span, mut have) = (Span::new(), 0);
    for (at, piece) in pieces.iter().enumerate() {
        let rows = piece.rows();
        if have > 0 && have + rows > PAGE_MOST {
            spans.push(std::mem::take(&mut span));
            have = 0;
        }
        let mut from = 0;
        while rows - from > PAGE_MOST {
            spans.push(vec![(at, from, from + PAGE_MOST)]);
            from += PAGE_MOST;
        }
        span.push((at, from, rows));
        have += rows - from;
        if have >= PAGE_ROWS {
            spans.push(std::mem::take(&mut span));
            have = 0;
        }
    }
    if !span.is_empty() {
        spans.push(span);
    }
    spans
}

/// Stamp pages: the pieces of one group and slice; small ones together, but never in front of a big one, whose shared
/// times would lose their alignment.
pub(crate) fn stamp_spans(pieces: &[Piece]) -> Vec<(usize, usize)> {
    let mut spans: Vec<(usize, usize, usize)> = Vec::new();
    let mut before: Option<&Piece> = None;
    for (at, piece) in pieces.iter().enumerate() {
        // A new group or a new slice of the same group: the point does not grow.
        let border = before.is_none_or(|b| b.group != piece.group || b.run.point >= piece.run.point);
        before = Some(piece);
        match spans.last_mut() {
            Some(span) if !border => *span = (span.0, at + 1, span.2 + piece.rows()),
            _ => spans.push((at, at + 1, piece.rows())),
        }
    }
    let mut pages: Vec<(usize, usize, usize)> = Vec::new();
    for (first, last, rows) in spans {
        match pages.last_mut() {
            Some(page) if page.2 + rows < STAMP_PAGE_ROWS => *page = (page.0, last, page.2 + rows),
            _ => pages.push((first, last, rows)),
        }
    }
    pages.into_iter().map(|(first, last, _)| (first, last)).collect()
}
