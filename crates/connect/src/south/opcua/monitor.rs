//! Subscriptions and their items: asked for in portions that the server takes, each item with its own outcome.

use super::build::{Group, Item, Spec};
use super::channel::Channel;
use super::services;
use super::status;
use super::subscription::Made;
use crate::north::Deadband;
use model::{Fault, ValueType};
use opcua::types::{
    AttributeId, DataChangeFilter, DataChangeTrigger, DeadbandType, ExtensionObject,
    MonitoredItemCreateRequest, MonitoringMode, MonitoringParameters, NodeId, StatusCode,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest silence of a subscription that has nothing to say.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Values in one notification: more would make answers that servers cannot build.
const PER_NOTIFICATION: u32 = 1_000;

/// What the server refuses, row to reason, by group: nodes, and members of structures that it does give.
#[derive(Debug)]
pub(super) struct Refusals(Vec<BTreeMap<u32, String>>, Vec<BTreeMap<u32, String>>);

impl Refusals {
    pub(super) fn new(groups: usize) -> Self {
        Self(vec![BTreeMap::new(); groups], vec![BTreeMap::new(); groups])
    }

    /// The node is there, but a point cannot be made of it.
    pub(super) fn unfit(&mut self, group: usize, row: u32, why: String) {
        if let Some(of_group) = self.1.get_mut(group) {
            of_group.insert(row, why);
        }
    }

    pub(super) fn is_unfit(&self, group: usize, row: u32) -> bool {
        self.1.get(group).is_some_and(|of_group| of_group.contains_key(&row))
    }

    pub(super) fn unfits(&self, group: usize) -> impl Iterator<Item = (u32, &str)> {
        self.1.get(group).into_iter().flatten().map(|(row, why)| (*row, why.as_str()))
    }

    pub(super) fn add(&mut self, group: usize, row: u32, why: String) {
        if let Some(of_group) = self.0.get_mut(group) {
            of_group.insert(row, why);
        }
    }

    /// Takes a row out. Returns whether it was in.
    pub(super) fn remove(&mut self, group: usize, row: u32) -> bool {
        self.0.get_mut(group).is_some_and(|of_group| of_group.remove(&row).is_some())
    }

    /// Forgets what the server said of the items of a group; rows without a node stay.
    pub(super) fn renew(&mut self, group: usize, nodes: &[Option<NodeId>]) {
        if let Some(of_group) = self.0.get_mut(group) {
            of_group.retain(|row, _| nodes.get(*row as usize).is_none_or(Option::is_none));
        }
    }

    pub(super) fn has(&self, group: usize, row: u32) -> bool {
        self.0.get(group).is_some_and(|of_group| of_group.contains_key(&row))
    }

    pub(super) fn of(&self, group: usize) -> impl Iterator<Item = (u32, &str)> {
        self.0.get(group).into_iter().flatten().map(|(row, why)| (*row, why.as_str()))
    }

    /// What was refused when the group's subscription was made.
    pub(super) fn inherit(&mut self, from: &Self, group: usize) {
        if let (Some(ours), Some(theirs)) = (self.0.get_mut(group), from.0.get(group)) {
            ours.extend(theirs.iter().map(|(row, why)| (*row, why.clone())));
        }
    }
}

/// Creates the subscription of a group.
///
/// # Errors
/// As the server says.
pub(super) async fn subscribe(channel: &Channel, spec: &Spec, group: &Group) -> Result<Made, Fault> {
    let times =
        |span: Duration| (span.as_secs_f64() / group.publishing.as_secs_f64().max(0.001)).ceil() as u32;
    let keep_alive = times(KEEP_ALIVE).max(1);
    let lifetime = keep_alive.saturating_mul(3).max(times(spec.bridge * 2));
    let made = services::subscribe(channel, group.publishing, keep_alive, lifetime, PER_NOTIFICATION).await?;
    let interval =
        Duration::try_from_secs_f64(made.revised_publishing_interval / 1_000.0).unwrap_or(group.publishing);
    let slack = spec.timing.timeout * (spec.timing.retries + 1) + Duration::from_secs(1);
    let silence = interval.saturating_mul(made.revised_max_keep_alive_count.max(1)).saturating_add(slack);
    let lifetime = interval.saturating_mul(made.revised_lifetime_count.max(1));
    Ok(Made { id: made.subscription_id, silence, lifetime })
}

/// What a server takes and keeps; both shrink when it is less than thought.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Items in one request.
    pub(super) portion: usize,
    /// Values that it keeps of each item.
    pub(super) queue: u32,
}

/// What became of each item.
pub(super) type Results = Vec<(u32, Result<(), String>)>;

/// Creates items.
///
/// # Errors
/// What ends the session; what concerns single items is in their results.
pub(super) async fn create(
    channel: &Channel,
    subscription: u32,
    group: &Group,
    rows: Vec<(u32, NodeId)>,
    room: &mut Room,
    within: Duration,
) -> Result<Results, Fault> {
    let asking = Asking { channel, subscription, group, within };
    let mut results = Results::with_capacity(rows.len());
    let mut plain = Vec::new();
    for (row, code) in asking.ask(&rows, true, room).await? {
        if is_filter(code)
            && let Some(again) = rows.iter().find(|(known, _)| *known == row)
        {
            plain.push(again.clone());
        } else {
            results.push((row, outcome(code)));
        }
    }
    // A server that knows no dead-band for an item tells every change of it.
    for (row, code) in asking.ask(&plain, false, room).await? {
        results.push((row, outcome(code)));
    }
    Ok(results)
}

fn outcome(code: StatusCode) -> Result<(), String> {
    if code.is_bad() { Err(status::words(code)) } else { Ok(()) }
}

fn is_filter(code: StatusCode) -> bool {
    matches!(
        code,
        StatusCode::BadFilterNotAllowed
            | StatusCode::BadMonitoredItemFilterUnsupported
            | StatusCode::BadMonitoredItemFilterInvalid
            | StatusCode::BadDeadbandFilterInvalid
    )
}

struct Asking<'a> {
    channel: &'a Channel,
    subscription: u32,
    group: &'a Group,
    within: Duration,
}

impl Asking<'_> {
    async fn ask(
        &self,
        rows: &[(u32, NodeId)],
        filtered: bool,
        room: &mut Room,
    ) -> Result<Vec<(u32, StatusCode)>, Fault> {
        let mut found = Vec::with_capacity(rows.len());
        let mut rest = rows;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(room.portion.max(1)));
            let requests = now
                .iter()
                .filter_map(|(row, node)| {
                    Some(request(*row, node, self.group, self.group.items.get(*row as usize)?, filtered))
                })
                .collect();
            match services::monitor(self.channel, self.subscription, requests, self.within).await {
                Ok(answers) => {
                    let good = answers.iter().filter(|answer| answer.status_code.is_good());
                    room.queue =
                        good.map(|answer| answer.revised_queue_size.max(1)).fold(room.queue, u32::min);
                    found
                        .extend(now.iter().zip(answers).map(|((row, _), answer)| (*row, answer.status_code)));
                    rest = later;
                }
                Err(Fault::Exception { code, .. }) if is_too_many(code) && now.len() > 1 => {
                    room.portion = now.len().div_ceil(2);
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(found)
    }
}

pub(super) fn is_too_many(code: u32) -> bool {
    matches!(
        StatusCode::from(code & 0xFFFF_0000),
        StatusCode::BadTooManyOperations
            | StatusCode::BadRequestTooLarge
            | StatusCode::BadResponseTooLarge
            | StatusCode::BadEncodingLimitsExceeded
            | StatusCode::BadTcpMessageTooLarge
    )
}

fn request(
    row: u32,
    node: &NodeId,
    group: &Group,
    item: &Item,
    filtered: bool,
) -> MonitoredItemCreateRequest {
    let number = matches!(item.raw, ValueType::I64 | ValueType::U64 | ValueType::F64);
    let filter = group.deadband.filter(|_| filtered && number).map_or_else(ExtensionObject::null, |band| {
        let (kind, value) = match band {
            Deadband::Absolute(band) => (DeadbandType::Absolute, band),
            Deadband::OfRange(part) => (DeadbandType::Percent, part * 100.0),
        };
        ExtensionObject::from_message(DataChangeFilter {
            trigger: DataChangeTrigger::StatusValue,
            deadband_type: kind as u32,
            deadband_value: value,
        })
    });
    MonitoredItemCreateRequest {
        item_to_monitor: services::attribute(node.clone(), AttributeId::Value),
        monitoring_mode: MonitoringMode::Reporting,
        requested_parameters: MonitoringParameters {
            client_handle: row,
            sampling_interval: group.sampling.as_secs_f64() * 1_000.0,
            filter,
            queue_size: group.queue,
            discard_oldest: true,
        },
    }
}
