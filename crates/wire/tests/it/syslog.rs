//! Hostile syslog: nothing panics, and every byte is accounted for.

use crate::random::{Rng, spoil};
use wire::syslog::{Frame, Message, frame};

const SOUND: &str = "<165>1 2003-10-11T22:14:15.003Z host app 12 ID47 [a@1 x=\"1\\\"]\"][b@1 y=\"2\"] an event <34>Oct 11 22:14:15 h su[1]: text";

#[test]
fn a_million_hostile_messages() {
    const MESSAGES: u64 = 1_000_000;
    let (mut rng, mut bytes) = (Rng::new(0x5514), Vec::new());
    let (mut structured, mut other) = (0u64, 0u64);
    for _ in 0..MESSAGES {
        spoil(SOUND.as_bytes(), &mut bytes, &mut rng, |out, at, byte, _| {
            out.insert(at.min(out.len()), b"<>[]\"\\ -:1"[usize::from(byte % 10)])
        });
        let text = String::from_utf8_lossy(&bytes);
        let message = Message::parse(&text);
        assert!(message.facility < 24 && message.severity < 8);
        assert!(message.text.len() + message.data.len() <= text.len());
        *(if message.data.is_empty() { &mut other } else { &mut structured }) += 1;
    }
    assert!(structured > MESSAGES / 4 && other > MESSAGES / 10, "{structured} {other}");
}

#[test]
fn a_hostile_stream_is_cut_or_refused() {
    let (mut rng, mut bytes) = (Rng::new(0x6587), Vec::new());
    let sound: Vec<u8> =
        [format!("{} {SOUND}", SOUND.len()).as_bytes(), b"<34>line\n", b"12 <34>abcdefgh"].concat();
    let mut whole = 0u64;
    for _ in 0..200_000 {
        spoil(&sound, &mut bytes, &mut rng, |out, at, byte, _| {
            out.insert(at.min(out.len()), b'0' + byte % 10)
        });
        let mut rest = bytes.as_slice();
        while let Frame::Whole { skip, length, taken } = frame(rest, 4_096) {
            assert!(taken > 0 && skip + length <= taken && taken <= rest.len());
            rest = &rest[taken..];
            whole += 1;
        }
    }
    assert!(whole > 200_000, "{whole}");
}
