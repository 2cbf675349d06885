//! What there is, for tools that look around before they ask: the catalogue, tables, types, and facts about the server.

use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{
    SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder,
};
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetDbSchemas, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables,
    CommandGetXdbcTypeInfo, Nullable, Searchable, SqlInfo, SqlSupportedTransaction, XdbcDataType,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The one database.
const DATABASE: &str = "ironbridge";

type Listed = Result<RecordBatch, FlightError>;

pub(super) fn catalogs(command: CommandGetCatalogs) -> Listed {
    let mut all = command.into_builder();
    all.append(DATABASE);
    all.build()
}

/// Schemas that hold something for who asks.
pub(super) fn schemas(command: CommandGetDbSchemas, tables: &[sql::Table]) -> Listed {
    let mut all = command.into_builder();
    let names: BTreeSet<&str> = tables.iter().map(|table| table.schema).collect();
    names.into_iter().for_each(|name| all.append(DATABASE, name));
    all.build()
}

pub(super) fn table_types(command: CommandGetTableTypes) -> Listed {
    let mut all = command.into_builder();
    all.append("TABLE");
    all.append("VIEW");
    all.build()
}

/// Tables as who asks sees them.
pub(super) fn tables(command: CommandGetTables, tables: &[sql::Table]) -> Listed {
    let mut all = command.into_builder();
    for table in tables {
        let kind = if table.is_view { "VIEW" } else { "TABLE" };
        let fields = table.columns.fields().iter();
        let plain = |field: &Arc<Field>| {
            Field::new(field.name(), super::columns::plain(field.data_type()), field.is_nullable())
        };
        let columns = Schema::new(fields.map(plain).collect::<Vec<_>>());
        all.append(DATABASE, table.schema, &table.name, kind, &columns)?;
    }
    all.build()
}

fn facts() -> Result<SqlInfoData, FlightError> {
    let mut all = SqlInfoDataBuilder::new();
    all.append(SqlInfo::FlightSqlServerName, "Ironbridge");
    all.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    all.append(SqlInfo::FlightSqlServerArrowVersion, "1.5");
    all.append(SqlInfo::FlightSqlServerReadOnly, true);
    all.append(SqlInfo::FlightSqlServerSql, true);
    all.append(SqlInfo::FlightSqlServerSubstrait, false);
    // A transaction holds nothing, for there is nothing to change; clients that want one may begin and end it.
    all.append(SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::Transaction as i32);
    all.append(SqlInfo::FlightSqlServerCancel, true);
    all.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    all.append(SqlInfo::SqlDdlCatalog, false);
    all.append(SqlInfo::SqlDdlSchema, false);
    all.append(SqlInfo::SqlDdlTable, false);
    all.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    all.build()
}

pub(super) fn sql_info(command: CommandGetSqlInfo) -> Listed {
    command.into_builder(&facts()?).build()
}

/// Types of columns: name, number, digits or letters, letter before and behind a literal.
const TYPES: [(&str, XdbcDataType, i32, Option<&str>); 5] = [
    ("BOOLEAN", XdbcDataType::XdbcBit, 1, None),
    ("BIGINT", XdbcDataType::XdbcBigint, 19, None),
    ("DOUBLE PRECISION", XdbcDataType::XdbcDouble, 15, None),
    ("TIMESTAMP WITH TIME ZONE", XdbcDataType::XdbcTimestamp, 35, Some("'")),
    ("VARCHAR", XdbcDataType::XdbcVarchar, i32::MAX, Some("'")),
];

fn types() -> Result<XdbcTypeInfoData, FlightError> {
    let mut all = XdbcTypeInfoDataBuilder::new();
    for (name, kind, size, quote) in TYPES {
        let number = quote.is_none() && kind != XdbcDataType::XdbcBit;
        all.append(XdbcTypeInfo {
            type_name: name.into(),
            data_type: kind,
            column_size: Some(size),
            literal_prefix: quote.map(str::to_owned),
            literal_suffix: quote.map(str::to_owned),
            create_params: None,
            nullable: Nullable::NullabilityNullable,
            case_sensitive: kind == XdbcDataType::XdbcVarchar,
            searchable: Searchable::Full,
            unsigned_attribute: number.then_some(false),
            fixed_prec_scale: false,
            auto_increment: Some(false),
            local_type_name: Some(name.into()),
            minimum_scale: None,
            maximum_scale: None,
            sql_data_type: kind,
            datetime_subcode: None,
            num_prec_radix: number.then_some(10),
            interval_precision: None,
        });
    }
    all.build()
}

pub(super) fn type_info(command: CommandGetXdbcTypeInfo) -> Listed {
    command.into_builder(&types()?).build()
}

/// Keys of tables: none are declared.
pub(super) fn primary_keys() -> RecordBatch {
    let text = |name: &str, null: bool| Field::new(name, DataType::Utf8, null);
    RecordBatch::new_empty(Arc::new(Schema::new(vec![
        text("catalog_name", true),
        text("db_schema_name", true),
        text("table_name", false),
        text("column_name", false),
        Field::new("key_sequence", DataType::Int32, false),
        text("key_name", true),
    ])))
}

/// Keys that lead from table to table: none.
pub(super) fn foreign_keys() -> RecordBatch {
    let mut fields: Vec<Field> = Vec::new();
    for side in ["pk", "fk"] {
        let one = |name: &str, null| Field::new(format!("{side}_{name}"), DataType::Utf8, null);
        fields.extend([one("catalog_name", true), one("db_schema_name", true)]);
        fields.extend([one("table_name", false), one("column_name", false)]);
    }
    fields.extend([
        Field::new("key_sequence", DataType::Int32, false),
        Field::new("fk_key_name", DataType::Utf8, true),
        Field::new("pk_key_name", DataType::Utf8, true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ]);
    RecordBatch::new_empty(Arc::new(Schema::new(fields)))
}
