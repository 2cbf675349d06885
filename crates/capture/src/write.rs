//! Writes pcap files: Ethernet, nanoseconds.

use std::io::{Result, Write};

/// Writes packets into a stream.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Begins a file for packets of a link type.
    ///
    /// # Errors
    /// What the stream says.
    pub fn new(mut out: W, link: u16) -> Result<Self> {
        let words = [0xA1B2_3C4D, 0x0004_0002, 0, 0, 262_144, u32::from(link)];
        words.iter().try_for_each(|word: &u32| out.write_all(&word.to_le_bytes()))?;
        Ok(Self { out })
    }

    /// Adds a packet that was captured at a time in nanoseconds since 1970 UTC.
    ///
    /// # Errors
    /// What the stream says.
    pub fn packet(&mut self, time_ns: i64, data: &[u8]) -> Result<()> {
        self.cut(time_ns, u32::try_from(data.len()).unwrap_or(u32::MAX), data)
    }

    /// Adds a packet that had `original` bytes on the wire.
    ///
    /// # Errors
    /// What the stream says.
    pub fn cut(&mut self, time_ns: i64, original: u32, data: &[u8]) -> Result<()> {
        let seconds = u32::try_from(time_ns.div_euclid(1_000_000_000)).unwrap_or(u32::MAX);
        let nanos = u32::try_from(time_ns.rem_euclid(1_000_000_000)).unwrap_or_default();
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        for word in [seconds, nanos, length, original.max(length)] {
            self.out.write_all(&word.to_le_bytes())?;
        }
        self.out.write_all(data)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// What the stream says.
    pub fn finish(mut self) -> Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}
