//! One change at a time, and only what changed: the smallest part first, with a look at its health before the next.
//!
//! ```text
//! load what changed ▶ plan ▶ ledger ▶ hold old, start new: 1, then 4, then 16, ... ▶ destinations ▶ settings ▶ ledger
//!                                          │ worse than before?
//!                                          └▶ stop new, go on with old ▶ ledger
//! ```
//! Rationale: what was replaced is held, not thrown away, until all of the change has proved itself; so going back needs
//! no file and cannot fail for one.

mod gate;
mod units;

use super::{Facts, House, Running, plan};
use crate::plant::{self, Loaded, Plant, Switch};
use connect::north;
use gate::Watched;
use model::{Event, EventKind, event::severity};
use namespace::{Entry, Ledger};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use units::Undo;
use web::shapes::{AppliedShape, PlanShape};

/// How long what worked before may take to work again, if nothing else is asked for.
pub const GATE: Duration = Duration::from_secs(15);
/// Longest diff that goes into one record of the ledger, in bytes: a record has room for 4,096.
const LEDGER_DIFF: usize = 3_000;

/// How an apply is done.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// How long what worked before may take to work again.
    pub gate: Duration,
    /// Stay with the new configuration even if it is worse.
    pub force: bool,
    /// Asked for on this machine: only then are writes turned on.
    pub local: bool,
}

impl How {
    /// As usual, by somebody on this machine.
    pub const LOCAL: Self = Self { gate: GATE, force: false, local: true };
    /// As usual, by somebody at a page.
    pub const PAGE: Self = Self { local: false, ..Self::LOCAL };
}

impl House {
    /// Brings what runs in line with `plant`; `who` asked for it. If something that worked before does not work again in
    /// time, everything is as it was before.
    ///
    /// # Errors
    /// In words; then nothing was touched.
    pub async fn apply(self: &Arc<Self>, plant: Plant, who: &str, how: How) -> Result<AppliedShape, String> {
        let _one_at_a_time = self.applying.lock().await;
        let begun = self.clock.monotonic();
        let facts = self.facts.load_full();
        if plant.site.folded() != facts.site.folded() {
            return Err(format!(
                "enterprise/site cannot change while it runs ({} to {}): every path would; stop Ironbridge and start it again",
                facts.site, plant.site
            ));
        }
        self.namespace.journal().flush().map_err(|why| why.to_string())?;
        let plan = tokio::task::block_in_place(|| self.change_plan(&plant));
        let summary = summary(&plan);
        self.record(who, "apply", "configuration", "requested", detail(&plan, &summary))
            .map_err(|why| format!("the audit ledger cannot be written, so nothing is changed: {why}"))?;
        let mut done = AppliedShape {
            summary,
            notes: [plan.restart.clone(), plan.notes.clone()].concat(),
            ..AppliedShape::default()
        };
        self.writes_off(&plant, who, &mut done)?;
        let (folder, settings, mut change) = (plant.folder.clone(), plant.settings.clone(), Undo::default());
        let new_facts = Facts::of(&plant, facts.simulated, facts.address.clone());
        let tried = self.change(plant, how, &mut change, &mut done).await;
        match tried {
            Ok(()) => {
                self.settle(change).await;
                self.facts.store(Arc::new(Facts { settings: facts.effective(&settings), ..new_facts }));
                self.writes_on(&settings, who, how, &mut done)?;
                done.applied = true;
                if let Err(why) = tokio::task::block_in_place(|| self.applied.keep(&folder)) {
                    tracing::warn!(%why, "the applied files could not be kept: the next plan shows their changes again");
                }
            }
            Err(why) => {
                self.go_back(change).await;
                done.rolled_back = true;
                done.why = why;
            }
        }
        done.took_ms = self.clock.monotonic().saturating_sub(begun).as_secs_f64() * 1e3;
        self.conclude(who, &done)?;
        Ok(done)
    }

    async fn change(
        self: &Arc<Self>,
        plant: Plant,
        how: How,
        undo: &mut Undo,
        done: &mut AppliedShape,
    ) -> Result<(), String> {
        undo.place = Some((plant.folder.clone(), plant.site.clone()));
        let gone: Vec<String> =
            self.destinations.lock().keys().filter(|name| !plant.has_destination(name)).cloned().collect();
        self.change_connections(plant.connections, &plant.kept.connections, how, undo, done).await?;
        let wanted = (plant.destinations, gone, &plant.site);
        self.change_destinations(wanted, how, undo, done).await
    }

    /// What became of it, for ledger and events.
    fn conclude(&self, who: &str, done: &AppliedShape) -> Result<(), String> {
        let outcome = if done.applied { "done" } else { "rolled back" };
        let detail = if done.why.is_empty() {
            done.summary.clone()
        } else {
            format!("{}; {}", done.summary, done.why)
        };
        let at = self.clock.now();
        let id = format!("apply/{}", at.0);
        let title = match done.applied {
            true => format!("{who} applied the configuration"),
            false => format!("{who} tried to apply the configuration; it was rolled back"),
        };
        let mut event = Event::info(EventKind::Change, id, "configuration", at, title);
        event.text.clone_from(&detail);
        if !done.applied {
            event.severity = severity::MEDIUM;
            event.next =
                "Mend the file that the text names and apply again; the plant runs as it did before.".into();
        }
        self.namespace.event(event);
        self.record(who, "apply", "configuration", outcome, detail)
    }

    pub(crate) fn record(
        &self,
        actor: &str,
        action: &str,
        object: &str,
        outcome: &str,
        detail: String,
    ) -> Result<(), String> {
        let (actor, action) = (actor.to_owned(), action.to_owned());
        let entry = Entry { actor, action, object: object.to_owned(), outcome: outcome.to_owned(), detail };
        tokio::task::block_in_place(|| self.access.record(entry))
    }

    /// The safe direction goes first, and holds even if the rest is rolled back.
    fn writes_off(&self, plant: &Plant, who: &str, done: &mut AppliedShape) -> Result<(), String> {
        if plant.settings.writes == Switch::Off && self.namespace.writes_on() {
            self.switch_writes(false, who, done)?;
        }
        Ok(())
    }

    fn writes_on(
        &self,
        settings: &plant::Settings,
        who: &str,
        how: How,
        done: &mut AppliedShape,
    ) -> Result<(), String> {
        if settings.writes == Switch::Off || self.namespace.writes_on() {
            return Ok(());
        }
        if !how.local {
            done.notes.push(
                "writes stay off: they are turned on only on the machine itself, with `ironbridge apply`"
                    .into(),
            );
            return Ok(());
        }
        self.switch_writes(true, who, done)
    }

    /// Writing is switched only after it was written down who did it.
    fn switch_writes(&self, on: bool, who: &str, done: &mut AppliedShape) -> Result<(), String> {
        let word = if on { "on" } else { "off" };
        self.record(who, "writes", "plant", word, String::new())?;
        self.namespace.set_writes(on);
        done.notes.push(format!("writes turned {word}"));
        let at = self.clock.now();
        let title = format!("{who} turned writes {word}");
        let mut event = Event::info(EventKind::Change, format!("writes/{}", at.0), "plant", at, title);
        event.severity = severity::MEDIUM;
        self.namespace.event(event);
        Ok(())
    }

    async fn change_destinations(
        self: &Arc<Self>,
        (fresh, gone, site): (Vec<Loaded<north::Destination>>, Vec<String>, &model::Path),
        how: How,
        undo: &mut Undo,
        done: &mut AppliedShape,
    ) -> Result<(), String> {
        let mut watched = Vec::new();
        let names: Vec<String> = fresh.iter().map(|one| one.name.clone()).collect();
        for name in gone.into_iter().chain(names.clone()) {
            let old = self.destinations.lock().remove(&name);
            let Some(old) = old else { continue };
            let worked = old.handle.status().state == north::State::Connected;
            old.handle.stop().await;
            if worked && names.contains(&name) {
                watched.push(Watched::destination(&name));
            }
            undo.destination(name, old);
        }
        names.iter().for_each(|name| undo.opened_destination(name));
        self.start_destinations(fresh, site)?;
        self.wait_healthy(watched, how, done).await
    }

    pub(super) fn start_destinations(
        &self,
        wanted: Vec<Loaded<north::Destination>>,
        site: &model::Path,
    ) -> Result<(), String> {
        for one in wanted {
            let place = north::Place {
                namespace: self.namespace.clone(),
                site: site.clone(),
                folder: self.data.join("destinations"),
                history: Arc::new(super::past::Past(self.store.clone())),
            };
            let handle = north::run(one.it, place)?;
            self.destinations.lock().insert(one.name, Running { mark: one.mark, handle });
        }
        Ok(())
    }

    /// A destination as it was before, made from the file as it was applied last.
    pub(super) fn bring_back_destination(
        &self,
        place: &(std::path::PathBuf, model::Path),
        name: String,
        old: Running<north::Handle>,
    ) -> Result<(), String> {
        let text = self
            .applied
            .text(&format!("destinations/{name}.toml"))
            .ok_or("its file as it was is not known")?;
        // The facts are those of before until a change has proved itself.
        let models = self.facts.load().models.clone();
        let it = plant::rebuild_destination((&place.0, &place.1, models), &name, &text, self.secrets())
            .map_err(|found| crate::report::mistakes(&found))?;
        self.start_destinations(vec![Loaded { name, mark: old.mark, it }], &place.1)
    }
}

fn summary(plan: &PlanShape) -> String {
    let of = |action: &str| -> Vec<&str> {
        let connections = plan.connections.iter().map(|one| (&one.action, &one.name));
        let all = connections.chain(plan.destinations.iter().map(|one| (&one.action, &one.name)));
        all.filter(|(is, _)| *is == action).map(|(_, name)| name.as_str()).collect()
    };
    let list = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let mut text = format!(
        "opened: {}; changed: {}; closed: {}; untouched: {}; points changed: {}",
        list(of("open")),
        list(of("change")),
        list(of("close")),
        plan.kept.connections + plan.kept.destinations,
        plan::changed_points(plan),
    );
    plan.settings.iter().for_each(|setting| text.push_str(&format!("; {setting}")));
    text
}

/// What changed, for the ledger: the summary, the diff of the files as far as it has room, and a hash of all of it.
fn detail(plan: &PlanShape, summary: &str) -> String {
    let diff: String = plan.files.iter().map(|file| file.diff.as_str()).collect();
    if diff.is_empty() {
        return summary.to_owned();
    }
    let hash: String = Sha256::digest(diff.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let end = (0..=diff.len().min(LEDGER_DIFF)).rev().find(|at| diff.is_char_boundary(*at)).unwrap_or(0);
    let rest = if end < diff.len() { "\n... (see the hash for the rest)" } else { "" };
    let names: BTreeMap<&str, ()> = plan.files.iter().take(20).map(|file| (file.file.as_str(), ())).collect();
    let names = names.into_keys().collect::<Vec<_>>().join(", ");
    let cut = |text: &str, most: usize| text.chars().take(most).collect::<String>();
    format!(
        "{}; files: {}; diff sha256 {hash}:\n{}{rest}",
        cut(summary, 400),
        cut(&names, 300),
        diff.get(..end).unwrap_or_default()
    )
}
