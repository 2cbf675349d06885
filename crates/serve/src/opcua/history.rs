//! History from the historian (OPC 10000-11): raw values page by page, values at chosen times, and aggregates.

use super::{aggregate, value};
use insight::processed::{Aggregate, Raw, SUB_NORMAL, Series};
use model::{PointId, Status, Time, Value};
use opcua::server::ContinuationPoint;
use opcua::server::node_manager::HistoryNode;
use opcua::types::{
    DataValue, DateTime, HistoryData, Identifier, NodeId, ReadAtTimeDetails, ReadProcessedDetails,
    ReadRawModifiedDetails, StatusCode,
};
use store::{Order, Samples, Store, StoreError};

/// Most values in one answer.
pub(super) const MOST: usize = 10_000;
/// Most times of one question, and most Bad samples that are passed over for one of them.
const MOST_TIMES: usize = 1_000;
const MOST_PASSED: usize = 1_000;
/// Most intervals of one question, and most samples that are looked at for it.
const MOST_INTERVALS: usize = 10_000;
const MOST_SAMPLES: usize = 2_000_000;

/// Where the next page begins: after so many samples of this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    at: Time,
    skip: usize,
    /// Values that the client still wants; nothing for all.
    left: Option<usize>,
}

/// One page of one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    point: PointId,
    from: Time,
    /// After the last.
    until: Time,
    order: Order,
    skip: usize,
    left: Option<usize>,
    bounds: bool,
}

fn after(time: Time) -> Time {
    Time(time.0.saturating_add(1))
}

/// From when until before when, and which way: backwards where the end is earlier or only it is given (OPC 10000-11,
/// 6.5.3.2).
///
/// # Errors
/// BadHistoryOperationInvalid where two of start, end and number are missing.
pub(super) fn span(start: &DateTime, end: &DateTime, number: u32) -> Result<(Time, Time, Order), StatusCode> {
    Ok(match (value::time(start), value::time(end)) {
        (Some(start), Some(end)) if start < end => (start, end, Order::Ascending),
        (Some(start), Some(end)) if start == end => (start, after(end), Order::Ascending),
        (Some(start), Some(end)) => (after(end), after(start), Order::Descending),
        (Some(start), None) if number > 0 => (start, Time(i64::MAX), Order::Ascending),
        (None, Some(end)) if number > 0 => (Time(i64::MIN), after(end), Order::Descending),
        _ => return Err(StatusCode::BadHistoryOperationInvalid),
    })
}

/// Values, and where the next page begins.
pub(super) type Page = (Vec<DataValue>, Option<Mark>);

impl Asked {
    /// A question as the client put it.
    ///
    /// # Errors
    /// As [`span`].
    pub(super) fn raw(
        point: PointId,
        details: &ReadRawModifiedDetails,
        going_on: Option<Mark>,
    ) -> Result<Self, StatusCode> {
        let (start, end) = (value::time(&details.start_time), value::time(&details.end_time));
        let number = details.num_values_per_node as usize;
        let (from, until, order) = span(&details.start_time, &details.end_time, details.num_values_per_node)?;
        let fresh = Self {
            point,
            from,
            until,
            order,
            skip: 0,
            left: (number > 0).then_some(number),
            bounds: details.return_bounds && start.is_some() && end.is_some(),
        };
        Ok(match (going_on, order) {
            (None, _) => fresh,
            (Some(mark), Order::Ascending) => {
                Self { from: mark.at, skip: mark.skip, left: mark.left, bounds: false, ..fresh }
            }
            (Some(mark), Order::Descending) => {
                Self { until: after(mark.at), skip: mark.skip, left: mark.left, bounds: false, ..fresh }
            }
        })
    }

    fn room(&self) -> usize {
        self.left.map_or(MOST, |left| left.min(MOST))
    }
}

/// Reads a page, off the threads that must not wait.
///
/// # Errors
/// BadUnexpectedError when the disk refuses.
pub(super) async fn raw(store: Store, asked: Asked) -> Result<Page, StatusCode> {
    let read = move || {
        let limit = asked.room().saturating_add(asked.skip);
        let samples = store.range(asked.point, asked.from, asked.until, limit, asked.order)?;
        let first = match (asked.bounds, asked.order) {
            (true, Order::Ascending) => {
                Some(store.range(asked.point, Time(i64::MIN), asked.from, 1, Order::Descending)?)
            }
            _ => None,
        };
        Ok(page(&asked, &samples, first.as_ref()))
    };
    off_thread(read).await
}

fn page(asked: &Asked, samples: &Samples, first: Option<&Samples>) -> Page {
    let mut values: Vec<DataValue> = Vec::with_capacity(samples.len());
    let starts = samples.time.first() == Some(&asked.from);
    if let Some(first) = first.filter(|_| !starts) {
        values.push(match row(first, 0) {
            Some(bound) => bound,
            None => DataValue {
                status: Some(StatusCode::BadBoundNotFound),
                source_timestamp: Some(value::stamp(asked.from)),
                ..DataValue::default()
            },
        });
    }
    let bound = values.len();
    values.extend((asked.skip..samples.len()).filter_map(|index| row(samples, index)));
    values.truncate(asked.room().max(bound));
    let given = values.len() - bound;
    let left = asked.left.map(|left| left.saturating_sub(given));
    let more = samples.more || samples.len() > asked.skip + given;
    let mark =
        samples.time.get(asked.skip + given.saturating_sub(1)).copied().filter(|_| given > 0).map(|at| {
            let same = samples.time.iter().take(asked.skip + given).filter(|time| **time == at).count();
            Mark { at, skip: same, left }
        });
    // A client that asked for a number of values has them (OPC 10000-11, 6.5.3.2: it may go on all the same).
    (values, mark.filter(|_| more && left != Some(0)))
}

fn row(samples: &Samples, index: usize) -> Option<DataValue> {
    let (time, received) = (*samples.time.get(index)?, *samples.received.get(index)?);
    let (status, found) = (*samples.status.get(index)?, samples.values.get(index));
    Some(value::sample(&found, status, time, received))
}

/// Puts a page into a node's answer.
pub(super) fn answer(node: &mut HistoryNode, page: Result<Page, StatusCode>) {
    match page {
        Ok((values, mark)) => {
            let none = values.is_empty();
            node.set_result(HistoryData { data_values: Some(values) });
            node.set_next_continuation_point(mark.map(|mark| ContinuationPoint::new(Box::new(mark))));
            node.set_status(if none { StatusCode::GoodNoData } else { StatusCode::Good });
        }
        Err(code) => node.set_status(code),
    }
}

/// Aggregates of one point, one for each interval.
///
/// # Errors
/// BadAggregateNotSupported, BadAggregateInvalidInputs, BadAggregateConfigurationRejected; BadTooManyOperations where it
/// would take too much.
pub(super) async fn processed(
    store: Store,
    point: PointId,
    details: &ReadProcessedDetails,
    kind: &NodeId,
) -> Result<Vec<DataValue>, StatusCode> {
    let kind = match (kind.namespace, &kind.identifier) {
        (0, Identifier::Numeric(number)) => aggregate::of(*number),
        _ => None,
    };
    let kind = kind.ok_or(StatusCode::BadAggregateNotSupported)?;
    let rules = aggregate::rules(&details.aggregate_configuration)?;
    let (start, end) = (value::time(&details.start_time), value::time(&details.end_time));
    let (Some(start), Some(end)) = (start, end) else { return Err(StatusCode::BadAggregateInvalidInputs) };
    if start >= end || !details.processing_interval.is_finite() || details.processing_interval < 0.0 {
        return Err(StatusCode::BadAggregateInvalidInputs);
    }
    let width = match (details.processing_interval * 1e6) as i64 {
        0 => end.0.saturating_sub(start.0),
        width => width,
    };
    if (end.0.saturating_sub(start.0) / width) as usize > MOST_INTERVALS {
        return Err(StatusCode::BadTooManyOperations);
    }
    off_thread(move || {
        let before = store.range(point, Time(i64::MIN), start, 1, Order::Descending)?;
        let within = store.range(point, start, end, MOST_SAMPLES, Order::Ascending)?;
        let behind = store.range(point, end, Time(i64::MAX), 1, Order::Ascending)?;
        if within.more {
            return Ok(Err(StatusCode::BadTooManyOperations));
        }
        let all: Vec<Raw> = [&before, &within, &behind]
            .into_iter()
            .flat_map(|samples| (0..samples.len()).filter_map(|index| number(samples, index)))
            .collect();
        Ok(Ok(intervals(kind, (start, end, width), &Series::new(&all, rules))))
    })
    .await?
}

fn intervals(kind: Aggregate, span: (Time, Time, i64), series: &Series<'_>) -> Vec<DataValue> {
    let (start, end, width) = span;
    let (mut from, mut values) = (start, Vec::new());
    while from < end {
        let until = Time(from.0.saturating_add(width)).min(end);
        let (number, status) = aggregate::interval(series, kind, from, until);
        values.push(value::sample(&number.map_or(Value::None, Value::F64), status, from, from));
        from = until;
    }
    values
}

fn number(samples: &Samples, index: usize) -> Option<Raw> {
    let (at, status) = (*samples.time.get(index)?, *samples.status.get(index)?);
    Some(aggregate::raw(at, samples.values.get(index).as_f64(), status))
}

/// The value that held at each of these times (OPC 10000-11, 6.5.5).
///
/// # Errors
/// BadTooManyOperations for more than [`MOST_TIMES`].
pub(super) async fn at_times(
    store: Store,
    point: PointId,
    details: &ReadAtTimeDetails,
) -> Result<Vec<DataValue>, StatusCode> {
    let times: Vec<Option<Time>> = details.req_times.iter().flatten().map(value::time).collect();
    if times.is_empty() {
        return Err(StatusCode::BadNothingToDo);
    }
    if times.len() > MOST_TIMES {
        return Err(StatusCode::BadTooManyOperations);
    }
    let simple = details.use_simple_bounds;
    let held = move |time: Option<Time>| match time {
        Some(time) => held(&store, point, time, simple),
        None => Ok(DataValue { status: Some(StatusCode::BadInvalidTimestamp), ..DataValue::default() }),
    };
    off_thread(move || times.into_iter().map(held).collect()).await
}

/// What held at `time`: a sample of this time as it is, else the one before; a Bad one is passed over unless the bounds are
/// simple.
fn held(store: &Store, point: PointId, time: Time, simple: bool) -> Result<DataValue, StoreError> {
    let many = if simple { 1 } else { MOST_PASSED };
    let before = store.range(point, Time(i64::MIN), after(time), many, Order::Descending)?;
    let status = |index: usize| before.status.get(index).copied();
    if before.time.first() == Some(&time) {
        return Ok(row(&before, 0).unwrap_or_default());
    }
    let known = (0..before.len()).find(|index| status(*index).is_some_and(|status| !status.is_bad()));
    let (Some(index), Some(found)) = (known, known.and_then(status)) else {
        return Ok(value::sample(&Value::None, Status::BAD_NO_DATA, time, time));
    };
    let last = store.range(point, after(time), Time(i64::MAX), 1, Order::Ascending)?.is_empty();
    let doubt = index > 0 || last || !found.is_good();
    let base = if doubt { SUB_NORMAL } else { Status::GOOD };
    let status = Status(base.0 | aggregate::INTERPOLATED);
    Ok(value::sample(&before.values.get(index), status, time, time))
}

/// Reads the disk off the threads that must not wait.
async fn off_thread<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StatusCode> {
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(why)) => {
            tracing::error!(%why, "history could not be read for an OPC UA client");
            Err(StatusCode::BadUnexpectedError)
        }
        Err(_) => Err(StatusCode::BadUnexpectedError),
    }
}
