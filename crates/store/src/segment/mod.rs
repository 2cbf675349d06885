//! A segment: one immutable Parquet file of samples, and the index that lets one point be read without the rest.

pub mod index;
mod page;
pub mod read;
pub mod write;

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::schema::types::{Type, TypePtr};
use std::sync::Arc;

/// Version of the layout, in the file's key-value metadata under [`FORMAT_KEY`].
pub const FORMAT: u32 = 1;
/// Key of the version.
pub const FORMAT_KEY: &str = "ironbridge.format";
/// Key of the index.
pub const INDEX_KEY: &str = "ironbridge.index";
/// Key of the JSON description: level, positions, what it replaced.
pub const ABOUT_KEY: &str = "ironbridge.about";

/// Columns in file order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
#[allow(missing_docs)]
pub enum Col {
    Point,
    Time,
    Received,
    Seq,
    Kind,
    Number,
    Scale,
    Real,
    Text,
    Bytes,
    Status,
    Historical,
    Synchronised,
}

impl Col {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Point,
        Self::Time,
        Self::Received,
        Self::Seq,
        Self::Kind,
        Self::Number,
        Self::Scale,
        Self::Real,
        Self::Text,
        Self::Bytes,
        Self::Status,
        Self::Historical,
        Self::Synchronised,
    ];
}

fn column(
    name: &str,
    physical: Physical,
    optional: bool,
    logical: Option<LogicalType>,
) -> Result<TypePtr, parquet::errors::ParquetError> {
    let repetition = if optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let converted = if physical == Physical::BYTE_ARRAY && logical.is_some() {
        ConvertedType::UTF8
    } else {
        ConvertedType::NONE
    };
    let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition);
    let builder = match logical {
        Some(logical) => builder.with_logical_type(Some(logical)),
        None => builder.with_converted_type(converted),
    };
    builder.build().map(Arc::new)
}

/// The schema of a segment.
///
/// # Errors
/// Never in practice: the schema is fixed.
pub fn schema() -> Result<TypePtr, parquet::errors::ParquetError> {
    let stamp = || Some(LogicalType::timestamp(true, TimeUnit::NANOS));
    let u32_type = || Some(LogicalType::integer(32, false));
    let fields = vec![
        column("point", Physical::INT32, false, u32_type())?,
        column("time", Physical::INT64, false, stamp())?,
        column("received", Physical::INT64, true, stamp())?,
        column("seq", Physical::INT64, false, None)?,
        column("kind", Physical::INT32, false, None)?,
        column("number", Physical::INT64, true, None)?,
        column("scale", Physical::INT32, false, None)?,
        column("real", Physical::DOUBLE, true, None)?,
        column("text", Physical::BYTE_ARRAY, true, Some(LogicalType::String))?,
        column("bytes", Physical::BYTE_ARRAY, true, None)?,
        column("status", Physical::INT32, false, u32_type())?,
        column("historical", Physical::BOOLEAN, false, None)?,
        column("synchronised", Physical::BOOLEAN, false, None)?,
    ];
    Type::group_type_builder("sample").with_fields(fields).build().map(Arc::new)
}

/// Number of the value type in column `kind`.
pub mod kind {
    use model::Value;
    /// No value, only a quality.
    pub const NONE: u8 = 0;
    /// Boolean, as 0 or 1 in `number`.
    pub const BOOL: u8 = 1;
    /// Signed integer in `number`.
    pub const I64: u8 = 2;
    /// Unsigned integer, its 64 bits in `number`.
    pub const U64: u8 = 3;
    /// Double: `number` / 10^`scale`, else `real`.
    pub const F64: u8 = 4;
    /// Text.
    pub const TEXT: u8 = 5;
    /// Bytes.
    pub const BYTES: u8 = 6;

    /// Of `value`.
    pub const fn of(value: &Value) -> u8 {
        match value {
            Value::None => NONE,
            Value::Bool(_) => BOOL,
            Value::I64(_) => I64,
            Value::U64(_) => U64,
            Value::F64(_) => F64,
            Value::Text(_) => TEXT,
            Value::Bytes(_) => BYTES,
        }
    }
}
