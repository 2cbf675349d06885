//! SNMP v1, v2c and v3, to look at (RFC 1157, RFC 3416, RFC 3412; BER as in X.690).
//!
//! ```text
//!   30 { 02 version │ 04 community │ A0..A8 { id │ error │ index │ 30 { 30 { 06 name │ value } ... } } }
//!   30 { 02 3 │ 30 { id │ size │ flags │ model } │ 04 security │ ... }
//! ```
//!
//! A community is a password: it is compared, never given out.

use std::fmt;

/// The port of agents; traps go to the next one.
pub const PORT: u16 = 161;
/// Most variables of a message that are looked at.
const MAX_VARIABLES: usize = 64;
/// Communities that devices have when they leave the factory.
const DEFAULTS: [&[u8]; 8] =
    [b"public", b"private", b"cisco", b"admin", b"manager", b"snmp", b"community", b"default"];

/// Something that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// An element with another tag than the standard has at this place.
    Tag(&'static str),
    /// An element that ends behind its container.
    Short(&'static str),
    /// A version that does not exist.
    Version(u8),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(what) => write!(f, "something else in place of {what}"),
            Self::Short(what) => write!(f, "{what} ends behind the message"),
            Self::Version(version) => write!(f, "version number {version}"),
        }
    }
}

/// How a message is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// By a community, which goes in clear text; whether it is one of those that everybody knows.
    Community {
        /// One that devices have when they leave the factory.
        is_default: bool,
    },
    /// By users (version 3): whether it is signed, and whether it is encrypted.
    Users {
        /// Signed.
        signed: bool,
        /// Encrypted.
        encrypted: bool,
    },
}

/// A look at a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageView<'a> {
    /// 0 for v1, 1 for v2c, 3 for v3.
    pub version: u8,
    /// How it is protected.
    pub security: Security,
    /// 0 get, 1 next, 2 answer, 3 set, 4 trap of v1, 5 bulk, 6 inform, 7 trap, 8 report; `None` where it is encrypted.
    pub kind: Option<u8>,
    /// Why it was refused, 0 if it was not.
    pub error: u32,
    variables: &'a [u8],
}

/// An object identifier as it is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Oid<'a>(pub &'a [u8]);

impl fmt::Display for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut value, mut first) = (0u64, true);
        for byte in self.0.iter().take(64) {
            value = value.wrapping_shl(7) | u64::from(byte & 0x7F);
            if byte & 0x80 != 0 {
                continue;
            }
            if std::mem::take(&mut first) {
                write!(f, "{}.{}", value / 40, value % 40)?;
            } else {
                write!(f, ".{value}")?;
            }
            value = 0;
        }
        Ok(())
    }
}

type Element<'a> = (u8, &'a [u8], &'a [u8]);

/// One element: its tag, its content, what follows.
fn element<'a>(bytes: &'a [u8], what: &'static str) -> Result<Element<'a>, Problem> {
    let short = Problem::Short(what);
    let [tag, length, rest @ ..] = bytes else { return Err(short) };
    let (length, rest) = match *length {
        plain @ 0..=0x7F => (usize::from(plain), rest),
        long @ 0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(long & 0x7F)).ok_or(short)?;
            (octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
        }
        _ => return Err(short),
    };
    let (content, rest) = rest.split_at_checked(length).ok_or(short)?;
    Ok((*tag, content, rest))
}

fn expect<'a>(bytes: &'a [u8], tag: u8, what: &'static str) -> Result<(&'a [u8], &'a [u8]), Problem> {
    match element(bytes, what)? {
        (found, content, rest) if found == tag => Ok((content, rest)),
        _ => Err(Problem::Tag(what)),
    }
}

fn number(content: &[u8]) -> u32 {
    content.iter().take(5).fold(0u32, |sum, byte| sum.wrapping_shl(8) | u32::from(*byte))
}

impl<'a> MessageView<'a> {
    /// Looks at a datagram.
    ///
    /// # Errors
    /// What contradicts the standard first.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Problem> {
        let (message, _) = expect(bytes, 0x30, "the message")?;
        let (version, rest) = expect(message, 2, "the version")?;
        let version = number(version).to_be_bytes()[3];
        match version {
            0 | 1 => {
                let (community, rest) = expect(rest, 4, "the community")?;
                let is_default = DEFAULTS.iter().any(|known| known.eq_ignore_ascii_case(community));
                Self::pdu(version, Security::Community { is_default }, rest)
            }
            3 => {
                let (header, rest) = expect(rest, 0x30, "the header")?;
                let (_, header) = expect(header, 2, "the message id")?;
                let (_, header) = expect(header, 2, "the largest size")?;
                let (flags, _) = expect(header, 4, "the flags")?;
                let flags = flags.first().copied().unwrap_or_default();
                let security = Security::Users { signed: flags & 1 != 0, encrypted: flags & 2 != 0 };
                let (_, rest) = expect(rest, 4, "the security parameters")?;
                if flags & 2 != 0 {
                    return Ok(Self { version, security, kind: None, error: 0, variables: &[] });
                }
                let (scoped, _) = expect(rest, 0x30, "the scoped message")?;
                let (_, scoped) = expect(scoped, 4, "the engine id")?;
                let (_, scoped) = expect(scoped, 4, "the context")?;
                Self::pdu(version, security, scoped)
            }
            other => Err(Problem::Version(other)),
        }
    }

    fn pdu(version: u8, security: Security, bytes: &'a [u8]) -> Result<Self, Problem> {
        let (tag, mut rest, _) = element(bytes, "the PDU")?;
        if !(0xA0..=0xA8).contains(&tag) {
            return Err(Problem::Tag("the PDU"));
        }
        let mut error = 0;
        // A trap of version 1 has five elements before its variables, all others three.
        for at in 0..if tag == 0xA4 { 5 } else { 3 } {
            let (_, content, tail) = element(rest, "a field of the PDU")?;
            if at == 1 && tag == 0xA2 {
                error = number(content);
            }
            rest = tail;
        }
        let (variables, _) = expect(rest, 0x30, "the variables")?;
        Ok(Self { version, security, kind: Some(tag & 15), error, variables })
    }

    /// Names, with tags and contents of their values; at most 64.
    pub fn variables(&self) -> impl Iterator<Item = (Oid<'a>, u8, &'a [u8])> + use<'a> {
        let mut rest = self.variables;
        std::iter::from_fn(move || {
            let (pair, tail) = expect(rest, 0x30, "a variable").ok()?;
            rest = tail;
            let (name, value) = expect(pair, 6, "a name").ok()?;
            let (tag, content, _) = element(value, "a value").ok()?;
            Some((Oid(name), tag, content))
        })
        .take(MAX_VARIABLES)
    }
}

/// Name of a kind of message.
#[must_use]
pub const fn kind_name(kind: u8) -> &'static str {
    match kind {
        0 => "Get",
        1 => "Get next",
        2 => "Answer",
        3 => "Set",
        4 | 7 => "Trap",
        5 => "Get bulk",
        6 => "Inform",
        8 => "Report",
        _ => "message",
    }
}
