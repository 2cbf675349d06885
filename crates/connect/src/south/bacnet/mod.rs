//! BACnet/IP: controllers, sensors and drives of buildings and their plant (ANSI/ASHRAE 135).
//!
//! ```text
//!  file ─ config ─ build ─▶ rows ─ planner ─▶ ReadPropertyMultiple, filled ──┐
//!                             ▲                                              ├─▶ exchange ─▶ socket ─▶ devices, routers
//!                 quarantine ─┘   session: one request a device, ── cov ─────┘
//!                                 time-outs, subscriptions, registration at a BBMD
//! ```
//! Rationale: a controller on a slow line behind a router answers one question at a time, so each gets one at a time, and
//! a dead one never stalls its neighbours. `object`, `types`, `moment` and `planner` are pure and tested by tables and
//! properties; parts of long answers are `wire`'s.

mod browse;
mod build;
mod conclude;
mod config;
mod cov;
mod driver;
mod expected;
mod group;
mod moment;
mod object;
mod planner;
mod probe;
mod registration;
mod session;
mod socket;
#[cfg(test)]
mod tests;
mod types;
mod units;
mod write;

pub use browse::BROWSER;
pub use probe::PROBE;

use super::Driver;
use super::tags::{Plan, Resolved, closed_schema};
use crate::kind::{Built, Claim, Context, Kind, Security};
use build::Endpoint;
use config::File;
use driver::Bacnet;
use model::config::{Diagnostic, Document};
use socket::Door;

/// BACnet/IP.
pub static KIND: Kind<dyn Driver> = Kind {
    name: "bacnet-ip",
    title: "BACnet/IP",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("sample.toml"),
};

/// What the page says about its protection.
const SECURITY: &str = "plain BACnet/IP, no password and no encryption: anybody on this network can read, command and switch off the equipment";

/// Service choices (21) that the driver sends.
const READ: u8 = 12;
const READ_MULTIPLE: u8 = 14;
const WRITE: u8 = 15;
const SUBSCRIBE: u8 = 5;

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = KIND.read(document)?;
    let mut plan = Plan::new(document, context, &file.keys);
    let (endpoint, devices) = build::resolve(&mut plan, &file);
    plan.expect_tags(build::EXAMPLE);
    let Resolved { classes, points, .. } = plan.finish()?;
    let words = words(&endpoint);
    let mut claims = vec![Claim::Endpoint(format!("bacnet-ip {words}"))];
    if endpoint.local_port != 0 {
        claims.push(Claim::Listen { protocol: "udp", address: format!("0.0.0.0:{}", endpoint.local_port) });
    }
    let driver = Bacnet::new(Door::Udp(endpoint.local_port), endpoint, &classes, devices);
    let expected = driver.expected(&context.name, &points);
    let security = Security::none(SECURITY);
    Ok(Built { it: Box::new(driver), points, claims, expected, endpoint: words, security })
}

fn words(endpoint: &Endpoint) -> String {
    match (&endpoint.host, &endpoint.bbmd) {
        (Some((host, port)), None) => format!("{host}:{port}"),
        (Some((host, port)), Some(bbmd)) => format!("{host}:{port} (BBMD {}:{})", bbmd.host, bbmd.port),
        (None, bbmd) => bbmd.as_ref().map(|bbmd| format!("{}:{}", bbmd.host, bbmd.port)).unwrap_or_default(),
    }
}
