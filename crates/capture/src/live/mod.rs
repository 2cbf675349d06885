//! Packets as they pass an interface: an AF_PACKET ring of blocks (TPACKET_V3), shared with the kernel.
//!
//! ```text
//!   card ─▶ kernel ─▶ block ─▶ Live::packets(): Packet { number, time, link type, bytes }
//!                        └─ no block is free: dropped, counted by the kernel, told by Live::counts()
//! ```
//! Nothing is ever sent. Opening needs the right CAP_NET_RAW; reading needs none, so the thread that reads and decodes
//! what strangers send gives all rights away first ([`drop_rights`]).
//!
//! Rationale: a ring takes bursts of tens of megabytes where a socket's buffer ends after a hundred packets, it costs no
//! system call per packet, and the crates for it bring a C library or a licence that is not open.

mod block;
mod sys;

use crate::{MAX_PACKET, Packet};
use block::Raw;
use caps::CapSet;
use std::io;
use std::time::Duration;
use sys::{Ring, Shape, Woken};

/// Bytes of a block: longer than any packet that is taken.
const BLOCK: usize = MAX_PACKET;
/// Most megabytes of a ring.
pub const MAX_RING_MB: usize = 1024;
/// Blocks that are read before the caller gets a word in.
const AT_ONCE: usize = 4;
/// Link types of tcpdump.org's registry: Ethernet, and IP without anything in front.
const ETHERNET: u16 = 1;
const RAW_IP: u16 = 101;
/// `ARPHRD_NONE`: tunnels without a header of their own.
const HARDWARE_NONE: u16 = 0xFFFE;

/// How an interface is listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Size of the ring in megabytes, 2 to [`MAX_RING_MB`].
    pub ring_mb: usize,
    /// Bytes of a packet that are kept, 64 to [`MAX_PACKET`].
    pub snap: u32,
    /// Ask the card for packets that are not for this machine, as at a span port.
    pub promiscuous: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { ring_mb: 32, snap: 262_144, promiscuous: true }
    }
}

/// Why an interface cannot be listened to.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// No such interface.
    #[error("there is no interface `{name}`; this machine has {}", .there.join(", "))]
    Missing {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        there: Vec<String>,
    },
    /// The right to capture is missing.
    #[error("the right to capture packets (CAP_NET_RAW) is missing")]
    NoRight,
    /// The interface is down; packets come again when it is up.
    #[error("the interface is down")]
    Down,
    /// It was there, and is not any more.
    #[error("the interface is gone")]
    Gone,
    /// Its packets begin with something that is not read.
    #[error("packets of this kind of interface (hardware type {0}) are not read")]
    Kind(u16),
    /// Anything else.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl LiveError {
    /// The next step for whoever reads it.
    #[must_use]
    pub const fn next_step(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "write the name as `ip link` shows it; names are case-sensitive",
            Self::NoRight => {
                "as a service the unit file gives the right (AmbientCapabilities=CAP_NET_RAW); by hand, give it to the \
                 program once: sudo setcap cap_net_raw=ep /usr/bin/ironbridge"
            }
            Self::Down => {
                "bring it up (ip link set NAME up) and look at its cable; packets are read as soon as it is"
            }
            Self::Gone => "plug it in again; it is looked for every few seconds",
            Self::Kind(_) => "listen at an Ethernet interface, or at a tunnel that carries IP",
            Self::Io(_) => "look at the log of the kernel (dmesg); it is tried again every few seconds",
        }
    }
}

/// An open interface.
#[derive(Debug)]
pub struct Live {
    name: String,
    ring: Ring,
    /// The block that is read next.
    at: usize,
    link: u16,
    number: u64,
    /// A packet whose tag is put back in.
    tagged: Vec<u8>,
    counts: Counts,
}

/// Packets since an interface was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Came, with those that were dropped.
    pub came: u64,
    /// The ring had no room: lost.
    pub dropped: u64,
}

impl Live {
    /// Opens an interface; `number` is that of the last packet of it that was read before, 0 at first.
    ///
    /// # Errors
    /// [`LiveError`]: not there, no right, not Ethernet or IP, no memory for the ring.
    pub fn open(name: &str, options: &Options, number: u64) -> Result<Self, LiveError> {
        let missing = || LiveError::Missing { name: name.to_owned(), there: interfaces() };
        let index = sys::index(name).ok_or_else(missing)?;
        let blocks = (options.ring_mb.clamp(2, MAX_RING_MB) << 20) / BLOCK;
        let snap = options.snap.clamp(64, MAX_PACKET as u32);
        let shape = Shape { block: BLOCK, blocks, snap, promiscuous: options.promiscuous };
        let ring = Ring::open(index, shape).map_err(|error| match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => LiveError::NoRight,
            Some(libc::ENODEV | libc::ENXIO) => missing(),
            _ => LiveError::Io(error),
        })?;
        let link = match ring.hardware {
            libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => ETHERNET,
            HARDWARE_NONE | libc::ARPHRD_TUNNEL | libc::ARPHRD_TUNNEL6 | libc::ARPHRD_SIT => RAW_IP,
            other => return Err(LiveError::Kind(other)),
        };
        Ok(Self {
            name: name.to_owned(),
            ring,
            at: 0,
            link,
            number,
            tagged: Vec::new(),
            counts: Counts::default(),
        })
    }

    /// Waits at most `patience` for packets and brings those that are there to `each`. Says how many; the caller gets a
    /// word in after a few megabytes.
    ///
    /// # Errors
    /// [`LiveError::Down`] once when the interface goes down (it may be asked again), [`LiveError::Gone`] when it is no
    /// more.
    pub fn packets(
        &mut self,
        patience: Duration,
        mut each: impl FnMut(Packet<'_>),
    ) -> Result<u64, LiveError> {
        if !self.ring.is_ours(self.at) {
            let patience_ms = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
            match self.ring.wait(patience_ms)? {
                Woken::Ready => {}
                Woken::Nothing if self.is_gone() => return Err(LiveError::Gone),
                Woken::Nothing => return Ok(0),
                Woken::Error => return Err(self.trouble()),
            }
        }
        let before = self.number;
        let Self { ring, at, link, number, tagged, .. } = self;
        for _ in 0..AT_ONCE {
            let ours = ring.read(*at, |bytes| {
                block::packets(bytes, |raw| {
                    *number += 1;
                    each(whole(raw, *number, *link, tagged));
                });
            });
            if !ours {
                break;
            }
            *at = (*at + 1) % ring.blocks().max(1);
        }
        Ok(self.number - before)
    }

    fn is_gone(&self) -> bool {
        sys::index(&self.name) != Some(self.ring.index)
    }

    fn trouble(&self) -> LiveError {
        match self.ring.error() {
            _ if self.is_gone() => LiveError::Gone,
            Ok(libc::ENETDOWN | 0) => LiveError::Down,
            Ok(other) => io::Error::from_raw_os_error(other).into(),
            Err(error) => error.into(),
        }
    }

    /// Whether the interface is up and has its cable.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.ring.is_up(&self.name).unwrap_or(false)
    }

    /// Number of the last packet that was read.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// How full the ring is, 0 to 1: what waits to be read.
    #[must_use]
    pub fn fill(&self) -> f64 {
        let blocks = self.ring.blocks();
        (0..blocks).filter(|at| self.ring.is_ours(*at)).count() as f64 / blocks.max(1) as f64
    }

    /// Packets since it was opened.
    pub fn counts(&mut self) -> Counts {
        // The kernel counts from the last look.
        if let Ok((came, dropped)) = self.ring.counts() {
            self.counts.came += u64::from(came);
            self.counts.dropped += u64::from(dropped);
        }
        self.counts
    }
}

/// A packet as it was on the wire: with the tag that the kernel took out.
fn whole<'a>(raw: Raw<'a>, number: u64, link: u16, tagged: &'a mut Vec<u8>) -> Packet<'a> {
    let Raw { time_ns, original, tag, data } = raw;
    let plain = Packet { number, time_ns, link, original, data };
    let (Some((kind, value)), Some((addresses, rest))) = (tag, data.split_at_checked(12)) else {
        return plain;
    };
    if link != ETHERNET {
        return plain;
    }
    tagged.clear();
    tagged.extend_from_slice(addresses);
    tagged.extend_from_slice(&kind.to_be_bytes());
    tagged.extend_from_slice(&value.to_be_bytes());
    tagged.extend_from_slice(rest);
    Packet { original: original.saturating_add(4), data: tagged, ..plain }
}

/// Names of the interfaces of this machine.
#[must_use]
pub fn interfaces() -> Vec<String> {
    sys::names()
}

/// Gives away every right of the calling thread, for good: what it reads and decodes comes from strangers.
///
/// # Errors
/// The kernel refuses, which it has no reason to: then nothing should be decoded on this thread.
pub fn drop_rights() -> Result<(), LiveError> {
    let failed = |why: caps::errors::CapsError| LiveError::Io(io::Error::other(why.to_string()));
    for set in [CapSet::Ambient, CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
        caps::clear(None, set).map_err(failed)?;
    }
    sys::no_new_rights()?;
    for set in [CapSet::Effective, CapSet::Permitted] {
        if !caps::read(None, set).map_err(failed)?.is_empty() {
            return Err(LiveError::Io(io::Error::other("the thread still has rights")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_that_the_kernel_took_out_is_put_back() {
        let mut room = Vec::new();
        let data = [[2; 6], [4; 6]].concat();
        let data = [&data[..], &[8, 0, 1, 2]].concat();
        let raw = Raw { time_ns: 1, original: 16, tag: Some((0x8100, 0x2064)), data: &data };
        let packet = whole(raw, 7, ETHERNET, &mut room);
        assert_eq!(&packet.data[12..], [0x81, 0, 0x20, 0x64, 8, 0, 1, 2]);
        assert_eq!((packet.original, packet.number), (20, 7));
        let short = Raw { data: &data[..5], ..raw };
        assert_eq!(whole(short, 8, ETHERNET, &mut room).data, &data[..5]);
        let untagged = Raw { tag: None, ..raw };
        assert_eq!(whole(untagged, 9, ETHERNET, &mut room).data, &data[..]);
    }

    #[test]
    fn an_interface_that_is_not_there_is_named_beside_those_that_are() {
        let error = Live::open("no-such-one", &Options::default(), 0).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("no-such-one") && text.contains("lo"), "{text}");
    }
}
