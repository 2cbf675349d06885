//! A bounded cursor over a PDU: every access is checked, nothing is indexed.

use super::Error;

#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, total: bytes.len() }
    }

    pub(super) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    const fn short(&self, wanted: usize) -> Error {
        Error::Truncated { need: self.total - self.rest.len() + wanted, have: self.total }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (head, tail) = self.rest.split_at_checked(count).ok_or(self.short(count))?;
        self.rest = tail;
        Ok(head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        let (head, tail) = self.rest.split_first().ok_or(self.short(1))?;
        self.rest = tail;
        Ok(*head)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        let (head, tail) = self.rest.split_first_chunk::<2>().ok_or(self.short(2))?;
        self.rest = tail;
        Ok(u16::from_be_bytes(*head))
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Refuses bytes that nobody has read.
    pub(super) const fn finish(&self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::Trailing { extra: self.rest.len() }) }
    }
}
