//! IEC 60870-5-104: examples, random valid frames, hostile ones.

use crate::random::{Rng, spoil};
use proptest::prelude::*;
use wire::iec104::table::{self, TYPES};
use wire::iec104::{ApduView, AsduView, Control, MAX_APDU, Problem, START, frame_length};

/// An APDU of the I format around an ASDU.
fn information(send: u16, receive: u16, asdu: &[u8]) -> Vec<u8> {
    let mut frame = vec![START, asdu.len() as u8 + 4];
    frame.extend((send << 1).to_le_bytes());
    frame.extend((receive << 1).to_le_bytes());
    frame.extend_from_slice(asdu);
    frame
}

#[test]
fn messages_are_told_in_words() {
    for (bytes, words) in [
        (&[START, 4, 0x07, 0, 0, 0][..], "start data transfer"),
        (&[START, 4, 0x13, 0, 0, 0], "stop data transfer"),
        (&[START, 4, 1, 0, 6, 0], "acknowledgement"),
        (&[START, 14, 2, 0, 4, 0, 100, 1, 6, 0, 3, 0, 0, 0, 0, 20], "Interrogation: activation"),
        (
            &[START, 14, 0, 0, 0, 0, 45, 1, 6, 0, 3, 0, 0xE9, 3, 0, 0x81],
            "Single command (select): activation, object 1001",
        ),
        (
            &[START, 14, 0, 0, 0, 0, 45, 1, 0x6F, 0, 3, 0, 0xE9, 3, 0, 1],
            "Single command: unknown object, refused, object 1001",
        ),
        (
            &[START, 15, 0, 0, 0, 0, 1, 0x82, 3, 0, 3, 0, 10, 0, 0, 1, 0],
            "Single-point information: spontaneous, object 10 and 1 more",
        ),
    ] {
        let view = ApduView::new(bytes);
        assert_eq!((view.to_string().as_str(), view.problem()), (words, None), "{bytes:x?}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (bytes, wrong) in [
        (&[START, 4, 0x0F, 0, 0, 0][..], Problem::Control),
        (&[START, 5, 0x07, 0, 0, 0, 0], Problem::Trailing),
        (&[START, 6, 0, 0, 0, 0, 45, 1], Problem::ShortHeader),
        (&[START, 14, 0, 0, 0, 0, 44, 1, 6, 0, 3, 0, 1, 0, 0, 1], Problem::Type(44)),
        (&[START, 14, 0, 0, 0, 0, 45, 1, 17, 0, 3, 0, 1, 0, 0, 1], Problem::Cause(17)),
        (&[START, 10, 0, 0, 0, 0, 45, 0, 6, 0, 3, 0], Problem::NoObjects),
        (&[START, 13, 0, 0, 0, 0, 45, 1, 6, 0, 3, 0, 1, 0, 0], Problem::ShortData),
        (&[START, 15, 0, 0, 0, 0, 45, 1, 6, 0, 3, 0, 1, 0, 0, 1, 9], Problem::LongData),
        (&[START, 9, 0x07, 0, 0, 0], Problem::Length),
    ] {
        assert_eq!(ApduView::new(bytes).problem(), Some(wrong), "{bytes:x?}");
    }
    assert_eq!(
        (frame_length(&[START, 3]), frame_length(&[0x69, 4]), frame_length(&[START])),
        (None, None, None)
    );
}

#[test]
fn types_stand_in_order_and_a_longest_frame_holds_each() {
    assert!(TYPES.windows(2).all(|pair| pair[0].code < pair[1].code));
    for kind in TYPES {
        assert_eq!(table::kind(kind.code), Some(&kind));
        let length = kind.length.unwrap_or(0);
        assert!(
            usize::from(length) + 15 <= MAX_APDU && kind.qualifier.is_none_or(|at| at < length),
            "{kind:?}"
        );
    }
}

proptest! {
    #[test]
    fn objects_come_out_as_they_went_in(
        at in 0..TYPES.len(), sequence: bool, count in 1u8..16, cause in 1u8..14, address in 0u32..0xFF_0000,
        station: u16, fill: u8,
    ) {
        let kind = TYPES[at];
        let Some(length) = kind.length.map(usize::from) else { return Ok(()) };
        let mut asdu = vec![kind.code, u8::from(sequence) << 7 | count, cause, 0];
        asdu.extend(station.to_le_bytes());
        for index in 0..u32::from(count) {
            if index == 0 || !sequence {
                asdu.extend_from_slice(&(address + index).to_le_bytes()[..3]);
            }
            asdu.extend(std::iter::repeat_n(fill, length));
        }
        prop_assume!(asdu.len() + 6 <= MAX_APDU);
        let frame = information(5, 7, &asdu);
        prop_assert_eq!(frame_length(&frame), Some(frame.len()));
        let view = ApduView::new(&frame);
        prop_assert_eq!(view.control(), Some(Control::Information { send: 5, receive: 7 }));
        prop_assert_eq!(view.problem(), None);
        let asdu = view.asdu().unwrap();
        prop_assert_eq!((asdu.cause(), asdu.station()), (Some(cause), Some(station)));
        let addresses: Vec<u32> = asdu.elements().map(|element| element.address).collect();
        prop_assert_eq!(addresses, (address..address + u32::from(count)).collect::<Vec<_>>());
        prop_assert!(asdu.elements().all(|element| element.data.len() == length));
    }
}

#[test]
fn a_million_hostile_frames() {
    const FRAMES: u64 = 1_000_000;
    let mut rng = Rng::new(0x104);
    let (mut sound, mut named) = (0u64, 0u64);
    let (mut words, mut frame) = (String::new(), Vec::new());
    for _ in 0..FRAMES {
        let kind = TYPES[rng.range(0, TYPES.len() as u64 - 1) as usize];
        let mut asdu = vec![kind.code, rng.byte(), rng.byte(), rng.byte(), rng.byte(), 0];
        let count = rng.range(0, 40) as usize;
        asdu.extend(rng.bytes(count));
        let whole = information(rng.word() >> 1, rng.word() >> 1, &asdu);
        spoil(&whole, &mut frame, &mut rng, |_, _, _, _| {});
        let view = ApduView::new(&frame);
        let asdu = view.asdu().unwrap_or(AsduView::new(&[]));
        assert!(asdu.elements().count() <= 127, "no more objects than are counted");
        assert!(frame_length(&frame).is_none_or(|length| length <= MAX_APDU));
        match view.problem() {
            None => sound += 1,
            Some(problem) => named += u64::from(!problem.to_string().is_empty()),
        }
        if rng.range(0, 63) == 0 {
            words.clear();
            std::fmt::Write::write_fmt(&mut words, format_args!("{view} {}", asdu.is_select())).unwrap();
            assert!(words.is_ascii() && words.len() < 200, "{words}");
        }
    }
    assert!(sound > FRAMES / 200 && sound + named == FRAMES, "{sound} sound, {named} named");
}
