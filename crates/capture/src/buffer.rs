//! A window on a stream: so many bytes at its front, without copying each packet.

use std::io::{ErrorKind, Read};

/// Bytes that are read at once.
const CHUNK: usize = 256 * 1024;

pub(crate) struct Buffer<R> {
    read: R,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes of the stream in front of `start`.
    passed: u64,
}

impl<R: Read> Buffer<R> {
    pub(crate) fn new(read: R) -> Self {
        Self { read, bytes: vec![0; CHUNK], start: 0, end: 0, passed: 0 }
    }

    /// Where the front stands in the stream.
    pub(crate) const fn position(&self) -> u64 {
        self.passed
    }

    /// The first `count` bytes, or as many as there are before the end.
    pub(crate) fn front(&mut self, count: usize) -> std::io::Result<&[u8]> {
        if self.end - self.start < count {
            self.fill(count)?;
        }
        let there = count.min(self.end - self.start);
        Ok(self.bytes.get(self.start..self.start + there).unwrap_or_default())
    }

    /// Drops bytes from the front that [`Buffer::front`] has shown.
    pub(crate) fn pass(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.passed += count as u64;
    }

    /// The `count` bytes that were passed last: they stay until the next call of [`Buffer::front`].
    pub(crate) fn last(&self, count: usize) -> &[u8] {
        self.start.checked_sub(count).and_then(|from| self.bytes.get(from..self.start)).unwrap_or_default()
    }

    fn fill(&mut self, count: usize) -> std::io::Result<()> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.bytes.len() < count {
            self.bytes.resize(count.next_multiple_of(CHUNK), 0);
        }
        while self.end < count {
            let Some(space) = self.bytes.get_mut(self.end..) else { break };
            match self.read.read(space) {
                Ok(0) => break,
                Ok(got) => self.end += got.min(space.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
