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
use model::expected::{ExpectedTraffic, named_space};
use model::{Access, Declaration};
use std::sync::Arc;
use transport::Target;
use wire::enip::Segment;
use wire::enip::table::service;

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

impl EtherNetIp {
    /// Every kind of request that the driver may send, for each controller, and every tag that may be written.
    fn expected(&self, to: &ExpectedTraffic, points: &[Arc<Declaration>]) -> Vec<ExpectedTraffic> {
        let writes = points.iter().any(|point| point.access != Access::Read);
        let reads = [
            service::MULTIPLE,
            service::READ_TAG,
            service::READ_TAG_FRAGMENTED,
            service::GET_ATTRIBUTES_ALL,
            service::GET_ATTRIBUTE_LIST,
            service::GET_INSTANCE_ATTRIBUTE_LIST,
            service::FORWARD_OPEN,
            service::LARGE_FORWARD_OPEN,
            service::FORWARD_CLOSE,
        ];
        let writing: &[u8] = if writes { &[service::WRITE_TAG, service::READ_MODIFY_WRITE] } else { &[] };
        let mut expected = Vec::new();
        for controller in &self.controllers {
            let slot = controller.reach.route.0.last().and_then(|segment| match segment {
                Segment::Port { link, .. } => link.first().copied(),
                _ => None,
            });
            expected.extend(reads.iter().chain(writing).map(|function| ExpectedTraffic {
                unit: slot.unwrap_or(0).into(),
                function: *function,
                ..to.clone()
            }));
        }
        for (book, layout) in self.groups.iter().zip(&self.layout().groups) {
            for (row, index) in book.rows.iter().zip(&layout.points) {
                // Which word of an array of bits is written is learned from the controller.
                let writes =
                    |point: &&Arc<Declaration>| point.access != Access::Read && row.codec.bit.is_none();
                let point = points.get(*index).filter(writes);
                let mut path = Vec::new();
                row.asked.path().emit(&mut path);
                expected.extend(point.map(|point| ExpectedTraffic {
                    function: service::WRITE_TAG,
                    space: named_space(&path),
                    count: 1,
                    point: Some(Arc::clone(point)),
                    ..to.clone()
                }));
            }
        }
        expected
    }
}
