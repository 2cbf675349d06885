//! Groups of the file record functions 20 and 21 (sections 6.14, 6.15).

use super::reader::Reader;
use super::{Error, Limits};

/// The only reference type of the standard.
pub const REFERENCE_TYPE: u8 = 6;

/// Records of one file to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRange {
    /// File number, 1 to 65535.
    pub file: u16,
    /// First record, 0-based.
    pub record: u16,
    /// Registers to read.
    pub length: u16,
}

/// Records of one file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileData {
    /// File number, 1 to 65535.
    pub file: u16,
    /// First record, 0-based.
    pub record: u16,
    /// Registers to write.
    pub values: Vec<u16>,
}

/// Checks what both directions have in common.
pub(super) fn check(file: u16, record: u16, length: usize, limits: &Limits) -> Result<(), Error> {
    if file == 0 {
        return Err(Error::Value { field: "file number", got: 0 });
    }
    let last = usize::from(record) + length.saturating_sub(1);
    if length == 0 || last > usize::from(limits.file_record) {
        return Err(Error::Quantity {
            what: "last record number",
            got: last,
            min: usize::from(record),
            max: usize::from(limits.file_record),
        });
    }
    Ok(())
}

pub(super) fn reference(reader: &mut Reader<'_>) -> Result<(), Error> {
    match reader.u8()? {
        REFERENCE_TYPE => Ok(()),
        got => Err(Error::Value { field: "reference type", got: u32::from(got) }),
    }
}

/// Register bytes of each group in a response to function 20; stops at the first group that does not fit.
pub fn groups(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (length, tail) = rest.split_first()?;
        let (group, tail) = tail.split_at_checked(usize::from(*length))?;
        rest = tail;
        group.get(1..)
    })
}
