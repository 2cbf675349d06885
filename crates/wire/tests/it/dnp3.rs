//! DNP3: valid frames of any content come through whole, hostile ones only get flagged.

use crate::random::Rng;
use proptest::prelude::*;
use wire::dnp3::link::{LinkView, MAX_USER, frame_length, looks_like_frame};
use wire::dnp3::{FragmentView, Joiner, crc, table};

fn frame(control: u8, destination: u16, source: u16, user: &[u8]) -> Vec<u8> {
    let mut out = vec![0x05, 0x64, u8::try_from(5 + user.len()).unwrap(), control];
    out.extend_from_slice(&destination.to_le_bytes());
    out.extend_from_slice(&source.to_le_bytes());
    out.extend_from_slice(&crc(&out).to_le_bytes());
    for block in user.chunks(16) {
        out.extend_from_slice(block);
        out.extend_from_slice(&crc(block).to_le_bytes());
    }
    out
}

proptest! {
    #[test]
    fn user_data_come_through_and_any_flipped_bit_is_noticed(
        user in proptest::collection::vec(any::<u8>(), 1..=MAX_USER),
        control in any::<u8>(),
        (destination, source) in any::<(u16, u16)>(),
        flip in any::<(usize, u8)>(),
    ) {
        let mut bytes = frame(control, destination, source, &user);
        prop_assert!(looks_like_frame(&bytes));
        prop_assert_eq!(frame_length(&bytes), Some(bytes.len()));
        let mut space = [0; MAX_USER];
        let view = LinkView::new(&bytes);
        prop_assert_eq!((view.destination(), view.source()), (Some(destination), Some(source)));
        prop_assert_eq!(view.user_data(&mut space), (&user[..], None));
        let at = 2 + flip.0 % (bytes.len() - 2);
        bytes[at] ^= 1 << (flip.1 & 7);
        prop_assert!(LinkView::new(&bytes).user_data(&mut space).1.is_some());
    }

    #[test]
    fn fragments_join_however_they_are_cut(
        fragment in proptest::collection::vec(any::<u8>(), 1..2_000),
        cut in 1usize..249,
        first in 0u8..64,
    ) {
        let mut joiner = Joiner::default();
        let last = fragment.chunks(cut).count() - 1;
        for (index, part) in fragment.chunks(cut).enumerate() {
            let number = (usize::from(first) + index) & 0x3F;
            let header = u8::try_from(number).unwrap()
                | if index == 0 { 0x40 } else { 0 }
                | if index == last { 0x80 } else { 0 };
            let segment = [&[header][..], part].concat();
            let whole = joiner.feed(&segment).unwrap().map(<[u8]>::to_vec);
            prop_assert_eq!(whole, (index == last).then(|| fragment.clone()));
        }
    }
}

/// A fragment with headers of all sorts.
fn fragment(rng: &mut Rng) -> Vec<u8> {
    let functions = table::FUNCTIONS;
    let function = functions[rng.range(0, functions.len() as u64 - 1) as usize].code;
    let mut out = vec![0xC0 | rng.byte() & 15, function];
    if function >= 129 {
        out.extend_from_slice(&[rng.byte() & 1, 0]);
    }
    for _ in 0..rng.range(0, 4) {
        let groups = [1, 2, 10, 12, 20, 30, 32, 40, 41, 50, 60, 70, 80, 110, 120];
        out.push(groups[rng.range(0, groups.len() as u64 - 1) as usize]);
        out.push(rng.range(0, 8) as u8);
        let qualifiers = [0x00, 0x01, 0x02, 0x06, 0x07, 0x08, 0x09, 0x17, 0x28, 0x39, 0x5B, 0x4B];
        out.push(qualifiers[rng.range(0, qualifiers.len() as u64 - 1) as usize]);
        let count = rng.range(0, 40) as usize;
        out.extend(rng.bytes(count));
    }
    out
}

#[test]
fn a_million_hostile_fragments_and_frames() {
    let mut rng = Rng::new(0xD0_D0);
    let (mut joiner, mut flagged, mut whole) = (Joiner::default(), 0u32, 0u32);
    let mut space = [0; MAX_USER];
    for _ in 0..1_000_000 {
        let mut fragment = fragment(&mut rng);
        if rng.byte() & 3 == 0 {
            let at = rng.range(0, fragment.len() as u64 - 1) as usize;
            fragment[at] = rng.byte();
        }
        let view = FragmentView::new(&fragment);
        match view.problem() {
            Some(problem) => {
                flagged += 1;
                assert!(!problem.to_string().is_empty());
            }
            None => whole += 1,
        }
        // What the headers give is bounded by what is there.
        let data: usize = view.headers().flatten().map(|header| header.data.len()).sum();
        assert!(data <= fragment.len());
        assert!(view.headers().flatten().all(|header| header.indexes().count() <= fragment.len()));
        assert!(view.to_string().len() < 300);
        if rng.byte() & 7 == 0 {
            let user = [&[rng.byte()][..], &fragment[..fragment.len().min(MAX_USER - 1)]].concat();
            let mut bytes = frame(rng.byte(), 1, 2, &user);
            let at = rng.range(0, bytes.len() as u64 - 1) as usize;
            bytes[at] ^= rng.byte() & 1;
            bytes.truncate(rng.range(1, bytes.len() as u64) as usize);
            let _ = frame_length(&bytes);
            let (data, _) = LinkView::new(&bytes).user_data(&mut space);
            let _ = joiner.feed(data);
        }
    }
    assert!(flagged > 100_000 && whole > 10_000, "{flagged} flagged, {whole} whole");
}
