//! Tag lists as spreadsheets write them.
//!
//! First line: the names of the columns, in any order; `tag` and `at` are needed. Comma, semicolon or tab between the
//! fields (whichever the first line uses), fields quoted or not, with or without a byte order mark: what Excel and
//! LibreOffice save in any country is read. With semicolons, a decimal comma is read too.

use super::config::{Confirm, ConfirmPoint, ConfirmWord, Tag, Write};
use super::types::{Order, Packing, Type};
use model::config::{Diagnostic, Period, nearest};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;

/// The columns, in the order in which they are written.
pub const COLUMNS: [&str; 26] = [
    "tag",
    "at",
    "type",
    "order",
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
    "length",
    "packing",
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
pub struct Row {
    /// Name of the tag.
    pub tag: String,
    /// What the line says.
    pub entry: Tag,
    /// Byte range of the line.
    pub span: Range<usize>,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct List {
    /// File name as the user knows it.
    pub file: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
    /// Its tags.
    pub rows: Vec<Row>,
}

/// Reads a list.
///
/// # Errors
/// Every mistake with its line.
pub fn read(file: &str, text: &str) -> Result<List, Vec<Diagnostic>> {
    let text: Arc<str> = text.strip_prefix('\u{feff}').unwrap_or(text).into();
    let mut reading =
        Reading { file: file.into(), text: text.clone(), mistakes: Vec::new(), decimal_comma: false };
    let header = text.lines().next().unwrap_or_default();
    let delimiter = [b';', b'\t', b','].into_iter().find(|d| header.as_bytes().contains(d)).unwrap_or(b',');
    reading.decimal_comma = delimiter != b',';
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
    mistakes: Vec<Diagnostic>,
    decimal_comma: bool,
}

/// One line, looked at by column name.
struct Line<'a> {
    fields: BTreeMap<&'static str, &'a str>,
    span: Range<usize>,
}

impl Line<'_> {
    fn text(&self, column: &str) -> Option<&str> {
        self.fields.get(column).copied().filter(|field| !field.is_empty())
    }
}

impl Reading {
    fn mistake(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        let (file, text) = (self.file.clone(), self.text.clone());
        self.mistakes.push(Diagnostic { file, text, span, message: message.into(), help: help.into() });
    }

    fn columns(&mut self, names: &csv::StringRecord) -> Vec<Option<&'static str>> {
        let columns: Vec<_> = names
            .iter()
            .map(|name| {
                let known = COLUMNS.iter().find(|column| column.eq_ignore_ascii_case(name)).copied();
                if known.is_none() && !name.is_empty() {
                    let near = nearest(name, COLUMNS.iter().copied());
                    let help = near.map_or_else(
                        || format!("known columns: {}", COLUMNS.join(", ")),
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

    fn row(
        &mut self,
        columns: &[Option<&'static str>],
        record: &csv::StringRecord,
        span: Range<usize>,
    ) -> Option<Row> {
        let fields =
            columns.iter().zip(record).filter_map(|(column, field)| Some(((*column)?, field))).collect();
        let line = Line { fields, span: span.clone() };
        let (Some(tag), Some(at)) = (line.text("tag"), line.text("at")) else {
            self.mistake(
                span,
                "this line has no tag or no address",
                "fill the columns `tag` and `at`, or delete the line",
            );
            return None;
        };
        let entry = Tag {
            at: at.to_owned(),
            kind: self.word::<Type>(&line, "type", Type::ALL.iter().map(|t| t.name())),
            order: self.word::<Order>(&line, "order", Order::ALL.iter().map(|o| o.name())),
            length: self.number(&line, "length").map(|n| n as u16),
            packing: self.word::<Packing>(&line, "packing", Packing::ALL.iter().map(|p| p.name())),
            unit: line.text("unit").unwrap_or_default().to_owned(),
            scan: line.text("scan").map(str::to_owned),
            raw: self.pair(&line, "raw_low", "raw_high"),
            range: self.pair(&line, "range_low", "range_high"),
            scale: self.number(&line, "scale"),
            offset: self.number(&line, "offset"),
            bad_above: self.number(&line, "bad_above"),
            bad_below: self.number(&line, "bad_below"),
            states: self.states(&line),
            name: line.text("name").unwrap_or_default().to_owned(),
            description: line.text("description").unwrap_or_default().to_owned(),
            write: self.write(&line),
            was: line
                .text("was")
                .map(|was| was.split('|').map(|w| w.trim().to_owned()).collect())
                .unwrap_or_default(),
        };
        Some(Row { tag: tag.to_owned(), entry, span })
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

    fn word<T: DeserializeOwned>(
        &mut self,
        line: &Line<'_>,
        column: &str,
        known: impl Iterator<Item = &'static str>,
    ) -> Option<T> {
        let text = line.text(column)?;
        let known: Vec<_> = known.collect();
        let exact = known.iter().find(|word| word.eq_ignore_ascii_case(text)).copied().unwrap_or(text);
        let found = serde_json::from_value(serde_json::Value::from(exact)).ok();
        if found.is_none() {
            self.mistake(
                line.span.clone(),
                format!("`{text}` in the column `{column}` is not known"),
                format!("possible: {}", known.join(", ")),
            );
        }
        found
    }

    fn states(&mut self, line: &Line<'_>) -> BTreeMap<String, String> {
        let mut states = BTreeMap::new();
        for part in line.text("states").into_iter().flat_map(|text| text.split('|')) {
            match part.split_once('=') {
                Some((value, name)) => states.insert(value.trim().to_owned(), name.trim().to_owned()),
                None => {
                    self.mistake(
                        line.span.clone(),
                        format!("`{part}` in the column `states` is no state"),
                        "write 0=Idle|1=Execute",
                    );
                    None
                }
            };
        }
        states
    }

    fn write(&mut self, line: &Line<'_>) -> Option<Write> {
        let (min, max, step) =
            (self.number(line, "min"), self.number(line, "max"), self.number(line, "step"));
        let allowed = match line.text("write").map(str::to_ascii_lowercase).as_deref() {
            Some("yes" | "true" | "1") => true,
            Some("no" | "false" | "0") | None => false,
            Some(other) => {
                self.mistake(
                    line.span.clone(),
                    format!("`{other}` in the column `write` is neither yes nor no"),
                    "write yes or no",
                );
                false
            }
        };
        let confirm = match line.text("confirm") {
            None => None,
            Some("readback") => Some(Confirm::Word(ConfirmWord::Readback)),
            Some("none") => Some(Confirm::Word(ConfirmWord::None)),
            Some(point) => {
                let within = line.text("within").and_then(Period::parse).unwrap_or(Period::millis(5_000));
                Some(Confirm::Point(ConfirmPoint { point: point.to_owned(), within }))
            }
        };
        if !allowed && (min.is_some() || max.is_some() || step.is_some() || confirm.is_some()) {
            self.mistake(
                line.span.clone(),
                "limits of a write without `write`",
                "write yes in the column `write`, or empty min, max, step and confirm",
            );
        }
        allowed.then_some(Write { min, max, step, confirm })
    }
}

/// Writes tags as a list with all columns that at least one of them uses.
pub fn write<'a>(tags: impl IntoIterator<Item = (&'a str, &'a Tag)>) -> String {
    let lines: Vec<Vec<String>> = tags.into_iter().map(|(tag, entry)| fields(tag, entry)).collect();
    let used: Vec<bool> = (0..COLUMNS.len())
        .map(|column| {
            column < 2 || lines.iter().any(|line| line.get(column).is_some_and(|field| !field.is_empty()))
        })
        .collect();
    let keep = |line: &[String]| -> Vec<String> {
        line.iter().zip(&used).filter(|(_, used)| **used).map(|(field, _)| field.clone()).collect()
    };
    let mut csv = csv::Writer::from_writer(Vec::new());
    let header: Vec<String> = COLUMNS.iter().map(ToString::to_string).collect();
    // Writing to memory cannot fail.
    let _ = csv.write_record(keep(&header));
    for line in &lines {
        let _ = csv.write_record(keep(line));
    }
    csv.into_inner().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn fields(tag: &str, entry: &Tag) -> Vec<String> {
    fn shown<T: Display>(value: Option<T>) -> String {
        value.map(|v| v.to_string()).unwrap_or_default()
    }
    let states: Vec<String> = entry.states.iter().map(|(value, name)| format!("{value}={name}")).collect();
    let write = entry.write.as_ref();
    let (confirm, within) = match write.and_then(|w| w.confirm.as_ref()) {
        None => (String::new(), String::new()),
        Some(Confirm::Word(ConfirmWord::Readback)) => ("readback".into(), String::new()),
        Some(Confirm::Word(ConfirmWord::None)) => ("none".into(), String::new()),
        Some(Confirm::Point(point)) => (point.point.clone(), point.within.to_string()),
    };
    vec![
        tag.to_owned(),
        entry.at.clone(),
        shown(entry.kind.map(Type::name)),
        shown(entry.order.map(Order::name)),
        entry.unit.clone(),
        shown(entry.scan.clone()),
        shown(entry.raw.map(|r| r.0)),
        shown(entry.raw.map(|r| r.1)),
        shown(entry.range.map(|r| r.0)),
        shown(entry.range.map(|r| r.1)),
        shown(entry.scale),
        shown(entry.offset),
        shown(entry.bad_above),
        shown(entry.bad_below),
        shown(entry.length),
        shown(entry.packing.map(Packing::name)),
        states.join("|"),
        entry.name.clone(),
        entry.description.clone(),
        if write.is_some() { "yes".into() } else { String::new() },
        shown(write.and_then(|w| w.min)),
        shown(write.and_then(|w| w.max)),
        shown(write.and_then(|w| w.step)),
        confirm,
        within,
        entry.was.join("|"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_excel_writes_in_germany() {
        let text = "\u{feff}tag;at;type;raw_low;raw_high;range_low;range_high;states;description\r\n\
                    level;40110;i16;0;27648;0;99,5;;\"Füllstand; \"\"Tank 1\"\"\"\r\n\
                    state;40120;u16;;;;;0=Idle|1=Execute;\r\n\
                    ;;;;;;;;\r\n";
        let list = read("filler.csv", text).unwrap();
        assert_eq!(list.rows.len(), 2);
        assert_eq!(list.rows[0].entry.range, Some((0.0, 99.5)));
        assert_eq!(list.rows[0].entry.description, "Füllstand; \"Tank 1\"");
        assert_eq!(list.rows[1].entry.states["1"], "Execute");
        assert_eq!(model::config::line_of(&list.text, list.rows[1].span.start), 3);
    }

    #[test]
    fn all_mistakes_with_their_lines() {
        let text = "tag,at,typ,raw_low,raw_high,min,order\na,40001,,1,,,\nb,,,,,,\nc,40003,,,,5,CDBA\nd,40004,,x,1,,\n";
        let found: Vec<String> = read("t.csv", text).unwrap_err().iter().map(ToString::to_string).collect();
        for expected in [
            "t.csv:1: the column `typ` is not known (did you mean `type`?)",
            "t.csv:2: `raw_low` and `raw_high` belong together (fill both or none)",
            "t.csv:3: this line has no tag or no address (fill the columns `tag` and `at`, or delete the line)",
            "t.csv:4: `CDBA` in the column `order` is not known (possible: ABCD, CDAB, BADC, DCBA)",
            "t.csv:4: limits of a write without `write` (write yes in the column `write`, or empty min, max, step and confirm)",
            "t.csv:5: `x` in the column `raw_low` is no number (write a number like 12.5)",
        ] {
            assert!(found.iter().any(|m| m == expected), "{expected}\n{found:#?}");
        }
    }

    #[test]
    fn round_trip() {
        let text = "tag,at,type,order,unit,scan,raw_low,raw_high,range_low,range_high,length,packing,states,name,write,min,max,step,confirm,within,was\n\
                    a,40001,f32,CDAB,bar,fast,0,100,-1.5,1.5,,,,\"Druck, \"\"A\"\"\",yes,0,600,50,packaging/x,2s,old/a|older/a\n\
                    b,holding 7,text,,,,,,,,12,low-first,,,,,,,,,\n\
                    c,40120.3,,,,,,,,,,,0=Off|1=On,,yes,,,,none,,\n";
        let list = read("t.csv", text).unwrap();
        let written = write(list.rows.iter().map(|row| (row.tag.as_str(), &row.entry)));
        assert_eq!(written, text);
        let again = read("t.csv", &written).unwrap();
        assert_eq!(again.rows, list.rows);
    }
}
