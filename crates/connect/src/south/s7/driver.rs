//! The S7 driver: what is known of the endpoint, and what each job means on the wire.

use super::build::{DeviceSpec, PointSpec, Session};
use super::group::{Group, Place, Read, Row};
use crate::south::dial::Dial;
use crate::south::status::Quarantined;
use crate::south::tags::portions;
use crate::south::{DeviceLayout, Driver, GroupLayout, Layout, Link, Writing};
use crate::witness::{Ends, Witness};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::Fault;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::s7::Request;

/// One endpoint.
pub(super) struct S7 {
    pub(super) dial: Dial,
    pub(super) settings: Session,
    pub(super) groups: Vec<Group>,
    layout: Layout,
    announced: bool,
    /// What its plan keeps to because it was measured, in words; empty for nothing.
    pub(super) measured: String,
    /// Who is told of answers.
    pub(super) witness: Arc<Witness>,
}

/// One request under way.
pub(super) struct InFlight {
    pub(super) reference: u16,
    pub(super) device: usize,
    pub(super) request: Request<'static>,
    pub(super) sent: Instant,
    pub(super) deadline: Instant,
    pub(super) timeout: Duration,
    pub(super) purpose: Purpose,
    /// Parts of a system status list that came already.
    pub(super) list: Vec<u8>,
}

/// Why a request was sent.
pub(super) enum Purpose {
    /// A read of a scan.
    Scan { group: usize, run: u32, read: Arc<Read>, attempt: u32 },
    /// Whether the device is back.
    Probe,
    /// Whether refused rows answer by now.
    Recheck { group: usize, read: Read },
    /// A write.
    Write(Box<Writing>),
    /// The read-back of a write.
    Readback { writing: Box<Writing>, read: Read },
}

/// What lives as long as one connection.
pub(super) struct Talk {
    pub(super) inflight: Vec<InFlight>,
    pub(super) reference: u16,
    /// Jobs that the CPU agreed to.
    pub(super) window: usize,
    /// Bytes that it agreed to.
    pub(super) pdu: u16,
    /// PDUs that answered nothing since the last that did.
    pub(super) strangers: u32,
    /// Read-backs that wait a moment.
    pub(super) delayed: Vec<(Instant, Box<Writing>)>,
    pub(super) out: Vec<u8>,
    /// Our end and the CPU's, where answers are told of.
    pub(super) ends: Option<Ends>,
}

impl S7 {
    /// `classes` are the scan classes by index; devices give up their points to groups.
    pub(super) fn new(
        dial: Dial,
        settings: Session,
        classes: &[(String, Duration)],
        devices: Vec<DeviceSpec>,
    ) -> Self {
        let (mut groups, mut layouts, mut named) = (Vec::new(), Vec::new(), Vec::new());
        let unit = if settings.by_slot {
            let [rack, slot] = settings.whom;
            format!("rack {rack}, slot {slot}")
        } else {
            format!("TSAP {}", settings.remote)
        };
        for (index, mut device) in devices.into_iter().enumerate() {
            device.points.sort_by_key(|point| match point.place {
                Place::Memory(span) => (Some(span.region), span.first),
                Place::Cpu(_) => (None, 0),
            });
            for (class, points) in portions(device.points, |point: &PointSpec| point.class) {
                let (name, period) = classes.get(class).cloned().unwrap_or_default();
                let indices = points.iter().map(|point| point.index).collect();
                layouts.push(GroupLayout { device: index, class: name, period, points: indices });
                let rows = points.into_iter().map(|p| Row { place: p.place, codec: p.codec }).collect();
                groups.push(Group::new(index, device.rules.clone(), rows));
            }
            named.push(DeviceLayout { name: device.name, unit: unit.clone(), excluded: device.excluded });
        }
        let timing = settings.timing;
        let layout = timing.layout(named, layouts);
        let (measured, witness) = (String::new(), Arc::default());
        Self { dial, settings, groups, layout, announced: false, measured, witness }
    }

    /// The cheapest read of a device: its first point that is not refused.
    pub(super) fn probe(&self, device: usize) -> Option<Request<'static>> {
        let of_device = self.groups.iter().filter(|group| group.device == device);
        let sound = |group: &Group| {
            (0..group.rows.len() as u32).find(|row| !group.refused.iter().any(|r| r.row == *row))
        };
        let single = of_device.clone().find_map(|group| group.singles(sound(group)));
        // All refused: any answer to the first will do.
        single.or_else(|| of_device.clone().find_map(|group| group.singles([0]))).map(|read| read.request())
    }

    /// Plans for the size that was agreed on.
    pub(super) fn agree(&mut self, pdu: u16, link: &Link) {
        let first = !std::mem::replace(&mut self.announced, true);
        for (index, group) in self.groups.iter_mut().enumerate() {
            let before = if first { 0 } else { group.reads.len() };
            group.set_pdu(pdu);
            link.group_requests(index, before, group.reads.len());
        }
    }

    /// Tells the link what a device refuses, after something changed in `group`.
    pub(super) fn tell_refused(&self, group: usize, link: &mut Link) {
        let Some(changed) = self.groups.get(group) else { return };
        let device = changed.device;
        let mut total: Vec<Quarantined> = Vec::new();
        for (index, known) in self.groups.iter().enumerate().filter(|(_, known)| known.device == device) {
            if let Some(why) = known.blocked {
                let address = known.regions().next().map_or_else(String::new, |region| region.words(0));
                let address = format!("everything from {address} on");
                total.push(Quarantined { address, points: Vec::new(), reason: why.to_owned() });
            }
            for refused in &known.refused {
                let Some(row) = known.row(refused.row) else { continue };
                total.push(link.refused_row(index, refused.row, row.place.words(), refused.why));
            }
        }
        link.quarantine(group, changed.refused.iter().map(|refused| refused.row).collect(), total);
    }

    async fn connect_and_talk(&mut self, link: &mut Link) -> Fault {
        let opened = link.open(super::session::open(&mut self.dial, self.settings)).await;
        match opened {
            Ok(opened) => self.talk(opened, link).await,
            Err(fault) => fault,
        }
    }
}

impl Driver for S7 {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn requests(&self, group: usize) -> Option<usize> {
        self.groups.get(group).map(|book| book.reads.len())
    }

    fn measured(&self) -> &str {
        &self.measured
    }

    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
        self.connect_and_talk(link).boxed()
    }
}
