//! Tables of the HTTP API as Parquet, written while they are sent.

use arrow::array::{
    ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampNanosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use model::Time;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::sync::Arc;
use web::{CellKind, Column, Problem, Sheet};

/// Rows of a row group, about: what is in memory while a file is sent.
const GROUP: usize = 131_072;

/// A column that fills.
enum Cells {
    Text(StringBuilder),
    Time(TimestampNanosecondBuilder),
    Double(Float64Builder),
    Whole(Int64Builder),
    Flag(BooleanBuilder),
}

impl Cells {
    fn new(kind: CellKind) -> Self {
        match kind {
            CellKind::Text => Self::Text(StringBuilder::new()),
            CellKind::Time => Self::Time(TimestampNanosecondBuilder::new().with_timezone("UTC")),
            CellKind::Double => Self::Double(Float64Builder::new()),
            CellKind::Whole => Self::Whole(Int64Builder::new()),
            CellKind::Flag => Self::Flag(BooleanBuilder::new()),
        }
    }

    fn null(&mut self) {
        match self {
            Self::Text(cells) => cells.append_null(),
            Self::Time(cells) => cells.append_null(),
            Self::Double(cells) => cells.append_null(),
            Self::Whole(cells) => cells.append_null(),
            Self::Flag(cells) => cells.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(cells) => Arc::new(cells.finish()),
            Self::Time(cells) => Arc::new(cells.finish()),
            Self::Double(cells) => Arc::new(cells.finish()),
            Self::Whole(cells) => Arc::new(cells.finish()),
            Self::Flag(cells) => Arc::new(cells.finish()),
        }
    }
}

fn data_type(kind: CellKind) -> DataType {
    match kind {
        CellKind::Text => DataType::Utf8,
        CellKind::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        CellKind::Double => DataType::Float64,
        CellKind::Whole => DataType::Int64,
        CellKind::Flag => DataType::Boolean,
    }
}

/// The file in the making.
pub struct ParquetSheet {
    schema: SchemaRef,
    cells: Vec<Cells>,
    at: usize,
    rows: usize,
    in_group: usize,
    writer: Option<ArrowWriter<Vec<u8>>>,
    /// A cell of another kind than its column: a defect of the table.
    misfit: bool,
}

impl ParquetSheet {
    /// An empty file with these columns.
    ///
    /// # Errors
    /// When Parquet cannot have them.
    pub fn new(columns: &[Column]) -> Result<Self, Problem> {
        let fields: Vec<Field> =
            columns.iter().map(|column| Field::new(column.name, data_type(column.kind), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
        let writer =
            ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties)).map_err(Problem::internal)?;
        let cells = columns.iter().map(|column| Cells::new(column.kind)).collect();
        Ok(Self { schema, cells, at: 0, rows: 0, in_group: 0, writer: Some(writer), misfit: false })
    }

    fn cell(&mut self, fill: impl FnOnce(&mut Cells) -> bool) {
        let fits = self.cells.get_mut(self.at).is_some_and(fill);
        self.misfit |= !fits;
        self.at += 1;
    }

    fn flush(&mut self, last: bool) -> Result<(), Problem> {
        if self.misfit {
            return Err(Problem::internal("cells do not fit their columns"));
        }
        let Some(writer) = &mut self.writer else { return Ok(()) };
        if self.rows > 0 {
            let columns = self.cells.iter_mut().map(Cells::finish).collect();
            let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(Problem::internal)?;
            writer.write(&batch).map_err(Problem::internal)?;
            self.in_group += std::mem::take(&mut self.rows);
        }
        if last || self.in_group >= GROUP {
            self.in_group = 0;
            writer.flush().map_err(Problem::internal)?;
        }
        Ok(())
    }
}

impl Sheet for ParquetSheet {
    fn null(&mut self) {
        self.cell(|cells| {
            cells.null();
            true
        });
    }

    fn text(&mut self, text: &str) {
        self.cell(|cells| {
            let Cells::Text(cells) = cells else { return false };
            cells.append_value(text);
            true
        });
    }

    fn time(&mut self, time: Time) {
        self.cell(|cells| {
            let Cells::Time(cells) = cells else { return false };
            cells.append_value(time.0);
            true
        });
    }

    fn double(&mut self, value: f64) {
        self.cell(|cells| {
            let Cells::Double(cells) = cells else { return false };
            cells.append_value(value);
            true
        });
    }

    fn whole(&mut self, value: i64) {
        self.cell(|cells| {
            let Cells::Whole(cells) = cells else { return false };
            cells.append_value(value);
            true
        });
    }

    fn flag(&mut self, value: bool) {
        self.cell(|cells| {
            let Cells::Flag(cells) = cells else { return false };
            cells.append_value(value);
            true
        });
    }

    fn end_row(&mut self) {
        self.misfit |= self.at != self.cells.len();
        (self.at, self.rows) = (0, self.rows + 1);
    }

    fn take(&mut self, last: bool) -> Result<Vec<u8>, Problem> {
        self.flush(last)?;
        if last {
            let writer = self.writer.take();
            return writer.map_or(Ok(Vec::new()), |writer| writer.into_inner().map_err(Problem::internal));
        }
        // What stands here is written in full; the writer itself counts how far the file is.
        Ok(self.writer.as_mut().map(|writer| std::mem::take(writer.inner_mut())).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    const COLUMNS: &[Column] = &[
        Column { name: "path", kind: CellKind::Text },
        Column { name: "time", kind: CellKind::Time },
        Column { name: "value", kind: CellKind::Double },
    ];

    #[test]
    fn pieces_make_one_file() {
        let mut sheet = ParquetSheet::new(COLUMNS).unwrap();
        let (mut bytes, mut grown) = (Vec::new(), 0);
        for piece in 0..5 {
            for row in 0..50_000 {
                sheet.text("a/b");
                sheet.time(Time(piece * 50_000 + row));
                if row % 2 == 0 {
                    sheet.double(row as f64)
                } else {
                    sheet.null()
                }
                sheet.end_row();
            }
            let some = sheet.take(false).unwrap();
            grown += usize::from(!some.is_empty());
            bytes.extend(some);
        }
        bytes.extend(sheet.take(true).unwrap());
        let file = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        let metadata = file.metadata();
        assert_eq!((metadata.file_metadata().num_rows(), metadata.num_row_groups()), (250_000, 2));
        assert!(grown >= 1, "something is sent before the end");
    }

    #[test]
    fn a_cell_that_does_not_fit_is_refused() {
        let mut sheet = ParquetSheet::new(COLUMNS).unwrap();
        sheet.double(1.0);
        sheet.end_row();
        assert!(sheet.take(true).is_err());
    }
}
