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
mod group;
mod planner;
mod probe;
mod session;
#[cfg(test)]
mod tests;
mod types;
mod write;

pub use config::Tag;
pub use probe::PROBE;
pub use types::Type;

use super::Driver;
use super::dial::Dial;
use super::tags::{Plan, Resolved, closed_schema};
use crate::kind::{Built, Claim, Context, Kind, Security};
use config::File;
use driver::S7;
use group::{Place, Read};
use model::Access;
use model::config::{Diagnostic, Document};
use model::expected::ExpectedTraffic;
use std::net::IpAddr;
use transport::Target;
use wire::s7::table::{READ, WRITE};

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
    let (session, devices) = build::resolve(&mut plan, &file);
    let Resolved { classes, points, .. } = plan.finish()?;
    let target = Target::Tcp { host: file.host.clone(), port: file.port };
    let endpoint = format!("{target} TSAP {}", session.remote);
    let driver = S7::new(Dial::Target(target), session, &classes, devices);
    let expected = driver.expected(&context.name, file.host.parse().ok(), file.port, |index| {
        points.get(index).is_some_and(|point| point.access != Access::Read)
    });
    let claims = vec![Claim::Endpoint(format!("s7 {endpoint}"))];
    let security = Security::none(SECURITY);
    Ok(Built { it: Box::new(driver), points, claims, expected, endpoint, security })
}

impl S7 {
    /// Every request that the plan may send.
    fn expected(
        &self,
        connection: &str,
        address: Option<IpAddr>,
        port: u16,
        writable: impl Fn(usize) -> bool,
    ) -> Vec<ExpectedTraffic> {
        let traffic = |function: u8, db: u16, first: u32, count: u16| ExpectedTraffic {
            connection: connection.to_owned(),
            address,
            port,
            protocol: "s7",
            unit: db.into(),
            function,
            first,
            count: count.into(),
        };
        let mut expected = Vec::new();
        let layout = self.layout();
        for (book, layout) in self.groups.iter().zip(&layout.groups) {
            for read in &book.reads {
                match &**read {
                    Read::Memory(chunks) => expected.extend(chunks.iter().map(|chunk| {
                        traffic(READ, chunk.span.region.db, chunk.span.first, chunk.span.width)
                    })),
                    // User data has no function code of its own.
                    Read::List { id, .. } => expected.push(traffic(0, 0, (*id).into(), 1)),
                }
            }
            let rows = book.rows.iter().zip(&layout.points).filter(|(_, index)| writable(**index));
            expected.extend(rows.filter_map(|(row, _)| match row.place {
                Place::Memory(span) => Some(traffic(WRITE, span.region.db, span.first, span.width)),
                Place::Cpu(_) => None,
            }));
        }
        expected
    }
}
