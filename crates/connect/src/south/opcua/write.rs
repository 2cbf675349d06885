//! One write: the value in the server's own type, sent once, its answer told honestly.

use super::build::Item;
use super::channel::Channel;
use super::services;
use super::value;
use crate::south::tags::{Precision, Scaling, agrees, to_bool, to_double, to_single, to_whole};
use model::{Fault, Value};
use opcua::types::{AttributeId, DataValue, DateTime, LocalizedText, NodeId, Variant, VariantScalarTypeId};
use std::time::Duration;

/// What became of a write on the wire.
pub(super) enum Sent {
    /// Nothing was sent.
    Not(String),
    /// The server refuses it.
    Refused(String),
    /// Nobody knows.
    Lost(Fault),
    /// The server did what the method does.
    Called,
    /// The server took it; the type that it has.
    Taken(VariantScalarTypeId),
}

/// Where and what.
pub(super) struct Target {
    pub(super) node: NodeId,
    pub(super) element: Option<u32>,
    pub(super) scaling: Option<Scaling>,
    /// The server's type, if a value was seen.
    pub(super) kind: Option<VariantScalarTypeId>,
}

/// Writes; asks for the server's type first if no value has told it.
pub(super) async fn write(channel: &Channel, target: Target, wanted: Value, within: Duration) -> Sent {
    let kind = match target.kind {
        Some(kind) => kind,
        None => match kind_of(channel, target.node.clone(), within).await {
            Ok(Some(kind)) => kind,
            Ok(None) => {
                return Sent::Not("the server does not say what type this node has; nothing was sent".into());
            }
            Err(fault) => {
                return Sent::Not(format!("the node's type could not be read ({fault}); nothing was sent"));
            }
        },
    };
    let variant = match sent(&wanted, target.scaling.as_ref(), kind, target.element.is_some()) {
        Ok(variant) => variant,
        Err(why) => return Sent::Not(why),
    };
    match services::write(channel, target.node, target.element, variant, within).await {
        Ok(()) => Sent::Taken(kind),
        Err(Fault::Exception { text, .. }) => Sent::Refused(format!("the server refuses it: {text}")),
        Err(Fault::Security(text)) => Sent::Refused(text.into_owned()),
        Err(fault) => Sent::Lost(fault),
    }
}

/// The built-in type of a node: that of its value, or, where it has none, that of its DataType (OPC 10000-6, 5.1.2).
async fn kind_of(
    channel: &Channel,
    node: NodeId,
    within: Duration,
) -> Result<Option<VariantScalarTypeId>, Fault> {
    let questions = vec![
        services::attribute(node.clone(), AttributeId::Value),
        services::attribute(node, AttributeId::DataType),
    ];
    let answers: Vec<DataValue> = services::read(channel, questions, within).await?;
    if let Some(kind) = answers.first().and_then(|answer| answer.value.as_ref()).and_then(value::type_of) {
        return Ok(Some(kind));
    }
    Ok(match answers.get(1).and_then(|answer| answer.value.as_ref()) {
        Some(Variant::NodeId(data_type)) if data_type.namespace == 0 => match data_type.identifier {
            opcua::types::Identifier::Numeric(number @ 1..=25) => VariantScalarTypeId::try_from(number).ok(),
            _ => None,
        },
        _ => None,
    })
}

/// What goes out for a value.
///
/// # Errors
/// As [`variant`].
pub(super) fn sent(
    value: &Value,
    scaling: Option<&Scaling>,
    kind: VariantScalarTypeId,
    is_element: bool,
) -> Result<Variant, String> {
    let variant = variant(value, scaling, kind)?;
    if !is_element {
        return Ok(variant);
    }
    // A part of an array is written as an array of its own (OPC 10000-4, 7.27).
    let array = opcua::types::Array::new(kind, vec![variant]);
    array
        .map(|array| Variant::Array(Box::new(array)))
        .map_err(|_| "an element of this type cannot be written".to_owned())
}

/// Our value as the server's type.
///
/// # Errors
/// In words: it does not fit.
pub(super) fn variant(
    value: &Value,
    scaling: Option<&Scaling>,
    kind: VariantScalarTypeId,
) -> Result<Variant, String> {
    use VariantScalarTypeId as T;
    macro_rules! whole {
        ($variant:ident, $type:ty) => {{
            let bounds = i128::from(<$type>::MIN)..=i128::from(<$type>::MAX);
            let whole = to_whole(value, scaling, bounds, stringify!($variant))?;
            Variant::$variant(<$type>::try_from(whole).map_err(|_| format!("{value} does not fit"))?)
        }};
    }
    let text =
        || value.as_text().ok_or_else(|| format!("{value} is no text, and the server's type is {kind:?}"));
    Ok(match kind {
        T::Boolean => Variant::Boolean(to_bool(value)?),
        T::SByte => whole!(SByte, i8),
        T::Byte => whole!(Byte, u8),
        T::Int16 => whole!(Int16, i16),
        T::UInt16 => whole!(UInt16, u16),
        T::Int32 => whole!(Int32, i32),
        T::UInt32 => whole!(UInt32, u32),
        T::Int64 => whole!(Int64, i64),
        T::UInt64 => whole!(UInt64, u64),
        T::Float => Variant::Float(to_single(value, scaling)?),
        T::Double => Variant::Double(to_double(value, scaling)?),
        T::String => Variant::String(text()?.into()),
        T::LocalizedText => Variant::LocalizedText(Box::new(LocalizedText::new("", text()?))),
        T::DateTime => {
            let time = DateTime::parse_from_rfc3339(text()?)
                .map_err(|_| format!("{value} is no time; write it like 2026-11-22T09:00:00Z"))?;
            Variant::DateTime(Box::new(time))
        }
        T::ByteString => match value {
            Value::Bytes(bytes) => Variant::ByteString(bytes.to_vec().into()),
            _ => return Err(format!("{value} is no bytes, and the server's type is ByteString")),
        },
        other => return Err(format!("values of the server's type {other:?} cannot be written")),
    })
}

/// What was read back, and whether it is what was written: as equal as the server's type can be.
pub(super) fn compare(
    item: &Item,
    written: &Value,
    read: &DataValue,
    kind: VariantScalarTypeId,
) -> (Value, model::Status, bool) {
    let (found, status) = super::notify::scaled(item, read);
    let precision = match kind {
        VariantScalarTypeId::Float => Precision::Single,
        VariantScalarTypeId::Double => Precision::Double,
        _ => Precision::Whole,
    };
    let same_time = || {
        let time = |value: &Value| value.as_text().and_then(model::Time::parse_rfc3339);
        kind == VariantScalarTypeId::DateTime && time(written).is_some() && time(written) == time(&found)
    };
    let agrees = agrees(written, &found, item.scaling.as_deref(), precision) || same_time();
    (found, status, agrees)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ValueType;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_fit_is_told() {
        use VariantScalarTypeId as T;
        for (value, kind, part) in [
            (Value::I64(300), T::Byte, "Byte holds 0 to 255"),
            (Value::F64(1.5), T::Int32, "no whole number"),
            (Value::from("x"), T::Double, "no finite number"),
            (Value::I64(2), T::Boolean, "not true or false"),
            (Value::F64(2.0), T::String, "no text"),
            (Value::from("soon"), T::DateTime, "no time"),
            (Value::from("x"), T::ExtensionObject, "cannot be written"),
        ] {
            let why = variant(&value, None, kind).unwrap_err();
            assert!(why.contains(part), "{why}");
        }
        assert_eq!(variant(&Value::F64(2.0), None, T::Int16), Ok(Variant::Int16(2)));
        assert_eq!(variant(&Value::I64(2), None, T::Float), Ok(Variant::Float(2.0)));
    }

    proptest! {
        #[test]
        fn whole_numbers_go_there_and_back(v in any::<i64>(), kind in 2u32..=9) {
            let kind = VariantScalarTypeId::try_from(kind).unwrap();
            if let Ok(there) = variant(&Value::I64(v), None, kind) {
                prop_assert_eq!(value::type_of(&there), Some(kind));
                prop_assert_eq!(value::convert(&there, ValueType::I64, None), Ok(Value::I64(v)));
            }
        }
    }
}
