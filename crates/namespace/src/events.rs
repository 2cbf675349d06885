//! The newest events in memory: for pages, which must not ask the disk.

use model::{Event, EventState};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Events kept in memory; the store has all.
const KEPT: usize = 10_000;
/// Active events kept; more than this at once is itself the problem, and the oldest leave.
const ACTIVE: usize = 10_000;

pub(crate) struct Events(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    recent: VecDeque<Arc<Event>>,
    active: HashMap<String, Arc<Event>>,
}

impl Events {
    pub(crate) fn new(known: Vec<Arc<Event>>) -> Self {
        let events = Self(Mutex::new(Inner::default()));
        known.into_iter().for_each(|event| events.take(event));
        events
    }

    pub(crate) fn take(&self, event: Arc<Event>) {
        let mut inner = self.0.lock();
        match event.state {
            EventState::Active | EventState::Acknowledged => {
                inner.active.insert(event.id.clone(), event.clone());
                if inner.active.len() > ACTIVE
                    && let Some(oldest) = inner.active.values().min_by_key(|e| e.start).map(|e| e.id.clone())
                {
                    inner.active.remove(&oldest);
                }
            }
            EventState::Cleared | EventState::Info => {
                inner.active.remove(&event.id);
            }
        }
        inner.recent.push_back(event);
        if inner.recent.len() > KEPT {
            inner.recent.pop_front();
        }
    }

    pub(crate) fn active(&self) -> Vec<Arc<Event>> {
        let mut active: Vec<_> = self.0.lock().active.values().cloned().collect();
        active.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.start.cmp(&a.start)));
        active
    }

    pub(crate) fn recent(&self, most: usize) -> Vec<Arc<Event>> {
        let inner = self.0.lock();
        let mut seen = std::collections::HashSet::new();
        inner.recent.iter().rev().filter(|event| seen.insert(event.id.as_str())).take(most).cloned().collect()
    }
}
