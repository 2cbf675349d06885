//! BACnet/IP: examples of the standard, captures, round trips, hostile bytes.

mod exchange;
mod hostile;

use crate::pcap;
use proptest::prelude::*;
use wire::bacnet::{
    Address, Apdu, Bvlc, CovNotification, IAm, Npdu, ObjectId, PropertyRef, ReadAck, ReadMultipleAck,
    Request, Segment, Value, WhoIs, read_ack, read_multiple_ack, table, view::View,
};

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn emitted(apdu: &Apdu<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    apdu.emit(&mut out);
    out
}

const PRESENT_VALUE: u32 = 85;

/// Annex F of the standard: the same bytes, both ways.
#[test]
fn examples_of_the_standard() {
    let value = PropertyRef { object: ObjectId::new(0, 5), property: PRESENT_VALUE, index: None };
    let (service, body) = Request::ReadProperty(value).emit();
    let bytes = hex("00 00 01 0C 0C 00000005 19 55");
    let apdu =
        Apdu::Confirmed { segment: None, takes_segments: false, limits: 0, invoke: 1, service, body: &body };
    assert_eq!(emitted(&apdu), bytes, "F.3.5");
    assert_eq!(Apdu::parse(&bytes), Ok(apdu));
    assert_eq!(Request::parse(service, &body), Ok(Request::ReadProperty(value)));

    let answer = ReadAck { target: value, values: vec![Value::Real(72.3)] };
    let bytes = hex("30 01 0C 0C 00000005 19 55 3E 44 4290999A 3F");
    let Ok(Apdu::ComplexAck { segment: None, invoke: 1, service, body }) = Apdu::parse(&bytes) else {
        panic!()
    };
    assert_eq!((read_ack(body), answer.emit()), (Ok(answer.clone()), (service, body.to_vec())), "F.3.5");

    let target = PropertyRef { object: ObjectId::new(2, 1), property: PRESENT_VALUE, index: None };
    let write = Request::WriteProperty { target, values: vec![Value::Real(180.0)], priority: None };
    assert_eq!(write.emit(), (15, hex("0C 00800001 19 55 3E 44 43340000 3F")), "F.3.9");
    assert_eq!(emitted(&Apdu::SimpleAck { invoke: 0x59, service: 15 }), hex("20 59 0F"), "F.3.9");

    let who = WhoIs { range: Some((3, 3)) };
    assert_eq!(who.emit(), (8, hex("09 03 19 03")), "F.4.9");
    let i_am = IAm { device: ObjectId::device(3), max_apdu: 1024, segmentation: 3, vendor: 99 };
    assert_eq!(i_am.emit(), (0, hex("C4 02000003 22 0400 91 03 21 63")), "F.4.9");

    let subscribe =
        Request::SubscribeCov { process: 18, object: ObjectId::new(0, 10), subscribe: Some((0, true)) };
    assert_eq!(subscribe.emit(), (5, hex("09 12 1C 0000000A 29 01 39 00")), "F.1.10");
    let told = CovNotification {
        process: 18,
        device: ObjectId::device(4),
        object: ObjectId::new(0, 10),
        remaining: 0,
        values: vec![
            (PRESENT_VALUE, None, vec![Value::Real(65.0)]),
            (111, None, vec![Value::Bits(vec![false; 4])]),
        ],
    };
    let bytes = hex("09 12 1C 02000004 2C 0000000A 39 00 4E 09 55 2E 44 42820000 2F 09 6F 2E 82 04 00 2F 4F");
    assert_eq!((told.emit(), CovNotification::parse(&bytes)), (bytes.clone(), Ok(told)), "F.1.3");
}

#[test]
fn numbers_are_as_short_as_they_can_be_and_keep_their_sign() {
    for (value, bytes) in [
        (Value::Null, "00"),
        (Value::Boolean(true), "11"),
        (Value::Unsigned(72), "21 48"),
        (Value::Unsigned(256), "22 01 00"),
        (Value::Signed(72), "31 48"),
        (Value::Signed(-1), "31 FF"),
        (Value::Signed(128), "32 00 80"),
        (Value::Signed(-129), "32 FF 7F"),
        (Value::Real(72.0), "44 42900000"),
        (Value::Double(72.0), "55 08 4052000000000000"),
        (Value::Octets(vec![0x12, 0x34, 0xFF]), "63 1234FF"),
        (Value::Bits(vec![true, false, true, false, true]), "82 03 A8"),
        (Value::Enumerated(0), "91 00"),
        (Value::Date([91, 1, 24, 5]), "A4 5B011805"),
        (Value::Object(ObjectId::new(3, 15)), "C4 00C0000F"),
        (
            Value::Text("This is a BACnet string!".into()),
            "75 19 00 546869732069732061204241436E657420737472696E6721",
        ),
    ] {
        let target = PropertyRef { object: ObjectId::new(0, 1), property: 1, index: None };
        let answer = ReadAck { target, values: vec![value.clone()] };
        let expected = [hex("0C 00000001 19 01 3E"), hex(bytes), hex("3F")].concat();
        assert_eq!(answer.emit().1, expected, "20.2, {value:?}");
        assert_eq!(read_ack(&expected), Ok(answer), "{value:?}");
    }
}

#[test]
fn wrong_bytes_are_refused_by_name() {
    for (bytes, words) in [
        ("82 0A 0004", "begins with 81"),
        ("81 0A 0007 01 00", "needs at least 1"),
        ("81 03 0004", "no part in this BVLL function"),
        ("81 0A 0006 02 00", "version 1"),
        ("81 0A 0006 01 40", "reserved bits of the network"),
        ("81 0A 0009 01 20 0000 00", "no network has this address"),
        ("81 0A 0008 01 00 11 08", "reserved bits of the application"),
        ("81 0A 0007 01 00 80", "no kind of message"),
        ("81 0A 000A 01 00 20 01 0F 00", "too many"),
    ] {
        let view = hex(bytes);
        let problem = View::of(&view).problem.unwrap_or_else(|| panic!("{bytes} is taken"));
        assert!(problem.to_string().contains(words), "{bytes}: {problem}");
    }
}

/// Everything that a client takes part in, out of captures that others made.
#[test]
fn captures_are_understood() {
    let Some(folder) = pcap::folder() else { return };
    let (mut messages, mut odd, mut services) = (0, 0, std::collections::BTreeMap::<&str, usize>::new());
    for file in std::fs::read_dir(folder.join("icsnpp-bacnet/testing/traces")).unwrap() {
        let capture = pcap::read(&file.unwrap().path());
        for (flow, datagram) in
            capture.datagrams.iter().filter(|(flow, _)| flow.to.1 == 47_808 || flow.from.1 == 47_808)
        {
            let view = View::of(datagram);
            messages += 1;
            // Some senders of these captures give another length than their datagrams have, and nothing else is wrong.
            let says =
                datagram.get(2..4).map(|length| usize::from(u16::from_be_bytes([length[0], length[1]])));
            let lies = says != Some(datagram.len());
            assert_eq!(view.problem.is_some(), lies, "{flow:?} {:?} {datagram:02X?}", view.problem);
            odd += u32::from(lies);
            if let Some(service) = view.service {
                *services.entry(service).or_default() += 1;
            }
            round_trip(datagram);
        }
    }
    assert!(messages > 10_000 && services.len() > 10, "{messages} {odd} {services:?}");
    println!("{messages} messages: {services:?}");
}

/// What is read strictly is written as the same bytes.
fn round_trip(datagram: &[u8]) {
    let Ok(bvlc) = Bvlc::parse(datagram) else { return };
    let mut out = Vec::new();
    bvlc.emit(&mut out);
    assert_eq!(out, datagram);
    let Some(Ok(npdu)) = bvlc.npdu().map(Npdu::parse) else { return };
    let mut out = Vec::new();
    npdu.emit(&mut out);
    assert_eq!(Some(out.as_slice()), bvlc.npdu());
    let Ok(apdu) = Apdu::parse(npdu.body) else { return };
    if !matches!(apdu, Apdu::Error { .. }) {
        assert_eq!(emitted(&apdu), npdu.body);
    }
}

fn object() -> impl Strategy<Value = ObjectId> {
    (0u16..1024, 0u32..0x40_0000).prop_map(|(kind, instance)| ObjectId::new(kind, instance))
}

fn reference() -> impl Strategy<Value = PropertyRef> {
    (object(), any::<u32>(), any::<Option<u32>>()).prop_map(|(object, property, index)| PropertyRef {
        object,
        property,
        index,
    })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<u64>().prop_map(Value::Unsigned),
        any::<i64>().prop_map(Value::Signed),
        (-1e30f32..1e30).prop_map(Value::Real),
        (-1e300f64..1e300).prop_map(Value::Double),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Octets),
        ".{0,100}".prop_map(Value::Text),
        proptest::collection::vec(any::<bool>(), 0..40).prop_map(Value::Bits),
        any::<u32>().prop_map(Value::Enumerated),
        any::<[u8; 4]>().prop_map(Value::Date),
        any::<[u8; 4]>().prop_map(Value::Time),
        object().prop_map(Value::Object),
    ]
}

proptest! {
    #[test]
    fn requests_come_back(target in reference(), more in proptest::collection::vec(reference(), 1..5), value in value(),
                          priority in proptest::option::of(1u8..=16), process: u32, subscribe: Option<(u32, bool)>) {
        for request in [
            Request::ReadProperty(target),
            Request::ReadPropertyMultiple(more.clone()),
            Request::WriteProperty { target, values: vec![value.clone()], priority },
            Request::SubscribeCov { process, object: target.object, subscribe },
        ] {
            let (service, body) = request.emit();
            prop_assert_eq!(Request::parse(service, &body), Ok(request));
        }
    }

    #[test]
    fn answers_come_back(target in reference(), values in proptest::collection::vec(value(), 0..5), error in any::<(u32, u32)>(),
                         index: Option<u32>) {
        let one = ReadAck { target, values: values.clone() };
        prop_assert_eq!(read_ack(&one.emit().1), Ok(one));
        let all = vec![
            ReadMultipleAck { target, result: Ok(values.clone()) },
            ReadMultipleAck { target: PropertyRef { property: 1, ..target }, result: Err(error) },
        ];
        prop_assert_eq!(read_multiple_ack(&ReadMultipleAck::emit(&all).1), Ok(all));
        let told = CovNotification { process: 1, device: target.object, object: target.object, remaining: 60,
                                     values: vec![(target.property, index, values)] };
        prop_assert_eq!(CovNotification::parse(&told.emit()), Ok(told));
    }

    #[test]
    fn layers_come_back(network in 1u16..65_535, mac in proptest::collection::vec(any::<u8>(), 1..7), invoke: u8, reply: bool,
                        sequence: u8, more: bool, body in proptest::collection::vec(any::<u8>(), 0..100)) {
        let address = Address { network, mac };
        let npdu = Npdu { from: Some(address.clone()), ..Npdu::apdu(Some(address), reply, &body) };
        let mut out = Vec::new();
        npdu.emit(&mut out);
        prop_assert_eq!(Npdu::parse(&out), Ok(npdu));
        let segment = Some(Segment { more, sequence, window: 4 });
        for apdu in [
            Apdu::request(invoke, 14, &body),
            Apdu::Unconfirmed { service: 8, body: &body },
            Apdu::ComplexAck { segment, invoke, service: 14, body: &body },
            Apdu::SegmentAck { negative: more, server: reply, invoke, sequence, window: 4 },
            Apdu::Error { invoke, service: 12, class: 2, code: 32 },
            Apdu::Reject { invoke, reason: 9 },
            Apdu::Abort { server: reply, invoke, reason: 4 },
        ] {
            let bytes = emitted(&apdu);
            prop_assert_eq!(Apdu::parse(&bytes), Ok(apdu));
        }
    }

    #[test]
    fn any_bytes_are_only_looked_at(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = View::of(&bytes);
        for service in 0..32 {
            let _ = Request::parse(service, &bytes);
        }
    }
}

#[test]
fn names_go_both_ways() {
    assert_eq!(table::property_number("present-value"), Some(85));
    assert_eq!(table::property_name(85), Some("present-value"));
    assert!(table::changes(15) && table::changes(20) && !table::changes(12) && !table::changes(26));
}
