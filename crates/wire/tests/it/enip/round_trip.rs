//! What is emitted is read back as it was; what Rockwell's manual prints is what is emitted.

use super::generate;
use crate::random::Rng;
use wire::enip::encapsulation::{self, Header};
use wire::enip::packet::{emit_connected, emit_unconnected};
use wire::enip::repr::Services;
use wire::enip::symbol::{Member, Symbol, Template, TemplateSize};
use wire::enip::{
    Command, Deframer, Elementary, Identity, Kind, Limits, Packet, Path, Reply, Request, Response, Segment,
    Status, SymbolType, Tag,
};

const L: Limits = Limits::STANDARD;

fn emitted(request: &Request) -> Vec<u8> {
    let mut out = Vec::new();
    request.emit(&mut out).unwrap();
    out
}

#[test]
fn requests_and_replies_there_and_back() {
    let mut rng = Rng::new(7);
    for _ in 0..4_000 {
        let request = generate::request(&mut rng);
        let bytes = emitted(&request);
        assert_eq!(Request::parse(&bytes, &L).as_ref(), Ok(&request), "{request:?}");
        let mut reply = Vec::new();
        generate::reply(&request, &mut rng, &mut reply);
        let response =
            Response::parse(&request, &reply, &L).unwrap_or_else(|error| panic!("{request:?} {error}"));
        if let Response::Multiple(parts) = &response {
            let services: Vec<&[u8]> =
                Services::new(Reply::parse(&reply).unwrap().data, parts.len()).unwrap().collect();
            assert_eq!(&services, parts);
        }
        for cut in 0..bytes.len() {
            // A shorter request is refused, unless what is cut is data that may have any length.
            if let Ok(shorter) = Request::parse(&bytes[..cut], &L) {
                assert_eq!(emitted(&shorter), bytes[..cut], "{request:?}");
            }
        }
    }
}

/// 1756-PM020F, "Read Tag service": Read TotalCount, the answer 16#0000_7B1A... as DINT.
#[test]
fn as_the_manual_prints_it() {
    let path = Tag::parse("rate").unwrap().path();
    assert_eq!(
        emitted(&Request::ReadTag { path: path.clone(), elements: 1 }),
        [0x4C, 3, 0x91, 4, b'r', b'a', b't', b'e', 1, 0]
    );
    let write = Request::WriteTag {
        path,
        kind: Kind::Elementary(Elementary::Dint),
        elements: 1,
        data: vec![14, 0, 0, 0],
    };
    assert_eq!(emitted(&write), [0x4D, 3, 0x91, 4, b'r', b'a', b't', b'e', 0xC4, 0, 1, 0, 14, 0, 0, 0]);
    let element = Tag::parse("setpoints[5].x[257,70000]").unwrap().path();
    let mut bytes = Vec::new();
    element.emit(&mut bytes);
    assert_eq!(bytes[11], 0, "an odd name is padded");
    assert_eq!(&bytes[12..14], [0x28, 5]);
    assert_eq!(&bytes[18..], [0x29, 0, 1, 1, 0x2A, 0, 0x70, 0x11, 1, 0]);
    let list = Request::GetInstanceAttributeList { path: Path::object(0x6B, 0), attributes: vec![2, 1] };
    assert_eq!(emitted(&list), [0x55, 2, 0x20, 0x6B, 0x24, 0, 2, 0, 2, 0, 1, 0]);
    let answer = [0xCC, 0, 0, 0, 0xC4, 0, 14, 0, 0, 0];
    let read = Request::ReadTag { path: Path::default(), elements: 1 };
    assert_eq!(
        Response::parse(&read, &answer, &L),
        Ok(Response::Tag { kind: Kind::Elementary(Elementary::Dint), data: &[14, 0, 0, 0], more: false })
    );
    let refused = [0xCC, 0, 4, 1, 0, 0];
    assert_eq!(Response::parse(&read, &refused, &L), Ok(Response::Failed(Status::with(4, 0))));
}

#[test]
fn frames_are_cut_at_every_byte() {
    let header = Header::new(Command::SendUnitData, 0x1234_5678, 42);
    let mut stream = Vec::new();
    encapsulation::emit_register(1, &mut stream);
    emit_connected(&header, 9, 7, &mut stream, |out| out.extend_from_slice(&[1, 2, 3]));
    emit_unconnected(&header, 5, &mut stream, |out| out.extend_from_slice(&[4, 5]));
    encapsulation::emit_unregister(3, &mut stream);
    for cut in 0..=stream.len() {
        let (a, b) = stream.split_at(cut);
        let mut deframer = Deframer::new(600);
        let mut seen = Vec::new();
        for mut part in [a, b] {
            while let Some(frame) = deframer.feed(&mut part).unwrap() {
                seen.push((frame.header, frame.payload.to_vec()));
            }
        }
        assert_eq!(seen.len(), 4, "{cut}");
        assert_eq!(seen[0].1, [1, 0, 0, 0]);
        let connected = Packet::parse(&seen[1].1, &L).unwrap();
        assert_eq!(connected, Packet::Connected { connection: 9, sequence: 7, message: &[1, 2, 3] });
        assert_eq!(seen[1].0.context, 42u64.to_le_bytes());
        assert_eq!(Packet::parse(&seen[2].1, &L), Ok(Packet::Unconnected { message: &[4, 5] }));
        assert_eq!(seen[3].0.command, Command::UnregisterSession);
    }
    let mut noise = &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..];
    assert!(Deframer::new(600).feed(&mut noise).is_err());
}

#[test]
fn identities_symbols_and_templates() {
    let identity = Identity {
        vendor: 1,
        device_type: 14,
        product: 166,
        revision: (33, 11),
        status: 0x3060,
        serial: 0xC0FF_EE01,
        name: "1756-L83E/B".into(),
    };
    let (mut list, mut all) = (Vec::new(), Vec::new());
    identity.emit_list(([10, 0, 0, 1], 44_818), 3, &mut list);
    identity.emit_attributes(&mut all);
    assert_eq!(Identity::parse_list(&list, &L).as_ref(), Ok(&identity));
    assert_eq!(Identity::parse_attributes(&all).as_ref(), Ok(&identity));

    let symbols: Vec<Symbol> = (1..50)
        .map(|instance| Symbol {
            instance,
            name: format!("Tag_{instance}"),
            kind: SymbolType::structure(0x2E9, 1),
            dimensions: [instance, 0, 0],
            access: Some(2),
        })
        .collect();
    let attributes = [1, 2, 8, 10];
    let mut bytes = Vec::new();
    symbols.iter().for_each(|symbol| symbol.emit(&attributes, &mut bytes));
    assert_eq!(Symbol::parse_list(&bytes, &attributes).as_ref(), Ok(&symbols));
    assert!(Symbol::parse_list(&bytes[..bytes.len() - 1], &attributes).is_err());

    let template = Template {
        name: "Motor".into(),
        members: vec![
            Member {
                name: "ZZZZZZZZZZMotor0".into(),
                kind: SymbolType::elementary(Elementary::Sint, 0),
                info: 0,
                offset: 0,
            },
            Member {
                name: "Running".into(),
                kind: SymbolType::elementary(Elementary::Bool, 0),
                info: 3,
                offset: 0,
            },
            Member {
                name: "Speed".into(),
                kind: SymbolType::elementary(Elementary::Real, 0),
                info: 0,
                offset: 4,
            },
        ],
    };
    let mut bytes = Vec::new();
    template.emit(&mut bytes);
    assert_eq!(Template::parse(&bytes, 3).as_ref(), Ok(&template));
    let size = TemplateSize { definition_words: 20, structure_bytes: 8, members: 3, handle: 0x1234 };
    let mut bytes = Vec::new();
    size.emit(&mut bytes);
    assert_eq!(TemplateSize::parse(&bytes), Ok(size));
    assert_eq!(Path(vec![Segment::Symbol("Program:Main".into())]).to_string(), "Program:Main");
}
