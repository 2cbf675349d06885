//! The HTTP API, server-sent events and the embedded web interface.
//!
//! ```text
//! browser ─▶ server (limits, TLS, host) ─▶ guard (rate, identity, CSRF, role) ─▶ routes ─▶ namespace, store, access
//!                                                                                └▶ Plant, Query: the binary's traits
//! ```
//! Rationale: one table of routes (`routes/mod.rs`) makes the router, the guard and the OpenAPI document. Whatever is
//! large or frequent is written as JSON by hand into one buffer (`json.rs`). A hostile client meets limits before it
//! meets memory (`limits.rs`).
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod answer;
mod assets;
mod auth;
mod chosen;
mod configuration;
mod discover;
mod error;
mod extract;
mod guard;
mod history;
pub mod inbox;
mod json;
mod limits;
mod local;
mod metrics;
mod monitor;
mod overview;
mod pages;
mod plant;
mod point_json;
mod point_metrics;
mod quality_index;
mod rate;
mod routes;
mod server;
pub mod shapes;
mod sheet;
mod state;
mod streams;

pub use axum::body::Body;
pub use configuration::Configuration;
pub use discover::Discover;
pub use error::ApiError;
pub use history::{Figures, History, Sample, Span};
pub use limits::Limits;
pub use local::Local;
pub use monitor::{FindingAct, Monitor, NoMonitor};
pub use plant::{Asset, AssetType, Facts, Pausable, Plant, Problem, ProblemKind, Query, TypePart, TypePoint};
pub use rate::Rate;
pub use routes::openapi;
pub use server::{Options, Server, serve};
pub use sheet::{CellKind, Column, Sheet};
pub use state::App;
