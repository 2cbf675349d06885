//! What really went over the loopback interface: tcpdump, and as much of its file as Modbus/TCP in IPv4 needs.

use crate::process::Process;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Error, Read, Result};
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

/// Header of the file, and of each packet in it.
const FILE: usize = 24;
const PACKET: usize = 16;
/// Ethernet header, which the loopback interface has, too.
const ETHERNET: usize = 14;
/// MBAP header; the function follows.
const MBAP: usize = 7;
/// Bytes kept of a packet: all headers and the function.
const KEPT: &str = "128";

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;

/// A capture under way.
pub struct Capture {
    process: Process,
    bytes: JoinHandle<Vec<u8>>,
}

/// What came to one device.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    /// Connections opened to it.
    pub opened: usize,
    /// Segments that end a connection, in either direction.
    pub closed: usize,
    /// When requests to read holding registers came, in seconds.
    pub polls: Vec<f64>,
    /// Requests of another function.
    pub others: usize,
}

impl Seen {
    /// The longest time without a poll, in seconds.
    pub fn longest_gap(&self) -> f64 {
        self.polls.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max)
    }
}

impl Capture {
    /// Begins with everything to and from these TCP ports of this machine.
    ///
    /// # Errors
    /// tcpdump is missing or may not capture.
    pub fn start(first: u16, last: u16) -> Result<Self> {
        let filter = format!("tcp and portrange {first}-{last}");
        let mut command = Command::new("tcpdump");
        command.args(["-i", "lo", "-B", "65536", "-s", KEPT, "-U", "-w", "-", &filter]);
        let missing =
            |why: Error| Error::other(format!("tcpdump cannot be started ({why}): scripts/need.sh test"));
        let mut process =
            Process::start(command.stdout(Stdio::piped()).stderr(Stdio::piped())).map_err(missing)?;
        let (Some(mut out), Some(err)) = (process.0.stdout.take(), process.0.stderr.take()) else {
            return Err(Error::other("no output"));
        };
        let bytes = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // What came before an end is what was captured.
            let _ = out.read_to_end(&mut bytes);
            bytes
        });
        let mut said = String::new();
        for line in BufReader::new(err).lines() {
            let line = line?;
            if line.contains("listening on") {
                return Ok(Self { process, bytes });
            }
            said = line;
        }
        Err(Error::other(format!("tcpdump may not capture here: {said}")))
    }

    /// Ends it; by address and port of the device.
    ///
    /// # Errors
    /// The capture is not what tcpdump writes.
    pub fn stop(self, first: u16, last: u16) -> Result<BTreeMap<(Ipv4Addr, u16), Seen>> {
        self.process.stop();
        let bytes = self.bytes.join().map_err(|_| Error::other("the capture was not read"))?;
        read(&bytes, first..=last)
            .ok_or_else(|| Error::other("the capture is no pcap file of Ethernet frames"))
    }
}

fn read(bytes: &[u8], ports: std::ops::RangeInclusive<u16>) -> Option<BTreeMap<(Ipv4Addr, u16), Seen>> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    if word(0)? != 0xA1B2_C3D4 || word(20)? != 1 {
        return None;
    }
    let mut devices: BTreeMap<(Ipv4Addr, u16), Seen> = BTreeMap::new();
    let mut at = FILE;
    while at + PACKET <= bytes.len() {
        let time = f64::from(word(at)?) + f64::from(word(at + 4)?) / 1e6;
        let kept = word(at + 8)? as usize;
        // The last packet may have been cut off with the capture.
        let Some(frame) = bytes.get(at + PACKET..at + PACKET + kept) else { break };
        at += PACKET + kept;
        packet(frame, time, &ports, &mut devices);
    }
    Some(devices)
}

/// One frame; what is no TCP in IPv4 is passed over.
fn packet(
    frame: &[u8],
    time: f64,
    ports: &std::ops::RangeInclusive<u16>,
    devices: &mut BTreeMap<(Ipv4Addr, u16), Seen>,
) -> Option<()> {
    let ip = frame.get(ETHERNET..)?;
    let header = usize::from(ip.first()? & 15) * 4;
    let total = usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?]));
    let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(ip.get(at..at + 4)?).ok()?));
    let (from, to) = (address(12)?, address(16)?);
    let tcp = ip.get(header..)?;
    let port = |at: usize| Some(u16::from_be_bytes([*tcp.get(at)?, *tcp.get(at + 1)?]));
    let (source, target) = (port(0)?, port(2)?);
    let offset = usize::from(tcp.get(12)? >> 4) * 4;
    let flags = *tcp.get(13)?;
    let towards = ports.contains(&target);
    let seen = devices.entry(if towards { (to, target) } else { (from, source) }).or_default();
    if flags & SYN != 0 && towards {
        seen.opened += 1;
    }
    if flags & (FIN | RST) != 0 {
        seen.closed += 1;
    }
    if towards && total > header + offset + MBAP {
        match tcp.get(offset + MBAP)? {
            3 => seen.polls.push(time),
            _ => seen.others += 1,
        }
    }
    Some(())
}
