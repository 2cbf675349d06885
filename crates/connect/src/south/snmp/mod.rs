//! SNMP: v2c and v3 managers of switches, power supplies, printers, encoders, building equipment.
//!
//! ```text
//!  file ─ config ─ build ─▶ rows (OID, type) ─▶ speaker: GETs of bounded size ─▶ sheet ─▶ link
//! ```
//! Rationale: the protocol itself (BER, the user-based security model) is async-snmp's; here stands what a plant needs of
//! it: types that are declared and not guessed, one absent object that spoils nothing, a restart that is noticed.

mod config;
mod credentials;
mod names;
mod oid;
mod probe;
mod speaker;
mod traps;
mod types;

pub use probe::PROBE;
pub use traps::KIND as TRAPS;

use super::tags::{Plan, Resolved, Source, Wrong, closed_schema, portions};
use super::turns::Turns;
use super::{DeviceLayout, Driver, GroupLayout};
use crate::kind::{Built, Claim, Context, Kind};
use config::{File, Tag as Entry};
use credentials::{Credentials, security};
use model::config::{Diagnostic, Document};
use model::expected::{ExpectedTraffic, named_space};
use model::{Access, Declaration};
use speaker::{Row, Snmp};
use std::sync::Arc;

/// SNMP v2c and v3.
pub static KIND: Kind<dyn Driver> = Kind {
    name: "snmp",
    title: "SNMP",
    schema: closed_schema::<File>,
    build,
    sample: include_str!("sample.toml"),
};

/// What to write where no tag is.
const EXAMPLE: &str = "[device.switch.tags] with port_1 = { at = \"ifOperStatus.1\" }";

/// One tag, resolved.
struct Point {
    row: Row,
    class: usize,
    index: usize,
}

fn build(document: &Document, context: &Context) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let file: File = KIND.read(document)?;
    let mut plan = Plan::new(document, context, &file.keys);
    let credentials = Credentials::resolve(&mut plan, &[], &file.who);
    let mut devices = Vec::new();
    for (name, device) in &file.device {
        let home = plan.device(name, &device.keys);
        let mut points: Vec<Point> = Vec::new();
        plan.tags(&home, &device.tags, |plan, tag, entry| points.extend(resolve(plan, tag, entry)));
        devices.push((name.clone(), points));
    }
    plan.expect_tags(EXAMPLE);
    let Resolved { timing, classes, points } = plan.finish()?;
    let (mut groups, mut rows) = (Vec::new(), Vec::new());
    let mut layouts = Vec::new();
    for (index, (name, mut points)) in devices.into_iter().enumerate() {
        layouts.push(DeviceLayout { name, unit: String::new(), excluded: Vec::new() });
        points.sort_by(|a, b| a.row.oid.arcs().cmp(b.row.oid.arcs()));
        for (class, points) in portions(points, |point| point.class) {
            let (name, period) = classes.get(class).cloned().unwrap_or_default();
            let indices = points.iter().map(|point| point.index).collect();
            groups.push(GroupLayout { device: index, class: name, period, points: indices });
            rows.push(points.into_iter().map(|point| point.row).collect());
        }
    }
    let to = ExpectedTraffic::to(&context.name, &file.host, file.port, "snmp");
    let expected = expected(to, &groups, &rows, &points);
    let layout = timing.layout(layouts, groups);
    let endpoint = format!("{}:{}", bracketed(&file.host), file.port);
    let security = security(&file.who);
    let speaker =
        Snmp::new((file.host, file.port), credentials, timing, file.max_objects.into(), layout, rows);
    Ok(Built {
        it: Box::new(Turns::new(speaker)),
        points,
        claims: vec![Claim::Endpoint(format!("snmp {endpoint}"))],
        expected,
        endpoint,
        security,
    })
}

/// The connection itself, and every object that may be set.
fn expected(
    to: ExpectedTraffic,
    groups: &[GroupLayout],
    rows: &[Vec<Row>],
    points: &[Arc<Declaration>],
) -> Vec<ExpectedTraffic> {
    let mut expected = vec![to.clone()];
    for (row, index) in groups.iter().zip(rows).flat_map(|(group, rows)| rows.iter().zip(&group.points)) {
        let point = points.get(*index).filter(|point| point.access != Access::Read);
        expected.extend(point.map(|point| ExpectedTraffic {
            space: named_space(row.oid.to_string().as_bytes()),
            count: 1,
            point: Some(Arc::clone(point)),
            ..to.clone()
        }));
    }
    expected
}

fn resolve(plan: &mut Plan<'_>, tag: &super::tags::Tag<'_>, entry: &Entry) -> Option<Point> {
    let (oid, known) = oid::parse(&entry.at).map_err(|wrong| plan.wrong(tag, "at", wrong)).ok()?;
    let Some(kind) = entry.kind.or(known) else {
        let help =
            "write type = \"integer\", \"counter\", \"text\" or another; the device's MIB file says which";
        plan.wrong(
            tag,
            "at",
            Wrong::new("`type` is missing: this object is not among those known by name", help),
        );
        return None;
    };
    if entry.keys.write.is_some() && !kind.is_writable() {
        let message = format!("a {} is counted by the device and cannot be written", kind.name());
        plan.wrong(tag, "write", Wrong::new(message, "leave out `write`"));
    }
    let words = format!("{} {}", entry.at.trim(), kind.name());
    let slot = plan.point(tag, Source { value: kind.value_type(), words })?;
    Some(Point { row: Row { oid, kind, scaling: slot.scaling }, class: slot.class, index: slot.index })
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests;
