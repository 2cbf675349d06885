use super::Millis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Samples of one point, as columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// ms
    pub time: Vec<Millis>,
    /// ms
    pub received: Vec<Option<Millis>>,
    /// Position of the record.
    pub seq: Vec<String>,
    /// As `value` of a point.
    pub value: Vec<serde_json::Value>,
    /// Symbolic name of the status.
    pub quality: Vec<String>,
    /// Severity Good.
    pub good: Vec<bool>,
    /// Backfilled or replayed.
    pub historical: Vec<bool>,
    /// There are more samples than `limit`.
    pub more: bool,
}

/// A trend of one point, as columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Trend {
    /// `raw` (each sample; min = max = avg = value, null when bad) or `buckets`.
    pub mode: String,
    /// Width of a bucket, ms.
    pub bucket_ms: Option<f64>,
    /// Start of the bucket, or time of the sample, ms.
    pub time: Vec<Millis>,
    /// Mean of what is not bad.
    pub avg: Option<Vec<Option<f64>>>,
    /// Lowest.
    pub min: Vec<Option<f64>>,
    /// Highest.
    pub max: Vec<Option<f64>>,
    /// First in the bucket.
    pub first: Vec<Option<f64>>,
    /// Last in the bucket.
    pub last: Vec<Option<f64>>,
    /// Samples in the bucket.
    pub count: Vec<u64>,
    /// Share of good samples or good time, 0-1.
    pub good: Vec<f64>,
}

/// Asking for figures of many points in equal buckets.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AggregateAsk {
    /// At most 1,000 points.
    pub paths: Vec<String>,
    /// ms
    pub from: Millis,
    /// ms; not included.
    pub to: Millis,
    /// Width of a bucket, ms; buckets begin at multiples of it since 1970 UTC. At most 5,000 a point and 500,000 in all.
    pub bucket_ms: f64,
}

/// Figures of many points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Aggregates {
    /// In the order of the question.
    pub points: Vec<Aggregate>,
}

/// Figures of one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Aggregate {
    /// The point.
    pub path: String,
    /// Its buckets; those without a sample are left out.
    pub buckets: Trend,
}

/// What can be asked in SQL.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueryTables {
    /// Tables.
    pub tables: Vec<QueryTable>,
    /// Functions beyond the usual ones.
    pub functions: Vec<QueryFunction>,
    /// To start from.
    pub examples: Vec<QueryExample>,
    /// Where other tools ask the same tables (`postgresql://HOST:PORT/ironbridge`), if SQL is offered to them.
    pub address: Option<String>,
    /// Where other tools ask them in columns, by Arrow Flight SQL (`grpc://HOST:PORT`), if that is offered.
    pub flight: Option<String>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueryTable {
    /// Name.
    pub name: String,
    /// Columns in order.
    pub columns: Vec<QueryColumnText>,
    /// What it holds.
    pub text: String,
}

/// A column, explained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueryColumnText {
    /// Name.
    pub name: String,
    /// SQL type.
    #[serde(rename = "type")]
    pub column_type: String,
    /// What it holds.
    pub text: String,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueryFunction {
    /// Name with its arguments.
    pub name: String,
    /// What it does.
    pub text: String,
}

/// An example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueryExample {
    /// What it answers.
    pub title: String,
    /// The query.
    pub sql: String,
}

/// A query.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryAsk {
    /// One SELECT.
    pub sql: String,
    /// Most rows (at most 100,000, default 10,000).
    #[serde(default)]
    pub limit: Option<usize>,
    /// Chosen by the client, for cancelling.
    #[serde(default)]
    pub id: Option<String>,
}

/// Cancelling a query.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryCancel {
    /// The id that the query was started with.
    pub id: String,
}

/// Exporting a query.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryExport {
    /// One SELECT.
    pub sql: String,
    /// `csv` or `parquet`.
    pub format: FileFormat,
}

/// Format of a file to download.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Comma-separated text (RFC 4180), UTF-8.
    Csv,
    /// Apache Parquet.
    Parquet,
}

/// Rows of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueryResult {
    /// Columns in order.
    pub columns: Vec<QueryColumn>,
    /// Rows; each as long as the columns.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// There were more rows than the limit.
    pub truncated: bool,
    /// ms
    pub elapsed_ms: f64,
    /// Rows read to answer, if known.
    pub rows_scanned: Option<u64>,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueryColumn {
    /// Name.
    pub name: String,
    /// SQL type.
    #[serde(rename = "type")]
    pub column_type: String,
}
