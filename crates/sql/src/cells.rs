//! Columns of `samples` under construction: only those that the query uses. Runs of a point are copied as they lie; texts that
//! come again and again (paths, qualities) are kept once in a batch, and its rows only say which.

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringViewArray, StringViewBuilder,
    TimestampNanosecondBuilder, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::Result;
use model::{Status, Value};
use std::sync::Arc;
use store::Run;
use store::run::{Few, HISTORICAL, Values};

/// How far a text is looked for among those before: rows of a point stand together, and qualities are few.
const LOOK_BACK: usize = 8;

/// Rows under construction.
pub(crate) struct Rows {
    schema: SchemaRef,
    len: usize,
    columns: Vec<Cells>,
}

enum Cells {
    Path(Words),
    Text(StringViewBuilder),
    Quality(Words),
    Time(TimestampNanosecondBuilder),
    Received(TimestampNanosecondBuilder),
    Seq(Int64Builder),
    Value(Float64Builder),
    Int(Int64Builder),
    Good(BooleanBuilder),
    Status(Int64Builder),
    Historical(BooleanBuilder),
}

/// Texts, each kept once, and which of them each row has.
#[derive(Default)]
struct Words {
    all: Vec<String>,
    rows: Vec<u32>,
}

impl Words {
    fn add(&mut self, word: &str, rows: usize) {
        let mut known = self.all.iter().enumerate().rev().take(LOOK_BACK);
        let at = known.find(|(_, known)| *known == word).map(|(at, _)| at).unwrap_or_else(|| {
            self.all.push(word.to_owned());
            self.all.len() - 1
        });
        self.rows.resize(self.rows.len() + rows, at as u32);
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let words: StringViewArray = self.all.drain(..).map(Some).collect();
        Ok(take(&words, &UInt32Array::from(std::mem::take(&mut self.rows)), None)?)
    }
}

impl Rows {
    /// Of the columns of `samples` with these places; `schema` is theirs.
    pub fn new(schema: &SchemaRef, columns: &[usize]) -> Self {
        let utc = || TimestampNanosecondBuilder::new().with_timezone("UTC");
        let cells = |column: &usize| match column {
            0 => Cells::Path(Words::default()),
            1 => Cells::Time(utc()),
            2 => Cells::Received(utc()),
            3 => Cells::Seq(Int64Builder::new()),
            4 => Cells::Value(Float64Builder::new()),
            5 => Cells::Int(Int64Builder::new()),
            6 => Cells::Text(StringViewBuilder::new()),
            7 => Cells::Good(BooleanBuilder::new()),
            8 => Cells::Quality(Words::default()),
            9 => Cells::Status(Int64Builder::new()),
            _ => Cells::Historical(BooleanBuilder::new()),
        };
        Self { schema: Arc::clone(schema), len: 0, columns: columns.iter().map(cells).collect() }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Adds the rows of a run from `from` to before `to`.
    pub fn add(&mut self, run: &Run, path: &str, from: usize, to: usize) {
        self.len += to - from;
        for column in &mut self.columns {
            fill(column, run, path, from, to);
        }
    }

    /// What there is; nothing is left.
    ///
    /// # Errors
    /// The columns do not fit each other: a mistake of this file.
    pub fn take(&mut self) -> Result<RecordBatch> {
        let arrays: Vec<ArrayRef> = self.columns.iter_mut().map(finish).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.len));
        self.len = 0;
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?)
    }
}

fn finish(cells: &mut Cells) -> Result<ArrayRef> {
    Ok(match cells {
        Cells::Path(words) | Cells::Quality(words) => words.finish()?,
        Cells::Text(b) => Arc::new(b.finish()),
        Cells::Time(b) | Cells::Received(b) => Arc::new(b.finish()),
        Cells::Seq(b) | Cells::Int(b) | Cells::Status(b) => Arc::new(b.finish()),
        Cells::Value(b) => Arc::new(b.finish()),
        Cells::Good(b) | Cells::Historical(b) => Arc::new(b.finish()),
    })
}

/// Calls `add` for each stretch of rows with the same status.
fn stretches(run: &Run, from: usize, to: usize, mut add: impl FnMut(Status, usize)) {
    let Few::Rows(_) = run.status else { return add(run.status_at(from), to - from) };
    let mut at = from;
    while at < to {
        let status = run.status_at(at);
        let end = (at..to).find(|row| run.status_at(*row) != status).unwrap_or(to);
        add(status, end - at);
        at = end;
    }
}

fn fill(cells: &mut Cells, run: &Run, path: &str, from: usize, to: usize) {
    let rows = from..to;
    fn part(all: &[i64], rows: std::ops::Range<usize>) -> &[i64] {
        all.get(rows).unwrap_or_default()
    }
    match cells {
        Cells::Path(words) => words.add(path, to - from),
        Cells::Time(b) => b.append_slice(part(&run.stamps.time, rows)),
        Cells::Received(b) => {
            b.append_slice(part(run.stamps.received.as_ref().unwrap_or(&run.stamps.time), rows));
        }
        Cells::Seq(b) => b.append_slice(part(&run.stamps.seq, rows)),
        Cells::Value(b) => match (&run.values, &run.status) {
            (Values::F64(v), Few::All(s)) if !Status(*s).is_bad() => {
                b.append_slice(v.get(rows).unwrap_or_default());
            }
            _ => rows
                .for_each(|r| b.append_option(run.values.as_f64(r).filter(|_| !run.status_at(r).is_bad()))),
        },
        Cells::Int(b) => match &run.values {
            Values::F64(v) => {
                v.get(rows).unwrap_or_default().iter().for_each(|v| b.append_option(Value::F64(*v).as_i64()))
            }
            values => rows.for_each(|r| b.append_option(values.get(r).as_i64())),
        },
        Cells::Text(b) => match &run.values {
            Values::Mixed(_) => rows.for_each(|r| match run.values.get(r) {
                Value::Text(t) => b.append_value(&*t),
                value @ Value::Bytes(_) => b.append_value(value.to_string()),
                _ => b.append_null(),
            }),
            _ => rows.for_each(|_| b.append_null()),
        },
        Cells::Good(b) => stretches(run, from, to, |status, rows| b.append_n(rows, status.is_good())),
        Cells::Quality(words) => stretches(run, from, to, |status, rows| words.add(status.name(), rows)),
        Cells::Status(b) => {
            stretches(run, from, to, |status, rows| b.append_value_n(i64::from(status.0), rows));
        }
        Cells::Historical(b) => match &run.stamps.flags {
            Few::All(flags) => b.append_n(to - from, flags & HISTORICAL != 0),
            flags => {
                rows.for_each(|r| b.append_value(flags.get(r).unwrap_or(0) & HISTORICAL != 0));
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};

    #[test]
    fn texts_are_kept_once_and_far_ones_again() {
        let mut words = Words::default();
        words.add("a long path of a point", 3);
        (0..LOOK_BACK).for_each(|n| words.add(&format!("other {n}"), 1));
        words.add("a long path of a point", 2);
        words.add("a long path of a point", 1);
        assert_eq!(words.all.len(), LOOK_BACK + 2);
        let array = words.finish().unwrap();
        let texts = array.as_string_view();
        assert_eq!(
            (texts.len(), texts.value(2), texts.value(3)),
            (3 + LOOK_BACK + 3, "a long path of a point", "other 0")
        );
        assert_eq!(texts.value(texts.len() - 1), "a long path of a point");
        assert!(words.all.is_empty() && words.rows.is_empty());
    }
}
