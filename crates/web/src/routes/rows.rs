//! Tables for other programs: newest values and points as rows, and how rows of any table become an answer.

use super::given::Rows;
use super::query::attachment;
use crate::answer;
use crate::point_json::{Known, for_each_point};
use crate::shapes::FileFormat;
use crate::sheet::{CellKind, Column, Sheet};
use crate::state::{Shared, Web};
use crate::{ApiError, Problem};
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use model::{Access, Declaration, PointId, Status, Time, Value};

/// Points in one piece of an answer.
const PIECE: usize = 4_096;

/// Where rows come from.
pub(super) trait Source: Send + 'static {
    /// Fills in the next rows; `false` when there were none left. May block.
    fn fill(&mut self, web: &Web, sheet: &mut dyn Sheet) -> Result<bool, Problem>;
}

pub(super) const fn text(name: &'static str) -> Column {
    Column { name, kind: CellKind::Text }
}
pub(super) const fn moment(name: &'static str) -> Column {
    Column { name, kind: CellKind::Time }
}
pub(super) const fn double(name: &'static str) -> Column {
    Column { name, kind: CellKind::Double }
}
pub(super) const fn whole(name: &'static str) -> Column {
    Column { name, kind: CellKind::Whole }
}
pub(super) const fn flag(name: &'static str) -> Column {
    Column { name, kind: CellKind::Flag }
}

/// Newest values; names as in SQL.
pub(super) const LATEST: &[Column] = &[
    text("path"),
    moment("time"),
    moment("received"),
    whole("seq"),
    double("value"),
    whole("value_int"),
    text("value_text"),
    text("unit"),
    text("state"),
    flag("good"),
    text("quality"),
    whole("status"),
    double("last_good"),
    text("last_good_text"),
    moment("last_good_time"),
    double("age_seconds"),
];

/// Points; names as in SQL.
pub(super) const POINTS: &[Column] = &[
    text("path"),
    text("name"),
    text("type"),
    text("unit"),
    text("description"),
    double("range_low"),
    double("range_high"),
    text("connection"),
    text("device"),
    text("source"),
    double("scan_seconds"),
    flag("writable"),
    whole("number"),
];

/// The value as number, whole number and text; a Bad one is empty.
pub(super) fn value_cells(sheet: &mut dyn Sheet, value: &Value, status: Status) {
    let value = if status.is_bad() { &Value::None } else { value };
    sheet.double_or_null(value.as_f64());
    match value {
        Value::Bool(_) | Value::I64(_) | Value::U64(_) => match value.as_i64() {
            Some(number) => sheet.whole(number),
            None => sheet.null(),
        },
        _ => sheet.null(),
    }
    text_cell(sheet, value);
}

fn text_cell(sheet: &mut dyn Sheet, value: &Value) {
    match value {
        Value::Text(text) => sheet.text(text),
        Value::Bytes(_) => sheet.text(&value.to_string()),
        _ => sheet.null(),
    }
}

/// The unit, and the name of a state; nothing for a Bad value.
pub(super) fn meaning_cells(sheet: &mut dyn Sheet, declared: &Declaration, value: &Value, status: Status) {
    sheet.text_or_null(&declared.unit);
    let state = if status.is_bad() { None } else { declared.state_of(value) };
    sheet.text_or_null(state.unwrap_or_default());
}

pub(super) fn quality_cells(sheet: &mut dyn Sheet, status: Status) {
    sheet.flag(status.is_good());
    sheet.text(status.name());
    sheet.whole(i64::from(status.0));
}

fn latest_row(sheet: &mut dyn Sheet, now: Time, (declared, last): &Known) {
    sheet.text(declared.path.as_str());
    sheet.time_or_null(last.time);
    sheet.time_or_null(last.received);
    if last.time == Time::ZERO {
        sheet.null()
    } else {
        sheet.whole(last.position.as_i64())
    }
    value_cells(sheet, &last.value, last.status);
    meaning_cells(sheet, declared, &last.value, last.status);
    quality_cells(sheet, last.status);
    let good = if last.good == Time::ZERO { &Value::None } else { &last.value };
    sheet.double_or_null(good.as_f64());
    text_cell(sheet, good);
    sheet.time_or_null(last.good);
    let age = (last.good != Time::ZERO).then(|| now.since(last.good).as_secs_f64());
    sheet.double_or_null(age);
    sheet.end_row();
}

fn point_row(sheet: &mut dyn Sheet, id: PointId, declared: &Declaration) {
    sheet.text(declared.path.as_str());
    sheet.text(declared.display_name());
    sheet.text(declared.value_type.name());
    sheet.text_or_null(&declared.unit);
    sheet.text_or_null(&declared.description);
    sheet.double_or_null(declared.range.map(|range| range.0));
    sheet.double_or_null(declared.range.map(|range| range.1));
    sheet.text_or_null(&declared.connection);
    sheet.text_or_null(&declared.device);
    sheet.text_or_null(&declared.source);
    sheet.double_or_null((!declared.scan.is_zero()).then_some(declared.scan.as_secs_f64()));
    sheet.flag(matches!(declared.access, Access::Write(_)));
    sheet.whole(i64::from(id.0));
    sheet.end_row();
}

/// Some points, as rows of one of the two tables.
pub(super) struct PointRows {
    pub ids: Vec<PointId>,
    /// The newest values; else what is declared.
    pub latest: bool,
    pub at: usize,
}

impl Source for PointRows {
    fn fill(&mut self, web: &Web, sheet: &mut dyn Sheet) -> Result<bool, Problem> {
        let rest = self.ids.get(self.at..).unwrap_or_default();
        let piece = rest.get(..PIECE.min(rest.len())).unwrap_or_default();
        let now = web.clock.now();
        for_each_point(&web.namespace, piece, |row, known| {
            let (Some(known), Some(id)) = (known, piece.get(row)) else { return };
            if self.latest { latest_row(sheet, now, known) } else { point_row(sheet, *id, &known.0) }
        });
        self.at += piece.len();
        Ok(!piece.is_empty())
    }
}

/// An answer that grows as the client takes it; only one piece is in memory.
pub(super) fn stream_rows(
    web: Shared,
    rows: Rows,
    columns: &'static [Column],
    name: &str,
    source: impl Source,
) -> Result<Response, ApiError> {
    let sheet = rows.sheet(&web, columns)?;
    let begin = (web, source, sheet, false);
    let body = stream::try_unfold(begin, |(web, mut source, mut sheet, ended)| async move {
        if ended {
            return Ok::<_, std::io::Error>(None);
        }
        let piece = answer::read(&web, move |web| {
            let more = source.fill(web, &mut *sheet)?;
            let bytes = sheet.take(!more)?;
            Ok::<_, Problem>((bytes, source, sheet, !more))
        });
        // What was sent already cannot be taken back: the connection breaks, and the client sees that.
        let failed = || std::io::Error::other("the rows could not be read");
        let (bytes, source, sheet, ended) = piece.await.map_err(|_| failed())?.map_err(|problem| {
            tracing::warn!(problem = problem.title, "an export broke off");
            failed()
        })?;
        Ok(Some((Bytes::from(bytes), (web, source, sheet, ended))))
    });
    dressed(Body::from_stream(body).into_response(), rows, name)
}

/// The answer with its media type and, for files, its name.
pub(super) fn dressed(mut response: Response, rows: Rows, name: &str) -> Result<Response, ApiError> {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(rows.media()));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if let Rows::File(format) = rows {
        let end = if format == FileFormat::Csv { "csv" } else { "parquet" };
        headers.insert(header::CONTENT_DISPOSITION, attachment(name, end)?);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sheet::CsvSheet;
    use model::{Last, Path, ValueType};

    #[test]
    fn a_bad_value_is_empty_and_its_last_good_one_stands_beside() {
        let mut declared = Declaration::new(Path::new("a/b").unwrap(), ValueType::F64);
        declared.unit = "bar".into();
        let last = Last {
            value: Value::F64(2.5),
            status: Status::BAD_COMMUNICATION_ERROR,
            time: Time::from_millis(5_000),
            received: Time::from_millis(5_000),
            good: Time::from_millis(3_000),
            ..Last::WAITING
        };
        let mut sheet = CsvSheet::new(LATEST);
        latest_row(&mut sheet, Time::from_millis(6_000), &(std::sync::Arc::new(declared), last));
        let text = String::from_utf8(sheet.take(true).unwrap()).unwrap();
        let row = text.lines().nth(1).unwrap();
        assert_eq!(
            row,
            "a/b,1970-01-01T00:00:05.000000000Z,1970-01-01T00:00:05.000000000Z,0,,,,bar,,false,BadCommunicationError,2147811328,2.5,,1970-01-01T00:00:03.000000000Z,3"
        );
        assert_eq!(row.split(',').count(), LATEST.len());
    }
}
