//! One stream of packets, whatever its format.

use crate::buffer::Buffer;
use crate::{pcap, pcapng};
use std::io::Read;

/// A captured packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its number in the file, from 1, as other tools count.
    pub number: u64,
    /// When it was captured: nanoseconds since 1970 UTC; 0 if the file does not say.
    pub time_ns: i64,
    /// How its bytes begin: a link type of tcpdump.org's registry.
    pub link: u16,
    /// Bytes on the wire.
    pub original: u32,
    /// Bytes captured.
    pub data: &'a [u8],
}

/// Why a capture cannot be read (further).
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// Nothing in it.
    #[error("the file is empty: the capture was never started, or it ended before anything was written")]
    Empty,
    /// Another kind of file.
    #[error("this is no capture, it begins with {begins}: {hint}")]
    Foreign {
        /// Its first bytes in hexadecimal.
        begins: String,
        /// What it may be.
        hint: &'static str,
    },
    /// It ends in the middle of something.
    #[error("the file ends in the middle of {what} at byte {at}: everything before it was read")]
    Cut {
        /// What was begun.
        what: &'static str,
        /// Where it begins, in bytes from the start.
        at: u64,
    },
    /// Something that cannot be.
    #[error("{what} at byte {at} cannot be right, the rest of the file is not read")]
    Wrong {
        /// Which field.
        what: &'static str,
        /// Where, in bytes from the start.
        at: u64,
    },
    /// The file could not be read.
    #[error("reading failed: {0}")]
    Io(#[from] std::io::Error),
}

enum Format {
    Pcap(pcap::Header),
    Pcapng(Box<pcapng::State>),
}

/// Reads packets one after the other.
pub struct Source<R> {
    buffer: Buffer<R>,
    format: Format,
    number: u64,
}

impl<R: Read> Source<R> {
    /// Looks at the beginning of a stream.
    ///
    /// # Errors
    /// [`Damage`] if it is empty, cut within its header, or no capture.
    pub fn open(read: R) -> Result<Self, Damage> {
        let mut buffer = Buffer::new(read);
        let begin = buffer.front(4)?;
        let format = match begin {
            [] => return Err(Damage::Empty),
            [0x0A, 0x0D, 0x0D, 0x0A] => Format::Pcapng(Box::default()),
            magic => match magic.first_chunk().and_then(|magic| pcap::Magic::of(*magic)) {
                Some(magic) => Format::Pcap(pcap::header(magic, &mut buffer)?),
                None => return Err(foreign(magic)),
            },
        };
        Ok(Self { buffer, format, number: 0 })
    }

    /// The next packet; `None` at a sound end.
    ///
    /// # Errors
    /// [`Damage`]; nothing follows it.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, Damage> {
        self.number += 1;
        match &mut self.format {
            Format::Pcap(header) => pcap::next(header, self.number, &mut self.buffer),
            Format::Pcapng(state) => pcapng::next(state, self.number, &mut self.buffer),
        }
    }

    /// Bytes of the stream that are done with.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.buffer.position()
    }
}

fn foreign(magic: &[u8]) -> Damage {
    let hint = match magic {
        [0x1F, 0x8B, ..] => "it is compressed with gzip; unpack it first (gunzip)",
        [0x28, 0xB5, 0x2F, 0xFD] => "it is compressed with zstd; unpack it first (unzstd)",
        [b'P', b'K', ..] => "it is a ZIP archive; unpack it first",
        [0x42, 0x5A, b'h', ..] => "it is compressed with bzip2; unpack it first",
        [0x54, 0x52, 0x53, 0x4E] | [b's', b'n', b'o', b'o'] => {
            "it is a capture of another tool; convert it to pcap with Wireshark (File, Save as)"
        }
        _ => "pcap and pcapng files are read; other captures can be converted with Wireshark (File, Save as)",
    };
    let begins = magic.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    Damage::Foreign { begins, hint }
}
