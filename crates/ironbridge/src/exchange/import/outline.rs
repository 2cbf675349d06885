//! What a file of another program says of a plant, before its things have names and places that fit here.
//!
//! Rationale: shells and nodes say the same things in different words. A reader translates into this; naming, placing
//! and writing is done once.

use crate::plant::PointType;
use connect::draft::Note;
use std::collections::BTreeMap;

/// Most types, most things, most points of one, and most notes of a file.
pub(crate) const MOST_TYPES: usize = 1_000;
pub(crate) const MOST_THINGS: usize = 5_000;
pub(crate) const MOST_POINTS: usize = 2_000;
const MOST_NOTES: usize = 500;
/// Most remarks on a thing, and the longest, in characters.
const MOST_REMARKS: usize = 24;
const LONGEST_REMARK: usize = 160;
/// Deepest nesting that is followed.
pub(crate) const DEEPEST: usize = 16;

/// The whole file.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    pub types: Vec<Sort>,
    pub things: Vec<Thing>,
    notes: Vec<Note>,
    dropped: usize,
    /// What was left out, by reason: told once with its count.
    left: BTreeMap<String, (usize, String)>,
}

/// A type.
#[derive(Debug, Default)]
pub(crate) struct Sort {
    /// What the file calls it.
    pub key: String,
    pub name: String,
    pub description: String,
    /// The key of the type that it extends.
    pub above: Option<String>,
    /// Its points, with those that it inherits or without.
    pub points: Vec<(String, PointType)>,
    /// Name, key of its type, required.
    pub parts: Vec<(String, String, bool)>,
}

/// An asset, or a folder above some.
#[derive(Debug, Default)]
pub(crate) struct Thing {
    /// What the file calls it.
    pub key: String,
    pub name: String,
    pub display: String,
    /// The key of what it stands in.
    pub above: Option<String>,
    /// It only holds others.
    pub folder: bool,
    /// The key of its type.
    pub of: Option<String>,
    /// What Ironbridge said of it when it wrote the file.
    pub own: Option<Own>,
    /// Its points, and the tags that feed them.
    pub points: Vec<(String, PointType, Option<String>)>,
    /// What a person may want to know of it.
    pub(crate) remarks: Vec<String>,
}

/// What files that Ironbridge wrote say more than others.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Own {
    /// Below enterprise/site.
    pub path: String,
    /// The type's name, be it a contract or only a word.
    pub word: String,
    pub level: String,
    pub owner_ot: String,
    pub owner_it: String,
    pub zone: String,
    pub was: Vec<String>,
}

impl Own {
    /// One fact, by the name under which exports write it.
    pub(crate) fn put(&mut self, name: &str, text: &str) {
        let place = match name {
            // Exports write it whole; what is below enterprise/site is the asset's own.
            "Path" => {
                self.path = text.splitn(3, '/').nth(2).unwrap_or(text).to_owned();
                return;
            }
            "Type" => &mut self.word,
            "Level" => &mut self.level,
            "OwnerOT" => &mut self.owner_ot,
            "OwnerIT" => &mut self.owner_it,
            "Zone" => &mut self.zone,
            "Was" => {
                self.was = text.split_ascii_whitespace().map(str::to_owned).collect();
                return;
            }
            _ => return,
        };
        text.clone_into(place);
    }

    /// What exports write of an asset, names and texts; what is empty is left out.
    pub(crate) fn of(placed: &crate::plant::Placed) -> Vec<(&'static str, String)> {
        let asset = &placed.asset;
        let all = [
            ("Path", placed.path.to_string()),
            ("Type", asset.kind.clone()),
            ("Level", asset.level.word().to_owned()),
            ("OwnerOT", asset.owner_ot.clone()),
            ("OwnerIT", asset.owner_it.clone()),
            ("Zone", asset.zone.clone()),
            ("Was", asset.was.join(" ")),
        ];
        all.into_iter().filter(|(_, text)| !text.is_empty()).collect()
    }
}

impl Thing {
    /// Something worth a comment.
    pub(crate) fn remark(&mut self, name: &str, text: &str) {
        if self.remarks.len() < MOST_REMARKS && !text.trim().is_empty() {
            self.remarks.push(format!("{name}: {text}").chars().take(LONGEST_REMARK).collect());
        }
    }
}

impl Outline {
    /// Something the reader of the draft must know.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        if self.notes.len() < MOST_NOTES {
            self.notes.push(Note::new(text));
        } else {
            self.dropped += 1;
        }
    }

    /// Something that is left out: `what` is named once, with how many more there are of it.
    pub(crate) fn leave(&mut self, why: &str, what: &str) {
        if let Some((count, _)) = self.left.get_mut(why) {
            *count += 1;
        } else if self.left.len() < MOST_NOTES {
            self.left.insert(why.to_owned(), (1, what.to_owned()));
        } else {
            self.dropped += 1;
        }
    }

    /// Adds a type, while there is room.
    pub(crate) fn add_type(&mut self, mut sort: Sort) {
        if self.types.len() >= MOST_TYPES {
            return self.leave(&format!("only the first {MOST_TYPES} types are taken over"), &sort.name);
        }
        let extra = sort.points.len().saturating_sub(MOST_POINTS);
        sort.points.truncate(MOST_POINTS);
        if extra > 0 {
            self.note(format!("`{}` has {extra} more points than are taken over.", sort.name));
        }
        self.types.push(sort);
    }

    /// Adds a thing, while there is room.
    pub(crate) fn add_thing(&mut self, mut thing: Thing) {
        if self.things.len() >= MOST_THINGS {
            return self.leave(&format!("only the first {MOST_THINGS} assets are taken over"), &thing.name);
        }
        let extra = thing.points.len().saturating_sub(MOST_POINTS);
        thing.points.truncate(MOST_POINTS);
        if extra > 0 {
            self.note(format!("`{}` has {extra} more points than are taken over.", thing.name));
        }
        self.things.push(thing);
    }

    /// All notes, those on what is left out last.
    pub(crate) fn into_notes(mut self) -> Vec<Note> {
        for (why, (count, what)) in std::mem::take(&mut self.left) {
            let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
            self.notes.push(Note::new(format!("`{what}`{more}: {why}.")));
        }
        if self.dropped > 0 {
            self.notes
                .push(Note::new(format!("{} more notes of the same sort are not shown.", self.dropped)));
        }
        self.notes
    }
}
