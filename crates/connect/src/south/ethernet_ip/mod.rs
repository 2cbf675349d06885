//! EtherNet/IP (CIP): tags of ControlLogix, CompactLogix and compatible controllers.
//!
//! ```text
//!  file ─ config ─ build ─▶ groups of rows ─ plan ─▶ packets of tags
//!                             ▲      ▲                  │
//!       catalog (tag list) ───┘      └── quarantine ◀───┤   target: connection, route, change of program
//!                                                       └─▶ line: one request, one answer ─▶ wire::enip ─▶ stream
//! ```
//! Rationale: the controller knows the type of each tag and says it in each answer, so the file need not; what the file
//! says is held against it. Each tag of a packet answers for itself, so a tag that is not there spoils no other. When the
//! program was changed, everything that was learned of tags is learned anew, without a restart.

mod browse;
mod build;
mod catalog;
mod config;
mod driver;
mod expected;
mod group;
pub(super) mod line;
mod probe;
mod read;
mod route;
mod survey;
mod target;
#[cfg(test)]
mod tests;
mod value;
mod write;

pub use browse::BROWSER;
pub use catalog::{Catalog, Leaf, Leaves, list_tags};
pub use config::Tag;
pub use probe::PROBE;
pub use survey::{Measured, SURVEYOR};
pub use value::Type;

use super::Driver;
use super::survey::measured;
use super::tags::{Plan, Resolved, closed_schema};
use crate::kind::{Built, Claim, Context, Kind, Security};
use config::File;
use driver::EtherNetIp;
use model::config::{Diagnostic, Document};
use model::expected::ExpectedTraffic;
use transport::Target;

/// EtherNet/IP.
pub static KIND: Kind<dyn Driver> = Kind {
    name: "ethernet-ip",
    title: "EtherNet/IP (Rockwell Logix and compatible)",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("sample.toml"),
};

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = KIND.read(document)?;
    let mut plan = Plan::new(document, context, &file.keys);
    let target = Target::Tcp { host: file.host.clone(), port: file.port };
    let endpoint = target.to_string();
    let (measured, about): (Option<Measured>, _) = measured::load(&mut plan, &endpoint);
    let (controllers, groups) = build::resolve(&mut plan, &file, measured.as_ref());
    let Resolved { timing, classes, points } = plan.finish()?;
    let groups: Vec<_> = groups
        .into_iter()
        .map(|(class, mut layout, rows)| {
            (layout.class, layout.period) = classes.get(class).cloned().unwrap_or_default();
            (layout, rows)
        })
        .collect();
    let to = ExpectedTraffic::to(&context.name, &file.host, file.port, "enip");
    let mut driver = EtherNetIp::new(target, timing, controllers, groups);
    driver.measured = about;
    Ok(Built {
        expected: driver.expected(&to, &points),
        it: Box::new(driver),
        points,
        claims: vec![Claim::Endpoint(format!("ethernet-ip {endpoint}"))],
        endpoint,
        security: Security::none(
            "plain EtherNet/IP: anybody on this network can read and write the controller",
        ),
    })
}
