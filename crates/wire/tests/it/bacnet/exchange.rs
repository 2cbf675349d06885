//! The client's side of a conversation: parts, strangers, notifications.

use proptest::prelude::*;
use std::net::{Ipv4Addr, SocketAddrV4};
use wire::bacnet::{
    Address, Answer, Apdu, Bvlc, Cast, CovNotification, Exchange, Heard, IAm, MAX_ANSWER, Npdu, ObjectId,
    Peer, PropertyRef, ReadAck, Request, Segment, Value, allowed, read_ack, read_multiple_ack, who_is,
};

fn peer(port: u16) -> Peer {
    Peer { at: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port), beyond: None }
}

fn target() -> PropertyRef {
    PropertyRef { object: ObjectId::new(0, 1), property: 85, index: None }
}

/// A datagram of a device, straight or from behind a router.
fn said(from: &Peer, apdu: &Apdu<'_>) -> Vec<u8> {
    let (mut inner, mut npdu, mut out) = (Vec::new(), Vec::new(), Vec::new());
    apdu.emit(&mut inner);
    Npdu { from: from.beyond.clone(), ..Npdu::apdu(None, false, &inner) }.emit(&mut npdu);
    Bvlc::Unicast(&npdu).emit(&mut out);
    out
}

/// The APDU in one of our datagrams, as sequence, negative, abort reason.
fn acknowledged(out: &[(SocketAddrV4, Vec<u8>)]) -> Vec<(u8, bool)> {
    let one = |(_, datagram): &(SocketAddrV4, Vec<u8>)| {
        let npdu = Npdu::parse(Bvlc::parse(datagram).unwrap().npdu().unwrap()).unwrap();
        match Apdu::parse(npdu.body).unwrap() {
            Apdu::SegmentAck { negative, server: false, sequence, .. } => (sequence, negative),
            other => panic!("{other:?}"),
        }
    };
    out.iter().map(one).collect()
}

/// Number and bytes of the part of a request that a datagram is.
fn part(datagram: &[u8]) -> (u8, bool, Vec<u8>) {
    let npdu = Npdu::parse(Bvlc::parse(datagram).unwrap().npdu().unwrap()).unwrap();
    match Apdu::parse(npdu.body).unwrap() {
        Apdu::Confirmed { segment: Some(segment), body, .. } => {
            assert!(npdu.body.len() <= 50, "{}", npdu.body.len());
            (segment.sequence, segment.more, body.to_vec())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn long_requests_go_in_parts_as_they_are_acknowledged() {
    let (mut exchange, mut out, device) = (Exchange::default(), Vec::new(), peer(1));
    let values = vec![Value::Text("x".repeat(300))];
    let request = Request::WriteProperty { target: target(), values, priority: None };
    let (service, whole) = request.emit();
    let (invoke, first) = exchange.ask_within(&device, &request, 50).unwrap();
    let ack = |sequence, window, negative| {
        said(&device, &Apdu::SegmentAck { negative, server: true, invoke, sequence, window })
    };
    let mut got = part(&first).2;
    assert_eq!(part(&first).0, 0);
    // The device takes two at once; what is lost is asked for again.
    assert_eq!(exchange.hear(device.at, &ack(0, 2, false), &mut out), Heard::Part { invoke });
    assert_eq!(out.iter().map(|(_, it)| part(it).0).collect::<Vec<_>>(), [1, 2]);
    got.extend(part(&out[0].1).2);
    out.clear();
    assert_eq!(exchange.hear(device.at, &ack(1, 2, true), &mut out), Heard::Part { invoke });
    assert_eq!(out.iter().map(|(_, it)| part(it).0).collect::<Vec<_>>(), [2, 3]);
    // What came late, from another, or about parts that do not exist, changes nothing.
    let sent = out.len();
    assert_eq!(exchange.hear(device.at, &ack(0, 2, false), &mut out), Heard::Stranger);
    assert_eq!(exchange.hear(device.at, &ack(99, 2, false), &mut out), Heard::Stranger);
    assert_eq!(exchange.hear(peer(2).at, &ack(3, 2, false), &mut out), Heard::Stranger);
    assert_eq!(out.len(), sent);
    loop {
        let last = out.iter().map(|(_, it)| part(it)).inspect(|it| got.extend(&it.2)).last().unwrap();
        out.clear();
        if !last.1 {
            break;
        }
        exchange.hear(device.at, &ack(last.0, 16, false), &mut out);
    }
    assert_eq!(got, whole);
    let done = Apdu::SimpleAck { invoke, service };
    let heard = exchange.hear(device.at, &said(&device, &done), &mut out);
    assert_eq!(heard, Heard::Answer { invoke, answer: Answer::Done });
    let endless = Request::WriteProperty {
        target: target(),
        values: vec![Value::Text("x".repeat(3_000))],
        priority: None,
    };
    assert!(exchange.ask_within(&device, &endless, 50).is_none(), "more than 64 parts");
}

#[test]
fn an_answer_counts_only_with_device_number_and_service() {
    let (mut exchange, mut out) = (Exchange::default(), Vec::new());
    let (one, other) = (peer(1), peer(2));
    let (invoke, datagram) = exchange.ask(&one, &Request::ReadProperty(target())).unwrap();
    assert!(Bvlc::parse(&datagram).is_ok());
    let (service, body) = ReadAck { target: target(), values: vec![Value::Real(1.5)] }.emit();
    let answer = Apdu::ComplexAck { segment: None, invoke, service, body: &body };
    assert_eq!(exchange.hear(other.at, &said(&other, &answer), &mut out), Heard::Stranger);
    let beyond = Peer { beyond: Some(Address { network: 7, mac: vec![3] }), ..one.clone() };
    assert_eq!(exchange.hear(one.at, &said(&beyond, &answer), &mut out), Heard::Stranger);
    let late = Apdu::ComplexAck { segment: None, invoke: invoke + 1, service, body: &body };
    assert_eq!(exchange.hear(one.at, &said(&one, &late), &mut out), Heard::Stranger);
    let heard = exchange.hear(one.at, &said(&one, &answer), &mut out);
    let Heard::Answer { answer: Answer::Data(data), .. } = heard else { panic!("{heard:?}") };
    assert_eq!(read_ack(&data).unwrap().values, [Value::Real(1.5)]);
    assert_eq!(exchange.hear(one.at, &said(&one, &answer), &mut out), Heard::Stranger, "only once");
    let (invoke, _) = exchange.ask(&beyond, &Request::ReadProperty(target())).unwrap();
    let wrong = Apdu::SimpleAck { invoke, service: 15 };
    let heard = exchange.hear(one.at, &said(&beyond, &wrong), &mut out);
    assert!(matches!(heard, Heard::Answer { answer: Answer::Broken(_), .. }), "{heard:?}");
    assert!(out.is_empty());
}

#[test]
fn forgotten_exchanges_are_answered_by_nobody_and_numbers_are_not_soon_used_again() {
    let mut exchange = Exchange::default();
    let mut numbers = std::collections::BTreeSet::new();
    while let Some((invoke, _)) = exchange.ask(&peer(1), &Request::ReadProperty(target())) {
        assert!(numbers.insert(invoke));
    }
    assert_eq!(numbers.len(), 64);
    exchange.forget(0);
    assert_eq!(exchange.ask(&peer(1), &Request::ReadProperty(target())).unwrap().0, 64);
    let gone = said(&peer(1), &Apdu::Reject { invoke: 0, reason: 9 });
    assert_eq!(exchange.hear(peer(1).at, &gone, &mut Vec::new()), Heard::Stranger);
}

/// 5.4.4.3 with a window of three: acknowledged at the first, at the end of each window, and at the last.
#[test]
fn parts_are_put_together_in_order() {
    let (mut exchange, mut out) = (Exchange::default(), Vec::new());
    let one = peer(1);
    let (invoke, _) = exchange.ask(&one, &Request::ReadProperty(target())).unwrap();
    let (service, body) = ReadAck { target: target(), values: vec![Value::Text("x".repeat(50)); 4] }.emit();
    let pieces: Vec<&[u8]> = body.chunks(30).collect();
    let mut part = |exchange: &mut Exchange, at: usize| {
        let segment = Some(Segment { more: at + 1 < pieces.len(), sequence: at as u8, window: 3 });
        let apdu = Apdu::ComplexAck { segment, invoke, service, body: pieces[at] };
        exchange.hear(one.at, &said(&one, &apdu), &mut out)
    };
    assert_eq!(pieces.len(), 8);
    for at in [0, 1, 2, 3, 5, 4, 4, 5, 6] {
        assert_eq!(part(&mut exchange, at), Heard::Part { invoke }, "{at}");
    }
    let Heard::Answer { answer: Answer::Data(whole), .. } = part(&mut exchange, 7) else { panic!() };
    assert_eq!(whole, body);
    // After 5 came without 4, it is asked for again; 4 twice is only confirmed.
    let told = [(0, false), (3, false), (3, true), (4, false), (7, false)];
    assert_eq!(acknowledged(&out), told);
}

#[test]
fn endless_answers_are_ended() {
    let (mut exchange, mut out) = (Exchange::default(), Vec::new());
    let one = peer(1);
    let (invoke, _) = exchange.ask(&one, &Request::ReadProperty(target())).unwrap();
    let body = [0; 1_400];
    let mut sequence = 0u8;
    let ended = loop {
        let segment = Some(Segment { more: true, sequence, window: 127 });
        let apdu = Apdu::ComplexAck { segment, invoke, service: 12, body: &body };
        match exchange.hear(one.at, &said(&one, &apdu), &mut out) {
            Heard::Part { .. } => sequence = sequence.wrapping_add(1),
            other => break other,
        }
    };
    assert!(matches!(ended, Heard::Answer { answer: Answer::Broken(_), .. }), "{ended:?}");
    assert!(usize::from(sequence) * 1_400 <= MAX_ANSWER);
    assert_eq!(out.pop().unwrap().1[6..], [0x70, invoke, 1], "buffer overflow");
}

#[test]
fn what_comes_by_itself_is_told_and_confirmed() {
    let (mut exchange, mut out) = (Exchange::default(), Vec::new());
    let one = peer(1);
    let notification = CovNotification {
        process: 1,
        device: ObjectId::device(7),
        object: ObjectId::new(0, 1),
        remaining: 60,
        values: vec![(85, None, vec![Value::Real(2.5)])],
    };
    let body = notification.emit();
    let plain = said(&one, &Apdu::Unconfirmed { service: 2, body: &body });
    let told = |confirm| Heard::Told { from: one.clone(), notification: notification.clone(), confirm };
    assert_eq!(exchange.hear(one.at, &plain, &mut out), told(None));
    let asking = Apdu::Confirmed {
        segment: None,
        takes_segments: false,
        limits: 5,
        invoke: 9,
        service: 1,
        body: &body,
    };
    assert_eq!(exchange.hear(one.at, &said(&one, &asking), &mut out), told(Some(9)));
    assert_eq!(Exchange::acknowledge(&one, 9)[6..], [0x20, 9, 1]);
    assert_eq!(Exchange::disown(&one, 9)[6..], [0x50, 9, 1, 0x91, 5, 0x91, 79]);
    let (service, about) =
        IAm { device: ObjectId::device(7), max_apdu: 480, segmentation: 3, vendor: 15 }.emit();
    let (mut apdu, mut npdu, mut datagram) = (Vec::new(), Vec::new(), Vec::new());
    Apdu::Unconfirmed { service, body: &about }.emit(&mut apdu);
    Npdu::apdu(None, false, &apdu).emit(&mut npdu);
    let far = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 9), 47_808);
    Bvlc::Forwarded { from: far, npdu: &npdu }.emit(&mut datagram);
    let heard = exchange.hear(one.at, &datagram, &mut out);
    assert!(
        matches!(&heard, Heard::IAm { from, about } if from.at == far && about.max_apdu == 480),
        "{heard:?}"
    );
    assert!(out.is_empty());
    let write = Apdu::Confirmed {
        segment: None,
        takes_segments: false,
        limits: 5,
        invoke: 3,
        service: 15,
        body: &[],
    };
    assert_eq!(exchange.hear(one.at, &said(&one, &write), &mut out), Heard::Stranger);
    assert_eq!(out.pop().unwrap().1[6..], [0x60, 3, 9], "no such service here");
}

#[test]
fn who_is_there_beyond_a_router_and_behind_a_broadcast_device() {
    let everywhere = Some(Address { network: 0xFFFF, mac: vec![] });
    let datagram = who_is(Some((7, 7)), everywhere, &Cast::Distribute);
    assert_eq!(datagram, [0x81, 9, 0, 16, 1, 0x20, 0xFF, 0xFF, 0, 255, 0x10, 8, 9, 7, 0x19, 7]);
    assert_eq!(who_is(None, None, &Cast::Unicast), [0x81, 10, 0, 8, 1, 0, 0x10, 8]);
    assert_eq!(wire::bacnet::register(300), [0x81, 5, 0, 6, 1, 44]);
}

#[test]
fn limits_of_an_answer_as_a_request_says_them() {
    for (limits, parts, octets) in [(0x65, 64, 1_476), (0x00, 255, 50), (0x03, 255, 480), (0x25, 4, 1_476)] {
        assert_eq!(allowed(limits), (parts, octets), "{limits:02X}");
    }
}

/// What is not understood spoils nothing beside it.
#[test]
fn structures_and_odd_texts_are_passed_over_whole() {
    // Two properties: event time stamps, a structure of context tags, and a real; then a text of a code page.
    let body = super::hex(
        "0C 00000001 1E 29 82 4E 0E 0C 01020304 0F 19 05 2E A4 7C010101 B4 01020304 2F 4F 29 55 4E 44 3FC00000 4F
         29 1C 4E 75 06 01 0352 FF FF FF 4F 1F",
    );
    let all = read_multiple_ack(&body).unwrap();
    let kinds: Vec<usize> = all.iter().map(|one| one.result.as_ref().unwrap().len()).collect();
    assert_eq!(kinds, [3, 1, 1]);
    assert_eq!(all[1].result, Ok(vec![Value::Real(1.5)]));
    assert!(matches!(&all[2].result.as_ref().unwrap()[0], Value::Raw(bytes) if bytes.len() == 8));
    let again = wire::bacnet::ReadMultipleAck::emit(&all).1;
    assert_eq!(again, body, "and written as it was");
    let cjk = super::hex("0C 00000001 19 4D 3E 75 05 04 0041 7535 3F");
    assert_eq!(read_ack(&cjk).unwrap().values, [Value::Text("A电".into())]);
}

proptest! {
    #[test]
    fn any_order_of_parts_gives_the_answer_or_none(order in proptest::collection::vec(0usize..6, 0..40), window in 0u8..8) {
        let (mut exchange, mut out) = (Exchange::default(), Vec::new());
        let one = peer(1);
        let (invoke, _) = exchange.ask(&one, &Request::ReadProperty(target())).unwrap();
        let body: Vec<u8> = (0..60).collect();
        for at in order {
            let segment = Some(Segment { more: at < 5, sequence: at as u8, window });
            let apdu = Apdu::ComplexAck { segment, invoke, service: 12, body: &body[at * 10..at * 10 + 10] };
            if let Heard::Answer { answer, .. } = exchange.hear(one.at, &said(&one, &apdu), &mut out) {
                prop_assert_eq!(answer, Answer::Data(body));
                break;
            }
        }
    }

    #[test]
    fn any_bytes_are_heard(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (mut exchange, mut out) = (Exchange::default(), Vec::new());
        exchange.ask(&peer(1), &Request::ReadProperty(target()));
        exchange.hear(peer(1).at, &bytes, &mut out);
        prop_assert!(out.len() <= 1);
    }
}
