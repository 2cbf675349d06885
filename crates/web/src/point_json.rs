//! A point and its newest value as JSON (`shapes::PointLive`), written by hand: the most frequent thing we send.

use crate::json::Writer;
use model::{Declaration, Last, PointId, Status, Time, Value};
use namespace::Namespace;
use std::sync::Arc;

/// BadNodeIdUnknown (OPC 10000-6, A.2): there is no such point, or the asker may not see it.
pub(crate) const UNKNOWN: Status = Status(0x8034_0000);
/// Its name.
pub(crate) const UNKNOWN_NAME: &str = "BadNodeIdUnknown";
/// Points copied under one lock of the namespace.
const STEP: usize = 256;
/// A guess, so that the buffer grows seldom.
pub(crate) const BYTES_PER_POINT: usize = 360;

/// What is declared of a point, and its newest sample.
pub(crate) type Known = (Arc<Declaration>, Last);

/// Calls `each` for every id, in order; outside the namespace's lock, which is held for a few points at a time.
pub(crate) fn for_each_point(
    namespace: &Namespace,
    ids: &[PointId],
    mut each: impl FnMut(usize, Option<&Known>),
) {
    let mut copied: Vec<Option<Known>> = Vec::with_capacity(STEP.min(ids.len()));
    for (step, some) in ids.chunks(STEP).enumerate() {
        copied.clear();
        copied.resize(some.len(), None);
        namespace.visit(some, |index, declaration, last| {
            if let Some(place) = copied.get_mut(index) {
                *place = Some((declaration.clone(), last.clone()));
            }
        });
        for (index, known) in copied.iter().enumerate() {
            each(step * STEP + index, known.as_ref());
        }
    }
}

/// One known point.
pub(crate) fn point(out: &mut Writer, declared: &Declaration, last: &Last) {
    out.raw("{\"path\":");
    out.text(declared.path.as_str());
    out.raw(",\"name\":");
    out.text(declared.display_name());
    out.raw(",\"type\":\"");
    out.raw(declared.value_type.name());
    out.raw("\",\"unit\":");
    out.text_or_null(&declared.unit);
    out.raw(",\"value\":");
    out.value(&last.value);
    out.raw(",\"state\":");
    match declared.state_of(&last.value) {
        Some(state) => out.text(state),
        None => out.raw("null"),
    }
    out.raw(",\"quality\":\"");
    out.raw(last.status.name());
    out.raw("\",\"good\":");
    out.bool(last.status.is_good());
    out.raw(",\"status\":");
    out.u64(u64::from(last.status.0));
    out.raw(",\"time\":");
    out.time_or_null(last.time);
    out.raw(",\"received\":");
    out.time_or_null(last.received);
    out.raw(",\"seq\":");
    if last.time == Time::ZERO {
        out.raw("null");
    } else {
        out.raw("\"");
        out.u64(last.position.0);
        out.raw("\"");
    }
    out.raw(",\"last_good\":");
    if last.good == Time::ZERO || last.value == Value::None {
        out.raw("null}");
    } else {
        out.raw("{\"value\":");
        out.value(&last.value);
        out.raw(",\"time\":");
        out.time(last.good);
        out.raw("}}");
    }
}

/// A point that was asked for and is not there.
pub(crate) fn unknown(out: &mut Writer, path: &str) {
    out.raw("{\"path\":");
    out.text(path);
    out.raw(",\"name\":");
    out.text(path.rsplit('/').next().unwrap_or(path));
    out.raw(",\"type\":\"f64\",\"unit\":null,\"value\":null,\"state\":null,\"quality\":\"");
    out.raw(UNKNOWN_NAME);
    out.raw("\",\"good\":false,\"status\":");
    out.u64(u64::from(UNKNOWN.0));
    out.raw(",\"time\":null,\"received\":null,\"seq\":null,\"last_good\":null}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::PointLive;
    use model::{Path, Position, ValueType};

    #[test]
    fn reads_back_into_its_shape() {
        let mut declared = Declaration::new(Path::new("a/b/state").unwrap(), ValueType::U64);
        declared.states.insert(1, "Exe\"cute".into());
        let last = Last {
            value: Value::U64(1),
            status: Status::BAD_COMMUNICATION_ERROR,
            time: Time(2_500_000),
            received: Time(3_000_000),
            good: Time(1_000_000),
            position: Position::new(1, 7),
            ..Last::WAITING
        };
        let mut out = Writer::default();
        point(&mut out, &declared, &last);
        let read: PointLive = serde_json::from_str(&out.finish()).unwrap();
        assert_eq!(read.state.as_deref(), Some("Exe\"cute"));
        assert_eq!((read.time, read.received), (Some(2.5), Some(3.0)));
        assert_eq!(read.quality, "BadCommunicationError");
        assert!(!read.good && read.unit.is_none());
        assert_eq!(read.last_good.unwrap().time, Some(1.0));
        assert_eq!(read.seq.unwrap(), Position::new(1, 7).0.to_string());

        let mut out = Writer::default();
        point(&mut out, &declared, &Last::WAITING);
        let read: PointLive = serde_json::from_str(&out.finish()).unwrap();
        assert_eq!((read.time, read.seq, read.last_good), (None, None, None));

        let mut out = Writer::default();
        unknown(&mut out, "x/\"y");
        let read: PointLive = serde_json::from_str(&out.finish()).unwrap();
        assert_eq!((read.path.as_str(), read.quality.as_str()), ("x/\"y", UNKNOWN_NAME));
    }
}
