//! Types as PostgreSQL numbers them (its `pg_type.dat`), and which of them a column of ours has.

use arrow::datatypes::DataType;

/// A type of PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PgType {
    /// Its permanent number.
    pub oid: u32,
    /// Name in `pg_type`.
    pub name: &'static str,
    /// Name in SQL, as `format_type` gives it.
    pub sql: &'static str,
    /// Bytes of a value; -1 where it varies.
    pub len: i16,
    /// `typcategory`.
    pub category: char,
    /// Number of the type of its arrays.
    pub array: u32,
}

const fn kind(
    oid: u32,
    name: &'static str,
    sql: &'static str,
    len: i16,
    category: char,
    array: u32,
) -> PgType {
    PgType { oid, name, sql, len, category, array }
}

/// What a trigger returns: nothing here does, and tools ask for what does not.
pub(super) const TRIGGER: u32 = 2_279;

/// All that answers and parameters can have.
pub const TYPES: [PgType; 26] = [
    kind(16, "bool", "boolean", 1, 'B', 1000),
    kind(17, "bytea", "bytea", -1, 'U', 1001),
    kind(18, "char", "\"char\"", 1, 'Z', 1002),
    kind(19, "name", "name", 64, 'S', 1003),
    kind(20, "int8", "bigint", 8, 'N', 1016),
    kind(21, "int2", "smallint", 2, 'N', 1005),
    kind(23, "int4", "integer", 4, 'N', 1007),
    kind(24, "regproc", "regproc", 4, 'N', 1008),
    kind(25, "text", "text", -1, 'S', 1009),
    kind(26, "oid", "oid", 4, 'N', 1028),
    kind(114, "json", "json", -1, 'U', 199),
    kind(700, "float4", "real", 4, 'N', 1021),
    kind(701, "float8", "double precision", 8, 'N', 1022),
    kind(705, "unknown", "unknown", -2, 'X', 0),
    kind(1042, "bpchar", "character", -1, 'S', 1014),
    kind(1043, "varchar", "character varying", -1, 'S', 1015),
    kind(1082, "date", "date", 4, 'D', 1182),
    kind(1083, "time", "time without time zone", 8, 'D', 1183),
    kind(1114, "timestamp", "timestamp without time zone", 8, 'D', 1115),
    kind(1184, "timestamptz", "timestamp with time zone", 8, 'D', 1185),
    kind(1186, "interval", "interval", 16, 'T', 1187),
    kind(1700, "numeric", "numeric", -1, 'N', 1231),
    kind(2205, "regclass", "regclass", 4, 'N', 2210),
    kind(2249, "record", "record", -1, 'P', 0),
    kind(2278, "void", "void", 4, 'P', 0),
    kind(TRIGGER, "trigger", "trigger", 4, 'P', 0),
];

/// `text`.
pub const TEXT: u32 = 25;

/// The type with that number.
pub fn by_oid(oid: u32) -> Option<&'static PgType> {
    TYPES.iter().find(|one| one.oid == oid)
}

/// The number of the type that a column of ours has.
pub fn oid_of(kind: &DataType) -> u32 {
    match kind {
        DataType::Boolean => 16,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => 21,
        DataType::Int32 | DataType::UInt16 => 23,
        DataType::Int64 | DataType::UInt64 => 20,
        DataType::UInt32 => 26,
        DataType::Float16 | DataType::Float32 => 700,
        DataType::Float64 => 701,
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => 1700,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => 17,
        DataType::Date32 | DataType::Date64 => 1082,
        DataType::Time32(_) | DataType::Time64(_) => 1083,
        DataType::Timestamp(_, None) => 1114,
        DataType::Timestamp(_, Some(_)) => 1184,
        DataType::Interval(_) | DataType::Duration(_) => 1186,
        DataType::Dictionary(_, value) => oid_of(value),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            by_oid(oid_of(item.data_type())).map_or(1009, |kind| kind.array)
        }
        _ => TEXT,
    }
}

/// The column type of ours for a parameter that a client declares; `None` where the client leaves it open.
pub fn column_of(oid: u32) -> Option<DataType> {
    use arrow::datatypes::{Field, IntervalUnit, TimeUnit};
    let list = |item| DataType::List(std::sync::Arc::new(Field::new_list_field(item, true)));
    Some(match oid {
        16 => DataType::Boolean,
        17 => DataType::Binary,
        20 => DataType::Int64,
        21 => DataType::Int16,
        23 => DataType::Int32,
        26 | 2205 | 24 => DataType::UInt32,
        700 => DataType::Float32,
        701 | 1700 => DataType::Float64,
        18 | 19 | 25 | 1042 | 1043 | 114 => DataType::Utf8,
        1082 => DataType::Date32,
        1114 => DataType::Timestamp(TimeUnit::Nanosecond, None),
        1184 => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        1186 => DataType::Interval(IntervalUnit::MonthDayNano),
        1002 | 1003 | 1009 | 1014 | 1015 => list(DataType::Utf8),
        1005 | 1007 | 1016 | 1028 => list(DataType::Int64),
        1021 | 1022 | 1231 => list(DataType::Float64),
        _ => return None,
    })
}
