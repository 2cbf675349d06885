//! The Modbus driver: what is known of the endpoint, and what each job means on the wire.

use super::address;
use super::group::{Group, Read, Row};
use super::rtu::{Collector, Owed};
use super::spec::{DeviceSpec, PointSpec, Timing, table_number};
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
use wire::modbus::{Request, Table};

/// How frames are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// MBAP header with transaction id.
    Tcp,
    /// Unit, CRC and silence; the silence to keep.
    Rtu {
        /// Between an answer and the next request, and after a time-out.
        silence: Duration,
    },
}

/// One endpoint.
pub(super) struct Modbus {
    dial: Dial,
    pub(super) framing: Framing,
    pub(super) timing: Timing,
    pub(super) devices: Vec<DeviceSpec>,
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
    pub(super) transaction: u16,
    pub(super) device: usize,
    pub(super) unit: u8,
    pub(super) request: Request,
    pub(super) sent: Instant,
    pub(super) deadline: Instant,
    pub(super) timeout: Duration,
    pub(super) purpose: Purpose,
}

/// One request to be sent.
pub(super) struct Ask {
    pub(super) device: usize,
    pub(super) request: Request,
    pub(super) purpose: Purpose,
    pub(super) timeout: Duration,
}

/// Why a request was sent.
pub(super) enum Purpose {
    /// A read of a scan.
    Scan { group: usize, run: u32, read: Arc<Read>, attempt: u32 },
    /// Whether a device is back.
    Probe,
    /// Whether a refused row answers by now.
    Recheck { group: usize, row: u32 },
    /// A write.
    Write(Box<Writing>),
    /// The read-back of a write.
    Readback(Box<Writing>),
    /// A question in another form, before the one that stands in `then`.
    Settle { then: Box<(Request, Purpose)> },
}

/// What lives as long as one connection.
pub(super) struct Session {
    pub(super) inflight: Vec<InFlight>,
    pub(super) transaction: u16,
    /// Nothing is sent before.
    pub(super) quiet_until: Instant,
    /// Bytes are discarded until then; moved on by each byte.
    pub(super) draining: Option<Draining>,
    pub(super) collector: Collector,
    pub(super) owed: Owed,
    /// Frames that answered nothing since the last that did.
    pub(super) strangers: u32,
    /// Read-backs that wait a moment.
    pub(super) delayed: Vec<(Instant, Box<Writing>)>,
    pub(super) out: Vec<u8>,
    /// Our end and the device's, where answers are told of.
    pub(super) ends: Option<Ends>,
}

/// Discarding until silence.
pub(super) struct Draining {
    pub(super) until: Instant,
    pub(super) give_up: Instant,
    /// Something has come.
    pub(super) heard: bool,
}

impl Session {
    pub(super) fn new(quiet_until: Instant) -> Self {
        Self {
            inflight: Vec::new(),
            transaction: 0,
            quiet_until,
            draining: None,
            collector: Collector::default(),
            owed: Owed::default(),
            strangers: 0,
            delayed: Vec::new(),
            out: Vec::with_capacity(300),
            ends: None,
        }
    }
}

impl Modbus {
    /// `classes` are the scan classes by index; devices give up their points to groups.
    pub(super) fn new(
        dial: Dial,
        framing: Framing,
        timing: Timing,
        classes: &[(String, Duration)],
        mut devices: Vec<DeviceSpec>,
    ) -> Self {
        let mut groups = Vec::new();
        let mut layouts = Vec::new();
        for (index, device) in devices.iter_mut().enumerate() {
            let mut points = std::mem::take(&mut device.points);
            points.sort_by_key(|point| (table_number(point.table), point.item.first));
            for (class, points) in portions(points, |point: &PointSpec| point.class) {
                let (name, period) = classes.get(class).cloned().unwrap_or_default();
                let indices = points.iter().map(|point| point.index).collect();
                layouts.push(GroupLayout { device: index, class: name, period, points: indices });
                groups.push(Group::new(index, device, points));
            }
        }
        let layout = timing.shared.layout(devices.iter().map(device_layout).collect(), layouts);
        let (measured, witness) = (String::new(), Arc::default());
        Self { dial, framing, timing, devices, groups, layout, announced: false, measured, witness }
    }

    pub(super) fn window(&self) -> usize {
        if self.framing == Framing::Tcp { self.timing.pipeline } else { 1 }
    }

    pub(super) fn row(&self, group: usize, row: u32) -> Option<&Row> {
        self.groups.get(group)?.row(row)
    }

    /// Whether the configuration allows touching these addresses.
    pub(super) fn allowed(&self, device: usize, table: Table, first: u16, count: u16) -> bool {
        self.devices.get(device).is_some_and(|device| {
            count <= device.rules(table).max_size && !device.barriers(table).excludes(first, count)
        })
    }

    /// The cheapest read of a device: its first point that is not refused.
    pub(super) fn probe(&self, device: usize) -> Option<Request> {
        let of_device = self.groups.iter().filter(|group| group.device == device);
        let row = |group: &Group| {
            (0..group.rows.len() as u32).find(|row| !group.refused.iter().any(|r| r.row == *row))
        };
        let single = of_device.clone().find_map(|group| group.single(row(group)?));
        // All refused: any answer to the first will do.
        single.or_else(|| of_device.clone().find_map(|group| group.single(0))).map(|read| read.request())
    }

    /// Tells the link what a device refuses, after something changed in `group`.
    pub(super) fn tell_refused(&self, group: usize, link: &mut Link) {
        let Some(changed) = self.groups.get(group) else { return };
        let device = changed.device;
        let mut total: Vec<Quarantined> = Vec::new();
        for (index, known) in self.groups.iter().enumerate().filter(|(_, known)| known.device == device) {
            for refused in &known.refused {
                let Some(row) = known.row(refused.row) else { continue };
                let last = row.item.first.saturating_add(row.item.width.saturating_sub(1));
                let address = address::both(row.table, row.item.first, last);
                total.push(link.refused_row(index, refused.row, address, refused.code.sentence()));
            }
        }
        link.quarantine(group, changed.refused.iter().map(|refused| refused.row).collect(), total);
    }

    fn announce(&mut self, link: &Link) {
        if !std::mem::replace(&mut self.announced, true) {
            for (index, group) in self.groups.iter().enumerate() {
                link.group_requests(index, 0, group.reads.len());
            }
        }
    }

    async fn connect_and_exchange(&mut self, link: &mut Link) -> Fault {
        self.announce(link);
        let opened = link.open(self.dial.open(self.timing.shared.connect_timeout)).await;
        match opened {
            Ok(stream) => self.exchange(stream, link).await,
            Err(fault) => fault,
        }
    }
}

impl Driver for Modbus {
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
        self.connect_and_exchange(link).boxed()
    }
}

fn device_layout(device: &DeviceSpec) -> DeviceLayout {
    let word = |number: u8| match number {
        0 => Table::Coils,
        1 => Table::DiscreteInputs,
        3 => Table::InputRegisters,
        _ => Table::HoldingRegisters,
    };
    let excluded = device.exclude.iter().flat_map(|(table, ranges)| {
        ranges.iter().map(move |(from, to)| address::both(word(*table), *from, *to))
    });
    DeviceLayout { name: device.name.clone(), unit: device.unit.to_string(), excluded: excluded.collect() }
}
