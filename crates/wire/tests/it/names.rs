//! Hostile answers to those who ask for names: multicast DNS and PROFINET DCP.

use crate::random::hostile;
use wire::mdns::{self, Record};
use wire::profinet::identify;

#[test]
fn a_million_hostile_answers_over_multicast_dns() {
    // "a.local" at 12: PTR to "b.local" by a jump to 14, SRV of it by a jump to 12.
    let sound = [
        &[0, 7, 0x84, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, b'a', 5][..],
        b"local\0",
        &[0, 12, 0, 1, 0, 0, 0, 9, 0, 4, 1, b'b', 0xC0, 14],
        &[0xC0, 12, 0, 33, 0x80, 1, 0, 0, 0, 9, 0, 8, 0, 0, 0, 0, 0x12, 0xE8, 0xC0, 12],
    ]
    .concat();
    assert_eq!(mdns::answer(7, &sound).unwrap().len(), 2);
    hostile(0x14E9, &[sound], |bytes| {
        let records = mdns::answer(7, bytes).unwrap_or_default();
        let names = records.iter().flat_map(|record| match record {
            Record::Pointer { name, target } => [name, target],
            Record::Service { name, host, .. } => [name, host],
        });
        // A byte that is no letter becomes three.
        assert!(records.len() <= 128 && names.map(String::len).all(|length| length <= 3 * 255));
        !records.is_empty()
    });
}

#[test]
fn a_million_hostile_answers_of_dcp() {
    let blocks = [
        &[2, 2, 0, 9, 0, 0][..],
        b"press-4\0",
        &[2, 3, 0, 6, 0, 0, 0, 0x2A, 1, 0x0E],
        &[1, 2, 0, 14, 0, 0, 10, 20, 1, 9, 255, 255, 255, 0, 0, 0, 0, 0],
    ]
    .concat();
    let head = [2, 0, 0, 0, 0, 1, 0, 0x1B, 0x1B, 1, 2, 3];
    let answer = [0x88, 0x92, 0xFE, 0xFF, 5, 1, 0, 0, 0, 9, 0, 0, 0, blocks.len() as u8];
    let plain = [&head[..], &answer, &blocks].concat();
    let tagged = [&head[..], &[0x81, 0, 0, 0], &answer, &blocks].concat();
    for frame in [&plain, &tagged] {
        assert_eq!(identify::answer(9, frame).unwrap().name, "press-4");
    }
    hostile(0xDC9, &[plain, tagged], |bytes| {
        identify::answer(9, bytes).is_some_and(|found| {
            assert!(found.name.len() + found.kind.len() <= 3 * bytes.len());
            found.name == "press-4"
        })
    });
}
