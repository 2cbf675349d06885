//! The catalogue of permanent point numbers: `path -> number`, given once, never reused, carried through renames.

use crate::disk::Disk;
use crate::linelog::LineLog;
use crate::types::{JournalError, Notice};
use model::{Declaration, Path, PointId};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

const TITLE: &str = "ironbridge-numbers";
const VERSION: u16 = 1;

/// The catalogue. A number is on disk before anybody hears of it. Numbers count from 1.
pub struct Numbers {
    inner: Mutex<Inner>,
}

struct Inner {
    log: LineLog,
    by_path: HashMap<Box<str>, PointId>,
    /// Present path by number; `None` for numbers never given out.
    paths: Vec<Option<Path>>,
    /// No number below this one is given out again, not even one whose writing failed.
    next: u32,
}

/// One line to be written, and what it means.
struct Change {
    id: PointId,
    path: Path,
    renamed: bool,
}

impl Change {
    fn line(&self) -> String {
        format!("{} {} {}", if self.renamed { '=' } else { '+' }, self.id.0, self.path.as_str())
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let renamed = match words.next()? {
            "+" => false,
            "=" => true,
            _ => return None,
        };
        let id = PointId(words.next()?.parse().ok()?);
        Some(Self { id, path: Path::new(words.next()?).ok()?, renamed })
    }
}

impl Numbers {
    pub(crate) fn open(disk: &Arc<dyn Disk>, path: PathBuf) -> Result<(Self, Vec<Notice>), JournalError> {
        let opened = LineLog::open(disk, path, TITLE, VERSION)?;
        let mut inner = Inner { log: opened.log, by_path: HashMap::new(), paths: Vec::new(), next: 1 };
        for change in opened.lines.iter().filter_map(|line| Change::parse(line)) {
            inner.apply(&change);
        }
        Ok((Self { inner: Mutex::new(inner) }, opened.notices))
    }

    /// The numbers of paths, in order; new ones are given to paths never seen. A path that is new and names a former
    /// one in its `was` list takes over that number, unless the former path is wanted in the same call. Durable on
    /// return.
    ///
    /// # Errors
    /// If the catalogue cannot be written; then no number was given, and none of those tried is ever used.
    pub fn assign(&self, wanted: &[(Path, Vec<Path>)]) -> Result<Vec<PointId>, JournalError> {
        let mut inner = self.inner.lock();
        let (ids, changes, next) = inner.plan(wanted)?;
        if !changes.is_empty() {
            inner.next = next;
            inner.write(&changes)?;
        }
        for change in &changes {
            inner.apply(change);
        }
        Ok(ids)
    }

    /// The number of a path, case ignored.
    pub fn find(&self, path: &str) -> Option<PointId> {
        self.inner.lock().by_path.get(path.to_ascii_lowercase().as_str()).copied()
    }

    /// The present path of a number.
    pub fn path(&self, id: PointId) -> Option<Path> {
        self.inner.lock().paths.get(id.index()).cloned().flatten()
    }

    /// How many numbers were given.
    pub fn len(&self) -> usize {
        self.inner.lock().paths.iter().flatten().count()
    }

    /// Whether no number was ever given.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers that the journal knows and the catalogue does not (it was damaged or deleted) are taken back, so
    /// that none is given twice.
    pub(crate) fn adopt(
        &self,
        declarations: &[(PointId, Arc<Declaration>)],
        highest: PointId,
    ) -> Result<usize, JournalError> {
        let mut inner = self.inner.lock();
        inner.next = inner.next.max(highest.0.saturating_add(1));
        let missing: Vec<Change> = declarations
            .iter()
            .filter(|(id, declaration)| {
                inner.paths.get(id.index()).is_none_or(Option::is_none)
                    && !inner.by_path.contains_key(declaration.path.folded().as_str())
            })
            .map(|(id, declaration)| Change { id: *id, path: declaration.path.clone(), renamed: false })
            .collect();
        if !missing.is_empty() {
            inner.write(&missing)?;
            missing.iter().for_each(|change| inner.apply(change));
        }
        Ok(missing.len())
    }
}

impl Inner {
    fn plan(&self, wanted: &[(Path, Vec<Path>)]) -> Result<(Vec<PointId>, Vec<Change>, u32), JournalError> {
        let mut next = self.next;
        let mut fresh: HashMap<String, PointId> = HashMap::new();
        let mut changes = Vec::new();
        let mut carried: HashSet<PointId> = HashSet::new();
        let asked: HashSet<String> = wanted.iter().map(|(path, _)| path.folded()).collect();
        let mut ids = Vec::with_capacity(wanted.len());
        for (path, was) in wanted {
            let folded = path.folded();
            let known = self.by_path.get(folded.as_str()).or_else(|| fresh.get(&folded)).copied();
            if let Some(id) = known.filter(|id| !carried.contains(id) || fresh.contains_key(&folded)) {
                let same = self.paths.get(id.index()).and_then(Option::as_ref).is_none_or(|p| p == path);
                if !same && !fresh.contains_key(&folded) {
                    changes.push(Change { id, path: path.clone(), renamed: true });
                }
                ids.push(id);
                continue;
            }
            let former = was.iter().map(Path::folded).filter(|old| !asked.contains(old));
            let former = former
                .filter_map(|old| self.by_path.get(old.as_str()).copied())
                .find(|id| !carried.contains(id));
            let id = match former {
                Some(id) => id,
                None => {
                    let id = PointId(next);
                    next = next.checked_add(1).ok_or(JournalError::NumbersExhausted)?;
                    id
                }
            };
            carried.insert(id);
            changes.push(Change { id, path: path.clone(), renamed: former.is_some() });
            fresh.insert(folded, id);
            ids.push(id);
        }
        Ok((ids, changes, next))
    }

    fn write(&mut self, changes: &[Change]) -> Result<(), JournalError> {
        let mut lines: Vec<String> = changes.iter().map(Change::line).collect();
        let done = if self.log.is_broken() {
            let known = self.paths.iter().enumerate();
            let known = known.filter_map(|(n, path)| Some(format!("+ {n} {}", path.as_ref()?.as_str())));
            lines = known.chain(lines).collect();
            self.log.rewrite(&lines)
        } else {
            self.log.append(&lines)
        };
        done.map_err(|error| JournalError::Io {
            doing: "write",
            path: "the catalogue of point numbers".into(),
            detail: error.to_string(),
        })
    }

    fn apply(&mut self, change: &Change) {
        let at = change.id.index();
        if self.paths.len() <= at {
            self.paths.resize(at + 1, None);
        }
        let Some(slot) = self.paths.get_mut(at) else { return };
        if let Some(old) = slot.replace(change.path.clone()) {
            let old = old.folded();
            if self.by_path.get(old.as_str()) == Some(&change.id) {
                self.by_path.remove(old.as_str());
            }
        }
        self.by_path.insert(change.path.folded().into(), change.id);
        self.next = self.next.max(change.id.0.saturating_add(1));
    }
}
