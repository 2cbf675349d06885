//! From a notification to values of points. Pure.

use super::build::{Group, Item};
use super::structure::{Members, Types};
use super::value;
use crate::south::Arrival;
use model::{Status, Time};
use opcua::types::{
    DataChangeNotification, DataValue, DateTime, NotificationMessage, StatusChangeNotification, StatusCode,
    Variant, VariantScalarTypeId,
};
use std::collections::HashMap;
use std::time::Duration;

/// The bits that say that the server's queue overflowed: InfoType DataValue and Overflow (OPC 10000-4, 7.38.2).
const OVERFLOW: u32 = 0x0480;
/// A value that the server kept for longer than this is not live.
const LIVE: Duration = Duration::from_secs(2);

/// What a notification says.
#[derive(Debug, Default)]
pub(super) struct Notification {
    /// Values that are live.
    pub(super) live: Vec<Arrival>,
    /// Values that the server kept while we were away.
    pub(super) kept: Vec<Arrival>,
    /// The server's type of each value, where it has one: row and type.
    pub(super) kinds: Vec<(u32, VariantScalarTypeId)>,
    /// Rows before whose values the server had to drop others, with the time of the first that it kept.
    pub(super) gaps: Vec<(u32, Option<Time>)>,
    /// The subscription ends.
    pub(super) ended: Option<StatusCode>,
    /// Values of items that we do not have.
    pub(super) strangers: u64,
    /// Values before which the server had to drop others.
    pub(super) overflows: u64,
}

/// Reads one notification of the subscription to `group`. `sent` is the server's time at which it was sent now, if what
/// the server kept meanwhile is to be told from what is live.
pub(super) fn read(
    message: NotificationMessage,
    group: &Group,
    types: &Types,
    sent: Option<&DateTime>,
) -> Notification {
    let sent = value::time(sent);
    let mut found = Notification::default();
    for part in message.notification_data.into_iter().flatten() {
        if let Some(change) = part.inner_as::<StatusChangeNotification>() {
            found.ended = Some(change.status);
            continue;
        }
        let Some(data) = part.into_inner_as::<DataChangeNotification>() else { continue };
        for one in data.monitored_items.into_iter().flatten() {
            let row = one.client_handle;
            if row as usize >= group.items.len() {
                found.strangers += 1;
                continue;
            }
            let source = source(&one.value);
            if one.value.status.is_some_and(|status| status.bits() & OVERFLOW == OVERFLOW) {
                found.overflows += 1;
                found.gaps.push((row, source));
            }
            if let Some(kind) = one.value.value.as_ref().and_then(value::type_of) {
                found.kinds.extend(group.fed_by(row).map(|row| (row, kind)));
            }
            let kept = matches!(sent.zip(source), Some((sent, source)) if sent.since(source) > LIVE);
            spread(group, row, &one.value, types, if kept { &mut found.kept } else { &mut found.live });
        }
    }
    found
}

/// Rows of which a whole queue came at once, with the time of its first value: some servers drop what does not fit
/// without saying so.
pub(super) fn full<'a>(arrivals: impl Iterator<Item = &'a Arrival>, queue: u32) -> Vec<(u32, Option<Time>)> {
    let mut counts: HashMap<u32, (u32, Option<Time>)> = HashMap::new();
    for arrival in arrivals {
        let (count, first) = counts.entry(arrival.row).or_default();
        *count += 1;
        *first = first.or(arrival.source);
    }
    let full = counts.into_iter().filter(|(_, (count, _))| queue > 1 && *count >= queue);
    full.map(|(row, (_, first))| (row, first)).collect()
}

/// A value's own time: the source's, or else the server's.
pub(super) fn source(data: &DataValue) -> Option<Time> {
    value::time(data.source_timestamp.as_ref()).or(value::time(data.server_timestamp.as_ref()))
}

/// The value of a node for each row that it feeds.
pub(super) fn spread(group: &Group, row: u32, data: &DataValue, types: &Types, into: &mut Vec<Arrival>) {
    let source = source(data);
    let mut members: Option<Result<Members, Status>> = None;
    for row in group.fed_by(row) {
        let Some(item) = group.items.get(row as usize) else { continue };
        let bad = data.status.is_some_and(|status| status.is_bad());
        let (value, status) = match (item.member.as_deref(), item.element) {
            (Some(member), None) if !bad => {
                let found = members.get_or_insert_with(|| types.members(data.value.as_ref()));
                member_of(item, member, found, data.status)
            }
            (Some(member), Some(element)) if !bad => {
                member_of(item, member, &types.members(element_of(data, element)), data.status)
            }
            _ => scaled(item, data),
        };
        into.push(Arrival { row, value, status, source });
    }
}

fn element_of(data: &DataValue, element: u32) -> Option<&Variant> {
    match &data.value {
        Some(Variant::Array(array)) => array.values.get(element as usize),
        _ => None,
    }
}

fn member_of(
    item: &Item,
    member: &str,
    found: &Result<Members, Status>,
    status: Option<StatusCode>,
) -> (model::Value, Status) {
    let data = match found {
        Ok(found) => DataValue { value: found.get(member).cloned(), status, ..DataValue::default() },
        Err(why) => DataValue { status: Some(StatusCode::from(why.0)), ..DataValue::default() },
    };
    scaled_as(item, None, &data)
}

/// Value and quality in engineering units. A sensor beyond its raw limits is bad whatever the server says.
pub(super) fn scaled(item: &Item, data: &DataValue) -> (model::Value, Status) {
    scaled_as(item, item.element, data)
}

fn scaled_as(item: &Item, element: Option<u32>, data: &DataValue) -> (model::Value, Status) {
    let (raw, status) = value::read(data, item.raw, element);
    match &item.scaling {
        Some(scaling) if !status.is_bad() => match scaling.apply(raw) {
            (value, Status::GOOD) => (value, status),
            beyond => beyond,
        },
        _ => (raw, status),
    }
}

/// Whether the server says that it will never give this item as it is asked for: waiting does not help.
pub(super) fn is_refusal(code: StatusCode) -> bool {
    matches!(
        StatusCode::from(code.bits() & 0xFFFF_0000),
        StatusCode::BadNodeIdUnknown
            | StatusCode::BadNodeIdInvalid
            | StatusCode::BadAttributeIdInvalid
            | StatusCode::BadIndexRangeInvalid
            | StatusCode::BadNotReadable
            | StatusCode::BadUserAccessDenied
            | StatusCode::BadNotSupported
    )
}
