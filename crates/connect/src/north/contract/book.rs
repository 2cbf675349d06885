//! Every version of a contract, with the time from which it held: `NAME.schema.json` beside the cursor.

use super::{Contract, Known, Telling};
use crate::disk;
use crate::north::select::Selection;
use model::{Declaration, Path as Place, PointId, Time};
use namespace::Namespace;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Version of the file; a newer one is refused.
const VERSION: u32 = 1;
/// Most versions that are kept; the oldest go, and are counted.
const MAX_VERSIONS: usize = 50;
/// Most points that a contract names one by one.
const MAX_POINTS: usize = 2_000;
/// How often it is looked whether points changed, and for how long they must stay as they are to count.
const LOOK: Duration = Duration::from_secs(2);
const SETTLE: u32 = 3;

/// One version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// From 1; one more with each change.
    pub number: u32,
    /// Since when it held.
    pub since: Time,
    /// What it says.
    pub contract: Contract,
}

/// All versions that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    version: u32,
    /// The oldest first; the last holds now.
    pub all: VecDeque<Version>,
    /// Versions before the first that is kept.
    #[serde(default)]
    pub forgotten: u64,
}

impl Versions {
    /// Takes in what holds now; returns whether it is new.
    fn take(&mut self, contract: Contract, now: Time) -> bool {
        let last = self.all.back();
        if last.is_some_and(|last| last.contract == contract) {
            return false;
        }
        let number = last.map_or(1, |last| last.number.saturating_add(1));
        self.all.push_back(Version { number, since: now, contract });
        while self.all.len() > MAX_VERSIONS {
            self.all.pop_front();
            self.forgotten += 1;
        }
        true
    }
}

/// What a book is opened with.
pub struct Opening {
    /// Folder of the destination's files.
    pub folder: PathBuf,
    /// Its name.
    pub name: String,
    /// What tells the contract.
    pub telling: Telling,
    /// `enterprise/site`.
    pub site: Place,
    /// Whether events are sent.
    pub events: bool,
    /// Whether values of intervals are sent.
    pub intervals: bool,
    /// Which points are sent.
    pub selection: Selection,
    /// Where they are.
    pub namespace: Namespace,
}

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Book(Arc<Inner>);

struct Inner {
    file: PathBuf,
    opening: Opening,
    versions: Mutex<Versions>,
}

impl Book {
    /// Opens the book of a destination. What cannot be understood is set aside as `NAME.schema.corrupt`: versions begin
    /// anew. Blocks.
    ///
    /// # Errors
    /// In words: the file is of a newer version.
    pub fn open(opening: Opening) -> Result<Self, String> {
        let file = opening.folder.join(format!("{}.schema.json", opening.name));
        let versions = disk::load(&file, VERSION)?;
        Ok(Self(Arc::new(Inner { file, opening, versions: Mutex::new(versions) })))
    }

    /// Looks what the contract is now, and writes it down if it is another than before; all versions. Blocks.
    pub fn look(&self) -> Versions {
        let contract = self.0.opening.telling.tell(&self.known());
        let mut versions = self.0.versions.lock();
        if versions.take(contract, self.0.opening.namespace.clock().now())
            && let Err(why) = write(&self.0.file, &versions)
        {
            tracing::warn!(file = %self.0.file.display(), %why, "the schema of a destination could not be written down");
        }
        versions.clone()
    }

    /// Looks whenever the points of the plant have changed; never ends.
    pub async fn follow(&self) {
        let namespace = &self.0.opening.namespace;
        if !self.0.opening.telling.of_points {
            self.write_down().await;
            return std::future::pending().await;
        }
        let mut seen = namespace.points();
        let mut calm = 0;
        loop {
            tokio::time::sleep(LOOK).await;
            let now = namespace.points();
            calm = if Arc::ptr_eq(&seen, &now) { calm + 1 } else { 0 };
            seen = now;
            if calm == SETTLE {
                self.write_down().await;
            }
        }
    }

    async fn write_down(&self) {
        let book = self.clone();
        let _ = tokio::task::spawn_blocking(move || book.look()).await;
    }

    fn known(&self) -> Known {
        let opening = &self.0.opening;
        Known {
            site: opening.site.clone(),
            points: if opening.telling.of_points { self.points() } else { Vec::new() },
            events: opening.events,
            intervals: opening.intervals,
        }
    }

    /// The selected points; none if there are more than can be named.
    fn points(&self) -> Vec<Arc<Declaration>> {
        let (namespace, selection) = (&self.0.opening.namespace, &self.0.opening.selection);
        let tree = namespace.points();
        let held = tree.ids().iter().zip(tree.paths()).filter(|(_, path)| selection.holds(path));
        let ids: Vec<PointId> = held.map(|(id, _)| *id).take(MAX_POINTS + 1).collect();
        if ids.len() > MAX_POINTS {
            return Vec::new();
        }
        ids.iter().filter_map(|id| namespace.meta(*id)).collect()
    }
}

fn write(file: &Path, versions: &Versions) -> std::io::Result<()> {
    let content = Versions { version: VERSION, ..versions.clone() };
    disk::replace(file, &serde_json::to_vec_pretty(&content)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract(format: &str) -> Contract {
        Contract::new(format, Vec::new())
    }

    #[test]
    fn a_version_is_a_change_and_the_oldest_are_counted() {
        let mut versions = Versions::default();
        assert!(versions.take(contract("json"), Time(1)) && !versions.take(contract("json"), Time(2)));
        assert!(versions.take(contract("avro"), Time(3)) && versions.take(contract("json"), Time(4)));
        let told: Vec<_> = versions.all.iter().map(|one| (one.number, one.since)).collect();
        assert_eq!(told, [(1, Time(1)), (2, Time(3)), (3, Time(4))]);
        for n in 0..MAX_VERSIONS {
            versions.take(contract(&n.to_string()), Time(5));
        }
        assert_eq!((versions.all.len(), versions.forgotten, versions.all[0].number), (MAX_VERSIONS, 3, 4));
    }

    #[test]
    fn what_was_written_is_read_and_rubbish_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hq.schema.json");
        let read = || disk::load::<Versions>(&file, VERSION);
        assert_eq!(read(), Ok(Versions::default()));
        let mut versions = Versions::default();
        versions.take(contract("json"), Time(7));
        write(&file, &versions).unwrap();
        let again = read().unwrap();
        assert_eq!((again.version, &again.all), (VERSION, &versions.all));
        std::fs::write(&file, b"{\"version\":99,\"all\":[]}").unwrap();
        assert!(read().unwrap_err().contains("newer"));
        std::fs::write(&file, b"{ half").unwrap();
        assert_eq!(read(), Ok(Versions::default()));
        assert!(dir.path().join("hq.schema.corrupt").exists());
    }
}
