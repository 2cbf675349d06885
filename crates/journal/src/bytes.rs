//! Little building blocks of the file format: varints, zigzag, and a reader that cannot run over the end.

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Corrupt(pub &'static str);

/// LEB128: seven bits a byte, low first.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut v: u64) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

#[inline]
pub(crate) const fn zigzag(v: i64) -> u64 {
    ((v << 1) ^ (v >> 63)) as u64
}

#[inline]
pub(crate) const fn unzigzag(v: u64) -> i64 {
    (v >> 1) as i64 ^ -((v & 1) as i64)
}

#[inline]
pub(crate) fn put_signed(out: &mut Vec<u8>, v: i64) {
    put_varint(out, zigzag(v));
}

/// Takes values off the front.
pub(crate) struct Take<'a>(pub &'a [u8]);

impl<'a> Take<'a> {
    pub fn u8(&mut self) -> Result<u8, Corrupt> {
        let (first, rest) = self.0.split_first().ok_or(Corrupt("frame too short"))?;
        self.0 = rest;
        Ok(*first)
    }

    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], Corrupt> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(Corrupt("frame too short"))?;
        self.0 = rest;
        Ok(head)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Corrupt("frame too short"))?;
        self.0 = rest;
        Ok(*head)
    }

    pub fn u64(&mut self) -> Result<u64, Corrupt> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, Corrupt> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u16(&mut self) -> Result<u16, Corrupt> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    #[inline]
    pub fn varint(&mut self) -> Result<u64, Corrupt> {
        let first = self.u8()?;
        if first < 0x80 {
            return Ok(u64::from(first));
        }
        let mut value = u64::from(first & 0x7F);
        for shift in (7..=63).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                // The tenth byte has room for one bit only.
                return if shift == 63 && byte > 1 { Err(Corrupt("number too long")) } else { Ok(value) };
            }
        }
        Err(Corrupt("number too long"))
    }

    #[inline]
    pub fn signed(&mut self) -> Result<i64, Corrupt> {
        self.varint().map(unzigzag)
    }

    /// A count or length, at most `most`.
    pub fn count(&mut self, most: usize) -> Result<usize, Corrupt> {
        match usize::try_from(self.varint()?) {
            Ok(n) if n <= most => Ok(n),
            _ => Err(Corrupt("count out of range")),
        }
    }

    pub fn text(&mut self) -> Result<&'a str, Corrupt> {
        let n = self.count(self.0.len())?;
        std::str::from_utf8(self.bytes(n)?).map_err(|_| Corrupt("text is not UTF-8"))
    }

    pub fn end(&self) -> Result<(), Corrupt> {
        if self.0.is_empty() { Ok(()) } else { Err(Corrupt("bytes left over")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_round_trip_at_every_length() {
        for shift in 0..64 {
            for v in [1u64 << shift, (1u64 << shift).wrapping_sub(1), u64::MAX >> shift] {
                let mut out = Vec::new();
                put_varint(&mut out, v);
                assert_eq!(Take(&out).varint(), Ok(v));
                assert_eq!(unzigzag(zigzag(v as i64)), v as i64);
            }
        }
        assert!(Take(&[0xFF; 9]).varint().is_err());
        assert!(Take(&[0xFF; 11]).varint().is_err());
    }
}
