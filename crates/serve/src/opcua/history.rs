//! History from the historian (OPC 10000-11): raw values page by page, and aggregates.

use super::aggregate::{self, Kind, Sample};
use super::value;
use model::{PointId, Status, Time, Value};
use opcua::server::ContinuationPoint;
use opcua::server::node_manager::HistoryNode;
use opcua::types::{
    DataValue, HistoryData, Identifier, NodeId, ReadProcessedDetails, ReadRawModifiedDetails, StatusCode,
};
use store::{Order, Samples, Store};

/// Most values in one answer.
const MOST: usize = 10_000;
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

/// Values, and where the next page begins.
pub(super) type Page = (Vec<DataValue>, Option<Mark>);

impl Asked {
    /// A question as the client put it: from start to end; backwards where the end is earlier or only it is given
    /// (OPC 10000-11, 6.5.3.2).
    ///
    /// # Errors
    /// BadHistoryOperationInvalid where two of start, end and number are missing.
    pub(super) fn raw(
        point: PointId,
        details: &ReadRawModifiedDetails,
        going_on: Option<Mark>,
    ) -> Result<Self, StatusCode> {
        let (start, end) = (value::time(&details.start_time), value::time(&details.end_time));
        let number = details.num_values_per_node as usize;
        let after = |time: Time| Time(time.0.saturating_add(1));
        let (from, until, order) = match (start, end) {
            (Some(start), Some(end)) if start < end => (start, end, Order::Ascending),
            (Some(start), Some(end)) if start == end => (start, after(end), Order::Ascending),
            (Some(start), Some(end)) => (after(end), after(start), Order::Descending),
            (Some(start), None) if number > 0 => (start, Time(i64::MAX), Order::Ascending),
            (None, Some(end)) if number > 0 => (Time(i64::MIN), after(end), Order::Descending),
            _ => return Err(StatusCode::BadHistoryOperationInvalid),
        };
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
        Ok::<_, store::StoreError>((samples, first))
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok((samples, first))) => Ok(page(&asked, &samples, first.as_ref())),
        Ok(Err(why)) => {
            tracing::error!(%why, "history could not be read for an OPC UA client");
            Err(StatusCode::BadUnexpectedError)
        }
        Err(_) => Err(StatusCode::BadUnexpectedError),
    }
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
/// BadAggregateNotSupported, BadAggregateInvalidInputs; BadTooManyOperations where it would take too much.
pub(super) async fn processed(
    store: Store,
    point: PointId,
    details: &ReadProcessedDetails,
    kind: &NodeId,
) -> Result<Vec<DataValue>, StatusCode> {
    let kind = match (kind.namespace, &kind.identifier) {
        (0, Identifier::Numeric(number)) => Kind::of(*number),
        _ => None,
    };
    let kind = kind.ok_or(StatusCode::BadAggregateNotSupported)?;
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
    let read = move || {
        let before = store.range(point, Time(i64::MIN), start, 1, Order::Descending)?;
        let samples = store.range(point, start, end, MOST_SAMPLES, Order::Ascending)?;
        Ok::<_, store::StoreError>((before, samples))
    };
    let Ok(Ok((before, samples))) = tokio::task::spawn_blocking(read).await else {
        return Err(StatusCode::BadUnexpectedError);
    };
    if samples.more {
        return Err(StatusCode::BadTooManyOperations);
    }
    let all: Vec<Sample> = (0..samples.len()).filter_map(|index| number(&samples, index)).collect();
    Ok(intervals(kind, (start, end, width), number(&before, 0), &all))
}

fn intervals(kind: Kind, span: (Time, Time, i64), before: Option<Sample>, all: &[Sample]) -> Vec<DataValue> {
    let (start, end, width) = span;
    let (mut from, mut rest, mut before) = (start, all, before);
    let mut values = Vec::new();
    while from < end {
        let until = Time(from.0.saturating_add(width)).min(end);
        let (within, later) = rest.split_at(rest.partition_point(|sample| sample.at < until));
        let (number, status) = aggregate::of(kind, from, until, before, within);
        let number = number.map_or(Value::None, Value::F64);
        values.push(value::sample(&number, status, from, from));
        before = within.last().copied().or(before);
        (from, rest) = (until, later);
    }
    values
}

fn number(samples: &Samples, index: usize) -> Option<Sample> {
    let at = *samples.time.get(index)?;
    let status: Status = *samples.status.get(index)?;
    let value = samples.values.get(index).as_f64().filter(|_| !status.is_bad());
    Some(Sample { at, value })
}
