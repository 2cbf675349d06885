//! Reading and writing little-endian fields.

use super::Error;
use crate::reader::Little;

/// The cursor of this protocol: little-endian, with its own mistakes.
pub(super) type Reader<'a> = crate::reader::Reader<'a, Little, Error>;

pub(super) fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Writes a 16-bit field that was left open, once what it counts is known.
pub(super) fn fill16(out: &mut [u8], at: usize, value: usize) {
    let value = u16::try_from(value).unwrap_or(u16::MAX);
    if let Some(field) = out.get_mut(at..at + 2) {
        field.copy_from_slice(&value.to_le_bytes());
    }
}
