//! Connections, one after the other, each with its way back.

use super::super::{House, Running};
use super::How;
use super::gate::Watched;
use crate::plant::{Connection, Loaded, Marks};
use connect::south;
use connect::south::status::State;
use connect::{north, south::Handle};
use model::{Declaration, PointId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use web::shapes::AppliedShape;

/// Units of the first wave; each wave has four times as many as the one before.
const FIRST_WAVE: usize = 1;

/// What has to be done to go back.
#[derive(Default)]
pub(super) struct Undo {
    held: Vec<Held>,
    opened: Vec<String>,
    destinations: Vec<(String, Running<north::Handle>)>,
    opened_destinations: Vec<String>,
    pub(super) place: Option<(std::path::PathBuf, model::Path)>,
}

/// A connection as it was: closed, but not gone.
struct Held {
    name: String,
    running: Running<Handle>,
    declared: Vec<Arc<Declaration>>,
    paused: bool,
}

/// How the touched connections were before.
struct Before {
    /// Points that were Good.
    good: HashSet<PointId>,
    /// Connections that were connected.
    connected: HashSet<String>,
    /// What a person had paused: whole connections, and devices of them.
    paused: HashSet<String>,
    devices: HashMap<String, Vec<String>>,
}

impl Undo {
    pub(super) fn destination(&mut self, name: String, old: Running<north::Handle>) {
        self.destinations.push((name, old));
    }

    pub(super) fn opened_destination(&mut self, name: &str) {
        self.opened_destinations.push(name.to_owned());
    }
}

impl House {
    /// Closes what is gone, then brings in what is new or changed: the smallest first, in growing waves.
    pub(super) async fn change_connections(
        self: &Arc<Self>,
        mut fresh: Vec<Loaded<Connection>>,
        kept: &Marks,
        how: How,
        undo: &mut Undo,
        done: &mut AppliedShape,
    ) -> Result<(), String> {
        let before = self.before(kept);
        let changed: HashSet<String> = fresh.iter().map(|one| one.name.clone()).collect();
        let gone: Vec<String> = {
            let running = self.connections.lock();
            running
                .keys()
                .filter(|name| !kept.contains_key(*name) && !changed.contains(*name))
                .cloned()
                .collect()
        };
        for name in gone {
            self.hold(name, undo).await;
        }
        fresh.sort_by_key(|one| one.it.built.points.len());
        let mut wave = FIRST_WAVE;
        let mut rest = fresh.into_iter();
        loop {
            let units: Vec<Loaded<Connection>> = rest.by_ref().take(wave).collect();
            if units.is_empty() {
                return Ok(());
            }
            wave = wave.saturating_mul(4);
            let names: Vec<String> = units.iter().map(|one| one.name.clone()).collect();
            for name in &names {
                self.hold(name.clone(), undo).await;
                undo.opened.push(name.clone());
            }
            let since = self.namespace.journal().head();
            self.start_connections(units)?;
            let watched = names.iter().filter_map(|name| self.watched(name, &before, since)).collect();
            self.wait_healthy(watched, how, done).await?;
        }
    }

    fn before(&self, kept: &Marks) -> Before {
        let mut before = Before {
            good: HashSet::new(),
            connected: HashSet::new(),
            paused: HashSet::new(),
            devices: HashMap::new(),
        };
        let running = self.connections.lock();
        for (name, one) in running.iter().filter(|(name, _)| !kept.contains_key(*name)) {
            match one.handle.state() {
                State::Connected => drop(before.connected.insert(name.clone())),
                State::Paused => drop(before.paused.insert(name.clone())),
                _ => {}
            }
            before.devices.insert(name.clone(), one.handle.paused_devices());
            let points = one.handle.points();
            self.namespace.visit(&points, |index, _, last| {
                if last.status.is_good() {
                    before.good.extend(points.get(index));
                }
            });
        }
        before
    }

    async fn hold(&self, name: String, undo: &mut Undo) {
        let Some(mut running) = self.connections.lock().remove(&name) else { return };
        let paused = running.handle.state() == State::Paused;
        running.handle.hold().await;
        let declared = running.handle.points().iter().filter_map(|id| self.namespace.meta(*id)).collect();
        undo.held.push(Held { name, running, declared, paused });
    }

    /// What has to be as good as before of a connection that was just started. What a person had paused stays so.
    fn watched(&self, name: &str, before: &Before, since: model::Position) -> Option<Watched> {
        let running = self.connections.lock();
        let handle = &running.get(name)?.handle;
        if before.paused.contains(name) {
            handle.pause();
            return None;
        }
        let paused = before.devices.get(name).map(Vec::as_slice).unwrap_or_default();
        for device in paused {
            handle.pause_device(device, true);
        }
        let good = handle.points().iter().copied().filter(|id| before.good.contains(id)).collect();
        Some(Watched::connection(name, before.connected.contains(name), good, since))
    }

    /// Declares all points in one go (one sync of the catalogue instead of one a connection), then starts.
    pub(in crate::house) fn start_connections(&self, wanted: Vec<Loaded<Connection>>) -> Result<(), String> {
        let all: Vec<_> = wanted.iter().flat_map(|one| one.it.built.points.iter().cloned()).collect();
        self.namespace.declare(all).map_err(|why| why.to_string())?;
        for mut one in wanted {
            if !self.watching.is_on() {
                // Nobody looks at the wire: plans of a large plant are not kept for nothing.
                one.it.built.expected = Vec::new();
            }
            let handle = south::run(&one.name, one.it.kind, one.it.built, &self.namespace, &self.wheel)
                .map_err(|why| why.to_string())?;
            let running = Running { mark: one.mark, handle };
            self.connections.lock().insert(one.name, running);
        }
        Ok(())
    }

    /// The change has proved itself: what it replaced ends, and points that nothing feeds any more leave.
    pub(super) async fn settle(&self, undo: Undo) {
        let mut gone: HashSet<PointId> = HashSet::new();
        for held in undo.held {
            gone.extend(held.running.handle.points().iter());
            held.running.handle.stop().await;
        }
        {
            let running = self.connections.lock();
            for name in &undo.opened {
                let fed = running.get(name).map(|one| one.handle.points()).unwrap_or_default();
                for id in fed.iter() {
                    gone.remove(id);
                }
            }
        }
        self.namespace.retire(&gone.into_iter().collect::<Vec<_>>());
        let running: HashSet<String> = self.destinations.lock().keys().cloned().collect();
        for (name, old) in undo.destinations {
            if !running.contains(&name) {
                old.handle.forget();
            }
        }
    }

    /// Everything is as it was before.
    pub(super) async fn go_back(&self, undo: Undo) {
        for name in undo.opened_destinations {
            let new = self.destinations.lock().remove(&name);
            if let Some(new) = new {
                new.handle.stop().await;
            }
        }
        // All that is new goes first: a point may have moved from one connection to another.
        for name in undo.opened {
            let new = self.connections.lock().remove(&name);
            if let Some(new) = new {
                let points = new.handle.points().to_vec();
                new.handle.stop().await;
                self.namespace.retire(&points);
            }
        }
        for held in undo.held {
            if let Err(why) = self.namespace.declare(held.declared) {
                tracing::error!(connection = held.name, %why, "its points could not be declared as they were");
            }
            held.running.handle.take_back();
            if held.paused {
                held.running.handle.pause();
            } else {
                held.running.handle.resume();
            }
            self.connections.lock().insert(held.name, held.running);
        }
        let Some(place) = undo.place else { return };
        for (name, old) in undo.destinations {
            if let Err(why) = self.bring_back_destination(&place, name.clone(), old) {
                tracing::error!(
                    destination = name,
                    why,
                    "it could not be brought back; apply its file again"
                );
            }
        }
    }
}
