//! Values as PostgreSQL writes them, in its text and its binary format. Times are microseconds there: nanoseconds are cut
//! off, never rounded up into the future.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float32Array, Float64Array, Int64Array, ListArray,
    StringArray, StringViewArray,
};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::{BufMut, BytesMut};
use std::io::Write as _;

/// Microseconds from 1970 to 2000, where PostgreSQL begins to count.
pub(super) const EPOCH_US: i64 = 946_684_800_000_000;
/// The same in days.
const EPOCH_DAYS: i64 = 10_957;
const DAY_US: i64 = 86_400_000_000;

/// The columns of some rows, ready to be written.
pub(super) struct Columns(Vec<(Column, bool)>);

enum Column {
    Bool(BooleanArray),
    /// With the bytes of its binary form.
    Int(Int64Array, usize),
    Float4(Float32Array),
    Float8(Float64Array),
    /// Microseconds since 1970; whether it has a zone.
    Stamp(Int64Array, bool),
    /// Days since 1970.
    Date(Int64Array),
    /// Microseconds of a day.
    Clock(Int64Array),
    Interval(arrow::array::IntervalMonthDayNanoArray),
    Text(StringViewArray),
    Bytes(BinaryArray),
    /// Digits.
    Numeric(StringArray),
    List(ListArray, Box<Column>, u32),
}

fn as_i64(array: &ArrayRef) -> Result<Int64Array, ArrowError> {
    // A number that does not fit is an error, never NULL.
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let cast = cast_with_options(array, &DataType::Int64, &strict)?;
    Ok(cast.as_primitive::<arrow::datatypes::Int64Type>().clone())
}

fn micros(array: &ArrayRef, unit: TimeUnit) -> Result<Int64Array, ArrowError> {
    let plain = as_i64(array)?;
    Ok(match unit {
        TimeUnit::Second => plain.unary(|t| t.saturating_mul(1_000_000)),
        TimeUnit::Millisecond => plain.unary(|t| t.saturating_mul(1_000)),
        TimeUnit::Microsecond => plain,
        TimeUnit::Nanosecond => plain.unary(|t| t.div_euclid(1_000)),
    })
}

/// As text, one by one, for what has no form of its own.
fn words(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    let options = FormatOptions::default();
    let format = ArrayFormatter::try_new(array.as_ref(), &options)?;
    Ok((0..array.len()).map(|row| (!array.is_null(row)).then(|| format.value(row).to_string())).collect())
}

impl Column {
    fn new(array: &ArrayRef) -> Result<Self, ArrowError> {
        Ok(match array.data_type() {
            DataType::Boolean => Self::Bool(array.as_boolean().clone()),
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => Self::Int(as_i64(array)?, 2),
            DataType::Int32 | DataType::UInt16 | DataType::UInt32 => Self::Int(as_i64(array)?, 4),
            DataType::Int64 | DataType::UInt64 => Self::Int(as_i64(array)?, 8),
            DataType::Float16 | DataType::Float32 => Self::Float4(
                cast(array, &DataType::Float32)?.as_primitive::<arrow::datatypes::Float32Type>().clone(),
            ),
            DataType::Float64 => Self::Float8(array.as_primitive::<arrow::datatypes::Float64Type>().clone()),
            DataType::Timestamp(unit, zone) => Self::Stamp(micros(array, *unit)?, zone.is_some()),
            DataType::Date32 => Self::Date(as_i64(&cast(array, &DataType::Int32)?)?),
            DataType::Date64 => {
                Self::Date(as_i64(&cast(&cast(array, &DataType::Date32)?, &DataType::Int32)?)?)
            }
            DataType::Time32(unit) => Self::Clock(micros(&cast(array, &DataType::Int32)?, *unit)?),
            DataType::Time64(unit) => Self::Clock(micros(array, *unit)?),
            DataType::Interval(_) => {
                let kind = DataType::Interval(IntervalUnit::MonthDayNano);
                Self::Interval(cast(array, &kind)?.as_primitive::<IntervalMonthDayNanoType>().clone())
            }
            DataType::Duration(unit) => {
                let span =
                    |us: i64| arrow::datatypes::IntervalMonthDayNano::new(0, 0, us.saturating_mul(1_000));
                Self::Interval(micros(array, *unit)?.unary(span))
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Self::Text(cast(array, &DataType::Utf8View)?.as_string_view().clone())
            }
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => {
                Self::Bytes(cast(array, &DataType::Binary)?.as_binary::<i32>().clone())
            }
            DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => Self::Numeric(words(array)?),
            DataType::Dictionary(_, value) => Self::new(&cast(array, value)?)?,
            DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                Self::new(&cast(array, &DataType::List(item.clone()))?)?
            }
            DataType::List(item) => {
                let list = array.as_list::<i32>().clone();
                let inner = Self::new(list.values())?;
                Self::List(list, Box::new(inner), sql::postgres::oid_of(item.data_type()))
            }
            // Such an array keeps no marks of its NULLs.
            DataType::Null => Self::Text(StringViewArray::new_null(array.len())),
            _ => Self::Text(words(array)?.iter().collect()),
        })
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Bool(a) => a.is_null(row),
            Self::Int(a, _) | Self::Stamp(a, _) | Self::Date(a) | Self::Clock(a) => a.is_null(row),
            Self::Float4(a) => a.is_null(row),
            Self::Float8(a) => a.is_null(row),
            Self::Interval(a) => a.is_null(row),
            Self::Text(a) => a.is_null(row),
            Self::Bytes(a) => a.is_null(row),
            Self::Numeric(a) => a.is_null(row),
            Self::List(a, ..) => a.is_null(row),
        }
    }

    fn text(&self, row: usize, out: &mut BytesMut) {
        match self {
            Self::Bool(a) => out.put_u8(if a.value(row) { b't' } else { b'f' }),
            Self::Int(a, _) => words_of(out, format_args!("{}", a.value(row))),
            Self::Float4(a) => {
                float(out, f64::from(a.value(row)), || ryu::Buffer::new().format(a.value(row)).to_owned())
            }
            Self::Float8(a) => {
                float(out, a.value(row), || ryu::Buffer::new().format(a.value(row)).to_owned())
            }
            Self::Stamp(a, zone) => {
                let us = a.value(row);
                date(out, us.div_euclid(DAY_US));
                out.put_u8(b' ');
                clock(out, us.rem_euclid(DAY_US));
                if *zone {
                    out.put_slice(b"+00");
                }
            }
            Self::Date(a) => date(out, a.value(row)),
            Self::Clock(a) => clock(out, a.value(row)),
            Self::Interval(a) => interval(out, a.value(row)),
            Self::Text(a) => no_zero(out, a.value(row)),
            Self::Bytes(a) => {
                out.put_slice(b"\\x");
                a.value(row).iter().for_each(|b| words_of(out, format_args!("{b:02x}")));
            }
            Self::Numeric(a) => out.put_slice(a.value(row).as_bytes()),
            Self::List(a, inner, _) => list_text(a, inner, row, out),
        }
    }

    fn binary(&self, row: usize, out: &mut BytesMut) {
        match self {
            Self::Bool(a) => out.put_u8(u8::from(a.value(row))),
            Self::Int(a, 2) => out.put_i16(a.value(row) as i16),
            // An oid has no sign; its bits are the same.
            Self::Int(a, 4) => out.put_u32(a.value(row) as u32),
            Self::Int(a, _) => out.put_i64(a.value(row)),
            Self::Float4(a) => out.put_f32(a.value(row)),
            Self::Float8(a) => out.put_f64(a.value(row)),
            Self::Stamp(a, _) => out.put_i64(a.value(row).saturating_sub(EPOCH_US)),
            Self::Date(a) => out.put_i32((a.value(row) - EPOCH_DAYS) as i32),
            Self::Clock(a) => out.put_i64(a.value(row)),
            Self::Interval(a) => {
                let span = a.value(row);
                out.put_i64(span.nanoseconds.div_euclid(1_000));
                out.put_i32(span.days);
                out.put_i32(span.months);
            }
            Self::Text(a) => no_zero(out, a.value(row)),
            Self::Bytes(a) => out.put_slice(a.value(row)),
            Self::Numeric(a) => numeric(out, a.value(row)),
            Self::List(a, inner, oid) => list_binary(a, inner, *oid, row, out),
        }
    }

    /// A value with its length before it.
    fn cell(&self, row: usize, binary: bool, out: &mut BytesMut) {
        if self.is_null(row) {
            return out.put_i32(-1);
        }
        let at = out.len();
        out.put_i32(0);
        if binary {
            self.binary(row, out)
        } else {
            self.text(row, out)
        }
        let length = i32::try_from(out.len() - at - 4).unwrap_or(i32::MAX);
        if let Some(place) = out.get_mut(at..at + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }
}

impl Columns {
    /// # Errors
    /// A whole number beyond those of PostgreSQL.
    pub fn new(batch: &RecordBatch, format: impl Fn(usize) -> i16) -> Result<Self, ArrowError> {
        let column = |(at, array): (usize, &ArrayRef)| Ok((Column::new(array)?, format(at) == 1));
        batch.columns().iter().enumerate().map(column).collect::<Result<_, _>>().map(Self)
    }

    /// A row of values with their number before them.
    pub fn row(&self, row: usize, out: &mut BytesMut) {
        out.put_u16(u16::try_from(self.0.len()).unwrap_or(u16::MAX));
        self.0.iter().for_each(|(column, binary)| column.cell(row, *binary, out));
    }

    /// A row of COPY's text format: tabs between, `\N` for NULL.
    pub fn line(&self, row: usize, out: &mut BytesMut) {
        let mut value = BytesMut::new();
        for (at, (column, _)) in self.0.iter().enumerate() {
            if at > 0 {
                out.put_u8(b'\t');
            }
            if column.is_null(row) {
                out.put_slice(b"\\N");
                continue;
            }
            value.clear();
            column.text(row, &mut value);
            for byte in &value {
                match byte {
                    b'\\' => out.put_slice(b"\\\\"),
                    b'\t' => out.put_slice(b"\\t"),
                    b'\n' => out.put_slice(b"\\n"),
                    b'\r' => out.put_slice(b"\\r"),
                    byte => out.put_u8(*byte),
                }
            }
        }
        out.put_u8(b'\n');
    }

    /// A row of COPY's CSV format (RFC 4180): an empty field is NULL, an empty text has quotes, and a text that a
    /// spreadsheet would take for a formula an apostrophe (see [`model::csv::is_formula`]).
    pub fn csv(&self, row: usize, out: &mut BytesMut) {
        let mut value = BytesMut::new();
        for (at, (column, _)) in self.0.iter().enumerate() {
            if at > 0 {
                out.put_u8(b',');
            }
            if !column.is_null(row) {
                value.clear();
                column.text(row, &mut value);
                csv_field(&value, matches!(column, Column::Text(_)), out);
            }
        }
        out.put_u8(b'\n');
    }
}

/// One field, with quotes where they are needed; a text may be no formula.
pub(super) fn csv_field(value: &[u8], is_text: bool, out: &mut BytesMut) {
    let formula = is_text && model::csv::is_formula(value);
    let needs =
        formula || value.is_empty() || value == b"\\." || value.iter().any(|b| b"\",\n\r".contains(b));
    if !needs {
        return out.put_slice(value);
    }
    out.put_slice(if formula { b"\"'" } else { b"\"" });
    for byte in value {
        if *byte == b'"' {
            out.put_u8(b'"');
        }
        out.put_u8(*byte);
    }
    out.put_u8(b'"');
}

fn words_of(out: &mut BytesMut, words: std::fmt::Arguments<'_>) {
    // Writing into memory does not fail.
    let _ = out.writer().write_fmt(words);
}

/// PostgreSQL has no zero byte in a text.
fn no_zero(out: &mut BytesMut, text: &str) {
    if text.as_bytes().contains(&0) {
        out.extend(text.bytes().filter(|b| *b != 0));
    } else {
        out.put_slice(text.as_bytes());
    }
}

fn float(out: &mut BytesMut, value: f64, shortest: impl FnOnce() -> String) {
    if value.is_nan() {
        return out.put_slice(b"NaN");
    }
    if value.is_infinite() {
        return out.put_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
    }
    let text = shortest();
    out.put_slice(text.strip_suffix(".0").unwrap_or(&text).as_bytes());
}

/// Year, month and day of a day since 1970 (proleptic Gregorian calendar).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn date(out: &mut BytesMut, days: i64) {
    let (year, month, day) = civil(days);
    words_of(out, format_args!("{year:04}-{month:02}-{day:02}"));
}

fn clock(out: &mut BytesMut, us: i64) {
    let (seconds, fraction) = (us / 1_000_000, us % 1_000_000);
    words_of(out, format_args!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    if fraction > 0 {
        let digits = format!("{fraction:06}");
        words_of(out, format_args!(".{}", digits.trim_end_matches('0')));
    }
}

fn interval(out: &mut BytesMut, span: arrow::datatypes::IntervalMonthDayNano) {
    let mut parts = Vec::new();
    let (years, months) = (span.months / 12, span.months % 12);
    for (count, one, many) in [(years, "year", "years"), (months, "mon", "mons"), (span.days, "day", "days")]
    {
        if count != 0 {
            parts.push(format!("{count} {}", if count == 1 { one } else { many }));
        }
    }
    let us = span.nanoseconds.div_euclid(1_000);
    if us != 0 || parts.is_empty() {
        let mut time = BytesMut::new();
        clock(&mut time, us.abs());
        parts.push(format!("{}{}", if us < 0 { "-" } else { "" }, String::from_utf8_lossy(&time)));
    }
    out.put_slice(parts.join(" ").as_bytes());
}

/// Digits as PostgreSQL's numeric: groups of four from the decimal point.
fn numeric(out: &mut BytesMut, digits: &str) {
    let (sign, digits) = digits.strip_prefix('-').map_or((0_u16, digits), |rest| (0x4000, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let pad = (4 - whole.len() % 4) % 4;
    let mut all = "0".repeat(pad) + whole;
    let weight = i16::try_from(all.len() / 4).unwrap_or(i16::MAX) - 1;
    all.push_str(fraction);
    all.push_str(&"0".repeat((4 - fraction.len() % 4) % 4));
    let group = |four: &[u8]| four.iter().fold(0_i16, |n, d| n * 10 + i16::from(d.saturating_sub(b'0')));
    let groups: Vec<i16> = all.as_bytes().chunks(4).map(group).collect();
    out.put_u16(u16::try_from(groups.len()).unwrap_or(u16::MAX));
    out.put_i16(weight);
    out.put_u16(sign);
    out.put_u16(u16::try_from(fraction.len()).unwrap_or(u16::MAX));
    groups.into_iter().for_each(|g| out.put_i16(g));
}

fn range(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    let at = |at: usize| list.value_offsets().get(at).map_or(0, |o| usize::try_from(*o).unwrap_or(0));
    at(row)..at(row + 1)
}

fn list_text(list: &ListArray, inner: &Column, row: usize, out: &mut BytesMut) {
    out.put_u8(b'{');
    for (at, item) in range(list, row).enumerate() {
        if at > 0 {
            out.put_u8(b',');
        }
        if inner.is_null(item) {
            out.put_slice(b"NULL");
            continue;
        }
        let mut value = BytesMut::new();
        inner.text(item, &mut value);
        let plain = !value.is_empty()
            && !value.eq_ignore_ascii_case(b"null")
            && !value.iter().any(|b| b"{},\"\\ \t\n\r".contains(b));
        if plain || matches!(inner, Column::List(..)) {
            out.put_slice(&value);
            continue;
        }
        out.put_u8(b'"');
        for byte in &value {
            if matches!(byte, b'"' | b'\\') {
                out.put_u8(b'\\');
            }
            out.put_u8(*byte);
        }
        out.put_u8(b'"');
    }
    out.put_u8(b'}');
}

fn list_binary(list: &ListArray, inner: &Column, oid: u32, row: usize, out: &mut BytesMut) {
    let items = range(list, row);
    let nulls = items.clone().any(|item| inner.is_null(item));
    out.put_i32(i32::from(!items.is_empty()));
    out.put_i32(i32::from(nulls));
    out.put_u32(oid);
    if !items.is_empty() {
        out.put_i32(i32::try_from(items.len()).unwrap_or(i32::MAX));
        out.put_i32(1);
        items.for_each(|item| inner.cell(item, true, out));
    }
}

/// A batch of one row of texts, for what a session says about itself.
pub(super) fn one_row(names: &[&str], values: &[String]) -> Result<RecordBatch, ArrowError> {
    let columns = names.iter().zip(values).map(|(name, value)| {
        let array: ArrayRef = std::sync::Arc::new(StringArray::from(vec![value.clone()]));
        ((*name).to_owned(), array)
    });
    RecordBatch::try_from_iter(columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Date32Array, Decimal128Array, TimestampNanosecondArray, UInt32Array, UInt64Array};
    use arrow::datatypes::{Float64Type, Int32Type as I32, IntervalMonthDayNano};
    use std::sync::Arc;

    fn text(array: impl Array + 'static) -> Vec<String> {
        let array: ArrayRef = Arc::new(array);
        let column = Column::new(&array).unwrap();
        let cell = |row| {
            let mut out = BytesMut::new();
            column.text(row, &mut out);
            String::from_utf8(out.to_vec()).unwrap()
        };
        (0..array.len()).map(|row| if column.is_null(row) { "-".into() } else { cell(row) }).collect()
    }

    fn binary(array: impl Array + 'static) -> Vec<u8> {
        let array: ArrayRef = Arc::new(array);
        let mut out = BytesMut::new();
        Column::new(&array).unwrap().binary(0, &mut out);
        out.to_vec()
    }

    #[test]
    fn texts() {
        assert_eq!(text(BooleanArray::from(vec![Some(true), Some(false), None])), ["t", "f", "-"]);
        let floats = vec![0.1, 1.0, -0.0, 1e300, f64::NAN, f64::NEG_INFINITY, 123_456.789];
        assert_eq!(
            text(Float64Array::from(floats)),
            ["0.1", "1", "-0", "1e300", "NaN", "-Infinity", "123456.789"]
        );
        let stamps = TimestampNanosecondArray::from(vec![0, 1_767_225_600_123_456_789, -1]);
        assert_eq!(
            text(stamps.clone().with_timezone("UTC")),
            ["1970-01-01 00:00:00+00", "2026-01-01 00:00:00.123456+00", "1969-12-31 23:59:59.999999+00"]
        );
        assert_eq!(text(stamps)[0], "1970-01-01 00:00:00");
        assert_eq!(
            text(Date32Array::from(vec![0, 10_957, -719_162, 20_513])),
            ["1970-01-01", "2000-01-01", "0001-01-01", "2026-03-01"]
        );
        let spans = vec![
            IntervalMonthDayNano::new(14, 3, 3_661_500_000_000),
            IntervalMonthDayNano::new(0, 0, -1_000_000_000),
            IntervalMonthDayNano::new(0, 0, 0),
        ];
        assert_eq!(
            text(arrow::array::IntervalMonthDayNanoArray::from(spans)),
            ["1 year 2 mons 3 days 01:01:01.5", "-00:00:01", "00:00:00"]
        );
        assert_eq!(text(arrow::array::NullArray::new(1)), ["-"]);
        assert_eq!(text(BinaryArray::from(vec![&b"\x00\xff"[..]])), ["\\x00ff"]);
        assert_eq!(text(StringArray::from(vec!["a\0b"])), ["ab"]);
        let list = ListArray::from_iter_primitive::<I32, _, _>(vec![Some(vec![Some(1), None]), Some(vec![])]);
        assert_eq!(text(list), ["{1,NULL}", "{}"]);
    }

    #[test]
    fn binaries() {
        assert_eq!(binary(UInt32Array::from(vec![u32::MAX])), [255; 4]);
        assert_eq!(binary(Float64Array::from(vec![1.5])), 1.5_f64.to_be_bytes());
        let stamp = TimestampNanosecondArray::from(vec![946_684_800_000_001_999]).with_timezone("UTC");
        assert_eq!(binary(stamp), 1_i64.to_be_bytes());
        assert_eq!(binary(Date32Array::from(vec![10_958])), 1_i32.to_be_bytes());
        let number = Decimal128Array::from(vec![-123_456_780_i128]).with_precision_and_scale(12, 3).unwrap();
        // -123456.780: 12 3456 . 7800
        assert_eq!(binary(number), [0, 3, 0, 1, 0x40, 0, 0, 3, 0, 12, 13, 128, 30, 120]);
        assert!(Column::new(&(Arc::new(UInt64Array::from(vec![u64::MAX])) as ArrayRef)).is_err());
        let list = ListArray::from_iter_primitive::<Float64Type, _, _>(vec![Some(vec![Some(1.0)])]);
        assert_eq!(binary(list)[..20], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 189, 0, 0, 0, 1, 0, 0, 0, 1]);
    }

    #[test]
    fn copies() {
        let batch = RecordBatch::try_from_iter([
            ("a", Arc::new(StringArray::from(vec![Some("x\ty\\"), None, Some("")])) as ArrayRef),
            ("b", Arc::new(StringArray::from(vec![Some("q\"r"), Some("=1+1"), Some("a,b")])) as ArrayRef),
        ])
        .unwrap();
        let columns = Columns::new(&batch, |_| 0).unwrap();
        let lines = |write: fn(&Columns, usize, &mut BytesMut)| {
            let mut out = BytesMut::new();
            (0..3).for_each(|row| write(&columns, row, &mut out));
            String::from_utf8(out.to_vec()).unwrap()
        };
        assert_eq!(lines(Columns::line), "x\\ty\\\\\tq\"r\n\\N\t=1+1\n\ta,b\n");
        assert_eq!(lines(Columns::csv), "x\ty\\,\"q\"\"r\"\n,\"'=1+1\"\n\"\",\"a,b\"\n");
    }
}
