//! Ignition's JSON of a tag folder or provider.
//!
//! Source: Ignition 8.1 user manual, "Exporting and importing tags" and "Modbus addressing", "Siemens addressing".

use super::tags::{Entry, Tags, entry, put_pair, put_text};
use super::words::{siemens, type_of};
use super::{Format, Input};
use crate::draft::Note;
use crate::south::tags::Wrong;
use serde_json::Value as Json;

/// Ignition JSON.
pub(super) static FORMAT: Format = Format {
    name: "ignition-json",
    title: "Ignition JSON",
    files: "*.json",
    text: "in the Ignition designer, tag browser, Export tags, JSON",
    kinds: &["modbus-tcp", "s7", "ethernet-ip"],
    read,
};

/// Deepest folder that is looked into.
const DEEPEST: usize = 32;
/// Keys that change nothing here.
const SILENT: [&str; 22] = [
    "name",
    "tagType",
    "valueSource",
    "opcItemPath",
    "opcServer",
    "dataType",
    "engUnit",
    "engLow",
    "engHigh",
    "scaleMode",
    "rawLow",
    "rawHigh",
    "scaledLow",
    "scaledHigh",
    "documentation",
    "tooltip",
    "readOnly",
    "enabled",
    "tagGroup",
    "formatString",
    "deadband",
    "deadbandMode",
];

fn read(input: &Input<'_>) -> Result<Tags, Wrong> {
    let root: Json = serde_json::from_slice(input.data)
        .map_err(|why| Wrong::new(format!("`{}` is no JSON: {why}", input.file), FORMAT.text))?;
    let mut leaves = Vec::new();
    let mut notes = Vec::new();
    match &root {
        Json::Array(tags) => tags.iter().for_each(|tag| walk(tag, &mut Vec::new(), &mut leaves, &mut notes)),
        tag => walk(tag, &mut Vec::new(), &mut leaves, &mut notes),
    }
    let devices: Vec<String> = leaves.iter().fold(Vec::new(), |mut seen, leaf| {
        if !seen.contains(&leaf.device) {
            seen.push(leaf.device.clone());
        }
        seen
    });
    let chosen = match input.device {
        Some(wanted) => {
            devices.iter().find(|device| device.eq_ignore_ascii_case(wanted)).cloned().ok_or_else(|| {
                Wrong::new(
                    format!("no tag of a device `{wanted}` is in the file"),
                    format!("devices: {}", devices.join(", ")),
                )
            })?
        }
        None => devices.first().cloned().unwrap_or_default(),
    };
    let kind = input.kind.map_or_else(
        || guess(&leaves, &chosen),
        |kind| FORMAT.kinds.iter().find(|known| **known == kind).copied().unwrap_or("modbus-tcp"),
    );
    let mut tags = Tags::new(kind);
    if devices.len() > 1 {
        tags.note(Note::new(format!(
            "The file has tags of {} devices; this draft has those of `{chosen}`. Import again with another device: {}.",
            devices.len(),
            devices.join(", ")
        )));
    }
    notes.into_iter().for_each(|note| tags.note(note));
    for leaf in leaves.iter().filter(|leaf| leaf.device == chosen) {
        if let Err(why) = leaf.take(&mut tags) {
            tags.note(Note::new(format!("`{}` is left out: {why}.", leaf.path.join("/"))));
        }
    }
    if kind == "modbus-tcp" {
        tags.note(Note::new(
            "The order of words is a setting of the device in Ignition, not of the tags: the draft has order = \"ABCD\"; \
             if `Reverse word order` is set there, write \"CDAB\".",
        ));
    }
    Ok(tags)
}

struct Leaf<'a> {
    path: Vec<&'a str>,
    device: String,
    place: String,
    tag: &'a Json,
}

fn text<'a>(tag: &'a Json, key: &str) -> &'a str {
    tag.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn walk<'a>(tag: &'a Json, above: &mut Vec<&'a str>, leaves: &mut Vec<Leaf<'a>>, notes: &mut Vec<Note>) {
    let name = text(tag, "name");
    let shown = || above.iter().chain(std::iter::once(&name)).copied().collect::<Vec<_>>().join("/");
    match text(tag, "tagType") {
        "" | "Folder" | "Provider" => {
            if above.len() >= DEEPEST {
                return notes.push(Note::new(format!("`{}` is left out: it lies too deep.", shown())));
            }
            let own = !name.is_empty();
            if own {
                above.push(name);
            }
            let children = tag.get("tags").and_then(Json::as_array);
            children.into_iter().flatten().for_each(|child| walk(child, above, leaves, notes));
            if own {
                above.pop();
            }
        }
        "AtomicTag" => match split(text(tag, "opcItemPath")) {
            _ if text(tag, "valueSource") != "opc" => {
                let source = text(tag, "valueSource");
                notes.push(Note::new(format!(
                    "`{}` is left out: its value comes from `{source}`, not from a device.",
                    shown()
                )));
            }
            Some((device, place)) => {
                let mut path = above.clone();
                path.push(name);
                leaves.push(Leaf { path, device, place, tag });
            }
            None => notes
                .push(Note::new(format!("`{}` is left out: its OPC item path names no device.", shown()))),
        },
        other => notes.push(Note::new(format!(
            "`{}` is left out: a {other} has no counterpart; export its members as tags.",
            shown()
        ))),
    }
}

/// `ns=1;s=[PLC]1.HR40` to device and place.
fn split(path: &str) -> Option<(String, String)> {
    let (_, inside) = path.split_once('[')?;
    let (device, place) = inside.split_once(']')?;
    (!device.is_empty() && !place.is_empty()).then(|| (device.to_owned(), place.to_owned()))
}

fn guess(leaves: &[Leaf<'_>], device: &str) -> &'static str {
    let told = leaves.iter().filter(|leaf| leaf.device == device).find_map(|leaf| {
        if modbus(&leaf.place).is_ok() {
            Some("modbus-tcp")
        } else if siemens(&leaf.place).is_ok() {
            Some("s7")
        } else {
            None
        }
    });
    told.unwrap_or("ethernet-ip")
}

/// A Modbus place: unit id, our address, type from the designator, characters of a text.
#[derive(Debug, PartialEq)]
struct Modbus {
    unit: u8,
    at: String,
    kind: Option<&'static str>,
    length: Option<u16>,
}

/// `HR1`, `1.HRF40`, `IR7`, `C5`, `DI2`, `HR1.3`, `HRS10:20`; places count from 1.
fn modbus(place: &str) -> Result<Modbus, String> {
    let wrong = || format!("`{place}` is no Modbus place that can be taken over");
    let (unit, rest) = match place.split_once('.') {
        Some((unit, rest)) if unit.parse::<u8>().is_ok() => (unit.parse().map_err(|_| wrong())?, rest),
        _ => (1, place),
    };
    let designator: String =
        rest.chars().take_while(|c| c.is_ascii_alphabetic()).collect::<String>().to_ascii_uppercase();
    let mut numbers = rest.get(designator.len()..).unwrap_or_default();
    let (table, suffix) = ["HR", "IR", "DI", "C"]
        .iter()
        .find_map(|table| Some((*table, designator.strip_prefix(table)?)))
        .ok_or_else(wrong)?;
    let wide = ["_64", "_32"].into_iter().find(|wide| numbers.starts_with(wide));
    if let Some(wide) = wide {
        numbers = numbers.get(wide.len()..).unwrap_or_default();
    }
    let kind = match (suffix, wide) {
        ("", None) if matches!(table, "C" | "DI") => Some("bool"),
        ("", None) => None,
        ("F", None) => Some("f32"),
        ("D", None) => Some("f64"),
        ("I", None) => Some("i32"),
        ("UI", None) => Some("u32"),
        ("US", None) => Some("u16"),
        ("I", Some("_64")) => Some("i64"),
        ("UI", Some("_64")) => Some("u64"),
        ("BCD", None) => Some("bcd16"),
        ("BCD", Some("_32")) => Some("bcd32"),
        ("S", None) => Some("text"),
        _ => return Err(wrong()),
    };
    let (numbers, length) = match numbers.split_once(':') {
        Some((number, length)) if kind == Some("text") => {
            (number, Some(length.parse().map_err(|_| wrong())?))
        }
        Some(_) => return Err(wrong()),
        None => (numbers, None),
    };
    let (number, bit) = numbers.split_once('.').map_or((numbers, None), |(number, bit)| (number, Some(bit)));
    let number: u32 = number.parse().ok().filter(|number| (1..=65_536).contains(number)).ok_or_else(wrong)?;
    let word = match table {
        "HR" => "holding",
        "IR" => "input",
        "C" => "coil",
        _ => "discrete",
    };
    let at = format!("{word} {}", number - 1);
    let at = match bit {
        Some(bit) if bit.parse::<u8>().is_ok_and(|bit| bit < 16) && kind.is_none() => {
            return Ok(Modbus { unit, at: format!("{at}.{bit}"), kind: Some("bool"), length: None });
        }
        Some(_) => return Err(wrong()),
        None => at,
    };
    Ok(Modbus { unit, at, kind, length })
}

impl Leaf<'_> {
    fn take(&self, tags: &mut Tags) -> Result<(), String> {
        let word = text(self.tag, "dataType");
        let told = type_of(word);
        let (device, mut entry) = match tags.kind {
            "modbus-tcp" => {
                let place = modbus(&self.place)?;
                let kind = place.kind.or(Some(if told == Some("u16") { "u16" } else { "i16" }));
                let mut entry = entry(&place.at, kind);
                if let Some(length) = place.length {
                    entry.insert("length".into(), length.into());
                }
                let name = if place.unit == 1 {
                    self.device.clone()
                } else {
                    format!("{}-{}", self.device, place.unit)
                };
                (tags.device(&name, &[("unit", place.unit.into())]), entry)
            }
            "s7" => {
                let (at, own) = siemens(&self.place)?;
                let kind = own.or(told).ok_or_else(|| format!("there is no type for `{word}`"))?;
                (tags.device(&self.device, &[]), entry(&at, Some(kind)))
            }
            _ => (tags.device(&self.device, &[]), entry(&self.place, told)),
        };
        put_text(&mut entry, "unit", text(self.tag, "engUnit"));
        let description = [text(self.tag, "documentation"), text(self.tag, "tooltip")];
        put_text(
            &mut entry,
            "description",
            description.into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
        );
        self.scaling(&mut entry)?;
        let ignored: Vec<&str> = self
            .tag
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key.as_str())
            .filter(|key| !SILENT.contains(key))
            .collect();
        if !ignored.is_empty() {
            let path = self.path.join("/");
            tags.note(Note::new(format!("`{path}`: {} are not taken over.", ignored.join(", "))));
        }
        tags.add(device, &self.path, None, entry);
        Ok(())
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.tag.get(key).and_then(Json::as_f64)
    }

    fn scaling(&self, entry: &mut Entry) -> Result<(), String> {
        let engineering = self.number("engLow").zip(self.number("engHigh"));
        match text(self.tag, "scaleMode") {
            "" | "Off" => {
                if let Some(range) = engineering.filter(|(low, high)| low < high) {
                    put_pair(entry, "range", range);
                }
                Ok(())
            }
            "Linear" => {
                // What the manual gives as defaults when a key is left out.
                let or = |key: &str, default| self.number(key).unwrap_or(default);
                put_pair(entry, "raw", (or("rawLow", 0.0), or("rawHigh", 10.0)));
                put_pair(entry, "range", (or("scaledLow", 0.0), or("scaledHigh", 10.0)));
                Ok(())
            }
            other => Err(format!("its scale mode `{other}` has no counterpart")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modbus_places_count_from_1() {
        let place = |text: &str| modbus(text).map(|place| (place.unit, place.at, place.kind));
        assert_eq!(place("HR1"), Ok((1, "holding 0".into(), None)));
        assert_eq!(place("7.HRF41"), Ok((7, "holding 40".into(), Some("f32"))));
        assert_eq!(place("HRI_64100"), Ok((1, "holding 99".into(), Some("i64"))));
        assert_eq!(place("HR1.3"), Ok((1, "holding 0.3".into(), Some("bool"))));
        assert_eq!(place("IRUS9"), Ok((1, "input 8".into(), Some("u16"))));
        assert_eq!(place("C5"), Ok((1, "coil 4".into(), Some("bool"))));
        assert_eq!(modbus("HRS10:20").unwrap().length, Some(20));
        for wrong in ["HR0", "HR", "XY1", "HRF1.2", "HR65537", "C1:3", ""] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
