//! Serial framing: RTU (MODBUS over Serial Line V1.02, section 2.5.1), on a wire or inside TCP.
//!
//! A frame ends where its function code says it ends ([`table::request_length`], [`table::response_length`]) and
//! the CRC holds. Silence only ends what the table cannot judge. Rationale: through USB adapters, terminal
//! servers and TCP the 3.5 characters of silence are not preserved, so that a receiver that relies on them cuts
//! frames in the middle or glues two together.

use std::ops::Range;

use super::repr::Request;
use super::table::{self, Length};
use super::{Error, MAX_PDU};

/// Largest ADU in bytes: unit, PDU, CRC.
pub const MAX_ADU: usize = 1 + MAX_PDU + 2;
/// Unit, function code, CRC.
pub const MIN_ADU: usize = 4;

/// One frame whose CRC holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Server address, 0 for a broadcast (which nobody answers).
    pub unit: u8,
    /// Protocol data unit.
    pub pdu: &'a [u8],
}

/// Why a response could not be taken. The line must then be drained (read and discarded until it is silent)
/// before the next request, or the rest of this answer is taken for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The checksum is wrong.
    #[error("the CRC is {got:#06x}, the bytes give {expected:#06x}")]
    Crc {
        /// Computed.
        expected: u16,
        /// Received.
        got: u16,
    },
    /// Another unit answered.
    #[error("unit {got} answered, unit {expected} was asked")]
    Unit {
        /// Asked.
        expected: u8,
        /// Found.
        got: u8,
    },
    /// The first bytes already contradict the request.
    #[error(transparent)]
    Pdu(#[from] Error),
    /// Silence in the middle of a frame.
    #[error("the frame broke off after {have} bytes")]
    Incomplete {
        /// Bytes received.
        have: usize,
    },
}

const CRC_TABLE: [u16; 256] = crc_table();

const fn crc_table() -> [u16; 256] {
    let mut table = [0u16; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u16;
        let mut k = 0;
        while k < 8 {
            crc = if crc & 1 != 0 { (crc >> 1) ^ 0xA001 } else { crc >> 1 };
            k += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
}

fn crc_step(crc: u16, byte: u8) -> u16 {
    let [low, _] = (crc ^ u16::from(byte)).to_le_bytes();
    (crc >> 8) ^ CRC_TABLE.get(usize::from(low)).copied().unwrap_or_default()
}

/// CRC-16/MODBUS (section 6.2.2): polynomial 0xA001 reflected, start 0xFFFF; sent low byte first.
#[must_use]
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| crc_step(crc, *byte))
}

/// Appends an ADU around a PDU of 1 to 253 bytes.
pub fn emit_adu(unit: u8, pdu: &[u8], out: &mut Vec<u8>) {
    emit_adu_with(unit, out, |out| out.extend_from_slice(pdu));
}

/// Appends an ADU whose PDU `emit` appends in place.
pub fn emit_adu_with(unit: u8, out: &mut Vec<u8>, emit: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.push(unit);
    emit(out);
    let crc = crc16(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_le_bytes());
}

/// Silent intervals of a serial line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Longest gap inside a frame, in microseconds.
    pub t1_5_us: u64,
    /// Shortest gap between frames, in microseconds.
    pub t3_5_us: u64,
}

impl Timing {
    /// From the line rate in bits per second: 11 bits a character up to 19,200, fixed 750 and 1,750 us above
    /// (section 2.5.1.1). A rate of 0 counts as 1.
    #[must_use]
    pub const fn for_baud(baud: u32) -> Self {
        if baud > 19_200 {
            return Self { t1_5_us: 750, t3_5_us: 1750 };
        }
        let baud = if baud == 0 { 1 } else { baud as u64 };
        Self { t1_5_us: 16_500_000u64.div_ceil(baud), t3_5_us: 38_500_000u64.div_ceil(baud) }
    }

    /// Time on the wire of `bytes` characters of 11 bits, in microseconds.
    #[must_use]
    pub const fn transmit_us(baud: u32, bytes: usize) -> u64 {
        let baud = if baud == 0 { 1 } else { baud as u64 };
        (bytes as u64 * 11_000_000).div_ceil(baud)
    }
}

/// Checks the CRC at the end of a whole ADU.
///
/// # Errors
/// [`Fault::Incomplete`] below four bytes, [`Fault::Crc`] if the checksum is wrong.
pub fn parse_adu(adu: &[u8]) -> Result<Frame<'_>, Fault> {
    let incomplete = Fault::Incomplete { have: adu.len() };
    if adu.len() < MIN_ADU {
        return Err(incomplete);
    }
    let (body, crc) = adu.split_last_chunk::<2>().ok_or(incomplete)?;
    let (unit, pdu) = body.split_first().ok_or(incomplete)?;
    let (expected, got) = (crc16(body), u16::from_le_bytes(*crc));
    if expected == got { Ok(Frame { unit: *unit, pdu }) } else { Err(Fault::Crc { expected, got }) }
}

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Client to server.
    Request,
    /// Server to client.
    Response,
}

/// The first frame in `bytes`, whatever stands before it: the table predicts its length and the CRC holds.
/// For drained garbage, and for a monitor that joins in the middle.
#[must_use]
pub fn find_frame(bytes: &[u8], direction: Direction) -> Option<Range<usize>> {
    (0..bytes.len().saturating_sub(MIN_ADU - 1)).find_map(|start| {
        let tail = bytes.get(start..)?;
        let length = match direction {
            Direction::Request => table::request_length(tail.get(1..)?),
            Direction::Response => table::response_length(tail.get(1..)?),
        };
        let Length::Known(pdu) = length else { return None };
        parse_adu(tail.get(..pdu + 3)?).ok().map(|_| start..start + pdu + 3)
    })
}

#[derive(Debug, Clone)]
struct Buffer {
    bytes: [u8; MAX_ADU],
    filled: usize,
}

impl Buffer {
    const fn new() -> Self {
        Self { bytes: [0; MAX_ADU], filled: 0 }
    }

    fn held(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    fn fill(&mut self, input: &mut &[u8], target: usize) {
        let count = target.min(MAX_ADU).saturating_sub(self.filled).min(input.len());
        let Some((head, rest)) = input.split_at_checked(count) else { return };
        if let Some(space) = self.bytes.get_mut(self.filled..self.filled + count) {
            space.copy_from_slice(head);
            self.filled += count;
            *input = rest;
        }
    }

    fn discard(&mut self, count: usize) {
        let count = count.min(self.filled);
        self.bytes.copy_within(count..self.filled, 0);
        self.filled -= count;
    }
}

/// Master side: collects the one response that a request is waiting for.
#[derive(Debug, Clone)]
pub struct ResponseDeframer {
    buffer: Buffer,
}

impl Default for ResponseDeframer {
    fn default() -> Self {
        Self::new()
    }
}

impl ResponseDeframer {
    /// An empty deframer.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: Buffer::new() }
    }

    /// Takes bytes from the front of `input` up to the end of the response to `request`, never beyond it.
    /// `None` means that more bytes are needed. Bytes left in `input` after a frame are not an answer to
    /// anything: count and drop them.
    ///
    /// # Errors
    /// The bytes cannot be that response; the deframer is empty afterwards, and the line must be drained.
    pub fn feed<'a>(
        &'a mut self,
        unit: u8,
        request: &Request,
        input: &mut &[u8],
    ) -> Result<Option<Frame<'a>>, Fault> {
        let total = match self.collect(unit, request, input) {
            Ok(Some(total)) => total,
            Ok(None) => return Ok(None),
            Err(fault) => {
                self.buffer.filled = 0;
                return Err(fault);
            }
        };
        self.buffer.filled = 0;
        parse_adu(self.buffer.bytes.get(..total).unwrap_or_default()).map(Some)
    }

    fn collect(&mut self, unit: u8, request: &Request, input: &mut &[u8]) -> Result<Option<usize>, Fault> {
        let mut target = 2;
        loop {
            self.buffer.fill(input, target);
            if let Some(got) = self.buffer.held().first().filter(|got| **got != unit) {
                return Err(Fault::Unit { expected: unit, got: *got });
            }
            if self.buffer.filled < target {
                return Ok(None);
            }
            match expected_length(request, self.buffer.held().get(1..).unwrap_or_default())? {
                Length::Need(pdu) => target = (pdu + 1).max(target + 1),
                Length::Known(pdu) if pdu > MAX_PDU => return Err(Error::TooLong { bytes: pdu }.into()),
                Length::Known(pdu) if self.buffer.filled == pdu + 3 => return Ok(Some(pdu + 3)),
                Length::Known(pdu) => target = pdu + 3,
                Length::Unknown => return Err(Error::UnknownFunction(request.function_code()).into()),
            }
        }
    }

    /// The line has been silent or the time is up: forgets what has come so far.
    ///
    /// # Errors
    /// [`Fault::Incomplete`] if a response had begun.
    pub const fn silence(&mut self) -> Result<(), Fault> {
        let have = self.buffer.filled;
        self.buffer.filled = 0;
        if have == 0 { Ok(()) } else { Err(Fault::Incomplete { have }) }
    }

    /// Bytes of an incomplete response.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.buffer.filled
    }
}

/// How long the response to `request` will be, judged by its first bytes; a contradiction is found as early as
/// it can be, so that a wrong byte count does not make the master wait for bytes that never come.
fn expected_length(request: &Request, pdu: &[u8]) -> Result<Length, Error> {
    let expected = request.function_code();
    match pdu.first() {
        None => return Ok(Length::Need(1)),
        Some(got) if *got == expected | 0x80 => return Ok(Length::Known(2)),
        Some(got) if *got != expected => return Err(Error::FunctionMismatch { expected, got: *got }),
        Some(_) => {}
    }
    let wanted = match request {
        Request::ReadCoils { quantity, .. } | Request::ReadDiscreteInputs { quantity, .. } => {
            Some(2 + usize::from(*quantity).div_ceil(8))
        }
        Request::ReadHoldingRegisters { quantity, .. }
        | Request::ReadInputRegisters { quantity, .. }
        | Request::ReadWriteMultipleRegisters { read_quantity: quantity, .. } => {
            Some(2 + usize::from(*quantity) * 2)
        }
        Request::Diagnostics { sub: 0, data } => return Ok(Length::Known(3 + data.len() * 2)),
        Request::Diagnostics { .. } => return Ok(Length::Known(5)),
        _ => None,
    };
    match (table::response_length(pdu), wanted) {
        (Length::Known(got), Some(expected)) if got != expected => {
            Err(Error::ByteCount { expected: expected - 2, got: got - 2 })
        }
        (length, _) => Ok(length),
    }
}

/// Slave side: finds requests in a byte stream, and finds its way back after garbage.
#[derive(Debug, Clone)]
pub struct RequestDeframer {
    buffer: Buffer,
    delivered: usize,
    skipped: u64,
}

impl Default for RequestDeframer {
    fn default() -> Self {
        Self::new()
    }
}

enum Head {
    Frame(usize),
    More,
    Garbage,
}

impl RequestDeframer {
    /// An empty deframer.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: Buffer::new(), delivered: 0, skipped: 0 }
    }

    /// Takes bytes from `input` and yields the next request in them; call again until it returns `None`, also
    /// with an empty `input`. Bytes that belong to no frame are skipped one by one and counted.
    pub fn feed(&mut self, input: &mut &[u8]) -> Option<Frame<'_>> {
        self.buffer.discard(std::mem::take(&mut self.delivered));
        loop {
            self.buffer.fill(input, MAX_ADU);
            match self.head() {
                Head::Frame(total) => {
                    self.delivered = total;
                    return parse_adu(self.buffer.bytes.get(..total)?).ok();
                }
                Head::Garbage => self.skip(1),
                Head::More if self.buffer.filled == MAX_ADU => self.skip(1),
                Head::More => return None,
            }
        }
    }

    /// The line has been silent: whatever is held is all there is. Yields a frame whose end only silence could
    /// tell, or one that stands behind garbage; skips the rest.
    pub fn silence(&mut self) -> Option<Frame<'_>> {
        self.buffer.discard(std::mem::take(&mut self.delivered));
        let held = self.buffer.held();
        let whole = parse_adu(held).is_ok().then_some(0..held.len());
        let Some(found) = whole.or_else(|| find_frame(held, Direction::Request)) else {
            self.skip(self.buffer.filled);
            return None;
        };
        self.skip(found.start);
        self.delivered = found.len();
        parse_adu(self.buffer.bytes.get(..found.len())?).ok()
    }

    /// Bytes that belonged to no frame, since the start.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Bytes of an incomplete request.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.buffer.filled.saturating_sub(self.delivered)
    }

    fn skip(&mut self, count: usize) {
        self.skipped += count as u64;
        self.buffer.discard(count);
    }

    fn head(&self) -> Head {
        let held = self.buffer.held();
        let Some(pdu) = held.get(1..) else { return Head::More };
        match table::request_length(pdu) {
            Length::Known(pdu) if pdu > MAX_PDU => Head::Garbage,
            Length::Known(pdu) => match held.get(..pdu + 3) {
                None => Head::More,
                Some(adu) if parse_adu(adu).is_ok() => Head::Frame(pdu + 3),
                Some(_) => Head::Garbage,
            },
            Length::Need(_) => Head::More,
            Length::Unknown => shortest_valid(held).map_or(Head::More, Head::Frame),
        }
    }
}

/// Length of the shortest prefix whose CRC holds, for functions whose length the table cannot tell.
fn shortest_valid(bytes: &[u8]) -> Option<usize> {
    let mut crc = 0xFFFFu16;
    for (index, byte) in bytes.iter().enumerate() {
        if index + 2 >= MIN_ADU {
            let end = bytes.get(index..index + 2)?;
            if end == crc.to_le_bytes().as_slice() {
                return Some(index + 2);
            }
        }
        crc = crc_step(crc, *byte);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_of_the_standard_example() {
        // MODBUS over Serial Line V1.02, section 6.2.2: 02 07 gives 0x1241, sent 41 12.
        assert_eq!(crc16(&[0x02, 0x07]), 0x1241);
        let mut adu = Vec::new();
        emit_adu(2, &[7], &mut adu);
        assert_eq!(adu, [0x02, 0x07, 0x41, 0x12]);
    }

    #[test]
    fn silent_intervals() {
        assert_eq!(Timing::for_baud(9600), Timing { t1_5_us: 1719, t3_5_us: 4011 });
        assert_eq!(Timing::for_baud(19_200), Timing { t1_5_us: 860, t3_5_us: 2006 });
        assert_eq!(Timing::for_baud(115_200), Timing { t1_5_us: 750, t3_5_us: 1750 });
        assert_eq!(Timing::transmit_us(9600, 8), 9167);
    }

    #[test]
    fn slave_finds_requests_behind_garbage() {
        let mut stream = vec![0x55, 0x01];
        let mut request = Vec::new();
        emit_adu(17, &[3, 0, 107, 0, 3], &mut request);
        stream.extend_from_slice(&request);
        stream.extend_from_slice(&request);
        let mut deframer = RequestDeframer::new();
        let mut input = stream.as_slice();
        for _ in 0..2 {
            assert_eq!(deframer.feed(&mut input), Some(Frame { unit: 17, pdu: &[3, 0, 107, 0, 3] }));
        }
        assert_eq!(deframer.feed(&mut input), None);
        assert_eq!((deframer.skipped(), deframer.pending()), (2, 0));
    }

    #[test]
    fn silence_ends_what_the_table_cannot() {
        let mut adu = vec![0xAA, 0xEE, 0x70];
        let mut request = Vec::new();
        emit_adu(1, &[3, 0, 0, 0, 1], &mut request);
        adu.extend_from_slice(&request);
        let mut deframer = RequestDeframer::new();
        let mut input = adu.as_slice();
        assert_eq!(deframer.feed(&mut input), None);
        assert_eq!(deframer.silence(), Some(Frame { unit: 1, pdu: &[3, 0, 0, 0, 1] }));
        assert_eq!(deframer.silence(), None);
        assert_eq!(deframer.skipped(), 3);
    }

    #[test]
    fn master_refuses_a_late_answer_early() {
        let request = Request::ReadHoldingRegisters { address: 0, quantity: 2 };
        let mut deframer = ResponseDeframer::new();
        assert_eq!(
            deframer.feed(1, &request, &mut &[1, 3, 8, 0][..]),
            Err(Fault::Pdu(Error::ByteCount { expected: 4, got: 8 }))
        );
        assert_eq!(deframer.feed(1, &request, &mut &[2][..]), Err(Fault::Unit { expected: 1, got: 2 }));
        assert_eq!(
            deframer.feed(1, &request, &mut &[1, 4][..]),
            Err(Fault::Pdu(Error::FunctionMismatch { expected: 3, got: 4 }))
        );
        assert_eq!(deframer.feed(1, &request, &mut &[1, 3, 4, 0][..]), Ok(None));
        assert_eq!(deframer.silence(), Err(Fault::Incomplete { have: 4 }));
        assert_eq!(deframer.silence(), Ok(()));
    }
}
