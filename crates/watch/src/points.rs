//! Which data were touched, and by whom.

use crate::hosts::{Evidence, HostId};
use crate::protocol::Protocol;
use crate::stream::Stamp;
use std::collections::HashMap;

/// Most readers or writers that are kept of a point; what others do with it is counted.
pub const MAX_PEERS: usize = 32;

/// What names a range of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PointKey {
    pub server: HostId,
    pub protocol: Protocol,
    pub unit: u32,
    /// Table, area and block, group, or the hash of a name: each decoder's own.
    pub space: u64,
    pub first: u32,
    pub count: u32,
}

/// What is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    Read,
    /// Written, with the value where it is one number.
    Write(Option<i64>),
}

/// One range of data.
#[derive(Debug, Clone)]
pub struct Point {
    /// For people, e.g. "holding 100..109".
    pub name: Box<str>,
    pub readers: Vec<HostId>,
    pub writers: Vec<HostId>,
    pub reads: u64,
    pub writes: u64,
    /// Of these, by machines for which there was no room in the lists.
    pub others: u64,
    pub last_value: Option<i64>,
    pub last_write: Option<Evidence>,
    pub first_ns: i64,
    pub last_ns: i64,
}

/// The table of data.
pub struct Points {
    map: HashMap<PointKey, Point>,
    limit: usize,
    pub refused: u64,
    /// Touches by peers that had no room in the lists of their point.
    pub crowded: u64,
}

/// Notes a peer; whether it is new. `None` if there is no room for it.
fn note(list: &mut Vec<HostId>, host: HostId) -> Option<bool> {
    if list.contains(&host) {
        return Some(false);
    }
    let room = list.len() < MAX_PEERS;
    room.then(|| list.push(host)).map(|()| true)
}

impl Points {
    pub fn new(limit: usize) -> Self {
        Self { map: HashMap::new(), limit, refused: 0, crowded: 0 }
    }

    /// Counts a touch; `name` is asked only for what is new. Whether this peer did not touch it so before.
    pub fn touch(
        &mut self,
        key: PointKey,
        by: HostId,
        touch: Touch,
        (time_ns, evidence): Stamp,
        name: impl FnOnce() -> String,
    ) -> bool {
        if self.map.len() >= self.limit && !self.map.contains_key(&key) {
            self.refused += 1;
            return false;
        }
        let point = self.map.entry(key).or_insert_with(|| Point {
            name: name().into(),
            readers: Vec::new(),
            writers: Vec::new(),
            reads: 0,
            writes: 0,
            others: 0,
            last_value: None,
            last_write: None,
            first_ns: time_ns,
            last_ns: time_ns,
        });
        point.last_ns = point.last_ns.max(time_ns);
        let noted = match touch {
            Touch::Read => {
                point.reads += 1;
                note(&mut point.readers, by)
            }
            Touch::Write(value) => {
                point.writes += 1;
                point.last_value = value;
                point.last_write = Some(evidence);
                note(&mut point.writers, by)
            }
        };
        point.others += u64::from(noted.is_none());
        self.crowded += u64::from(noted.is_none());
        // Who is on no list is judged each time.
        noted.unwrap_or(true)
    }

    pub fn get(&self, key: &PointKey) -> Option<&Point> {
        self.map.get(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&PointKey, &Point)> {
        self.map.iter()
    }
}
