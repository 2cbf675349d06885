//! What must hold for every valid frame and for every byte string.

use proptest::prelude::*;
use wire::modbus::rtu::{Direction, RequestDeframer, ResponseDeframer};
use wire::modbus::view::{AduView, PduView};
use wire::modbus::{Limits, MAX_PDU, Request, Response, mbap, rtu};

use super::generate;
use crate::random::Rng;

const L: Limits = Limits::STANDARD;

fn has_response(request: &Request) -> bool {
    request.expects_response()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_survive_the_wire(seed in any::<u64>()) {
        let request = generate::request(&mut Rng::new(seed));
        prop_assert_eq!(request.validate(&L), Ok(()));
        let mut pdu = Vec::new();
        request.emit(&mut pdu);
        prop_assert!(pdu.len() <= MAX_PDU);
        prop_assert_eq!(Request::parse(&pdu, &L), Ok(request));
        prop_assert_eq!(PduView::new(&pdu, Direction::Request).problems(), vec![]);
    }

    #[test]
    fn responses_survive_the_wire(seed in any::<u64>()) {
        let mut rng = Rng::new(seed);
        let request = generate::request(&mut rng);
        prop_assume!(has_response(&request));
        let data = generate::backing(&request, &mut rng);
        let response = generate::response(&request, &data, &mut rng);
        let mut pdu = Vec::new();
        response.emit(&mut pdu);
        prop_assert!(pdu.len() <= MAX_PDU, "{} bytes for {:?}", pdu.len(), request);
        prop_assert_eq!(Response::parse(&request, &pdu, &L), Ok(response));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), seed in any::<u64>()) {
        let request = generate::request(&mut Rng::new(seed));
        let _ = Request::parse(&bytes, &L);
        let _ = Response::parse(&request, &bytes, &L);
        for direction in [Direction::Request, Direction::Response] {
            let view = PduView::new(&bytes, direction);
            let _ = (view.to_string(), view.problems(), view.data(), view.write_range());
            let _ = AduView::tcp(&bytes, direction).problems();
            let _ = AduView::rtu(&bytes, direction).problems();
            let _ = rtu::find_frame(&bytes, direction);
        }
    }
}

/// Cuts `stream` into two at every byte, and into single bytes.
fn every_split(stream: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let pairs = (0..=stream.len()).map(|at| {
        let (a, b) = stream.split_at(at);
        vec![a, b]
    });
    pairs.chain(std::iter::once(stream.chunks(1).collect()))
}

#[test]
fn mbap_frames_do_not_depend_on_the_packets() {
    let mut rng = Rng::new(7);
    let (mut stream, mut expected) = (Vec::new(), Vec::new());
    for transaction in 0..6u16 {
        let mut pdu = Vec::new();
        generate::request(&mut rng).emit(&mut pdu);
        mbap::emit_adu(transaction, 9, &pdu, &mut stream);
        expected.push((transaction, 9, pdu));
    }
    for parts in every_split(&stream) {
        let (mut deframer, mut found) = (mbap::Deframer::new(), Vec::new());
        for mut part in parts {
            while let Some(frame) = deframer.feed(&mut part).unwrap() {
                found.push((frame.transaction, frame.unit, frame.pdu.to_vec()));
            }
            assert!(part.is_empty());
        }
        assert_eq!(found, expected);
        assert_eq!(deframer.pending(), 0);
    }
}

#[test]
fn rtu_requests_do_not_depend_on_the_packets() {
    let mut rng = Rng::new(11);
    let (mut stream, mut expected) = (Vec::new(), Vec::new());
    for unit in 1..7u8 {
        let mut pdu = Vec::new();
        generate::request(&mut rng).emit(&mut pdu);
        rtu::emit_adu(unit, &pdu, &mut stream);
        expected.push((unit, pdu));
    }
    for parts in every_split(&stream) {
        let (mut deframer, mut found) = (RequestDeframer::new(), Vec::new());
        for mut part in parts {
            while let Some(frame) = deframer.feed(&mut part) {
                found.push((frame.unit, frame.pdu.to_vec()));
            }
        }
        assert_eq!(found, expected);
        assert_eq!((deframer.pending(), deframer.skipped()), (0, 0));
    }
}

#[test]
fn rtu_responses_end_where_they_must() {
    let mut rng = Rng::new(13);
    for _ in 0..300 {
        let request = generate::request(&mut rng);
        if !has_response(&request) {
            continue;
        }
        let data = generate::backing(&request, &mut rng);
        let mut pdu = Vec::new();
        generate::response(&request, &data, &mut rng).emit(&mut pdu);
        let mut stream = Vec::new();
        rtu::emit_adu(3, &pdu, &mut stream);
        let end = stream.len();
        stream.extend_from_slice(&[3, 3, 2]); // a late answer begins right behind
        for parts in every_split(&stream) {
            let (mut deframer, mut taken, mut found) = (ResponseDeframer::new(), 0, None);
            for part in parts {
                let mut rest = part;
                if found.is_none() {
                    let frame = deframer.feed(3, &request, &mut rest).unwrap();
                    found = frame.map(|f| f.pdu.to_vec());
                    taken += part.len() - rest.len();
                }
            }
            assert_eq!(found.as_deref(), Some(pdu.as_slice()));
            assert_eq!(taken, end, "bytes beyond the response were taken");
        }
    }
}
