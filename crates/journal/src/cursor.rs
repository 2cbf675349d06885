//! Durable cursors: how far a destination or the store has come.

use crate::disk::Disk;
use crate::linelog::LineLog;
use crate::reader::Reader;
use crate::shared::Shared;
use crate::types::{CursorStats, JournalError, Notice};
use model::Position;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const TITLE: &str = "ironbridge-cursors";
const VERSION: u16 = 1;
/// The log is rewritten when it is longer than this and mostly stale.
const REWRITE_BYTES: u64 = 64 << 10;

/// One cursor's state.
pub(crate) struct CursorState {
    name: String,
    acknowledged: AtomicU64,
    /// On disk.
    saved: AtomicU64,
}

impl CursorState {
    fn new(name: &str, at: Position) -> Arc<Self> {
        Arc::new(Self { name: name.into(), acknowledged: AtomicU64::new(at.0), saved: AtomicU64::new(at.0) })
    }

    pub fn saved(&self) -> Position {
        Position(self.saved.load(Ordering::Acquire))
    }

    fn acknowledged(&self) -> Position {
        Position(self.acknowledged.load(Ordering::Acquire))
    }
}

/// All cursors and the log that keeps them.
pub(crate) struct Cursors {
    inner: Mutex<Table>,
}

struct Table {
    log: LineLog,
    states: BTreeMap<String, Arc<CursorState>>,
}

fn line(name: &str, position: Position) -> String {
    format!("= {} {name}", position.0)
}

impl Cursors {
    pub fn open(disk: &Arc<dyn Disk>, path: PathBuf) -> Result<(Self, Vec<Notice>), JournalError> {
        let opened = LineLog::open(disk, path, TITLE, VERSION)?;
        let mut states = BTreeMap::new();
        for text in &opened.lines {
            let mut words = text.splitn(3, ' ');
            match (words.next(), words.next(), words.next()) {
                (Some("="), Some(position), Some(name)) => {
                    if let Ok(position) = position.parse() {
                        states.insert(name.to_owned(), CursorState::new(name, Position(position)));
                    }
                }
                (Some("-"), Some(_), Some(name)) => {
                    states.remove(name);
                }
                _ => {}
            }
        }
        Ok((Self { inner: Mutex::new(Table { log: opened.log, states }) }, opened.notices))
    }

    /// The newest position that any cursor was saved at.
    pub fn newest(&self) -> Position {
        self.inner.lock().states.values().map(|s| s.saved()).max().unwrap_or_default()
    }

    /// The oldest position saved; `None` without cursors.
    pub fn floor(&self) -> Option<Position> {
        self.inner.lock().states.values().map(|s| s.saved()).min()
    }

    pub fn names(&self) -> Vec<String> {
        self.inner.lock().states.keys().cloned().collect()
    }

    /// Those saved before `position`.
    pub fn behind(&self, position: Position) -> Vec<(String, Position)> {
        let table = self.inner.lock();
        table.states.values().filter(|s| s.saved() < position).map(|s| (s.name.clone(), s.saved())).collect()
    }

    /// Where each stands; how far that is behind is counted by whoever knows the files.
    pub fn stats(&self) -> Vec<CursorStats> {
        let table = self.inner.lock();
        let stats = |s: &Arc<CursorState>| CursorStats {
            name: s.name.clone(),
            acknowledged: s.acknowledged(),
            saved: s.saved(),
            lag: 0,
        };
        table.states.values().map(stats).collect()
    }

    /// The cursor of this name; a new one begins at `start` and is durable on return.
    /// It is saved no further than `synced`.
    pub fn get(
        &self,
        name: &str,
        synced: Position,
        start: impl FnOnce() -> Position,
    ) -> Result<Arc<CursorState>, JournalError> {
        if name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
            return Err(JournalError::CursorName(name.chars().take(64).collect()));
        }
        let mut table = self.inner.lock();
        if let Some(state) = table.states.get(name) {
            return Ok(state.clone());
        }
        let start = start();
        let state = CursorState::new(name, start.min(synced));
        state.acknowledged.store(start.0, Ordering::Release);
        table.write(vec![line(name, state.saved())])?;
        table.states.insert(name.to_owned(), state.clone());
        Ok(state)
    }

    pub fn remove(&self, name: &str) -> Result<(), JournalError> {
        let mut table = self.inner.lock();
        if table.states.remove(name).is_some() {
            table.write(vec![format!("- 0 {name}")])?;
        }
        Ok(())
    }

    /// Moves cursors saved before `to` up to it: what they had not read is gone.
    pub fn jump(&self, to: Position) {
        for state in self.inner.lock().states.values().filter(|s| s.saved() < to) {
            state.acknowledged.fetch_max(to.0, Ordering::AcqRel);
        }
    }

    /// Saves what has moved, up to `synced`.
    pub fn save(&self, synced: Position) -> Result<(), JournalError> {
        let mut table = self.inner.lock();
        let moved: Vec<(Arc<CursorState>, Position)> = table
            .states
            .values()
            .map(|s| (s.clone(), s.acknowledged().min(synced)))
            .filter(|(state, to)| *to > state.saved())
            .collect();
        if moved.is_empty() {
            return Ok(());
        }
        table.write(moved.iter().map(|(state, to)| line(&state.name, *to)).collect())?;
        for (state, to) in moved {
            state.saved.fetch_max(to.0, Ordering::AcqRel);
        }
        Ok(())
    }
}

impl Table {
    fn write(&mut self, lines: Vec<String>) -> Result<(), JournalError> {
        let all = self.states.len() as u64 * 64;
        let stale = self.log.len() > REWRITE_BYTES && self.log.len() > 4 * all;
        let done = if self.log.is_broken() || stale {
            let mut every: Vec<String> = self.states.values().map(|s| line(&s.name, s.saved())).collect();
            every.extend(lines);
            self.log.rewrite(&every)
        } else {
            self.log.append(&lines)
        };
        done.map_err(|error| JournalError::Io {
            doing: "save",
            path: "the cursors".into(),
            detail: error.to_string(),
        })
    }
}

/// A named, durable place in the journal. Pins the files behind it until the journal's bound. Clones share it.
#[derive(Clone)]
pub struct Cursor {
    shared: Arc<Shared>,
    state: Arc<CursorState>,
}

impl Cursor {
    pub(crate) fn new(shared: Arc<Shared>, state: Arc<CursorState>) -> Self {
        Self { shared, state }
    }

    /// Last position acknowledged.
    pub fn position(&self) -> Position {
        self.state.acknowledged()
    }

    /// Everything up to `p` is done with. Saved within a second, and never beyond what is on disk itself. Going back
    /// is ignored.
    pub fn acknowledge(&self, p: Position) {
        self.state.acknowledged.fetch_max(p.0, Ordering::AcqRel);
    }

    /// Last position saved on disk: where a restart goes on.
    pub fn saved(&self) -> Position {
        self.state.saved()
    }

    /// Reads what follows the last acknowledged position.
    pub fn reader(&self) -> Reader {
        Reader::new(self.shared.clone(), self.position())
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.state.name
    }
}
