//! Interfaces that others connect to with the tools they have.
//!
//! ```text
//!  SCADA, MES, OPC UA clients ─▶ opcua ─┬▶ namespace (values, commands)
//!                                       └▶ store (history)
//!  psql, psycopg, JDBC, ODBC, Grafana ─▶ postgres ─┬ door ─▶ sql ─▶ store
//!  pandas, Polars, DuckDB, Spark ──────▶ flight ───┘
//! ```
//! Who may read and write what is decided by `access` and by the principal's part of the plant, the same way as on the
//! page.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod door;
pub mod flight;
pub mod opcua;
mod people;
pub mod postgres;

pub use door::{Options, RoleLimits, Server, Status};
