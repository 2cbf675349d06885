//! The packets of a block of the ring (`struct tpacket3_hdr` of `linux/if_packet.h`). Numbers are the machine's own.

use super::sys::HEAD;

/// Bytes of the header in front of each packet.
const PACKET_HEAD: usize = 48;
/// Status bits of a packet: its VLAN tag was taken out; the kind of tag is told too.
const VLAN_VALID: u32 = 1 << 4;
const VLAN_TPID_VALID: u32 = 1 << 6;
/// Kind of a tag where nothing else is told (IEEE 802.1Q).
const TPID: u16 = 0x8100;

/// A packet in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a> {
    /// When it came, in nanoseconds since 1970 UTC.
    pub time_ns: i64,
    /// Bytes on the wire.
    pub original: u32,
    /// The VLAN tag that the kernel took out: its kind and its value.
    pub tag: Option<(u16, u16)>,
    /// As captured.
    pub data: &'a [u8],
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Brings each packet of a block to `each`; `block` begins behind the status word. Says how many there were; a header
/// that points out of the block ends it.
pub fn packets<'a>(block: &'a [u8], mut each: impl FnMut(Raw<'a>)) -> u64 {
    let (Some(count), Some(first)) = (u32_at(block, 0), u32_at(block, 4)) else { return 0 };
    let mut at = first as usize;
    let mut seen = 0;
    for _ in 0..count {
        let Some((raw, next)) = at.checked_sub(HEAD).and_then(|at| packet(block.get(at..)?)) else { break };
        each(raw);
        seen += 1;
        if next == 0 {
            break;
        }
        let Some(further) = at.checked_add(next) else { break };
        at = further;
    }
    seen
}

/// The packet whose header stands at the front, and how far the next one is.
fn packet(bytes: &[u8]) -> Option<(Raw<'_>, usize)> {
    bytes.get(..PACKET_HEAD)?;
    let word = |at| u32_at(bytes, at);
    let (next, seconds, nanos, captured, original, status) =
        (word(0)?, word(4)?, word(8)?, word(12)?, word(16)?, word(20)?);
    let from = usize::from(u16_at(bytes, 24)?);
    let tag = (status & VLAN_VALID != 0).then(|| {
        let kind = u16_at(bytes, 36).filter(|_| status & VLAN_TPID_VALID != 0).unwrap_or(TPID);
        (kind, (word(32).unwrap_or_default() & 0xFFFF) as u16)
    });
    let data = bytes.get(from..from.checked_add(captured as usize)?)?;
    let time_ns = i64::from(seconds) * 1_000_000_000 + i64::from(nanos);
    Some((Raw { time_ns, original, tag, data }, next as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(next: u32, captured: u32, status: u32) -> Vec<u8> {
        let mut out = Vec::new();
        for word in [next, 100, 7, captured, captured.wrapping_add(1), status] {
            out.extend(word.to_ne_bytes());
        }
        out.extend(48u16.to_ne_bytes());
        out.extend([0; 6]);
        out.extend(0x6005u32.to_ne_bytes());
        out.extend(0x88A8u16.to_ne_bytes());
        out.resize(PACKET_HEAD, 0);
        out
    }

    fn block(packets: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for word in [packets.len() as u32, 48] {
            out.extend(word.to_ne_bytes());
        }
        out.resize(48 - HEAD, 0);
        packets.iter().for_each(|packet| out.extend(packet));
        out
    }

    #[test]
    fn packets_follow_each_other_with_time_and_tag() {
        let first = [header(56, 5, VLAN_VALID | VLAN_TPID_VALID), vec![1, 2, 3, 4, 5, 0, 0, 0]].concat();
        let second = [header(0, 2, VLAN_VALID), vec![8, 9]].concat();
        let bytes = block(&[first, second]);
        let mut found = Vec::new();
        assert_eq!(packets(&bytes, |raw| found.push(raw)), 2);
        assert_eq!(
            found,
            [
                Raw {
                    time_ns: 100_000_000_007,
                    original: 6,
                    tag: Some((0x88A8, 0x6005)),
                    data: &[1, 2, 3, 4, 5]
                },
                Raw { time_ns: 100_000_000_007, original: 3, tag: Some((TPID, 0x6005)), data: &[8, 9] },
            ]
        );
    }

    #[test]
    fn a_header_that_points_out_of_the_block_ends_it() {
        for (next, captured) in [(u32::MAX, 2), (56, u32::MAX), (1 << 20, 2)] {
            let bytes = block(&[[header(next, captured, 0), vec![8, 9]].concat(), Vec::new()]);
            assert!(packets(&bytes, |_| ()) <= 1);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_bring_it_out_of_its_bounds(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), count in 0u32..9) {
            bytes.splice(..4.min(bytes.len()), count.to_ne_bytes());
            prop_assert!(packets(&bytes, |raw| assert!(raw.data.len() <= 400)) <= u64::from(count));
        }
    }
}
