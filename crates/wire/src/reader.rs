//! A bounded cursor over a message, for all protocols: every access is checked, nothing is indexed.

use std::marker::PhantomData;

/// Order of the bytes of a number.
pub(crate) trait Order {
    fn u16(bytes: [u8; 2]) -> u16;
    fn u32(bytes: [u8; 4]) -> u32;
}

/// Most significant byte first.
#[derive(Debug)]
pub(crate) struct Big;

/// Least significant byte first.
#[derive(Debug)]
pub(crate) struct Little;

impl Order for Big {
    fn u16(bytes: [u8; 2]) -> u16 {
        u16::from_be_bytes(bytes)
    }
    fn u32(bytes: [u8; 4]) -> u32 {
        u32::from_be_bytes(bytes)
    }
}

impl Order for Little {
    fn u16(bytes: [u8; 2]) -> u16 {
        u16::from_le_bytes(bytes)
    }
    fn u32(bytes: [u8; 4]) -> u32 {
        u32::from_le_bytes(bytes)
    }
}

/// The message ends too early.
pub(crate) struct Short {
    /// Bytes that it would need at least.
    pub need: usize,
    /// Bytes that it has.
    pub have: usize,
}

/// So many bytes are left that nobody has read.
pub(crate) struct Extra(pub usize);

/// A cursor in byte order `O` whose mistakes are a protocol's own `E`.
#[derive(Debug)]
pub(crate) struct Reader<'a, O, E> {
    rest: &'a [u8],
    total: usize,
    kind: PhantomData<fn() -> (O, E)>,
}

impl<O, E> Clone for Reader<'_, O, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O, E> Copy for Reader<'_, O, E> {}

impl<'a, O: Order, E: From<Short> + From<Extra>> Reader<'a, O, E> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, total: bytes.len(), kind: PhantomData }
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn short(&self, wanted: usize) -> E {
        Short { need: self.total - self.rest.len() + wanted, have: self.total }.into()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], E> {
        let (head, tail) = self.rest.split_at_checked(count).ok_or_else(|| self.short(count))?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], E> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.short(N))?;
        self.rest = tail;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, E> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, E> {
        Ok(O::u16(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, E> {
        Ok(O::u32(self.array()?))
    }

    /// Everything that is left.
    pub(crate) fn all(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Refuses bytes that nobody has read.
    pub(crate) fn finish(&self) -> Result<(), E> {
        if self.rest.is_empty() { Ok(()) } else { Err(Extra(self.rest.len()).into()) }
    }
}
