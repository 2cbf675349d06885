//! What reaches from offices into plants: examples in words, what is wrong with others, a million hostile ones each.

use crate::random::hostile;
use wire::profinet::cyclic::{self, Carries};
use wire::snmp::{MessageView, Security};
use wire::tls::{Certificate, ClientHello, Moment, ServerHello};
use wire::{dns, ftp, http, mqtt, ntp, rdp, smb, snmp, ssh, telnet, tls};

fn mqtt_packets() -> Vec<Vec<u8>> {
    let connect = [
        &[0x10, 26, 0, 4][..],
        b"MQTT",
        &[4, 0xC6, 0, 60, 0, 2],
        b"c1",
        &[0, 1, b't', 0, 1, b'x', 0, 1, b'u', 0, 1, b'p'],
    ];
    vec![
        connect.concat(),
        [&[0x33, 14, 0, 7][..], b"press/a", &[0, 9], b"run"].concat(),
        vec![0x82, 8, 0, 1, 0, 3, b'a', b'/', b'#', 0],
        // Version 5: properties before the filters.
        vec![0x82, 9, 0, 1, 2, 11, 5, 0, 1, b'#', 0],
    ]
}

#[test]
fn mqtt_packets_are_seen_with_their_topics_not_their_passwords() {
    let packets = mqtt_packets();
    let view = mqtt::PacketView::new(&packets[0]);
    let connect = view.connect().unwrap();
    assert_eq!((connect.version, connect.client, connect.will), (4, &b"c1"[..], Some(&b"t"[..])));
    assert!(connect.has_user && connect.has_password);
    let publish = mqtt::PacketView::new(&packets[1]);
    assert_eq!(publish.publish(), Some((&b"press/a"[..], &b"run"[..])));
    assert!(publish.is_retained());
    let filters =
        |at: usize, version| mqtt::PacketView::new(&packets[at]).filters(version).collect::<Vec<_>>();
    assert_eq!((filters(2, 4), filters(3, 5)), (vec![&b"a/#"[..]], vec![&b"#"[..]]));
    for packet in &packets {
        assert_eq!(mqtt::frame_length(packet), Ok(Some(packet.len())));
        assert_eq!(mqtt::PacketView::new(packet).problem(), None);
    }
    assert_eq!(mqtt::frame_length(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF]), Err(mqtt::Problem::Length));
    assert_eq!(mqtt::PacketView::new(&[0x30, 2, 0, 9]).problem(), Some(mqtt::Problem::Field("the topic")));
    hostile(0x1883, &packets, |bytes| {
        let view = mqtt::PacketView::new(bytes);
        let filters = view.filters(4).chain(view.filters(5)).count();
        assert!(filters <= 128 && mqtt::name(view.kind()).len() < 40);
        mqtt::frame_length(bytes) == Ok(Some(bytes.len())) && view.problem().is_none()
    });
}

#[test]
fn names_are_asked_for() {
    let question = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x03plc\x05plant\0\0\x1C\0\x01".to_vec();
    let seen = dns::read(&question).unwrap();
    assert_eq!((seen.name.as_slice(), seen.longest_label, seen.is_answer), (&b"plc.plant"[..], 5, false));
    assert_eq!(dns::kind_name(seen.kind), Some("AAAA"));
    hostile(0x53, &[question], |bytes| dns::read(bytes).is_some_and(|seen| seen.name.len() <= 255));
}

#[test]
fn heads_of_http_are_seen_without_secrets() {
    let request =
        b"GET /a?key=1 HTTP/1.1\r\nHost: plc\r\nAuthorization: Basic YTpi\r\nUser-Agent: x\r\n\r\nrest"
            .to_vec();
    let answer = b"HTTP/1.1 401 no\r\nServer: s\r\nContent-Length: 12\r\n\r\n".to_vec();
    let seen = http::head(&request).unwrap().unwrap();
    assert_eq!((seen.start, seen.host), (http::Start::Request(0, b"/a?key=1"), Some(&b"plc"[..])));
    assert_eq!((seen.sign_in, seen.length), (Some(&b"Basic"[..]), request.len() - 4));
    let seen = http::head(&answer).unwrap().unwrap();
    assert_eq!((seen.start, seen.body, seen.server), (http::Start::Answer(401), Some(12), Some(&b"s"[..])));
    assert_eq!(http::head(b"GET / HTTP/1.1\r\nHost"), Ok(None));
    assert!(http::head(b"GET /\r\n").is_err() && http::head(&[b'a'; 20_000]).is_err());
    hostile(0x80, &[request, answer], |bytes| {
        matches!(http::head(bytes), Ok(Some(head)) if head.length <= bytes.len())
            && http::looks_like_head(bytes)
    });
}

fn client_hello() -> Vec<u8> {
    // Suites and extensions in the order of a browser; the example of the fingerprint's own description.
    let ciphers: [u16; 15] = [
        0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C,
        0x009D, 0x002F, 0x0035,
    ];
    let signatures: [u16; 8] = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
    let words = |list: &[u16]| list.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
    let counted = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let extension = |kind: u16, content: &[u8]| [&kind.to_be_bytes()[..], &counted(content)].concat();
    let mut extensions = vec![extension(0x0A0A, &[])];
    for kind in [
        0x001B_u16, 0, 0x0033, 0x0010, 0x4469, 0x0017, 0x002D, 0x000D, 0x0005, 0x0023, 0x0012, 0x002B,
        0xFF01, 0x000B, 0x000A, 0x0015,
    ] {
        extensions.push(match kind {
            0 => extension(0, &counted(&[&[0][..], &counted(b"plc.plant")].concat())),
            0x10 => extension(0x10, &counted(b"\x02h2\x08http/1.1")),
            0x0D => extension(0x0D, &counted(&words(&signatures))),
            0x2B => extension(0x2B, &[6, 0x1A, 0x1A, 3, 4, 3, 3]),
            other => extension(other, &[]),
        });
    }
    let ciphers = counted(&[&[0x2A, 0x2A][..], &words(&ciphers)].concat());
    [&[3, 3][..], &[7; 32], &[0], &ciphers, &[1, 0], &counted(&extensions.concat())].concat()
}

#[test]
fn who_asks_for_whom_over_tls() {
    let content = client_hello();
    let hello = ClientHello::new(&content).unwrap();
    assert_eq!((hello.version, hello.server), (0x0304, Some(&b"plc.plant"[..])));
    assert_eq!(hello.fingerprint(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
    let mut record = vec![22, 3, 1, 0, 0, 1, 0, 0, 0];
    let [l0, l1] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let [r0, r1] = u16::try_from(content.len() + 4).unwrap().to_be_bytes();
    (record[3], record[4], record[7], record[8]) = (r0, r1, l0, l1);
    record.extend(&content);
    assert_eq!(tls::frame_length(&record), Ok(Some(record.len())));
    assert!(tls::frame_length(b"GET /").is_err() && tls::frame_length(&[22, 3, 3, 0xFF, 0xFF]).is_err());
    let answer = [&[3, 3][..], &[7; 32], &[0, 0x13, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4]].concat();
    assert_eq!(ServerHello::new(&answer), Some(ServerHello { version: 0x0304, cipher: 0x1301 }));
    hostile(0x443, &[record], |bytes| {
        let content = bytes.get(tls::HEADER..).unwrap_or_default();
        let hello = tls::handshake(content).and_then(|(_, content, _)| ClientHello::new(content));
        let _ = (ServerHello::new(content), tls::frame_length(bytes));
        // Hashing is not what is tested here.
        hello.is_some_and(|hello| hello.extensions.len() <= 256)
    });
}

#[test]
fn certificates_say_whose_they_are_and_how_long() {
    let der = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()][..], content].concat();
    let name =
        |text: &[u8]| der(0x30, &der(0x31, &der(0x30, &[der(6, &[0x55, 4, 3]), der(12, text)].concat())));
    let validity = der(0x30, &[der(0x17, b"240229120000Z"), der(0x18, b"20500101000000Z")].concat());
    let parts =
        [der(0xA0, &der(2, &[2])), der(2, &[1]), der(0x30, &[]), name(b"plant CA"), validity, name(b"press")];
    let certificate = der(0x30, &der(0x30, &parts.concat()));
    let seen = Certificate::new(&certificate).unwrap();
    assert_eq!((seen.subject, seen.issuer), (Some(&b"press"[..]), Some(&b"plant CA"[..])));
    assert_eq!((seen.from, seen.until), (Some(Moment(1_709_208_000)), Some(Moment(2_524_608_000))));
    assert!(!seen.is_self_signed);
    hostile(0x509, &[certificate], |bytes| {
        Certificate::new(bytes).is_some_and(|seen| seen.subject.is_some())
    });
}

/// A message of SMB of either kind, with its length.
fn smb_message(head: &[u8], length: usize, body: &[u8]) -> Vec<u8> {
    let mut message = head.to_vec();
    message.resize(length, 0);
    message.extend_from_slice(body);
    [&[0, 0, 0, u8::try_from(message.len()).unwrap()][..], &message].concat()
}

#[test]
fn windows_shares_and_attacks_on_them() {
    let words = |list: &[u16]| {
        let words = list.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        [&[u8::try_from(list.len()).unwrap()][..], &words, &[0, 0]].concat()
    };
    let old = |command: u8, list: &[u16]| smb_message(&[0xFF, b'S', b'M', b'B', command], 32, &words(list));
    let mut backdoor = [0; 15];
    backdoor[14] = 0x0E;
    let view = |bytes: &[u8]| smb::MessageView::new(&bytes[4..]).oddity();
    assert_eq!(view(&old(0x32, &backdoor)), Some(smb::Oddity::Backdoor));
    assert_eq!(view(&old(0x33, &[0, 100, 0, 0, 0, 60, 0, 50, 0])), Some(smb::Oddity::Overflow));
    assert_eq!(view(&old(0x33, &[0, 100, 0, 0, 0, 50, 0, 50, 0])), None);
    let path: Vec<u8> = "\\\\pc\\C$".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut head = vec![0xFE, b'S', b'M', b'B', 64, 0, 0, 0, 0, 0, 0, 0, 3];
    head.resize(64, 0);
    let connect = smb_message(&head, 64, &[&[9, 0, 0, 0, 72, 0, 14, 0][..], &path].concat());
    let seen = smb::MessageView::new(&connect[4..]);
    assert_eq!((seen.dialect(), seen.command()), (Some(smb::Dialect::Two), Some(3)));
    assert_eq!(seen.name().as_deref(), Some("\\\\pc\\C$"));
    hostile(0x445, &[connect, old(0x33, &[0, 100, 0, 0, 0, 60, 0, 50, 0])], |bytes| {
        let view = smb::MessageView::new(bytes.get(4..).unwrap_or_default());
        let _ = (smb::frame_length(bytes), view.is_answer(), view.status(), view.name());
        view.oddity().is_some() || view.name().is_some()
    });
}

#[test]
fn remote_desktops_begin() {
    let cookie = b"Cookie: mstshash=anna\r\n";
    let ask =
        [&[3, 0, 0, 43, 38, 0xE0, 0, 0, 0, 0, 0][..], cookie, &[1, 0, 8, 0, 3, 0, 0, 0], &[0; 1]].concat();
    let ask = &ask[..42];
    let sound = [&[3, 0, 0, 42, 37][..], &ask[5..]].concat();
    assert_eq!(rdp::read(&sound), Some(rdp::Message::Request(Some(b"anna"), Some(3))));
    let confirm = vec![3, 0, 0, 19, 14, 0xD0, 0, 0, 0, 0, 0, 2, 0, 8, 0, 2, 0, 0, 0];
    assert_eq!(rdp::read(&confirm), Some(rdp::Message::Confirm(2)));
    hostile(0x3389, &[sound, confirm], |bytes| rdp::read(bytes).is_some());
}

fn snmp_message(version: u8, security: &[u8], kind: u8, error: u8) -> Vec<u8> {
    let ber = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()][..], content].concat();
    let variable = ber(0x30, &[ber(6, &[0x2B, 6, 1, 0x81, 1]), ber(4, b"x")].concat());
    let pdu = [ber(2, &[1]), ber(2, &[error]), ber(2, &[0]), ber(0x30, &variable)].concat();
    ber(0x30, &[ber(2, &[version]), security.to_vec(), ber(0xA0 | kind, &pdu)].concat())
}

#[test]
fn snmp_is_seen_and_its_community_never_given_out() {
    let community = |text: &[u8]| [&[4, u8::try_from(text.len()).unwrap()][..], text].concat();
    let get = snmp_message(1, &community(b"Public"), 0, 0);
    let seen = MessageView::new(&get).unwrap();
    assert_eq!((seen.version, seen.kind), (1, Some(0)));
    assert_eq!(seen.security, Security::Community { is_default: true });
    let (name, tag, value) = seen.variables().next().unwrap();
    assert_eq!((name.to_string().as_str(), tag, value), ("1.3.6.1.129", 4, &b"x"[..]));
    let own = snmp_message(0, &community(b"hall-7"), 2, 5);
    let seen = MessageView::new(&own).unwrap();
    assert_eq!((seen.security, seen.error), (Security::Community { is_default: false }, 5));
    assert!(!format!("{seen:?}").contains("hall-7"));
    let header = [0x30, 13, 2, 1, 9, 2, 2, 5, 0xDC, 4, 1, 3, 2, 1, 3];
    let users = [&[0x30, 23, 2, 1, 3][..], &header, &[4, 1, 0, 0]].concat();
    let encrypted = [&[0x30, 21][..], &users[2..23]].concat();
    let seen = MessageView::new(&encrypted).unwrap();
    assert_eq!((seen.kind, seen.security), (None, Security::Users { signed: true, encrypted: true }));
    assert_eq!(MessageView::new(&[0x30, 3, 2, 1, 7]), Err(snmp::Problem::Version(7)));
    assert_eq!(MessageView::new(&[0x30, 9, 2, 1]), Err(snmp::Problem::Short("the message")));
    hostile(0x161, &[get, own, encrypted], |bytes| {
        MessageView::new(bytes).is_ok_and(|seen| {
            let told: usize = seen.variables().map(|(name, ..)| name.to_string().len()).sum();
            told <= 64 * bytes.len().max(1)
        })
    });
}

#[test]
fn lines_of_ftp_ssh_and_telnet() {
    assert_eq!(ftp::line(b"USER anna\r\nPASS"), Some((&b"USER anna"[..], &b"PASS"[..])));
    assert_eq!(ftp::read(b"user anna"), ftp::Line::Command(0, b"anna"));
    assert_eq!(ftp::read(b"PASS secret"), ftp::Line::Command(1, b""));
    assert_eq!((ftp::read(b"530 no"), ftp::read(b"220-hello")), (ftp::Line::Answer(530), ftp::Line::Other));
    assert_eq!(ssh::banner(b"SSH-2.0-OpenSSH_9 x"), Some((&b"2.0"[..], &b"OpenSSH_9 x"[..])));
    assert!(ssh::is_current(b"1.99") && !ssh::is_current(b"1.5"));
    let told = [&[255, 251, 1][..], b"lo", &[255, 250, 1, 2, 255, 240], b"gin: "].concat();
    assert_eq!(telnet::text(&told, 100), b"login: ");
    assert_eq!(telnet::prompt(b"login: "), Some(telnet::Prompt::Name));
    assert_eq!(telnet::prompt(b"Password:"), Some(telnet::Prompt::Password));
    assert!(telnet::is_refusal(b"\r\nLogin incorrect\r\n"));
    let sound =
        [told, b"USER anna\r\n".to_vec(), b"SSH-2.0-OpenSSH_9 x\r\n".to_vec(), b"530 no\r\n".to_vec()];
    hostile(0x21, &sound, |bytes| {
        let line = ftp::line(bytes).map_or(bytes, |(line, _)| line);
        let text = telnet::text(bytes, 64);
        assert!(text.len() <= 64);
        let _ = (telnet::prompt(&text), telnet::is_refusal(&text));
        ftp::read(line) != ftp::Line::Other || ssh::banner(line).is_some()
    });
}

#[test]
fn clocks_and_cyclic_data() {
    let time = [&[0x23, 2][..], &[0; 46]].concat();
    assert_eq!(ntp::read(&time), Some(ntp::Message { version: 4, mode: 3, stratum: 2 }));
    assert_eq!(ntp::read(&[0x16; 12]).map(|message| message.mode), Some(6));
    assert_eq!(ntp::read(&time[..40]), None);
    hostile(0x123, &[time], |bytes| ntp::read(bytes).is_some_and(|message| message.mode == 3));
    let mut data = vec![0xC0, 1];
    data.resize(42, 0);
    data.extend([1, 0, 0x35, 0]);
    let carries = cyclic::read(&data).unwrap().carries;
    assert_eq!(carries, Carries::Data { class: 1, runs: true, is_valid: true, is_well: true });
    assert_eq!(cyclic::read(&[0xFE, 1]).map(|frame| frame.carries), Some(Carries::Alarm(false)));
    assert_eq!(cyclic::read(&[0xC0, 1, 0]), None);
    hostile(0x8892, &[data], |bytes| {
        matches!(cyclic::read(bytes).map(|f| f.carries), Some(Carries::Data { .. }))
    });
}
