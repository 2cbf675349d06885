//! TPKT: packets on a TCP stream (RFC 1006, section 6; RFC 2126, section 4.3).

/// Bytes before the TPDU: version 3, reserved 0, length.
pub const HEADER: usize = 4;
/// Largest packet that is taken: a COTP TPDU has at most 8192 bytes (ISO 8073, 13.3.4 b).
pub const MAX_PACKET: usize = 8192 + HEADER;
/// Smallest packet: header and the two bytes every TPDU has.
const MIN_PACKET: usize = HEADER + 3;

/// The stream is not TPKT (any more): there is nothing to find the next packet by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Desync {
    /// The version is not 3.
    #[error("TPKT version {0} instead of 3: this is not S7 (ISO on TCP)")]
    Version(u8),
    /// A length that no packet has.
    #[error("TPKT length {0} instead of 7 to 8196")]
    Length(u16),
}

/// Appends a packet around what `emit` appends.
pub fn emit_with(out: &mut Vec<u8>, emit: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[3, 0, 0, 0]);
    emit(out);
    let length = u16::try_from(out.len() - start).unwrap_or(u16::MAX);
    if let Some(field) = out.get_mut(start + 2..start + HEADER) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

/// Length of the packet that starts with these bytes, or `None` before its header is complete.
fn length(bytes: &[u8]) -> Option<Result<usize, Desync>> {
    let version = *bytes.first()?;
    if version != 3 {
        return Some(Err(Desync::Version(version)));
    }
    let length = super::be16(bytes, 2)?;
    Some(if (MIN_PACKET..=MAX_PACKET).contains(&length.into()) {
        Ok(length.into())
    } else {
        Err(Desync::Length(length))
    })
}

/// Cuts a byte stream into packets. Holds at most one packet, never more.
///
/// ```
/// # use wire::s7::tpkt::Deframer;
/// let bytes = [3, 0, 0, 7, 2, 0xF0, 0x80];
/// let mut deframer = Deframer::new();
/// let mut input = &bytes[..];
/// assert_eq!(deframer.feed(&mut input)?, Some(&[2, 0xF0, 0x80][..]));
/// # Ok::<(), wire::s7::tpkt::Desync>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Deframer {
    held: Vec<u8>,
    delivered: bool,
}

impl Deframer {
    /// An empty deframer.
    #[must_use]
    pub const fn new() -> Self {
        Self { held: Vec::new(), delivered: false }
    }

    /// Takes bytes from the front of `input` up to the end of one packet, whose TPDU it returns. `None` means that all
    /// input is taken and the packet is not complete yet.
    ///
    /// # Errors
    /// [`Desync`]; the deframer is empty afterwards and the connection should be closed.
    pub fn feed<'a>(&'a mut self, input: &mut &[u8]) -> Result<Option<&'a [u8]>, Desync> {
        if std::mem::take(&mut self.delivered) {
            self.held.clear();
        }
        self.fill(input, HEADER);
        let total = match length(&self.held) {
            Some(Ok(total)) => total,
            Some(Err(desync)) => {
                self.held.clear();
                return Err(desync);
            }
            None => return Ok(None),
        };
        self.fill(input, total);
        if self.held.len() < total {
            return Ok(None);
        }
        self.delivered = true;
        Ok(self.held.get(HEADER..))
    }

    /// Bytes of an incomplete packet.
    #[must_use]
    pub const fn pending(&self) -> usize {
        if self.delivered { 0 } else { self.held.len() }
    }

    fn fill(&mut self, input: &mut &[u8], target: usize) {
        let count = target.saturating_sub(self.held.len()).min(input.len());
        if let Some((head, rest)) = input.split_at_checked(count) {
            self.held.extend_from_slice(head);
            *input = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_errors_are_desync() {
        for (bytes, error) in [
            (&b"HTTP/1.1"[..], Desync::Version(b'H')),
            (&[3, 0, 0, 6, 0, 0], Desync::Length(6)),
            (&[3, 0, 0xFF, 0xFF], Desync::Length(0xFFFF)),
        ] {
            let mut deframer = Deframer::new();
            assert_eq!(deframer.feed(&mut &bytes[..]), Err(error));
            assert_eq!(deframer.pending(), 0);
        }
    }
}
