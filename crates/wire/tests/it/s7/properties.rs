//! What must hold for every valid packet and for every byte string.

use super::generate::{self, Pool};
use crate::random::Rng;
use proptest::prelude::*;
use wire::s7::cotp::{Connect, Tpdu, Tsap};
use wire::s7::tpkt::Deframer;
use wire::s7::view::{PacketView, PduView};
use wire::s7::{Request, Response, cotp, repr, tpkt};

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_survive_the_wire(seed in any::<u64>(), reference in any::<u16>()) {
        let mut rng = Rng::new(seed);
        let pool = Pool::new(&mut rng);
        let request = generate::request(&mut rng, &pool);
        let mut pdu = Vec::new();
        request.emit(reference, &mut pdu);
        prop_assert!(pdu.len() <= request.length() && pdu.len() + 1 >= request.length());
        prop_assert_eq!(repr::reference(&pdu), Some(reference));
        let view = PduView::new(&pdu);
        prop_assert_eq!(view.problems(), vec![]);
        prop_assert!(view.is_request() && view.function().is_some());
        prop_assert_eq!(view.changes_device(), matches!(request, Request::Write(_)));
        if let Request::Read(items) = &request {
            prop_assert_eq!(view.items().count(), items.len());
        }
        prop_assert_eq!(Request::parse(&pdu), Ok((reference, request)));
    }

    #[test]
    fn answers_survive_the_wire(seed in any::<u64>(), reference in any::<u16>()) {
        let mut rng = Rng::new(seed);
        let pool = Pool::new(&mut rng);
        let request = generate::request(&mut rng, &pool);
        let response = generate::response(&request, &pool, &mut rng);
        let mut pdu = Vec::new();
        response.emit(&request, reference, &mut pdu);
        let view = PduView::new(&pdu);
        prop_assert_eq!(view.problems(), vec![]);
        prop_assert!(!view.is_request() && !view.changes_device());
        match &response {
            Response::Read(answers) => prop_assert_eq!(view.results().count(), answers.len()),
            Response::Write(codes) => prop_assert_eq!(&view.results().collect::<Vec<_>>(), codes),
            _ => {}
        }
        prop_assert_eq!(Response::parse(&request, &pdu), Ok(response));
    }

    #[test]
    fn transport_survives_the_wire(source in any::<u16>(), size in 7u8..=13, a in prop::collection::vec(any::<u8>(), 0..=16), b in prop::collection::vec(any::<u8>(), 0..=16)) {
        let connect = Connect { destination: 0, source, tpdu_size: size, calling: Tsap::new(&a).unwrap(), called: Tsap::new(&b).unwrap() };
        for tpdu in [
            Tpdu::ConnectRequest(connect),
            Tpdu::ConnectConfirm(connect),
            Tpdu::Disconnect { reason: 3 },
            Tpdu::Error { cause: 2 },
            Tpdu::Data { last: false, payload: &a },
        ] {
            let mut out = Vec::new();
            tpdu.emit(&mut out);
            prop_assert_eq!(Tpdu::parse(&out), Ok(tpdu));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), seed in any::<u64>()) {
        let mut rng = Rng::new(seed);
        let pool = Pool::new(&mut rng);
        let request = generate::request(&mut rng, &pool);
        let s7: Vec<u8> = [&[0x32][..], &bytes].concat();
        for bytes in [&bytes, &s7] {
            let _ = (Request::parse(bytes), Response::parse(&request, bytes), Tpdu::parse(bytes));
            let view = PduView::new(bytes);
            let _ = (view.to_string(), view.problems(), view.szl(), view.block(), view.service(), view.setup());
            let _ = (view.items().count(), view.results().count(), view.changes_device());
            let _ = (PacketView::new(bytes).to_string(), PacketView::new(bytes).problems());
        }
    }
}

#[test]
fn packets_do_not_depend_on_the_segments() {
    let mut rng = Rng::new(7);
    let pool = Pool::new(&mut rng);
    let (mut stream, mut expected) = (Vec::new(), Vec::new());
    for reference in 0..6u16 {
        let mut pdu = Vec::new();
        generate::request(&mut rng, &pool).emit(reference, &mut pdu);
        cotp::emit_data_with(&mut stream, |out| out.extend_from_slice(&pdu));
        expected.push(pdu);
    }
    let pairs = (0..=stream.len()).map(|at| {
        let (a, b) = stream.split_at(at);
        vec![a, b]
    });
    for parts in pairs.chain(std::iter::once(stream.chunks(1).collect())) {
        let (mut deframer, mut found) = (Deframer::new(), Vec::new());
        for mut part in parts {
            while let Some(tpdu) = deframer.feed(&mut part).unwrap() {
                let Ok(Tpdu::Data { last: true, payload }) = Tpdu::parse(tpdu) else { panic!("no data") };
                found.push(payload.to_vec());
            }
            assert!(part.is_empty());
        }
        assert_eq!(found, expected);
        assert_eq!(deframer.pending(), 0);
    }
    assert!(stream.len() < tpkt::MAX_PACKET * 6);
}
