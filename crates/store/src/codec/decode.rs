//! Reading. Every function takes the number of rows it may produce and trusts nothing else.

use super::Damaged;

/// A cursor over bytes.
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Damaged> {
        let (head, tail) = self.0.split_at_checked(n).ok_or(Damaged("too short"))?;
        self.0 = tail;
        Ok(head)
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8, Damaged> {
        let (head, tail) = self.0.split_first().ok_or(Damaged("too short"))?;
        self.0 = tail;
        Ok(*head)
    }

    /// ULEB128.
    pub fn varint(&mut self) -> Result<u64, Damaged> {
        let (mut v, mut shift) = (0u64, 0u32);
        loop {
            let b = self.byte()?;
            if shift > 63 {
                return Err(Damaged("number too long"));
            }
            v |= u64::from(b & 0x7F) << shift;
            if b & 0x80 == 0 {
                return Ok(v);
            }
            shift += 7;
        }
    }

    /// A zigzag number.
    pub fn zigzag(&mut self) -> Result<i64, Damaged> {
        let v = self.varint()?;
        Ok((v >> 1) as i64 ^ -((v & 1) as i64))
    }

    /// A length that must not exceed `most`.
    pub fn length(&mut self, most: usize) -> Result<usize, Damaged> {
        usize::try_from(self.varint()?).ok().filter(|n| *n <= most).ok_or(Damaged("length beyond its bound"))
    }
}

/// Unpacks `count` values of `width` bits.
fn unpack(bytes: &[u8], width: u32, count: usize, mut put: impl FnMut(u64)) {
    match width {
        0 => (0..count).for_each(|_| put(0)),
        8 => bytes.iter().take(count).for_each(|b| put(u64::from(*b))),
        4 => bytes.iter().flat_map(|b| [b & 15, b >> 4]).take(count).for_each(|v| put(u64::from(v))),
        _ => {
            let mask = if width == 64 { u64::MAX } else { (1u64 << width) - 1 };
            let (mut hold, mut have, mut from) = (0u128, 0u32, bytes.iter());
            for _ in 0..count {
                while have < width {
                    hold |= u128::from(from.next().copied().unwrap_or(0)) << have;
                    have += 8;
                }
                put(hold as u64 & mask);
                hold >>= width;
                have -= width;
            }
        }
    }
}

/// DELTA_BINARY_PACKED: at most `limit` values from the start.
///
/// # Errors
/// The bytes are not what they should be.
pub fn delta(bytes: &[u8], limit: usize) -> Result<Vec<i64>, Damaged> {
    let mut from = Bytes(bytes);
    let block = from.length(1 << 20)?;
    let minis = from.length(256)?;
    if minis == 0 || block == 0 || !block.is_multiple_of(minis * 32) {
        return Err(Damaged("block size"));
    }
    let mini = block / minis;
    let count = from.length(1 << 28)?.min(limit);
    let mut value = from.zigzag()?;
    let mut out = Vec::with_capacity(count.min(1 << 22));
    if count > 0 {
        out.push(value);
    }
    while out.len() < count {
        let base = from.zigzag()?;
        let widths = from.take(minis)?;
        for width in widths {
            if out.len() >= count {
                break;
            }
            let width = u32::from(*width);
            if width > 64 {
                return Err(Damaged("width"));
            }
            let body = from.take(mini * width as usize / 8)?;
            let want = mini.min(count - out.len());
            unpack(body, width, want, |d| {
                value = value.wrapping_add(base).wrapping_add(d as i64);
                out.push(value);
            });
        }
    }
    Ok(out)
}

/// PLAIN 64-bit integers, at most `limit`.
///
/// # Errors
/// Fewer bytes than values.
pub fn plain_i64(bytes: &[u8], limit: usize) -> Vec<i64> {
    bytes.as_chunks::<8>().0.iter().take(limit).map(|c| i64::from_le_bytes(*c)).collect()
}

/// BYTE_STREAM_SPLIT doubles: `count` values.
///
/// # Errors
/// Not `8 * count` bytes.
pub fn byte_stream_split(bytes: &[u8], count: usize) -> Result<Vec<f64>, Damaged> {
    if bytes.len() != count * 8 {
        return Err(Damaged("byte stream length"));
    }
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut bits = vec![0u64; count];
    for (stream, part) in bytes.chunks_exact(count).enumerate() {
        for (to, b) in bits.iter_mut().zip(part) {
            *to |= u64::from(*b) << (8 * stream);
        }
    }
    Ok(bits.into_iter().map(f64::from_bits).collect())
}

/// The RLE / bit-packing hybrid: exactly `count` values.
///
/// # Errors
/// The bytes are not what they should be.
pub fn hybrid(bytes: &[u8], width: u32, count: usize) -> Result<Vec<u32>, Damaged> {
    let mut from = Bytes(bytes);
    let mut out = Vec::with_capacity(count.min(1 << 22));
    if width > 32 {
        return Err(Damaged("width"));
    }
    while out.len() < count {
        let head = from.varint()?;
        let left = count - out.len();
        if head & 1 == 0 {
            let raw = from.take(width.div_ceil(8) as usize)?;
            let value = raw.iter().rev().fold(0u32, |acc, b| acc << 8 | u32::from(*b));
            let run = usize::try_from(head >> 1).unwrap_or(usize::MAX).min(left);
            if run == 0 {
                return Err(Damaged("empty run"));
            }
            out.resize(out.len() + run, value);
        } else {
            let groups = usize::try_from(head >> 1)
                .ok()
                .filter(|g| *g > 0 && *g < 1 << 26)
                .ok_or(Damaged("groups"))?;
            let raw = from.take(groups * width as usize)?;
            unpack(raw, width, (groups * 8).min(left), |v| out.push(v as u32));
        }
    }
    Ok(out)
}
