//! Modbus frames of a serial line, as terminal servers carry them over TCP: unit, function, data, checksum; no header.

use wire::modbus::mbap;
use wire::modbus::rtu::{Frame, MAX_ADU, MIN_ADU, parse_adu};
use wire::modbus::table::{Length, request_length, response_length};

/// The frame at the front, whichever way it goes: the table says how long it is, and its checksum holds.
pub fn frame(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let pdu = bytes.get(1..)?;
    [request_length(pdu), response_length(pdu)].into_iter().find_map(|length| {
        let Length::Known(length) = length else { return None };
        let (adu, rest) = bytes.split_at_checked(length + 3)?;
        Some((parse_adu(adu).ok()?, rest))
    })
}

/// Frames that stand one behind the other.
pub fn frames(bytes: &[u8]) -> impl Iterator<Item = Frame<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (found, tail) = frame(rest)?;
        rest = tail;
        Some(found)
    })
}

/// Whether the bytes are nothing but such frames.
pub fn looks_like_frames(bytes: &[u8]) -> bool {
    let length: usize = frames(bytes).map(|frame| frame.pdu.len() + 3).sum();
    length == bytes.len() && length > 0
}

/// Whether more bytes could complete a frame.
pub fn is_open(bytes: &[u8]) -> bool {
    let may = |length| match length {
        Length::Known(pdu) => pdu + 3 > bytes.len(),
        Length::Need(_) => true,
        Length::Unknown => false,
    };
    let Some(pdu) = bytes.get(1..) else { return true };
    bytes.len() < MAX_ADU && (bytes.len() < MIN_ADU || may(request_length(pdu)) || may(response_length(pdu)))
}

/// The same message with the header of TCP, transaction 0.
pub fn with_header(frame: &Frame<'_>) -> Vec<u8> {
    let mut adu = Vec::with_capacity(frame.pdu.len() + mbap::HEADER);
    mbap::emit_adu(0, frame.unit, frame.pdu, &mut adu);
    adu
}
