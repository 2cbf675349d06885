//! One change at a time, and only what changed: connections and destinations with another fingerprint.

use super::{Facts, House, Running};
use crate::plant::{Connection, Loaded, Plant, Switch};
use connect::{north, south};
use model::{Event, EventKind, PointId, event::severity};
use namespace::{Entry, Ledger};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// What an `apply` did, for people.
#[derive(Debug, Default)]
pub struct Summary {
    opened: Vec<String>,
    closed: Vec<String>,
    reopened: Vec<String>,
    kept: usize,
    notes: Vec<String>,
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        write!(
            f,
            "opened: {}; changed: {}; closed: {}; untouched: {}",
            list(&self.opened),
            list(&self.reopened),
            list(&self.closed),
            self.kept
        )?;
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

impl House {
    /// Brings what runs in line with `plant`; `who` asked for it.
    ///
    /// # Errors
    /// In words; then the rest of the plant runs on as it was.
    pub async fn apply(self: &Arc<Self>, plant: Plant, who: &str) -> Result<Summary, String> {
        let _one_at_a_time = self.applying.lock().await;
        let facts = self.facts.load_full();
        if plant.site.folded() != facts.site.folded() {
            return Err(format!(
                "enterprise/site cannot change while it runs ({} to {}): every path would; stop Ironbridge and start it again",
                facts.site, plant.site
            ));
        }
        let mut summary = Summary::default();
        self.namespace.journal().flush().map_err(|why| why.to_string())?;
        self.apply_writes(&plant, who, &mut summary)?;
        self.facts.store(Arc::new(Facts::of(&plant, facts.simulated, facts.address.clone())));
        let Plant { connections, destinations, site, .. } = plant;
        self.apply_connections(connections, &mut summary).await?;
        self.apply_destinations(destinations, &site, &mut summary).await?;
        self.record(who, "apply", "configuration", "done", summary.to_string())?;
        let at = self.clock.now();
        let mut event = Event::info(EventKind::Change, format!("apply/{}", at.0), "configuration", at, format!("{who} applied the configuration"));
        event.text = summary.to_string();
        self.namespace.event(event);
        Ok(summary)
    }

    pub(crate) fn record(&self, actor: &str, action: &str, object: &str, outcome: &str, detail: String) -> Result<(), String> {
        let (actor, action) = (actor.to_owned(), action.to_owned());
        let entry = Entry { actor, action, object: object.to_owned(), outcome: outcome.to_owned(), detail };
        tokio::task::block_in_place(|| self.access.record(entry))
    }

    /// Writing is turned on only after it was written down who did it.
    fn apply_writes(&self, plant: &Plant, who: &str, summary: &mut Summary) -> Result<(), String> {
        let on = plant.settings.writes == Switch::On;
        if on == self.namespace.writes_on() {
            return Ok(());
        }
        let word = if on { "on" } else { "off" };
        self.record(who, "writes", "plant", word, String::new())?;
        self.namespace.set_writes(on);
        summary.notes.push(format!("writes turned {word}"));
        let at = self.clock.now();
        let title = format!("{who} turned writes {word}");
        let mut event = Event::info(EventKind::Change, format!("writes/{}", at.0), "plant", at, title);
        event.severity = severity::MEDIUM;
        self.namespace.event(event);
        Ok(())
    }

    async fn apply_connections(&self, wanted: Vec<Loaded<Connection>>, summary: &mut Summary) -> Result<(), String> {
        let names: HashSet<String> = wanted.iter().map(|one| one.name.clone()).collect();
        let mut before: Vec<PointId> = Vec::new();
        let mut fresh = Vec::new();
        let mut gone = Vec::new();
        {
            let mut running = self.connections.lock();
            for name in running.keys().filter(|name| !names.contains(*name)).cloned().collect::<Vec<_>>() {
                gone.extend(running.remove(&name));
                summary.closed.push(name);
            }
            for one in wanted {
                match running.get(&one.name) {
                    Some(same) if same.fingerprint == one.fingerprint => summary.kept += 1,
                    Some(_) => {
                        gone.extend(running.remove(&one.name));
                        summary.reopened.push(one.name.clone());
                        fresh.push(one);
                    }
                    None => {
                        summary.opened.push(one.name.clone());
                        fresh.push(one);
                    }
                }
            }
        }
        for one in gone {
            before.extend_from_slice(&one.handle.points());
            one.handle.stop().await;
        }
        // Before the others start: what is declared, or appears by itself, is live again at once.
        self.namespace.retire(&before);
        self.start_connections(fresh)?;
        Ok(())
    }

    /// Declares all points in one go (one sync of the catalogue instead of one a connection), then starts.
    pub(super) fn start_connections(&self, wanted: Vec<Loaded<Connection>>) -> Result<Vec<PointId>, String> {
        let all = wanted.iter().flat_map(|one| one.it.built.points.iter().cloned());
        let points = self.namespace.declare(all).map_err(|why| why.to_string())?;
        for one in wanted {
            let handle = south::run(&one.name, one.it.kind, one.it.built, &self.namespace, &self.wheel).map_err(|why| why.to_string())?;
            let running = Running { fingerprint: one.fingerprint, handle, select: Vec::new() };
            self.connections.lock().insert(one.name, running);
        }
        Ok(points)
    }

    async fn apply_destinations(
        &self,
        wanted: Vec<Loaded<north::Destination>>,
        site: &model::Path,
        summary: &mut Summary,
    ) -> Result<(), String> {
        let wanted: BTreeMap<String, Loaded<north::Destination>> = wanted.into_iter().map(|one| (one.name.clone(), one)).collect();
        let changed: Vec<(String, Running<north::Handle>)> = {
            let mut running = self.destinations.lock();
            let stale = running.iter().filter(|(name, one)| wanted.get(*name).is_none_or(|new| new.fingerprint != one.fingerprint));
            let stale: Vec<String> = stale.map(|(name, _)| name.clone()).collect();
            stale.into_iter().filter_map(|name| running.remove_entry(&name)).collect()
        };
        for (name, one) in changed {
            one.handle.stop().await;
            if wanted.contains_key(&name) {
                summary.reopened.push(name);
            } else {
                one.handle.forget();
                summary.closed.push(name);
            }
        }
        let fresh: Vec<_> = {
            let running = self.destinations.lock();
            wanted.into_values().filter(|one| !running.contains_key(&one.name)).collect()
        };
        summary.kept += self.destinations.lock().len();
        let opened = fresh.iter().map(|one| one.name.clone()).filter(|name| !summary.reopened.contains(name));
        summary.opened.extend(opened.collect::<Vec<_>>());
        self.start_destinations(fresh, site)
    }

    pub(super) fn start_destinations(&self, wanted: Vec<Loaded<north::Destination>>, site: &model::Path) -> Result<(), String> {
        for one in wanted {
            let place = north::Place {
                namespace: self.namespace.clone(),
                site: site.clone(),
                folder: self.data.join("destinations"),
            };
            let select = one.it.settings.select.clone();
            let handle = north::run(one.it, place)?;
            self.destinations.lock().insert(one.name, Running { fingerprint: one.fingerprint, handle, select });
        }
        Ok(())
    }
}
