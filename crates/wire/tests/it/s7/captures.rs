//! Public captures, when they lie beside the repository (`../shared/data/captures`): every packet is looked at, and
//! what is found is counted against an independent dissector (`MANIFEST.tsv`) and against what the file's name says.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use wire::s7::cotp::{Joiner, Tpdu};
use wire::s7::tpkt::Deframer;
use wire::s7::view::{Kind, PacketView, PduView};
use wire::s7::{Request, Response};

fn folder() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = here.ancestors().map(|dir| dir.join("shared/data/captures")).find(|dir| dir.is_dir());
    if found.is_none() {
        eprintln!("SKIPPED: no folder shared/data/captures beside the repository");
    }
    found
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Frames of a pcap or pcapng file, little-endian ones only: all of these are.
fn frames(file: &[u8]) -> Vec<&[u8]> {
    let (mut found, mut at) = (Vec::new(), 24);
    if le32(file, 0) == Some(0xA1B2_C3D4) || le32(file, 0) == Some(0xA1B2_3C4D) {
        while let Some(length) = le32(file, at + 8) {
            found.extend(file.get(at + 16..at + 16 + length as usize));
            at += 16 + length as usize;
        }
        return found;
    }
    at = 0;
    while let (Some(kind), Some(length @ 12..)) = (le32(file, at), le32(file, at + 4)) {
        if kind == 6 {
            let captured = le32(file, at + 20).unwrap_or(0) as usize;
            found.extend(file.get(at + 28..at + 28 + captured));
        }
        at += length as usize;
    }
    found
}

type Flow = [u8; 12];

/// Addresses and ports, sequence number and payload of a TCP segment on port 102 in an Ethernet frame, with or without
/// VLAN tag, or in Linux' "cooked" one.
fn segment(frame: &[u8]) -> Option<(Flow, u32, &[u8])> {
    let at = [14, 18, 16].into_iter().find(|at| frame.get(at - 2..*at) == Some(&[8, 0]))?;
    let ip = frame.get(at..)?;
    if ip.first()? >> 4 != 4 || *ip.get(9)? != 6 {
        return None;
    }
    let total = u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]) as usize;
    let tcp = ip.get(usize::from(ip.first()? & 15) * 4..total.min(ip.len()))?;
    let ports: [u8; 4] = *tcp.first_chunk()?;
    if ports[..2] != [0, 102] && ports[2..] != [0, 102] {
        return None;
    }
    let mut flow = [0; 12];
    flow[..8].copy_from_slice(ip.get(12..20)?);
    flow[8..].copy_from_slice(&ports);
    let sequence = u32::from_be_bytes(*tcp.get(4..)?.first_chunk()?);
    Some((flow, sequence, tcp.get(usize::from(tcp.get(12)? >> 4) * 4..)?))
}

fn reverse(flow: &Flow) -> Flow {
    let mut other = *flow;
    other[..4].copy_from_slice(&flow[4..8]);
    other[4..8].copy_from_slice(&flow[..4]);
    other[8..10].copy_from_slice(&flow[10..]);
    other[10..].copy_from_slice(&flow[8..10]);
    other
}

#[derive(Default)]
struct Stream {
    deframer: Deframer,
    joiner: Joiner,
    next: Option<u32>,
}

#[derive(Default, Debug)]
struct Count {
    packets: u64,
    s7: u64,
    plus: u64,
    other: u64,
    fragments: u64,
    problems: BTreeMap<String, u64>,
    functions: BTreeMap<String, u64>,
    lines: Vec<String>,
    changing: u64,
    /// Answers that the strict reader takes, and those it refuses, by why.
    strict: u64,
    refused: BTreeMap<String, u64>,
}

impl Count {
    fn pdu(&mut self, flow: &Flow, pdu: &[u8], asked: &mut HashMap<(Flow, u16), Vec<u8>>) {
        let view = PduView::new(pdu);
        if view.plus().is_some() {
            self.plus += 1;
        } else if view.is_s7() {
            self.s7 += 1;
        } else {
            self.other += 1;
            return;
        }
        for problem in view.problems() {
            *self.problems.entry(format!("{problem} in {view}")).or_default() += 1;
        }
        self.changing += u64::from(view.changes_device());
        let name = view.function().map_or("", |function| function.name);
        *self.functions.entry(name.to_owned()).or_default() += 1;
        self.lines.push(view.to_string());
        let Some(reference) = view.reference() else { return };
        match view.kind() {
            Some(Kind::Job) => drop(asked.insert((*flow, reference), pdu.to_vec())),
            Some(Kind::Ack | Kind::AckData) => {
                let Some(job) = asked.remove(&(reverse(flow), reference)) else { return };
                let Ok((_, request)) = Request::parse(&job) else { return };
                match Response::parse(&request, pdu) {
                    Ok(_) => self.strict += 1,
                    Err(error) => *self.refused.entry(error.to_string()).or_default() += 1,
                }
            }
            _ => {}
        }
    }

    fn file(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let (mut count, mut streams, mut asked) =
            (Self::default(), HashMap::<Flow, Stream>::new(), HashMap::new());
        for (flow, sequence, mut payload) in frames(&bytes).into_iter().filter_map(segment) {
            let stream = streams.entry(flow).or_default();
            let mut behind = stream.next.map_or(0, |next| next.wrapping_sub(sequence) as i32);
            // What was seen already is a retransmission, a keep-alive or its overlap; a gap, or a packet from long ago,
            // begins anew.
            if !(0..10_000).contains(&behind) {
                (*stream, behind) = (Stream::default(), 0);
            }
            payload = payload.get(behind as usize..).unwrap_or_default();
            // A keep-alive carries one byte of nothing, also where the capture begins with it.
            if payload.is_empty() || (payload == [0] && stream.deframer.pending() == 0) {
                continue;
            }
            stream.next = Some(sequence.wrapping_add(behind as u32).wrapping_add(payload.len() as u32));
            loop {
                let tpdu = match stream.deframer.feed(&mut payload) {
                    Ok(Some(tpdu)) => tpdu,
                    Ok(None) => break,
                    Err(_) => {
                        count.other += 1;
                        break;
                    }
                };
                count.packets += 1;
                match Tpdu::parse(tpdu) {
                    Ok(Tpdu::Data { last, payload }) => {
                        count.fragments += u64::from(!last);
                        if let Ok(Some(pdu)) = stream.joiner.take(last, payload)
                            && !pdu.is_empty()
                        {
                            let pdu = pdu.to_vec();
                            stream.joiner.clear();
                            count.pdu(&flow, &pdu, &mut asked);
                        }
                    }
                    Ok(other) => {
                        let mut packet = Vec::new();
                        wire::s7::tpkt::emit_with(&mut packet, |out| other.emit(out));
                        count.lines.push(PacketView::new(&packet).to_string());
                    }
                    Err(error) => *count.problems.entry(error.to_string()).or_default() += 1,
                }
            }
        }
        count
    }
}

/// Frames that the dissector counts for a protocol: its sum over all places in the protocol tree.
fn expected(column: &str, protocol: &str) -> u64 {
    column
        .split([' ', ':'])
        .collect::<Vec<_>>()
        .chunks(2)
        .filter(|pair| pair[0] == protocol)
        .filter_map(|pair| pair.get(1)?.parse::<u64>().ok())
        .sum()
}

#[test]
fn every_capture_is_understood() {
    let Some(folder) = folder() else { return };
    let manifest = std::fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let (mut files, mut total) = (0, Count::default());
    for line in manifest.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let [path, _, protocols, ..] = columns.as_slice() else { continue };
        if !path.contains("/s7") && !path.contains("s7comm") {
            continue;
        }
        let count = Count::file(&folder.join(path));
        let (s7, tpkt) = (expected(protocols, "s7comm"), expected(protocols, "tpkt"));
        eprintln!(
            "{path}: {} packets ({tpkt}), {} S7 ({s7}), {} plus, {} other, {} fragments; strict {} refused {:?}; {:?}",
            count.packets,
            count.s7,
            count.plus,
            count.other,
            count.fragments,
            count.strict,
            count.refused,
            count.problems
        );
        // The dissector counts frames, repeated ones too; a frame may hold several packets.
        let agrees = |ours: u64, theirs: u64| ours.abs_diff(theirs) * 100 <= theirs * 3;
        assert!(agrees(count.packets, tpkt) && agrees(count.s7, s7), "{path}: {count:?}");
        assert!(
            count.refused.is_empty() && count.problems.is_empty() && count.other == 0,
            "{path}: {count:?}"
        );
        files += 1;
        total.s7 += count.s7;
        total.strict += count.strict;
        total.plus += count.plus;
        total.changing += count.changing;
    }
    eprintln!("{files} files: {total:?}");
}

#[test]
fn what_the_file_names_say_is_seen() {
    let Some(folder) = folder() else { return };
    let lines = |name: &str| Count::file(&folder.join("iti/pcaps/s7").join(name)).lines;
    let has = |name: &str, text: &str| {
        let lines = lines(name);
        assert!(lines.iter().any(|line| line.contains(text)), "{name} lacks {text}: {lines:#?}");
    };
    has("snap7_s300_stop.pcapng", "PLC Stop: P_PROGRAM");
    has("step7_s300_stop.pcapng", "PLC Stop");
    has("step7_s300_stop.pcapng", "Transition to STOP");
    has("step7_s300_rwVarTab.pcapng", "Modify Variable");
    has("step7_s300_AuthPassword.pcapng", "Password");
    has("step7_s300_copyRamToRom.pcapng", "PI Service: _MODU (copy RAM to ROM)");
    has("tia_s300_downloadOb1.pcapng", "Request Download: OB1");
    has("tia_s300_flashLed.pcapng", "Flash LED");
    has("snap7_s300_everything.pcapng", "Start Upload: SDB0");
    has("snap7_s300_everything.pcapng", "Read SZL: 0424 index 0000");
    has("snap7_s300_setupCommunication.pcapng", "Setup Communication: 240 bytes");
    has("snap7_s300_readVar.pcapng", "Read Var");
    has("s7comm_reading_setting_plc_time.pcap", "Set Clock");
    let stop = Count::file(&folder.join("iti/pcaps/s7/snap7_s300_stop.pcapng"));
    assert_eq!(stop.changing, 1);
}
