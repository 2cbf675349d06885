//! Siemens S7: S7-300, S7-400, S7-1200 and S7-1500 over ISO on TCP.
//!
//! ```text
//!  file ─ config ─ build ─▶ groups ─ planner ─▶ variables ─▶ requests that fill a PDU
//!                             ▲                                 │
//!                 quarantine ─┘   session: window of jobs, references, time-outs ──▶ wire::s7 ──▶ stream
//! ```
//! Rationale: one CPU has few connections and answers one job a cycle; so there is one connection, every request is
//! filled, no more jobs are under way than the CPU agreed to, and what it refuses costs only the points concerned.
//! `address`, `types`, `clock` and `planner` are pure and tested by tables and properties.

mod address;
mod build;
mod clock;
mod conclude;
mod config;
mod driver;
mod expected;
mod group;
mod planner;
mod probe;
mod session;
mod survey;
#[cfg(test)]
mod tests;
mod types;
mod write;

pub use config::Tag;
pub use probe::PROBE;
pub use survey::{Measured, SURVEYOR};
pub use types::Type;

use super::Driver;
use super::dial::Dial;
use super::survey::measured;
use super::tags::{Plan, Resolved, closed_schema};
use crate::kind::{Built, Claim, Context, Kind, Security};
use config::File;
use driver::S7;
use model::config::{Diagnostic, Document};
use model::expected::ExpectedTraffic;
use transport::Target;
use wire::s7::cotp::Tsap;

/// Siemens S7.
pub static KIND: Kind<dyn Driver> = Kind {
    name: "s7",
    title: "Siemens S7",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("sample.toml"),
};

/// What the page says about its protection.
const SECURITY: &str = "plain S7 communication: anybody on this network can read, write and stop the CPU";

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = KIND.read(document)?;
    let mut plan = Plan::new(document, context, &file.keys);
    let target = Target::Tcp { host: file.host.clone(), port: file.port };
    let endpoint = endpoint_of(&target, build::remote(&file));
    let (measured, about): (Option<Measured>, _) = measured::load(&mut plan, &endpoint);
    let (session, devices) = build::resolve(&mut plan, &file, measured.as_ref());
    let Resolved { classes, points, .. } = plan.finish()?;
    let mut driver = S7::new(Dial::Target(target), session, &classes, devices);
    driver.measured = about;
    driver.witness = context.secrets.witness();
    let to = ExpectedTraffic::to(&context.name, &file.host, file.port, "s7");
    let expected = driver.expected(&to, &points);
    let claims = vec![Claim::Endpoint(format!("s7 {endpoint}"))];
    let security = Security::none(SECURITY);
    Ok(Built { it: Box::new(driver), points, claims, expected, endpoint, security })
}

/// What names the endpoint: address, port and selector.
fn endpoint_of(target: &Target, remote: Tsap) -> String {
    format!("{target} TSAP {remote}")
}
