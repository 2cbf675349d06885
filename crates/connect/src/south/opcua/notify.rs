//! From a notification to values of points. Pure.

use super::build::{Group, Item};
use super::value;
use crate::south::Arrival;
use model::Status;
use opcua::types::{
    DataChangeNotification, DataValue, DateTime, NotificationMessage, StatusChangeNotification, StatusCode,
    VariantScalarTypeId,
};
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
    /// The subscription ends.
    pub(super) ended: Option<StatusCode>,
    /// Values of items that we do not have.
    pub(super) strangers: u64,
    /// Values before which the server had to drop others.
    pub(super) overflows: u64,
}

/// Reads one notification of the subscription to `group`. `sent` is the server's time at which it was sent now, if what
/// the server kept meanwhile is to be told from what is live.
pub(super) fn read(message: NotificationMessage, group: &Group, sent: Option<&DateTime>) -> Notification {
    let mut found = Notification::default();
    for part in message.notification_data.into_iter().flatten() {
        if let Some(change) = part.inner_as::<StatusChangeNotification>() {
            found.ended = Some(change.status);
            continue;
        }
        let Some(data) = part.into_inner_as::<DataChangeNotification>() else { continue };
        for one in data.monitored_items.into_iter().flatten() {
            let Some(item) = group.items.get(one.client_handle as usize) else {
                found.strangers += 1;
                continue;
            };
            if one.value.status.is_some_and(|status| status.bits() & OVERFLOW == OVERFLOW) {
                found.overflows += 1;
            }
            if let Some(kind) = one.value.value.as_ref().and_then(value::type_of) {
                found.kinds.push((one.client_handle, kind));
            }
            let arrival = arrival(one.client_handle, item, &one.value);
            let age = sent.and_then(|sent| value::time(Some(sent))).zip(arrival.source);
            match age {
                Some((sent, source)) if sent.since(source) > LIVE => found.kept.push(arrival),
                _ => found.live.push(arrival),
            }
        }
    }
    found
}

/// One value with its own time: the source's, or else the server's.
pub(super) fn arrival(row: u32, item: &Item, data: &DataValue) -> Arrival {
    let (value, status) = scaled(item, data);
    let source = value::time(data.source_timestamp.as_ref()).or(value::time(data.server_timestamp.as_ref()));
    Arrival { row, value, status, source }
}

/// Value and quality in engineering units. A sensor beyond its raw limits is bad whatever the server says.
pub(super) fn scaled(item: &Item, data: &DataValue) -> (model::Value, Status) {
    let (raw, status) = value::read(data, item.raw, item.element);
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
