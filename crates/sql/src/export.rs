//! Answers as files.

use crate::error::SqlError;
use crate::json::texts;
use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use model::csv;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180: header line, commas, quotes where needed; times in RFC 3339; NULL is empty. A text that a spreadsheet
    /// would take for a formula starts with an apostrophe (see [`model::csv::field`]).
    Csv,
    /// Parquet with zstd.
    Parquet,
}

/// A file that comes into being: under a temporary name until it is whole.
pub(crate) struct Output {
    to: PathBuf,
    temporary: PathBuf,
    sink: Sink,
}

enum Sink {
    Csv(BufWriter<File>),
    Parquet(Box<ArrowWriter<File>>),
}

fn store(e: impl std::fmt::Display) -> SqlError {
    SqlError::Store(e.to_string())
}

impl Output {
    pub fn create(path: &Path, format: Format, schema: SchemaRef) -> Result<Self, SqlError> {
        let temporary = path.with_extension("unfinished");
        let file = File::create(&temporary).map_err(|e| store(format!("{}: {e}", temporary.display())))?;
        let sink = match format {
            Format::Csv => {
                let mut out = BufWriter::new(file);
                let mut names = String::new();
                for (at, field) in schema.fields().iter().enumerate() {
                    names.push_str(if at > 0 { "," } else { "" });
                    csv::field(&mut names, field.name());
                }
                writeln!(out, "{names}").map_err(store)?;
                Sink::Csv(out)
            }
            Format::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(Default::default()))
                    .build();
                Sink::Parquet(Box::new(ArrowWriter::try_new(file, schema, Some(properties)).map_err(store)?))
            }
        };
        Ok(Self { to: path.to_path_buf(), temporary, sink })
    }

    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), SqlError> {
        match &mut self.sink {
            Sink::Parquet(out) => out.write(batch).map_err(store),
            Sink::Csv(out) => {
                let column = |c: &ArrayRef| (texts(c), !c.data_type().is_numeric());
                let columns: Vec<(Vec<Option<String>>, bool)> = batch.columns().iter().map(column).collect();
                let mut line = String::new();
                for row in 0..batch.num_rows() {
                    line.clear();
                    for (at, (cells, text)) in columns.iter().enumerate() {
                        line.push_str(if at > 0 { "," } else { "" });
                        match cells.get(row).and_then(Option::as_deref) {
                            Some(cell) if *text => csv::field(&mut line, cell),
                            Some(cell) => line.push_str(cell),
                            None => {}
                        }
                    }
                    writeln!(out, "{line}").map_err(store)?;
                }
                Ok(())
            }
        }
    }

    pub fn finish(self) -> Result<(), SqlError> {
        match self.sink {
            Sink::Parquet(out) => drop(out.into_inner().map_err(store)?),
            Sink::Csv(mut out) => out.flush().map_err(store)?,
        }
        std::fs::rename(&self.temporary, &self.to).map_err(store)
    }

    pub fn abandon(self) {
        if let Err(e) = std::fs::remove_file(&self.temporary) {
            tracing::warn!(error = %e, "an unfinished export could not be removed");
        }
    }
}
