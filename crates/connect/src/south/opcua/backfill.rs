//! Gaps: what the server could not keep for us over a long cut is read from its own history, where it has one
//! (OPC 10000-11, 6.5.3). Bounded, paced, and marked as historical.
//!
//! ```text
//!  subscription made anew, or the server's queue ran over ─▶ gap ─ (settle) ─ history readable? ─ pages ─▶ points
//! ```

use super::build::Spec;
use super::channel::{Channel, unexpected};
use super::config::Mode;
use super::exchange::{Done, Exchange};
use super::notify;
use super::services;
use super::value;
use crate::south::{Arrival, Link, Origin};
use model::{Fault, Time};
use opcua::core::ResponseMessage;
use opcua::types::{
    AttributeId, ByteString, DataValue, ExtensionObject, HistoryData, HistoryReadRequest, HistoryReadResult,
    HistoryReadValueId, NodeId, ReadRawModifiedDetails, StatusCode, TimestampsToReturn, Variant,
    VariantScalarTypeId,
};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// After a session began: until then the first values are here, which end the gaps.
const SETTLE: Duration = Duration::from_secs(2);
/// Between two questions: history is no hurry, and the server has other work.
const PAUSE: Duration = Duration::from_millis(200);
/// Nodes in one question, values of each in one answer, and answers of one question.
const NODES: usize = 10;
const VALUES: u32 = 1_000;
const MOST_ANSWERS: usize = 1_000;
/// How long one answer may take: history comes from a disk.
const WITHIN: Duration = Duration::from_secs(20);
/// The bit that says that history can be read (OPC 10000-3, 8.57).
const HISTORY_READ: u8 = 0x04;

/// What is missing, and what is being read.
#[derive(Default)]
pub(super) struct Gaps {
    /// By group and row.
    open: BTreeMap<(usize, u32), Gap>,
    queue: VecDeque<Fill>,
    at: Option<Instant>,
    under_way: bool,
}

/// Between two values that are here.
#[derive(Clone, Copy, Debug)]
struct Gap {
    from: Time,
    until: Option<Time>,
}

/// One question: some nodes of a group.
pub(super) struct Fill {
    group: usize,
    rows: Vec<Row>,
    answers: usize,
    /// The server says that it has history of them.
    readable: bool,
}

#[derive(Clone)]
struct Row {
    row: u32,
    node: NodeId,
    /// From where the server is asked; with a continuation point it stays what it was.
    start: Time,
    /// The newest that is here.
    from: Time,
    until: Time,
    /// Where the next answer goes on.
    point: ByteString,
    /// There may be a next one.
    more: bool,
}

/// What came of a question.
pub(super) enum Page {
    Readable(Vec<bool>),
    Values(Vec<(Vec<DataValue>, ByteString)>),
}

impl Exchange<'_> {
    /// Subscriptions that had to be made anew do not tell what happened meanwhile.
    pub(super) fn find_gaps(&mut self, now: Time, link: &Link) {
        let spec = self.spec;
        if spec.mode == Mode::Poll {
            return;
        }
        for one in self.session.subscriptions.iter().filter(|one| !one.draining) {
            let Some(group) = spec.groups.get(one.group) else { continue };
            let known = self.known.get(one.group).map(Vec::as_slice).unwrap_or_default();
            let mut gap = false;
            for (row, (item, known)) in (0..).zip(group.items.iter().zip(known)) {
                if let Some(newest) = known.newest.filter(|_| item.asks()) {
                    gap = true;
                    let from = newest.max(now.before(spec.backfill));
                    self.gaps.open.insert((one.group, row), Gap { from, until: None });
                }
            }
            // Nobody knows how many.
            link.notifications_lost(gap.into());
        }
        self.settle();
    }

    /// The server's queue ran over during a cut.
    pub(super) fn dropped(&mut self, group: usize, gaps: Vec<(u32, Option<Time>)>) {
        for (row, until) in gaps {
            let known = self.known.get(group).and_then(|known| known.get(row as usize));
            if let Some(from) = known.and_then(|known| known.newest) {
                self.gaps.open.entry((group, row)).or_insert(Gap { from, until });
            }
        }
        self.settle();
    }

    fn settle(&mut self) {
        if self.spec.backfill.is_zero() {
            self.gaps.open.clear();
        }
        if !self.gaps.open.is_empty() {
            self.gaps.at = Some(Instant::now() + SETTLE);
        }
    }

    /// What values say of their rows: the server's type, the newest time; the first one after a gap ends it.
    pub(super) fn remember<'a>(
        &mut self,
        group: usize,
        kinds: &[(u32, VariantScalarTypeId)],
        arrivals: impl Iterator<Item = &'a Arrival>,
    ) {
        let Some(known) = self.known.get_mut(group) else { return };
        for (row, kind) in kinds {
            if let Some(one) = known.get_mut(*row as usize) {
                one.kind = Some(*kind);
            }
        }
        for arrival in arrivals {
            let Some(one) = known.get_mut(arrival.row as usize) else { continue };
            if !self.gaps.open.is_empty()
                && let Some(gap) = self.gaps.open.get_mut(&(group, arrival.row))
            {
                gap.until = gap.until.or(arrival.source);
            }
            one.newest = one.newest.max(arrival.source);
        }
    }

    /// When the next question is due.
    pub(super) fn next_fill(&self) -> Option<Instant> {
        self.gaps.at.filter(|_| !self.gaps.under_way)
    }

    /// Starts the next question when it is time.
    pub(super) fn fill_gaps(&mut self, now: Instant, link: &Link) {
        if self.gaps.under_way || self.gaps.at.is_none_or(|at| at > now) {
            return;
        }
        let here = link.clock().now();
        let open = std::mem::take(&mut self.gaps.open);
        self.gaps.queue.extend(fills(self.spec, &self.session.nodes, open, here));
        let Some(fill) = self.gaps.queue.pop_front() else {
            self.gaps.at = None;
            return;
        };
        self.gaps.under_way = true;
        let (channel, budget) = (self.channel.clone(), link.budget().clone());
        self.work.push(Box::pin(async move {
            budget.leave().await;
            let outcome =
                if fill.readable { page(&channel, &fill).await } else { readable(&channel, &fill).await };
            Done::Filled { fill, outcome }
        }));
    }

    pub(super) fn conclude_fill(
        &mut self,
        mut fill: Fill,
        outcome: Result<Page, Fault>,
        link: &mut Link,
    ) -> Result<(), Fault> {
        self.gaps.under_way = false;
        self.gaps.at = Some(Instant::now() + PAUSE);
        match outcome {
            Ok(Page::Readable(which)) => {
                let mut which = which.into_iter();
                fill.rows.retain(|_| which.next() == Some(true));
                fill.readable = true;
            }
            Ok(Page::Values(found)) => self.take_history(&mut fill, found, link),
            // This server has no history after all, or none for us.
            Err(fault @ (Fault::Exception { .. } | Fault::Timeout { .. } | Fault::Protocol(_))) => {
                tracing::warn!(connection = self.spec.name, %fault, "a gap stays: the server's history could not be read");
                fill.rows.clear();
            }
            Err(fault) => return Err(fault),
        }
        fill.answers += 1;
        if fill.answers > MOST_ANSWERS && !fill.rows.is_empty() {
            tracing::warn!(
                connection = self.spec.name,
                "a gap stays: the server's history of it is too long"
            );
            link.notifications_lost(fill.rows.len() as u64);
            fill.rows.clear();
        }
        if !fill.rows.is_empty() {
            self.gaps.queue.push_front(fill);
        }
        Ok(())
    }

    fn take_history(&mut self, fill: &mut Fill, found: Vec<(Vec<DataValue>, ByteString)>, link: &mut Link) {
        let Some(group) = self.spec.groups.get(fill.group) else { return fill.rows.clear() };
        let mut arrivals = Vec::new();
        for (row, (values, point)) in fill.rows.iter_mut().zip(found) {
            let inside = |data: &&DataValue| {
                notify::source(data).is_some_and(|time| time > row.from && time < row.until)
            };
            for data in values.iter().filter(inside) {
                notify::spread(group, row.row, data, &self.session.types, &mut arrivals);
            }
            // Some servers give a full page without saying where the next one begins.
            let last = values.last().and_then(notify::source).filter(|last| *last > row.from);
            row.more = !point.is_null_or_empty() || (values.len() >= VALUES as usize && last.is_some());
            row.from = last.unwrap_or(row.from);
            if point.is_null_or_empty() {
                row.start = row.from;
            }
            row.point = point;
        }
        fill.rows.retain(|row| row.more);
        if !arrivals.is_empty() {
            arrivals.sort_by_key(|arrival| arrival.source);
            link.arrived(fill.group, Origin { synchronised: self.in_step, historical: true }, arrivals);
        }
    }
}

/// Questions that fill the gaps, of some nodes each.
fn fills(
    spec: &Spec,
    nodes: &[Vec<Option<NodeId>>],
    open: BTreeMap<(usize, u32), Gap>,
    here: Time,
) -> Vec<Fill> {
    let mut fills: Vec<Fill> = Vec::new();
    for ((group, row), gap) in open {
        let node = nodes.get(group).and_then(|nodes| nodes.get(row as usize)).cloned().flatten();
        let until = gap.until.unwrap_or(here);
        let (Some(node), true) = (node, until > gap.from && group < spec.groups.len()) else { continue };
        let row =
            Row { row, node, start: gap.from, from: gap.from, until, point: ByteString::null(), more: true };
        match fills.last_mut().filter(|fill| fill.group == group && fill.rows.len() < NODES) {
            Some(fill) => fill.rows.push(row),
            None => fills.push(Fill { group, rows: vec![row], answers: 0, readable: false }),
        }
    }
    fills
}

/// Whether the server lets us read the history of each.
async fn readable(channel: &Channel, fill: &Fill) -> Result<Page, Fault> {
    let nodes =
        fill.rows.iter().map(|row| services::attribute(row.node.clone(), AttributeId::UserAccessLevel));
    let answers = services::read(channel, nodes.collect(), WITHIN).await?;
    let bit = |data: DataValue| matches!(data.value, Some(Variant::Byte(level)) if level & HISTORY_READ != 0);
    Ok(Page::Readable(answers.into_iter().map(bit).collect()))
}

async fn page(channel: &Channel, fill: &Fill) -> Result<Page, Fault> {
    let from = fill.rows.iter().map(|row| row.start).min().unwrap_or_default();
    let until = fill.rows.iter().map(|row| row.until).max().unwrap_or_default();
    let details = ReadRawModifiedDetails {
        is_read_modified: false,
        start_time: value::stamp(from),
        end_time: value::stamp(until),
        num_values_per_node: VALUES,
        return_bounds: false,
    };
    let question = |row: &Row| HistoryReadValueId {
        node_id: row.node.clone(),
        continuation_point: row.point.clone(),
        ..HistoryReadValueId::default()
    };
    let request = HistoryReadRequest {
        request_header: channel.header_within(WITHIN),
        history_read_details: ExtensionObject::from_message(details),
        timestamps_to_return: TimestampsToReturn::Both,
        release_continuation_points: false,
        nodes_to_read: Some(fill.rows.iter().map(question).collect()),
    };
    match channel.ask_within(request, "reading history", WITHIN).await? {
        ResponseMessage::HistoryRead(answer) => {
            let results = services::all(answer.results, fill.rows.len())?;
            Ok(Page::Values(results.into_iter().map(values).collect()))
        }
        other => Err(unexpected(&other)),
    }
}

/// The values of one node; a node without history has none.
fn values(result: HistoryReadResult) -> (Vec<DataValue>, ByteString) {
    if result.status_code.is_bad() {
        tracing::debug!(code = %StatusCode::from(result.status_code.bits()), "no history of a node");
        return (Vec::new(), ByteString::null());
    }
    let data = result.history_data.into_inner_as::<HistoryData>();
    (data.and_then(|data| data.data_values).unwrap_or_default(), result.continuation_point)
}
