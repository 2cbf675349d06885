//! Samples, trends and downloads of one point.

use super::points::visible;
use super::query::{attachment, file_kind, send_file};
use crate::ApiError;
use crate::answer;
use crate::csv;
use crate::extract::{Body, Params};
use crate::history::{Sample, Span};
use crate::json::Writer;
use crate::shapes::{Aggregate, AggregateAsk, Aggregates, FileFormat, Trend};
use crate::state::{Shared, Web, Who};
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::stream;
use model::{Declaration, PointId, Time, Value};
use serde::Deserialize;
use std::fmt::Write as _;
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
/// An hour, ms.
const HOUR: f64 = 3_600_000.0;
/// Samples read at a time for a download.
const PAGE: usize = 50_000;

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Order {
    #[default]
    Asc,
    Desc,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RangeAsk {
    path: String,
    from: Option<f64>,
    to: Option<f64>,
    limit: Option<usize>,
    #[serde(default)]
    order: Order,
}

/// Milliseconds to a time; not finite or out of range is refused.
fn time(name: &str, ms: f64) -> Result<Time, ApiError> {
    if ms.is_finite() && ms.abs() < 9.2e12 {
        // Whole and fraction apart: the product alone would lose digits.
        let whole = ms.trunc();
        return Ok(Time((whole as i64) * 1_000_000 + ((ms - whole) * 1e6).round() as i64));
    }
    Err(ApiError::bad_request(format!("`{name}` is milliseconds since 1970 UTC.")))
}

fn span(web: &Web, from: Option<f64>, to: Option<f64>) -> Result<Span, ApiError> {
    let to = to.map_or_else(|| Ok(web.clock.now()), |to| time("to", to))?;
    let from = from.map_or_else(|| time("from", to.millis_f64() - HOUR), |from| time("from", from))?;
    if from > to {
        return Err(ApiError::bad_request("`from` is after `to`."));
    }
    Ok(Span { from, to })
}

pub(super) async fn range(
    State(web): State<Shared>,
    Extension(who): Extension<Arc<Who>>,
    Params(ask): Params<RangeAsk>,
) -> Result<Response, ApiError> {
    let (id, _) = visible(&web, &who.principal, &ask.path)?;
    let span = span(&web, ask.from, ask.to)?;
    let limit = ask.limit.unwrap_or(SAMPLES).clamp(1, MOST);
    let newest_first = ask.order == Order::Desc;
    let text = answer::read(&web, move |web| {
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
    let span = span(&web, ask.from, ask.to)?;
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
    let span = span(&web, Some(ask.from), Some(ask.to))?;
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
    match ask.format.unwrap_or(FileFormat::Csv) {
        FileFormat::Csv => csv_response(web, id, declared, Span { from, to }, &name),
        FileFormat::Parquet => {
            // A path holds no quote (model::path), so it cannot leave its literal.
            let sql = format!(
                "SELECT * FROM samples WHERE path = '{}' AND time >= to_timestamp_nanos({}) AND time <= to_timestamp_nanos({}) ORDER BY time, seq",
                declared.path, from.0, to.0
            );
            let file = web.query.export(&sql, FileFormat::Parquet, &who.principal).await?;
            send_file(file, FileFormat::Parquet, &name).await
        }
    }
}

/// A download in progress: reads a page, sends it, reads the next.
struct Download {
    web: Shared,
    id: PointId,
    declared: Arc<Declaration>,
    span: Span,
    done: bool,
}

fn csv_response(
    web: Shared,
    id: PointId,
    declared: Arc<Declaration>,
    span: Span,
    name: &str,
) -> Result<Response, ApiError> {
    let (kind, extension) = file_kind(FileFormat::Csv);
    let head = "path,time,received,seq,value,unit,state,quality,historical\r\n";
    let state = Download { web, id, declared, span, done: false };
    let rows = stream::try_unfold(state, |mut state| async move {
        if state.done {
            return Ok::<_, std::io::Error>(None);
        }
        let web = state.web.clone();
        let result = answer::read(&web, move |_| {
            let text = state.page()?;
            Ok::<_, crate::Problem>((text, state))
        });
        let failed = |_| std::io::Error::other("history could not be read");
        let (text, state) = result.await.map_err(failed)?.map_err(|problem| {
            tracing::warn!(problem = problem.title, "a download broke off");
            std::io::Error::other("history could not be read")
        })?;
        Ok(Some((Bytes::from(text), state)))
    });
    let whole = futures_util::StreamExt::chain(
        stream::once(async move { Ok(Bytes::from_static(head.as_bytes())) }),
        rows,
    );
    let mut response = HttpBody::from_stream(whole).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_DISPOSITION, attachment(name, extension)?);
    Ok(response)
}

impl Download {
    /// The next rows as text. A page ends between two times, so that the next one neither repeats nor skips samples.
    fn page(&mut self) -> Result<String, crate::Problem> {
        let mut most = PAGE;
        let samples = loop {
            let mut samples = self.web.store.range(self.id, self.span, most, false)?;
            if samples.len() < most {
                self.done = true;
                break samples;
            }
            let last = samples.last().map_or(self.span.to, |sample| sample.time);
            let whole = samples.partition_point(|sample| sample.time < last);
            if whole > 0 {
                samples.truncate(whole);
                self.span.from = last;
                break samples;
            }
            most = most.saturating_mul(2); // that many samples of one point at one instant
        };
        let mut out = String::with_capacity(samples.len() * 100);
        for sample in &samples {
            self.row(&mut out, sample);
        }
        Ok(out)
    }

    fn row(&self, out: &mut String, sample: &Sample) {
        let _ = write!(out, "{},{},{},{},", self.declared.path, sample.time, sample.received, sample.seq.0);
        match &sample.value {
            Value::None => {}
            Value::Text(text) => csv::field(out, text),
            number => {
                let _ = write!(out, "{number}");
            }
        }
        out.push(',');
        csv::field(out, &self.declared.unit);
        out.push(',');
        csv::field(out, self.declared.state_of(&sample.value).unwrap_or_default());
        let _ = write!(out, ",{},{}\r\n", sample.status.name(), sample.historical);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::Range;
    use model::{Position, Status};

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
