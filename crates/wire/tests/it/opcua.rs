//! OPC UA in binary: examples, what is wrong with others, a million hostile ones.

use crate::random::{Rng, spoil};
use wire::opcua::{ChunkView, Kind, MessageView, NodeId, Problem, Target, User, frame_length, table, whole};

fn text(text: &str) -> Vec<u8> {
    let mut out = (text.len() as u32).to_le_bytes().to_vec();
    out.extend_from_slice(text.as_bytes());
    out
}

/// Node ids as the standard packs them: two bytes, four bytes, a string.
const COUNT: [u8; 4] = [1, 2, 77, 0];

fn speed() -> Vec<u8> {
    [&[3, 2, 0][..], &text("Press.speed")].concat()
}

/// The beginning of every request: type, token, time, handle, diagnostics, audit entry, time-out, no header.
fn request(service: u16, rest: &[u8]) -> Vec<u8> {
    let mut out = vec![1, 0];
    out.extend(service.to_le_bytes());
    out.extend([2, 0, 0, 9, 0, 0, 0]);
    out.extend([0; 16]);
    out.extend([0xFF; 4]);
    out.extend([0; 4]);
    out.extend([0, 0, 0]);
    out.extend_from_slice(rest);
    out
}

/// A service in one chunk.
fn message(body: &[u8]) -> Vec<u8> {
    let mut out = b"MSGF".to_vec();
    out.extend((24 + body.len() as u32).to_le_bytes());
    for number in [7u32, 1, 51, 3] {
        out.extend(number.to_le_bytes());
    }
    out.extend_from_slice(body);
    out
}

fn hello() -> Vec<u8> {
    let url = text("opc.tcp://press:4840");
    [&b"HELF"[..], &(28 + url.len() as u32).to_le_bytes(), &[0; 20], &url].concat()
}

fn open(policy: &str) -> Vec<u8> {
    let body = request(446, &[0; 20]);
    let security = [&text(policy)[..], &[0xFF; 8], &[1, 0, 0, 0, 5, 0, 0, 0], &body].concat();
    [&b"OPNF"[..], &(12 + security.len() as u32).to_le_bytes(), &[0; 4], &security].concat()
}

/// A variant of one double, and an array of two texts, as data values.
const DOUBLE: [u8; 10] = [1, 11, 0, 0, 0, 0, 0, 0, 4, 64];

fn write() -> Vec<u8> {
    let item = |node: &[u8], value: &[u8]| [node, &[13, 0, 0, 0], &[0xFF; 4], value].concat();
    let texts = [&[5, 0x8C, 2, 0, 0, 0][..], &text("a"), &text("bc"), &[0; 8]].concat();
    request(673, &[&[2, 0, 0, 0][..], &item(&speed(), &DOUBLE), &item(&COUNT, &texts)].concat())
}

#[test]
fn messages_are_told_in_words() {
    let read_one = [&COUNT[..], &[13, 0, 0, 0], &[0xFF; 4], &[0, 0], &[0xFF; 4]].concat();
    let read = request(631, &[&[0; 12][..], &[1, 0, 0, 0], &read_one].concat());
    let call = request(
        712,
        &[&[1, 0, 0, 0][..], &[0, 85], &speed(), &[1, 0, 0, 0], &[11, 0, 0, 0, 0, 0, 0, 4, 64]].concat(),
    );
    let monitored = [&read_one[..], &[2, 0, 0, 0], &[0; 12], &[0, 0, 0], &[1, 0, 0, 0, 1]].concat();
    let monitor = request(751, &[&[0; 8][..], &[2, 0, 0, 0], &monitored, &monitored].concat());
    for (bytes, words) in [
        (hello(), "Hello"),
        (open("http://opcfoundation.org/UA/SecurityPolicy#None"), "Open secure channel, policy None"),
        (message(&read), "Read: ns=2;i=77"),
        (message(&write()), "Write: ns=2;s=Press.speed and 1 more"),
        (message(&call), "Call: ns=2;s=Press.speed"),
        (message(&monitor), "Create monitored items: ns=2;i=77 and 1 more"),
        (message(&[1, 0, 0x8D, 1]), "Service fault"),
        (message(&[0xAA; 40]), "Message"),
        ([&b"ERRF"[..], &[16, 0, 0, 0], &[0, 0, 0x7D, 0x80], &[0xFF; 4]].concat(), "Error 0x807d0000"),
    ] {
        let view = ChunkView::new(&bytes);
        assert_eq!((view.to_string().as_str(), view.problem()), (words, None), "{bytes:x?}");
        assert_eq!(frame_length(&bytes), Ok(Some(bytes.len())));
    }
    let chunk = message(&write());
    let view = ChunkView::new(&chunk);
    assert_eq!((view.channel(), view.request(), view.kind()), (Some(7), Some(3), Some(Kind::Message)));
    let targets: Vec<_> = view.message().unwrap().targets().map(|t| (t.to_string(), t.is_value())).collect();
    assert_eq!(targets, [("ns=2;s=Press.speed".into(), true), ("ns=2;i=77".into(), true)]);
    assert_eq!(ChunkView::new(&hello()).endpoint(), Some(&b"opc.tcp://press:4840"[..]));
}

#[test]
fn who_signs_in_and_how_it_ends_is_seen() {
    let token = |kind: u16| [&[1, 0][..], &kind.to_le_bytes(), &[1, 0, 0, 0, 0]].concat();
    for (kind, user) in
        [(321, User::Anonymous), (324, User::Name), (327, User::Certificate), (1, User::Other)]
    {
        let rest = [&[0xFF; 16][..], &token(kind)].concat();
        assert_eq!(MessageView::new(&request(467, &rest)).user(), Some(user), "{kind}");
    }
    let answer = [&[1, 0, 214, 1][..], &[0; 12], &0x801F_0000_u32.to_le_bytes()].concat();
    let view = MessageView::new(&answer);
    assert_eq!(
        view.service().map(|(service, answer)| (service.name, answer)),
        Some(("Activate session", true))
    );
    assert_eq!((view.result(), view.user()), (Some(0x801F_0000), None));
}

/// The beginning of every answer: type, time, handle, result, no diagnostics, no strings, no header.
fn answer(service: u16, rest: &[u8]) -> Vec<u8> {
    [&[1, 0][..], &service.to_le_bytes(), &[0; 16], &[0], &[0xFF; 4], &[0, 0, 0], rest].concat()
}

#[test]
fn what_is_written_is_told_with_where() {
    let item = |attribute: u8, range: &[u8], value: &[u8]| {
        [&speed()[..], &[attribute, 0, 0, 0], range, value].concat()
    };
    let stamped = [&[5][..], &DOUBLE[1..], &[9; 8]].concat();
    let items = [
        item(13, &[0xFF; 4], &stamped),
        item(13, &text("3"), &DOUBLE),
        item(17, &[0xFF; 4], &[1, 3, 1]),
        item(13, &[0xFF; 4], &[0]),
    ];
    let body = request(673, &[&[4, 0, 0, 0][..], &items.concat()].concat());
    let targets: Vec<Target<'_>> = MessageView::new(&body).targets().collect();
    let words: Vec<String> = targets.iter().map(ToString::to_string).collect();
    let node = "ns=2;s=Press.speed";
    assert_eq!(words, [node, &format!("{node}[3]"), &format!("{node} attribute 17"), node]);
    let values: Vec<&[u8]> = targets.iter().map(|target| target.value).collect();
    assert_eq!(values, [&DOUBLE[1..], &DOUBLE[1..], &[3, 1], &[]]);
    let names: Vec<Vec<u8>> = targets.iter().map(Target::name).collect();
    assert!(names[0] == names[3] && names[0] != names[1] && names[0] != names[2] && names[1] != names[2]);

    // Two ways to pack the same number are one node; a method is not the same on another object.
    let (short, long) = ([1, 2, 77, 0], [2, 2, 0, 77, 0, 0, 0]);
    let [short, long] = [&short[..], &long].map(|bytes| NodeId::parse(bytes).unwrap());
    assert_eq!(Target::value_of(short, &[]).name(), Target::value_of(long, &[]).name());
    let other = NodeId::parse(&[0, 85]).unwrap();
    let methods = [Target::method(short, other), Target::method(other, other)];
    assert_ne!(methods[0].name(), methods[1].name());
    assert_eq!(methods[0].to_string(), "ns=2;i=77 calls i=85");
}

#[test]
fn a_write_that_does_not_end_in_its_chunk_still_says_where() {
    let body = write();
    for (cut, left) in [(20, 0), (35, 1)] {
        let view = MessageView::new(&body[..body.len() - cut]);
        let mut targets = view.targets();
        let first = targets.next().unwrap();
        assert_eq!((first.to_string().as_str(), first.value), ("ns=2;s=Press.speed", &DOUBLE[1..]));
        let told = targets.by_ref().map(|target| target.value.len()).collect::<Vec<_>>();
        assert_eq!((told, targets.left()), (vec![0; 1 - left], left), "what is not told is counted");
    }
    // Its node is there, its value is not whole.
    let head =
        request(673, &[&[1, 0, 0, 0][..], &speed(), &[13, 0, 0, 0], &[0xFF; 4], &[1, 11, 0, 0]].concat());
    let view = MessageView::new(&head);
    let mut targets = view.targets();
    assert_eq!(targets.next().map(|target| target.value), Some(&[][..]));
    assert_eq!((targets.next(), targets.left()), (None, 0));
}

#[test]
fn what_is_read_and_what_comes_by_itself_is_told() {
    let read = answer(634, &[&[3, 0, 0, 0][..], &DOUBLE, &[2, 0, 0, 1, 0x80], &DOUBLE, &[0xFF; 4]].concat());
    let values: Vec<&[u8]> = MessageView::new(&read).values().collect();
    assert_eq!(values, [&DOUBLE[1..], &[], &DOUBLE[1..]]);
    assert_eq!(MessageView::new(&write()).values().count(), 0);

    let items = [&[2, 0, 0, 0][..], &[7, 0, 0, 0], &DOUBLE, &[8, 0, 0, 0], &DOUBLE, &[0xFF; 4]].concat();
    let list = |kind: u16, body: &[u8]| {
        let head = [&[1, 0][..], &kind.to_le_bytes(), &[1]].concat();
        [&head[..], &u32::try_from(body.len()).unwrap().to_le_bytes(), body].concat()
    };
    let message = [&[0; 4][..], &[0; 8], &[2, 0, 0, 0], &list(818, &[1; 9]), &list(811, &items)].concat();
    let told = answer(829, &[&[5, 0, 0, 0][..], &[1, 0, 0, 0, 9, 0, 0, 0], &[0], &message].concat());
    let view = MessageView::new(&told);
    let changes: Vec<(u32, &[u8])> = view.changes().collect();
    assert_eq!((view.subscription(), changes), (Some(5), vec![(7, &DOUBLE[1..]), (8, &DOUBLE[1..])]));
}

#[test]
fn whole_numbers_are_told() {
    for (variant, number) in [
        (&[1u8, 1][..], Some(1)),
        (&[4, 0xFF, 0xFF], Some(-1)),
        (&[5, 0xFF, 0xFF], Some(65_535)),
        (&[6, 0xFE, 0xFF, 0xFF, 0xFF], Some(-2)),
        (&[9, 0, 0, 0, 0, 0, 0, 0, 0x80], None),
        (&[4, 1], None),
        (&DOUBLE[1..], None),
        (&[], None),
    ] {
        assert_eq!(whole(variant), number, "{variant:?}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    assert_eq!(frame_length(b"GET / HT"), Err(Problem::Type));
    assert_eq!(frame_length(b"HELC\x20\0\0\0"), Err(Problem::Type));
    assert_eq!(frame_length(b"MSGF\x07\0\0\0"), Err(Problem::Size(7)));
    assert_eq!(frame_length(b"MSGF\xFF\xFF\xFF\x7F"), Err(Problem::Size(0x7FFF_FFFF)));
    assert_eq!(frame_length(b"MSGF\x07"), Ok(None));
    assert_eq!(ChunkView::new(b"MSGF\x0C\0\0\0\0\0\0\0").problem(), Some(Problem::Short));
    assert_eq!(ChunkView::new(b"HELF\x20\0\0\0").problem(), Some(Problem::Size(32)));
}

#[test]
fn services_stand_in_order_and_are_found_with_their_answers() {
    assert!(table::SERVICES.windows(2).all(|pair| pair[0].request < pair[1].request));
    for service in &table::SERVICES {
        let back = if service.request > 12_000 { 1 } else { 3 };
        assert_eq!(table::service(service.request), Some((service, false)));
        assert_eq!(table::service(service.request + back), Some((service, true)));
    }
}

#[test]
fn a_million_hostile_messages() {
    const MESSAGES: u64 = 1_000_000;
    let read = answer(634, &[&[1, 0, 0, 0][..], &DOUBLE, &[0xFF; 4]].concat());
    let sound =
        [hello(), open("http://opcfoundation.org/UA/SecurityPolicy#None"), message(&write()), message(&read)];
    let mut rng = Rng::new(0x4840);
    let (mut targets, mut problems) = (0u64, 0u64);
    let mut frame = Vec::new();
    for round in 0..MESSAGES {
        let sound = &sound[round as usize % sound.len()];
        spoil(sound, &mut frame, &mut rng, |_, _, _, _| {});
        let view = ChunkView::new(&frame);
        problems += u64::from(view.problem().is_some());
        if let Some(message) = view.message() {
            let count = message.targets().count();
            assert!(count <= frame.len(), "no more targets than bytes");
            targets += count as u64;
            let _ = (message.user(), message.result(), message.subscription());
            assert!(message.values().count() + message.changes().count() <= frame.len());
        }
        if rng.range(0, 63) == 0 {
            assert!(view.to_string().len() < 2_000);
        }
    }
    assert!(targets > MESSAGES / 5 && problems > MESSAGES / 10, "{targets} {problems}");
}
