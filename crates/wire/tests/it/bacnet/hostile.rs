//! A million datagrams that were sound once, cut, flipped and mixed by a seeded generator.

use super::{PRESENT_VALUE, hex, round_trip};
use crate::random::{Rng, spoil};
use std::net::{Ipv4Addr, SocketAddrV4};
use wire::bacnet::{
    Answer, Apdu, CovNotification, Exchange, Heard, ObjectId, Peer, PropertyRef, Request, WhoIs, read_ack,
    read_multiple_ack, view::View,
};

const SOUND: [&str; 7] = [
    "810A0011 0104 0005010C0C000000051955",
    "810A0017 0100 30010C0C0000000519553E444290999A3F",
    "810B0018 0120FFFF00FF 1000C4020000032204009103216300",
    "810A002E 0100 1002 09121C020000042C0000000A39004E09552E44428200002F096F2E8204002F4F",
    "810A002A 0100 30010E 0C00000005 1E 2955 4E4442903333 4F 296F 5E91029120 5F 1F 29C84E2E21012F4F 1F",
    "810A0018 0100 3C01000A0E 0C000000051E29554E44429033334F",
    "810A0024 0104 0005010E 0C000000051E095509 6F1F0C000000061E0955091C1F00",
];
const FROM: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 47_808);

/// Most mistakes are in the length; the deeper layers want to be met as well.
fn mutate(sound: &[u8], bytes: &mut Vec<u8>, rng: &mut Rng) {
    spoil(sound, bytes, rng, |_, _, _, _| {});
    if let (Ok(length), true) = (u16::try_from(bytes.len()), bytes.len() > 4) {
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
    }
}

/// Exchanges 0 and 1 under way, for one property or for several.
fn begun(one: bool) -> Exchange {
    let mut exchange = Exchange::default();
    let value = PropertyRef { object: ObjectId::new(0, 5), property: PRESENT_VALUE, index: None };
    let request = if one { Request::ReadProperty(value) } else { Request::ReadPropertyMultiple(vec![value]) };
    for _ in 0..2 {
        assert!(exchange.ask(&Peer { at: FROM, beyond: None }, &request).is_some());
    }
    exchange
}

/// Whether the service's bytes are understood; requests come back as they are.
fn understood(apdu: &Apdu<'_>) -> bool {
    match *apdu {
        Apdu::Confirmed { service, body, .. } => {
            let Ok(request) = Request::parse(service, body) else { return false };
            let (service, body) = request.emit();
            assert_eq!(Request::parse(service, &body), Ok(request));
            true
        }
        Apdu::ComplexAck { body, .. } => read_ack(body).is_ok() || read_multiple_ack(body).is_ok(),
        Apdu::Unconfirmed { body, .. } => CovNotification::parse(body).is_ok() || WhoIs::parse(body).is_ok(),
        _ => false,
    }
}

#[test]
fn a_million_hostile_datagrams() {
    let (mut rng, mut bytes) = (Rng::new(0x1B0B_5EED), Vec::new());
    let sound: Vec<Vec<u8>> = SOUND.iter().map(|text| hex(text)).collect();
    let (mut exchange, mut taken, mut refused, mut clear, mut answered) =
        (begun(true), 0u32, 0u32, 0u32, 0u32);
    for number in 0..1_000_000 {
        let one = rng.range(0, sound.len() as u64 - 1) as usize;
        mutate(&sound[one], &mut bytes, &mut rng);
        let view = View::of(&bytes);
        if view.problem.is_none() {
            taken += 1
        } else {
            refused += 1
        }
        round_trip(&bytes);
        clear += u32::from(view.apdu.as_ref().is_some_and(understood));
        let mut out = Vec::new();
        if let Heard::Answer { answer, .. } = exchange.hear(FROM, &bytes, &mut out) {
            answered += u32::from(matches!(answer, Answer::Data(_)));
            exchange = begun(number % 2 == 0);
        }
        assert!(out.len() <= 1, "{bytes:02X?}");
    }
    assert!(taken > 200_000 && refused > 100_000 && clear > 50_000, "{taken} {refused} {clear}");
    assert!(answered > 10_000, "{answered}");
}
