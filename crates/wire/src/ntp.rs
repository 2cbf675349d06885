//! NTP, to look at (RFC 5905, section 7.3; control messages RFC 9327).

/// The port.
pub const PORT: u16 = 123;

/// A look at a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Version, 1 to 4.
    pub version: u8,
    /// 3 client, 4 server, 5 broadcast, 6 control, 7 private.
    pub mode: u8,
    /// 0 unspecified, 1 has its own clock, up to 15; 16 not synchronised.
    pub stratum: u8,
}

/// Looks at a message; `None` if it is none.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Message> {
    let [first, stratum, ..] = bytes else { return None };
    let (version, mode) = (first >> 3 & 7, first & 7);
    let least = if mode >= 6 { 8 } else { 48 };
    (bytes.len() >= least && (1..=4).contains(&version) && mode > 0).then_some(Message {
        version,
        mode,
        stratum: *stratum,
    })
}
