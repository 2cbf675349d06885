//! Who asks and who answers, by what is said: for conversations whose beginning nobody saw.

use super::rtu;
use crate::protocol::Protocol;
use wire::bacnet::Apdu;
use wire::bacnet::view::View;
use wire::enip::Command;
use wire::enip::view::FrameView;
use wire::iec104::table::{Access, kind as type_of};
use wire::iec104::{ApduView, Control};
use wire::modbus::table::{Length, function, request_length, response_length};
use wire::opcua::{self, ChunkView};
use wire::s7::cotp::Tpdu;
use wire::s7::view::{PacketView, PduView};
use wire::snmp::MessageView;

/// Whether a client sends what begins so. `None` where both may and the next message can tell; where a protocol never tells,
/// it is as it was taken to be.
pub fn asks(protocol: Protocol, bytes: &[u8], taken: bool) -> Option<bool> {
    match protocol {
        Protocol::Modbus if rtu::looks_like_frames(bytes) => {
            rtu::frames(bytes).find_map(|frame| modbus(frame.pdu))
        }
        Protocol::Modbus => adus(bytes).find_map(|adu| modbus(adu.get(7..)?)),
        // The master, whoever opened the connection.
        Protocol::Dnp3 => match bytes {
            [_, _, _, _, _, _, _, _, _, _, transport, _, code, ..] if transport & 0x40 != 0 && *code != 0 => {
                Some(*code < 128)
            }
            _ => Some(bytes.get(3)? & 0x80 != 0),
        },
        Protocol::S7 => s7(bytes),
        Protocol::Mms => mms(bytes.get(7..)?),
        Protocol::Enip => enip(&FrameView::new(bytes)),
        Protocol::Iec104 => iec104(&ApduView::new(bytes)),
        Protocol::OpcUa => opcua(&ChunkView::new(bytes)),
        Protocol::Http => Some(!bytes.starts_with(b"HTTP/1.")),
        Protocol::Ftp => Some(!bytes.first()?.is_ascii_digit()),
        Protocol::Tls => match bytes {
            [0x16, _, _, _, _, hello @ 1..=2, ..] => Some(*hello == 1),
            _ => None,
        },
        // A flag of the header: the answer of a server (MS-CIFS 2.2.3.1, MS-SMB2 2.2.1).
        Protocol::Smb => match bytes.get(4..)? {
            [0xFF, rest @ ..] => Some(rest.get(8)? & 0x80 == 0),
            [0xFE, rest @ ..] => Some(rest.get(15)? & 1 == 0),
            _ => None,
        },
        // CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT are the client's, their answers the broker's.
        Protocol::Mqtt => match bytes.first()? >> 4 {
            1 | 8 | 10 | 12 | 14 => Some(true),
            2 | 9 | 11 | 13 => Some(false),
            _ => None,
        },
        Protocol::Bacnet => match View::of(bytes).apdu {
            Some(Apdu::Confirmed { .. }) => Some(true),
            Some(Apdu::Unconfirmed { .. } | Apdu::SegmentAck { .. }) | None => Some(taken),
            Some(_) => Some(false),
        },
        Protocol::Snmp => match MessageView::new(bytes).ok()?.kind? {
            0 | 1 | 3 | 5 => Some(true),
            2 | 8 => Some(false),
            _ => Some(taken),
        },
        _ => Some(taken),
    }
}

/// The messages of Modbus that stand one behind the other, as far as they are whole.
pub fn adus(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = 6 + usize::from(u16::from_be_bytes(*rest.get(4..6)?.first_chunk()?));
        let (adu, tail) = rest.split_at_checked(length)?;
        rest = tail;
        Some(adu)
    })
}

/// By which of the two the length fits; a write of one register and its echo are the same.
fn modbus(pdu: &[u8]) -> Option<bool> {
    if pdu.first()? & 0x80 != 0 {
        return Some(false);
    }
    function(*pdu.first()?)?;
    let fits = |length| match length {
        Length::Known(n) | Length::Need(n) => n == pdu.len(),
        Length::Unknown => false,
    };
    match (fits(request_length(pdu)), fits(response_length(pdu))) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

fn s7(bytes: &[u8]) -> Option<bool> {
    match bytes.get(5)? & 0xF0 {
        0xE0 => return Some(true),
        0xD0 => return Some(false),
        _ => {}
    }
    let Tpdu::Data { payload, .. } = PacketView::new(bytes).tpdu().ok()? else { return None };
    let view = PduView::new(payload);
    if let Some(plus) = view.plus() {
        return plus.kind().map(|kind| kind == "request");
    }
    // What it sends unasked has no request.
    view.is_s7().then(|| view.is_request() != view.is_fetch())
}

/// MMS (ISO 9506) in session (ISO 8327) and presentation (ISO 8823): who opens, who accepts; in data the kind of the PDU.
fn mms(session: &[u8]) -> Option<bool> {
    let data = match session {
        [0x0D, ..] => return Some(true),
        [0x0E, ..] => return Some(false),
        [1, 0, 1, 0, data @ ..] => data,
        _ => return None,
    };
    // User data, a list of one: its context, then the PDU as one element.
    let list = element(data, 0x61).and_then(|inner| element(inner, 0x30))?;
    let [2, length, rest @ ..] = list else { return None };
    match *element(rest.get(usize::from(*length)..)?, 0xA0)?.first()? {
        0xA0 | 0xA8 => Some(true),
        0xA1 | 0xA2 | 0xA3 | 0xA9 => Some(false),
        _ => None,
    }
}

/// What stands in an element of BER with this tag.
fn element(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let [found, length, rest @ ..] = bytes else { return None };
    (*found == tag).then_some(())?;
    rest.get(if length & 0x80 == 0 { 0 } else { usize::from(length & 0x7F) }..)
}

fn enip(view: &FrameView<'_>) -> Option<bool> {
    match view.command()? {
        Command::SendRrData | Command::SendUnitData => view.message().map(|message| !message.is_reply()),
        Command::RegisterSession => view.session().map(|session| session == 0),
        Command::ListIdentity | Command::ListServices | Command::ListInterfaces => {
            Some(view.payload().is_empty())
        }
        _ => None,
    }
}

/// IEC 60870-5-104, 5.3: actions and their confirmations; 60870-5-101, 7.2.3: what is asked, what is told.
fn iec104(view: &ApduView<'_>) -> Option<bool> {
    const CONFIRMATIONS: [u8; 3] = [7, 9, 10];
    match (view.control()?, view.asdu()) {
        (Control::Unnumbered(0x07 | 0x13), _) => Some(true),
        (Control::Unnumbered(0x0B | 0x23), _) => Some(false),
        (Control::Information { .. }, Some(asdu)) => match type_of(asdu.type_id()?)?.access {
            Access::Monitor => Some(false),
            _ => Some(!CONFIRMATIONS.contains(&asdu.cause()?)),
        },
        _ => None,
    }
}

fn opcua(view: &ChunkView<'_>) -> Option<bool> {
    match view.kind()? {
        opcua::Kind::Hello => Some(true),
        opcua::Kind::Acknowledge => Some(false),
        _ => view.message()?.service().map(|(_, answer)| !answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_are_told_apart_where_they_differ() {
        let said = |protocol, bytes: &[u8]| asks(protocol, bytes, true);
        let modbus = |pdu: &[u8]| {
            let header = [0, 1, 0, 0, 0, u8::try_from(pdu.len()).unwrap() + 1, 1];
            said(Protocol::Modbus, &[&header[..], pdu].concat())
        };
        assert_eq!(modbus(&[3, 0, 100, 0, 2]), Some(true));
        assert_eq!(modbus(&[3, 4, 0, 1, 0, 2]), Some(false));
        assert_eq!(modbus(&[0x83, 2]), Some(false));
        assert_eq!(modbus(&[6, 0, 5, 0, 42]), None, "an echo says the same");
        assert_eq!(said(Protocol::S7, &[3, 0, 0, 22, 17, 0xE0, 0, 0, 0, 1, 0]), Some(true));
        assert_eq!(said(Protocol::S7, &[3, 0, 0, 22, 17, 0xD0, 0, 0, 0, 1, 0]), Some(false));
        assert_eq!(said(Protocol::Iec104, &[0x68, 4, 7, 0, 0, 0]), Some(true));
        assert_eq!(said(Protocol::Iec104, &[0x68, 4, 0x0B, 0, 0, 0]), Some(false));
        assert_eq!(said(Protocol::Iec104, &[0x68, 4, 0x43, 0, 0, 0]), None);
        assert_eq!(said(Protocol::Http, b"HTTP/1.1 200 OK"), Some(false));
        assert_eq!(said(Protocol::Tls, &[0x16, 3, 3, 0, 9, 2]), Some(false));
        assert_eq!(said(Protocol::Mqtt, &[0x90, 3]), Some(false));
        assert_eq!(said(Protocol::Mqtt, &[0x30, 9]), None);
        assert_eq!(said(Protocol::Vnc, b"RFB 003.008"), Some(true), "as it was taken to be");
    }
}
