//! SQL over history: DataFusion over the store's segments and head. The only room that links it.
//!
//! ```text
//!   samples, rollup_1m, rollup_1h ─▶ store (only the points and times asked for)
//!   events                        ─▶ store
//!   latest, points, assets        ─▶ Catalog (the namespace; offline the store itself)
//!   lake.NAME                     ─▶ Iceberg tables that destinations fill
//! ```
//!
//! Everything is read-only and runs on one thread of its own with the lowest priority, started by the first query, so
//! that a query that runs away never slows recording. Each query has a bound in time, rows and memory, and can be
//! cancelled by its id. A principal with a prefix sees only points below it, in every table.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod catalog;
mod cells;
mod error;
mod export;
mod filter;
mod functions;
mod json;
mod lake;
mod memory;
pub mod postgres;
mod rows;
mod samples;
mod schema;
mod session;
mod small;
mod wide;
mod worker;

pub use arrow::datatypes::Field;
pub use catalog::{AssetRow, Catalog, Lakes, LatestRow, StoreCatalog};
pub use error::SqlError;
pub use export::Format;
pub use functions::functions;
pub use rows::{Param, Prepared, Rows, Session};
pub use schema::Table;
pub use session::type_name;
pub use worker::{Column, Limits, MEMORY, QueryResult, Sql};
