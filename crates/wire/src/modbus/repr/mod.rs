//! The strict representation: a PDU that is exactly right, or an error.

mod request;
mod response;

pub use request::Request;
pub use response::Response;

/// The registers in a bulk field, big-endian on the wire (section 4.2); a last odd byte is ignored.
pub fn registers(bytes: &[u8]) -> impl ExactSizeIterator<Item = u16> + '_ {
    let (pairs, _) = bytes.as_chunks::<2>();
    pairs.iter().map(|pair| u16::from_be_bytes(*pair))
}

/// Bit `index` of a bit field: bit 0 is the lowest bit of the first byte (section 6.1).
#[must_use]
pub fn bit(bytes: &[u8], index: usize) -> Option<bool> {
    bytes.get(index / 8).map(|byte| byte & (1 << (index % 8)) != 0)
}

/// The first `quantity` bits of a bit field, at most as many as there are.
pub fn bits(bytes: &[u8], quantity: usize) -> impl Iterator<Item = bool> + '_ {
    bytes.iter().flat_map(|byte| (0..8).map(move |shift| byte & (1 << shift) != 0)).take(quantity)
}

/// Appends bits as they stand on the wire; the last byte is padded with zeros.
pub fn pack_bits(values: impl IntoIterator<Item = bool>, out: &mut Vec<u8>) {
    let (mut byte, mut shift) = (0u8, 0u32);
    for value in values {
        byte |= u8::from(value) << shift;
        shift += 1;
        if shift == 8 {
            out.push(byte);
            (byte, shift) = (0, 0);
        }
    }
    if shift > 0 {
        out.push(byte);
    }
}

pub(super) fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// A count that must fit one byte; saturates, so that an invalid repr gives a PDU every receiver refuses.
pub(super) fn put_count(out: &mut Vec<u8>, count: usize) {
    out.push(u8::try_from(count).unwrap_or(u8::MAX));
}
