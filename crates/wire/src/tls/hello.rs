//! The first messages of both sides (RFC 8446, 4.1.2 and 4.1.3).

use super::ja4;

/// Most extensions, suites or names that are looked at.
const MOST: usize = 256;

/// Values without a meaning that clients send to keep others tolerant (RFC 8701).
pub(super) const fn is_grease(value: u16) -> bool {
    value & 0x0F0F == 0x0A0A && value >> 8 == value & 0xFF
}

/// What a client says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// The highest version that it offers.
    pub version: u16,
    /// Suites of ciphers, without those that mean nothing.
    pub ciphers: Vec<u16>,
    /// Types of its extensions in their order, without those that mean nothing.
    pub extensions: Vec<u16>,
    /// Signature algorithms.
    pub signatures: Vec<u16>,
    /// The server that it asks for. Not checked to be text.
    pub server: Option<&'a [u8]>,
    /// The first protocol that it wants to speak inside (ALPN).
    pub application: Option<&'a [u8]>,
}

fn be16(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (word, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*word), rest))
}

/// Bytes with their length in one or two bytes before them, and what follows.
fn counted(bytes: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(size)?;
    rest.split_at_checked(length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u16> {
    bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|word| u16::from_be_bytes(*word))
        .filter(|word| !is_grease(*word))
        .take(MOST)
}

/// Extensions: their types and contents.
fn extensions(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = counted(bytes, 2).map_or(&[][..], |(extensions, _)| extensions);
    std::iter::from_fn(move || {
        let (kind, tail) = be16(rest)?;
        let (content, tail) = counted(tail, 2)?;
        rest = tail;
        Some((kind, content))
    })
    .take(MOST)
}

impl<'a> ClientHello<'a> {
    /// Looks at the content of a client hello; `None` if it is none.
    #[must_use]
    pub fn new(content: &'a [u8]) -> Option<Self> {
        let (version, rest) = be16(content)?;
        let (_session, rest) = counted(rest.get(32..)?, 1)?;
        let (ciphers, rest) = counted(rest, 2)?;
        let (_compression, rest) = counted(rest, 1)?;
        let mut hello = Self {
            version,
            ciphers: words(ciphers).collect(),
            extensions: Vec::new(),
            signatures: Vec::new(),
            server: None,
            application: None,
        };
        for (kind, content) in extensions(rest).filter(|(kind, _)| !is_grease(*kind)) {
            hello.extensions.push(kind);
            match kind {
                // One name of the kind "host".
                0 => {
                    hello.server = content.get(3..).and_then(|entry| counted(entry, 2)).map(|(name, _)| name)
                }
                13 => {
                    hello.signatures =
                        counted(content, 2).map_or_else(Vec::new, |(list, _)| words(list).collect())
                }
                16 => {
                    let list = counted(content, 2).map(|(list, _)| list);
                    hello.application = list.and_then(|list| counted(list, 1)).map(|(name, _)| name);
                }
                43 => {
                    let offered = counted(content, 1).and_then(|(list, _)| words(list).max());
                    hello.version = offered.unwrap_or(version);
                }
                _ => {}
            }
        }
        Some(hello)
    }

    /// The program by what it offers, in the form of JA4 (the client fingerprint for TLS, as FoxIO published it).
    #[must_use]
    pub fn fingerprint(&self) -> String {
        ja4::fingerprint(self)
    }
}

/// What a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerHello {
    /// The version that is spoken.
    pub version: u16,
    /// The suite of ciphers that is used.
    pub cipher: u16,
}

impl ServerHello {
    /// Looks at the content of a server hello; `None` if it is none.
    #[must_use]
    pub fn new(content: &[u8]) -> Option<Self> {
        let (version, rest) = be16(content)?;
        let (_session, rest) = counted(rest.get(32..)?, 1)?;
        let (cipher, rest) = be16(rest)?;
        let chosen = extensions(rest.get(1..).unwrap_or_default())
            .find(|(kind, _)| *kind == 43)
            .and_then(|(_, content)| be16(content))
            .map(|(version, _)| version);
        Some(Self { version: chosen.unwrap_or(version), cipher })
    }
}
