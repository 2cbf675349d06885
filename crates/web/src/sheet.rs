//! Rows as a file that grows: JSON and comma-separated text here, Parquet by the binary ([`crate::Query::parquet`]).
//!
//! Rationale: a table says once what its columns are and fills cell after cell; which file comes of it is decided
//! elsewhere, and nothing but the present piece is in memory.

use crate::Problem;
use crate::json::Writer;
use model::{Time, csv};
use std::fmt::Write as _;

/// What the cells of a column hold; each may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// Text.
    Text,
    /// A moment: RFC 3339 in text, ms since 1970 UTC in JSON, nanoseconds in Parquet.
    Time,
    /// A double.
    Double,
    /// A whole number.
    Whole,
    /// True or false.
    Flag,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, as in SQL.
    pub name: &'static str,
    /// What it holds.
    pub kind: CellKind,
}

/// A file in the making. Cells are given row by row, in the order of the columns.
pub trait Sheet: Send {
    /// An empty cell.
    fn null(&mut self);
    /// Text.
    fn text(&mut self, text: &str);
    /// A moment.
    fn time(&mut self, time: Time);
    /// A double.
    fn double(&mut self, value: f64);
    /// A whole number.
    fn whole(&mut self, value: i64);
    /// True or false.
    fn flag(&mut self, value: bool);
    /// Ends a row.
    fn end_row(&mut self);
    /// The bytes that are ready; with `last`, the file ends with them.
    ///
    /// # Errors
    /// A [`Problem`] when the cells do not fit the columns.
    fn take(&mut self, last: bool) -> Result<Vec<u8>, Problem>;
}

/// Helpers that every sheet has.
impl dyn Sheet + '_ {
    /// Text, empty cell for the empty one.
    pub(crate) fn text_or_null(&mut self, text: &str) {
        if text.is_empty() { self.null() } else { self.text(text) }
    }

    /// A moment, empty cell for "never".
    pub(crate) fn time_or_null(&mut self, time: Time) {
        if time == Time::ZERO { self.null() } else { self.time(time) }
    }

    /// A double or nothing.
    pub(crate) fn double_or_null(&mut self, value: Option<f64>) {
        match value {
            Some(value) => self.double(value),
            None => self.null(),
        }
    }
}

/// A list of objects.
pub(crate) struct JsonSheet {
    columns: &'static [Column],
    out: Writer,
    cell: usize,
    rows: bool,
    begun: bool,
}

impl JsonSheet {
    pub fn new(columns: &'static [Column]) -> Self {
        Self { columns, out: Writer::default(), cell: 0, rows: false, begun: false }
    }

    fn key(&mut self) {
        if !std::mem::replace(&mut self.begun, true) {
            self.out.raw("[");
        }
        if self.cell == 0 {
            self.out.raw(if self.rows { ",\n{\"" } else { "\n{\"" });
        } else {
            self.out.raw(",\"");
        }
        self.out.raw(self.columns.get(self.cell).map_or("", |column| column.name));
        self.out.raw("\":");
        self.cell += 1;
    }
}

impl Sheet for JsonSheet {
    fn null(&mut self) {
        self.key();
        self.out.raw("null");
    }
    fn text(&mut self, text: &str) {
        self.key();
        self.out.text(text);
    }
    fn time(&mut self, time: Time) {
        self.key();
        self.out.time(time);
    }
    fn double(&mut self, value: f64) {
        self.key();
        self.out.f64(value);
    }
    fn whole(&mut self, value: i64) {
        self.key();
        self.out.whole(value);
    }
    fn flag(&mut self, value: bool) {
        self.key();
        self.out.bool(value);
    }
    fn end_row(&mut self) {
        self.out.raw("}");
        (self.cell, self.rows) = (0, true);
    }
    fn take(&mut self, last: bool) -> Result<Vec<u8>, Problem> {
        if last {
            self.out.raw(if self.begun { "\n]\n" } else { "[]\n" });
        }
        Ok(std::mem::take(&mut self.out).finish().into_bytes())
    }
}

/// Comma-separated text with a head line.
pub(crate) struct CsvSheet {
    out: String,
    first: bool,
}

impl CsvSheet {
    pub fn new(columns: &'static [Column]) -> Self {
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        Self { out: names.join(",") + "\r\n", first: true }
    }

    fn cell(&mut self) -> &mut String {
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
        &mut self.out
    }

    fn shown(&mut self, value: impl std::fmt::Display) {
        let _ = write!(self.cell(), "{value}");
    }
}

impl Sheet for CsvSheet {
    fn null(&mut self) {
        self.cell();
    }
    fn text(&mut self, text: &str) {
        csv::field(self.cell(), text);
    }
    fn time(&mut self, time: Time) {
        // All with nine digits: programs that guess a format from the first row then read all of them.
        let text = time.rfc3339();
        let body = text.trim_end_matches('Z');
        let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
        self.shown(format_args!("{whole}.{fraction:0<9}Z"));
    }
    fn double(&mut self, value: f64) {
        self.shown(value);
    }
    fn whole(&mut self, value: i64) {
        self.shown(value);
    }
    fn flag(&mut self, value: bool) {
        self.shown(value);
    }
    fn end_row(&mut self) {
        self.out.push_str("\r\n");
        self.first = true;
    }
    fn take(&mut self, _: bool) -> Result<Vec<u8>, Problem> {
        Ok(std::mem::take(&mut self.out).into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column { name: "path", kind: CellKind::Text },
        Column { name: "time", kind: CellKind::Time },
        Column { name: "value", kind: CellKind::Double },
        Column { name: "seq", kind: CellKind::Whole },
        Column { name: "good", kind: CellKind::Flag },
    ];

    fn filled(sheet: &mut dyn Sheet) -> String {
        let mut bytes = sheet.take(false).unwrap();
        for (path, value) in [("a/b", Some(1.5)), ("=1+1", None)] {
            sheet.text(path);
            sheet.time(Time(1_767_225_600_123_456_789));
            sheet.double_or_null(value);
            sheet.whole(i64::MAX);
            sheet.flag(value.is_some());
            sheet.end_row();
            bytes.extend(sheet.take(false).unwrap());
        }
        bytes.extend(sheet.take(true).unwrap());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn csv_has_a_head_empty_cells_and_no_formula() {
        let expected = "path,time,value,seq,good\r\n\
            a/b,2026-01-01T00:00:00.123456789Z,1.5,9223372036854775807,true\r\n\
            \"'=1+1\",2026-01-01T00:00:00.123456789Z,,9223372036854775807,false\r\n";
        assert_eq!(filled(&mut CsvSheet::new(COLUMNS)), expected);
    }

    #[test]
    fn json_is_a_list_of_objects_also_when_taken_in_pieces() {
        let read: serde_json::Value = serde_json::from_str(&filled(&mut JsonSheet::new(COLUMNS))).unwrap();
        assert_eq!(
            (read[0]["value"].clone(), read[1]["value"].clone()),
            (1.5.into(), serde_json::Value::Null)
        );
        assert_eq!(read[0]["seq"], "9223372036854775807", "more than a double holds is text");
        assert_eq!(read.as_array().map(Vec::len), Some(2));
        assert_eq!(JsonSheet::new(COLUMNS).take(true).unwrap(), b"[]\n");
    }
}
