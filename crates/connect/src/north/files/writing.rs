//! A file that is being filled.

use super::Format;
use super::table::{HEAD, Line, batch, schema};
use arrow::datatypes::SchemaRef;
use model::Position;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Rows of a row group: what is in memory while a Parquet file is written.
const GROUP: usize = 131_072;

/// See the module. Every call blocks.
pub(super) struct Writing {
    out: Out,
    rows: u64,
    first: Option<Position>,
    last: Position,
}

enum Out {
    Csv(BufWriter<File>),
    Parquet(Box<ArrowWriter<File>>, SchemaRef),
}

impl Writing {
    /// Begins a file, with its folder.
    pub(super) fn create(path: &Path, format: Format) -> io::Result<Self> {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        let file = File::create(path)?;
        let out = match format {
            Format::Csv => {
                let mut out = BufWriter::with_capacity(1 << 18, file);
                out.write_all(HEAD.as_bytes())?;
                Out::Csv(out)
            }
            Format::Parquet => {
                let level = ZstdLevel::try_new(3).map_err(io::Error::other)?;
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(level))
                    .set_max_row_group_row_count(Some(GROUP))
                    .build();
                let schema = schema();
                let writer = ArrowWriter::try_new(file, SchemaRef::clone(&schema), Some(properties));
                Out::Parquet(Box::new(writer.map_err(io_error)?), schema)
            }
        };
        Ok(Self { out, rows: 0, first: None, last: Position::START })
    }

    /// Adds the lines of one record.
    pub(super) fn add(&mut self, lines: &[Line], position: Position) -> io::Result<()> {
        match &mut self.out {
            Out::Csv(out) => {
                let mut text = String::with_capacity(lines.len() * 96);
                lines.iter().for_each(|line| line.csv(&mut text));
                out.write_all(text.as_bytes())?;
            }
            Out::Parquet(writer, schema) => {
                let batch = batch(lines, schema).map_err(io::Error::other)?;
                writer.write(&batch).map_err(io_error)?;
            }
        }
        self.rows += lines.len() as u64;
        self.first = Some(self.first.map_or(position, |first| first.min(position)));
        self.last = self.last.max(position);
        Ok(())
    }

    /// Samples in it.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The smallest and the largest position in it.
    pub(super) fn positions(&self) -> (Position, Position) {
        (self.first.unwrap_or_default(), self.last)
    }

    /// Ends it; all of it is on disk on return.
    pub(super) fn finish(self) -> io::Result<()> {
        match self.out {
            Out::Csv(out) => out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all(),
            Out::Parquet(writer, _) => writer.into_inner().map_err(io_error)?.sync_all(),
        }
    }
}

/// What the disk said, if that is the reason.
fn io_error(error: parquet::errors::ParquetError) -> io::Error {
    match error {
        parquet::errors::ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}
