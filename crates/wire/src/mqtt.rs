//! MQTT 3.1, 3.1.1 and 5, to look at (OASIS MQTT 3.1.1 and 5.0, clauses 2 and 3).
//!
//! ```text
//!   type and flags 1 │ remaining length 1..4, seven bits each │ variable header │ payload
//! ```
//!
//! Only the tolerant view: [`PacketView`] looks at one packet. User names and passwords are known to be there, never shown.

use std::fmt;

/// The port of brokers without encryption.
pub const PORT: u16 = 1883;
/// Longest packet that is put together; larger ones are skipped over by their length.
pub const MAX_PACKET: usize = 64 * 1024;

/// Something that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// A type that does not exist.
    Type(u8),
    /// A remaining length of more than four bytes.
    Length,
    /// A field that ends behind the packet.
    Field(&'static str),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(kind) => write!(f, "packet type {kind}"),
            Self::Length => f.write_str("a length of more than four bytes"),
            Self::Field(what) => write!(f, "{what} ends behind the packet"),
        }
    }
}

/// Names of packet types, by their number less one.
const NAMES: [&str; 15] = [
    "Connect",
    "Connect acknowledge",
    "Publish",
    "Publish acknowledge",
    "Publish received",
    "Publish release",
    "Publish complete",
    "Subscribe",
    "Subscribe acknowledge",
    "Unsubscribe",
    "Unsubscribe acknowledge",
    "Ping",
    "Ping answer",
    "Disconnect",
    "Authenticate",
];

/// Name of a packet type, 1 to 15.
#[must_use]
pub fn name(kind: u8) -> &'static str {
    usize::from(kind).checked_sub(1).and_then(|at| NAMES.get(at)).copied().unwrap_or("packet")
}

/// Length of the packet that begins here: header and all; `None` as long as its length is not there.
///
/// # Errors
/// What begins here is no packet.
pub fn frame_length(bytes: &[u8]) -> Result<Option<usize>, Problem> {
    let Some((first, rest)) = bytes.split_first() else { return Ok(None) };
    if first >> 4 == 0 {
        return Err(Problem::Type(0));
    }
    let mut length = 0usize;
    for (at, byte) in rest.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some(2 + at + length));
        }
    }
    if rest.len() >= 4 { Err(Problem::Length) } else { Ok(None) }
}

/// Bytes with their length before them, and what follows.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// Properties of version 5: skipped.
fn after_properties(bytes: &[u8]) -> Option<&[u8]> {
    let mut length = 0usize;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return bytes.get(at + 1..)?.get(length..);
        }
    }
    None
}

/// How a client connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect<'a> {
    /// 3 (3.1), 4 (3.1.1) or 5.
    pub version: u8,
    /// What the client calls itself. Not checked to be text.
    pub client: &'a [u8],
    /// Says a user name.
    pub has_user: bool,
    /// Says a password.
    pub has_password: bool,
    /// Where its last will is published.
    pub will: Option<&'a [u8]>,
}

/// A look at one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketView<'a> {
    bytes: &'a [u8],
}

impl<'a> PacketView<'a> {
    /// Looks at a packet.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Type, 1 to 15.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.bytes.first().map_or(0, |first| first >> 4)
    }

    fn body(&self) -> &'a [u8] {
        let end = self.bytes.iter().skip(1).take(4).position(|byte| byte & 0x80 == 0).unwrap_or(3);
        self.bytes.get(end + 2..).unwrap_or_default()
    }

    /// How the client connects, if this is what it says.
    #[must_use]
    pub fn connect(&self) -> Option<Connect<'a>> {
        let (_, rest) = counted(self.body()).filter(|_| self.kind() == 1)?;
        let ([version, flags, _, _], rest) = rest.split_first_chunk::<4>()?;
        let rest = if *version == 5 { after_properties(rest)? } else { rest };
        let (client, rest) = counted(rest)?;
        let will = (flags & 4 != 0).then(|| {
            let rest = if *version == 5 { after_properties(rest)? } else { rest };
            counted(rest).map(|(topic, _)| topic)
        });
        Some(Connect {
            version: *version,
            client,
            has_user: flags & 0x80 != 0,
            has_password: flags & 0x40 != 0,
            will: will.flatten(),
        })
    }

    /// Code of the answer to a connect: 0 accepted.
    #[must_use]
    pub fn refusal(&self) -> Option<u8> {
        self.body().get(1).copied().filter(|code| self.kind() == 2 && *code != 0)
    }

    /// Topic of a publish, and its payload with what version 5 puts before it. Empty where an alias stands for it.
    #[must_use]
    pub fn publish(&self) -> Option<(&'a [u8], &'a [u8])> {
        let (topic, rest) = counted(self.body()).filter(|_| self.kind() == 3)?;
        let has_id = self.bytes.first().is_some_and(|first| first & 6 != 0);
        Some((topic, rest.get(if has_id { 2 } else { 0 }..).unwrap_or_default()))
    }

    /// Whether the broker keeps the message.
    #[must_use]
    pub fn is_retained(&self) -> bool {
        self.bytes.first().is_some_and(|first| first >> 4 == 3 && first & 1 != 0)
    }

    /// Filters of a subscribe; `version` is that of the connection. At most 64.
    pub fn filters(&self, version: u8) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let body = if self.kind() == 8 { self.body().get(2..).unwrap_or_default() } else { &[] };
        let mut rest = if version == 5 { after_properties(body).unwrap_or_default() } else { body };
        std::iter::from_fn(move || {
            let (filter, tail) = counted(rest)?;
            rest = tail.get(1..)?;
            Some(filter)
        })
        .take(64)
    }

    /// The first thing that is not as it should be.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let missing = |there: bool, what| (!there).then_some(Problem::Field(what));
        match self.kind() {
            0 => Some(Problem::Type(0)),
            1 => missing(self.connect().is_some(), "the client's name"),
            3 => missing(self.publish().is_some(), "the topic"),
            8 => missing(self.filters(4).chain(self.filters(5)).next().is_some(), "the filter"),
            _ => None,
        }
    }
}
