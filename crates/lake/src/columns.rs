//! The columns of both tables: one list each, from which the table's schema and the files' schema come.

use crate::error::LakeError;
use arrow::datatypes::{DataType, Field, Schema as Columns, SchemaRef, TimeUnit};
use iceberg::spec::{
    FormatVersion, NestedField, NullOrder, PrimitiveType, Schema, SortDirection, SortField, SortOrder,
    TableMetadata, Transform, Type, UnboundPartitionSpec,
};
use std::collections::HashMap;
use std::sync::Arc;

/// Which of our tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Samples: the columns of Ironbridge's own SQL, and `nanos`.
    Samples,
    /// Events: a row for each revision.
    Events,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Text,
    /// Microseconds, all that version 2 of the format has.
    Stamp,
    Long,
    Int,
    Double,
    Flag,
}

/// One column.
pub(crate) struct Column {
    pub name: &'static str,
    pub holds: Holds,
    pub required: bool,
    pub doc: &'static str,
}

const fn column(name: &'static str, holds: Holds, required: bool, doc: &'static str) -> Column {
    Column { name, holds, required, doc }
}

/// A column's identity is its place here, from 1: never change the order, only append.
const SAMPLES: &[Column] = &[
    column("path", Holds::Text, true, "the point"),
    column(
        "time",
        Holds::Stamp,
        true,
        "source time, or receive time where the source's clock cannot be right",
    ),
    column("received", Holds::Stamp, true, "when the gateway received it"),
    column("seq", Holds::Long, true, "journal position; (path, time, nanos, seq) is the key"),
    column("value", Holds::Double, false, "as a number; NULL when the quality is Bad"),
    column("value_int", Holds::Long, false, "as a whole number, without loss"),
    column("value_text", Holds::Text, false, "texts; bytes in hexadecimal"),
    column("good", Holds::Flag, true, "whether the quality is Good"),
    column("quality", Holds::Text, true, "OPC UA name of the quality"),
    column("status", Holds::Long, true, "OPC UA status code"),
    column("historical", Holds::Flag, true, "delivered by the source after the fact"),
    column("nanos", Holds::Int, true, "nanoseconds of `time` beyond its microseconds, 0 to 999"),
];

const EVENTS: &[Column] = &[
    column("id", Holds::Text, true, "one occurrence; the highest revision counts"),
    column("start", Holds::Stamp, true, "when it began"),
    column("end", Holds::Stamp, false, "when it ended"),
    column("seq", Holds::Long, true, "journal position; (id, seq) is the key"),
    column("revision", Holds::Int, true, "from 1"),
    column("kind", Holds::Text, true, "alarm, finding, fault, interval or change"),
    column("source", Holds::Text, true, "who says so"),
    column("severity", Holds::Int, true, "1 to 1000"),
    column("state", Holds::Text, true, "active, acknowledged, cleared or info"),
    column("title", Holds::Text, true, "what happened"),
    column("text", Holds::Text, true, "what it means"),
    column("next", Holds::Text, true, "what to do next"),
    column("refs", Holds::Text, true, "paths and names concerned, separated by commas"),
];

impl Kind {
    /// Its folder in a place, and its name in SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Events => "events",
        }
    }

    pub(crate) const fn columns(self) -> &'static [Column] {
        match self {
            Self::Samples => SAMPLES,
            Self::Events => EVENTS,
        }
    }

    /// Identity of the column by whose day rows are parted.
    pub(crate) const fn time_id(self) -> i32 {
        2
    }

    /// With identities, as Parquet files carry them.
    pub(crate) fn arrow(self) -> SchemaRef {
        let fields = self.columns().iter().zip(1..).map(|(column, id): (_, i32)| {
            let identity = HashMap::from([("PARQUET:field_id".to_owned(), id.to_string())]);
            Field::new(column.name, column.holds.arrow(), !column.required).with_metadata(identity)
        });
        Arc::new(Columns::new(fields.collect::<Vec<_>>()))
    }

    /// As the table's metadata have it.
    pub(crate) fn schema(self) -> Result<Schema, LakeError> {
        let fields = self.columns().iter().zip(1..).map(|(column, id)| {
            let held = Type::Primitive(column.holds.iceberg());
            Arc::new(NestedField::new(id, column.name, held, column.required).with_doc(column.doc))
        });
        Schema::builder().with_fields(fields).build().map_err(|why| LakeError::table(&why, "the columns"))
    }

    /// The schema in Iceberg's own JSON, for those who read the table.
    pub fn described(self) -> String {
        self.schema().ok().and_then(|schema| serde_json::to_string_pretty(&schema).ok()).unwrap_or_default()
    }

    /// By day.
    pub(crate) fn parts(self) -> Result<UnboundPartitionSpec, LakeError> {
        let name = match self {
            Self::Samples => "time_day",
            Self::Events => "start_day",
        };
        let spec = UnboundPartitionSpec::builder().add_partition_field(self.time_id(), name, Transform::Day);
        Ok(spec.map_err(|why| LakeError::table(&why, "the parts"))?.build())
    }

    /// By first column (the point), then time.
    pub(crate) fn order(self) -> Result<SortOrder, LakeError> {
        let by = |id| {
            SortField::builder()
                .source_id(id)
                .transform(Transform::Identity)
                .direction(SortDirection::Ascending)
                .null_order(NullOrder::First)
                .build()
        };
        let mut order = SortOrder::builder();
        order.with_order_id(1).with_sort_field(by(1)).with_sort_field(by(self.time_id()));
        order.build_unbound().map_err(|why| LakeError::table(&why, "the order"))
    }

    /// Whether rows of ours can be added to a table.
    ///
    /// # Errors
    /// [`LakeError::Unfit`]: which column somebody changed, or which way of parting.
    pub(crate) fn fits(self, table: &TableMetadata) -> Result<(), LakeError> {
        let at = table.location();
        let unfit = |what: String| {
            let next = "Put it back, or name another folder in `url`";
            Err(LakeError::Unfit(format!("the table {at} was changed: {what}. {next}")))
        };
        if table.format_version() != FormatVersion::V2 {
            return unfit(format!("it has format version {}, not 2", table.format_version()));
        }
        let schema = table.current_schema();
        for (column, id) in self.columns().iter().zip(1..) {
            let name = column.name;
            let Some(field) = schema.field_by_id(id) else {
                return unfit(format!("the column `{name}` is gone"));
            };
            let held = field.field_type.as_primitive_type();
            if field.name != name || held != Some(&column.holds.iceberg()) {
                return unfit(format!(
                    "the column `{name}` is now `{}` of type {}",
                    field.name, field.field_type
                ));
            }
        }
        let foreign = schema.as_struct().fields().iter().find(|field| {
            field.required && usize::try_from(field.id).is_ok_and(|id| id > self.columns().len())
        });
        if let Some(field) = foreign {
            return unfit(format!("the new column `{}` is required, and we have nothing for it", field.name));
        }
        match table.default_partition_spec().fields() {
            [field] if field.source_id == self.time_id() && field.transform == Transform::Day => Ok(()),
            _ => unfit("it is not parted by day alone any more".into()),
        }
    }
}

impl Holds {
    fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Stamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Long => DataType::Int64,
            Self::Int => DataType::Int32,
            Self::Double => DataType::Float64,
            Self::Flag => DataType::Boolean,
        }
    }

    pub(crate) const fn iceberg(self) -> PrimitiveType {
        match self {
            Self::Text => PrimitiveType::String,
            Self::Stamp => PrimitiveType::Timestamptz,
            Self::Long => PrimitiveType::Long,
            Self::Int => PrimitiveType::Int,
            Self::Double => PrimitiveType::Double,
            Self::Flag => PrimitiveType::Boolean,
        }
    }
}
