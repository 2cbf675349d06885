//! Samples, trends and downloads of one point.

use super::given::{Given, Rows};
use super::points::visible;
use super::rows::stream_rows;
use super::samples::{self, Ask, SAMPLES as SAMPLES_TABLE, Walk};
use crate::ApiError;
use crate::answer;
use crate::extract::{Body, Params};
use crate::history::{Sample, Span};
use crate::json::Writer;
use crate::shapes::{Aggregate, AggregateAsk, Aggregates, FileFormat, Trend};
use crate::state::{Shared, Web, Who};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::{Extension, Json};
use model::{PointId, Position, Time};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Most samples of one answer.
const MOST: usize = 100_000;
/// Samples when nothing is said.
const SAMPLES: usize = 5_000;
/// Most buckets of a trend.
const MOST_BUCKETS: usize = 5_000;
/// Most points of one request for figures.
const MOST_POINTS: usize = 1_000;
/// Most buckets of one answer.
const MOST_CELLS: f64 = 500_000.0;
const HOUR: Duration = Duration::from_secs(3_600);

/// Milliseconds to a time; not finite or out of range is refused.
pub(super) fn time(name: &str, ms: f64) -> Result<Time, ApiError> {
    if ms.is_finite() && ms.abs() < 9.2e12 {
        // Whole and fraction apart: the product alone would lose digits.
        let whole = ms.trunc();
        return Ok(Time((whole as i64) * 1_000_000 + ((ms - whole) * 1e6).round() as i64));
    }
    Err(ApiError::bad_request(format!("`{name}` is milliseconds since 1970 UTC.")))
}

/// A stretch of time; the last hour if nothing is said.
pub(super) fn span(web: &Web, from: Option<Time>, to: Option<Time>) -> Result<Span, ApiError> {
    let to = to.unwrap_or_else(|| web.clock.now());
    let from = from.unwrap_or_else(|| to.before(HOUR));
    if from > to {
        return Err(ApiError::bad_request("`from` is after `to`."));
    }
    Ok(Span { from, to })
}

/// As [`span`], from milliseconds.
fn span_of(web: &Web, from: Option<f64>, to: Option<f64>) -> Result<Span, ApiError> {
    let moment = |name, ms: Option<f64>| ms.map(|ms| time(name, ms)).transpose();
    span(web, moment("from", from)?, moment("to", to)?)
}

/// Samples: of one point as columns, as charts take them; else as a table.
pub(super) async fn range(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    headers: HeaderMap,
    uri: Uri,
    Params(pairs): Params<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let mut given = Given::new(pairs);
    let rows = given.rows(&headers)?;
    let (paths, patterns) = (given.all("path"), given.all("points"));
    let (from, to, limit) = (given.time("from")?, given.time("to")?, given.whole("limit")?);
    let cursor = given.one("cursor")?;
    match (rows, paths.as_slice(), patterns.as_slice()) {
        (None, [path], []) if !path.contains('*') && cursor.is_none() => {
            let newest_first = match given.one("order")?.as_deref() {
                None | Some("asc") => false,
                Some("desc") => true,
                Some(_) => return Err(ApiError::bad_request("`order` is asc or desc.")),
            };
            given.end()?;
            let (id, _) = visible(&web, &who.principal, path)?;
            let limit = limit.map_or(SAMPLES, |limit| limit.clamp(1, MOST as u64) as usize);
            columns(&web, id, span(&web, from, to)?, limit, newest_first).await
        }
        (_, [], []) => Err(ApiError::bad_request("`path` or `points` says which points are meant.")),
        _ => {
            let wanted = [paths, patterns].concat();
            let ask = Ask { wanted, rows: rows.unwrap_or(Rows::Json), from, to, limit, cursor };
            samples::table(web, who, &uri, given, ask).await
        }
    }
}

async fn columns(
    web: &Shared,
    id: PointId,
    span: Span,
    limit: usize,
    newest_first: bool,
) -> Result<Response, ApiError> {
    let text = answer::read(web, move |web| {
        let mut samples = web.store.range(id, span, limit + 1, newest_first)?;
        let more = samples.len() > limit;
        samples.truncate(limit);
        Ok::<_, crate::Problem>(write_range(&samples, more))
    });
    Ok(answer::json(text.await??))
}

fn write_range(samples: &[Sample], more: bool) -> String {
    let mut out = Writer::with_capacity(128 + samples.len() * 110);
    let mut column = |name: &str, each: &dyn Fn(&mut Writer, &Sample)| {
        out.raw(name);
        for (row, sample) in samples.iter().enumerate() {
            if row > 0 {
                out.raw(",");
            }
            each(&mut out, sample);
        }
    };
    column("{\"time\":[", &|out, s| out.time(s.time));
    column("],\"received\":[", &|out, s| out.time_or_null(s.received));
    column("],\"seq\":[", &|out, s| {
        out.raw("\"");
        out.u64(s.seq.0);
        out.raw("\"");
    });
    column("],\"value\":[", &|out, s| out.value(&s.value));
    column("],\"quality\":[", &|out, s| {
        out.raw("\"");
        out.raw(s.status.name());
        out.raw("\"");
    });
    column("],\"good\":[", &|out, s| out.bool(s.status.is_good()));
    column("],\"historical\":[", &|out, s| out.bool(s.historical));
    out.raw("],\"more\":");
    out.bool(more);
    out.raw("}");
    out.finish()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrendAsk {
    path: String,
    from: Option<f64>,
    to: Option<f64>,
    buckets: Option<usize>,
}

pub(super) async fn trend(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Params(ask): Params<TrendAsk>,
) -> Result<Json<Trend>, ApiError> {
    let (id, _) = visible(&web, &who.principal, &ask.path)?;
    let span = span_of(&web, ask.from, ask.to)?;
    let buckets = ask.buckets.unwrap_or(800).clamp(1, MOST_BUCKETS);
    let trend = answer::read(&web, move |web| web.store.trend(id, span, buckets)).await??;
    Ok(Json(trend))
}

/// Figures of many points in one answer: what a report or a dashboard of a line needs.
pub(super) async fn aggregate(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Body(ask): Body<AggregateAsk>,
) -> Result<Json<Aggregates>, ApiError> {
    if ask.paths.len() > MOST_POINTS {
        return Err(ApiError::bad_request(format!("One request may ask for at most {MOST_POINTS} points.")));
    }
    let span = span_of(&web, Some(ask.from), Some(ask.to))?;
    let buckets = (ask.to - ask.from) / ask.bucket_ms;
    // Written so that a width of zero, below zero or not a number is refused, too.
    if !(ask.bucket_ms >= 1.0 && buckets <= MOST_BUCKETS as f64) {
        let most = format!("`bucket_ms` is at least 1, and a point has at most {MOST_BUCKETS} buckets.");
        return Err(ApiError::bad_request(most));
    }
    if buckets * ask.paths.len() as f64 > MOST_CELLS {
        return Err(ApiError::bad_request(format!("One answer has at most {MOST_CELLS} buckets in all.")));
    }
    let mut points = Vec::with_capacity(ask.paths.len());
    for path in &ask.paths {
        points.push(visible(&web, &who.principal, path)?.0);
    }
    let width = Duration::from_secs_f64(ask.bucket_ms / 1_000.0);
    let found = answer::read(&web, move |web| web.store.aggregate(&points, span, width)).await??;
    let points =
        ask.paths.into_iter().zip(found).map(|(path, buckets)| Aggregate { path, buckets }).collect();
    Ok(Json(Aggregates { points }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DownloadAsk {
    path: String,
    from: Option<f64>,
    to: Option<f64>,
    #[serde(default)]
    format: Option<FileFormat>,
}

pub(super) async fn download(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Params(ask): Params<DownloadAsk>,
) -> Result<Response, ApiError> {
    let (id, (declared, _)) = visible(&web, &who.principal, &ask.path)?;
    let to = ask.to.map_or_else(|| Ok(web.clock.now()), |to| time("to", to))?;
    let from = match ask.from {
        Some(from) => time("from", from)?,
        None => {
            answer::read(&web, move |web| web.store.extent(id)).await?.map_or(to, |(first, _)| first.min(to))
        }
    };
    let name = declared.path.as_str().replace('/', "_");
    let walk = Walk::new(vec![(id, declared)], Span { from, to }, Position::END);
    stream_rows(web, Rows::File(ask.format.unwrap_or(FileFormat::Csv)), SAMPLES_TABLE, &name, walk)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::Range;
    use model::{Status, Value};

    #[test]
    fn milliseconds_keep_their_fraction() {
        assert_eq!(time("t", 1_767_225_600_123.5).unwrap(), Time(1_767_225_600_123_500_000));
        assert!(time("t", f64::NAN).is_err() && time("t", 1e300).is_err() && time("t", -9.3e12).is_err());
    }

    #[test]
    fn a_range_reads_back_into_its_shape() {
        let sample = |at: i64, value: Value, status: Status| Sample {
            time: Time::from_millis(at),
            received: Time::from_millis(at + 1),
            seq: Position::new(1, at as u64),
            value,
            status,
            historical: at == 2,
        };
        let samples = [
            sample(1, Value::F64(0.1), Status::GOOD),
            sample(2, Value::None, Status::BAD_COMMUNICATION_ERROR),
        ];
        let read: Range = serde_json::from_str(&write_range(&samples, true)).unwrap();
        assert_eq!(read.time, [1.0, 2.0]);
        assert_eq!(read.value, [serde_json::json!(0.1), serde_json::Value::Null]);
        assert_eq!(read.quality, ["Good", "BadCommunicationError"]);
        assert_eq!((read.good, read.historical, read.more), (vec![true, false], vec![false, true], true));
        let empty: Range = serde_json::from_str(&write_range(&[], false)).unwrap();
        assert!(empty.time.is_empty() && !empty.more);
    }
}
