//! Which protocol a conversation speaks, judged by its first bytes; ports only decide between what the bytes allow.

use super::roles::adus;
use super::rtu;
use crate::protocol::Protocol;
use wire::modbus::table::Length;
use wire::{dnp3, enip, ntp};

/// What there is to judge by.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// First bytes of a message.
    pub bytes: &'a [u8],
    /// Port of the server.
    pub port: u16,
    /// TCP, else UDP.
    pub tcp: bool,
    /// Whether the client sent it.
    pub from_client: bool,
}

/// Ports on which servers are known to listen.
const SERVER_PORTS: [u16; 52] = [
    20, 21, 22, 23, 25, 53, 67, 69, 80, 102, 110, 111, 123, 135, 137, 138, 139, 143, 161, 162, 389, 443, 445,
    502, 514, 789, 802, 1089, 1433, 1883, 1911, 1962, 2222, 2404, 3389, 4840, 4911, 5006, 5007, 5060, 5094,
    5900, 8080, 8883, 9100, 9600, 18245, 20000, 34962, 44818, 47808, 48898,
];

/// Whether servers are known to listen on a port.
pub fn is_server_port(port: u16) -> bool {
    SERVER_PORTS.binary_search(&port).is_ok()
}

/// Who asks, if nobody saw the connection open: the one without a port that servers listen on, else the larger port.
pub fn sender_is_client(source: u16, destination: u16) -> bool {
    match (is_server_port(source), is_server_port(destination)) {
        (true, false) => false,
        (false, true) => true,
        _ => source >= destination,
    }
}

/// The protocol, if the bytes allow one.
pub fn recognise(sight: &Sight<'_>) -> Option<Protocol> {
    if sight.tcp { tcp(sight) } else { udp(sight) }
}

fn tcp(sight: &Sight<'_>) -> Option<Protocol> {
    let bytes = sight.bytes;
    if rtu::looks_like_frames(bytes) || is_modbus(sight) {
        return Some(Protocol::Modbus);
    }
    if dnp3::link::looks_like_frame(bytes) || (sight.port == dnp3::PORT && bytes.starts_with(&[0x05, 0x64])) {
        return Some(Protocol::Dnp3);
    }
    if enip::view::looks_like_frame(bytes) && is_whole_enip(bytes) {
        return Some(Protocol::Enip);
    }
    if let Some(found) = tpkt(sight) {
        return Some(found);
    }
    if is_iec104(sight) {
        return Some(Protocol::Iec104);
    }
    by_text(bytes).or_else(|| by_magic(sight))
}

/// Longest message, in bytes, whose end is waited for before its protocol is judged.
const MAX_BEGINNING: usize = 2_048;

/// Whether a message begins here whose end is still to come, of a protocol that is known by whole messages.
pub fn is_beginning(bytes: &[u8]) -> bool {
    let whole = match bytes {
        [_, _, 0, 0, high, low, _, code, ..]
            if wire::modbus::table::function(code & 0x7F).is_some() && (*high, *low) < (1, 0) =>
        {
            6 + usize::from(*low)
        }
        [0x68, length @ 4..=253, _, _, _, _, ..] => 2 + usize::from(*length),
        _ if enip::view::looks_like_frame(bytes) => enip::view::frame_length(bytes).unwrap_or_default(),
        _ => 0,
    };
    (bytes.len() + 1..=MAX_BEGINNING).contains(&whole)
}

/// Modbus has no magic number: the header must fit the bytes, and the function be one that exists unless the port says so.
fn is_modbus(sight: &Sight<'_>) -> bool {
    let [_, _, 0, 0, high, low, _unit, _function, ..] = sight.bytes else { return false };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if !(2..=254).contains(&length) {
        return false;
    }
    if matches!(sight.port, 502 | 802) {
        return true;
    }
    // Elsewhere: nothing but whole messages, each a function of the standard with a length that it can have.
    let fits = |adu: &[u8]| {
        let [_, _, 0, 0, _, _, _, pdu @ ..] = adu else { return false };
        let length = if sight.from_client {
            wire::modbus::table::request_length(pdu)
        } else {
            wire::modbus::table::response_length(pdu)
        };
        let known = pdu.first().and_then(|code| wire::modbus::table::function(code & 0x7F)).is_some();
        let whole = matches!(length, Length::Known(n) | Length::Need(n) if n == pdu.len());
        known && whole
    };
    let is_umas = |adu: &[u8]| adu.get(7..).is_some_and(wire::modbus::umas::looks_like_message);
    adus(sight.bytes).all(|adu| fits(adu) || is_umas(adu))
        && adus(sight.bytes).map(<[u8]>::len).sum::<usize>() == sight.bytes.len()
}

fn is_whole_enip(bytes: &[u8]) -> bool {
    // A command of zero with zeros behind it is not much of a proof.
    let command =
        u16::from_le_bytes([bytes.first().copied().unwrap_or(0), bytes.get(1).copied().unwrap_or(0)]);
    enip::view::frame_length(bytes).is_some_and(|length| length <= bytes.len() || bytes.len() >= 536)
        && command != 0
}

/// I/O data of EtherNet/IP: a sequenced address item and a data item.
pub fn is_enip_io(bytes: &[u8]) -> bool {
    matches!(bytes, [2, 0, 2, 0x80, 8, 0, _, _, _, _, _, _, _, _, 0xB1, 0, ..])
}

fn tpkt(sight: &Sight<'_>) -> Option<Protocol> {
    let [3, 0, high, low, li, kind, rest @ ..] = sight.bytes else { return None };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    (length >= 7 && usize::from(*li) + 5 <= length).then_some(())?;
    match kind & 0xF0 {
        // Connection request and confirm: a remote desktop asks with a cookie or a negotiation, on its own port.
        0xE0 | 0xD0 if sight.port == 3389 || rest.windows(11).any(|w| w == b"Cookie: mst") => {
            Some(Protocol::Rdp)
        }
        0xE0 | 0xD0 => Some(Protocol::S7),
        0xF0 if *li == 2 => match rest.get(1..) {
            Some([0x32 | 0x72, ..]) => Some(Protocol::S7),
            Some([]) => Some(Protocol::S7),
            Some(payload) if is_mms(payload) => Some(Protocol::Mms),
            _ => None,
        },
        _ => None,
    }
}

/// The session layer below MMS (ISO 8327): data, or that a session is opened or taken.
pub fn is_mms(payload: &[u8]) -> bool {
    matches!(payload, [0x01, 0x00, 0x01, 0x00, ..] | [0x0D | 0x0E, ..])
}

/// Whether the bytes are only what S7 and MMS begin with alike: COTP's request for a connection, or its confirmation.
pub fn is_greeting(protocol: Protocol, bytes: &[u8]) -> bool {
    protocol == Protocol::S7 && bytes.get(5).is_some_and(|kind| matches!(kind & 0xF0, 0xD0 | 0xE0))
}

/// IEC 104: start, length, control field whose bits agree (IEC 60870-5-104, 5.1).
fn is_iec104(sight: &Sight<'_>) -> bool {
    let [0x68, length @ 4..=253, a, b, c, d, ..] = sight.bytes else { return false };
    let length = usize::from(*length);
    let control = match a & 3 {
        3 => [*b, *c, *d] == [0, 0, 0] && length == 4 && (a & 0xFC).count_ones() == 1,
        1 => *a == 1 && *b == 0 && c & 1 == 0 && length == 4,
        _ => c & 1 == 0 && length >= 10,
    };
    control && (sight.port == 2404 || sight.bytes.len() == length + 2)
}

fn by_text(bytes: &[u8]) -> Option<Protocol> {
    const BEGINNINGS: [(&[u8], Protocol); 18] = [
        (b"GET ", Protocol::Http),
        (b"POST ", Protocol::Http),
        (b"PUT ", Protocol::Http),
        (b"HEAD ", Protocol::Http),
        (b"DELETE ", Protocol::Http),
        (b"OPTIONS ", Protocol::Http),
        (b"HTTP/1.", Protocol::Http),
        (b"PRI * HTTP/2", Protocol::Http),
        (b"SSH-", Protocol::Ssh),
        (b"RFB 00", Protocol::Vnc),
        (b"fox a ", Protocol::Fox),
        (b"FINS", Protocol::Fins),
        (b"HELF", Protocol::OpcUa),
        (b"ACKF", Protocol::OpcUa),
        (b"OPNF", Protocol::OpcUa),
        (b"MSGF", Protocol::OpcUa),
        (b"ERRF", Protocol::OpcUa),
        (b"RHEF", Protocol::OpcUa),
    ];
    BEGINNINGS.iter().find(|(begin, _)| bytes.starts_with(begin)).map(|(_, protocol)| *protocol)
}

fn by_magic(sight: &Sight<'_>) -> Option<Protocol> {
    Some(match (sight.port, sight.bytes) {
        (_, [0x14..=0x17, 3, 0..=4, _, _, ..]) => Protocol::Tls,
        (_, [0, _, _, _, 0xFD..=0xFF, b'S', b'M', b'B', ..]) => Protocol::Smb,
        // A session of NetBIOS is asked for before SMB of old.
        (139, [0x81, 0, 0, 0x44, ..]) => Protocol::Smb,
        (139, _) => Protocol::Netbios,
        (_, [0x10, _, 0, 4, b'M', b'Q', b'T', b'T', ..] | [0x10, _, 0, 6, b'M', b'Q', b'I', b's', ..]) => {
            Protocol::Mqtt
        }
        (_, [0x10, _, _, 0, 4, b'M', b'Q', b'T', b'T', ..]) => Protocol::Mqtt,
        (1883, [0x20, 2, _, _] | [0x30..=0x3F | 0x82 | 0x90 | 0xC0 | 0xD0, ..]) => Protocol::Mqtt,
        (_, [5, 0, 0..=19, _, 0x10, 0, 0, 0, ..]) => Protocol::Rpc,
        (21, [b'2', b'2', b'0', b' ' | b'-', ..] | [b'U', b'S', b'E', b'R', b' ', ..]) => Protocol::Ftp,
        (23, _) => Protocol::Telnet,
        (_, [0xFF, 0xFB..=0xFE, _, ..]) => Protocol::Telnet,
        (48898, [0, 0, _, _, _, _, ..]) => Protocol::Ads,
        (_, [0xAA, 0x01 | 0x11 | 0x21 | 0x31 | 0x41, 0..=8, _, ..]) => Protocol::Synchrophasor,
        (5094, [1, 0..=4, 0..=3, ..]) => Protocol::HartIp,
        (_, [0x50 | 0xD0, 0, 0, 0xFF, 0xFF, 3, 0, ..]) => Protocol::Melsec,
        (5006 | 5007, [0x57 | 0xD7, ..]) => Protocol::Melsec,
        (514, _) => Protocol::Syslog,
        (53, _) => Protocol::Dns,
        _ => return None,
    })
}

/// Whether a length field says what is there.
fn is_as_long(bytes: &[u8], length: [u8; 2]) -> bool {
    usize::from(u16::from_be_bytes(length)) == bytes.len()
}

fn udp(sight: &Sight<'_>) -> Option<Protocol> {
    let bytes = sight.bytes;
    Some(match (sight.port, bytes) {
        (67 | 68, [1 | 2, 1, 6, ..]) => Protocol::Dhcp,
        (_, [0x81, 0..=12, high, low, ..]) if is_as_long(bytes, [*high, *low]) => Protocol::Bacnet,
        (47_808, [0x81, 0..=12, _, _, ..]) => Protocol::Bacnet,
        _ if dnp3::link::looks_like_frame(bytes) => Protocol::Dnp3,
        _ if is_enip_io(bytes) => Protocol::EnipIo,
        _ if enip::view::looks_like_frame(bytes) && enip::view::frame_length(bytes) == Some(bytes.len()) => {
            Protocol::Enip
        }
        (9600, [0x80 | 0x81 | 0xC0 | 0xC1, 0, _, ..]) => Protocol::Fins,
        (48899, [3, 0x66, 0x14, 0x71, ..]) => Protocol::Ads,
        (5006 | 5007, [0x57 | 0xD7, ..]) => Protocol::Melsec,
        (_, [0xAA, 0x01 | 0x11 | 0x21 | 0x31 | 0x41, 0..=8, _, ..]) => Protocol::Synchrophasor,
        (5094, [1, 0..=4, 0..=3, ..]) => Protocol::HartIp,
        (53, _) => Protocol::Dns,
        (137 | 5353 | 5355 | 1900 | 3702, _) => Protocol::NameService,
        (138, _) => Protocol::Netbios,
        (123, _) if ntp::read(bytes).is_some() => Protocol::Ntp,
        (161 | 162, [0x30, ..]) => Protocol::Snmp,
        // A sequence, then version 1 or 2c and a community, or version 3 and its header.
        (
            _,
            [0x30, _, 2, 1, 0 | 1, 4, ..]
            | [0x30, 0x81, _, 2, 1, 0 | 1, 4, ..]
            | [0x30, 0x82, _, _, 2, 1, 0 | 1, 4, ..]
            | [0x30, _, 2, 1, 3, 0x30, ..]
            | [0x30, 0x81, _, 2, 1, 3, 0x30, ..],
        ) => Protocol::Snmp,
        (69, [0, 1..=5, ..]) => Protocol::Tftp,
        (319 | 320, _) => Protocol::Ptp,
        (514, [b'<', ..]) => Protocol::Syslog,
        (135, _) | (_, [4, 0..=11, 0x08..=0x2F, 0, ..]) if bytes.len() >= 80 => Protocol::Rpc,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(bytes: &[u8], port: u16) -> Option<Protocol> {
        recognise(&Sight { bytes, port, tcp: true, from_client: true })
    }

    #[test]
    fn ports_are_sorted_for_the_search() {
        assert!(SERVER_PORTS.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(sender_is_client(50_000, 502) && !sender_is_client(502, 50_000));
    }

    #[test]
    fn content_decides() {
        let read = [0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 2];
        assert_eq!(seen(&read, 502), Some(Protocol::Modbus));
        assert_eq!(seen(&read, 12_345), Some(Protocol::Modbus));
        assert_eq!(seen(&[0, 1, 0, 0, 0, 7, 1, 3, 0, 0, 0, 2, 0], 12_345), None);
        assert_eq!(seen(b"GET / HTTP/1.1\r\n", 502), Some(Protocol::Http));
        assert_eq!(seen(&[0x68, 4, 7, 0, 0, 0], 2404), Some(Protocol::Iec104));
        assert_eq!(seen(&[0x68, 4, 7, 1, 0, 0], 2404), None);
        assert_eq!(seen(&[3, 0, 0, 22, 17, 0xE0, 0, 0, 0, 1, 0], 102), Some(Protocol::S7));
        assert_eq!(seen(&[0x16, 3, 1, 0, 5, 1], 4433), Some(Protocol::Tls));
        assert_eq!(seen(b"fox a 0 -1 fox hello", 1911), Some(Protocol::Fox));
        assert_eq!(seen(b"", 502), None);
    }
}
