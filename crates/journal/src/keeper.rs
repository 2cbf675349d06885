//! The thread behind the writer: saves cursors, writes snapshots, compresses files, clears away what is done with.

use crate::files::{FileInfo, Kind};
use crate::linelog::{name_of, with_suffix};
use crate::mirror::Snapshot;
use crate::seal::seal;
use crate::shared::Shared;
use crate::snapshot::{self, DECLARED, LAST, Stored, Unusable};
use crate::source::survey_from;
use crate::types::{JournalError, Notice};
use model::{Position, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) struct Keeper {
    shared: Arc<Shared>,
    /// Position of `last.snap`: files before it are not needed for a start.
    snapshot: Position,
    declared_at: Position,
    /// Said once per trouble, not once per second.
    trouble: BTreeMap<&'static str, String>,
}

impl Keeper {
    pub fn new(shared: Arc<Shared>, snapshot: Position, declared_at: Position) -> Self {
        Self { shared, snapshot, declared_at, trouble: BTreeMap::new() }
    }

    /// Until the writer has ended.
    pub fn run(mut self) {
        loop {
            let stop = {
                let mut orders = self.shared.keeper.lock();
                if !orders.stop && !orders.kick {
                    self.shared.keeper_work.wait_for(&mut orders, self.shared.options.keep_interval);
                }
                orders.kick = false;
                orders.stop
            };
            self.round(stop);
            self.shared.keeper.lock().rounds += 1;
            self.shared.keeper_work.notify_all();
            if stop {
                break;
            }
        }
    }

    fn round(&mut self, last: bool) {
        let saved = self.shared.cursors.save(self.shared.synced());
        self.tell("cursors", saved.map_err(|e| e.to_string()));
        let snapshot = self.shared.keeper.lock().snapshot.take();
        if let Some(snapshot) = snapshot {
            self.write_snapshot(snapshot);
        }
        self.clear();
        // Compressing can wait for the next start; closing should not take long.
        while !last && self.seal_one() {
            self.clear();
        }
    }

    fn tell(&mut self, what: &'static str, result: Result<(), String>) {
        match result {
            Ok(()) => {
                self.trouble.remove(what);
            }
            Err(detail) => {
                if self.trouble.insert(what, detail.clone()).is_none() {
                    self.shared.notice(Notice::Trouble { detail: format!("{what}: {detail}") });
                }
            }
        }
    }

    fn write_snapshot(&mut self, newer: Snapshot) {
        let result = self.try_snapshot(&newer);
        if result.is_err() {
            let mut orders = self.shared.keeper.lock();
            let mut older = newer;
            if let Some(newest) = orders.snapshot.take() {
                older.absorb(newest);
            }
            orders.snapshot = Some(older);
        }
        self.tell("snapshot", result);
    }

    fn try_snapshot(&mut self, newer: &Snapshot) -> Result<(), String> {
        let (disk, dir) = (&self.shared.disk, &self.shared.options.dir);
        let now = self.shared.clock.now();
        let load = |name: &str, kind| match snapshot::read(disk, &dir.join(name), kind) {
            Ok(stored) => Ok(stored),
            Err(Unusable::Missing) => Ok(Stored::default()),
            Err(Unusable::Damaged(why)) => Err(format!("{name}: {why}")),
            Err(Unusable::Fatal(error)) => Err(error.to_string()),
        };
        // A snapshot damaged while we run is replaced by what is known since; the next start replays more.
        let mut last = load(LAST, Kind::Last).or_else(|why| self.damaged(LAST, why))?;
        if !newer.declares.is_empty() {
            let mut declared = load(DECLARED, Kind::Declared).or_else(|why| self.damaged(DECLARED, why))?;
            declared.update(&Snapshot {
                declares: newer.declares.clone(),
                position: newer.position,
                samples: newer.samples,
                ..Snapshot::default()
            });
            snapshot::write_declared(disk, dir, &declared, now).map_err(|e| e.to_string())?;
            self.declared_at = newer.position;
        }
        last.update(newer);
        last.declared_at = self.declared_at;
        snapshot::write_last(disk, dir, &last, now).map_err(|e| e.to_string())?;
        self.snapshot = newer.position;
        Ok(())
    }

    fn damaged(&self, name: &str, detail: String) -> Result<Stored, String> {
        let path = self.shared.options.dir.join(name);
        let kept = with_suffix(&path, "corrupt");
        self.shared.disk.rename(&path, &kept).map_err(|e| e.to_string())?;
        self.shared.notice(Notice::CorruptFile { file: name.into(), kept_as: name_of(&kept), detail });
        Ok(Stored::default())
    }

    /// Removes files that everybody has passed, and at the bound the oldest whether passed or not.
    fn clear(&mut self) {
        let mut jumps: BTreeMap<String, (Position, Position, Option<u64>)> = BTreeMap::new();
        loop {
            let (oldest, end, total, count) = {
                let catalogue = self.shared.catalogue.lock();
                let Some(oldest) = catalogue.files.first().cloned() else { break };
                let end = catalogue.files.get(1).map_or(oldest.created, |f| f.created);
                (oldest, end, catalogue.bytes(), catalogue.files.len())
            };
            if oldest.live || count < 2 {
                break;
            }
            let floor = self.shared.cursors.floor();
            let passed = floor.is_some_and(|f| f >= oldest.last) && self.snapshot >= oldest.last;
            if !passed && !self.over_bound(total, end) {
                break;
            }
            for (name, saved) in self.shared.cursors.behind(oldest.last) {
                let samples = self.samples_after(&oldest, saved);
                let from = if saved >= oldest.previous { saved.next() } else { oldest.previous.next() };
                let jump = jumps.entry(name).or_insert((from, oldest.last, Some(0)));
                jump.1 = oldest.last;
                jump.2 = jump.2.zip(samples).map(|(a, b)| a + b);
            }
            self.shared.cursors.jump(oldest.last);
            let saved = self.shared.cursors.save(self.shared.synced());
            self.tell("cursors", saved.map_err(|e| e.to_string()));
            self.shared.catalogue.lock().files.retain(|f| f.number != oldest.number);
            let removed =
                self.shared.disk.remove(&oldest.path).map_err(|e| format!("{}: {e}", name_of(&oldest.path)));
            self.tell("removal", removed);
        }
        for (cursor, (from, to, samples)) in jumps {
            self.shared.notice(Notice::CursorJumped { cursor, from, to, samples });
        }
    }

    fn over_bound(&self, total: u64, end: Time) -> bool {
        let options = &self.shared.options;
        total > options.max_bytes || self.shared.clock.now().since(end) > options.max_age
    }

    /// Samples in a file behind a position.
    fn samples_after(&self, info: &FileInfo, position: Position) -> Option<u64> {
        if position <= info.previous {
            return Some(info.samples);
        }
        let before = survey_from(&self.shared.disk, info, position).ok()??;
        Some((info.samples_before + info.samples).saturating_sub(before))
    }

    /// Compresses the oldest raw file that is not written any more. False if there is none.
    fn seal_one(&mut self) -> bool {
        let (info, newest) = {
            let catalogue = self.shared.catalogue.lock();
            let Some(info) = catalogue.files.iter().find(|f| !f.live && !f.sealed).cloned() else {
                return false;
            };
            (info, catalogue.files.last().map(|f| f.number))
        };
        if info.last == info.previous && newest == Some(info.number) {
            // Empty, but the only witness of its epoch: it stays until the next file exists.
            return false;
        }
        let result = if info.last == info.previous { self.drop_empty(&info) } else { self.try_seal(&info) };
        let good = result.is_ok();
        self.tell("compression", result.map_err(|e| e.to_string()));
        good
    }

    fn drop_empty(&self, info: &FileInfo) -> Result<(), JournalError> {
        self.shared.catalogue.lock().files.retain(|f| f.number != info.number);
        self.shared.disk.remove(&info.path).map_err(|e| JournalError::io("remove", &info.path, &e))
    }

    fn try_seal(&self, info: &FileInfo) -> Result<(), JournalError> {
        let disk = &self.shared.disk;
        let fail = |e| JournalError::io("compress", &info.path, &e);
        let (sealed, damaged) = seal(disk, info).map_err(fail)?;
        {
            let mut catalogue = self.shared.catalogue.lock();
            catalogue.compressed.0 += info.len;
            catalogue.compressed.1 += sealed.len;
            if let Some(file) = catalogue.get_mut(info.number) {
                *file = FileInfo { damaged: file.damaged, ..sealed };
            }
        }
        if damaged {
            let kept = with_suffix(&info.path, "corrupt");
            disk.rename(&info.path, &kept).map_err(fail)?;
            let (file, kept_as) = (name_of(&info.path), name_of(&kept));
            let detail = "damaged parts were left out when it was compressed".into();
            self.shared.notice(Notice::CorruptFile { file, kept_as, detail });
            return Ok(());
        }
        disk.remove(&info.path).map_err(fail)
    }
}
