//! Reads captures for tests: classic pcap and pcapng, Ethernet, IPv4, TCP streams put in order, UDP datagrams.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// One side of a conversation: from where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    pub from: (Ipv4Addr, u16),
    pub to: (Ipv4Addr, u16),
}

/// What a capture holds of TCP and UDP.
#[derive(Default)]
pub struct Capture {
    /// Bytes of each direction, in order, as far as they were captured; a gap begins a new part.
    pub streams: BTreeMap<Flow, Vec<Vec<u8>>>,
    pub datagrams: Vec<(Flow, Vec<u8>)>,
}

/// The folder with captures; says so when it is not there.
pub fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/captures");
    let folder = std::env::var("IRONBRIDGE_CAPTURES").map_or(folder, PathBuf::from);
    if !folder.is_dir() {
        eprintln!("SKIPPED: no captures in {} (set IRONBRIDGE_CAPTURES)", folder.display());
        return None;
    }
    Some(folder)
}

/// Lines of the list beside the captures: path and tshark's counts of protocol layers.
pub fn manifest(folder: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let line = |line: &str| {
        let mut fields = line.split('\t');
        Some((fields.next()?.to_owned(), fields.nth(1)?.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

/// How often a layer stands in the counts of a manifest line.
pub fn layers(counts: &str, layer: &str) -> usize {
    counts
        .split(' ')
        .filter_map(|part| part.split_once(':'))
        .filter(|(name, _)| *name == layer)
        .map(|(_, n)| n.parse::<usize>().unwrap())
        .sum()
}

pub fn read(path: &Path) -> Capture {
    let bytes = std::fs::read(path).unwrap();
    let packets = if bytes.starts_with(&[0x0A, 0x0D, 0x0D, 0x0A]) { pcapng(&bytes) } else { classic(&bytes) };
    let mut segments: BTreeMap<Flow, Vec<(u32, Vec<u8>)>> = BTreeMap::new();
    let mut capture = Capture::default();
    for packet in packets {
        match dissect(packet) {
            Some((flow, Some(sequence), data)) if !data.is_empty() => {
                segments.entry(flow).or_default().push((sequence, data.to_vec()))
            }
            Some((flow, None, data)) => capture.datagrams.push((flow, data.to_vec())),
            _ => {}
        }
    }
    capture.streams = segments.into_iter().map(|(flow, segments)| (flow, in_order(segments))).collect();
    capture
}

/// By distance from the first: what came twice is taken once, a gap begins a new part.
fn in_order(mut segments: Vec<(u32, Vec<u8>)>) -> Vec<Vec<u8>> {
    let origin = segments.first().map_or(0, |(sequence, _)| *sequence);
    segments.sort_by_key(|(sequence, _)| sequence.wrapping_sub(origin) as i32);
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut next: Option<u32> = None;
    for (sequence, data) in segments {
        let ahead = next.map_or(0, |next| sequence.wrapping_sub(next) as i32);
        if ahead > 0 || parts.is_empty() {
            parts.push(Vec::new());
        }
        let skip = usize::try_from(-ahead.min(0)).unwrap();
        if let (Some(fresh), Some(part)) = (data.get(skip..), parts.last_mut()) {
            part.extend_from_slice(fresh);
            next = Some(sequence.wrapping_add(u32::try_from(data.len()).unwrap()));
        }
    }
    parts
}

fn classic(bytes: &[u8]) -> Vec<&[u8]> {
    let word = |at: usize| bytes.get(at..at + 4).map(|b| <[u8; 4]>::try_from(b).unwrap());
    let big = bytes.starts_with(&[0xA1]);
    let number = |b: [u8; 4]| if big { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) } as usize;
    let mut packets = Vec::new();
    let mut at = 24;
    while let Some(length) = word(at + 8).map(number) {
        packets.extend(bytes.get(at + 16..at + 16 + length));
        at += 16 + length;
    }
    packets
}

fn pcapng(bytes: &[u8]) -> Vec<&[u8]> {
    let number =
        |at: usize| bytes.get(at..at + 4).map(|b| u32::from_le_bytes(b.try_into().unwrap()) as usize);
    let mut packets = Vec::new();
    let mut at = 0;
    while let (Some(kind), Some(length @ 12..)) = (number(at), number(at + 4)) {
        if kind == 6 {
            let captured = number(at + 20).unwrap_or(0);
            packets.extend(bytes.get(at + 28..at + 28 + captured));
        }
        at += length;
    }
    packets
}

fn dissect(packet: &[u8]) -> Option<(Flow, Option<u32>, &[u8])> {
    let be16 = |at: usize| packet.get(at..at + 2).map(|b| u16::from_be_bytes(b.try_into().unwrap()));
    let mut at = 12;
    while be16(at)? == 0x8100 {
        at += 4;
    }
    if be16(at)? != 0x0800 {
        return None;
    }
    let ip = at + 2;
    let header = usize::from(packet.get(ip)? & 15) * 4;
    let total = usize::from(be16(ip + 2)?);
    let address = |at: usize| packet.get(at..at + 4).map(|b| Ipv4Addr::from(<[u8; 4]>::try_from(b).unwrap()));
    let (from, to) = (address(ip + 12)?, address(ip + 16)?);
    let l4 = ip + header;
    let flow = Flow { from: (from, be16(l4)?), to: (to, be16(l4 + 2)?) };
    let end = (ip + total).min(packet.len());
    match packet.get(ip + 9)? {
        6 => {
            let sequence = u32::from_be_bytes(packet.get(l4 + 4..l4 + 8)?.try_into().ok()?);
            let offset = usize::from(packet.get(l4 + 12)? >> 4) * 4;
            Some((flow, Some(sequence), packet.get(l4 + offset..end)?))
        }
        17 => Some((flow, None, packet.get(l4 + 8..end)?)),
        _ => None,
    }
}
