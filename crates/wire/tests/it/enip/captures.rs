//! Real traffic: every frame of every capture with EtherNet/IP, through view and strict readers.

use crate::pcap::{self, Capture};
use std::collections::BTreeMap;
use wire::enip::encapsulation::HEADER;
use wire::enip::table::Effect;
use wire::enip::view::{FrameView, MessageView, frame_length, looks_like_frame};
use wire::enip::{Command, Deframer, Limits, PORT, Packet, Reply, Request};

const L: Limits = Limits::STANDARD;

#[derive(Default, Debug)]
struct Seen {
    frames: usize,
    messages: usize,
    strict: usize,
    effects: BTreeMap<Effect, usize>,
    services: BTreeMap<(u8, Option<u32>), usize>,
}

impl Seen {
    fn frame(&mut self, bytes: &[u8]) {
        self.frames += 1;
        let view = FrameView::new(bytes);
        let Some(message) = view.message() else { return };
        self.messages += 1;
        let packet = Packet::parse(view.payload(), &L);
        if let Ok(Packet::Connected { message, .. } | Packet::Unconnected { message }) = packet {
            let ok = if message.first().is_some_and(|code| code & 0x80 != 0) {
                Reply::parse(message).is_ok()
            } else {
                Request::parse(message, &L).is_ok()
            };
            self.strict += usize::from(ok);
        }
        self.message(&message);
    }

    fn message(&mut self, message: &MessageView<'_>) {
        if !message.is_reply() {
            *self.effects.entry(message.effect()).or_default() += 1;
            let key = (message.service().unwrap_or(0), message.path().class());
            *self.services.entry(key).or_default() += 1;
            message.embedded().iter().for_each(|inside| self.message(inside));
        }
    }

    fn stream(&mut self, bytes: &[u8]) {
        // A capture begins anywhere: the first place that looks like a frame.
        let Some(start) = (0..bytes.len()).find(|at| looks_like_frame(&bytes[*at..])) else { return };
        let mut rest = &bytes[start..];
        while let Some(length) = frame_length(rest).filter(|length| *length <= rest.len()) {
            self.frame(&rest[..length]);
            rest = &rest[length..];
        }
        // The strict deframer sees the same frames.
        let (mut deframer, mut strict) = (Deframer::new(65_535), 0);
        let mut input = &bytes[start..bytes.len() - rest.len()];
        while let Ok(Some(frame)) = deframer.feed(&mut input) {
            assert!(frame.payload.len() + HEADER <= bytes.len());
            strict += 1;
        }
        assert!(strict > 0);
    }

    fn capture(&mut self, capture: &Capture) {
        for (_, parts) in capture.streams.iter().filter(|(flow, _)| flow.from.1 == PORT || flow.to.1 == PORT)
        {
            parts.iter().for_each(|part| self.stream(part));
        }
        for (_, data) in capture.datagrams.iter().filter(|(flow, _)| flow.from.1 == PORT || flow.to.1 == PORT)
        {
            if FrameView::new(data).command() == Some(Command::ListIdentity) {
                self.frame(data);
            }
        }
    }
}

fn look(folder: &std::path::Path, name: &str) -> Seen {
    let mut seen = Seen::default();
    seen.capture(&pcap::read(&folder.join(name)));
    seen
}

/// Captures in which tshark counts what was sent again, and what ICMP quotes; here each frame counts once.
const SENT_AGAIN: [&str; 2] = ["EIP-FirmwareChange.pcap", "EIP-IPAddressChangeAttempt.pcap"];

#[test]
fn every_capture_with_ethernet_ip() {
    let Some(folder) = pcap::folder() else { return };
    let (mut captures, mut messages) = (0, 0);
    for (name, counts) in pcap::manifest(&folder) {
        // The layer is also counted for I/O data on UDP, which has no encapsulation.
        let io = pcap::layers(&counts, "cipio");
        let (frames, cip) = (pcap::layers(&counts, "enip") - io, pcap::layers(&counts, "cip"));
        if frames == 0 {
            continue;
        }
        let seen = look(&folder, &name);
        captures += 1;
        messages += seen.messages;
        assert_eq!(seen.strict, seen.messages, "{name}: the strict readers take real traffic");
        if SENT_AGAIN.iter().any(|known| name.ends_with(known)) {
            assert!(seen.frames <= frames && seen.frames > frames * 3 / 4, "{name}: {seen:?}");
        } else {
            assert_eq!((seen.frames, seen.messages), (frames, cip), "{name}: as many as tshark counts");
        }
    }
    eprintln!("{captures} captures, {messages} messages");
    assert!(captures >= 20 && messages > 50_000, "{captures} captures, {messages} messages");
}

#[test]
fn dangerous_operations_are_recognised() {
    let Some(folder) = pcap::folder() else { return };
    for (name, effect, least) in [
        ("iti/pcaps/EthernetIP/cip_stop_plc.pcap", Effect::Stop, 1),
        ("iti/pcaps/EthernetIP/cip_start_plc.pcap", Effect::Start, 1),
        ("iti/pcaps/openics/EIP-FirmwareChange.pcap", Effect::Download, 5_000),
        ("iti/pcaps/openics/EIP-FirmwareChangeFailure.pcap", Effect::Download, 5_000),
        ("iti/pcaps/openics/EIP-ChangePortConfigurationAttempt.pcap", Effect::Configure, 1),
        ("icsnpp-enip/tests/traces/set_attribute_single_service_cip.pcapng", Effect::Configure, 1),
    ] {
        let seen = look(&folder, name);
        let found = seen.effects.get(&effect).copied().unwrap_or(0);
        assert!(found >= least, "{name}: {found} of {effect}, {:?} {:?}", seen.effects, seen.services);
    }
    let ports = look(&folder, "iti/pcaps/openics/EIP-ChangePortConfigurationAttempt.pcap");
    assert!(ports.services.contains_key(&(0x10, Some(0xF6))), "{:?}", ports.services);
}
