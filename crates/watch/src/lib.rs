//! The OT security monitor: watches packets, says who is there, who talks to whom about what, and what is dangerous.
//!
//! ```text
//!   packet ─▶ wire::net ─▶ flow ─▶ stream (TCP put together) ─▶ decoder of the protocol ─▶ operations, identities, points
//!                                                                                   │
//!     Report ◀── hosts · links · points · findings ◀── rules ◀──────────────────────┘
//! ```
//!
//! A pure core: packets in, a [`Report`] out; no file, no clock, no socket. Time is that of the packets. All tables are
//! bounded by [`Limits`] and everything that does not fit is counted in [`Coverage`]: "no findings" is never said
//! without what was not seen.
//!
//! Rationale: decoders only say what they saw ([`Operation`]); rules judge. A rule is a function of one operation and what
//! is already known of its link and hosts, so that it can be read, tested and trusted alone.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod baseline;
pub mod book;
mod core;
mod coverage;
mod decode;
pub mod detect;
pub mod fair;
mod findings;
mod flow;
mod fragments;
mod guard;
mod hosts;
mod impostor;
mod limits;
mod links;
mod monitor;
mod operation;
mod points;
mod protocol;
mod publishers;
pub mod recent;
pub mod report;
mod stream;
mod sweep;
mod text;
mod vendor;

pub use baseline::Baseline;
pub use coverage::Coverage;
pub use detect::{Rule, Technique};
pub use guard::{Announced, Authorised, Expected, Explained, Mode, Reply, Window};
pub use hosts::{Evidence, Field};
pub use limits::Limits;
pub use monitor::{Monitor, Packet};
pub use operation::{Body, Effect, Kind, Operation, Outcome};
pub use protocol::{Protocol, Realm};
pub use report::Report;
pub use vendor::vendor;
