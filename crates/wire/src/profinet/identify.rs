//! PROFINET DCP: one frame that asks everybody on a cable who they are, and what they answer (IEC 61158-6-10, DCP Identify;
//! PROFINET's discovery and basic configuration protocol).
//!
//! Ethernet frames as they are on the cable, with or without a VLAN tag. Reading is bounded and tolerant.

use std::net::Ipv4Addr;

/// EtherType of PROFINET.
pub const ETHER_TYPE: u16 = 0x8892;
/// Whom an Identify goes to.
pub const EVERYBODY: [u8; 6] = [0x01, 0x0E, 0xCF, 0x00, 0x00, 0x00];
/// Devices spread their answers over so many steps of 10 ms.
pub const RESPONSE_DELAY: u16 = 128;

const VLAN: u16 = 0x8100;
const IDENTIFY_REQUEST: u16 = 0xFEFE;
const IDENTIFY_RESPONSE: u16 = 0xFEFF;
const SERVICE_IDENTIFY: u8 = 5;
const RESPONSE_SUCCESS: u8 = 1;
/// Shortest Ethernet frame without its checksum.
const SHORTEST: usize = 60;
/// Most blocks that are read of one answer.
const MOST_BLOCKS: usize = 64;

/// What a device says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its hardware address.
    pub hardware: [u8; 6],
    /// The name people gave it (NameOfStation); empty if none.
    pub name: String,
    /// What it is, by its maker (DeviceVendorValue).
    pub kind: String,
    /// Number of its maker, and of the device there.
    pub device: Option<(u16, u16)>,
    /// Bits of its role: 1 device, 2 controller, 4 multidevice, 8 supervisor.
    pub role: u8,
    /// Its address; `None` or 0.0.0.0 if it has none.
    pub address: Option<Ipv4Addr>,
}

/// The frame that asks everybody; `transaction` comes back in the answers.
#[must_use]
pub fn identify_all(from: [u8; 6], transaction: u32) -> Vec<u8> {
    let mut frame = Vec::with_capacity(SHORTEST);
    frame.extend_from_slice(&EVERYBODY);
    frame.extend_from_slice(&from);
    frame.extend_from_slice(&ETHER_TYPE.to_be_bytes());
    frame.extend_from_slice(&IDENTIFY_REQUEST.to_be_bytes());
    frame.extend_from_slice(&[SERVICE_IDENTIFY, 0]);
    frame.extend_from_slice(&transaction.to_be_bytes());
    frame.extend_from_slice(&RESPONSE_DELAY.to_be_bytes());
    // One block of four bytes: all options, without data.
    frame.extend_from_slice(&[0, 4, 0xFF, 0xFF, 0, 0]);
    frame.resize(SHORTEST, 0);
    frame
}

/// What a frame says, if it is an answer to `transaction`.
#[must_use]
pub fn answer(transaction: u32, frame: &[u8]) -> Option<Identity> {
    let hardware: [u8; 6] = frame.get(6..12)?.try_into().ok()?;
    let mut at = 12;
    if word(frame, at)? == VLAN {
        at += 4;
    }
    if word(frame, at)? != ETHER_TYPE || word(frame, at + 2)? != IDENTIFY_RESPONSE {
        return None;
    }
    let head = frame.get(at + 4..at + 14)?;
    let [SERVICE_IDENTIFY, RESPONSE_SUCCESS, x0, x1, x2, x3, _, _, l0, l1] = *head else { return None };
    if u32::from_be_bytes([x0, x1, x2, x3]) != transaction {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let blocks = frame.get(at + 14..)?;
    let mut rest = blocks.get(..length.min(blocks.len()))?;
    let mut identity = Identity { hardware, ..Identity::default() };
    for _ in 0..MOST_BLOCKS {
        let Some((&[option, suboption, l0, l1], behind)) = rest.split_first_chunk::<4>() else { break };
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let Some((data, behind)) = behind.split_at_checked(length) else { break };
        // Two bytes of information stand before the data; blocks begin at even places.
        block(&mut identity, option, suboption, data.get(2..).unwrap_or_default());
        rest = behind.get(length % 2..).unwrap_or_default();
    }
    Some(identity)
}

fn block(identity: &mut Identity, option: u8, suboption: u8, data: &[u8]) {
    let text = || String::from_utf8_lossy(data).trim_end_matches('\0').to_owned();
    match (option, suboption, data) {
        (1, 2, [a, b, c, d, ..]) => identity.address = Some(Ipv4Addr::new(*a, *b, *c, *d)),
        (2, 1, _) => identity.kind = text(),
        (2, 2, _) => identity.name = text(),
        (2, 3, [v0, v1, d0, d1, ..]) => {
            identity.device = Some((u16::from_be_bytes([*v0, *v1]), u16::from_be_bytes([*d0, *d1])));
        }
        (2, 4, [role, ..]) => identity.role = *role,
        _ => {}
    }
}

fn word(frame: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(frame.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn response(vlan: bool) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 1, 0, 0x1B, 0x1B, 1, 2, 3];
        if vlan {
            frame.extend_from_slice(&[0x81, 0, 0, 0]);
        }
        frame.extend_from_slice(&[0x88, 0x92, 0xFE, 0xFF, 5, 1, 0, 0, 0, 9, 0, 0]);
        let mut blocks = Vec::new();
        for (option, suboption, data) in [
            (2_u8, 2_u8, b"press-4".as_slice()),
            (2, 1, b"S7-1500"),
            (2, 3, &[0, 0x2A, 1, 0x0E]),
            (2, 4, &[2, 0]),
            (1, 2, &[10, 20, 1, 9, 255, 255, 255, 0, 0, 0, 0, 0]),
        ] {
            blocks.extend_from_slice(&[option, suboption, 0, data.len() as u8 + 2, 0, 0]);
            blocks.extend_from_slice(data);
            if data.len() % 2 == 1 {
                blocks.push(0);
            }
        }
        frame.extend_from_slice(&(blocks.len() as u16).to_be_bytes());
        frame.extend(blocks);
        frame
    }

    #[test]
    fn a_device_says_who_it_is() {
        for vlan in [false, true] {
            let found = answer(9, &response(vlan)).unwrap();
            assert_eq!((found.name.as_str(), found.kind.as_str()), ("press-4", "S7-1500"));
            assert_eq!((found.device, found.role), (Some((0x2A, 0x010E)), 2));
            assert_eq!(found.address, Some(Ipv4Addr::new(10, 20, 1, 9)));
            assert_eq!(found.hardware, [0, 0x1B, 0x1B, 1, 2, 3]);
        }
        assert_eq!(answer(8, &response(false)), None);
        assert_eq!(answer(9, &identify_all([0; 6], 9)), None, "a question is no answer");
    }

    #[test]
    fn the_question_as_it_is_on_the_cable() {
        let frame = identify_all([2, 0, 0, 0, 0, 1], 0x0102_0304);
        assert_eq!(frame.len(), 60);
        assert_eq!(frame[12..30], [0x88, 0x92, 0xFE, 0xFE, 5, 0, 1, 2, 3, 4, 0, 128, 0, 4, 0xFF, 0xFF, 0, 0]);
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(cut in 0usize..120, flips in prop::collection::vec((0usize..120, any::<u8>()), 0..8)) {
            let mut frame = response(true);
            for (at, byte) in flips {
                if let Some(place) = frame.get_mut(at) { *place = byte; }
            }
            frame.truncate(cut);
            let _ = answer(9, &frame);
        }
    }
}
