//! What the driver may send, and how a write of its tags stands on the wire: for the monitor.

use super::driver::EtherNetIp;
use super::value::{Codec, Learned};
use crate::south::Driver;
use model::expected::{Coding, ExpectedTraffic, named_space};
use model::{Access, Declaration, Value};
use std::sync::Arc;
use wire::enip::table::service;
use wire::enip::{Kind, Segment};

/// A tag as what Write Tag carries behind its path: type, number of elements, data (1756-PM020, "Write Tag Service").
#[derive(Debug)]
struct OnWire(Codec);

/// Type and data of one element.
fn one(bytes: &[u8]) -> Option<(Kind, &[u8])> {
    let (kind, rest) = Kind::split(bytes).ok()?;
    let (count, data) = rest.split_first_chunk()?;
    (u16::from_le_bytes(*count) == 1).then_some((kind, data))
}

impl Coding for OnWire {
    fn value(&self, bytes: &[u8]) -> Option<Value> {
        let (kind, data) = one(bytes)?;
        let (value, status) = self.0.decode(kind, data);
        status.is_good().then_some(value)
    }

    /// The data are those that would go out, in the controller's own type.
    fn agrees(&self, asked: &Value, seen: &[u8]) -> bool {
        let Some((kind, data)) = one(seen) else { return false };
        self.0.encode(asked, Learned { kind, size: data.len() }).is_ok_and(|ours| ours == data)
    }
}

impl EtherNetIp {
    /// Every kind of request that the driver may send, for each controller, and every tag that may be written.
    pub(super) fn expected(&self, to: &ExpectedTraffic, points: &[Arc<Declaration>]) -> Vec<ExpectedTraffic> {
        let writes = points.iter().any(|point| point.access != Access::Read);
        let reads = [
            service::MULTIPLE,
            service::READ_TAG,
            service::READ_TAG_FRAGMENTED,
            service::GET_ATTRIBUTES_ALL,
            service::GET_ATTRIBUTE_LIST,
            service::GET_INSTANCE_ATTRIBUTE_LIST,
            service::FORWARD_OPEN,
            service::LARGE_FORWARD_OPEN,
            service::FORWARD_CLOSE,
        ];
        let writing: &[u8] = if writes { &[service::WRITE_TAG, service::READ_MODIFY_WRITE] } else { &[] };
        let mut expected = Vec::new();
        for controller in &self.controllers {
            let slot = controller.reach.route.0.last().and_then(|segment| match segment {
                Segment::Port { link, .. } => link.first().copied(),
                _ => None,
            });
            expected.extend(reads.iter().chain(writing).map(|function| ExpectedTraffic {
                unit: slot.unwrap_or(0).into(),
                function: *function,
                ..to.clone()
            }));
        }
        for (book, layout) in self.groups.iter().zip(&self.layout().groups) {
            for (row, index) in book.rows.iter().zip(&layout.points) {
                // Which word of an array of bits is written is learned from the controller.
                let writes =
                    |point: &&Arc<Declaration>| point.access != Access::Read && row.codec.bit.is_none();
                let point = points.get(*index).filter(writes);
                let mut path = Vec::new();
                row.asked.path().emit(&mut path);
                expected.extend(point.map(|point| ExpectedTraffic {
                    function: service::WRITE_TAG,
                    space: named_space(&path),
                    count: 1,
                    point: Some(Arc::clone(point)),
                    coding: Some(Arc::new(OnWire(row.codec.clone()))),
                    ..to.clone()
                }));
            }
        }
        expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_would_have_been_sent_agrees() {
        let codec = Codec { kind: None, bit: None, scaling: None };
        let tag = OnWire(codec);
        let asked = Value::I64(30);
        let dint = [0xC4, 0, 1, 0, 30, 0, 0, 0];
        assert!(tag.agrees(&asked, &dint));
        assert_eq!(tag.value(&dint), Some(asked.clone()));
        let mut other = dint;
        other[4] = 31;
        assert!(!tag.agrees(&asked, &other));
        let two = [&[0xC4, 0, 2, 0][..], &[30, 0, 0, 0], &[1, 0, 0, 0]].concat();
        assert!(!tag.agrees(&asked, &two) && tag.value(&two).is_none(), "an element more");
        assert!(!tag.agrees(&asked, &dint[..6]) && !tag.agrees(&asked, &[]));
        let text = [&[0xA0, 2, 0xCE, 0x0F, 1, 0][..], &[3, 0, 0, 0], b"run\0"].concat();
        assert!(tag.agrees(&Value::from("run"), &text) && !tag.agrees(&Value::from("ran"), &text));
    }
}
