//! What one baseline has and another has not, one thing at a time.

use super::{Area, Areas, Baseline, LinkName, LinkNorm, Place, places};
use crate::operation::Effect;
use serde::Serialize;

/// What kind of difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// Somebody who was not there.
    Asset,
    /// Two who did not talk.
    Link,
    /// A function that was not used between two.
    Function,
    /// Data that were not read by this client.
    PointRead,
    /// Data that were not written by this client, who writes others.
    PointWritten,
    /// A client that wrote nothing there.
    Writer,
}

impl DifferenceKind {
    /// A short word for files and filters.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Asset => "asset",
            Self::Link => "link",
            Self::Function => "function",
            Self::PointRead => "point-read",
            Self::PointWritten => "point-written",
            Self::Writer => "writer",
        }
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Asset => "new asset",
            Self::Link => "new link",
            Self::Function => "new function",
            Self::PointRead => "new point read",
            Self::PointWritten => "new point written",
            Self::Writer => "new writer",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What kind.
    pub kind: DifferenceKind,
    /// Who is new, or who asks.
    pub source: String,
    /// Who is asked; empty for an asset.
    pub target: String,
    /// What it is about, in words.
    pub what: String,
    /// First seen of the asset or link, nanoseconds since 1970 UTC.
    pub first_ns: i64,
    pub(super) entry: Entry,
}

/// What approving adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    Asset,
    Link(LinkName),
    Function(LinkName, u32, (String, Effect)),
    Read(LinkName, Place),
    Write(LinkName, Place),
}

impl Entry {
    const fn link(&self) -> Option<&LinkName> {
        match self {
            Self::Asset => None,
            Self::Link(name) | Self::Function(name, ..) | Self::Read(name, _) | Self::Write(name, _) => {
                Some(name)
            }
        }
    }
}

impl Difference {
    /// The address that it is about: that of the asset, or of who is asked.
    pub(crate) fn address(&self) -> &str {
        if self.target.is_empty() { &self.source } else { &self.target }
    }

    /// What names it, as long as it is there: the same again after a restart.
    #[must_use]
    pub fn id(&self) -> String {
        let link = |link: &LinkName| {
            format!("{}>{}/{}/{}", link.client, link.server, link.protocol.key(), link.port)
        };
        let place =
            |place: &Place| format!("{}:{}:{}-{}", place.area.unit, place.area.name, place.first, place.last);
        match &self.entry {
            Entry::Asset => format!("asset/{}", self.source),
            Entry::Link(name) => format!("link/{}", link(name)),
            Entry::Function(name, function, _) => format!("function/{}/{function}", link(name)),
            Entry::Read(name, at) => format!("read/{}/{}", link(name), place(at)),
            Entry::Write(name, at) => format!("write/{}/{}", link(name), place(at)),
        }
    }
}

fn missing_places(mine: Option<&Areas>, theirs: &Areas) -> Vec<Place> {
    let mut out = Vec::new();
    for (area, ranges) in theirs {
        match mine.and_then(|mine| mine.get(area)) {
            None => out.extend(places(&Areas::from([(area.clone(), ranges.clone())]))),
            Some(mine) => {
                let ranges = mine.missing(ranges);
                let place = |(first, last)| Place { area: Area::clone(area), first, last };
                out.extend(ranges.iter().map(place));
            }
        }
    }
    out
}

fn of_link(name: &LinkName, mine: Option<&LinkNorm>, theirs: &LinkNorm, out: &mut Vec<Difference>) {
    let mut push = |kind, what: String, entry| {
        out.push(Difference {
            kind,
            source: name.client.clone(),
            target: name.server.clone(),
            what,
            first_ns: theirs.first_ns,
            entry,
        });
    };
    if mine.is_none() {
        push(DifferenceKind::Link, name.protocol.name().into(), Entry::Link(name.clone()));
    }
    for (function, known) in &theirs.functions {
        if mine.is_none_or(|mine| !mine.functions.contains_key(function)) {
            let entry = Entry::Function(name.clone(), *function, known.clone());
            push(DifferenceKind::Function, format!("{}: {}", name.protocol.name(), known.0), entry);
        }
    }
    let place_words = |place: &Place| format!("{}: {place}", name.protocol.name());
    for place in missing_places(mine.map(|mine| &mine.reads), &theirs.reads) {
        push(DifferenceKind::PointRead, place_words(&place), Entry::Read(name.clone(), place));
    }
    let writes_nothing = mine.is_none_or(|mine| mine.writes.is_empty());
    let kind = if writes_nothing { DifferenceKind::Writer } else { DifferenceKind::PointWritten };
    for place in missing_places(mine.map(|mine| &mine.writes), &theirs.writes) {
        push(kind, place_words(&place), Entry::Write(name.clone(), place));
    }
}

impl Baseline {
    /// What was seen and is not in this one, at most so many. What stands on something that is missing itself is listed too, so
    /// that a client can be approved to read without being approved to write.
    #[must_use]
    pub fn missing(&self, seen: &Self, most: usize) -> Vec<Difference> {
        let mut out = Vec::new();
        let assets = seen.assets.iter().filter(|(asset, _)| !self.assets.contains_key(*asset));
        out.extend(assets.map(|(asset, first_ns)| Difference {
            kind: DifferenceKind::Asset,
            source: asset.clone(),
            target: String::new(),
            what: String::new(),
            first_ns: *first_ns,
            entry: Entry::Asset,
        }));
        for (name, theirs) in &seen.links {
            if out.len() > most {
                break;
            }
            of_link(name, self.links.get(name), theirs, &mut out);
        }
        out.truncate(most);
        out
    }

    /// Takes one difference in, with what it stands on.
    pub fn approve(&mut self, difference: &Difference) {
        let mut part = Self::default();
        part.note(difference);
        if let Some(name) = difference.entry.link() {
            for asset in [&name.client, &name.server] {
                part.assets.insert(asset.clone(), difference.first_ns);
            }
        }
        let (until_ns, last_new_ns) = (self.until_ns, self.last_new_ns);
        self.merge(&part, until_ns);
        self.last_new_ns = last_new_ns;
    }

    /// Notes one difference alone.
    pub(crate) fn note(&mut self, difference: &Difference) {
        let Some(name) = difference.entry.link() else {
            self.assets.insert(difference.source.clone(), difference.first_ns);
            return;
        };
        let norm = self.links.entry(name.clone()).or_default();
        norm.first_ns = difference.first_ns;
        match &difference.entry {
            Entry::Function(_, function, known) => drop(norm.functions.insert(*function, known.clone())),
            Entry::Read(_, place) => drop(super::add(&mut norm.reads, place)),
            Entry::Write(_, place) => drop(super::add(&mut norm.writes, place)),
            Entry::Asset | Entry::Link(_) => {}
        }
    }
}
