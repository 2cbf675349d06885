//! The historian as the pages ask for it.

use super::House;
use model::{Declaration, Event, PointId, Time};
use std::sync::Arc;
use std::time::Duration;
use store::{Bucket, EventFilter, Order, Samples, StoreError, Trend};
use web::shapes;
use web::{Figures, History, Problem, ProblemKind, Sample, Span};

/// The store behind the web interface's trait.
pub struct Recorded(pub Arc<House>);

/// The page's spans include their end, the store's do not.
fn after(time: Time) -> Time {
    Time(time.0.saturating_add(1))
}

fn problem(error: StoreError) -> Problem {
    tracing::warn!(%error, "history could not be read");
    Problem::new(
        ProblemKind::Unavailable,
        "History cannot be read",
        "Live values go on; what is recorded stays where it is.",
        "Look at the events for a fault of the disk, then try again.",
    )
}

fn samples(found: Samples) -> impl Iterator<Item = Sample> {
    (0..found.len()).filter_map(move |row| {
        Some(Sample {
            time: *found.time.get(row)?,
            received: *found.received.get(row)?,
            seq: *found.seq.get(row)?,
            value: found.values.get(row),
            status: *found.status.get(row)?,
            historical: *found.historical.get(row)?,
        })
    })
}

impl Recorded {
    /// Records between the journal's head and what is in segments.
    fn lag(&self) -> u64 {
        let stats = self.0.namespace.journal().stats();
        stats.cursors.iter().find(|cursor| cursor.name == "store").map_or(0, |cursor| cursor.lag)
    }
}

impl History for Recorded {
    fn range(
        &self,
        point: PointId,
        span: Span,
        limit: usize,
        newest_first: bool,
    ) -> Result<Vec<Sample>, Problem> {
        let order = if newest_first { Order::Descending } else { Order::Ascending };
        let found = self.0.store.range(point, span.from, after(span.to), limit, order).map_err(problem)?;
        Ok(samples(found).collect())
    }

    fn trend(&self, point: PointId, span: Span, buckets: usize) -> Result<shapes::Trend, Problem> {
        match self.0.store.trend(point, span.from, after(span.to), buckets).map_err(problem)? {
            Trend::Raw(found) => Ok(raw(found)),
            Trend::Buckets { width, buckets } => Ok(bucketed(width.as_nanos() as i64, &buckets)),
        }
    }

    fn aggregate(
        &self,
        points: &[PointId],
        span: Span,
        width: Duration,
    ) -> Result<Vec<shapes::Trend>, Problem> {
        let found = self.0.store.aggregate(points, span.from, span.to, width).map_err(problem)?;
        let filled = |all: Vec<Bucket>| {
            let filled: Vec<Bucket> = all.into_iter().filter(|bucket| bucket.count > 0).collect();
            bucketed(width.as_nanos() as i64, &filled)
        };
        Ok(found.into_iter().map(filled).collect())
    }

    fn declared(&self, point: PointId) -> Vec<(Time, Arc<Declaration>)> {
        let all = self.0.store.metadata_history(point);
        all.into_iter().map(|known| (known.since, known.declaration)).collect()
    }

    fn extent(&self, point: PointId) -> Option<(Time, Time)> {
        self.0.store.extent(point).ok().flatten()
    }

    fn events(&self, span: Span, limit: usize) -> Result<Vec<Event>, Problem> {
        let filter =
            EventFilter { from: Some(span.from), to: Some(after(span.to)), ..EventFilter::default() };
        let found = self.0.store.events(&filter, limit).map_err(problem)?;
        Ok(found.iter().map(|event| Event::clone(event)).collect())
    }

    fn figures(&self) -> Figures {
        let stats = self.0.store.stats();
        Figures {
            bytes: stats.bytes,
            samples: stats.rows,
            segments: stats.segments as u64,
            head_samples: stats.head_rows as u64,
            lag_records: self.lag(),
        }
    }
}

fn raw(found: Samples) -> shapes::Trend {
    let values: Vec<Option<f64>> = samples(found.clone())
        .map(|sample| sample.value.as_f64().filter(|v| v.is_finite() && !sample.status.is_bad()))
        .collect();
    shapes::Trend {
        mode: "raw".into(),
        bucket_ms: None,
        time: found.time.iter().map(|time| time.millis_f64()).collect(),
        avg: Some(values.clone()),
        min: values.clone(),
        max: values.clone(),
        first: values.clone(),
        last: values,
        count: vec![1; found.len()],
        good: found.status.iter().map(|status| if status.is_bad() { 0.0 } else { 1.0 }).collect(),
    }
}

fn bucketed(width_ns: i64, buckets: &[Bucket]) -> shapes::Trend {
    let column = |of: fn(&Bucket) -> f64| {
        buckets.iter().map(|b| Some(of(b)).filter(|v| v.is_finite())).collect::<Vec<_>>()
    };
    shapes::Trend {
        mode: "buckets".into(),
        bucket_ms: Some(width_ns as f64 / 1e6),
        time: buckets.iter().map(|b| Time(b.start).millis_f64()).collect(),
        avg: Some(column(|b| b.sum / b.good as f64)),
        min: column(|b| b.min),
        max: column(|b| b.max),
        first: column(|b| b.first),
        last: column(|b| b.last),
        count: buckets.iter().map(|b| b.count).collect(),
        good: buckets.iter().map(|b| b.good as f64 / b.count.max(1) as f64).collect(),
    }
}
