//! SMB 1 and 2/3 over TCP, to look at ([MS-SMB], [MS-CIFS], [MS-SMB2]).
//!
//! ```text
//!   0 length 3 │ FF SMB command status 4 .. (32 bytes) │ word count 1 │ words │ byte count 2 │ bytes
//!   0 length 3 │ FE SMB 64 0 .. status 4 command 2 .. (64 bytes) │ body      FD SMB: encrypted
//! ```

use std::fmt;

/// The port.
pub const PORT: u16 = 445;
/// Longest name that is looked at, bytes.
const MAX_NAME: usize = 512;

/// Length of the message that begins here, with its header; `None` as long as it is not known.
///
/// # Errors
/// What begins here is no message of this transport.
pub fn frame_length(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
    match bytes {
        [0, a, b, c, ..] => {
            let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
            Ok(Some(4 + length))
        }
        // Session request, answers and keep-alive of NetBIOS (RFC 1002, 4.3).
        [0x81..=0x85, _, a, b, ..] => Ok(Some(4 + usize::from(u16::from_be_bytes([*a, *b])))),
        [0 | 0x81..=0x85, ..] | [] => Ok(None),
        _ => Err("bytes that begin no message of SMB"),
    }
}

/// Which dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SMB 1, of old.
    One,
    /// SMB 2 and 3.
    Two,
    /// SMB 3, encrypted: nothing more is known.
    Encrypted,
}

/// A pattern that no proper client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// A second part of a transaction that was announced smaller than it is (MS17-010).
    Overflow,
    /// A session setup as a sub-command of a transaction: a backdoor listens to this.
    Backdoor,
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overflow => "a part of a transaction that is larger than the whole (MS17-010)",
            Self::Backdoor => "a session setup inside a transaction (a known backdoor)",
        })
    }
}

/// A look at one message behind its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageView<'a> {
    bytes: &'a [u8],
}

impl<'a> MessageView<'a> {
    /// Looks at a message.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Its dialect; `None` if this is no message of SMB.
    #[must_use]
    pub fn dialect(&self) -> Option<Dialect> {
        match self.bytes.first_chunk::<4>()? {
            [0xFF, b'S', b'M', b'B'] => Some(Dialect::One),
            [0xFE, b'S', b'M', b'B'] => Some(Dialect::Two),
            [0xFD, b'S', b'M', b'B'] => Some(Dialect::Encrypted),
            _ => None,
        }
    }

    fn at<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..)?.first_chunk::<N>().copied()
    }

    /// Command: a number of its dialect.
    #[must_use]
    pub fn command(&self) -> Option<u16> {
        match self.dialect()? {
            Dialect::One => self.at::<1>(4).map(|[command]| command.into()),
            Dialect::Two => self.at(12).map(u16::from_le_bytes),
            Dialect::Encrypted => None,
        }
    }

    /// Whether it answers.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        match self.dialect() {
            Some(Dialect::One) => self.at::<1>(9).is_some_and(|[flags]| flags & 0x80 != 0),
            Some(Dialect::Two) => self.at::<1>(16).is_some_and(|[flags]| flags & 1 != 0),
            _ => false,
        }
    }

    /// Outcome of an answer: 0 done (an NTSTATUS).
    #[must_use]
    pub fn status(&self) -> Option<u32> {
        match self.dialect()? {
            Dialect::One => self.at(5).map(u32::from_le_bytes),
            Dialect::Two => self.at(8).map(u32::from_le_bytes),
            Dialect::Encrypted => None,
        }
    }

    /// Share or file that a request is for (tree connect, create), as UTF-16 or bytes: made to text without what is none.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let bytes = match (self.dialect()?, self.command()?) {
            (_, _) if self.is_answer() => None,
            // Tree connect: offset and length behind the 4 bytes of the body; create: behind 44.
            (Dialect::Two, 3) => self.placed(68),
            (Dialect::Two, 5) => self.placed(108),
            // Tree connect and create of old: what stands behind the words.
            (Dialect::One, 0x75 | 0xA2) => {
                let words = usize::from(self.at::<1>(32)?[0]);
                self.bytes.get(32 + 1 + words * 2 + 2..)
            }
            _ => None,
        }?;
        let bytes = bytes.get(..MAX_NAME).unwrap_or(bytes);
        let text: String =
            bytes.iter().filter(|byte| byte.is_ascii_graphic()).map(|byte| char::from(*byte)).collect();
        (!text.is_empty()).then_some(text)
    }

    fn placed(&self, at: usize) -> Option<&'a [u8]> {
        let from = usize::from(u16::from_le_bytes(self.at(at)?));
        let length = usize::from(u16::from_le_bytes(self.at(at + 2)?));
        self.bytes.get(from..)?.get(..length)
    }

    /// A pattern that no proper client sends.
    #[must_use]
    pub fn oddity(&self) -> Option<Oddity> {
        if self.dialect() != Some(Dialect::One) || self.is_answer() {
            return None;
        }
        let words = |at: usize| self.at(33 + at * 2).map(u16::from_le_bytes);
        match self.command()? {
            // Transaction 2: the sub-command stands in the 15th word.
            0x32 if words(14) == Some(0x0E) => Some(Oddity::Backdoor),
            // Transaction 2, a second part: where it belongs and how long it is, beside the length of the whole.
            0x33 => {
                let (total, count, place) = (words(1)?, words(5)?, words(7)?);
                (u32::from(count) + u32::from(place) > u32::from(total)).then_some(Oddity::Overflow)
            }
            _ => None,
        }
    }
}

/// Name of a command.
#[must_use]
pub const fn command_name(dialect: Dialect, command: u16) -> &'static str {
    match (dialect, command) {
        (Dialect::Two, 0) | (Dialect::One, 0x72) => "Negotiate",
        (Dialect::Two, 1) | (Dialect::One, 0x73) => "Session setup",
        (Dialect::Two, 2) | (Dialect::One, 0x74) => "Log off",
        (Dialect::Two, 3) | (Dialect::One, 0x75) => "Tree connect",
        (Dialect::Two, 4) | (Dialect::One, 0x71) => "Tree disconnect",
        (Dialect::Two, 5) | (Dialect::One, 0xA2) => "Open",
        (Dialect::Two, 6) | (Dialect::One, 0x04) => "Close",
        (Dialect::Two, 7) => "Flush",
        (Dialect::Two, 8) | (Dialect::One, 0x2E) => "Read",
        (Dialect::Two, 9) | (Dialect::One, 0x2F) => "Write",
        (Dialect::Two, 11) => "Control",
        (Dialect::Two, 13) | (Dialect::One, 0x2B) => "Echo",
        (Dialect::Two, 14) => "List folder",
        (Dialect::Two, 15) => "Change notify",
        (Dialect::Two, 16) => "Query information",
        (Dialect::Two, 17) => "Set information",
        (Dialect::One, 0x25) => "Transaction",
        (Dialect::One, 0x32) => "Transaction 2",
        (Dialect::One, 0x33) => "Transaction 2, second part",
        (Dialect::One, 0xA0) => "NT transaction",
        (Dialect::One, 0x06) => "Delete",
        (Dialect::Encrypted, _) => "encrypted message",
        _ => "command",
    }
}
