//! The payload of Sparkplug B 3.0 (section 6.4.1), as far as an edge node needs it. Field numbers are the standard's;
//! data sets, templates and file metadata are left out and skipped when decoding.

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
    #[prost(oneof = "MetricValue", tags = "10, 11, 12, 13, 14, 15, 16")]
    pub value: Option<MetricValue>,
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
    #[prost(oneof = "Property", tags = "3, 4, 6, 7, 8")]
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

/// Data types (section 6.4.16).
pub mod datatype {
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
