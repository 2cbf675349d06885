//! GOOSE: a frame, what is wrong with others, a million hostile ones.

use crate::random::{Rng, spoil};
use wire::goose::{GooseView, Problem};

fn frame(state: u8, sequence: u8) -> Vec<u8> {
    let mut pdu = vec![0x80, 4];
    pdu.extend(b"B/go");
    pdu.extend([0x81, 2, 7, 0xD0, 0x82, 2, b'd', b's', 0x83, 1, b'x', 0x84, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
    pdu.extend([0x85, 1, state, 0x86, 2, 0, sequence, 0x87, 1, 0, 0x88, 1, 9, 0x89, 1, 0, 0x8A, 1, 1]);
    pdu.extend([0xAB, 3, 0x83, 1, 1]);
    let mut out = vec![0, 3, 0, pdu.len() as u8 + 11, 0, 0, 0, 0, 0x61, 0x81, pdu.len() as u8];
    out.extend(pdu);
    // Padding of Ethernet.
    out.extend([0; 6]);
    out
}

#[test]
fn a_frame_is_told_in_words() {
    let bytes = frame(5, 200);
    let view = GooseView::new(&bytes);
    assert_eq!((view.to_string().as_str(), view.problem()), ("B/go, state 5, sequence 200", None));
    assert_eq!((view.appid(), view.time_to_live_ms(), view.revision()), (Some(3), Some(2_000), Some(9)));
    assert_eq!(
        (view.id(), view.data_set(), view.is_simulation()),
        (Some(&b"x"[..]), Some(&b"ds"[..]), false)
    );
}

#[test]
fn what_is_wrong_is_named() {
    let sound = frame(5, 200);
    let changed = |at: usize, byte: u8| {
        let mut bytes = sound.clone();
        bytes[at] = byte;
        GooseView::new(&bytes).problem()
    };
    assert_eq!(GooseView::new(&sound[..3]).problem(), Some(Problem::ShortHeader));
    assert_eq!(changed(3, 200), Some(Problem::Length(200)));
    assert_eq!(changed(8, 0x60), Some(Problem::Tag(0x60)));
    assert_eq!(changed(10, 0x7F), Some(Problem::Element(0x61)));
    assert_eq!(changed(12, 0x7F), Some(Problem::Element(0x80)));
    assert_eq!(changed(11, 0x90), Some(Problem::Missing("a control block")));
}

#[test]
fn a_million_hostile_frames() {
    const FRAMES: u64 = 1_000_000;
    let (sound, mut rng, mut bytes) = (frame(5, 200), Rng::new(0x88B8), Vec::new());
    let (mut right, mut wrong) = (0u64, 0u64);
    for _ in 0..FRAMES {
        spoil(&sound, &mut bytes, &mut rng, |_, _, _, _| {});
        let view = GooseView::new(&bytes);
        match view.problem() {
            None => right += u64::from(view.state_number().is_some()),
            Some(_) => wrong += 1,
        }
        if rng.range(0, 63) == 0 {
            assert!(view.to_string().len() < 1_000);
        }
    }
    assert!(right > FRAMES / 3 && wrong > FRAMES / 10, "{right} {wrong}");
}
