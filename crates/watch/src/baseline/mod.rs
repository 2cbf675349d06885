//! The baseline: what is normal in this network. Who is there, who talks to whom, with which functions, about which data,
//! how often.
//!
//! ```text
//!   tables ─ Baseline::seen ─▶ merge (learning) ─▶ approved ─┬─▶ Guard: what is new is a finding
//!                                                            └─▶ missing(seen): differences, one by one to approve
//! ```
//! Rationale: a baseline is plain data of addresses and names, so that it outlives a restart, can be learned from a capture
//! of Monday and held against one of Tuesday, and be read by a person. Learning is putting together, judging is looking up;
//! there is no score that nobody can explain.

mod difference;
mod file;
mod ranges;
mod seen;

pub use difference::{Difference, DifferenceKind};
pub use file::{Refused, VERSION};
pub use ranges::Ranges;
pub(crate) use seen::{cards, is_asset, link_name, place_of};

use crate::operation::Effect;
use crate::protocol::Protocol;
use std::collections::BTreeMap;

/// Most assets, and most links.
const MAX_ENTRIES: usize = 65_536;
/// Most areas that one link reads, and most that it writes.
const MAX_AREAS: usize = 4_096;

/// What names a link, over restarts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkName {
    /// Address of who asks.
    pub client: String,
    /// Address of who is asked.
    pub server: String,
    /// In which protocol.
    pub protocol: Protocol,
    /// Port of the server where the protocol is not recognised, else 0.
    pub port: u16,
}

/// A part of a device's data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Area {
    /// Unit or station behind the address.
    pub unit: u32,
    /// Table, block or name, e.g. `holding`.
    pub name: String,
}

/// Data that were touched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// In which area.
    pub area: Area,
    /// First number in it.
    pub first: u32,
    /// Last number.
    pub last: u32,
}

/// Number of a place that is the whole area: its name says all.
pub(crate) const WHOLE: u32 = u32::MAX;

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.area.name)?;
        match (self.first, self.last) {
            (WHOLE, _) => {}
            (first, last) if first == last => write!(f, " {first}")?,
            (first, last) => write!(f, " {first}..{last}")?,
        }
        if self.area.unit == 0 { Ok(()) } else { write!(f, " (unit {})", self.area.unit) }
    }
}

/// Data by area.
pub type Areas = BTreeMap<Area, Ranges>;

/// How many requests a minute a link makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// In the quietest minute.
    pub low: u32,
    /// In the busiest.
    pub high: u32,
    /// Whole minutes that were looked at.
    pub minutes: u32,
}

impl Rate {
    fn merge(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            minutes: self.minutes.max(other.minutes),
        }
    }

    /// Whether a minute with so many requests is far above what is usual: three times the busiest one, and not by a few.
    /// Five minutes must have been looked at before anything is usual.
    #[must_use]
    pub const fn is_exceeded_by(self, requests: u32) -> bool {
        self.minutes >= 5 && requests > self.high.saturating_mul(3).saturating_add(30)
    }
}

/// What is normal on a link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkNorm {
    /// First seen, nanoseconds since 1970 UTC.
    pub first_ns: i64,
    /// Functions: their names and what they do.
    pub functions: BTreeMap<u32, (String, Effect)>,
    /// What is read.
    pub reads: Areas,
    /// What is written.
    pub writes: Areas,
    /// How often something is asked; `None` until a whole minute was seen.
    pub rate: Option<Rate>,
}

/// What is normal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// When learning began, nanoseconds since 1970 UTC; 0 for not yet.
    pub since_ns: i64,
    /// Until when was learned.
    pub until_ns: i64,
    /// When something new was learned last.
    pub last_new_ns: i64,
    /// Addresses, and when each was seen first.
    pub assets: BTreeMap<String, i64>,
    /// Links.
    pub links: BTreeMap<LinkName, LinkNorm>,
    /// What there was no room for.
    pub no_room: u64,
}

fn covered(areas: &Areas, place: &Place) -> bool {
    areas.get(&place.area).is_some_and(|ranges| ranges.covers(place.first, place.last))
}

/// Adds to areas. Whether it was new, and whether there was room.
fn add(areas: &mut Areas, place: &Place) -> (bool, bool) {
    if covered(areas, place) {
        return (false, true);
    }
    if areas.len() >= MAX_AREAS && !areas.contains_key(&place.area) {
        return (false, false);
    }
    let room = areas.entry(place.area.clone()).or_default().add(place.first, place.last);
    (room, room)
}

impl LinkNorm {
    /// Whether the link reads this.
    #[must_use]
    pub fn reads(&self, place: &Place) -> bool {
        covered(&self.reads, place)
    }

    /// Whether the link writes this.
    #[must_use]
    pub fn writes(&self, place: &Place) -> bool {
        covered(&self.writes, place)
    }

    /// Whether the link uses a function.
    #[must_use]
    pub fn uses(&self, function: u32) -> bool {
        self.functions.contains_key(&function)
    }

    /// Adds what another knows. What was new, and what had no room.
    fn merge(&mut self, other: &Self) -> (u64, u64) {
        let (mut new, mut no_room) = (0, 0);
        for (function, name) in &other.functions {
            if !self.functions.contains_key(function) {
                self.functions.insert(*function, name.clone());
                new += 1;
            }
        }
        for (mine, theirs) in [(&mut self.reads, &other.reads), (&mut self.writes, &other.writes)] {
            for place in places(theirs) {
                let (is_new, room) = add(mine, &place);
                new += u64::from(is_new);
                no_room += u64::from(!room);
            }
        }
        self.merge_rate(other);
        (new, no_room)
    }

    fn merge_rate(&mut self, other: &Self) {
        self.rate = match (self.rate, other.rate) {
            (Some(a), Some(b)) => Some(a.merge(b)),
            (a, b) => a.or(b),
        };
    }
}

/// All places of areas.
fn places(areas: &Areas) -> impl Iterator<Item = Place> {
    areas.iter().flat_map(|(area, ranges)| {
        ranges.iter().map(|(first, last)| Place { area: area.clone(), first, last })
    })
}

impl Baseline {
    /// An empty one, to be learned from a time on.
    #[must_use]
    pub fn since(time_ns: i64) -> Self {
        Self { since_ns: time_ns, until_ns: time_ns, last_new_ns: time_ns, ..Self::default() }
    }

    /// Whether nothing was ever learned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.assets.is_empty() && self.links.is_empty()
    }

    /// Learns what was seen up to a time. How much of it was new.
    pub fn merge(&mut self, seen: &Self, until_ns: i64) -> u64 {
        let mut new = 0;
        for (asset, first_ns) in &seen.assets {
            if !self.assets.contains_key(asset) {
                if self.assets.len() >= MAX_ENTRIES {
                    self.no_room += 1;
                    continue;
                }
                self.assets.insert(asset.clone(), *first_ns);
                new += 1;
            }
        }
        for (name, norm) in &seen.links {
            if self.links.len() >= MAX_ENTRIES && !self.links.contains_key(name) {
                self.no_room += 1;
                continue;
            }
            let known = self.links.contains_key(name);
            let mine = self
                .links
                .entry(name.clone())
                .or_insert_with(|| LinkNorm { first_ns: norm.first_ns, ..LinkNorm::default() });
            let (added, no_room) = mine.merge(norm);
            new += added + u64::from(!known);
            self.no_room += no_room;
        }
        self.until_ns = self.until_ns.max(until_ns);
        if self.since_ns == 0 {
            self.since_ns = seen.since_ns;
        }
        if new > 0 {
            self.last_new_ns = self.last_new_ns.max(until_ns);
        }
        new
    }

    /// Learns how often something is asked on links that are known.
    pub(crate) fn merge_rates(&mut self, seen: &Self) {
        for (name, norm) in &seen.links {
            self.links.get_mut(name).into_iter().for_each(|mine| mine.merge_rate(norm));
        }
    }

    /// Forgets an address and its links.
    pub(crate) fn forget(&mut self, address: &str) {
        self.assets.remove(address);
        self.links.retain(|name, _| name.client != address && name.server != address);
    }

    /// How stable it is, in words.
    #[must_use]
    pub fn stability(&self) -> String {
        if self.is_empty() {
            return "nothing was learned yet".into();
        }
        let quiet = self.until_ns.saturating_sub(self.last_new_ns) / 1_000_000_000;
        let span = self.until_ns.saturating_sub(self.since_ns) / 1_000_000_000;
        format!("learned for {}, nothing new for {}", duration(span), duration(quiet))
    }
}

/// Seconds in words.
fn duration(seconds: i64) -> String {
    match seconds {
        ..=119 => format!("{} s", seconds.max(0)),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
