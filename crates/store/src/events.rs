//! Events in history: JSON lines, one file a month, the newest in memory.

use crate::error::StoreError;
use crate::lines::{self, Lines};
use model::{Event, EventKind, EventState, Position, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Events kept in memory.
const RECENT: usize = 20_000;

#[derive(Clone, Serialize, Deserialize)]
struct Line {
    position: Position,
    event: Arc<Event>,
}

/// Which events; empty fields do not restrict.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only this kind.
    pub kind: Option<EventKind>,
    /// Only those that last (or only those that do not).
    pub active: Option<bool>,
    /// At least this severe.
    pub severity_min: Option<u16>,
    /// Begun at or after.
    pub from: Option<Time>,
    /// Begun before.
    pub to: Option<Time>,
    /// In title, text, source, id or refs, case ignored.
    pub text: Option<String>,
    /// Only those begun before the event with this start and id: the next page.
    pub before: Option<(Time, String)>,
}

impl EventFilter {
    fn passes(&self, e: &Event) -> bool {
        let lasts = matches!(e.state, EventState::Active | EventState::Acknowledged);
        let has = |want: &String| {
            let want = want.to_lowercase();
            let texts = [&e.title, &e.text, &e.source, &e.id].into_iter().chain(&e.refs);
            texts.into_iter().any(|t| t.to_lowercase().contains(&want))
        };
        self.kind.is_none_or(|k| k == e.kind)
            && self.active.is_none_or(|a| a == lasts)
            && self.severity_min.is_none_or(|s| e.severity >= s)
            && self.from.is_none_or(|t| e.start >= t)
            && self.to.is_none_or(|t| e.start < t)
            && self.text.as_ref().is_none_or(has)
            && self.before.as_ref().is_none_or(|(t, id)| (e.start, &e.id) < (*t, id))
    }
}

/// The log.
pub(crate) struct Events {
    dir: PathBuf,
    open: HashMap<String, Lines>,
    recent: VecDeque<Line>,
    /// Everything before this file is on disk only.
    complete: bool,
    last: Position,
    writable: bool,
}

fn month(time: Time) -> String {
    time.rfc3339().get(..7).unwrap_or("1970-01").to_string()
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let list = std::fs::read_dir(dir).map_err(StoreError::io(dir))?;
    let mut files: Vec<PathBuf> = list.filter_map(Result::ok).map(|e| e.path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "jsonl"));
    files.sort();
    Ok(files)
}

impl Events {
    /// Opens the folder; reads the newest files.
    pub fn open(dir: &Path, offline: bool) -> Result<(Self, u64), StoreError> {
        if !offline {
            std::fs::create_dir_all(dir).map_err(StoreError::io(dir))?;
        }
        let mut events = Self {
            dir: dir.into(),
            open: HashMap::new(),
            recent: VecDeque::new(),
            complete: true,
            last: Position::START,
            writable: !offline,
        };
        let mut bad = 0;
        let all = if dir.exists() { files(dir)? } else { Vec::new() };
        for path in all.iter().rev() {
            if events.recent.len() >= RECENT {
                events.complete = false;
                break;
            }
            let (lines, damaged) = lines::read::<Line>(path)?;
            bad += damaged;
            for line in lines.into_iter().rev() {
                events.last = events.last.max(line.position);
                events.recent.push_front(line);
            }
        }
        events.trim();
        Ok((events, bad))
    }

    fn trim(&mut self) {
        while self.recent.len() > RECENT {
            self.recent.pop_front();
            self.complete = false;
        }
    }

    /// Takes an event; one that is in the log already (replay after a crash) is not kept again.
    pub fn push(&mut self, position: Position, event: &Arc<Event>) -> Result<(), StoreError> {
        if position <= self.last {
            return Ok(());
        }
        let line = Line { position, event: Arc::clone(event) };
        if self.writable {
            let name = month(event.start);
            if !self.open.contains_key(&name) {
                if self.open.len() >= 4 {
                    self.sync()?;
                    self.open.clear();
                }
                let lines = Lines::open(&self.dir.join(format!("{name}.jsonl")))?;
                self.open.insert(name.clone(), lines);
            }
            if let Some(lines) = self.open.get_mut(&name) {
                lines.append(&line)?;
            }
        }
        self.last = position;
        self.recent.push_back(line);
        self.trim();
        Ok(())
    }

    /// Makes it durable.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.open.values_mut().try_for_each(Lines::sync)
    }

    /// Newest first; of each event only the newest revision.
    pub fn query(&self, filter: &EventFilter, limit: usize) -> Result<Vec<Arc<Event>>, StoreError> {
        let mut newest: HashMap<String, Arc<Event>> = HashMap::new();
        let mut take = |line: Line| {
            let slot = newest.entry(line.event.id.clone()).or_insert_with(|| Arc::clone(&line.event));
            if line.event.revision >= slot.revision {
                *slot = line.event;
            }
        };
        let recent_from = self.recent.front().map_or(Time(i64::MAX), |l| l.event.start);
        let older = !self.complete && filter.from.is_none_or(|f| f < recent_from);
        if older {
            for path in files(&self.dir)? {
                lines::read::<Line>(&path)?.0.into_iter().for_each(&mut take);
            }
        }
        self.recent.iter().cloned().for_each(&mut take);
        let mut found: Vec<Arc<Event>> = newest.into_values().filter(|e| filter.passes(e)).collect();
        found.sort_by(|a, b| (b.start, &b.id).cmp(&(a.start, &a.id)));
        found.truncate(limit);
        Ok(found)
    }

    /// All revisions of events that began in `from..to`, by position; at most `most` + 1.
    pub fn told(&self, from: Time, to: Time, most: usize) -> Result<Vec<(Position, Arc<Event>)>, StoreError> {
        let mut found = BTreeMap::new();
        let inside = |line: &Line| line.event.start >= from && line.event.start < to;
        let recent_from = self.recent.front().map_or(Time(i64::MAX), |line| line.event.start);
        if !self.complete && from < recent_from {
            for path in files(&self.dir)? {
                let lines = lines::read::<Line>(&path)?.0;
                found.extend(lines.into_iter().filter(inside).map(|line| (line.position, line.event)));
            }
        }
        let recent = self.recent.iter().filter(|line| inside(line));
        found.extend(recent.map(|line| (line.position, Arc::clone(&line.event))));
        Ok(found.into_iter().take(most.saturating_add(1)).collect())
    }

    /// Removes months that ended before `time`; their names.
    pub fn expire(&mut self, time: Time) -> Result<Vec<String>, StoreError> {
        let limit = month(time);
        let mut gone = Vec::new();
        for path in files(&self.dir)? {
            let name = path.file_stem().and_then(|n| n.to_str()).unwrap_or_default().to_string();
            if name < limit {
                self.open.remove(&name);
                std::fs::remove_file(&path).map_err(StoreError::io(&path))?;
                gone.push(name);
            }
        }
        let names: HashSet<&String> = gone.iter().collect();
        self.recent.retain(|l| !names.contains(&month(l.event.start)));
        Ok(gone)
    }
}
