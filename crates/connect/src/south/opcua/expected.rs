//! What may be written, and how it stands on the wire: for the monitor.
//!
//! Rationale: of what is encrypted nobody but server and client sees more than that they talk. Without encryption each write
//! shows its node and its value, and what is not asked for by anybody must not pass for something that was.

use super::build::{Item, Spec};
use super::value;
use super::write;
use crate::south::tags::Scaling;
use model::expected::{Coding, ExpectedTraffic, named_space};
use model::{Access, Declaration, Value, ValueType};
use opcua::types::{BinaryDecodable, BinaryEncodable, ContextOwned, NodeId, Variant};
use std::sync::Arc;
use wire::opcua::{NodeId as Seen, Target};

/// A value as a variant in binary: of a node, of one element of an array, or the one argument of a method.
#[derive(Debug)]
struct OnWire {
    raw: ValueType,
    scaling: Option<Scaling>,
    is_element: bool,
}

impl Coding for OnWire {
    fn value(&self, bytes: &[u8]) -> Option<Value> {
        let element = self.is_element.then_some(0);
        let raw = value::convert(&variant(bytes)?, self.raw, element).ok()?;
        let (value, status) = match &self.scaling {
            Some(scaling) => scaling.apply(raw),
            None => return Some(raw),
        };
        status.is_good().then_some(value)
    }

    /// The bytes are those that would go out for the value, in the server's own type.
    fn agrees(&self, asked: &Value, seen: &[u8]) -> bool {
        let kind = variant(seen).as_ref().and_then(value::type_of);
        let ours =
            kind.and_then(|kind| write::sent(asked, self.scaling.as_ref(), kind, self.is_element).ok());
        ours.is_some_and(|ours| ours.encode_to_vec(&ContextOwned::default().context()) == seen)
    }
}

fn variant(bytes: &[u8]) -> Option<Variant> {
    Variant::decode(&mut &*bytes, &ContextOwned::default().context()).ok()
}

/// What of a server an item is, apart from its namespace.
fn name(item: &Item, node: &NodeId, object: Option<&NodeId>) -> Option<Vec<u8>> {
    let bytes = |node: &NodeId| node.encode_to_vec(&ContextOwned::default().context());
    let (node, object) = (bytes(node), object.map(bytes));
    let node = Seen::parse(&node).ok()?;
    let range = item.element.map_or(String::new(), |element| element.to_string());
    Some(match &object {
        Some(object) => Target::method(Seen::parse(object).ok()?, node).name(),
        None => Target::value_of(node, range.as_bytes()).name(),
    })
}

/// Where writing an item is seen.
fn place(item: &Item) -> Option<(u64, u32, u32)> {
    let (node, first, last) = item.call.as_deref().unwrap_or(&item.address).on_wire();
    let object = item.call.as_ref().map(|_| item.address.on_wire().0);
    let count = u32::from(last - first) + 1;
    Some((named_space(&name(item, &node, object.as_ref())?), first.into(), count))
}

impl Spec {
    /// The endpoint, and every node that may be written and method that may be called.
    pub(super) fn expected(&self, to: &ExpectedTraffic, points: &[Arc<Declaration>]) -> Vec<ExpectedTraffic> {
        let items = self.groups.iter().flat_map(|group| &group.items);
        let written = items.filter_map(|item| {
            let point = points.get(item.index).filter(|point| point.access != Access::Read)?;
            let (space, first, count) = place(item)?;
            let scaling = item.scaling.as_deref().copied();
            let is_element = item.element.is_some();
            Some(ExpectedTraffic {
                space,
                first,
                count,
                point: Some(Arc::clone(point)),
                coding: Some(Arc::new(OnWire { raw: item.raw, scaling, is_element })),
                ..to.clone()
            })
        });
        std::iter::once(to.clone()).chain(written).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::KIND;
    use super::*;
    use crate::kind::Context;
    use model::Path;
    use model::config::Document;
    use proptest::prelude::*;

    fn expected(tags: &str) -> Vec<ExpectedTraffic> {
        let text = format!(
            "kind = \"opc-ua\"\nurl = \"opc.tcp://10.0.0.9:4840\"\nsecurity = \"none\"\n[device.d]\nat = \"press\"\n\
             namespace = \"http://vendor.com/plc\"\n[device.d.tags]\n{tags}"
        );
        let document = Document::parse("connections/press.toml", &text).unwrap();
        let context = Context::new("press", Path::new("acme/leeds").unwrap(), "");
        (KIND.build)(&document, &context).unwrap_or_else(|wrong| panic!("{wrong:?}")).expected
    }

    fn encoded(variant: &Variant) -> Vec<u8> {
        variant.encode_to_vec(&ContextOwned::default().context())
    }

    #[test]
    fn each_writable_point_stands_where_its_write_is_seen() {
        let all = expected(
            "speed = { at = \"s=Speed\", type = \"f64\", write = {} }\n\
             seen = { at = \"s=Seen\", type = \"f64\" }\n\
             zone = { at = \"ns=3;i=77\", type = \"i64\", element = 4, write = {} }\n\
             start = { at = \"s=Press\", type = \"f64\", call = \"s=Press.start\", write = {} }\n",
        );
        let space = |target: Target<'_>| named_space(&target.name());
        let node = |bytes: &'static [u8]| Seen::parse(bytes).unwrap();
        let speed = node(&[3, 9, 0, 5, 0, 0, 0, b'S', b'p', b'e', b'e', b'd']);
        let press = node(&[3, 9, 0, 5, 0, 0, 0, b'P', b'r', b'e', b's', b's']);
        let start = node(b"\x03\x09\x00\x0B\x00\x00\x00Press.start");
        let zone = node(&[1, 3, 77, 0]);
        let mut places: Vec<_> = all.iter().skip(1).map(|one| (one.space, one.first, one.count)).collect();
        let mut wanted = vec![
            (space(Target::value_of(speed, &[])), 0, 65_536),
            (space(Target::value_of(zone, b"4")), 3, 1),
            (space(Target::method(press, start)), 0, 65_536),
        ];
        places.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(places, wanted);
        assert!(all.iter().all(|one| (&*one.host, one.port) == ("10.0.0.9", 4840)));
    }

    #[test]
    fn only_what_would_have_been_sent_agrees() {
        let coding = |raw, is_element, scaling| OnWire { raw, scaling, is_element };
        let linear = crate::south::tags::Linear::new(0.1, 0.0);
        let tenths = Scaling { linear: Some(linear), ..Scaling::default() };
        let one = coding(ValueType::I64, false, None);
        assert!(one.agrees(&Value::I64(5), &encoded(&Variant::Int16(5))));
        assert!(!one.agrees(&Value::I64(5), &encoded(&Variant::Int16(6))));
        assert!(!one.agrees(&Value::I64(5), b"\x04\x05"), "cut short");
        assert_eq!(one.value(&encoded(&Variant::Int16(5))), Some(Value::I64(5)));
        let scaled = coding(ValueType::I64, false, Some(tenths));
        assert!(scaled.agrees(&Value::F64(30.04), &encoded(&Variant::UInt32(300))));
        assert!(!scaled.agrees(&Value::F64(30.04), &encoded(&Variant::UInt32(301))));
        assert_eq!(scaled.value(&encoded(&Variant::UInt32(300))), Some(Value::F64(30.0)));
        let element = coding(ValueType::F64, true, None);
        let list = Variant::from(vec![1.5f64]);
        assert!(element.agrees(&Value::F64(1.5), &encoded(&list)));
        assert!(!element.agrees(&Value::F64(1.5), &encoded(&Variant::Double(1.5))), "the whole of it");
        let text = coding(ValueType::Text, false, None);
        let local = opcua::types::LocalizedText::new("", "run");
        assert!(text.agrees(&Value::from("run"), &encoded(&Variant::LocalizedText(Box::new(local)))));
        assert!(text.agrees(&Value::from("run"), &encoded(&Variant::from("run"))));
        assert!(!text.agrees(&Value::from("run"), &encoded(&Variant::from("ruin"))));
    }

    proptest! {
        /// Whatever is sent for a value is taken for it, in every type that can hold it.
        #[test]
        fn what_is_sent_agrees(number in any::<i64>(), kind in 1u32..=15) {
            let kind = opcua::types::VariantScalarTypeId::try_from(kind).unwrap();
            for scaling in [None, Some(Scaling::default())] {
                if let Ok(ours) = write::sent(&Value::I64(number), scaling.as_ref(), kind, false) {
                    let coding = OnWire { raw: ValueType::I64, scaling, is_element: false };
                    prop_assert!(coding.agrees(&Value::I64(number), &encoded(&ours)));
                }
            }
        }
    }
}
