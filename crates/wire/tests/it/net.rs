//! Frames of any content are looked at without a panic, and never give more than they have.

use crate::random::Rng;
use wire::net::{Content, Datagram, Frame, LinkType, Segment, dhcp, lldp};

fn seeds() -> Vec<Vec<u8>> {
    let mac = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    let v4 = [0x45, 0, 0, 44, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    let tcp = [0x13, 0x88, 1, 0xF6, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x18, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
    let mut v6 = vec![0x60, 0, 0, 0, 0, 40, 0, 64];
    v6.extend_from_slice(&[1; 32]);
    v6.extend_from_slice(&[44, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 1, 0, 0, 0, 5]);
    v6.extend_from_slice(&[0, 53, 0, 54, 0, 16, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    vec![
        [&mac[..], &[8, 0], &v4, &tcp].concat(),
        [&mac[..], &[0x88, 0xA8, 0, 1, 0x81, 0, 0, 2, 8, 0], &v4, &tcp].concat(),
        [&mac[..], &[0x86, 0xDD], &v6].concat(),
        [&mac[..], &[0x88, 0xCC, 2, 3, 4, 1, 2, 10, 3, b's', b'w', b'1', 0, 0]].concat(),
        [&mac[..], &[0, 38, 0xAA, 0xAA, 3, 0, 0, 0x0C, 0x20, 0, 1, 2, 3]].concat(),
        [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, 8, 0][..], &v4, &tcp].concat(),
    ]
}

#[test]
fn a_million_hostile_frames() {
    let (seeds, mut rng) = (seeds(), Rng::new(0xE7_E7));
    let (mut ip, mut malformed) = (0u32, 0u32);
    for _ in 0..1_000_000 {
        let mut bytes = seeds[rng.range(0, seeds.len() as u64 - 1) as usize].clone();
        for _ in 0..rng.range(0, 4) {
            let at = rng.range(0, bytes.len() as u64 - 1) as usize;
            bytes[at] = rng.byte();
        }
        if rng.byte() & 1 == 0 {
            bytes.truncate(rng.range(1, bytes.len() as u64) as usize);
        }
        let links = [0, 1, 1, 1, 101, 113, 228, 229, 276, 9];
        let link = LinkType(links[rng.range(0, links.len() as u64 - 1) as usize]);
        match Frame::new(link, &bytes).content {
            Content::Ip(packet) => {
                ip += 1;
                assert!(packet.payload.len() <= bytes.len());
                let data = Segment::new(packet.payload).map_or(0, |segment| segment.payload.len());
                let more = Datagram::new(packet.payload).map_or(0, |datagram| datagram.payload.len());
                assert!(data <= packet.payload.len() && more <= packet.payload.len());
            }
            Content::Malformed(problem) => {
                malformed += 1;
                assert!(!problem.to_string().is_empty());
            }
            Content::Other { payload, .. } | Content::Llc { payload, .. } => {
                let _ = lldp::read(payload);
                let _ = dhcp::read(payload);
            }
            Content::Arp(_) => {}
        }
    }
    assert!(ip > 50_000 && malformed > 50_000, "{ip} of IP, {malformed} malformed");
}
