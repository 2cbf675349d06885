//! Tag lists as spreadsheets write them.
//!
//! First line: the names of the columns, in any order; `tag` and `at` are needed. Comma, semicolon or tab between the
//! fields (whichever the first line uses), fields quoted or not, with or without a byte order mark: what Excel and
//! LibreOffice save in any country is read. With semicolons, a decimal comma is read too.
//!
//! A line becomes the same tree as a tag in TOML, so that the protocol's own schema checks both.

mod form;

use self::form::Form;
use super::keys::{Confirm, ConfirmWord};
use super::{TagEntry, closed_schema};
use model::config::{Diagnostic, Document, Node, NodeValue, check, nearest};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;

/// The columns that all protocols have, in the order in which they are written, behind `tag` and the protocol's own.
pub const SHARED_COLUMNS: [&str; 20] = [
    "unit",
    "scan",
    "raw_low",
    "raw_high",
    "range_low",
    "range_high",
    "scale",
    "offset",
    "bad_above",
    "bad_below",
    "states",
    "name",
    "description",
    "write",
    "min",
    "max",
    "step",
    "confirm",
    "within",
    "was",
];

/// A tag and the place of its line.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<T> {
    /// Name of the tag.
    pub tag: String,
    /// What the line says.
    pub entry: T,
    /// Byte range of the line.
    pub span: Range<usize>,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct List<T> {
    /// File name as the user knows it.
    pub file: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
    /// Its tags.
    pub rows: Vec<Row<T>>,
}

/// UTF-8, UTF-16 with its mark (what Excel calls Unicode text), else Windows' Latin-1.
pub fn decode_text(bytes: Vec<u8>) -> String {
    let utf16 = |rest: &[u8], from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.as_chunks::<2>().0.iter().map(|pair| from(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes)
            .unwrap_or_else(|wrong| wrong.into_bytes().into_iter().map(char::from).collect()),
    }
}

/// Reads a list.
///
/// # Errors
/// Every mistake with its line.
pub fn read<T: TagEntry>(file: &str, text: &str) -> Result<List<T>, Vec<Diagnostic>> {
    let text: Arc<str> = text.strip_prefix('\u{feff}').unwrap_or(text).into();
    let header = text.lines().next().unwrap_or_default();
    let delimiter = [b';', b'\t', b','].into_iter().find(|d| header.as_bytes().contains(d)).unwrap_or(b',');
    let schema = closed_schema::<T>();
    let mut reading = Reading {
        file: file.into(),
        text: text.clone(),
        own: T::COLUMNS.iter().map(|name| (*name, Form::of(name, &schema))).collect(),
        schema,
        mistakes: Vec::new(),
        decimal_comma: delimiter != b',',
    };
    let mut csv = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let columns = match csv.headers() {
        Ok(names) => reading.columns(names),
        Err(error) => {
            reading.mistake(0..0, error.to_string(), "save the sheet as CSV in UTF-8");
            return Err(reading.mistakes);
        }
    };
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        let start = usize::try_from(csv.position().byte()).unwrap_or(0);
        match csv.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {
                let start = record.position().and_then(|p| usize::try_from(p.byte()).ok()).unwrap_or(start);
                // The reader may stop between the two characters that end a Windows line.
                let ends =
                    text.as_bytes().iter().skip(start).take_while(|b| matches!(b, b'\r' | b'\n')).count();
                let start = start + ends;
                let end = usize::try_from(csv.position().byte()).unwrap_or(start).max(start);
                if record.iter().any(|field| !field.is_empty()) {
                    rows.extend(reading.row(&columns, &record, start..end));
                }
            }
            Err(error) => {
                reading.mistake(start..start, error.to_string(), "save the sheet as CSV in UTF-8");
                break;
            }
        }
    }
    if reading.mistakes.is_empty() {
        Ok(List { file: reading.file, text, rows })
    } else {
        Err(reading.mistakes)
    }
}

struct Reading {
    file: Arc<str>,
    text: Arc<str>,
    own: Vec<(&'static str, Form)>,
    schema: Json,
    mistakes: Vec<Diagnostic>,
    decimal_comma: bool,
}

/// One line, looked at by column name, on its way to a tree.
struct Line<'a> {
    fields: BTreeMap<&'static str, &'a str>,
    span: Range<usize>,
    entries: Vec<(String, Range<usize>, Node)>,
}

impl Line<'_> {
    fn text(&self, column: &str) -> Option<&str> {
        self.fields.get(column).copied().filter(|field| !field.is_empty())
    }

    fn node(&self, value: NodeValue) -> Node {
        Node { span: self.span.clone(), value }
    }

    fn table(&self, entries: Vec<(String, Node)>) -> Node {
        let placed = entries.into_iter().map(|(key, node)| (key, self.span.clone(), node)).collect();
        self.node(NodeValue::Table(placed))
    }

    fn put(&mut self, key: &str, value: NodeValue) {
        let node = self.node(value);
        self.entries.push((key.to_owned(), self.span.clone(), node));
    }
}

/// A number as TOML would have it: whole ones are integers.
fn number_value(number: f64) -> NodeValue {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        NodeValue::Integer(number as i64)
    } else {
        NodeValue::Float(number)
    }
}

impl Reading {
    fn mistake(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        let (file, text) = (self.file.clone(), self.text.clone());
        self.mistakes.push(Diagnostic { file, text, span, message: message.into(), help: help.into() });
    }

    fn columns(&mut self, names: &csv::StringRecord) -> Vec<Option<&'static str>> {
        let all: Vec<&'static str> = std::iter::once("tag")
            .chain(self.own.iter().map(|(name, _)| *name))
            .chain(SHARED_COLUMNS)
            .collect();
        let columns: Vec<_> = names
            .iter()
            .map(|name| {
                let known = all.iter().find(|column| column.eq_ignore_ascii_case(name)).copied();
                if known.is_none() && !name.is_empty() {
                    let help = nearest(name, all.iter().copied()).map_or_else(
                        || format!("known columns: {}", all.join(", ")),
                        |near| format!("did you mean `{near}`?"),
                    );
                    self.mistake(0..0, format!("the column `{name}` is not known"), help);
                }
                known
            })
            .collect();
        for needed in ["tag", "at"] {
            if !columns.contains(&Some(needed)) {
                self.mistake(
                    0..0,
                    format!("the column `{needed}` is missing"),
                    "the first line names the columns; `tag` and `at` are needed",
                );
            }
        }
        columns
    }

    fn row<T: TagEntry>(
        &mut self,
        columns: &[Option<&'static str>],
        record: &csv::StringRecord,
        span: Range<usize>,
    ) -> Option<Row<T>> {
        let before = self.mistakes.len();
        let fields =
            columns.iter().zip(record).filter_map(|(column, field)| Some(((*column)?, field))).collect();
        let mut line = Line { fields, span: span.clone(), entries: Vec::new() };
        let (Some(tag), Some(_)) = (line.text("tag").map(str::to_owned), line.text("at")) else {
            self.mistake(
                span,
                "this line has no tag or no address",
                "fill the columns `tag` and `at`, or delete the line",
            );
            return None;
        };
        for column in 0..self.own.len() {
            self.own_column(column, &mut line);
        }
        self.shared_columns(&mut line);
        let entries = std::mem::take(&mut line.entries);
        let root = line.node(NodeValue::Table(entries));
        let document = Document { file: self.file.clone(), text: self.text.clone(), root };
        self.mistakes.extend(check(&document, &self.schema));
        if self.mistakes.len() > before {
            return None;
        }
        match document.construct::<T>() {
            Ok(entry) => Some(Row { tag, entry, span }),
            Err(mistake) => {
                self.mistakes.push(Diagnostic { span, ..mistake });
                None
            }
        }
    }

    fn own_column(&mut self, column: usize, line: &mut Line<'_>) {
        let Some((name, form)) = self.own.get(column) else { return };
        let name = *name;
        let Some(text) = line.text(name) else { return };
        let value = match form {
            Form::Text => NodeValue::Text(text.to_owned()),
            Form::Word(words) => match words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
                Some(word) => NodeValue::Text(word.clone()),
                None => {
                    let message = format!("`{text}` in the column `{name}` is not known");
                    let help = format!("possible: {}", words.join(", "));
                    return self.mistake(line.span.clone(), message, help);
                }
            },
            Form::Number => match self.number(line, name) {
                Some(number) => number_value(number),
                None => return,
            },
            Form::Flag => NodeValue::Bool(self.flag(line, name)),
        };
        line.put(name, value);
    }

    fn shared_columns(&mut self, line: &mut Line<'_>) {
        for column in ["unit", "scan", "name", "description"] {
            if let Some(text) = line.text(column).map(str::to_owned) {
                line.put(column, NodeValue::Text(text));
            }
        }
        for column in ["scale", "offset", "bad_above", "bad_below"] {
            if let Some(number) = self.number(line, column) {
                line.put(column, number_value(number));
            }
        }
        for (key, low, high) in [("raw", "raw_low", "raw_high"), ("range", "range_low", "range_high")] {
            if let Some((low, high)) = self.pair(line, low, high) {
                let both = [low, high].map(|number| line.node(number_value(number)));
                line.put(key, NodeValue::Array(both.into()));
            }
        }
        if let Some(was) = line.text("was") {
            let paths = was.split('|').map(|path| line.node(NodeValue::Text(path.trim().to_owned())));
            let paths = paths.collect();
            line.put("was", NodeValue::Array(paths));
        }
        self.states(line);
        self.write(line);
    }

    fn number(&mut self, line: &Line<'_>, column: &str) -> Option<f64> {
        let text = line.text(column)?;
        let dotted = if self.decimal_comma { text.replace(',', ".") } else { text.to_owned() };
        let number = dotted.parse::<f64>().ok().filter(|n| n.is_finite());
        if number.is_none() {
            self.mistake(
                line.span.clone(),
                format!("`{text}` in the column `{column}` is no number"),
                "write a number like 12.5",
            );
        }
        number
    }

    fn pair(&mut self, line: &Line<'_>, low: &str, high: &str) -> Option<(f64, f64)> {
        match (self.number(line, low), self.number(line, high)) {
            (Some(low), Some(high)) => Some((low, high)),
            (None, None) => None,
            _ => {
                self.mistake(
                    line.span.clone(),
                    format!("`{low}` and `{high}` belong together"),
                    "fill both or none",
                );
                None
            }
        }
    }

    fn flag(&mut self, line: &Line<'_>, column: &str) -> bool {
        match line.text(column).map(str::to_ascii_lowercase).as_deref() {
            Some("yes" | "true" | "1") => true,
            Some("no" | "false" | "0") | None => false,
            Some(other) => {
                let message = format!("`{other}` in the column `{column}` is neither yes nor no");
                self.mistake(line.span.clone(), message, "write yes or no");
                false
            }
        }
    }

    fn states(&mut self, line: &mut Line<'_>) {
        let Some(text) = line.text("states") else { return };
        let mut states = Vec::new();
        for part in text.split('|') {
            match part.split_once('=') {
                Some((value, name)) => {
                    let name = line.node(NodeValue::Text(name.trim().to_owned()));
                    states.push((value.trim().to_owned(), name));
                }
                None => {
                    let message = format!("`{part}` in the column `states` is no state");
                    self.mistake(line.span.clone(), message, "write 0=Idle|1=Execute");
                }
            }
        }
        let NodeValue::Table(states) = line.table(states).value else { return };
        line.put("states", NodeValue::Table(states));
    }

    fn write(&mut self, line: &mut Line<'_>) {
        let mut write: Vec<(String, Node)> = Vec::new();
        for column in ["min", "max", "step"] {
            if let Some(number) = self.number(line, column) {
                write.push((column.to_owned(), line.node(number_value(number))));
            }
        }
        if let Some(text) = line.text("confirm") {
            let confirm = match text {
                "readback" | "none" => line.node(NodeValue::Text(text.to_owned())),
                point => {
                    let text = |text: &str| line.node(NodeValue::Text(text.to_owned()));
                    let within = text(line.text("within").unwrap_or("5s"));
                    line.table(vec![("point".to_owned(), text(point)), ("within".to_owned(), within)])
                }
            };
            write.push(("confirm".to_owned(), confirm));
        }
        if self.flag(line, "write") {
            let write = line.table(write).value;
            line.put("write", write);
        } else if !write.is_empty() {
            self.mistake(
                line.span.clone(),
                "limits of a write without `write`",
                "write yes in the column `write`, or empty min, max, step and confirm",
            );
        }
    }
}

/// Writes tags as a list with all columns that at least one of them uses.
pub fn write<'a, T: TagEntry + 'a>(tags: impl IntoIterator<Item = (&'a str, &'a T)>) -> String {
    let lines: Vec<Vec<String>> = tags.into_iter().map(|(tag, entry)| fields(tag, entry)).collect();
    let names: Vec<&str> =
        std::iter::once("tag").chain(T::COLUMNS.iter().copied()).chain(SHARED_COLUMNS).collect();
    let used: Vec<bool> = (0..names.len())
        .map(|column| {
            column < 2 || lines.iter().any(|line| line.get(column).is_some_and(|field| !field.is_empty()))
        })
        .collect();
    fn keep<'f>(line: &'f [impl AsRef<str>], used: &'f [bool]) -> impl Iterator<Item = &'f str> {
        line.iter().zip(used).filter(|(_, used)| **used).map(|(field, _)| field.as_ref())
    }
    let mut csv = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = csv.write_record(keep(&names, &used));
    for line in &lines {
        let _ = csv.write_record(keep(line, &used));
    }
    csv.into_inner().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn fields<T: TagEntry>(tag: &str, entry: &T) -> Vec<String> {
    fn shown<V: Display>(value: Option<V>) -> String {
        value.map(|v| v.to_string()).unwrap_or_default()
    }
    let own = serde_json::to_value(entry).unwrap_or_default();
    let own = T::COLUMNS.iter().map(|column| match own.get(column) {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => text.clone(),
        Some(Json::Bool(flag)) => if *flag { "yes" } else { "" }.to_owned(),
        Some(other) => other.to_string(),
    });
    let keys = entry.keys();
    let states: Vec<String> = keys.states.iter().map(|(value, name)| format!("{value}={name}")).collect();
    let write = keys.write.as_ref();
    let (confirm, within) = match write.and_then(|w| w.confirm.as_ref()) {
        None => (String::new(), String::new()),
        Some(Confirm::Word(ConfirmWord::Readback)) => ("readback".into(), String::new()),
        Some(Confirm::Word(ConfirmWord::None)) => ("none".into(), String::new()),
        Some(Confirm::Point(point)) => (point.point.clone(), point.within.to_string()),
    };
    let shared = [
        keys.unit.clone(),
        shown(keys.scan.clone()),
        shown(keys.raw.map(|r| r.0)),
        shown(keys.raw.map(|r| r.1)),
        shown(keys.range.map(|r| r.0)),
        shown(keys.range.map(|r| r.1)),
        shown(keys.scale),
        shown(keys.offset),
        shown(keys.bad_above),
        shown(keys.bad_below),
        states.join("|"),
        keys.name.clone(),
        keys.description.clone(),
        if write.is_some() { "yes".into() } else { String::new() },
        shown(write.and_then(|w| w.min)),
        shown(write.and_then(|w| w.max)),
        shown(write.and_then(|w| w.step)),
        confirm,
        within,
        keys.was.join("|"),
    ];
    std::iter::once(tag.to_owned()).chain(own).chain(shared).collect()
}

#[cfg(test)]
mod tests;
