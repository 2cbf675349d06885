//! The BACnet driver: what is known of each device, and what each request was for.

use super::build::{DeviceSpec, Endpoint, PointSpec, Whereabouts};
use super::cov::Subscription;
use super::group::Group;
use super::object::object_words;
use super::planner::{Limits, Read};
use super::socket::Door;
use crate::south::status::Quarantined;
use crate::south::tags::portions;
use crate::south::{DeviceLayout, Driver, GroupLayout, Job, Layout, Link, Writing};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::{Fault, Status, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::bacnet::Peer;

/// One endpoint.
pub(super) struct Bacnet {
    pub(super) door: Door,
    pub(super) endpoint: Endpoint,
    pub(super) units: Vec<Unit>,
    pub(super) groups: Vec<Group>,
    layout: Layout,
}

/// One device.
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) instance: u32,
    pub(super) place: Whereabouts,
    pub(super) lifetime: Duration,
    /// Where it is; `None` while that is to be found out.
    pub(super) peer: Option<Peer>,
    pub(super) facts: Facts,
    /// A request is under way.
    pub(super) busy: bool,
    /// Jobs that wait for their turn.
    pub(super) held: Vec<Job>,
    /// Why nothing can be read, as the device said when it was asked about itself.
    pub(super) wrong: Option<String>,
    /// Objects whose changes it is to tell.
    pub(super) subscriptions: Vec<Subscription>,
    /// A person has been told that it does not tell changes.
    pub(super) complained: bool,
}

/// What a device says of itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    /// Questions answered so far; [`Facts::ALL`] when it is known.
    pub(super) step: u8,
    pub(super) limits: Limits,
    /// Knows SubscribeCOV.
    pub(super) tells: bool,
}

impl Facts {
    pub(super) const ALL: u8 = 2;

    pub(super) const fn known(&self) -> bool {
        self.step >= Self::ALL
    }
}

/// One request under way.
pub(super) struct InFlight {
    /// Number of the exchange; `None` for a Who-Is, which has none.
    pub(super) invoke: Option<u8>,
    pub(super) device: usize,
    pub(super) sent: Instant,
    pub(super) deadline: Instant,
    pub(super) timeout: Duration,
    pub(super) purpose: Purpose,
}

/// Why a request was sent.
pub(super) enum Purpose {
    /// Where the device is.
    Locate,
    /// What it is.
    Learn,
    /// Whether it is back.
    Probe,
    /// A read of a scan.
    Scan { group: usize, run: u32, read: Arc<Read>, attempt: u32 },
    /// Whether a refused row answers by now.
    Recheck { group: usize, row: u32 },
    /// A subscription, begun or renewed.
    Subscribe { index: usize },
    /// A write.
    Write(Box<Writing>),
    /// The read-back of a write.
    Readback { writing: Box<Writing>, read: Read },
    /// Who holds the value instead, after it read back as another.
    Slots { writing: Box<Writing>, value: Value, status: Status },
}

impl Bacnet {
    /// `classes` are the scan classes by index; devices give up their points to groups.
    pub(super) fn new(
        door: Door,
        endpoint: Endpoint,
        classes: &[(String, Duration)],
        devices: Vec<DeviceSpec>,
    ) -> Self {
        let (mut groups, mut layouts, mut named, mut units) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (index, mut device) in devices.into_iter().enumerate() {
            let unit = format!("device {}{}", device.instance, device.place.words());
            named.push(DeviceLayout { name: device.name.clone(), unit, excluded: Vec::new() });
            // Properties of one object stand together: they share its head in a request.
            device.points.sort_by_key(|point| point.row.object);
            for (class, points) in
                portions(std::mem::take(&mut device.points), |point: &PointSpec| point.class)
            {
                let (name, period) = classes.get(class).cloned().unwrap_or_default();
                let indices = points.iter().map(|point| point.index).collect();
                layouts.push(GroupLayout { device: index, class: name, period, points: indices });
                groups.push(Group::new(index, points.into_iter().map(|point| point.row).collect()));
            }
            units.push(Unit::new(device, Subscription::of_device(&groups, index)));
        }
        let timing = endpoint.timing;
        let layout = timing.layout(named, layouts);
        Self { door, endpoint, units, groups, layout }
    }

    pub(super) fn groups_of(&mut self, device: usize) -> impl Iterator<Item = (usize, &mut Group)> {
        self.groups.iter_mut().enumerate().filter(move |(_, group)| group.device == device)
    }

    /// Forgets what is known of a device that does not answer: another may stand there next time.
    pub(super) fn forget(&mut self, device: usize) {
        let Some(unit) = self.units.get_mut(device) else { return };
        unit.facts = Facts::default();
        if matches!(unit.place, Whereabouts::Network(_) | Whereabouts::Anywhere) {
            unit.peer = None;
        }
        self.untell(device, Instant::now());
    }

    /// What a device takes, for all its groups.
    pub(super) fn settle_limits(&mut self, device: usize) {
        let Some(limits) = self.units.get(device).map(|unit| unit.facts.limits) else { return };
        self.groups_of(device).for_each(|(_, group)| group.set_limits(limits));
    }

    /// Tells the link what a device refuses, after something changed in `group`.
    pub(super) fn tell_refused(&self, group: usize, link: &mut Link) {
        let Some(changed) = self.groups.get(group) else { return };
        let mut total: Vec<Quarantined> = Vec::new();
        for (index, known) in
            self.groups.iter().enumerate().filter(|(_, known)| known.device == changed.device)
        {
            if let Some(why) = &known.blocked {
                let address = "every object".to_owned();
                total.push(Quarantined { address, points: Vec::new(), reason: why.clone() });
            }
            for refused in &known.refused {
                let Some(row) = known.row(refused.row) else { continue };
                let address = object_words(row.object);
                total.push(link.refused_row(index, refused.row, address, refused.why.clone()));
            }
        }
        link.quarantine(group, changed.refused.iter().map(|refused| refused.row).collect(), total);
    }
}

impl Unit {
    fn new(device: DeviceSpec, subscriptions: Vec<Subscription>) -> Self {
        Self {
            name: device.name,
            instance: device.instance,
            place: device.place,
            lifetime: device.cov_lifetime,
            peer: None,
            facts: Facts::default(),
            busy: false,
            held: Vec::new(),
            wrong: None,
            subscriptions,
            complained: false,
        }
    }
}

impl Driver for Bacnet {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn requests(&self, group: usize) -> Option<usize> {
        self.groups.get(group).map(Group::expected)
    }

    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
        self.connect_and_talk(link).boxed()
    }
}
