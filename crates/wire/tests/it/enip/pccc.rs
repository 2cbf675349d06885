//! A million hostile commands and answers of PCCC.

use crate::random::{Rng, hostile};
use wire::enip::pccc::{
    Answer, Ask, Family, FileKind, Message, PcccStatus, PcccView, Place, Requester, emit_answer,
};

const WHO: Requester = Requester { vendor: 1, serial: 0x0403_0201 };

/// Every kind of command to both families, each with an answer to it.
fn conversation(rng: &mut Rng) -> Vec<(Message, Vec<u8>)> {
    let mut all = Vec::new();
    for family in [Family::Slc, Family::Plc5] {
        for _ in 0..16 {
            let kind = if family == Family::Slc { FileKind::Timer } else { FileKind::Integer };
            let (file, element) = (rng.range(2, 300) as u16, rng.range(0, 999) as u16);
            let at = Place { kind, file, element, word: rng.range(0, 2) as u16 };
            let bytes = rng.range(1, 122) as u8 * 2;
            let (ask, data) = match rng.range(0, 3) {
                0 => (Ask::Read { at, bytes }, rng.bytes(bytes.into())),
                1 => (Ask::Write { at, data: rng.bytes(bytes.into()) }, Vec::new()),
                2 => (Ask::Mask { at, mask: rng.word(), bits: rng.word() }, Vec::new()),
                _ => (Ask::Status, rng.bytes(25)),
            };
            let message = Message { requester: WHO, transaction: rng.word(), family, ask };
            let code = if message.ask == Ask::Status { 0x06 } else { 0x0F };
            let status = if rng.range(0, 3) == 0 { PcccStatus::NO_ADDRESS } else { PcccStatus::OK };
            let mut answer = Vec::new();
            emit_answer(&WHO, code, message.transaction, status, &data, &mut answer);
            all.push((message, answer));
        }
    }
    all
}

#[test]
fn a_million_hostile_commands() {
    let all = conversation(&mut Rng::new(0x9CC));
    let sound: Vec<Vec<u8>> = all
        .iter()
        .map(|(message, _)| {
            let mut out = Vec::new();
            message.emit(&mut out).unwrap();
            out
        })
        .collect();
    let mut again = Vec::new();
    hostile(0x9CC1, &sound, |bytes| {
        let view = PcccView::new(bytes);
        let _ = (view.facts(), view.status(), view.to_string());
        assert!(view.data().len() <= bytes.len());
        let Ok(message) = Message::parse(bytes) else { return false };
        again.clear();
        message.emit(&mut again).unwrap();
        // A mask may come with bits outside of it; what is done is the same.
        assert_eq!(Message::parse(&again).map(|read| read.ask), Ok(kept(message.ask)));
        true
    });
}

/// What a command does.
fn kept(ask: Ask) -> Ask {
    match ask {
        Ask::Mask { at, mask, bits } => Ask::Mask { at, mask, bits: bits & mask },
        other => other,
    }
}

#[test]
fn a_million_hostile_answers() {
    let all = conversation(&mut Rng::new(0x9CC));
    let sound: Vec<Vec<u8>> = all.iter().map(|(_, answer)| answer.clone()).collect();
    // `hostile` takes the sound ones in turn.
    let mut asked = all.iter().map(|(message, _)| message).cycle();
    hostile(0x9CC2, &sound, |bytes| {
        let message = asked.next().unwrap();
        let Ok(answer) = Answer::parse(bytes, message) else { return false };
        assert!(!answer.status.to_string().is_empty());
        match &message.ask {
            // Never fewer or more bytes than were asked for, and none with a refusal.
            Ask::Read { bytes, .. } if answer.status.is_ok() => {
                assert_eq!(answer.data.len(), usize::from(*bytes))
            }
            Ask::Status if answer.status.is_ok() => {}
            _ => assert!(answer.data.is_empty()),
        }
        true
    });
}
