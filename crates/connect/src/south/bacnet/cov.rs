//! Changes that devices tell: subscribed, renewed at half their time, and polled instead where that does not work.
//!
//! ```text
//!  Idle ─ due ─▶ asked ─ taken ─▶ Live ─ half its time ─▶ asked again
//!   ▲              └ refused: lists full, not known ─┐      │
//!   └──────────── after `recheck`, polled meanwhile ─┴──────┴ taken, but nothing is told
//! ```
//! Rationale: each subscription, also a renewed one, is answered with a notification at once (13.14.2); so silence shows
//! after each renewal. Notifications are confirmed ones: over UDP others may be lost unseen.

use super::driver::{Bacnet, Purpose, Unit};
use super::group::{Flags, Group, judge};
use super::session::{Talk, launch};
use crate::south::{Arrival, Link, Origin};
use model::{Event, EventKind};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;
use wire::bacnet::table::{class, property};
use wire::bacnet::{Answer, CovNotification, Exchange, ObjectId, Peer, Request};

/// Our number among a device's subscribers: the same after a restart, so that the old subscription is taken over.
const PROCESS: u32 = 27;
/// How long after a yes the first notification may take, at least.
const GRACE: Duration = Duration::from_secs(5);

/// One object whose changes are to be told.
#[derive(Debug)]
pub(super) struct Subscription {
    object: ObjectId,
    /// Group and row of the points that show it.
    rows: Vec<(usize, u32)>,
    state: State,
    /// Something was told since it was asked for last.
    heard: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not subscribed; asked for when this time has come.
    Idle(Instant),
    /// Asked for.
    Asked,
    /// Taken.
    Live { renew: Instant, by: Option<Instant> },
}

impl Subscription {
    /// Those of a device.
    pub(super) fn of_device(groups: &[Group], device: usize) -> Vec<Self> {
        let mut objects: BTreeMap<ObjectId, Vec<(usize, u32)>> = BTreeMap::new();
        for (group, book) in groups.iter().enumerate().filter(|(_, book)| book.device == device) {
            for (row, point) in (0..).zip(&book.rows).filter(|(_, point)| point.cov) {
                objects.entry(point.object).or_default().push((group, row));
            }
        }
        let now = Instant::now();
        let idle = |(object, rows)| Self { object, rows, state: State::Idle(now), heard: false };
        objects.into_iter().map(idle).collect()
    }

    const fn due(&self) -> Option<Instant> {
        match self.state {
            State::Idle(at) => Some(at),
            State::Asked => None,
            State::Live { renew, by: None } => Some(renew),
            State::Live { by: Some(by), .. } => Some(by),
        }
    }
}

impl Bacnet {
    /// Everything of a device is read again, and asked for anew from `at` on.
    pub(super) fn untell(&mut self, device: usize, at: Instant) {
        let Some(unit) = self.units.get_mut(device) else { return };
        for subscription in &mut unit.subscriptions {
            subscription.state = State::Idle(at);
            for (group, row) in &subscription.rows {
                if let Some(book) = self.groups.get_mut(*group) {
                    book.set_told(*row, false);
                }
            }
        }
    }

    fn set_told(&mut self, device: usize, index: usize, told: bool) {
        let rows =
            self.units.get(device).and_then(|unit| unit.subscriptions.get(index)).map(|one| one.rows.clone());
        for (group, row) in rows.into_iter().flatten() {
            if let Some(book) = self.groups.get_mut(group) {
                book.set_told(row, told);
            }
        }
    }

    /// When the next subscription of a device that could be asked is due.
    pub(super) fn cov_due(&self, link: &Link) -> Option<Instant> {
        let free = |(device, unit): &(usize, &Unit)| may_subscribe(unit) && link.is_active(*device);
        let units = self.units.iter().enumerate().filter(free);
        units.flat_map(|(_, unit)| unit.subscriptions.iter().filter_map(Subscription::due)).min()
    }

    /// Sends one subscription that is due. Returns whether there was one.
    pub(super) fn start_cov(&mut self, now: Instant, talk: &mut Talk, link: &mut Link) -> bool {
        for device in 0..self.units.len() {
            let Some(unit) = self.units.get(device) else { continue };
            if !may_subscribe(unit) || !link.is_active(device) {
                continue;
            }
            let due = |one: &Subscription| one.due().is_some_and(|at| at <= now);
            while let Some(index) =
                self.units.get(device).and_then(|unit| unit.subscriptions.iter().position(due))
            {
                if self.ask(device, index, now, talk, link) {
                    return true;
                }
            }
        }
        false
    }

    /// Asks for a subscription, or finds that it is silent. Returns whether something was sent.
    fn ask(&mut self, device: usize, index: usize, now: Instant, talk: &mut Talk, link: &mut Link) -> bool {
        let Some(unit) = self.units.get_mut(device) else { return false };
        let seconds = u32::try_from(unit.lifetime.as_secs()).unwrap_or(u32::MAX);
        let Some(one) = unit.subscriptions.get_mut(index) else { return false };
        if matches!(one.state, State::Live { by: Some(by), .. } if by <= now) {
            let why = "it takes subscriptions, but tells nothing";
            self.give_up(device, index, now, why, link);
            return false;
        }
        (one.state, one.heard) = (State::Asked, false);
        let subscribe = Some((seconds, true));
        let request = Request::SubscribeCov { process: PROCESS, object: one.object, subscribe };
        launch(self, device, &request, Purpose::Subscribe { index }, talk, link)
    }

    /// The object is polled; a person is told once.
    fn give_up(&mut self, device: usize, index: usize, now: Instant, why: &str, link: &Link) {
        self.set_told(device, index, false);
        let again = now + self.endpoint.timing.recheck;
        let Some(unit) = self.units.get_mut(device) else { return };
        if let Some(one) = unit.subscriptions.get_mut(index) {
            one.state = State::Idle(again);
        }
        self.complain(device, why, link);
    }

    /// A device that knows no subscriptions is polled; a person is told.
    pub(super) fn say_if_mute(&mut self, device: usize, link: &Link) {
        let Some(unit) = self.units.get(device) else { return };
        if !unit.facts.tells && !unit.subscriptions.is_empty() {
            self.complain(device, "it does not know the service", link);
        }
    }

    fn complain(&mut self, device: usize, why: &str, link: &Link) {
        let Some(unit) = self.units.get_mut(device) else { return };
        if std::mem::replace(&mut unit.complained, true) {
            return;
        }
        let at = link.clock().now();
        let source = format!("connection/{}", link.name());
        let id = format!("{source}/{}/cov/{:x}", unit.name, at.0);
        let title = format!("Device {} of {} does not tell changes: {why}", unit.name, link.name());
        let meaning = "The points concerned are read with their scan class instead; nothing is lost.";
        let next =
            "If its list is full, other clients hold it: write cov = true only on the tags that need it.";
        let event = Event::info(EventKind::Fault, id, source, at, title);
        link.namespace().event(event.explained(meaning, next));
    }

    pub(super) fn conclude_subscribe(&mut self, device: usize, index: usize, answer: &Answer, link: &Link) {
        let now = Instant::now();
        let grace = (self.endpoint.timing.timeout * (self.endpoint.timing.retries + 1)).max(GRACE);
        match answer {
            Answer::Done => {
                let Some(unit) = self.units.get_mut(device) else { return };
                let renew = now + unit.lifetime / 2;
                let Some(one) = unit.subscriptions.get_mut(index) else { return };
                one.state = State::Live { renew, by: (!one.heard).then_some(now + grace) };
                if one.heard {
                    unit.complained = false;
                }
            }
            Answer::Error { class, code } => {
                self.give_up(device, index, now, &super::group::error_words(*class, *code), link);
                if *class != class::OBJECT {
                    self.hold_back(device, now);
                }
            }
            Answer::Reject(reason) => {
                let words = wire::bacnet::table::reject_reason(*reason).unwrap_or("it rejects it");
                self.give_up(device, index, now, words, link);
                self.hold_back(device, now);
            }
            Answer::Abort(_) | Answer::Data(_) | Answer::Broken(_) => {
                self.give_up(device, index, now, "it breaks the exchange off", link);
            }
        }
    }

    /// What is not subscribed yet would be refused as well: it is left for the next re-check.
    fn hold_back(&mut self, device: usize, now: Instant) {
        let again = now + self.endpoint.timing.recheck;
        for one in self.units.get_mut(device).into_iter().flat_map(|unit| &mut unit.subscriptions) {
            if matches!(one.state, State::Idle(at) if at < again) {
                one.state = State::Idle(again);
            }
        }
    }

    /// No answer to a subscription: it is polled, and asked for again soon.
    pub(super) fn subscription_lost(&mut self, device: usize, index: usize) {
        self.set_told(device, index, false);
        let soon = Instant::now() + GRACE;
        let one = self.units.get_mut(device).and_then(|unit| unit.subscriptions.get_mut(index));
        if let Some(one) = one {
            one.state = State::Idle(soon);
        }
    }

    /// A device tells a change.
    pub(super) fn told(
        &mut self,
        from: &Peer,
        notification: &CovNotification,
        confirm: Option<u8>,
        talk: &mut Talk,
        link: &mut Link,
    ) {
        let known = |unit: &Unit| {
            let ours =
                notification.process == PROCESS && notification.device == ObjectId::device(unit.instance);
            ours && unit.peer.as_ref() == Some(from)
        };
        let found = self.units.iter().position(known).and_then(|device| {
            let subscriptions = &self.units.get(device)?.subscriptions;
            Some((device, subscriptions.iter().position(|one| one.object == notification.object)?))
        });
        let reply = |datagram: Vec<u8>| (from.at, datagram);
        let Some((device, index)) = found else {
            link.late();
            talk.out.extend(confirm.map(|invoke| reply(Exchange::disown(from, invoke))));
            return;
        };
        talk.out.extend(confirm.map(|invoke| reply(Exchange::acknowledge(from, invoke))));
        link.alive(device);
        let Some(one) = self.units.get_mut(device).and_then(|unit| unit.subscriptions.get_mut(index)) else {
            return;
        };
        one.heard = true;
        if let State::Live { by, .. } = &mut one.state {
            *by = None;
        }
        let faulty = self.show(device, index, notification, link);
        // What is wrong with it only a read tells: it is polled until it is sound.
        self.set_told(device, index, !faulty);
    }

    /// Publishes a notification. Returns whether the object has a fault.
    fn show(&self, device: usize, index: usize, notification: &CovNotification, link: &mut Link) -> bool {
        let of = |wanted| {
            let found =
                notification.values.iter().find(|(number, index, _)| *number == wanted && index.is_none());
            found.map(|(_, _, values)| values.as_slice())
        };
        let flags = of(property::STATUS_FLAGS).and_then(Flags::of).unwrap_or_default();
        let rows = self
            .units
            .get(device)
            .and_then(|unit| unit.subscriptions.get(index))
            .map(|one| one.rows.as_slice());
        for (group, row) in rows.unwrap_or_default() {
            let point = self.groups.get(*group).and_then(|book| book.row(*row));
            // After a pause or a loss, the next scan reads everything.
            if let (Some(point), Some(values), false) =
                (point, of(property::PRESENT_VALUE), link.shows_loss(*group))
            {
                let (value, status) = judge(point.codec.decode(values), flags, None);
                link.arrived(*group, Origin::LIVE, vec![Arrival { row: *row, value, status, source: None }]);
            }
        }
        flags.fault
    }
}

/// Known, free, and not said to be unable.
fn may_subscribe(unit: &Unit) -> bool {
    unit.facts.known() && unit.facts.tells && !unit.busy && unit.peer.is_some()
}
