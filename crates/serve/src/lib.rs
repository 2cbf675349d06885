//! Interfaces that others connect to with the tools they have.
//!
//! ```text
//!  SCADA, MES, OPC UA clients ─▶ opcua ─┬▶ namespace (values, commands)
//!                                       └▶ store (history)
//!  psql, psycopg, JDBC, ODBC, Grafana ─▶ postgres ─▶ sql ─▶ store
//! ```
//! Who may read and write what is decided by `access` and by the principal's part of the plant, the same way as on the
//! page.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod opcua;
pub mod postgres;
