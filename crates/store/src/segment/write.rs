//! Writing a segment.

use super::index::{Column, Encoding, Filled, Group, Index, Page, RunInfo};
use super::page::{self, Body, Cells, Opt, Pages, Piece, Span, Stamp};
use super::{ABOUT_KEY, Col, FORMAT, FORMAT_KEY, INDEX_KEY, kind, schema};
use crate::codec::STAMP_BLOCK;
use crate::codec::encode;
use crate::error::StoreError;
use crate::run::{Few, Run};
use base64::Engine as _;
use bytes::Bytes;
use parquet::basic::{Compression, CompressionCodec, Encoding as ParquetEncoding};
use parquet::column::page::{CompressedPage, Page as ParquetPage, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use std::io::Write;
use std::sync::Arc;

/// Row groups are closed at the end of a group of points once they have this many rows.
const ENOUGH_ROWS: usize = 128 * 1024;
/// Rows of a full slice of a group.
pub(crate) const SLICE_ROWS: usize = 512 * 1024;
/// Most rows of one point in a slice.
const POINT_ROWS: usize = 64 * 1024;

/// Doubles from which a page is worth one entropy table per byte stream.
const STREAM_VALUES: usize = 2 * 1024;

/// How hard to compress.
#[derive(Clone, Copy, Debug)]
pub struct Levels {
    /// zstd level of values: already packed, so that the fast strategy is also the smallest.
    pub values: i32,
    /// zstd level of times: long repeats.
    pub stamps: i32,
}

impl Levels {
    /// First-level segments live for hours.
    pub const FAST: Self = Self { values: 1, stamps: 1 };
    /// Merged segments stay.
    pub const SMALL: Self = Self { values: 1, stamps: 3 };
}

/// Rows of one point that a slice of `points` points holds: a multiple of the stamp block.
pub(crate) fn slice_rows(points: usize) -> usize {
    let rows = (SLICE_ROWS / points.max(1)).min(POINT_ROWS);
    (rows / STAMP_BLOCK * STAMP_BLOCK).max(STAMP_BLOCK)
}

/// Writes runs into a file, group by group.
pub struct Writer<W: Write + Send> {
    file: SerializedFileWriter<W>,
    pending: Vec<Piece>,
    rows: usize,
    index: Index,
    levels: Levels,
    total: u64,
    times: (i64, i64),
}

fn packer(level: i32) -> Result<zstd::bulk::Compressor<'static>, StoreError> {
    let mut packer = zstd::bulk::Compressor::new(level).map_err(StoreError::io("zstd"))?;
    packer.include_checksum(true).map_err(StoreError::io("zstd"))?;
    packer.include_contentsize(true).map_err(StoreError::io("zstd"))?;
    Ok(packer)
}

impl<W: Write + Send> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// The output fails.
    pub fn new(out: W, levels: Levels) -> Result<Self, StoreError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::default()))
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(true)
            .set_created_by("ironbridge store".into())
            .build();
        let file = SerializedFileWriter::new(out, schema()?, Arc::new(properties))?;
        Ok(Self {
            file,
            pending: Vec::new(),
            rows: 0,
            index: Index::default(),
            levels,
            total: 0,
            times: (i64::MAX, i64::MIN),
        })
    }

    /// Adds the runs of a group, sorted by point, each sorted by (time, seq), cutting them into slices of time.
    ///
    /// # Errors
    /// The output fails.
    pub fn group(&mut self, group: u64, runs: &[Arc<Run>]) -> Result<(), StoreError> {
        let longest = runs.iter().map(|r| r.len()).max().unwrap_or(0);
        let Some(like) = runs.iter().find(|r| r.len() == longest).filter(|r| !r.is_empty()) else {
            return Ok(());
        };
        let like = Arc::clone(&like.stamps);
        let step = slice_rows(runs.len());
        let mut cuts: Vec<usize> = (0..longest).step_by(step).collect();
        let last = cuts.last().copied().unwrap_or(0);
        // The rest of the last slice is cut off, so that every point of the slice begins at a block.
        let whole = last + (longest - last) / STAMP_BLOCK * STAMP_BLOCK;
        if runs.len() > 1 && whole > last && whole < longest {
            cuts.push(whole);
        }
        for (at, cut) in cuts.iter().enumerate() {
            let next = cuts.get(at + 1).copied();
            for run in runs {
                let row = |row: usize| {
                    if Arc::ptr_eq(&run.stamps, &like) {
                        row
                    } else {
                        like.time.get(row).map_or(run.len(), |t| run.stamps.lower(*t))
                    }
                };
                let from = if at == 0 { 0 } else { row(*cut) };
                let to = next.map_or(run.len(), row);
                if to > from {
                    self.rows += to - from;
                    self.pending.push(Piece { run: Arc::clone(run), from, to, group });
                }
            }
            if self.rows >= ENOUGH_ROWS {
                self.emit()?;
            }
        }
        Ok(())
    }

    /// Ends the file. `about` makes the JSON description from the rows and the span of times; they are returned with
    /// the output.
    ///
    /// # Errors
    /// The output fails.
    pub fn finish(
        mut self,
        about: impl FnOnce(u64, (i64, i64)) -> String,
    ) -> Result<(W, u64, (i64, i64)), StoreError> {
        self.emit()?;
        let about = about(self.total, self.times);
        let packed = zstd::bulk::compress(&self.index.encode(), 9).map_err(StoreError::io("zstd"))?;
        let text = base64::engine::general_purpose::STANDARD.encode(packed);
        let pairs = [(FORMAT_KEY, FORMAT.to_string()), (ABOUT_KEY, about), (INDEX_KEY, text)];
        for (key, value) in pairs {
            self.file.append_key_value_metadata(KeyValue::new(key.into(), value));
        }
        Ok((self.file.into_inner()?, self.total, self.times))
    }

    fn emit(&mut self) -> Result<(), StoreError> {
        let pieces = std::mem::take(&mut self.pending);
        self.rows = 0;
        if pieces.is_empty() {
            return Ok(());
        }
        let cells: Vec<Cells> = pieces.iter().map(Cells::of).collect();
        let mut group = describe(&pieces, &cells);
        self.total += u64::from(group.rows);
        for run in &group.runs {
            self.times = (self.times.0.min(run.from), self.times.1.max(run.to));
        }
        let spans = page::value_spans(&pieces);
        let stamp_spans = page::stamp_spans(&pieces);
        let mut values = packer(self.levels.values)?;
        let mut stamps = packer(self.levels.stamps)?;
        let descriptors: Vec<ColumnDescPtr> = self.file.schema_descr().columns().to_vec();
        let mut out = self.file.next_row_group()?;
        for (col, descriptor) in Col::ALL.into_iter().zip(descriptors) {
            let pages = pages_of(col, &pieces, &cells, &spans, &stamp_spans);
            let packer =
                if matches!(col, Col::Time | Col::Received | Col::Seq) { &mut stamps } else { &mut values };
            let (bytes, close, column) = chunk(descriptor, pages, packer, statistics(col, &group))?;
            out.append_column(&Bytes::from(bytes), close)?;
            group.columns.push(column);
        }
        let meta = out.close()?;
        for (column, chunk) in group.columns.iter_mut().zip(meta.columns()) {
            let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset()) as u64;
            column.dictionary.iter_mut().chain(&mut column.pages).for_each(|p| p.offset += start);
        }
        self.index.groups.push(group);
        Ok(())
    }
}

fn statistics(col: Col, group: &Group) -> Option<Statistics> {
    let runs = || group.runs.iter();
    match col {
        Col::Point => {
            let (min, max) = (runs().map(|r| r.point).min()?, runs().map(|r| r.point).max()?);
            Some(Statistics::int32(Some(min as i32), Some(max as i32), None, Some(0), false))
        }
        Col::Time => Some(Statistics::int64(
            runs().map(|r| r.from).min(),
            runs().map(|r| r.to).max(),
            None,
            Some(0),
            false,
        )),
        _ => None,
    }
}

fn pages_of(col: Col, pieces: &[Piece], cells: &[Cells], spans: &[Span], stamps: &[(usize, usize)]) -> Pages {
    const NO_NUMBER: &Opt<i64> = &Opt::None;
    const NO_REAL: &Opt<f64> = &Opt::None;
    let cell = |at: usize| cells.get(at);
    let whole: Vec<Span> = vec![pieces.iter().enumerate().map(|(at, p)| (at, 0, p.rows())).collect()];
    // A column without a value is one page that says so.
    let spans_if = |any: bool| if any { spans } else { whole.as_slice() };
    let numbers = cells.iter().any(|c| c.number.filled() != Filled::None);
    let reals = cells.iter().any(|c| c.real.filled() != Filled::None);
    let texts = cells.iter().any(|c| c.texts.is_some());
    let few = |f: fn(&Cells) -> &Few<u8>| {
        page::runs_of(pieces, |at| cell(at).map_or(Few::All(0), |c| f(c).clone()), u32::from)
    };
    let flags = |historical| {
        page::runs_of(
            pieces,
            |at| pieces.get(at).map_or(Few::All(false), |p| page::flag(p, historical)),
            u32::from,
        )
    };
    match col {
        Col::Point => page::dictionary(&page::runs_of(
            pieces,
            |at| Few::All(pieces.get(at).map_or(0, |p| p.run.point)),
            |p| p,
        )),
        Col::Time => page::stamps(pieces, stamps, Stamp::Time),
        Col::Received => page::stamps(pieces, stamps, Stamp::Received),
        Col::Seq => page::stamps(pieces, stamps, Stamp::Seq),
        Col::Kind => page::dictionary(&few(|c| &c.kind)),
        Col::Scale => page::dictionary(&few(|c| &c.scale)),
        Col::Number => page::optional(
            spans_if(numbers),
            |at| cell(at).map_or(NO_NUMBER, |c| &c.number),
            Encoding::Delta,
            encode::delta_values,
        ),
        Col::Real => page::optional(
            spans_if(reals),
            |at| cell(at).map_or(NO_REAL, |c| &c.real),
            Encoding::Split,
            encode::byte_stream_split,
        ),
        Col::Text => page::texts(spans_if(texts), cells, kind::TEXT),
        Col::Bytes => page::texts(spans_if(texts), cells, kind::BYTES),
        Col::Status => page::dictionary(&page::runs_of(
            pieces,
            |at| pieces.get(at).map_or(Few::All(0), page::status),
            |s| s,
        )),
        Col::Historical => page::booleans(&flags(true)),
        Col::Synchronised => page::booleans(&flags(false)),
    }
}

fn one<T: Copy>(few: &Few<T>) -> Option<T> {
    if let Few::All(one) = few { Some(*one) } else { None }
}

/// The index of a row group, without its columns.
fn describe(pieces: &[Piece], cells: &[Cells]) -> Group {
    let mut group = Group::default();
    let mut leader = 0usize;
    for (at, (piece, cells)) in pieces.iter().zip(cells).enumerate() {
        if !pieces.get(leader).is_some_and(|l| l.same_stamps(piece)) {
            leader = at;
        }
        let stamps = &piece.run.stamps;
        let time = |row: usize| stamps.time.get(row).copied().unwrap_or(0);
        let rows = piece.rows() as u32;
        group.runs.push(RunInfo {
            point: piece.run.point,
            group: piece.group,
            start: group.rows,
            rows,
            leader: leader as u32,
            from: time(piece.from),
            to: time(piece.to.saturating_sub(1)),
            number: cells.number.filled(),
            real: cells.real.filled(),
            texts: if cells.texts.is_some() { Filled::Some } else { Filled::None },
            received: if stamps.received.is_some() { Filled::All } else { Filled::None },
            kind: one(&cells.kind),
            scale: one(&cells.scale),
            status: one(&page::status(piece)),
            flags: one(&stamps.flags.slice(piece.from, piece.to)),
        });
        group.rows += rows;
    }
    group
}

type Packer = zstd::bulk::Compressor<'static>;

fn squeeze(packer: &mut Packer, body: &[u8]) -> Result<Bytes, StoreError> {
    packer.compress(body).map(Bytes::from).map_err(StoreError::io("zstd"))
}

/// Compresses a byte-stream-split page (levels, then 8 streams) with a block border between the streams, so that each
/// has an entropy table of its own: sign and exponent hardly vary, the mantissa's middle does, its end is zero.
fn squeeze_streams(level: i32, body: &[u8], values: usize) -> Result<Bytes, StoreError> {
    let io = |e| StoreError::io("zstd")(e);
    let mut out = zstd::stream::write::Encoder::new(Vec::new(), level).map_err(io)?;
    out.include_checksum(true).map_err(io)?;
    out.set_pledged_src_size(Some(body.len() as u64)).map_err(io)?;
    let (levels, streams) = body.split_at(body.len() - (values * 8).min(body.len()));
    out.write_all(levels).map_err(io)?;
    for stream in streams.chunks(values.max(1)) {
        out.flush().map_err(io)?;
        out.write_all(stream).map_err(io)?;
    }
    out.finish().map(Bytes::from).map_err(io)
}

const fn parquet_encoding(encoding: Encoding) -> ParquetEncoding {
    match encoding {
        Encoding::Plain => ParquetEncoding::PLAIN,
        Encoding::Delta => ParquetEncoding::DELTA_BINARY_PACKED,
        Encoding::Split => ParquetEncoding::BYTE_STREAM_SPLIT,
        Encoding::Dictionary => ParquetEncoding::RLE_DICTIONARY,
    }
}

/// Pages of one column chunk as they are written; offsets are within the chunk.
struct Chunk {
    sink: TrackedWrite<Vec<u8>>,
    column: Column,
    encodings: Vec<ParquetEncoding>,
    raw: usize,
    packed: usize,
    rows: usize,
    data_offset: u64,
}

impl Chunk {
    fn put(
        &mut self,
        page: ParquetPage,
        raw: usize,
        rows: usize,
        encoding: Encoding,
    ) -> Result<Page, StoreError> {
        let len = page.buffer().len();
        for used in [page.encoding(), parquet_encoding(encoding)] {
            if !self.encodings.contains(&used) {
                self.encodings.push(used);
            }
        }
        let spec = SerializedPageWriter::new(&mut self.sink).write_page(CompressedPage::new(page, raw))?;
        self.raw += spec.uncompressed_size;
        self.packed += spec.compressed_size;
        let offset = spec.offset + (spec.compressed_size - len) as u64;
        Ok(Page {
            start: self.rows as u32,
            rows: rows as u32,
            offset,
            len: len as u32,
            raw: raw as u32,
            encoding,
        })
    }

    fn dictionary(&mut self, packer: &mut Packer, entries: usize, plain: &[u8]) -> Result<(), StoreError> {
        let page = ParquetPage::DictionaryPage {
            buf: squeeze(packer, plain)?,
            num_values: entries as u32,
            encoding: ParquetEncoding::PLAIN,
            is_sorted: false,
        };
        let at = self.put(page, plain.len(), entries, Encoding::Plain)?;
        self.data_offset = at.offset + u64::from(at.len);
        self.column.dictionary = Some(at);
        Ok(())
    }

    fn data(&mut self, packer: &mut Packer, body: &Body) -> Result<(), StoreError> {
        let buf = match body.encoding {
            Encoding::Split if body.values >= STREAM_VALUES => {
                squeeze_streams(Levels::SMALL.values, &body.bytes, body.values)?
            }
            _ => squeeze(packer, &body.bytes)?,
        };
        let page = ParquetPage::DataPage {
            buf,
            num_values: body.rows as u32,
            encoding: parquet_encoding(body.encoding),
            def_level_encoding: ParquetEncoding::RLE,
            rep_level_encoding: ParquetEncoding::RLE,
            statistics: None,
        };
        let at = self.put(page, body.bytes.len(), body.rows, body.encoding)?;
        self.column.pages.push(at);
        self.rows += body.rows;
        Ok(())
    }
}

/// One column chunk: compressed pages with their headers, and its metadata; offsets are within the chunk.
fn chunk(
    descriptor: ColumnDescPtr,
    pages: Pages,
    packer: &mut Packer,
    statistics: Option<Statistics>,
) -> Result<(Vec<u8>, ColumnCloseResult, Column), StoreError> {
    let mut chunk = Chunk {
        sink: TrackedWrite::new(Vec::new()),
        column: Column::default(),
        encodings: vec![ParquetEncoding::RLE],
        raw: 0,
        packed: 0,
        rows: 0,
        data_offset: 0,
    };
    if let Some((entries, plain)) = pages.dictionary {
        chunk.dictionary(packer, entries, &plain)?;
    }
    pages.pages.iter().try_for_each(|body| chunk.data(packer, body))?;
    let mut meta = ColumnChunkMetaData::builder(descriptor)
        .set_compression_codec(CompressionCodec::ZSTD)
        .set_encodings(chunk.encodings)
        .set_total_compressed_size(chunk.packed as i64)
        .set_total_uncompressed_size(chunk.raw as i64)
        .set_num_values(chunk.rows as i64)
        .set_data_page_offset(chunk.data_offset as i64)
        .set_dictionary_page_offset(chunk.column.dictionary.map(|_| 0));
    if let Some(statistics) = statistics {
        meta = meta.set_statistics(statistics);
    }
    let close = ColumnCloseResult {
        bytes_written: chunk.packed as u64,
        rows_written: chunk.rows as u64,
        metadata: meta.build()?,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    };
    Ok((chunk.sink.into_inner()?, close, chunk.column))
}
