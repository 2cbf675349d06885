//! Devices and points that nobody wrote down: they show up while the connection runs, at a broker or in a device's own
//! list, and are declared then.
//!
//! ```text
//!  driver ─ Link::add_device ─▶ a row on the page
//!         ─ Link::declare ─────▶ namespace::declare_found ─▶ numbers (on disk) ─▶ group and row of each
//!         ─ Link::arrived ─────▶ as any other point
//! ```
//! Rationale: everything else of the link (loss, pause, counters) treats them like written ones, but they are read-only:
//! what may be written is written down. What bounds them is the driver's configuration; `names` makes segments of their
//! names; and a connection claims the place below which they appear, so that no other file puts a point there.

use super::Link;
use crate::south::DeviceLayout;
use crate::south::counters::add;
use crate::south::device::{Device, Group};
use crate::south::tags::GROUP_POINTS;
use model::{Declaration, Fault, PointId, Shape, Value};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// Class of groups that are not scanned.
pub const ARRIVES: &str = "arrives";

/// Where a declared point is in its link.
pub type Seat = (usize, u32);

impl Link {
    /// Takes in a device that showed up. The driver bounds how many.
    pub fn add_device(&mut self, layout: DeviceLayout) -> usize {
        let index = self.devices.len();
        self.devices.push(Device::new(layout.name.clone()));
        self.demotions.push(None);
        self.quarantines.push(None);
        self.shared.add_device(layout, self.clock.now());
        index
    }

    /// Declares points that showed up at a device, and those that have changed. Group and row of each; `None` where
    /// another connection feeds the path, which is counted. The driver bounds how many.
    ///
    /// # Errors
    /// The numbers could not be kept; then nothing was declared.
    pub async fn declare(
        &mut self,
        device: usize,
        wanted: Vec<Declaration>,
    ) -> Result<Vec<Option<Seat>>, Fault> {
        let namespace = self.namespace.clone();
        // The numbers are on disk before anybody hears of them.
        let declared = tokio::task::spawn_blocking(move || namespace.declare_found(wanted)).await;
        let ids = match declared {
            Ok(Ok(ids)) => ids,
            Ok(Err(why)) => return Err(Fault::Config(why.to_string().into())),
            Err(_) => return Err(Fault::Lost("the points could not be declared".into())),
        };
        let mut fresh = Vec::new();
        for id in ids.iter().flatten() {
            if self.place(*id).is_none() {
                fresh.push(*id);
            }
        }
        self.seat(device, &fresh);
        self.shared.add_points(&ids.iter().flatten().copied().collect::<Vec<_>>());
        let refused = ids.iter().filter(|id| id.is_none()).count();
        add(&self.shared.counters.no_room, refused as u64);
        Ok(ids.into_iter().map(|id| self.place(id?)).collect())
    }

    /// Points that are there no more: out of the live tree, their history stays.
    pub fn retire(&mut self, seats: &[Seat]) {
        let gone: Vec<PointId> = seats.iter().filter_map(|(group, row)| self.point(*group, *row)).collect();
        self.namespace.retire(&gone);
        self.shared.remove_points(&gone);
    }

    /// A device says that it is gone, or somebody says so for it.
    pub fn silent(&mut self, device: usize, fault: &Fault) {
        if self.devices.get(device).is_some_and(|book| !book.demoted) {
            self.remember(device, fault);
            self.demote(device, fault);
        }
    }

    /// Something came that no point reads.
    pub fn unclaimed(&self, count: usize) {
        add(&self.shared.counters.unclaimed, count as u64);
    }

    /// Values came once more.
    pub fn repeated(&self, count: usize) {
        add(&self.shared.counters.repeated, count as u64);
    }

    /// Counts what is not let in, wherever that is decided.
    pub fn rejecting(&self) -> impl Fn() + Send + Sync + 'static {
        let shared = self.shared.clone();
        move || _ = shared.counters.rejected.fetch_add(1, Relaxed)
    }

    /// Counts what there is no room for, wherever that is decided.
    pub fn crowding(&self) -> impl Fn() + Send + Sync + 'static {
        let shared = self.shared.clone();
        move || _ = shared.counters.no_room.fetch_add(1, Relaxed)
    }

    /// Something came for which there is no room.
    pub fn no_room(&self, count: usize) {
        add(&self.shared.counters.no_room, count as u64);
    }

    /// Gives points a row in a group of their device.
    fn seat(&mut self, device: usize, fresh: &[PointId]) {
        let mut fresh = fresh;
        while !fresh.is_empty() {
            let own = |book: &Group| book.device == device && book.period.is_zero();
            let room = self.groups.iter().rposition(|book| own(book) && book.points().len() < GROUP_POINTS);
            let group = room.unwrap_or_else(|| self.add_group(device));
            let Some(book) = self.groups.get_mut(group) else { return };
            let before = book.points().len();
            let (now, later) = fresh.split_at(fresh.len().min(GROUP_POINTS - before));
            let known = self.namespace.last_of(now);
            book.ever_read |= known.iter().flatten().any(|last| last.value != Value::None);
            // Rows never move: what the group remembers of parts of it stays right.
            book.shape = Shape::new([book.points(), now].concat());
            self.places.extend((before as u32..).zip(now).map(|(row, id)| (*id, (group, row))));
            fresh = later;
        }
    }

    fn add_group(&mut self, device: usize) -> usize {
        let class = self.shared.class_index(ARRIVES);
        self.groups.push(Group::new(device, class, Duration::ZERO, Duration::ZERO, Shape::new(Vec::new())));
        self.groups.len() - 1
    }

    /// What is remembered of points that showed up earlier and had a value within `since`: they are known again, with
    /// the value they had, until they show up anew.
    pub fn remembered(&self, since: Duration) -> Vec<Arc<Declaration>> {
        let oldest = self.clock.now().before(since);
        let recent = |point: &Arc<Declaration>| {
            let last = self.namespace.find(point.path.as_str()).and_then(|id| self.namespace.last(id));
            last.is_some_and(|last| last.good >= oldest)
        };
        self.namespace.remembered(&self.shared.name).into_iter().filter(recent).collect()
    }
}
