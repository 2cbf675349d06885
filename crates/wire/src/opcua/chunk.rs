//! Chunks of messages (6.7.2, 7.1.2).

use super::message::MessageView;
use super::reader::{Cursor, Problem};
use std::fmt;

/// Bytes of type, final and size.
const HEADER: usize = 8;
/// Largest chunk that is believed, in bytes. Servers agree to 65,535 by default, some to a few megabytes.
pub const MAX_CHUNK: usize = 16 << 20;

/// Type of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The client says what it wants (7.1.2.3).
    Hello,
    /// The server agrees (7.1.2.4).
    Acknowledge,
    /// The connection ends with a reason (7.1.2.5).
    Error,
    /// The server asks the client to begin (7.1.2.6).
    ReverseHello,
    /// Opens or renews the secure channel.
    Open,
    /// A service.
    Message,
    /// Closes the secure channel.
    Close,
}

impl Kind {
    fn of(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, last, ..] = bytes else { return None };
        let kind = match [*a, *b, *c] {
            [b'H', b'E', b'L'] => Self::Hello,
            [b'A', b'C', b'K'] => Self::Acknowledge,
            [b'E', b'R', b'R'] => Self::Error,
            [b'R', b'H', b'E'] => Self::ReverseHello,
            [b'O', b'P', b'N'] => Self::Open,
            [b'M', b'S', b'G'] => Self::Message,
            [b'C', b'L', b'O'] => Self::Close,
            _ => return None,
        };
        // Only services come in several chunks.
        (*last == b'F' || kind == Self::Message && matches!(last, b'C' | b'A')).then_some(kind)
    }
}

/// The whole length of the chunk that begins here, in bytes. `Ok(None)`: more bytes are needed to say.
///
/// # Errors
/// No chunk begins here, or it has a size that is not possible.
pub fn frame_length(bytes: &[u8]) -> Result<Option<usize>, Problem> {
    let Some((head, _)) = bytes.split_first_chunk::<HEADER>() else { return Ok(None) };
    Kind::of(head).ok_or(Problem::Type)?;
    let [.., a, b, c, d] = *head;
    let size = u32::from_le_bytes([a, b, c, d]);
    let length = usize::try_from(size).unwrap_or(usize::MAX);
    if (HEADER..=MAX_CHUNK).contains(&length) { Ok(Some(length)) } else { Err(Problem::Size(size)) }
}

/// A look at a chunk. Accessors give `None` where the bytes do not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkView<'a> {
    bytes: &'a [u8],
}

impl<'a> ChunkView<'a> {
    /// Looks at one chunk, as cut by [`frame_length`].
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        Kind::of(self.bytes)
    }

    /// Whether the message goes on in the next chunk.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.bytes.get(3) == Some(&b'C')
    }

    fn cursor(&self) -> Option<Cursor<'a>> {
        self.bytes.get(HEADER..).map(Cursor::new)
    }

    /// Id of the secure channel.
    #[must_use]
    pub fn channel(&self) -> Option<u32> {
        matches!(self.kind()?, Kind::Open | Kind::Message | Kind::Close)
            .then(|| self.cursor()?.u32().ok())
            .flatten()
    }

    /// Address that the client wants, in a Hello. Not checked to be UTF-8.
    #[must_use]
    pub fn endpoint(&self) -> Option<&'a [u8]> {
        if self.kind()? != Kind::Hello {
            return None;
        }
        let mut cursor = self.cursor()?;
        cursor.take(20).ok()?;
        cursor.bytes().ok()
    }

    /// Status code of an Error.
    #[must_use]
    pub fn error(&self) -> Option<u32> {
        (self.kind()? == Kind::Error).then(|| self.cursor()?.u32().ok()).flatten()
    }

    /// Security policy of an Open, e.g. `http://opcfoundation.org/UA/SecurityPolicy#None`, and the sender's certificate
    /// in DER (empty without security).
    #[must_use]
    pub fn security(&self) -> Option<(&'a [u8], &'a [u8])> {
        if self.kind()? != Kind::Open {
            return None;
        }
        let mut cursor = self.cursor()?;
        cursor.u32().ok()?;
        Some((cursor.bytes().ok()?, cursor.bytes().ok()?))
    }

    /// Request id: the answer has the same.
    #[must_use]
    pub fn request(&self) -> Option<u32> {
        self.body().map(|(request, _)| request)
    }

    /// The message that begins in this chunk. Only where the channel is not encrypted is it what it seems.
    #[must_use]
    pub fn message(&self) -> Option<MessageView<'a>> {
        self.body().map(|(_, body)| MessageView::new(body))
    }

    fn body(&self) -> Option<(u32, &'a [u8])> {
        let mut cursor = self.cursor()?;
        cursor.u32().ok()?;
        match self.kind()? {
            Kind::Open => {
                for _ in 0..3 {
                    cursor.bytes().ok()?;
                }
            }
            Kind::Message | Kind::Close => drop(cursor.u32().ok()?),
            _ => return None,
        }
        cursor.u32().ok()?;
        Some((cursor.u32().ok()?, cursor.rest()))
    }

    /// The first thing that is not as it should be, of the headers.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        match frame_length(self.bytes) {
            Err(problem) => return Some(problem),
            Ok(Some(length)) if length == self.bytes.len() => {}
            Ok(length) => {
                return Some(Problem::Size(length.and_then(|l| u32::try_from(l).ok()).unwrap_or(0)));
            }
        }
        let whole = match self.kind()? {
            Kind::Hello => self.endpoint().is_some(),
            Kind::Error => self.error().is_some(),
            Kind::Acknowledge => self.bytes.len() >= HEADER + 20,
            Kind::ReverseHello => true,
            Kind::Open | Kind::Message | Kind::Close => self.body().is_some(),
        };
        (!whole).then_some(Problem::Short)
    }
}

/// One line for a person.
impl fmt::Display for ChunkView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(kind) = self.kind() else { return f.write_str("(no OPC UA)") };
        match (kind, self.error(), self.security()) {
            (Kind::Hello, ..) => f.write_str("Hello"),
            (Kind::Acknowledge, ..) => f.write_str("Acknowledge"),
            (Kind::Error, Some(code), _) => write!(f, "Error {code:#010x}"),
            (Kind::Error, None, _) => f.write_str("Error"),
            (Kind::ReverseHello, ..) => f.write_str("Reverse hello"),
            (Kind::Open, _, Some((policy, _))) => {
                let name = policy.rsplit(|byte| *byte == b'#').next().unwrap_or_default();
                write!(f, "Open secure channel, policy {}", String::from_utf8_lossy(name))
            }
            (Kind::Open, ..) => f.write_str("Open secure channel"),
            (Kind::Close, ..) => f.write_str("Close secure channel"),
            (Kind::Message, ..) => match self.message() {
                Some(message) => message.fmt(f),
                None => f.write_str("Message"),
            },
        }
    }
}
