//! Devices that fall silent, come back, are paused, or refuse addresses.

use super::{Link, Timer};
use crate::south::status::{DeviceState, LastError, Quarantined};
use model::event::severity;
use model::{Event, EventKind, Fault, Status};
use std::cmp::Reverse;
use tokio::time::Instant;

impl Link {
    pub(super) fn remember(&self, device: usize, fault: &Fault) {
        let whom = self.devices.get(device).map_or("", |book| book.name.as_str());
        self.shared.set_error(LastError::new(self.clock.now(), fault, whom));
    }

    pub(super) fn demote(&mut self, device: usize, fault: &Fault) {
        let Some(book) = self.devices.get_mut(device) else { return };
        book.demoted = true;
        book.generation += 1;
        book.backoff.reset();
        let name = book.name.clone();
        self.deactivate(device);
        for group in 0..self.groups.len() {
            if self.groups.get(group).is_some_and(|book| book.device == device) {
                self.show(group, self.lost_status(group));
            }
        }
        let at = self.clock.now();
        let source = format!("connection/{}", self.shared.name);
        let id = format!("{source}/{name}/silent/{:x}", at.0);
        let (title, meaning, next) = fault.words();
        let title = format!("Device {name} of {}: {title}", self.shared.name);
        let text =
            format!("{meaning} It is only probed from now on, so that it does not slow the other devices.");
        let event =
            Event::active(EventKind::Fault, id, source, at, severity::MEDIUM, title).explained(text, next);
        // Where it is the only device, the lost connection says the same; one event is enough.
        if self.devices.len() > 1
            && let Some(slot) = self.demotions.get_mut(device)
            && slot.is_none()
        {
            self.namespace.event(event.clone());
            *slot = Some(event);
        }
        self.schedule_probe(device);
        self.device_state(device, DeviceState::Demoted);
    }

    pub(super) fn schedule_probe(&mut self, device: usize) {
        let Some(book) = self.devices.get_mut(device) else { return };
        let wait = book.backoff.next();
        let timer = Timer::Probe { device, generation: book.generation };
        self.timers.push(Reverse((Instant::now() + wait, timer)));
        let at = self.clock.now().after(wait).millis_f64();
        self.shared.with_devices(|devices| {
            if let Some(status) = devices.get_mut(device) {
                status.next_probe_ms = Some(at);
            }
        });
    }

    pub(super) fn promote(&mut self, device: usize) {
        let Some(book) = self.devices.get_mut(device) else { return };
        if std::mem::take(&mut book.demoted) {
            book.generation += 1;
            book.backoff.reset();
            if !book.paused {
                self.activate(device);
            }
        }
        let at = self.clock.now();
        if let Some(event) = self.demotions.get_mut(device).and_then(Option::take) {
            self.namespace.event(event.cleared(at));
        }
        if self.devices.get(device).is_some_and(|book| !book.paused) {
            self.device_state(device, DeviceState::Ok);
        }
    }

    pub(super) fn device_state(&self, device: usize, state: DeviceState) {
        let at = self.clock.now().millis_f64();
        self.shared.with_devices(|devices| {
            if let Some(status) = devices.get_mut(device) {
                status.state = state;
                status.since = at;
                if state != DeviceState::Demoted {
                    status.next_probe_ms = None;
                }
            }
        });
    }

    /// Takes over what people asked about devices.
    pub(super) fn control(&mut self) {
        if !self.shared.take_control() {
            return;
        }
        for device in 0..self.devices.len() {
            let wanted = self.shared.is_device_paused(device);
            let Some(book) = self.devices.get_mut(device) else { continue };
            if book.paused == wanted {
                continue;
            }
            book.paused = wanted;
            book.failures = 0;
            if wanted {
                self.deactivate(device);
                for group in 0..self.groups.len() {
                    if self.groups.get(group).is_some_and(|book| book.device == device) {
                        self.show(group, Status::BAD_OUT_OF_SERVICE);
                    }
                }
                self.device_state(device, DeviceState::Paused);
            } else {
                self.resume(device);
            }
        }
    }

    pub(super) fn resume(&mut self, device: usize) {
        let Some(book) = self.devices.get_mut(device) else { return };
        book.demoted = false;
        book.answered = false;
        book.generation += 1;
        self.device_state(device, DeviceState::Waiting);
        if self.marked {
            for group in 0..self.groups.len() {
                if self.groups.get(group).is_some_and(|book| book.device == device) {
                    self.show(group, self.lost_status(group));
                }
            }
        } else {
            self.activate(device);
        }
    }

    pub(super) fn tell_quarantine(&mut self, device: usize, total: &[Quarantined]) {
        let at = self.clock.now();
        let Some(name) = self.devices.get(device).map(|book| book.name.clone()) else { return };
        let Some(slot) = self.quarantines.get_mut(device) else { return };
        let next = match (slot.take(), total.first()) {
            (Some(event), None) => {
                self.namespace.event(event.cleared(at));
                None
            }
            (None, None) => None,
            (before, Some(first)) => {
                let source = format!("connection/{}", self.shared.name);
                let id = format!("{source}/{name}/quarantine/{:x}", at.0);
                let what = match total.len() {
                    1 => format!("the address {}", first.address),
                    many => format!("{many} addresses, e.g. {}", first.address),
                };
                let title = format!("Device {name} of {} refuses {what}", self.shared.name);
                let text = format!("{} Their points are bad, all others are read.", first.reason);
                let fresh = Event::active(EventKind::Fault, id, source, at, severity::LOW, title).explained(
                    text,
                    "Compare the addresses with the device's manual; they are tried again from time to time.",
                );
                let mut event = match before {
                    Some(before) if before.title == fresh.title => before,
                    Some(before) => {
                        Event { id: before.id, start: before.start, revision: before.revision + 1, ..fresh }
                    }
                    None => fresh,
                };
                event.refs = total.iter().flat_map(|q| q.points.iter().cloned()).take(100).collect();
                self.namespace.event(event.clone());
                Some(event)
            }
        };
        if let Some(slot) = self.quarantines.get_mut(device) {
            *slot = next;
        }
    }
}
