//! What a reader gathers: devices, their tags, and what did not fit.

use super::{MOST_NOTES, MOST_TAGS};
use crate::draft::{Note, inline, quoted, segment};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, HashSet};

/// The keys of one tag, in the order in which they are written.
pub(super) type Entry = Map<String, Json>;

/// Tags of one endpoint.
pub(super) struct Tags {
    /// Kind of connection.
    pub(super) kind: &'static str,
    devices: Vec<Device>,
    classes: BTreeMap<u64, String>,
    notes: Vec<Note>,
    dropped: usize,
    count: usize,
}

struct Device {
    name: String,
    keys: Vec<(&'static str, Json)>,
    tags: Vec<(String, Entry)>,
    taken: HashSet<String>,
}

impl Tags {
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, devices: Vec::new(), classes: BTreeMap::new(), notes: Vec::new(), dropped: 0, count: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Something the reader of the draft must know.
    pub(super) fn note(&mut self, note: Note) {
        if self.notes.len() < MOST_NOTES {
            self.notes.push(note);
        } else {
            self.dropped += 1;
        }
    }

    /// The name of the scan class for a period; 1 s is `normal`.
    pub(super) fn class(&mut self, period_ms: u64) -> String {
        let name = if period_ms == 1_000 { "normal".to_owned() } else { format!("every-{period_ms}ms") };
        self.classes.entry(period_ms).or_insert(name).clone()
    }

    /// The index of a device; made with `keys` if it is new.
    pub(super) fn device(&mut self, name: &str, keys: &[(&'static str, Json)]) -> usize {
        let name = Some(segment(name).to_ascii_lowercase()).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| "device".into());
        if let Some(index) = self.devices.iter().position(|device| device.name == name) {
            return index;
        }
        self.devices.push(Device { name, keys: keys.to_vec(), tags: Vec::new(), taken: HashSet::new() });
        self.devices.len() - 1
    }

    /// Adds a tag under the folders of `name`. A name that another tag has gets a number, and a note.
    pub(super) fn add(&mut self, device: usize, name: &[&str], line: Option<usize>, entry: Entry) {
        if self.count >= MOST_TAGS {
            if self.count == MOST_TAGS {
                self.note(Note::new(format!(
                    "Only the first {MOST_TAGS} tags are in the draft: import the rest apart."
                )));
                self.count += 1;
            }
            return;
        }
        let segments: Vec<String> =
            name.iter().map(|part| segment(part)).filter(|part| !part.is_empty()).collect();
        let wanted = if segments.is_empty() { "tag".to_owned() } else { segments.join("/") };
        let Some(home) = self.devices.get_mut(device) else { return };
        let mut free = wanted.clone();
        let mut number = 2;
        while !home.taken.insert(free.to_ascii_lowercase()) {
            free = format!("{wanted}-{number}");
            number += 1;
        }
        home.tags.push((free.clone(), entry));
        self.count += 1;
        if free != wanted {
            let text = format!("`{}` is called `{free}` here: another tag has its name.", name.join("."));
            self.note(Note { line, text });
        }
    }

    pub(super) fn into_notes(self) -> (Vec<Note>, usize) {
        (self.notes, self.dropped)
    }

    /// Everything behind `kind` and `host`.
    pub(super) fn to_toml(&self) -> String {
        let mut out = String::new();
        if !self.classes.is_empty() {
            let mut classes: Vec<String> =
                self.classes.iter().map(|(ms, name)| format!("{name} = \"{ms}ms\"")).collect();
            if !self.classes.contains_key(&1_000) {
                classes.push("normal = \"1s\"".into());
            }
            out.push_str(&format!("scan = {{ {} }}\n", classes.join(", ")));
        }
        for device in &self.devices {
            out.push_str(&format!("\n[device.{}]\n", device.name));
            for (key, value) in &device.keys {
                out.push_str(&format!("{key} = {}\n", inline(value)));
            }
            out.push_str(&format!("\n[device.{}.tags]\n", device.name));
            for (name, entry) in &device.tags {
                let key = if name.contains('/') { quoted(name) } else { name.clone() };
                out.push_str(&format!("{key} = {}\n", inline(&Json::Object(entry.clone()))));
            }
        }
        out
    }
}

/// An entry that begins with an address and, if it is known, a type.
pub(super) fn entry(at: &str, kind: Option<&str>) -> Entry {
    let mut entry = Entry::new();
    entry.insert("at".into(), at.into());
    if let Some(kind) = kind {
        entry.insert("type".into(), kind.into());
    }
    entry
}

/// Adds a text unless it is empty.
pub(super) fn put_text(entry: &mut Entry, key: &str, text: &str) {
    let text = text.trim();
    if !text.is_empty() {
        entry.insert(key.into(), text.into());
    }
}

/// Adds two numbers that belong together.
pub(super) fn put_pair(entry: &mut Entry, key: &str, pair: (f64, f64)) {
    entry.insert(key.into(), Json::from(vec![pair.0, pair.1]));
}
