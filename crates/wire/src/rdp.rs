//! How a remote desktop (RDP) begins, to look at ([MS-RDPBCGR] 2.2.1.1 and 2.2.1.2): connection request and confirm of X.224.
//!
//! ```text
//!   3 0 length 2 │ length 1 │ E0 .. │ Cookie: mstshash=NAME\r\n │ 1 flags 8 0 protocols 4
//!   3 0 length 2 │ length 1 │ D0 .. │ 2 flags 8 0 protocol 4
//! ```

/// The port.
pub const PORT: u16 = 3389;
/// Longest name that is looked at.
const MAX_NAME: usize = 64;

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// The client asks; with the name of a user if it says one, and the kinds of security that it can.
    Request(Option<&'a [u8]>, Option<u32>),
    /// The server chose a kind of security: 0 its own of old, 1 TLS, 2 and 8 sign-in before anything else (NLA).
    Confirm(u32),
}

/// Looks at a packet; `None` if it is neither.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Message<'_>> {
    let [3, 0, _, _, length, kind, ..] = bytes else { return None };
    let end = 5 + usize::from(*length);
    let rest = bytes.get(11..end.min(bytes.len())).unwrap_or_default();
    let choice = |kind: u8| match rest.split_last_chunk::<8>() {
        Some((_, [first, _, 8, 0, a, b, c, d])) if *first == kind => {
            Some(u32::from_le_bytes([*a, *b, *c, *d]))
        }
        _ => None,
    };
    match kind {
        0xE0 => Some(Message::Request(name(rest), choice(1))),
        // An old server says nothing of security.
        0xD0 => Some(Message::Confirm(choice(2).unwrap_or(0))),
        _ => None,
    }
}

fn name(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(b"Cookie: mstshash=")?;
    let end = rest.iter().take(MAX_NAME).position(|byte| *byte == b'\r')?;
    rest.get(..end)
}
