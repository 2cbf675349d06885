//! Traffic: conversations between simulated hosts, as frames on Ethernet.

use watch::{Limits, Monitor, Packet, Report};
use wire::dnp3;

/// Frames with their times, as a capture has them.
#[derive(Default, Clone)]
pub struct Capture {
    pub frames: Vec<(i64, Vec<u8>)>,
    now_ns: i64,
    next_port: u16,
}

/// A host: the last byte of its addresses.
pub type Host = u8;

/// Its network card: 8 is a Siemens CPU, 9 a Rockwell one, all others are computers.
pub fn mac(host: Host) -> [u8; 6] {
    match host {
        8 => [0x00, 0x1B, 0x1B, 0, 0, 8],
        9 => [0x00, 0x00, 0xBC, 0, 0, 9],
        host => [0x00, 0x1D, 0x09, 0, 0, host],
    }
}

fn checksum_free_ip(source: Host, destination: Host, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let total = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let mut out = [mac(destination), mac(source)].concat();
    out.extend_from_slice(&[8, 0]);
    out.extend_from_slice(&[0x45, 0, total[0], total[1], 0, 0, 0, 0, 64, protocol, 0, 0]);
    out.extend_from_slice(&[10, 0, 0, source, 10, 0, 0, destination]);
    out.extend_from_slice(payload);
    out
}

impl Capture {
    pub fn new() -> Self {
        Self { frames: Vec::new(), now_ns: 1_700_000_000_000_000_000, next_port: 50_000 }
    }

    pub fn wait(&mut self, seconds: i64) {
        self.now_ns += seconds * 1_000_000_000;
    }

    pub fn push(&mut self, frame: Vec<u8>) {
        self.now_ns += 1_000_000;
        self.frames.push((self.now_ns, frame));
    }

    /// An announcement (or, with a target, a question) by ARP: a host says that an address is at a card.
    pub fn arp(&mut self, card: Host, address: Host, target: Option<Host>) {
        let mut frame = vec![0xFF; 6];
        frame.extend(mac(card));
        frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, if target.is_some() { 1 } else { 2 }]);
        frame.extend(mac(card));
        frame.extend([10, 0, 0, address, 0, 0, 0, 0, 0, 0, 10, 0, 0, target.unwrap_or(address)]);
        self.push(frame);
    }

    /// Changes bytes of the latest frame.
    pub fn retouch(&mut self, at: usize, bytes: &[u8]) {
        let (_, frame) = self.frames.last_mut().unwrap();
        frame[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub fn segment(&mut self, ends: ((Host, u16), (Host, u16)), numbers: (u32, u32), flags: u8, data: &[u8]) {
        let ((source, from), (destination, to)) = ends;
        let mut tcp = Vec::new();
        tcp.extend_from_slice(&from.to_be_bytes());
        tcp.extend_from_slice(&to.to_be_bytes());
        tcp.extend_from_slice(&numbers.0.to_be_bytes());
        tcp.extend_from_slice(&numbers.1.to_be_bytes());
        tcp.extend_from_slice(&[0x50, flags, 4, 0, 0, 0, 0, 0]);
        tcp.extend_from_slice(data);
        self.push(checksum_free_ip(source, destination, 6, &tcp));
    }

    pub fn datagram(&mut self, source: (Host, u16), destination: (Host, u16), data: &[u8]) {
        let mut udp = Vec::new();
        udp.extend_from_slice(&source.1.to_be_bytes());
        udp.extend_from_slice(&destination.1.to_be_bytes());
        udp.extend_from_slice(&u16::try_from(8 + data.len()).unwrap().to_be_bytes());
        udp.extend_from_slice(&[0, 0]);
        udp.extend_from_slice(data);
        self.push(checksum_free_ip(source.0, destination.0, 17, &udp));
    }

    /// A whole TCP connection: what the client (true) and the server (false) say in turn.
    pub fn connection(&mut self, client: Host, server: Host, port: u16, said: &[(bool, Vec<u8>)]) {
        self.next_port += 1;
        let (to, back) =
            (((client, self.next_port), (server, port)), ((server, port), (client, self.next_port)));
        let (mut c, mut s) = (1_000_u32, 9_000_u32);
        self.segment(to, (c, 0), 2, &[]);
        self.segment(back, (s, c + 1), 0x12, &[]);
        (c, s) = (c + 1, s + 1);
        self.segment(to, (c, s), 0x10, &[]);
        for (from_client, data) in said {
            let length = u32::try_from(data.len()).unwrap();
            if *from_client {
                self.segment(to, (c, s), 0x18, data);
                c += length;
            } else {
                self.segment(back, (s, c), 0x18, data);
                s += length;
            }
        }
        self.segment(to, (c, s), 0x11, &[]);
        self.segment(back, (s, c + 1), 0x11, &[]);
    }

    /// An empty one that goes on where this one ends.
    pub fn later(&self) -> Self {
        Self { frames: Vec::new(), ..*self }
    }

    /// The client's port of the next connection.
    pub fn next_port(&self) -> u16 {
        self.next_port + 1
    }

    pub fn now_ns(&self) -> i64 {
        self.now_ns
    }

    pub fn feed(&self, monitor: &mut Monitor) {
        for (number, (time_ns, data)) in (1u64..).zip(&self.frames) {
            let original = u32::try_from(data.len()).unwrap();
            monitor.packet(&Packet { file: 0, frame: number, time_ns: *time_ns, link: 1, original, data });
        }
    }

    /// Holds it against a capture in docs/.
    pub fn is_file(&self, name: &str) {
        let mut writer = capture::write::Writer::new(Vec::new(), 1).unwrap();
        self.frames.iter().for_each(|(time, frame)| writer.packet(*time, frame).unwrap());
        let bytes = writer.finish().unwrap();
        let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("WATCH_WRITE_EXAMPLE").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        assert!(
            std::fs::read(&path).unwrap() == bytes,
            "run this test with WATCH_WRITE_EXAMPLE=1 and look at what changed in {name}"
        );
    }

    pub fn report(&self) -> Report {
        let mut monitor = Monitor::new(Limits::STANDARD);
        self.feed(&mut monitor);
        monitor.report()
    }

    /// Ids of the findings, each once, sorted.
    pub fn found(&self) -> Vec<&'static str> {
        let mut ids: Vec<_> = self.report().findings.iter().map(|finding| finding.rule).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// A Modbus frame of unit 1.
pub fn modbus(transaction: u16, pdu: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    wire::modbus::mbap::emit_adu(transaction, 1, pdu, &mut out);
    out
}

/// An S7 PDU in TPKT and COTP.
pub fn tpkt(pdu: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    wire::s7::tpkt::emit_with(&mut out, |out| {
        wire::s7::cotp::Tpdu::Data { last: true, payload: pdu }.emit(out);
    });
    out
}

/// An S7 job with parameters.
pub fn s7_job(reference: u16, parameters: &[u8]) -> Vec<u8> {
    let ([r0, r1], [l0, l1]) =
        (reference.to_be_bytes(), u16::try_from(parameters.len()).unwrap().to_be_bytes());
    tpkt(&[&[0x32, 1, 0, 0, r0, r1, l0, l1, 0, 0][..], parameters].concat())
}

/// An S7 question in user data.
pub fn s7_ask(group: u8, sub: u8, data: &[u8]) -> Vec<u8> {
    let [l0, l1] = u16::try_from(data.len() + 4).unwrap().to_be_bytes();
    let [n0, n1] = u16::try_from(data.len()).unwrap().to_be_bytes();
    let head =
        [0x32, 7, 0, 0, 0, 9, 0, 8, l0, l1, 0, 1, 0x12, 4, 0x11, 0x40 | group, sub, 0, 0xFF, 9, n0, n1];
    tpkt(&[&head[..], data].concat())
}

/// An unconnected CIP message in EtherNet/IP.
pub fn cip(context: u8, message: &[u8]) -> Vec<u8> {
    let [n0, n1] = u16::try_from(message.len()).unwrap().to_le_bytes();
    let mut body = vec![0, 0, 0, 0, 5, 0, 2, 0, 0, 0, 0, 0, 0xB2, 0, n0, n1];
    body.extend_from_slice(message);
    enip(0x6F, context, &body)
}

/// A frame of the encapsulation.
pub fn enip(command: u8, context: u8, body: &[u8]) -> Vec<u8> {
    let [l0, l1] = u16::try_from(body.len()).unwrap().to_le_bytes();
    let mut out = vec![command, 0, l0, l1, 7, 0, 0, 0, 0, 0, 0, 0, context, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    out.extend_from_slice(body);
    out
}

/// A DNP3 fragment of one frame: from the master to a station, or back.
pub fn dnp3_frame(from_master: bool, station: u16, fragment: &[u8]) -> Vec<u8> {
    let user = [&[0xC0][..], fragment].concat();
    let control = if from_master { 0xC4 } else { 0x44 };
    let (destination, source) = if from_master { (station, 1u16) } else { (1, station) };
    let mut out = vec![0x05, 0x64, u8::try_from(5 + user.len()).unwrap(), control];
    out.extend_from_slice(&destination.to_le_bytes());
    out.extend_from_slice(&source.to_le_bytes());
    out.extend_from_slice(&dnp3::crc(&out).to_le_bytes());
    for block in user.chunks(16) {
        out.extend_from_slice(block);
        out.extend_from_slice(&dnp3::crc(block).to_le_bytes());
    }
    out
}

/// A service of OPC UA in one chunk: behind its type stands a header without anything, then what is given.
pub fn opcua(request: u32, service: u16, rest: &[u8]) -> Vec<u8> {
    let mut body = vec![1, 0];
    body.extend(service.to_le_bytes());
    body.extend([0, 0]);
    body.extend([0; 16]);
    body.extend([0xFF; 4]);
    body.extend([0; 7]);
    body.extend_from_slice(rest);
    opcua_message(request, &body)
}

/// An answer: type, time and handle, the result of the service.
pub fn opcua_answer(request: u32, service: u16, result: u32) -> Vec<u8> {
    let mut body = vec![1, 0];
    body.extend(service.to_le_bytes());
    body.extend([0; 12]);
    body.extend(result.to_le_bytes());
    opcua_message(request, &body)
}

fn opcua_message(request: u32, body: &[u8]) -> Vec<u8> {
    let mut out = b"MSGF".to_vec();
    out.extend((24 + u32::try_from(body.len()).unwrap()).to_le_bytes());
    for number in [7, 1, request, request] {
        out.extend(number.to_le_bytes());
    }
    out.extend_from_slice(body);
    out
}

/// Opens a channel without security, or with one.
pub fn opcua_open(policy: &str) -> Vec<u8> {
    let policy = format!("http://opcfoundation.org/UA/SecurityPolicy#{policy}");
    let mut out = b"OPNF".to_vec();
    out.extend((32 + u32::try_from(policy.len()).unwrap()).to_le_bytes());
    out.extend([0; 4]);
    out.extend(u32::try_from(policy.len()).unwrap().to_le_bytes());
    out.extend(policy.as_bytes());
    out.extend([0xFF; 8]);
    out.extend([1, 0, 0, 0, 1, 0, 0, 0]);
    out
}
