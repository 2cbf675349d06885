//! Writing.

use super::{MINI, STAMP_BLOCK, VALUE_BLOCK};

/// ULEB128.
pub fn varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push((v as u8) | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

/// Signed to unsigned, small magnitudes to small numbers.
pub const fn zigzag(v: i64) -> u64 {
    ((v << 1) ^ (v >> 63)) as u64
}

/// Bits that hold `v`.
const fn bits(v: u64) -> u32 {
    64 - v.leading_zeros()
}

/// The next width at which values do not straddle bytes, up to a byte: entropy coding then sees whole symbols.
const fn aligned(width: u32) -> u32 {
    match width {
        0..=2 => width,
        3..=4 => 4,
        5..=8 => 8,
        wider => wider,
    }
}

/// Packs `values` with `width` bits each, least significant first.
fn pack(out: &mut Vec<u8>, values: &[u64], width: u32) {
    match width {
        0 => {}
        8 => out.extend(values.iter().map(|v| *v as u8)),
        4 => out.extend(values.chunks(2).map(|c| c.iter().rev().fold(0u64, |acc, v| acc << 4 | v) as u8)),
        2 => out.extend(values.chunks(4).map(|c| c.iter().rev().fold(0u64, |acc, v| acc << 2 | v) as u8)),
        _ => {
            let (mut hold, mut have) = (0u128, 0u32);
            for v in values {
                hold |= u128::from(*v) << have;
                have += width;
                if have >= 64 {
                    out.extend_from_slice(&(hold as u64).to_le_bytes());
                    hold >>= 64;
                    have -= 64;
                }
            }
            let rest = (hold as u64).to_le_bytes();
            out.extend_from_slice(&rest[..(have as usize).div_ceil(8)]);
        }
    }
}

fn header(out: &mut Vec<u8>, block: usize, count: usize, first: i64) {
    varint(out, block as u64);
    varint(out, MINI as u64);
    varint(out, count as u64);
    varint(out, zigzag(first));
}

/// One block: `deltas` (at most a block of them) relative to `base`, widths given or exact per mini-block.
fn put_block(
    out: &mut Vec<u8>,
    deltas: &[i64],
    block: usize,
    base: i64,
    fixed: Option<u32>,
    scratch: &mut Vec<u64>,
) {
    let mini = block / MINI;
    varint(out, zigzag(base));
    scratch.clear();
    scratch.extend(deltas.iter().map(|d| d.wrapping_sub(base) as u64));
    let used = scratch.len().div_ceil(mini);
    let mut widths = [0u32; MINI];
    for (width, part) in widths.iter_mut().zip(scratch.chunks(mini)) {
        *width = fixed.unwrap_or_else(|| bits(part.iter().fold(0, |a, b| a | b)));
    }
    out.extend(widths.iter().map(|w| *w as u8));
    scratch.resize(used * mini, 0);
    for (width, part) in widths.iter().zip(scratch.chunks(mini)) {
        pack(out, part, *width);
    }
}

fn extremes(deltas: &[i64]) -> (i64, i64) {
    deltas.iter().fold((i64::MAX, i64::MIN), |(lo, hi), d| (lo.min(*d), hi.max(*d)))
}

/// DELTA_BINARY_PACKED for measured values. Where all small steps of the page fit one byte, every block uses the
/// same base and the same width of 1, 2, 4 or 8 bits: the packed bytes are then symbols of one alphabet, which
/// zstd codes near their entropy. Exact widths take fewer bits before zstd and more after it.
pub fn delta_values(values: &[i64], out: &mut Vec<u8>) {
    let Some(first) = values.first() else { return header(out, VALUE_BLOCK, 0, 0) };
    header(out, VALUE_BLOCK, values.len(), *first);
    let deltas: Vec<i64> = values.windows(2).map(|w| w[1].wrapping_sub(w[0])).collect();
    let (mut lo, mut hi) = (i64::MAX, i64::MIN);
    for d in &deltas {
        let small = (-128..128).contains(d);
        lo = if small { lo.min(*d) } else { lo };
        hi = if small { hi.max(*d) } else { hi };
    }
    let width = if lo <= hi { aligned(bits((hi - lo) as u64)) } else { 0 };
    let mut scratch = Vec::with_capacity(VALUE_BLOCK);
    for block in deltas.chunks(VALUE_BLOCK) {
        let (min, max) = extremes(block);
        if min == max {
            put_block(out, block, VALUE_BLOCK, min, Some(0), &mut scratch);
        } else if min >= lo && max <= hi {
            put_block(out, block, VALUE_BLOCK, lo, Some(width), &mut scratch);
        } else {
            put_block(out, block, VALUE_BLOCK, wide_base(block, min), None, &mut scratch);
        }
    }
}

/// The smallest delta, unless the span does not fit an `i64`: then the arithmetic wraps and any base is right.
fn wide_base(block: &[i64], min: i64) -> i64 {
    let _ = block;
    min
}

fn stamp_blocks(out: &mut Vec<u8>, deltas: &[i64], scratch: &mut Vec<u64>) {
    for block in deltas.chunks(STAMP_BLOCK) {
        put_block(out, block, STAMP_BLOCK, extremes(block).0, None, scratch);
    }
}

/// DELTA_BINARY_PACKED of the concatenation of `vectors`, exact widths.
///
/// When all are the same vector with a length that is a multiple of the block, its bytes are made once and repeated.
pub fn delta_stamps(vectors: &[&[i64]], out: &mut Vec<u8>) {
    let count = vectors.iter().map(|v| v.len()).sum();
    let Some(first) = vectors.iter().find_map(|v| v.first()) else { return header(out, STAMP_BLOCK, 0, 0) };
    header(out, STAMP_BLOCK, count, *first);
    let mut scratch = Vec::with_capacity(STAMP_BLOCK);
    let mut deltas = Vec::new();
    let one = vectors.first().copied().unwrap_or_default();
    let same = vectors.iter().all(|v| std::ptr::eq(*v, one));
    if same && vectors.len() > 1 && one.len().is_multiple_of(STAMP_BLOCK) {
        deltas.extend(one.windows(2).map(|w| w[1].wrapping_sub(w[0])));
        let mut last = Vec::new();
        stamp_blocks(&mut last, &deltas, &mut scratch);
        let end = one.last().copied().unwrap_or_default();
        deltas.push(first.wrapping_sub(end));
        let mut period = Vec::new();
        stamp_blocks(&mut period, &deltas, &mut scratch);
        for _ in 1..vectors.len() {
            out.extend_from_slice(&period);
        }
        out.extend_from_slice(&last);
        return;
    }
    let mut before = *first;
    deltas.reserve(count);
    for (at, v) in vectors.iter().flat_map(|v| v.iter()).enumerate() {
        if at > 0 {
            deltas.push(v.wrapping_sub(before));
        }
        before = *v;
    }
    stamp_blocks(out, &deltas, &mut scratch);
}

/// PLAIN of 64-bit integers.
pub fn plain_i64(values: &[i64], out: &mut Vec<u8>) {
    out.reserve(values.len() * 8);
    for v in values {
        out.extend_from_slice(&v.to_le_bytes());
    }
}

/// BYTE_STREAM_SPLIT of doubles: all first bytes, then all second bytes, ...
pub fn byte_stream_split(values: &[f64], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + values.len() * 8, 0);
    let Some(body) = out.get_mut(start..) else { return };
    if values.is_empty() {
        return;
    }
    for (stream, bytes) in body.chunks_exact_mut(values.len()).enumerate() {
        for (to, v) in bytes.iter_mut().zip(values) {
            *to = (v.to_bits() >> (8 * stream)) as u8;
        }
    }
}

/// Runs of equal values, for columns that hardly change.
#[derive(Default, Debug, Clone)]
pub struct Runs(pub Vec<(u32, usize)>);

impl Runs {
    /// `count` more rows of `value`.
    pub fn push(&mut self, value: u32, count: usize) {
        match self.0.last_mut() {
            Some((last, have)) if *last == value => *have += count,
            _ if count > 0 => self.0.push((value, count)),
            _ => {}
        }
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.0.iter().map(|r| r.1).sum()
    }

    /// No rows.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The RLE / bit-packing hybrid. Runs of 8 and more are RLE, what is between them is packed in groups of 8.
pub fn hybrid(runs: &Runs, width: u32, out: &mut Vec<u8>) {
    let bytes = width.div_ceil(8) as usize;
    let mut literal: Vec<u64> = Vec::new();
    for (value, count) in &runs.0 {
        let mut left = *count;
        let fill = if literal.is_empty() { 0 } else { literal.len().next_multiple_of(8) - literal.len() };
        if left >= 8 + fill {
            literal.extend(std::iter::repeat_n(u64::from(*value), fill));
            left -= fill;
            flush_literal(&mut literal, width, out);
            varint(out, (left as u64) << 1);
            out.extend_from_slice(&value.to_le_bytes()[..bytes]);
        } else {
            literal.extend(std::iter::repeat_n(u64::from(*value), left));
        }
    }
    let padded = literal.len().next_multiple_of(8);
    literal.resize(padded, 0);
    flush_literal(&mut literal, width, out);
}

fn flush_literal(literal: &mut Vec<u64>, width: u32, out: &mut Vec<u8>) {
    if !literal.is_empty() {
        varint(out, (literal.len() as u64 / 8) << 1 | 1);
        pack(out, literal, width);
        literal.clear();
    }
}

/// Bits of a dictionary index among `entries`.
pub const fn index_width(entries: usize) -> u32 {
    bits((entries as u64).saturating_sub(1))
}
