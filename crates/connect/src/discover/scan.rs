//! A scan under way or done: who was found, what was sent.

use super::asker::{Asker, Pace};
use super::{Found, Neighbours, Plan, cable, everybody};
use futures_util::{FutureExt, StreamExt, stream};
use model::{Clock, Time};
use parking_lot::Mutex;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use tokio::sync::watch;

/// Most devices that one scan keeps; the rest is counted.
const MOST_FOUND: usize = 4_096;
/// Most remarks that one scan keeps.
const MOST_REMARKS: usize = 1_000;

/// Something a person should read about an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The address.
    pub address: IpAddr,
    /// Name of the probe.
    pub protocol: &'static str,
    /// What was seen.
    pub text: String,
}

/// Where a scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanState {
    /// Under way.
    Running,
    /// Everybody was asked.
    Done,
    /// Somebody stopped it.
    Stopped,
}

impl ScanState {
    /// `running`, `done` or `stopped`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
        }
    }
}

/// One scan.
#[derive(Debug)]
pub struct Scan {
    /// Tells scans apart.
    pub id: String,
    /// Who said yes.
    pub who: String,
    /// What was agreed.
    pub plan: Plan,
    /// When it began.
    pub started: Time,
    /// Hardware addresses that the machine knew.
    pub neighbours: Mutex<Neighbours>,
    sent: AtomicU64,
    faults: AtomicU64,
    left_alone: AtomicU64,
    dropped: AtomicU64,
    asked: AtomicUsize,
    kept: Mutex<Kept>,
    stop: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Kept {
    found: Vec<Found>,
    remarks: Vec<Remark>,
    ended: Option<(Time, ScanState)>,
}

/// How a scan stands.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Under way, done or stopped.
    pub state: ScanState,
    /// When it ended.
    pub ended: Option<Time>,
    /// Addresses that were asked.
    pub addresses_done: usize,
    /// Packets sent.
    pub packets_sent: u64,
    /// Answers that were broken off or none of the protocol.
    pub faults: u64,
    /// Addresses left alone after faults.
    pub left_alone: u64,
    /// Devices and remarks that were too many to keep.
    pub dropped: u64,
    /// Who was found.
    pub found: Vec<Found>,
    /// What a person should read.
    pub remarks: Vec<Remark>,
}

impl Scan {
    pub(super) fn new(id: String, who: String, plan: Plan, started: Time) -> Self {
        Self {
            id,
            who,
            plan,
            started,
            neighbours: Mutex::default(),
            sent: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            left_alone: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            asked: AtomicUsize::new(0),
            kept: Mutex::default(),
            stop: watch::channel(false).0,
        }
    }

    /// How it stands.
    pub fn snapshot(&self) -> Snapshot {
        let kept = self.kept.lock();
        Snapshot {
            state: kept.ended.map_or(ScanState::Running, |(_, state)| state),
            ended: kept.ended.map(|(at, _)| at),
            addresses_done: self.asked.load(Relaxed),
            packets_sent: self.sent.load(Relaxed),
            faults: self.faults.load(Relaxed),
            left_alone: self.left_alone.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            found: kept.found.clone(),
            remarks: kept.remarks.clone(),
        }
    }

    /// Whether it is under way.
    pub fn is_running(&self) -> bool {
        self.kept.lock().ended.is_none()
    }

    /// Ends it; open conversations are closed.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(super) fn sent(&self, packets: u64) {
        self.sent.fetch_add(packets, Relaxed);
    }

    pub(super) fn fault(&self) {
        self.faults.fetch_add(1, Relaxed);
    }

    pub(super) fn remark(&self, remark: Remark) {
        let mut kept = self.kept.lock();
        if kept.remarks.len() < MOST_REMARKS {
            kept.remarks.push(remark);
        } else {
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    fn keep(&self, found: Vec<Found>) {
        let mut kept = self.kept.lock();
        for one in found {
            // Who answered to everybody and then for itself is one; the one that tells more counts.
            if let Some(known) = kept.found.iter_mut().find(|known| known.is_same_part(&one) && one.port != 0)
            {
                if known.vendor.is_empty() {
                    *known = one;
                }
            } else if kept.found.len() < MOST_FOUND {
                kept.found.push(one);
            } else {
                self.dropped.fetch_add(1, Relaxed);
            }
        }
    }

    /// Asks everybody, or until it is stopped.
    pub(super) async fn run(self: &Arc<Self>, clock: &dyn Clock) {
        let mut stop = self.stop.subscribe();
        let pace = Pace::new();
        let addresses = stream::iter(self.plan.addresses.iter().copied());
        let asking = async {
            let asked = async {
                let asked = |address| self.ask(address, &pace);
                addresses.for_each_concurrent(self.plan.ask.at_once, asked).await;
            };
            tokio::join!(self.ask_cable(), asked);
        };
        let state = tokio::select! {
            biased;
            // An error means that nobody can stop it any more, which cannot be while `self` lives.
            _ = stop.wait_for(|stop| *stop) => ScanState::Stopped,
            () = asking => ScanState::Done,
        };
        *self.neighbours.lock() = super::neighbours();
        self.kept.lock().ended = Some((clock.now(), state));
    }

    /// Asks everybody on the cable that a person named, and listens to it.
    async fn ask_cable(&self) {
        let Some(name) = self.plan.ask.interface.clone() else { return };
        let (listen, sent) = (self.plan.ask.listen, self.plan.cable_packets());
        self.sent(sent);
        let transaction = u32::try_from(self.started.millis() & 0x7FFF_FFFF).unwrap_or(1);
        let frames = {
            let name = name.clone();
            tokio::task::spawn_blocking(move || cable::frames(&name, transaction, listen))
        };
        let mut casts = Vec::new();
        for (probe, broadcast) in self.plan.broadcasts() {
            casts.push(everybody::ask(&name, probe, broadcast).map(|heard| (probe.name, heard)).boxed());
        }
        let (heard, answers) =
            futures_util::future::join(frames, futures_util::future::join_all(casts)).await;
        let heard = heard.map_err(|why| why.to_string()).and_then(|heard| heard);
        for (protocol, heard) in answers.into_iter().chain([(cable::PROTOCOL, heard)]) {
            match heard {
                Ok(found) => self.keep(found),
                Err(text) => {
                    let address = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
                    self.remark(Remark { address, protocol, text });
                }
            }
        }
    }

    async fn ask(self: &Arc<Self>, address: IpAddr, pace: &Pace) {
        let ask = &self.plan.ask;
        let mut asker = Asker::new(address, ask.timeout, ask.pause, self, pace);
        for share in &self.plan.shares {
            for port in &share.ports {
                asker.turn_to(share.probe.name, *port);
                let found = (share.probe.look)(&mut asker, ask).await;
                self.keep(found);
            }
        }
        asker.close();
        if asker.is_left_alone() {
            self.left_alone.fetch_add(1, Relaxed);
            asker.remark("left alone after three broken conversations; look at it by hand");
        }
        self.asked.fetch_add(1, Relaxed);
    }
}
