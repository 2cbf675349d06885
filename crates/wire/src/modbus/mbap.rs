//! TCP framing: the MBAP header (MODBUS Messaging on TCP/IP V1.0b, section 3.1.3).

use super::MAX_PDU;

/// Bytes before the PDU: transaction, protocol, length, unit.
pub const HEADER: usize = 7;
/// Largest ADU in bytes.
pub const MAX_ADU: usize = HEADER + MAX_PDU;

/// One frame; the PDU lies in the deframer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Transaction identifier: a response repeats the request's.
    pub transaction: u16,
    /// Unit identifier: 255 or 0 for a device itself, else a unit behind a gateway.
    pub unit: u8,
    /// Protocol data unit, 1 to 253 bytes.
    pub pdu: &'a [u8],
}

/// The stream is not Modbus any more. Nothing in MBAP lets a receiver find the next frame, so the only sound
/// reaction is to close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Desync {
    /// The protocol identifier must be 0.
    #[error("the protocol identifier is {0}, Modbus has 0")]
    Protocol(u16),
    /// The length must cover the unit and 1 to 253 bytes of PDU.
    #[error("the length field is {0}, allowed are 2 to 254")]
    Length(u16),
}

/// Appends an ADU around a PDU of 1 to 253 bytes.
pub fn emit_adu(transaction: u16, unit: u8, pdu: &[u8], out: &mut Vec<u8>) {
    emit_adu_with(transaction, unit, out, |out| out.extend_from_slice(pdu));
}

/// Appends an ADU whose PDU `emit` appends in place, so that nothing is copied twice. The length field is filled
/// in afterwards.
pub fn emit_adu_with(transaction: u16, unit: u8, out: &mut Vec<u8>, emit: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    let [hi, lo] = transaction.to_be_bytes();
    out.extend_from_slice(&[hi, lo, 0, 0, 0, 0, unit]);
    emit(out);
    let length = u16::try_from(out.len().saturating_sub(start + HEADER - 1)).unwrap_or(u16::MAX);
    if let Some(field) = out.get_mut(start + 4..start + 6) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

/// Header fields of an ADU that has at least seven bytes: (transaction, total length of the ADU, unit).
fn header(bytes: &[u8]) -> Option<Result<(u16, usize, u8), Desync>> {
    let [t0, t1, p0, p1, l0, l1, unit] = *bytes.first_chunk::<HEADER>()?;
    let (protocol, length) = (u16::from_be_bytes([p0, p1]), u16::from_be_bytes([l0, l1]));
    Some(if protocol != 0 {
        Err(Desync::Protocol(protocol))
    } else if !(2..=254).contains(&length) {
        Err(Desync::Length(length))
    } else {
        Ok((u16::from_be_bytes([t0, t1]), HEADER - 1 + usize::from(length), unit))
    })
}

/// Cuts a byte stream into frames. Holds at most one ADU, never more.
///
/// ```
/// # use wire::modbus::mbap::Deframer;
/// let bytes = [0, 1, 0, 0, 0, 6, 17, 3, 0, 107, 0, 3];
/// let mut deframer = Deframer::new();
/// let mut input = &bytes[..];
/// while let Some(frame) = deframer.feed(&mut input)? {
///     assert_eq!((frame.transaction, frame.unit, frame.pdu), (1, 17, &[3, 0, 107, 0, 3][..]));
/// }
/// # Ok::<(), wire::modbus::mbap::Desync>(())
/// ```
#[derive(Debug, Clone)]
pub struct Deframer {
    buffer: [u8; MAX_ADU],
    filled: usize,
}

impl Deframer {
    /// An empty deframer.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: [0; MAX_ADU], filled: 0 }
    }

    /// Takes bytes from the front of `input` up to the end of one frame. `None` means that all input is taken and
    /// the frame is not complete yet.
    ///
    /// # Errors
    /// [`Desync`]; the deframer is empty afterwards and the connection should be closed.
    pub fn feed<'a>(&'a mut self, input: &mut &[u8]) -> Result<Option<Frame<'a>>, Desync> {
        self.fill(input, HEADER);
        let Some(parsed) = header(self.held()) else { return Ok(None) };
        let (transaction, total, unit) = parsed.inspect_err(|_| self.filled = 0)?;
        self.fill(input, total);
        if self.filled < total {
            return Ok(None);
        }
        self.filled = 0;
        Ok(self.buffer.get(..total).and_then(|adu| frame(transaction, unit, adu)))
    }

    /// Bytes of an incomplete frame.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.filled
    }

    /// Forgets an incomplete frame.
    pub const fn reset(&mut self) {
        self.filled = 0;
    }

    fn held(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    fn fill(&mut self, input: &mut &[u8], target: usize) {
        let count = target.saturating_sub(self.filled).min(input.len());
        let Some((head, rest)) = input.split_at_checked(count) else { return };
        if let Some(space) = self.buffer.get_mut(self.filled..self.filled + count) {
            space.copy_from_slice(head);
            self.filled += count;
            *input = rest;
        }
    }
}

impl Default for Deframer {
    fn default() -> Self {
        Self::new()
    }
}

fn frame(transaction: u16, unit: u8, adu: &[u8]) -> Option<Frame<'_>> {
    adu.get(HEADER..).map(|pdu| Frame { transaction, unit, pdu })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_errors_are_desync() {
        for (bytes, error) in [
            ([0, 1, 0, 9, 0, 6, 1, 3], Desync::Protocol(9)),
            ([0, 1, 0, 0, 0, 1, 1, 3], Desync::Length(1)),
            ([0, 1, 0, 0, 0, 255, 1, 3], Desync::Length(255)),
        ] {
            assert_eq!(Deframer::new().feed(&mut &bytes[..]), Err(error));
            let mut slow = Deframer::new();
            let last = bytes.iter().find_map(|b| slow.feed(&mut &[*b][..]).map(|f| f.is_some()).err());
            assert_eq!(last, Some(error));
            assert_eq!(slow.pending(), 0);
        }
    }
}
