//! Kepware's CSV of a device's tags.
//!
//! Source: KEPServerEX help, "Tag properties", "CSV import/export": one line a tag, the columns named in the first line.

use super::tags::{Entry, Tags, entry, put_pair, put_text};
use super::words::{kepware_modbus, siemens, type_of};
use super::{Format, Input};
use crate::draft::Note;
use crate::south::tags::Wrong;
use std::collections::BTreeMap;

/// Kepware CSV.
pub(super) static FORMAT: Format = Format {
    name: "kepware-csv",
    title: "Kepware CSV",
    files: "*.csv",
    text: "in Kepware, select the device, File, Export CSV",
    kinds: &["modbus-tcp", "s7", "ethernet-ip"],
    read,
};

/// Columns that are taken over.
const KNOWN: [&str; 13] = [
    "tag name",
    "address",
    "data type",
    "client access",
    "scan rate",
    "scaling",
    "raw low",
    "raw high",
    "scaled low",
    "scaled high",
    "eng units",
    "description",
    "negate value",
];
/// Columns that change nothing here.
const SILENT: [&str; 4] = ["respect data type", "scaled data type", "clamp low", "clamp high"];

fn read(input: &Input<'_>) -> Result<Tags, Wrong> {
    let text = input.text();
    let mut csv = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let names = csv.headers().map_err(|why| broken(&why))?.clone();
    let columns: Vec<String> = names.iter().map(str::to_ascii_lowercase).collect();
    for needed in ["tag name", "address"] {
        if !columns.iter().any(|name| name == needed) {
            let message = format!("`{}` has no column `{needed}`: it is no CSV of Kepware", input.file);
            return Err(Wrong::new(message, FORMAT.text));
        }
    }
    let mut rows = Vec::new();
    for record in csv.records() {
        let record = record.map_err(|why| broken(&why))?;
        let line = record.position().and_then(|at| usize::try_from(at.line()).ok()).unwrap_or(0);
        let fields =
            columns.iter().zip(&record).map(|(name, field)| (name.clone(), field.to_owned())).collect();
        rows.push(Row { fields, line });
    }
    let kind = input.kind.map_or_else(|| guess(&rows), |kind| known(kind));
    let mut tags = Tags::new(kind);
    for name in names.iter().filter(|name| {
        let name = name.to_ascii_lowercase();
        !name.is_empty() && !KNOWN.contains(&name.as_str()) && !SILENT.contains(&name.as_str())
    }) {
        tags.note(Note::at(1, format!("The column `{name}` is not taken over.")));
    }
    let keys: &[_] = match kind {
        "modbus-tcp" => &[("unit", 1.into()), ("order", "CDAB".into())],
        _ => &[],
    };
    let device = tags.device(input.device.unwrap_or("device"), keys);
    let mut writable = 0;
    for row in &rows {
        writable += usize::from(row.text("client access").eq_ignore_ascii_case("r/w"));
        if let Err(why) = row.take(&mut tags, device) {
            tags.note(Note::at(row.line, format!("`{}` is left out: {why}.", row.text("tag name"))));
        }
    }
    explain(&mut tags, writable);
    Ok(tags)
}

fn broken(why: &csv::Error) -> Wrong {
    Wrong::new(format!("it is no CSV: {why}"), FORMAT.text)
}

fn known(kind: &str) -> &'static str {
    FORMAT.kinds.iter().find(|known| **known == kind).copied().unwrap_or("modbus-tcp")
}

/// What the first address that tells says.
fn guess(rows: &[Row]) -> &'static str {
    let told = rows.iter().find_map(|row| {
        let address = row.text("address");
        if kepware_modbus(address).is_ok() {
            Some("modbus-tcp")
        } else if siemens(address).is_ok() {
            Some("s7")
        } else {
            None
        }
    });
    told.unwrap_or("ethernet-ip")
}

fn explain(tags: &mut Tags, writable: usize) {
    if tags.kind == "modbus-tcp" {
        tags.note(Note::new(
            "The list does not say the unit id: the draft has 1. Kepware sends the low word first unless `First word low` \
             is off: the draft has order = \"CDAB\"; compare a value with the device.",
        ));
    }
    if writable > 0 {
        tags.note(Note::new(format!(
            "Tags that may be written in Kepware: {writable}. The draft only reads; add write = {{ min = .., max = .. }} where it is meant."
        )));
    }
}

struct Row {
    fields: BTreeMap<String, String>,
    line: usize,
}

impl Row {
    fn text(&self, column: &str) -> &str {
        self.fields.get(column).map_or("", String::as_str)
    }

    fn number(&self, column: &str) -> Result<f64, String> {
        let text = self.text(column);
        text.parse().map_err(|_| format!("`{text}` in the column `{column}` is no number"))
    }

    fn take(&self, tags: &mut Tags, device: usize) -> Result<(), String> {
        let name = self.text("tag name");
        if name.is_empty() {
            return Err("it has no name".into());
        }
        let mut entry = self.place(tags.kind)?;
        put_text(&mut entry, "unit", self.text("eng units"));
        put_text(&mut entry, "description", self.text("description"));
        self.scaling(&mut entry)?;
        if let Ok(rate) = self.text("scan rate").parse::<u64>()
            && (5..=86_400_000).contains(&rate)
        {
            entry.insert("scan".into(), tags.class(rate).into());
        }
        let parts: Vec<&str> = name.split('.').collect();
        tags.add(device, &parts, Some(self.line), entry);
        Ok(())
    }

    /// Address and type in the words of the kind.
    fn place(&self, kind: &str) -> Result<Entry, String> {
        let (address, word) = (self.text("address"), self.text("data type"));
        let type_word = type_of(word);
        let no_type = || format!("there is no type for `{word}`");
        match kind {
            "modbus-tcp" => {
                let place = kepware_modbus(address)?;
                if let Some((characters, low_first)) = place.text {
                    let mut entry = entry(&place.at, Some("text"));
                    entry.insert("length".into(), characters.into());
                    if low_first {
                        entry.insert("packing".into(), "low-first".into());
                    }
                    return Ok(entry);
                }
                let single = place.bits || place.at.contains('.');
                match type_word {
                    _ if single => Ok(entry(&place.at, Some("bool"))),
                    Some("bool") | None | Some("i8" | "u8") => Err(no_type()),
                    Some(kind) => Ok(entry(&place.at, Some(kind))),
                }
            }
            "s7" => {
                let (at, own) = siemens(address)?;
                let kind = own.filter(|own| *own == "bool").or(type_word).or(own).ok_or_else(no_type)?;
                Ok(entry(&at, Some(kind)))
            }
            _ if address.is_empty() => Err("it has no address".into()),
            _ => Ok(entry(address, type_word)),
        }
    }

    fn scaling(&self, entry: &mut Entry) -> Result<(), String> {
        let scaling = self.text("scaling");
        match scaling.to_ascii_lowercase().as_str() {
            "" | "none" => Ok(()),
            "linear" => {
                put_pair(entry, "raw", (self.number("raw low")?, self.number("raw high")?));
                let (low, high) = (self.number("scaled low")?, self.number("scaled high")?);
                let negated = matches!(self.text("negate value"), "1" | "true" | "True" | "yes" | "Yes");
                put_pair(entry, "range", if negated { (-low, -high) } else { (low, high) });
                Ok(())
            }
            _ => Err(format!("its scaling `{scaling}` has no counterpart")),
        }
    }
}
