//! The payload of Sparkplug B 3.0 (section 6.4.1), for edge nodes and for hosts. Field numbers are the standard's; data
//! sets and file metadata are left out and skipped when decoding; templates are kept as they came until somebody asks.

use model::{Time, Value, ValueType};
use prost::Message;

/// Namespace of all topics.
pub const ROOT: &str = "spBv1.0";
/// The metric by which a host asks for all births again.
pub const REBIRTH: &str = "Node Control/Rebirth";
/// The metric that pairs a birth with its death.
pub const BD_SEQ: &str = "bdSeq";

/// What a message is about (section 6.4.2, message types).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Birth of a node or a device.
    Birth,
    /// Data of a node or a device.
    Data,
    /// Death of a node or a device.
    Death,
    /// Command to a node or a device.
    Command,
}

/// A topic of a node or a device: `spBv1.0/GROUP/NBIRTH/NODE`, `spBv1.0/GROUP/DBIRTH/NODE/DEVICE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    /// Group id.
    pub group: &'a str,
    /// What the message is about.
    pub kind: Kind,
    /// Edge node id.
    pub node: &'a str,
    /// Device id; `None`: the node itself.
    pub device: Option<&'a str>,
}

impl<'a> Topic<'a> {
    /// Reads a topic; `None` if it is none of a node or a device.
    pub fn parse(topic: &'a str) -> Option<Self> {
        let mut levels = topic.strip_prefix(ROOT)?.strip_prefix('/')?.split('/');
        let (group, word, node) = (levels.next()?, levels.next()?, levels.next()?);
        let device = levels.next();
        if levels.next().is_some() || group.is_empty() || node.is_empty() || device == Some("") {
            return None;
        }
        let (of, kind) = word.split_at_checked(1)?;
        let kind = match kind {
            "BIRTH" => Kind::Birth,
            "DATA" => Kind::Data,
            "DEATH" => Kind::Death,
            "CMD" => Kind::Command,
            _ => return None,
        };
        let fits = matches!((of, device), ("N", None) | ("D", Some(_)));
        fits.then_some(Self { group, kind, node, device })
    }
}

/// A time as payloads carry it: milliseconds since 1970 UTC.
pub fn stamp(time: Time) -> u64 {
    u64::try_from(time.millis()).unwrap_or(0)
}

/// A payload.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Payload {
    /// Milliseconds since 1970 UTC at which the message was made.
    #[prost(uint64, optional, tag = "1")]
    pub timestamp: Option<u64>,
    /// The metrics.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// 0 to 255, wrapping; one more with each message of the node.
    #[prost(uint64, optional, tag = "3")]
    pub seq: Option<u64>,
}

impl Payload {
    /// Decodes a payload with at most `most` metrics. They are counted before any of them is built: an empty metric is
    /// two bytes on the wire and two hundred in memory.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn read(bytes: &[u8], most: usize) -> Result<Self, &'static str> {
        const BROKEN: &str = "the payload is no Sparkplug payload";
        const METRIC: u32 = 2;
        let (mut rest, mut metrics) = (bytes, 0);
        while !rest.is_empty() {
            let (tag, kind) = prost::encoding::decode_key(&mut rest).map_err(|_| BROKEN)?;
            metrics += usize::from(tag == METRIC);
            if metrics > most {
                return Err("the payload has more metrics than are taken");
            }
            let context = prost::encoding::DecodeContext::default();
            prost::encoding::skip_field(kind, tag, &mut rest, context).map_err(|_| BROKEN)?;
        }
        Self::decode(bytes).map_err(|_| BROKEN)
    }
}

/// One metric.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Metric {
    /// In births, and in data of metrics without alias.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Stands for the name after the birth.
    #[prost(uint64, optional, tag = "2")]
    pub alias: Option<u64>,
    /// Milliseconds since 1970 UTC of the value.
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
    /// See [`datatype`].
    #[prost(uint32, optional, tag = "4")]
    pub datatype: Option<u32>,
    /// Not the newest value: for history only.
    #[prost(bool, optional, tag = "5")]
    pub is_historical: Option<bool>,
    /// There is no value.
    #[prost(bool, optional, tag = "7")]
    pub is_null: Option<bool>,
    /// Properties: units, range, quality.
    #[prost(message, optional, tag = "9")]
    pub properties: Option<PropertySet>,
    /// The value.
    #[prost(oneof = "MetricValue", tags = "10, 11, 12, 13, 14, 15, 16, 18")]
    pub value: Option<MetricValue>,
}

impl Metric {
    /// The value as the data type says; where it is left out, as `wanted` says. `None` without any.
    pub fn value(&self, wanted: ValueType) -> Option<Value> {
        self.value_as(self.datatype.unwrap_or(0), wanted)
    }

    /// The value as the data type `code` says; where that says nothing, as `wanted` says. `None` without any.
    pub fn value_as(&self, code: u32, wanted: ValueType) -> Option<Value> {
        if self.is_null == Some(true) {
            return None;
        }
        let signed = match code {
            code if datatype::INT.contains(&code) => true,
            code if datatype::UINT.contains(&code) => false,
            _ => wanted != ValueType::U64,
        };
        Some(match self.value.as_ref()? {
            MetricValue::Int(v) if signed => Value::I64(i64::from(narrow(*v, code))),
            MetricValue::Int(v) => Value::U64(u64::from(*v)),
            MetricValue::Long(v) if signed => Value::I64(v.cast_signed()),
            MetricValue::Long(v) => Value::U64(*v),
            MetricValue::Float(v) => Value::F64(f64::from(*v)),
            MetricValue::Double(v) => Value::F64(*v),
            MetricValue::Boolean(v) => Value::Bool(*v),
            MetricValue::Text(v) => Value::from(v.as_str()),
            MetricValue::Bytes(v) => Value::Bytes(v.as_slice().into()),
            MetricValue::Template(_) => return None,
        })
    }
}

/// Small signed integers come as two's complement of 32 bits, or of their own width.
fn narrow(value: u32, code: u32) -> i32 {
    match (code, value) {
        (1, 0..=0xFF) => i32::from(u8::try_from(value).unwrap_or(0).cast_signed()),
        (2, 0..=0xFFFF) => i32::from(u16::try_from(value).unwrap_or(0).cast_signed()),
        _ => value.cast_signed(),
    }
}

impl MetricValue {
    /// The value of a point for a metric of the data type `code`, as its width allows.
    ///
    /// # Errors
    /// The value does not fit, in words.
    pub fn fit(value: &Value, code: u32) -> Result<Self, String> {
        let whole = || {
            value.as_i64().map(i128::from).or(match value {
                Value::U64(v) => Some(i128::from(*v)),
                _ => None,
            })
        };
        let wrong = || format!("{value} does not fit the metric's type");
        let within = |low: i128, high: i128| whole().filter(|v| (low..=high).contains(v)).ok_or_else(wrong);
        let signed = |bits: u32| within(-(1 << (bits - 1)), (1 << (bits - 1)) - 1);
        let unsigned = |bits: u32| within(0, (1 << bits) - 1);
        Ok(match code {
            1 => Self::Int((signed(8)? as i32).cast_unsigned()),
            2 => Self::Int((signed(16)? as i32).cast_unsigned()),
            3 => Self::Int((signed(32)? as i32).cast_unsigned()),
            4 => Self::Long((signed(64)? as i64).cast_unsigned()),
            5 => Self::Int(unsigned(8)? as u32),
            6 => Self::Int(unsigned(16)? as u32),
            7 => Self::Int(unsigned(32)? as u32),
            8 | datatype::DATE_TIME => Self::Long(unsigned(64)? as u64),
            datatype::FLOAT => {
                Self::Float(value.as_f64().map(|v| v as f32).filter(|v| v.is_finite()).ok_or_else(wrong)?)
            }
            datatype::DOUBLE => Self::Double(value.as_f64().ok_or_else(wrong)?),
            datatype::BOOLEAN => match value {
                Value::Bool(v) => Self::Boolean(*v),
                _ => return Err(wrong()),
            },
            datatype::STRING | datatype::TEXT | datatype::UUID => {
                Self::Text(value.as_text().ok_or_else(wrong)?.into())
            }
            datatype::BYTES | datatype::FILE => match value {
                Value::Bytes(v) => Self::Bytes(v.to_vec()),
                _ => return Err(wrong()),
            },
            _ => return Err(format!("a {} cannot be written", datatype::name(code))),
        })
    }
}

/// The value of a metric.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum MetricValue {
    /// Integers up to 32 bits, negative ones as two's complement.
    #[prost(uint32, tag = "10")]
    Int(u32),
    /// 64-bit integers, negative ones as two's complement.
    #[prost(uint64, tag = "11")]
    Long(u64),
    /// 32-bit float.
    #[prost(float, tag = "12")]
    Float(f32),
    /// 64-bit float.
    #[prost(double, tag = "13")]
    Double(f64),
    /// True or false.
    #[prost(bool, tag = "14")]
    Boolean(bool),
    /// Text.
    #[prost(string, tag = "15")]
    Text(String),
    /// Bytes.
    #[prost(bytes = "vec", tag = "16")]
    Bytes(Vec<u8>),
    /// A [`Template`], encoded: who does not ask for it pays nothing for what is in it.
    #[prost(bytes = "vec", tag = "18")]
    Template(Vec<u8>),
}

/// A type of things, or one thing of it (section 6.4.17, templates).
#[derive(Clone, PartialEq, prost::Message)]
pub struct Template {
    /// The members: in a definition without values, in an instance all of them at birth, some of them in data.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// The definition's name, of an instance.
    #[prost(string, optional, tag = "4")]
    pub template_ref: Option<String>,
    /// Whether it is a definition.
    #[prost(bool, optional, tag = "5")]
    pub is_definition: Option<bool>,
}

impl Template {
    /// Decodes a template with at most `most` members.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn read(bytes: &[u8], most: usize) -> Result<Self, &'static str> {
        // Members have the field number that a payload's metrics have.
        Payload::read(bytes, most)?;
        Self::decode(bytes).map_err(|_| "the template is no Sparkplug template")
    }
}

/// Keys and values of equal length.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PropertySet {
    /// Names.
    #[prost(string, repeated, tag = "1")]
    pub keys: Vec<String>,
    /// Values.
    #[prost(message, repeated, tag = "2")]
    pub values: Vec<PropertyValue>,
}

/// The value of a property.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PropertyValue {
    /// See [`datatype`].
    #[prost(uint32, optional, tag = "1")]
    pub datatype: Option<u32>,
    /// There is no value.
    #[prost(bool, optional, tag = "2")]
    pub is_null: Option<bool>,
    /// The value.
    #[prost(oneof = "Property", tags = "3, 4, 5, 6, 7, 8")]
    pub value: Option<Property>,
}

/// What a property holds.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Property {
    /// Integers up to 32 bits.
    #[prost(uint32, tag = "3")]
    Int(u32),
    /// 64-bit integers.
    #[prost(uint64, tag = "4")]
    Long(u64),
    /// 32-bit float.
    #[prost(float, tag = "5")]
    Float(f32),
    /// 64-bit float.
    #[prost(double, tag = "6")]
    Double(f64),
    /// True or false.
    #[prost(bool, tag = "7")]
    Boolean(bool),
    /// Text.
    #[prost(string, tag = "8")]
    Text(String),
}

impl PropertySet {
    /// The property of that name; `None` where it is missing or null.
    pub fn get(&self, key: &str) -> Option<&Property> {
        let at = self.keys.iter().position(|known| known == key)?;
        self.values.get(at).filter(|value| value.is_null != Some(true))?.value.as_ref()
    }

    /// A text.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Property::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number.
    pub fn number(&self, key: &str) -> Option<f64> {
        Some(match self.get(key)? {
            Property::Int(v) => f64::from(v.cast_signed()),
            Property::Long(v) => v.cast_signed() as f64,
            Property::Float(v) => f64::from(*v),
            Property::Double(v) => *v,
            Property::Boolean(_) | Property::Text(_) => return None,
        })
    }
}

/// Data types (section 6.4.16).
pub mod datatype {
    use model::ValueType;

    /// 32-bit float.
    pub const FLOAT: u32 = 9;
    /// Milliseconds since 1970 UTC.
    pub const DATE_TIME: u32 = 13;
    /// Text.
    pub const TEXT: u32 = 14;
    /// A UUID as text.
    pub const UUID: u32 = 15;
    /// The bytes of a file.
    pub const FILE: u32 = 18;
    /// Members under one name.
    pub const TEMPLATE: u32 = 19;

    /// The type of a point for metrics of the data type; `None` for data sets, templates and arrays, which are no
    /// single value.
    pub const fn value_type(code: u32) -> Option<ValueType> {
        Some(match code {
            1..=4 => ValueType::I64,
            5..=8 | DATE_TIME => ValueType::U64,
            FLOAT | DOUBLE => ValueType::F64,
            BOOLEAN => ValueType::Bool,
            STRING | TEXT | UUID => ValueType::Text,
            BYTES | FILE => ValueType::Bytes,
            _ => return None,
        })
    }

    /// The standard's name.
    pub fn name(code: u32) -> &'static str {
        const NAMES: [&str; 35] = [
            "Unknown",
            "Int8",
            "Int16",
            "Int32",
            "Int64",
            "UInt8",
            "UInt16",
            "UInt32",
            "UInt64",
            "Float",
            "Double",
            "Boolean",
            "String",
            "DateTime",
            "Text",
            "UUID",
            "DataSet",
            "Bytes",
            "File",
            "Template",
            "PropertySet",
            "PropertySetList",
            "Int8Array",
            "Int16Array",
            "Int32Array",
            "Int64Array",
            "UInt8Array",
            "UInt16Array",
            "UInt32Array",
            "UInt64Array",
            "FloatArray",
            "DoubleArray",
            "BooleanArray",
            "StringArray",
            "DateTimeArray",
        ];
        usize::try_from(code).ok().and_then(|code| NAMES.get(code)).copied().unwrap_or("Unknown")
    }

    /// Signed integers of 8, 16, 32, 64 bits.
    pub const INT: [u32; 4] = [1, 2, 3, 4];
    /// Unsigned integers of 8, 16, 32, 64 bits.
    pub const UINT: [u32; 4] = [5, 6, 7, 8];
    /// Signed 32-bit integer; the type of the property `Quality`.
    pub const INT32: u32 = 3;
    /// Signed 64-bit integer.
    pub const INT64: u32 = 4;
    /// Unsigned 64-bit integer.
    pub const UINT64: u32 = 8;
    /// 64-bit float.
    pub const DOUBLE: u32 = 10;
    /// True or false.
    pub const BOOLEAN: u32 = 11;
    /// Text.
    pub const STRING: u32 = 12;
    /// Bytes.
    pub const BYTES: u32 = 17;
}
