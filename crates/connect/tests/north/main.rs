//! Destinations against real servers: mosquitto with an independent decoder of Sparkplug payloads, PostgreSQL,
//! nats-server, rsyslog, VictoriaMetrics, an S3 store with readers of Iceberg, a web server in Python.
//!
//! Each test starts a server of its own on a free loopback port. A machine without it skips them, loudly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod broker;
mod collectors;
mod cost;
mod database;
mod files;
mod hostile;
mod kafka;
mod kafka_door;
mod lake;
mod mqtt;
mod nats;
mod otlp;
mod outage;
mod past;
mod postgres;
mod prove;
#[path = "../../../lake/tests/it/reader.rs"]
mod reader;
mod sparkplug;
#[path = "../../../lake/tests/it/store.rs"]
mod store;
mod support;
